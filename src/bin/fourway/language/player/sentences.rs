//! The sentences that each language has.

/// Makes the struct of sentences, and the list of its fields for the page.
macro_rules! sentences {
    ($($field:ident),* $(,)?) => {
        pub struct Sentences {
            $(pub $field: &'static str,)*
        }

        impl Sentences {
            /// Returns each sentence with its name.
            pub fn all(&self) -> Vec<(&'static str, &'static str)> {
                vec![$((stringify!($field), self.$field)),*]
            }
        }
    };
}

sentences! {
    // The page.
    other_language, skip, step, turn, source, pace, play, pause, first, back, forward, last, slider, keys,
    states, connection, nobody_yet, accept, reading, responding, closing, gone, host,
    kernels, client, server, unread, got, room, no_limit, held, unseen,
    ready, ready_is, empty, lists, lists_are, state, timeout, waiting,
    buffers, buffers_are, record, head, out, body,
    calls, all, bad_lines, lost_records, cut_off, no_steps, diagram_says,
    // What a step is.
    turn_begins, turn_ends, readiness, readiness_listener, stale,
    call_bytes, call_bytes_of, call_error, call_done, call_listener_error, call_listener_done,
    changes, accepted, closed, responds_to, response, refused, later, dropped, armed, cancelled, fired, queued, dequeued, lent, returned,
    connects, sends, reads, stops_reading, fin, closes, resets, client_does, kernel_does, host_does, gap, other,
    // What it means.
    mean_turn_begins, mean_turn_sleeps, mean_turn_more, mean_turn_for_ever,
    mean_edge, mean_edge_listener, mean_stale,
    mean_recv_short, mean_recv_full, mean_recv_end, mean_recv_would_block, mean_send_all, mean_send_short,
    mean_send_would_block, mean_accept, mean_accept_would_block, mean_accept_error, mean_shutdown, mean_register,
    mean_accepted, mean_closed_by_peer, mean_closed_by_server, mean_response, mean_refused, mean_later, mean_dropped,
    mean_armed, mean_cancelled, mean_fired, mean_queued, mean_dequeued, mean_lent, mean_returned,
    mean_why, mean_received, mean_idle, mean_connects, mean_fin, mean_resets, mean_stops_reading, mean_sends, mean_reads,
    mean_closes, mean_broken,
}
