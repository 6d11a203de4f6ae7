//! How the clients of the simulation read responses.

/// One response as a client reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) says_close: bool,
    /// Its Content-Length.
    pub(crate) announced: Option<usize>,
    /// The body. It is shorter than announced if it is the last and was cut off.
    pub(crate) body: Vec<u8>,
    pub(crate) is_whole: bool,
}

/// Returns the responses in a stream of bytes, to requests that were not HEAD.
pub(crate) fn responses(bytes: &[u8]) -> Vec<Response> {
    responses_to(bytes, |_| false)
}

/// Returns the responses in a stream of bytes. `is_head` returns which of them belong to HEAD requests. A head that was
/// cut off is left out.
pub(crate) fn responses_to(mut bytes: &[u8], is_head: impl Fn(usize) -> bool) -> Vec<Response> {
    let mut found: Vec<Response> = Vec::new();
    while !bytes.is_empty() {
        let mut headers = [httparse::EMPTY_HEADER; 16];
        let mut head = httparse::Response::new(&mut headers);
        let Ok(httparse::Status::Complete(len)) = head.parse(bytes) else {
            assert!(b"HTTP/1.1 ".starts_with(&bytes[..bytes.len().min(9)]), "{}", bytes.escape_ascii());
            break;
        };
        let status = head.code.expect("a response has a status");
        let field = |name: &str| head.headers.iter().find(|h| h.name == name).map(|h| h.value.trim_ascii());
        let announced = field("Content-Length")
            .map(|value| std::str::from_utf8(value).unwrap().parse::<usize>().expect("a length is a number"));
        let has_none = matches!(status, 100 | 102..=199 | 204 | 304);
        let says_close = field("Connection") == Some(b"close");
        let is_chunked = field("Transfer-Encoding") == Some(b"chunked");
        let is_framed = announced.is_some() != is_chunked;
        assert!(
            is_framed != has_none || says_close || status == 101,
            "a status {status} with length {announced:?}"
        );
        let rest = &bytes[len..];
        let (body, taken, is_whole) = match announced {
            _ if has_none || is_head(found.len()) => (Vec::new(), 0, true),
            Some(length) => {
                let taken = rest.len().min(length);
                (rest[..taken].to_vec(), taken, taken == length)
            }
            None if is_chunked => unchunked(rest),
            // What the host sends on a connection that it has taken over.
            None if status == 101 => (rest.to_vec(), rest.len(), true),
            None => (rest.to_vec(), rest.len(), true),
        };
        found.push(Response { status, says_close, announced, body, is_whole });
        bytes = &rest[taken..];
    }
    found
}

/// Returns the data of a chunked body, the length of its bytes, and whether it is whole.
pub(crate) fn unchunked(bytes: &[u8]) -> (Vec<u8>, usize, bool) {
    let (mut data, mut at) = (Vec::new(), 0);
    while let Some(digits) = bytes[at..].windows(2).position(|two| two == b"\r\n") {
        let size = std::str::from_utf8(&bytes[at..at + digits]).expect("a size is digits");
        let size = usize::from_str_radix(size, 16).expect("a size is hexadecimal");
        let start = at + digits + 2;
        if size == 0 {
            // The trailers end with an empty line.
            let end = bytes[at + digits..].windows(4).position(|four| four == b"\r\n\r\n");
            return (data, end.map_or(bytes.len(), |end| at + digits + end + 4), end.is_some());
        }
        let have = size.min(bytes.len() - start);
        data.extend_from_slice(&bytes[start..start + have]);
        if bytes.len() < start + size + 2 {
            break;
        }
        assert_eq!(&bytes[start + size..][..2], b"\r\n", "the end of a chunk");
        at = start + size + 2;
    }
    (data, bytes.len(), false)
}
