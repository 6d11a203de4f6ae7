//! The kernel's settings, by the names that `sysctl` gives them.

use super::Reader;

/// Returns a setting as text, such as `net.ipv4.tcp_mem`.
pub fn text(read: Reader<'_>, name: &str) -> Option<String> {
    let text = read(&format!("/proc/sys/{}", name.replace('.', "/")))?;
    Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Returns a setting that is one number.
pub fn number(read: Reader<'_>, name: &str) -> Option<u64> {
    text(read, name)?.parse().ok()
}

/// Returns a setting that is three numbers.
pub fn three_numbers(read: Reader<'_>, name: &str) -> Option<[u64; 3]> {
    let text = text(read, name)?;
    let mut numbers = text.split(' ').map(|number| number.parse().ok());
    let three = [numbers.next()??, numbers.next()??, numbers.next()??];
    numbers.next().is_none().then_some(three)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &str) -> Option<String> {
        let text = match path {
            "/proc/sys/net/core/somaxconn" => "4096\n",
            "/proc/sys/net/ipv4/tcp_mem" => "287898\t383867\t575796\n",
            "/proc/sys/net/ipv4/strange" => "many\n",
            _ => return None,
        };
        Some(text.to_owned())
    }

    #[test]
    fn a_setting_is_read_by_its_name() {
        assert_eq!(number(&read, "net.core.somaxconn"), Some(4096));
        assert_eq!(number(&read, "net.core.missing"), None);
        assert_eq!(number(&read, "net.ipv4.strange"), None);
    }

    #[test]
    fn three_numbers_are_separated_by_tabs() {
        assert_eq!(three_numbers(&read, "net.ipv4.tcp_mem"), Some([287_898, 383_867, 575_796]));
        assert_eq!(three_numbers(&read, "net.core.somaxconn"), None);
        assert_eq!(text(&read, "net.ipv4.tcp_mem").unwrap(), "287898 383867 575796");
    }
}
