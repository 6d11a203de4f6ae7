//! Percent-decoding, only where a handler asks for it (RFC 3986 §2.1).
//!
//! A `%` that no two hexadecimal digits follow stands for itself, as in browsers.

use std::borrow::Cow;

use percent_encoding::{PercentDecode, percent_decode_str};

/// Returns the segments of a path, each decoded after the split. Returns `None` if they are not UTF-8.
pub(crate) fn segments(path: &str) -> Option<impl Iterator<Item = Cow<'_, str>> + use<'_>> {
    if !is_utf8(percent_decode_str(path)) {
        return None;
    }
    // `*` is no path (RFC 9112 §3.2.4).
    let below_root = path.strip_prefix('/').into_iter();
    let segments = below_root.flat_map(|path| path.split('/'));
    Some(segments.map(|segment| percent_decode_str(segment).decode_utf8_lossy()))
}

/// Returns whether decoded bytes are UTF-8. It allocates nothing.
fn is_utf8(mut bytes: PercentDecode<'_>) -> bool {
    while let Some(first) = bytes.next() {
        let len = match first {
            0x00..0x80 => continue,
            0x80..0xe0 => 2,
            0xe0..0xf0 => 3,
            0xf0.. => 4,
        };
        let mut character = [first, 0, 0, 0];
        for (byte, next) in character[1..len].iter_mut().zip(&mut bytes) {
            *byte = next;
        }
        if std::str::from_utf8(&character[..len]).is_err() {
            return false;
        }
    }
    true
}

/// Returns the names and values of a query, by the rules of `application/x-www-form-urlencoded` in the URL standard of
/// the WHATWG: a plus is a space, and bytes that are not UTF-8 become U+FFFD.
pub(crate) fn pairs(query: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> + use<'_> {
    let parts = query.split('&').filter(|part| !part.is_empty());
    parts.map(|part| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        (decode_form(name), decode_form(value))
    })
}

fn decode_form(text: &str) -> Cow<'_, str> {
    if !text.contains('+') {
        return percent_decode_str(text).decode_utf8_lossy();
    }
    let spaced = text.replace('+', " ");
    let decoded = match percent_decode_str(&spaced).decode_utf8_lossy() {
        Cow::Owned(decoded) => Some(decoded),
        Cow::Borrowed(_) => None,
    };
    Cow::Owned(decoded.unwrap_or(spaced))
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::properties::holds_for_any;

    fn split(path: &str) -> Option<Vec<String>> {
        segments(path).map(|segments| segments.map(Cow::into_owned).collect())
    }

    fn form(query: &str) -> Vec<(String, String)> {
        pairs(query).map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
    }

    /// Percent-encodes every byte.
    fn encoded(text: &str) -> String {
        text.bytes().map(|byte| format!("%{byte:02x}")).collect()
    }

    #[test]
    fn a_path_is_split_before_it_is_decoded() {
        let cases: [(&str, &[&str]); 8] = [
            ("/", &[""]),
            ("/a/b", &["a", "b"]),
            ("/a//b/", &["a", "", "b", ""]),
            ("/a%2Fb/c", &["a/b", "c"]),
            ("/caf%C3%a9/1+1%20", &["café", "1+1 "]),
            ("/%2e%2e/%00", &["..", "\0"]),
            ("/100%/%zz/%4", &["100%", "%zz", "%4"]),
            ("*", &[]),
        ];
        for (path, expected) in cases {
            let found = split(path).expect("UTF-8");
            assert_eq!(found, expected, "{path}");
        }
    }

    #[test]
    fn a_path_that_is_not_utf8_in_any_segment_has_none() {
        for path in ["/%ff", "/a/%C3", "/%C3/%A9", "/%e2%82", "/%ed%a0%80", "/%f4%90%80%80", "/a/%80b/c"] {
            assert_eq!(split(path), None, "{path}");
        }
    }

    #[test]
    fn a_path_without_escapes_is_not_copied() {
        assert!(segments("/a/b").expect("UTF-8").all(|segment| matches!(segment, Cow::Borrowed(_))));
    }

    #[test]
    fn a_plus_is_a_space_in_a_query() {
        let expected = [("a b", "1+1=2"), ("c", ""), ("", "d"), ("e", "")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(form("a+b=1%2b1=2&c&&=d&e="), expected);
        assert_eq!(form(""), []);
        assert_eq!(form("%ff=%+%zz"), [("\u{fffd}".to_owned(), "% %zz".to_owned())]);
    }

    #[test]
    fn any_segments_come_back_as_they_were() {
        holds_for_any(vec(any::<String>(), 1..5), |segments| {
            let path: String = segments.iter().map(|segment| format!("/{}", encoded(segment))).collect();
            assert_eq!(split(&path), Some(segments));
        });
    }

    #[test]
    fn any_bytes_are_decoded_only_if_they_are_utf8() {
        // Most are the first and later bytes of characters.
        let byte = prop_oneof![0x80..0xc0u8, 0xc0..0xffu8, any::<u8>()];
        holds_for_any(vec(byte, 0..8), |bytes| {
            let path: String = bytes.iter().map(|byte| format!("%{byte:02X}")).collect();
            let expected = String::from_utf8(bytes).ok().map(|text| vec![text]);
            assert_eq!(split(&format!("/{path}")), expected);
        });
    }

    #[test]
    fn any_pairs_come_back_as_they_were() {
        holds_for_any(vec(any::<(String, String)>(), 1..5), |pairs| {
            let query: Vec<_> =
                pairs.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
            assert_eq!(form(&query.join("&")), pairs);
        });
    }
}
