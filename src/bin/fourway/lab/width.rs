//! The width of text on a terminal, where a Chinese character takes two columns.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

pub fn columns(text: &str) -> usize {
    text.width()
}

/// Returns the text with spaces behind it, up to this width.
pub fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(columns(text))))
}

/// Marks before which no line begins.
const NEVER_FIRST: &str = "，。、；：？！）》」』”’";

/// Marks after which no line ends.
const NEVER_LAST: &str = "（《「『“‘";

/// Breaks a text into lines of at most this width: between words, and between Chinese characters.
pub fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for piece in pieces(text) {
        let line = lines.last_mut().expect("a line");
        let piece = if line.is_empty() { piece.trim_start() } else { piece };
        if line.is_empty() || columns(line) + columns(piece.trim_end()) <= width {
            line.push_str(piece);
        } else {
            let end = line.trim_end().len();
            line.truncate(end);
            lines.push(piece.trim_start().to_owned());
        }
    }
    lines.iter().map(|line| line.trim_end().to_owned()).collect()
}

/// Returns the pieces that are not broken: words with the space before them, and Chinese characters with their marks.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut begin = 0;
    let mut before: Option<char> = None;
    for (at, char) in text.char_indices() {
        if let Some(before) = before {
            let is_wide = |char: char| char.width() == Some(2);
            let may_break = char == ' ' && before != ' ' || is_wide(before) || is_wide(char);
            let is_bound = NEVER_FIRST.contains(char) || NEVER_LAST.contains(before) || before == ' ';
            if may_break && !is_bound {
                pieces.push(&text[begin..at]);
                begin = at;
            }
        }
        before = Some(char);
    }
    pieces.push(&text[begin..]);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn english_is_broken_between_words() {
        assert_eq!(wrapped("one two  three", 7), ["one two", "three"]);
        assert_eq!(wrapped("incomprehensible", 7), ["incomprehensible"]);
        assert_eq!(wrapped("", 7), [""]);
    }

    #[test]
    fn chinese_is_broken_between_characters_but_not_before_a_mark() {
        assert_eq!(wrapped("三次握手，四次挥手", 8), ["三次握", "手，四次", "挥手"]);
        assert_eq!(wrapped("服务器 TIME_WAIT 一分钟", 12), ["服务器", "TIME_WAIT 一", "分钟"]);
    }

    #[test]
    fn a_chinese_character_takes_two_columns() {
        assert_eq!(pad("毫秒", 6), "毫秒  ");
        assert_eq!(columns("ms──▶"), 5);
    }
}
