//! The segments between two samples of a connection.
//!
//! The numbers come from the `TCP_INFO` of both ends, each of which counts what it has sent and received. Their kinds follow
//! from the states: an end that enters FIN_WAIT_1 has sent its FIN as soon as nothing is left unsent.
//!
//! A socket in TIME_WAIT has no `TCP_INFO`, and a closed one neither. For these the counters of the whole machine stand
//! in, if they counted exactly what the states require. If they counted more, other connections were busy, and the number
//! is unknown.

use super::kernel::{Counters, End, Info, State};
use super::ladder::{Actor, Segments, Side, Source};

/// What is known of a connection at one moment.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sample {
    pub client: End,
    pub server: End,
    pub counters: Option<Counters>,
}

/// What one end has sent between two samples.
#[derive(Debug, Clone, Copy, Default)]
struct Sent {
    /// `None` if no `TCP_INFO` tells.
    segments: Option<u32>,
    data: u32,
    bytes: u64,
    syn: bool,
    fin: bool,
    rst: bool,
    /// The data had waited for a window, and no `TCP_INFO` counts it.
    waited: bool,
    /// It has opened the window for which the peer's data had waited. That takes a segment.
    opened_window: bool,
    /// It has acknowledged the peer's FIN.
    acked_fin: bool,
    is_again: bool,
}

/// Returns the segments that a step has sent, in their order.
pub fn between(before: &Sample, after: &Sample, actor: Actor) -> Vec<Segments> {
    let counted = match (before.counters, after.counters) {
        (Some(before), Some(after)) => Some(after.since(before)),
        _ => None,
    };
    let resets = counted.map_or(0, |counted| counted.resets);
    let mut client = sent((before.client, after.client), (before.server, after.server));
    let mut server = sent((before.server, after.server), (before.client, after.client));
    let ended = |side: (End, End)| is_open(side.0) && !is_open(side.1);
    // A reset ends both ends at once, except for one that is in TIME_WAIT.
    let is_reset = resets > 0
        && (ended((before.client, after.client)) || ended((before.server, after.server)))
        && after.client.state != Some(State::TimeWait)
        && after.server.state != Some(State::TimeWait);
    if is_reset {
        let by_client = match actor {
            Actor::Client => ended((before.client, after.client)) && is_open(before.server),
            _ => !is_open(before.server),
        };
        (client.rst, server.rst) = (by_client, !by_client);
        (client.fin, server.fin) = (false, false);
    }
    client.opened_window = server.waited && actor == Actor::Client;
    server.opened_window = client.waited && actor == Actor::Server;
    // A SYN that nobody has answered is sent again.
    let is_again = before.client.state == Some(State::SynSent) && client.segments.unwrap_or(0) > 0;
    client.syn = is_again || is_new(before.client, after.client);
    server.syn = is_new(before.server, after.server);
    let client_first = match actor {
        Actor::Client => true,
        Actor::Server => false,
        // A server that only acknowledges has answered.
        Actor::Timer => client.syn || client.fin || client.data > 0 || server.segments == Some(0),
    };
    let order = if client_first {
        [(client, Side::Server), (server, Side::Client)]
    } else {
        [(server, Side::Client), (client, Side::Server)]
    };
    let known: u32 = order.iter().filter_map(|(sent, _)| sent.segments).sum();
    let required: u32 =
        order.iter().filter(|(sent, _)| sent.segments.is_none()).map(|(sent, _)| sent.required()).sum();
    let is_confirmed = counted.is_some_and(|counted| counted.segments == u64::from(known + required));
    let [first, second] = order.map(|(sent, to)| sent.segments(to, is_confirmed));
    // The ACK of the handshake is the client's second segment, and comes last.
    let begin = if client.syn { first.len().min(1) } else { first.len() };
    let (begin, end) = first.split_at(begin);
    [begin, &second, end].concat()
}

fn is_open(end: End) -> bool {
    end.state.is_some_and(State::is_open)
}

/// Returns whether the end has begun to exist.
fn is_new(before: End, after: End) -> bool {
    !is_open(before) && is_open(after)
}

/// Returns whether the end has sent its FIN.
fn has_sent_fin(end: End) -> bool {
    match end.state {
        Some(State::FinWait1 | State::Closing | State::LastAck) => {
            end.info.is_none_or(|info| info.notsent_bytes == 0)
        }
        Some(State::FinWait2 | State::TimeWait) => true,
        _ => false,
    }
}

