//! The program as its users meet it: arguments, environment, answers, logs, signals, summary.

#[cfg(target_os = "linux")]
mod accepting;
mod answers;
mod arguments;
mod closing;
mod doctor;
mod documentation;
mod environment;
mod generated;
mod help;
mod inputs;
mod limits;
mod listed;
#[cfg(target_os = "linux")]
mod listeners;
#[cfg(target_os = "linux")]
mod listening;
mod logs;
#[cfg(target_os = "linux")]
mod masks;
mod signals;
#[cfg(target_os = "linux")]
mod terminal;
#[cfg(target_os = "linux")]
mod unix_sockets;
mod unread;

/// More than the kernel takes for a client that does not read, and no two parts of it alike.
fn large() -> Vec<u8> {
    (0..5_000_000_u32).flat_map(|word| word.wrapping_mul(2_654_435_761).to_le_bytes()).collect()
}
