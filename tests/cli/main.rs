//! The program as its users meet it: arguments, environment, answers, logs, signals, summary.
#![cfg(all(unix, feature = "cli"))]

mod answers;
mod arguments;
mod closing;
mod documentation;
mod inputs;
mod limits;
#[cfg(target_os = "linux")]
mod listening;
mod logs;
#[cfg(target_os = "linux")]
mod masks;
mod program;
mod signals;
#[cfg(target_os = "linux")]
mod terminal;
mod unread;