/// Returns what the end `own` has sent, as it counts that itself, or as its peer does.
fn sent(own: (End, End), peer: (End, End)) -> Sent {
    let count = |pair: (End, End), field: fn(&Info) -> u64| -> Option<u64> {
        let after = pair.1.info?;
        match (pair.0.info, is_open(pair.0)) {
            (Some(before), _) => field(&after).checked_sub(field(&before)),
            (None, false) => Some(field(&after)),
            (None, true) => None,
        }
    };
    let either =
        |out: fn(&Info) -> u64, into: fn(&Info) -> u64| count(own, out).or_else(|| count(peer, into));
    let segments = either(|info| info.segs_out.into(), |info| info.segs_in.into());
    let data = either(|info| info.data_segs_out.into(), |info| info.data_segs_in.into());
    let bytes = either(|info| info.bytes_sent, |info| info.bytes_received);
    // The passive side's last FIN ends it, as soon as it is acknowledged.
    let could_end = matches!(own.0.state, Some(State::CloseWait | State::LastAck));
    let ends_by_fin = could_end && !has_sent_fin(own.0) && !is_open(own.1);
    let fin = (has_sent_fin(own.1) && !has_sent_fin(own.0)) || ends_by_fin;
    let was_unacknowledged = matches!(
        peer.0.state,
        Some(State::FinWait1 | State::Closing | State::LastAck | State::Established | State::CloseWait)
    );
    let has_it = matches!(peer.1.state, Some(State::FinWait2 | State::TimeWait))
        || (matches!(peer.0.state, Some(State::LastAck | State::CloseWait)) && !is_open(peer.1));
    // What was unsent before a FIN that has arrived has arrived as well: at least one segment, and the FIN rides on it.
    let unsent = own.0.info.filter(|_| segments.is_none() && fin).map_or(0, |info| info.notsent_bytes);
    let unsent = u64::from(unsent.saturating_sub(1));
    Sent {
        segments: segments.map(|count| count as u32),
        data: data.unwrap_or(u64::from(unsent > 0)) as u32,
        bytes: bytes.unwrap_or(unsent),
        waited: unsent > 0,
        fin,
        acked_fin: was_unacknowledged && has_it,
        is_again: count(own, |info| info.total_retrans.into()).unwrap_or(0) > 0,
        ..Sent::default()
    }
}

impl Sent {
    /// Returns how many segments the states require at least.
    fn required(self) -> u32 {
        u32::from(self.syn)
            + u32::from(self.fin)
            + u32::from(self.rst)
            + u32::from(self.acked_fin && !self.fin)
            + u32::from(self.opened_window)
    }

