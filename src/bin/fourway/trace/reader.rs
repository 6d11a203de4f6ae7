//! Reading a trace, one line after the other. An error names its line.

use std::io::{BufRead, Read};

use super::json::Json;

/// The version of the format that this program reads and writes.
const VERSION: u64 = 1;

/// The most bytes of a line.
const LONGEST: u64 = 1 << 20;

/// A trace that is being read.
pub struct Reader<R> {
    input: R,
    pub header: Json,
    /// How many lines were read.
    line: usize,
    /// The number of the last record.
    last: u64,
    /// Whether the last line says that the trace is complete.
    is_whole: bool,
}

/// One step.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    pub t: u64,
    pub turn: u64,
    pub kind: String,
    pub connection: Option<u64>,
    /// All members.
    json: Json,
}

impl Record {
    pub fn text(&self, name: &str) -> Option<&str> {
        self.json.get(name)?.text()
    }

    pub fn number(&self, name: &str) -> Option<u64> {
        self.json.get(name)?.number()
    }

    pub fn is(&self, name: &str) -> bool {
        self.json.get(name) == Some(&Json::Bool(true))
    }

    /// Returns all members in their order.
    pub fn members(&self) -> &[(String, Json)] {
        match &self.json {
            Json::Object(members) => members,
            _ => &[],
        }
    }

    /// Returns the record of a line, or a sentence about what is wrong with it.
    fn parse(text: &str, last: u64) -> Result<(u64, Self), String> {
        let json = Json::parse(text)?;
        let number = |name: &str| {
            let number = json.get(name).and_then(Json::number);
            number.ok_or_else(|| format!("a record needs the number {name:?}"))
        };
        let (n, t, turn) = (number("n")?, number("t")?, number("turn")?);
        if n <= last {
            return Err(format!("the record {n} cannot follow the record {last}"));
        }
        let kind = json.get("kind").and_then(Json::text).ok_or("a record needs a \"kind\"")?.to_owned();
        let connection = json.get("connection").and_then(Json::number);
        Ok((n, Record { t, turn, kind, connection, json }))
    }
}

impl<R: BufRead> Reader<R> {
    /// Reads the header.
    pub fn new(mut input: R) -> Result<Self, String> {
        let wrong = |sentence: String| format!("line 1: {sentence}");
        let text = next_line(&mut input).map_err(wrong)?.unwrap_or_default();
        let header = Json::parse(&text).map_err(|error| wrong(format!("this is no trace: {error}")))?;
        match header.get("fourway_trace").map(Json::number) {
            Some(Some(VERSION)) => {}
            Some(Some(version)) => {
                let sentence = format!("the format has version {version}, and this program reads {VERSION}");
                return Err(wrong(sentence));
            }
            _ => return Err(wrong("this is no trace, because it has no \"fourway_trace\"".into())),
        }
        Ok(Reader { input, header, line: 1, last: 0, is_whole: false })
    }

    /// Returns whether the last line says that the trace is complete, once all lines are read.
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }

    fn read(&mut self) -> Result<Option<Record>, String> {
        let Some(text) = next_line(&mut self.input)? else { return Ok(None) };
        match Record::parse(&text, self.last) {
            Ok((n, record)) => {
                self.last = n;
                self.is_whole = record.kind == "end";
                Ok(Some(record))
            }
            // A program that was killed leaves a part of a line.
            Err(_) if !text.ends_with('\n') => {
                self.is_whole = false;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<Record, String>;

    fn next(&mut self) -> Option<Self::Item> {
        self.line += 1;
        self.read().map_err(|error| format!("line {}: {error}", self.line)).transpose()
    }
}

/// Reads a line with its line break. Returns `None` at the end.
fn next_line(input: &mut impl BufRead) -> Result<Option<String>, String> {
    let mut bytes = Vec::new();
    input.take(LONGEST).read_until(b'\n', &mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 == LONGEST && bytes.last() != Some(&b'\n') {
        return Err(format!("it has more than {LONGEST} bytes"));
    }
    let text = String::from_utf8(bytes).map_err(|_| "it is not UTF-8")?;
    Ok(Some(text).filter(|text| !text.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "{\"fourway_trace\":1}\n";

    fn kinds(text: &[u8]) -> Result<(Vec<String>, bool), String> {
        let mut reader = Reader::new(text)?;
        let kinds: Result<_, _> = reader.by_ref().map(|record| Ok::<_, String>(record?.kind)).collect();
        Ok((kinds?, reader.is_whole()))
    }

    fn error_of(text: impl AsRef<[u8]>) -> String {
        kinds(text.as_ref()).expect_err("it is wrong")
    }

    #[test]
    fn a_trace_is_whole_if_its_last_line_says_so() {
        let call = "{\"n\":1,\"t\":0,\"turn\":1,\"kind\":\"call\"}\n";
        let end = "{\"n\":5,\"t\":0,\"turn\":1,\"kind\":\"end\"}\n";
        let cut = &end[..20];
        let read = |text: String| kinds(text.as_bytes());
        assert_eq!(read(format!("{HEADER}{call}{end}")), Ok((vec!["call".into(), "end".into()], true)));
        assert_eq!(read(format!("{HEADER}{call}")), Ok((vec!["call".into()], false)));
        assert_eq!(read(format!("{HEADER}{call}{cut}")), Ok((vec!["call".into()], false)));
    }

    #[test]
    fn a_bad_line_is_named() {
        let line =
            |text: &str| error_of(format!("{HEADER}{{\"n\":1,\"t\":0,\"turn\":1,\"kind\":\"a\"}}\n{text}\n"));
        assert_eq!(line("{\"n\":2"), "line 3: expected \",\" in column 8, and the line ends there");
        assert_eq!(line("{\"n\":2,\"turn\":1}"), "line 3: a record needs the number \"t\"");
        assert_eq!(line("{\"n\":2,\"t\":0,\"turn\":1}"), "line 3: a record needs a \"kind\"");
        let twice = line("{\"n\":1,\"t\":0,\"turn\":1,\"kind\":\"a\"}");
        assert_eq!(twice, "line 3: the record 1 cannot follow the record 1");
        assert_eq!(error_of([HEADER.as_bytes(), b"\xff\n"].concat()), "line 2: it is not UTF-8");
        let long = format!("{HEADER}{}", "x".repeat(LONGEST as usize));
        assert_eq!(error_of(long), "line 2: it has more than 1048576 bytes");
    }

    #[test]
    fn a_bad_header_is_an_error() {
        assert!(error_of("").starts_with("line 1: this is no trace: expected a value"));
        assert_eq!(error_of("{}\n"), "line 1: this is no trace, because it has no \"fourway_trace\"");
        let newer = "{\"fourway_trace\":2}\n";
        assert_eq!(error_of(newer), "line 1: the format has version 2, and this program reads 1");
    }
}
