//! Reading JSON (RFC 8259), as far as a line of a trace needs it.

/// A value. The members of an object keep their order.
#[derive(Debug, Clone, PartialEq)]
pub enum Json {
    Null,
    Bool(bool),
    /// As it is written.
    Number(String),
    Text(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

/// How deep values may stand in each other.
const DEEPEST: usize = 16;

impl Json {
    /// Reads one value, behind which nothing else stands. The error is a sentence.
    pub fn parse(text: &str) -> Result<Json, String> {
        let mut parser = Parser { text, at: 0 };
        let value = parser.value(0)?;
        parser.skip_space();
        match parser.peek() {
            None => Ok(value),
            Some(_) => Err(parser.error("nothing more")),
        }
    }

    /// Returns the member of this name.
    pub fn get(&self, name: &str) -> Option<&Json> {
        match self {
            Json::Object(members) => members.iter().find(|(key, _)| key == name).map(|(_, value)| value),
            _ => None,
        }
    }

    pub fn text(&self) -> Option<&str> {
        match self {
            Json::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn number(&self) -> Option<u64> {
        match self {
            Json::Number(number) => number.parse().ok(),
            _ => None,
        }
    }
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
}

impl Parser<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
    }

    fn error(&self, expected: &str) -> String {
        let column = self.text[..self.at].chars().count() + 1;
        match self.peek() {
            Some(found) => format!("expected {expected} in column {column}, and found {found:?}"),
            None => format!("expected {expected} in column {column}, and the line ends there"),
        }
    }

    /// Skips space and then this text. Returns whether it was there.
    fn skips(&mut self, text: &str) -> bool {
        self.skip_space();
        let is_there = self.rest().starts_with(text);
        self.at += if is_there { text.len() } else { 0 };
        is_there
    }

    fn expect(&mut self, text: &str) -> Result<(), String> {
        if self.skips(text) { Ok(()) } else { Err(self.error(&format!("{text:?}"))) }
    }

    fn value(&mut self, depth: usize) -> Result<Json, String> {
        if depth == DEEPEST {
            return Err(self.error("no value inside of so many others"));
        }
        for (text, value) in [("null", Json::Null), ("true", Json::Bool(true)), ("false", Json::Bool(false))]
        {
            if self.skips(text) {
                return Ok(value);
            }
        }
        if self.skips("{") {
            let mut members = Vec::new();
            while !self.skips("}") {
                if !members.is_empty() {
                    self.expect(",")?;
                }
                self.skip_space();
                let name = self.string()?;
                self.expect(":")?;
                members.push((name, self.value(depth + 1)?));
            }
            return Ok(Json::Object(members));
        }
        if self.skips("[") {
            let mut items = Vec::new();
            while !self.skips("]") {
                if !items.is_empty() {
                    self.expect(",")?;
                }
                items.push(self.value(depth + 1)?);
            }
            return Ok(Json::Array(items));
        }
        if self.peek() == Some('"') { self.string().map(Json::Text) } else { self.number() }
    }

    fn number(&mut self) -> Result<Json, String> {
        let is_part = |c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E');
        let rest = self.rest();
        let number = &rest[..rest.find(|c| !is_part(c)).unwrap_or(rest.len())];
        if number.parse::<f64>().is_err() {
            return Err(self.error("a value"));
        }
        let number = number.to_owned();
        self.at += number.len();
        Ok(Json::Number(number))
    }

    fn string(&mut self) -> Result<String, String> {
        if self.peek() != Some('"') {
            return Err(self.error("a string"));
        }
        self.at += 1;
        let mut text = String::new();
        loop {
            let Some(c) = self.peek() else { return Err(self.error("the end of the string")) };
            if c < ' ' {
                return Err(self.error("an escape"));
            }
            self.at += c.len_utf8();
            match c {
                '"' => return Ok(text),
                '\\' => text.push(self.escape()?),
                c => text.push(c),
            }
        }
    }

    fn escape(&mut self) -> Result<char, String> {
        let Some(c) = self.peek() else { return Err(self.error("an escape")) };
        let escaped = match c {
            '"' | '\\' | '/' => c,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => return self.code(),
            _ => return Err(self.error("an escape")),
        };
        self.at += 1;
        Ok(escaped)
    }

    /// Reads the number of a character. Half of a pair becomes a replacement character.
    fn code(&mut self) -> Result<char, String> {
        let digits = self.text.get(self.at + 1..self.at + 5).filter(|digits| digits.is_ascii());
        let Some(code) = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()) else {
            return Err(self.error("four digits of a character"));
        };
        self.at += 5;
        Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_a_trace_is_read() {
        let line = r#"{"n":1,"kind":"call","of":-2.5e3,"is":[true,null],"text":"a\r\n\u0041\"","in":{}}"#;
        let json = Json::parse(line).expect("it is JSON");
        assert_eq!(json.get("n").and_then(Json::number), Some(1));
        assert_eq!(json.get("text").and_then(Json::text), Some("a\r\nA\""));
        assert_eq!(json.get("of"), Some(&Json::Number("-2.5e3".into())));
        assert_eq!(json.get("is"), Some(&Json::Array(vec![Json::Bool(true), Json::Null])));
        assert_eq!((json.get("in"), json.get("other")), (Some(&Json::Object(vec![])), None));
    }

    #[test]
    fn what_is_no_json_is_an_error_with_its_column() {
        let deep = "[".repeat(10_000);
        let cases = [
            ("", "expected a value in column 1, and the line ends there"),
            ("{\"a\":1", "expected \",\" in column 7, and the line ends there"),
            ("{\"a\" 1}", "expected \":\" in column 6, and found '1'"),
            ("{ä}", "expected a string in column 2, and found 'ä'"),
            ("1 2", "expected nothing more in column 3, and found '2'"),
            ("\"\\x\"", "expected an escape in column 3, and found 'x'"),
            ("\"\\u00é0\"", "expected four digits of a character in column 3, and found 'u'"),
            ("\"a", "expected the end of the string in column 3, and the line ends there"),
            (deep.as_str(), "expected no value inside of so many others in column 17, and found '['"),
        ];
        for (text, expected) in cases {
            assert_eq!(Json::parse(text), Err(expected.into()), "{text:.20}");
        }
    }
}
