//! Colours, on a terminal only.

use clap::builder::styling::{AnsiColor, Style as Ansi};

use super::kernel::State;

/// What a piece of text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Style {
    #[default]
    Plain,
    Title,
    Heading,
    Call,
    Segments,
    Bar,
    Note,
    /// A state of an open connection.
    Open,
    /// A state on the way to the end.
    Closing,
    TimeWait,
    Closed,
    Unknown,
}

impl Style {
    pub fn of(state: State) -> Self {
        match state {
            State::Established | State::SynSent | State::SynRecv => Style::Open,
            State::TimeWait => Style::TimeWait,
            State::Closed | State::Listen => Style::Closed,
            _ => Style::Closing,
        }
    }

    fn ansi(self) -> Ansi {
        let style = Ansi::new();
        let colour = |colour: AnsiColor| style.fg_color(Some(colour.into()));
        match self {
            Style::Plain => style,
            Style::Title => style.bold().underline(),
            Style::Heading | Style::Bar | Style::Closed => style.dimmed(),
            Style::Call => style.bold(),
            Style::Segments => colour(AnsiColor::Cyan),
            Style::Note => style.italic(),
            Style::Open => colour(AnsiColor::Green),
            Style::Closing => colour(AnsiColor::Yellow),
            Style::TimeWait | Style::Unknown => colour(AnsiColor::Red).bold(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paint {
    pub is_on: bool,
}

impl Paint {
    pub fn with(self, style: Style, text: &str) -> String {
        if !self.is_on || style == Style::Plain || text.is_empty() {
            return text.to_owned();
        }
        let style = style.ansi();
        format!("{style}{text}{style:#}")
    }
}