    /// Returns the segments in the order in which an end sends them.
    fn segments(self, to: Side, is_confirmed: bool) -> Vec<Segments> {
        let source = if self.segments.is_some() { Source::TcpInfo } else { Source::Counters };
        let counted = |count: u32| (source == Source::TcpInfo || is_confirmed).then_some(count);
        let mut plain = Segments {
            to,
            count: counted(1),
            bytes: 0,
            syn: false,
            ack: false,
            fin: false,
            rst: false,
            acks_fin: false,
            is_again: self.is_again,
            source,
        };
        let mut all = Vec::new();
        let mut left = self.segments.unwrap_or(self.required());
        if self.syn {
            all.push(Segments { syn: true, ack: to == Side::Client, ..plain });
            plain.is_again = false;
            left = left.saturating_sub(1);
        }
        if self.rst {
            all.push(Segments { rst: true, ..plain });
            left = left.saturating_sub(1);
        }
        let rides = self.fin && self.data > 0 && left == self.data;
        if self.data > 0 {
            left = left.saturating_sub(self.data);
            // Without an ACK of its own, the data is what acknowledged the peer's FIN.
            let acks_fin = self.acked_fin && left == 0;
            let (count, bytes) = (counted(self.data), self.bytes);
            all.push(Segments { count, bytes, fin: rides, ack: rides && acks_fin, acks_fin, ..plain });
        }
        if self.fin && !rides {
            left = left.saturating_sub(1);
            // Or the FIN is.
            let acks_fin = self.acked_fin && left == 0;
            all.push(Segments { fin: true, ack: acks_fin, acks_fin, ..plain });
        }
        if left > 0 {
            all.push(Segments { count: counted(left), ack: true, acks_fin: self.acked_fin, ..plain });
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live(state: State, segs_out: u32, segs_in: u32) -> End {
        let info = Info { segs_out, segs_in, ..Info::default() };
        End { state: Some(state), info: Some(info), ..End::default() }
    }

    fn gone(state: State) -> End {
        End { state: Some(state), ..End::default() }
    }

    fn sample(client: End, server: End, segments: u64, resets: u64) -> Sample {
        let counters = Counters { segments, retransmissions: 0, resets };
        Sample { client, server, counters: Some(counters) }
    }

    /// Returns the segments as text, such as `>SYN` for one to the server, or `<2ACK`.
    fn shown(before: Sample, after: Sample, actor: Actor) -> Vec<String> {
        let name = |segments: &Segments| {
            let arrow = if segments.to == Side::Server { '>' } else { '<' };
            let count = match segments.count {
                Some(1) => String::new(),
                Some(count) => count.to_string(),
                None => "?".into(),
            };
            let kinds = [
                (segments.bytes > 0, "data"),
                (segments.syn, "SYN"),
                (segments.fin, "FIN"),
                (segments.rst, "RST"),
                (segments.ack, "ACK"),
            ];
            let kinds: Vec<_> = kinds.iter().filter(|(is_set, _)| *is_set).map(|(_, name)| *name).collect();
            format!("{arrow}{count}{}", kinds.join("+"))
        };
        between(&before, &after, actor).iter().map(name).collect()
    }

    #[test]
    fn a_connect_sends_three_segments_in_their_order() {
        let before = sample(gone(State::Closed), gone(State::Listen), 10, 0);
        let after = sample(live(State::Established, 2, 1), live(State::Established, 1, 1), 13, 0);
        assert_eq!(shown(before, after, Actor::Client), [">SYN", "<SYN+ACK", ">ACK"]);
        let dropped = sample(live(State::SynSent, 1, 0), gone(State::Listen), 11, 0);
        assert_eq!(shown(before, dropped, Actor::Client), [">SYN"]);
    }

    #[test]
    fn a_fin_rides_on_data_if_no_other_segment_was_sent() {
        let before = sample(live(State::Established, 3, 2), live(State::Established, 2, 3), 0, 0);
        let mut server = live(State::FinWait1, 3, 3);
        (server.info.as_mut().unwrap().data_segs_out, server.info.as_mut().unwrap().bytes_sent) = (1, 126);
        let after = sample(live(State::CloseWait, 3, 3), server, 1, 0);
        assert_eq!(shown(before, after, Actor::Server), ["<data+FIN"]);
        server.info.as_mut().unwrap().segs_out = 4;
        let after = sample(live(State::CloseWait, 3, 4), server, 2, 0);
        assert_eq!(shown(before, after, Actor::Server), ["<data", "<FIN"]);
    }

    #[test]
    fn a_fin_that_waits_behind_data_is_not_sent() {
        let before = sample(live(State::Established, 3, 2), live(State::Established, 2, 3), 0, 0);
        let mut server = live(State::FinWait1, 2, 3);
        server.info.as_mut().unwrap().notsent_bytes = 1001;
        assert_eq!(shown(before, sample(before.client, server, 0, 0), Actor::Server), [""; 0]);
    }

    #[test]
    fn the_last_segments_come_from_the_counters_if_nobody_else_has_sent_any() {
        let before = sample(live(State::CloseWait, 3, 3), live(State::FinWait1, 3, 3), 100, 0);
        let ends = (gone(State::Closed), gone(State::TimeWait));
        assert_eq!(shown(before, sample(ends.0, ends.1, 102, 0), Actor::Client), [">FIN+ACK", "<ACK"]);
        assert_eq!(shown(before, sample(ends.0, ends.1, 105, 0), Actor::Client), [">?FIN+ACK", "<?ACK"]);
        let silent = Sample { counters: None, ..sample(ends.0, ends.1, 0, 0) };
        assert_eq!(shown(before, silent, Actor::Client), [">?FIN+ACK", "<?ACK"]);
    }

    #[test]
    fn a_reset_comes_from_the_side_that_has_closed() {
        let before = sample(live(State::Established, 3, 3), live(State::Established, 3, 3), 7, 1);
        let after = sample(gone(State::Closed), gone(State::Closed), 8, 2);
        assert_eq!(shown(before, after, Actor::Server), ["<RST"]);
        assert_eq!(shown(before, after, Actor::Client), [">RST"]);
    }

    #[test]
    fn counters_that_go_back_are_unknown() {
        let before = sample(live(State::Established, 9, 9), live(State::Established, 9, 9), 0, 0);
        let after = sample(live(State::Established, 1, 1), live(State::Established, 1, 1), 0, 0);
        assert_eq!(shown(before, after, Actor::Timer), [""; 0]);
    }
}
