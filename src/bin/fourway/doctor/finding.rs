//! One finding: a limit of the machine, what it allows, and whether that suffices.

use std::fmt;

/// Whether a limit suffices for what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// The machine cannot bear the load that was asked for.
    Short,
    /// It can be had, but the run or its figures will suffer.
    Note,
    /// The system does not tell.
    Unknown,
    Ok,
}

impl Verdict {
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Short => "short",
            Verdict::Note => "note",
            Verdict::Ok => "ok",
            Verdict::Unknown => "unknown",
        }
    }
}

/// What a limit allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allows {
    Connections(u64),
    /// New connections a second.
    PerSecond(u64),
    /// It limits neither.
    Other,
}

/// The subject of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct What {
    /// A name that does not change, for programs.
    pub name: &'static str,
    /// The thing that is limited, for people.
    pub subject: &'static str,
    /// The setting or the number that limits it.
    pub setting: &'static str,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    pub what: What,
    /// What was read, as the system writes it. `None` if it cannot be read.
    pub value: Option<String>,
    pub allows: Allows,
    /// Sentences about the value.
    pub text: String,
    pub verdict: Verdict,
    /// How often it has what was asked for. Below 1, it breaks before.
    pub headroom: Option<f64>,
    /// The exact lines that would raise it.
    pub lines: Vec<String>,
}

impl Finding {
    /// Begins a finding about a value that cannot be read.
    pub fn unknown(what: What, text: impl Into<String>) -> Self {
        Finding {
            what,
            value: None,
            allows: Allows::Other,
            text: text.into(),
            verdict: Verdict::Unknown,
            headroom: None,
            lines: Vec::new(),
        }
    }

    /// Begins a finding about a value that is enough.
    pub fn new(what: What, value: impl ToString) -> Self {
        let unknown = Self::unknown(what, "");
        Finding { value: Some(value.to_string()), verdict: Verdict::Ok, ..unknown }
    }

    /// Sets the number of connections that it allows. Fewer than were asked for are short.
    pub fn allows(mut self, connections: u64, asked: u64) -> Self {
        self.allows = Allows::Connections(connections);
        self.headroom = Some(connections as f64 / asked as f64);
        if connections < asked {
            self.verdict = Verdict::Short;
        }
        self
    }

    /// Sets how often it has what is needed. Less than needed is worth a note.
    pub fn noted(mut self, has: f64, needs: f64) -> Self {
        self.headroom = Some(has / needs);
        if has < needs {
            self.verdict = self.verdict.min(Verdict::Note);
        }
        self
    }

    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.text = text.into();
        self
    }

    /// Adds a line that would raise it, if it does not suffice.
    pub fn line(mut self, line: impl FnOnce() -> String) -> Self {
        if self.verdict <= Verdict::Note {
            self.lines.push(line());
        }
        self
    }
}

/// Returns the line for a shell that writes a value to a file. Names of control groups may have backslashes and spaces.
pub fn write_to(value: impl fmt::Display, file: &str) -> String {
    let is_plain = file.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-@:".contains(&byte));
    let file = if is_plain { file.to_owned() } else { format!("'{}'", file.replace('\'', r"'\''")) };
    format!("echo {value} > {file}")
}

/// `1,048,576`
pub struct Count(pub u64);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (at, digit) in digits.char_indices() {
            if at > 0 && (digits.len() - at) % 3 == 0 {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

/// `1,536 MiB`
pub struct Mebibytes(pub u64);

impl fmt::Display for Mebibytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MIB: u64 = 1 << 20;
        write!(f, "{} MiB", Count(self.0.div_ceil(MIB)))
    }
}

/// Returns a number of connections in words.
pub fn connections(count: u64) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{} connection{s}", Count(count))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHAT: What = What { name: "x", subject: "y", setting: "z" };

    #[test]
    fn numbers_have_a_comma_before_each_three_digits() {
        let shown = |number| Count(number).to_string();
        assert_eq!([0, 999, 1000, 1_048_576].map(shown), ["0", "999", "1,000", "1,048,576"]);
        assert_eq!(Mebibytes((1 << 30) + 1).to_string(), "1,025 MiB");
    }

    #[test]
    fn a_limit_below_what_is_asked_for_is_short_and_has_its_lines() {
        let finding = |allowed| Finding::new(WHAT, allowed).allows(allowed, 100).line(|| "raise it".into());
        assert_eq!((finding(100).verdict, finding(100).lines.len()), (Verdict::Ok, 0));
        assert_eq!((finding(99).verdict, finding(99).lines.len()), (Verdict::Short, 1));
    }

    #[test]
    fn a_note_does_not_make_what_is_short_better() {
        let finding = Finding::new(WHAT, 1).allows(1, 2);
        assert_eq!(finding.clone().noted(1.0, 2.0).verdict, Verdict::Short);
        assert_eq!(Finding::new(WHAT, 1).noted(1.0, 2.0).verdict, Verdict::Note);
        assert_eq!(Finding::new(WHAT, 1).noted(2.0, 2.0).verdict, Verdict::Ok);
    }
}
