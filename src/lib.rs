//! A single-threaded HTTP/1.1 server for mio.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod config;
mod connection;
mod core;
mod exchange;
mod handler;
mod http;
mod net;
mod reactor;
mod server;
mod stats;
mod table;

pub use crate::config::{AtCapacity, Budget, CloseMode, Config, Limits, Timeouts};
pub use crate::core::{Phase, Progress};
pub use crate::handler::{Body, BodyWriter, Handler, HandlerFn, Reply, Responder, ResponseHead, handler_fn};
pub use crate::http::request::Request;
pub use crate::net::Readiness;
pub use crate::reactor::Reactor;
pub use crate::server::{ListenerId, Server, SetupError, earliest};
pub use crate::stats::{Reason, Stats};
pub use crate::table::TokenRange;
pub use mio;
