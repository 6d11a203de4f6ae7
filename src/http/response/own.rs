//! A handler's headers, and those among them that the server writes by itself.

use super::draft::Draft;
use super::writer::{VALUE_BYTES, Writer};
use crate::http::bytes::TOKEN;
use crate::http::fields::list;

/// The end of the line before the date, and the header's name.
const DATE: &[u8] = b"\r\nDate: ";

impl Writer<'_> {
    /// Writes one header of the handler's, unless it is one that the server [writes by itself](Self::take_own).
    pub(crate) fn field(&mut self, draft: &mut Draft, name: &str, value: &[u8]) {
        if self.take_own(draft, name, value) {
            return;
        }
        if name.is_empty() || !TOKEN.contains_all(name.as_bytes()) {
            draft.fault = Some("a header's name is not a token");
        }
        self.push(b"\r\n");
        self.push(name.as_bytes());
        self.push(b": ");
        self.value(draft, value);
    }

    /// Writes an interim response (RFC 9110 §15.2).
    #[cold]
    pub(crate) fn inform<'h>(
        &mut self,
        draft: &mut Draft,
        status: u16,
        headers: impl IntoIterator<Item = (&'h str, &'h str)>,
    ) {
        if !(100..=199).contains(&status) || status == 101 {
            draft.fault = Some("an interim response has a status from 100 to 199, but not 101");
        }
        self.push_status_line(status);
        for (name, value) in headers {
            self.field(draft, name, value.as_bytes());
        }
        self.push(b"\r\n\r\n");
    }

    /// Takes a header that the server writes by itself. Returns whether it is one.
    #[inline]
    fn take_own(&mut self, draft: &mut Draft, name: &str, value: &[u8]) -> bool {
        // Comparing lengths first spares most headers any comparison of names.
        let is = |own: &str| name.eq_ignore_ascii_case(own);
        match name.len() {
            4 if is("Date") => self.replace_date(draft, value),
            10 if is("Connection") => self.take_connection(draft, value),
            14 if is("Content-Length") => draft.fault = Some(FRAMING),
            17 if is("Transfer-Encoding") => draft.fault = Some(FRAMING),
            _ => return false,
        }
        true
    }

    /// Writes the handler's date over the server's, which every response begins with. A response has one date
    /// (RFC 9110 §6.6.1).
    #[cold]
    fn replace_date(&mut self, draft: &mut Draft, value: &[u8]) {
        check_value(draft, value);
        let head = &self.room[..self.len];
        // No value holds a line break. So this is the header, and not a part of another.
        let Some(at) = head.windows(DATE.len()).rposition(|bytes| bytes == DATE) else { return };
        let start = at + DATE.len();
        let old = head[start..].windows(2).position(|bytes| bytes == b"\r\n");
        let (old_end, new_end) = (old.map_or(self.len, |len| start + len), start + value.len());
        let new_len = self.len - old_end + new_end;
        if new_len > self.room.len() {
            self.overflow = true;
            return;
        }
        self.room.copy_within(old_end..self.len, new_end);
        self.room[start..new_end].copy_from_slice(value);
        self.len = new_len;
    }

    /// Reads a handler's own `Connection` header, which the server writes:
    ///
    /// - `close` ends the connection after the response.
    /// - `keep-alive` has no effect. It is in many responses that a proxy passes on, and the server says it where a
    ///   client of HTTP/1.0 needs it.
    /// - `upgrade` is sent, because it belongs to every `Upgrade` header (RFC 9110 §7.8). To a 101 the server adds it.
    /// - Any other option is a promise that only the server could keep (RFC 9110 §7.6.1).
    #[cold]
    fn take_connection(&mut self, draft: &mut Draft, value: &[u8]) {
        let mut upgrades = false;
        for option in list(value) {
            let is = |known: &[u8]| option.eq_ignore_ascii_case(known);
            if is(b"close") {
                draft.terms.close = true;
            } else if is(b"upgrade") {
                upgrades = draft.status != 101;
            } else if !is(b"keep-alive") {
                draft.fault = Some("Connection has an option other than close, keep-alive and upgrade");
            }
        }
        check_value(draft, value);
        if upgrades {
            self.push(UPGRADE);
        }
    }
}

/// The header that goes with `Upgrade`.
pub(super) const UPGRADE: &[u8] = b"\r\nConnection: Upgrade";

const CONTROL: &str = "a header's value holds a control byte";
const FRAMING: &str = "Content-Length and Transfer-Encoding are the server's";

