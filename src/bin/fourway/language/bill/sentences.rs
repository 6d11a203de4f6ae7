//! What is said in each language.

/// The sentences in one language. A row is a name and what was measured.
pub struct Sentences {
    pub bill: &'static str,
    pub held_by_client: &'static str,
    pub held_by_server: &'static str,
    /// Takes the number of sockets, and the seconds that are left of the latest.
    pub held: fn(usize, f64) -> String,
    pub held_none: &'static str,
    pub restart_without: &'static str,
    pub restart_with: &'static str,
    pub restart_works: &'static str,
    /// The title of the experiment with ports.
    pub ports: &'static str,
    /// Take the number of connections, and of ports.
    pub ports_row: fn(u32, usize) -> String,
    pub ports_method: fn(u32, usize) -> String,
    /// Takes the number of connections that were done.
    pub ports_all: fn(u32) -> String,
    /// Takes the number of the connection that failed, and the name of its error.
    pub ports_failed: fn(u32, &str) -> String,
    /// Takes the two: how many were done, and how many sockets are in TIME_WAIT.
    pub ports_result: fn(&str, &str) -> String,
    /// Take the number of sockets in TIME_WAIT.
    pub left_at_client: fn(usize) -> String,
    pub left_at_server: fn(usize) -> String,
    pub left_nowhere: &'static str,
    /// A client that only connects.
    pub ports_connect: &'static str,
    /// Takes what it met, and the number of its ports.
    pub ports_few: fn(&str, u16) -> String,
    /// What each row has shown. Another of these sentences may follow.
    pub ports_run_out: &'static str,
    pub ports_connect_run_out: &'static str,
    pub ports_again: &'static str,
    /// The title of the essay's scenario.
    pub essay: &'static str,
    pub essay_method: &'static str,
    pub slow: &'static str,
    pub slow_alone: &'static str,
    /// Takes the milliseconds for which a client says nothing.
    pub slow_behind: fn(u128) -> String,
    pub slow_kernel: &'static str,
    /// Takes a state of the kernel, and the number of bytes that are not read.
    pub slow_unread: fn(&str, u32) -> String,
    pub unread: &'static str,
    /// Takes the length of a request.
    pub unread_request: fn(usize) -> String,
    /// Takes the number of bytes that were read, and how the connection ended.
    pub unread_reading: fn(usize, &str) -> String,
    pub restart: &'static str,
    pub restart_mended: &'static str,
    pub restart_lesson: &'static str,
    /// How to read the lines of a picture.
    pub picture: &'static str,
}

/// Returns a number with commas, such as `2,000`.
pub fn grouped(number: u32) -> String {
    match number {
        0..1000 => number.to_string(),
        _ => format!("{},{:03}", grouped(number / 1000), number % 1000),
    }
}
