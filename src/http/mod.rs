//! HTTP/1.1 as bytes in, bytes out: no socket, no clock, no handler.
//!
//! - `head`: a request's head, parsed by httparse and then held to the rules that httparse leaves open;
//! - `scan`: an unfinished or bad head, and the first byte that proves it wrong;
//! - `target`: the forms of a request's target;
//! - `fields`: the headers that the server acts upon;
//! - `body`: where a body ends, and the undoing of the chunked coding;
//! - `response`: a status line, its headers and a body;
//! - `refusal`: why a request is refused;
//! - `date`: the `Date` header, made once a second;
//! - `bytes`: which bytes may stand where.

pub(crate) mod head;
pub(crate) mod scan;
mod target;
pub(crate) mod fields;
pub(crate) mod body;
pub(crate) mod response;
pub(crate) mod refusal;
pub(crate) mod date;
mod bytes;
pub(crate) mod work;
