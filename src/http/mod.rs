//! HTTP/1.1 as bytes in, bytes out: no socket, no clock, no handler.
//!
//! - `head`: a request's head, which httparse parses, and the rules that httparse leaves to the server;
//! - `scan`: unfinished and bad heads, and the first byte that proves a head wrong;
//! - `target`: the forms of a request's target;
//! - `fields`: the headers that the server acts upon;
//! - `body`: where a body ends, and the decoding of the chunked coding;
//! - `response`: a status line, its headers and a body;
//! - `refusal`: why a request is refused;
//! - `percent`: the percent-decoding of paths and queries, on demand;
//! - `date`: the `Date` header, made once a second;
//! - `bytes`: sets of bytes, such as those of a header's name;
//! - `work`: a count of the bytes of heads that were examined, for tests.

pub(crate) mod head;
pub(crate) mod scan;
pub(crate) mod target;
pub(crate) mod fields;
pub(crate) mod body;
pub(crate) mod response;
pub(crate) mod refusal;
pub(crate) mod percent;
pub(crate) mod date;
mod bytes;
pub(crate) mod work;
