//! The counters of `/proc/net/netstat`.

use super::this;

/// Returns the number of connections that the kernel has turned away since its start, because the accept queue of
/// a listener was full. Returns `None` if the kernel does not count them.
pub fn listen_overflows() -> Option<u64> {
    counter(&this("/proc/net/netstat")?, "TcpExt:", "ListenOverflows")
}

/// Returns a counter of `netstat` or `snmp`, which has a line of names and below it a line of numbers. Both begin with
/// the name of the group, such as `TcpExt:`.
pub fn counter(text: &str, group: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().filter(|line| line.starts_with(group));
    let (names, numbers) = (lines.next()?, lines.next()?);
    let (_, number) = names.split(' ').zip(numbers.split(' ')).find(|(n, _)| *n == name)?;
    number.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_found_by_its_name() {
        let text = "TcpExt: A ListenOverflows B\nTcpExt: 1 23 4\nIpExt: ListenOverflows\nIpExt: 9\n";
        assert_eq!(counter(text, "TcpExt:", "ListenOverflows"), Some(23));
        assert_eq!(counter(text, "TcpExt:", "Missing"), None);
        assert_eq!(counter("", "TcpExt:", "ListenOverflows"), None);
    }
}
