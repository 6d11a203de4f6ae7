//! The network, the kernel, the clients and the host's loop, all made of scripts, and the checks after every turn.

pub(crate) mod books;
pub(crate) mod client;
pub(crate) mod control;
pub(crate) mod descriptors;
pub(crate) mod entropy;
pub(crate) mod figures;
pub(crate) mod fixtures;
pub(crate) mod handler;
mod heard;
pub(crate) mod kernel;
mod known;
pub(crate) mod later;
mod messages;
pub(crate) mod names;
pub(crate) mod net;
pub(crate) mod overdue;
mod pages;
mod panic;
mod queues;
pub(crate) mod host;
mod requests;
pub(crate) mod responses;
pub(crate) mod script;
pub(crate) mod sim;
pub(crate) mod socket;
mod take_in;
mod unread;