fn check_value(draft: &mut Draft, value: &[u8]) {
    if !VALUE_BYTES.contains_all(value) {
        draft.fault = Some(CONTROL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::date::Date;

    /// Writes a head with these headers into `room` bytes. Returns it, or the fault, and whether the connection closes.
    fn head_in(room: usize, status: u16, fields: &[(&str, &str)]) -> (Result<String, &'static str>, bool) {
        let mut date = Date::new(|| std::time::UNIX_EPOCH);
        let (mut room, mut draft) = (vec![0; room], Draft::default());
        let mut writer = Writer::new(&mut room);
        writer.begin(&mut draft, date.line(0), status);
        for (name, value) in fields {
            writer.field(&mut draft, name, value.as_bytes());
        }
        writer.end_head(&draft, 0);
        writer.finish(&mut draft);
        let text = String::from_utf8_lossy(&room[..draft.len]).into_owned();
        (draft.fault.map_or(Ok(text), Err), draft.terms.close)
    }

    fn head(fields: &[(&str, &str)]) -> (Result<String, &'static str>, bool) {
        head_in(1000, 200, fields)
    }

    const ITS_OWN: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

    #[test]
    fn a_date_of_the_handlers_stands_where_the_servers_was() {
        for (status, line) in
            [(200, "HTTP/1.1 200 OK"), (404, "HTTP/1.1 404 Not Found"), (299, "HTTP/1.1 299 ")]
        {
            // The obsolete forms are shorter and longer (RFC 9110 §5.6.7).
            for date in [ITS_OWN, "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", ""] {
                let fields = [("X-Before", "1"), ("dAtE", date), ("X-Behind", "Date: 2")];
                let expected = format!(
                    "{line}\r\nDate: {date}\r\nX-Before: 1\r\nX-Behind: Date: 2\r\nContent-Length: 0\r\n\r\n"
                );
                assert_eq!(head_in(1000, status, &fields), (Ok(expected), false));
            }
        }
    }

    #[test]
    fn the_last_of_several_dates_is_the_one() {
        let (text, _) =
            head(&[("Date", "a date that is longer than any other"), ("Date", ITS_OWN), ("A", "b")]);
        let expected = format!("HTTP/1.1 200 OK\r\nDate: {ITS_OWN}\r\nA: b\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(text, Ok(expected));
    }

    #[test]
    fn a_date_that_does_not_fit_is_a_fault() {
        let needed = "HTTP/1.1 200 OK\r\nDate: \r\nContent-Length: 0\r\n\r\n".len();
        let date = "x".repeat(300);
        assert!(head_in(needed + 300, 200, &[("Date", &date)]).0.is_ok());
        let too_long = Err("it is longer than limits.out_bytes");
        assert_eq!(head_in(needed + 299, 200, &[("Date", &date)]).0, too_long);
        for room in 0..52 {
            assert_eq!(head_in(room, 200, &[("Date", ITS_OWN)]).0, too_long, "{room}");
        }
    }

    #[test]
    fn close_in_a_connection_header_is_written_once() {
        for value in ["close", "Close", "keep-alive, CLOSE", " ,close,\t", "close, close"] {
            let (text, closes) = head(&[("connection", value), ("A", "b")]);
            let text = text.unwrap_or_else(|fault| panic!("{value}: {fault}"));
            assert!(
                closes && text.ends_with("GMT\r\nA: b\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            );
        }
    }

    #[test]
    fn keep_alive_in_a_connection_header_has_no_effect() {
        for value in ["keep-alive", "Keep-Alive", "", ",", "keep-alive, keep-alive"] {
            assert_eq!(head(&[("Connection", value)]), head(&[]), "{value}");
        }
        let both = head(&[("Connection", "close"), ("Connection", "keep-alive")]);
        assert_eq!(both, head(&[("Connection", "close")]), "the last does not take back the first");
    }

    #[test]
    fn upgrade_in_a_connection_header_of_a_101_is_written_once() {
        let mut date = Date::new(|| std::time::UNIX_EPOCH);
        let (mut room, mut draft) = (vec![0; 1000], Draft::default());
        let mut writer = Writer::new(&mut room);
        writer.begin(&mut draft, date.line(0), 101);
        writer.field(&mut draft, "Connection", b"Upgrade");
        writer.field(&mut draft, "Upgrade", b"websocket");
        writer.end_head_handed_over(&mut draft);
        writer.finish(&mut draft);
        let text = String::from_utf8_lossy(&room[..draft.len]);
        assert_eq!(draft.fault, None);
        assert!(text.ends_with("GMT\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"), "{text}");
    }

    #[test]
    fn upgrade_in_a_connection_header_is_sent_with_any_other_status() {
        for value in ["Upgrade", "upgrade, keep-alive", "upgrade, UPGRADE"] {
            let (text, closes) = head_in(1000, 426, &[("Connection", value), ("Upgrade", "websocket")]);
            let end = "GMT\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n\r\n";
            assert!(text.is_ok_and(|text| text.ends_with(end)) && !closes, "{value}");
        }
        let (text, closes) = head_in(1000, 426, &[("Connection", "upgrade, close")]);
        let end = "GMT\r\nConnection: Upgrade\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        assert!(text.is_ok_and(|text| text.ends_with(end)) && closes);
    }

    #[test]
    fn any_other_option_and_the_headers_that_frame_are_faults() {
        for value in ["upgraded", "upgrade, X-Hop", "close, X-Hop", "keep alive", "closed"] {
            let fault = Err("Connection has an option other than close, keep-alive and upgrade");
            assert_eq!(head(&[("Connection", value)]).0, fault, "{value}");
        }
        for name in ["content-length", "Content-Length", "Transfer-Encoding"] {
            assert_eq!(head(&[(name, "0")]).0, Err(FRAMING));
        }
        for name in ["Connection", "Date"] {
            // A date with a line break would be two headers.
            assert_eq!(head(&[(name, "close\r\nA: b")]).0, Err(CONTROL));
        }
    }
}
