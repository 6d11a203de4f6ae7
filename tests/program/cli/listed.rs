//! The options that clap knows, as the man page lists them: it is made of clap's own list, and by nobody's hand.

use std::collections::BTreeMap;

use crate::common::program::{command, run};

/// An option of the man page.
#[derive(Default, Debug)]
pub struct Listed {
    pub variable: Option<String>,
    pub default: Option<String>,
    /// The words that its value can be.
    pub modes: Vec<String>,
    text: String,
}

/// The options by their names and the names of their values, such as `--listen ADDR`.
pub type Options = BTreeMap<String, Listed>;

/// Returns the options of the server.
pub fn of_server() -> Options {
    of_page(&["man"])
}

/// Returns the options of the doctor.
pub fn of_doctor() -> Options {
    of_page(&["man", "doctor"])
}

/// Returns the options of the lab.
pub fn of_lab() -> Options {
    of_page(&["man", "lab"])
}

/// Reads the option sections of a man page. Each option is a paragraph (`.TP`): its name with its default, its text, its
/// modes (`.IP`) and its variable.
fn of_page(arguments: &[&str]) -> Options {
    let page = run(command(arguments)).stdout;
    let mut options = Options::new();
    for paragraph in page.split("\n.TP\n").skip(1) {
        let Some(paragraph) = paragraph.strip_prefix("\\fB\\-") else { continue };
        // The last paragraph of a section ends at the heading of the next.
        let paragraph = format!("-{}", paragraph.split("\n.SH").next().unwrap_or_default());
        let plain =
            ["\\fB", "\\fI", "\\fR", "<", ">"].iter().fold(paragraph, |text, font| text.replace(font, ""));
        let plain = plain.replace("\\-", "-").replace("\\*(Aq", "'");
        let (head, body) = plain.split_once('\n').unwrap_or((&plain, ""));
        let name = head.split(" [").next().unwrap_or(head).to_owned();
        let mut listed = Listed { text: format!("{head} {body}"), ..Listed::default() };
        listed.default = listed.between("[default: ", "]");
        listed.variable = listed.between("May also be specified with the ", " ");
        let modes = body.split(".IP ").skip(1).filter_map(|mode| mode.lines().nth(1)?.split(':').next());
        listed.modes = modes.map(str::to_owned).collect();
        options.insert(name, listed);
    }
    options
}

impl Listed {
    fn between(&self, begin: &str, end: &str) -> Option<String> {
        let (_, rest) = self.text.split_once(begin)?;
        rest.split_once(end).map(|(value, _)| value.replace('\n', " "))
    }
}
