//! A small reader of JSON (RFC 8259), strict enough to notice a document that is not.

use std::collections::BTreeMap;

#[derive(Debug, Clone, PartialEq)]
pub enum Json {
    Null,
    Bool(bool),
    /// As it is written.
    Number(String),
    Text(String),
    Array(Vec<Json>),
    Object(BTreeMap<String, Json>),
}

impl Json {
    pub fn parse(text: &str) -> Json {
        let mut parser = Parser { rest: text };
        let value = parser.value();
        assert_eq!(parser.rest.trim(), "", "nothing follows the document");
        value
    }

    /// Returns the value at a path such as `connections.live` or `listeners.0.address`.
    pub fn at(&self, path: &str) -> &Json {
        path.split('.').fold(self, |value, name| match value {
            Json::Object(members) => members.get(name).unwrap_or_else(|| panic!("no {path}")),
            Json::Array(items) => &items[name.parse::<usize>().expect("an index")],
            _ => panic!("no {path}"),
        })
    }

    pub fn count(&self, path: &str) -> u64 {
        self.at(path).as_count().unwrap_or_else(|| panic!("{path} is no count: {:?}", self.at(path)))
    }

    pub fn number(&self, path: &str) -> f64 {
        match self.at(path) {
            Json::Number(number) => number.parse().expect("a number"),
            other => panic!("{path} is no number: {other:?}"),
        }
    }

    pub fn text(&self, path: &str) -> &str {
        match self.at(path) {
            Json::Text(text) => text,
            other => panic!("{path} is no text: {other:?}"),
        }
    }

    pub fn members(&self, path: &str) -> &BTreeMap<String, Json> {
        match self.at(path) {
            Json::Object(members) => members,
            other => panic!("{path} is no object: {other:?}"),
        }
    }

    /// Returns the sum of all counts in a value, however deep.
    pub fn sum(&self) -> u64 {
        match self {
            Json::Object(members) => members.values().map(Json::sum).sum(),
            Json::Array(items) => items.iter().map(Json::sum).sum(),
            other => other.as_count().expect("a count"),
        }
    }

    pub fn as_count(&self) -> Option<u64> {
        match self {
            Json::Number(number) => number.parse().ok(),
            _ => None,
        }
    }

    /// Returns the path of every value that is neither an array nor an object, with `[]` for the items of an array.
    pub fn paths(&self) -> Vec<String> {
        let below = |name: &str, value: &Json| -> Vec<String> {
            let paths = value.paths().into_iter();
            paths
                .map(|path| if path.is_empty() { name.to_owned() } else { format!("{name}.{path}") })
                .collect()
        };
        match self {
            Json::Object(members) => members.iter().flat_map(|(name, value)| below(name, value)).collect(),
            Json::Array(items) => items.iter().flat_map(|item| below("[]", item)).collect(),
            _ => vec![String::new()],
        }
    }
}

struct Parser<'t> {
    rest: &'t str,
}

impl Parser<'_> {
    fn value(&mut self) -> Json {
        match self.peek() {
            '{' => Json::Object(self.list('{', '}', |parser| {
                let name = parser.string();
                parser.take(':');
                (name, parser.value())
            })),
            '[' => Json::Array(self.list('[', ']', Parser::value)),
            '"' => Json::Text(self.string()),
            _ => {
                let end = self.rest.find([',', '}', ']', '\n']).unwrap_or(self.rest.len());
                let (word, rest) = self.rest.split_at(end);
                self.rest = rest;
                match word.trim() {
                    "null" => Json::Null,
                    "true" => Json::Bool(true),
                    "false" => Json::Bool(false),
                    number => {
                        assert!(number.parse::<f64>().is_ok_and(f64::is_finite), "no value: {number:?}");
                        Json::Number(number.to_owned())
                    }
                }
            }
        }
    }

    fn list<T, L: FromIterator<T>>(&mut self, begin: char, end: char, item: impl Fn(&mut Self) -> T) -> L {
        self.take(begin);
        let mut items = Vec::new();
        while self.peek() != end {
            if !items.is_empty() {
                self.take(',');
            }
            items.push(item(self));
        }
        self.take(end);
        items.into_iter().collect()
    }

    fn string(&mut self) -> String {
        self.take('"');
        let mut text = String::new();
        loop {
            let c = self.next();
            match c {
                '"' => return text,
                '\\' => text.push(match self.next() {
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    'u' => {
                        let (digits, rest) = self.rest.split_at(4);
                        self.rest = rest;
                        let code = u32::from_str_radix(digits, 16).expect("four digits");
                        char::from_u32(code).expect("a character")
                    }
                    c @ ('"' | '\\' | '/') => c,
                    c => panic!("no escape: {c}"),
                }),
                c => {
                    assert!(c >= ' ', "a control character in a string");
                    text.push(c);
                }
            }
        }
    }

    fn peek(&mut self) -> char {
        self.rest = self.rest.trim_start();
        self.rest.chars().next().expect("more of the document")
    }

    fn take(&mut self, expected: char) {
        let next = self.peek();
        assert_eq!(next, expected, "before {:?}", &self.rest[..self.rest.len().min(40)]);
        self.next();
    }

    fn next(&mut self) -> char {
        let c = self.rest.chars().next().expect("more of the document");
        self.rest = &self.rest[c.len_utf8()..];
        c
    }
}
