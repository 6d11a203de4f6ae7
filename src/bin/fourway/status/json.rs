//! Writing JSON (RFC 8259), in the order of the calls and without a copy in memory.

use std::fmt::{self, Display, Formatter, Write};

/// An object that is being written. Each call adds one member.
pub struct Object<'o, 'f> {
    out: &'o mut Formatter<'f>,
    has_members: bool,
}

/// Writes an object whose members `write` adds.
pub fn object(
    out: &mut Formatter<'_>,
    write: impl FnOnce(&mut Object<'_, '_>) -> fmt::Result,
) -> fmt::Result {
    out.write_str("{")?;
    write(&mut Object { out, has_members: false })?;
    out.write_str("}")
}

impl Object<'_, '_> {
    /// Adds a number.
    pub fn number(&mut self, name: impl Display, number: impl Display) -> fmt::Result {
        self.name(name)?;
        write!(self.out, "{number}")
    }

    /// Adds a number that may be unknown, which is `null`.
    pub fn optional(&mut self, name: impl Display, number: Option<impl Display>) -> fmt::Result {
        match number {
            Some(number) => self.number(name, number),
            None => self.number(name, "null"),
        }
    }

    pub fn text(&mut self, name: impl Display, text: impl Display) -> fmt::Result {
        self.name(name)?;
        string(self.out, text)
    }

    /// Adds a string that may be unknown, which is `null`.
    pub fn optional_text(&mut self, name: impl Display, text: Option<impl Display>) -> fmt::Result {
        match text {
            Some(text) => self.text(name, text),
            None => self.number(name, "null"),
        }
    }

    pub fn object(
        &mut self,
        name: impl Display,
        write: impl FnOnce(&mut Object<'_, '_>) -> fmt::Result,
    ) -> fmt::Result {
        self.name(name)?;
        object(self.out, write)
    }

    /// Adds an array of objects, one for each item.
    pub fn array<T>(
        &mut self,
        name: impl Display,
        items: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Object<'_, '_>, T) -> fmt::Result,
    ) -> fmt::Result {
        self.name(name)?;
        self.out.write_str("[")?;
        for (at, item) in items.into_iter().enumerate() {
            self.out.write_str(if at > 0 { "," } else { "" })?;
            object(self.out, |object| write(object, item))?;
        }
        self.out.write_str("]")
    }

    fn name(&mut self, name: impl Display) -> fmt::Result {
        if std::mem::replace(&mut self.has_members, true) {
            self.out.write_str(",")?;
        }
        string(self.out, name)?;
        self.out.write_str(":")
    }
}

fn string(out: &mut Formatter<'_>, text: impl Display) -> fmt::Result {
    out.write_str("\"")?;
    write!(Escaped(out), "{text}")?;
    out.write_str("\"")
}

/// Escapes what a string of JSON must not hold.
struct Escaped<'o, 'f>(&'o mut Formatter<'f>);

impl Write for Escaped<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for part in text.split_inclusive(|c: char| matches!(c, '"' | '\\') || c < ' ') {
            let is_escaped = |c: &char| matches!(c, '"' | '\\') || *c < ' ';
            let Some(last) = part.chars().next_back().filter(is_escaped) else {
                self.0.write_str(part)?;
                continue;
            };
            self.0.write_str(&part[..part.len() - 1])?;
            write!(self.0, "\\u{:04x}", u32::from(last))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Written<F>(F);

    impl<F: Fn(&mut Object<'_, '_>) -> fmt::Result> Display for Written<F> {
        fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
            object(f, &self.0)
        }
    }

    fn written(write: impl Fn(&mut Object<'_, '_>) -> fmt::Result) -> String {
        Written(write).to_string()
    }

    #[test]
    fn members_are_separated_by_commas() {
        let text = written(|object| {
            object.number("one", 1)?;
            object.optional("none", None::<u64>)?;
            object.object("inner", |inner| inner.text("name", "value"))?;
            object.array("all", [1, 2], |item, number| item.number("n", number))?;
            object.array("no", [0; 0], |item, number| item.number("n", number))
        });
        assert_eq!(text, r#"{"one":1,"none":null,"inner":{"name":"value"},"all":[{"n":1},{"n":2}],"no":[]}"#);
        assert_eq!(written(|_| Ok(())), "{}");
    }

    #[test]
    fn a_string_is_escaped() {
        let text = written(|object| object.text("a", "\"ä\\\n\""));
        assert_eq!(text, r#"{"a":"\u0022ä\u005c\u000a\u0022"}"#);
    }
}
