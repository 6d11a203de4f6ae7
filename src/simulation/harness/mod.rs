//! The network, the kernel, the clients and the host's loop, all made of scripts, and the checks after every turn.

pub(crate) mod client;
pub(crate) mod descriptors;
pub(crate) mod entropy;
pub(crate) mod figures;
pub(crate) mod fixtures;
pub(crate) mod handler;
pub(crate) mod kernel;
pub(crate) mod later;
pub(crate) mod names;
pub(crate) mod net;
pub(crate) mod overdue;
mod queues;
pub(crate) mod host;
pub(crate) mod responses;
pub(crate) mod script;
pub(crate) mod sim;
pub(crate) mod socket;
