//! The documentation says what the program says.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::common::program::{command, run};

/// What stands in the table for an option that has no default, or no variable.
const NONE: &str = "–";

/// What is documented of one option.
#[derive(Default)]
struct Entry {
    variable: Option<String>,
    default: Option<String>,
    /// All of its text, in which its modes are named.
    text: String,
    modes: Vec<String>,
}

/// The options by their names and the names of their values, such as `--listen ADDR`.
type Options = BTreeMap<String, Entry>;

fn page(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The rows of the table whose first column has this heading, each as its cells.
fn table(page: &str, heading: &str) -> Vec<Vec<String>> {
    let cells = |line: &str| -> Vec<String> {
        let inner = line.trim().trim_matches('|').replace("\\|", "\0");
        inner.split('|').map(|cell| cell.trim().replace('\0', "|")).collect()
    };
    let from_heading = page.lines().skip_while(|line| !line.starts_with(&format!("| {heading} |")));
    from_heading.skip(2).take_while(|line| line.starts_with('|')).map(cells).collect()
}

/// The page that documents a command, and the arguments that print its help.
struct Documented {
    page: &'static str,
    help: &'static [&'static str],
}

const SERVER: Documented = Documented { page: "docs/PROGRAM.md", help: &["--help"] };
const DOCTOR: Documented = Documented { page: "docs/DOCTOR.md", help: &["doctor", "--help"] };

fn documented(command: &Documented) -> Options {
    let filled = |cell: &str| Some(cell.replace('`', "")).filter(|cell| cell != NONE);
    let mut options = Options::new();
    for row in table(&page(command.page), "option") {
        let [name, variable, default, text] = &row[..] else { panic!("not four cells: {row:?}") };
        let entry = Entry {
            variable: filled(variable),
            default: filled(default),
            text: text.clone(),
            modes: Vec::new(),
        };
        let twice = options.insert(name.replace('`', ""), entry);
        assert!(twice.is_none(), "{name} has two rows");
    }
    options
}

/// Reads the help: an option's line begins with a dash, and its text is indented further. Subcommands stand before.
fn helped(documented: &Documented) -> Options {
    const TEXT_INDENT: &str = "          ";
    let mut options = Options::new();
    let mut current = None;
    let help = run(command(documented.help)).stdout;
    for line in help.lines().skip_while(|line| *line != "Options:") {
        let words = line.trim();
        if let Some(text) = line.strip_prefix(TEXT_INDENT) {
            let entry = current.as_ref().and_then(|name| options.get_mut(name));
            let entry: &mut Entry = entry.unwrap_or_else(|| panic!("the text of no option: {line:?}"));
            let mode = text.strip_prefix("- ").and_then(|text| text.split(':').next());
            entry.modes.extend(mode.map(str::to_owned));
            entry.text += words;
            entry.text.push(' ');
        } else if words.starts_with('-') {
            let name = words.replace(['<', '>'], "").replace("...", "");
            options.insert(name.clone(), Entry::default());
            current = Some(name);
        }
    }
    for entry in options.values_mut() {
        let bracketed = |key: &str| {
            let (_, rest) = entry.text.split_once(&format!("[{key}: "))?;
            rest.split_once(']').map(|(value, _)| value.to_owned())
        };
        (entry.variable, entry.default) = (bracketed("env"), bracketed("default"));
    }
    options
}

/// What differs between two values, as a sentence.
fn difference(
    name: &str,
    what: &str,
    helped: &Option<String>,
    documented: &Option<String>,
) -> Option<String> {
    let shown = |value: &Option<String>| value.clone().unwrap_or("none".into());
    (helped != documented)
        .then(|| format!("{what} of {name}: {} in --help, {} in the table", shown(helped), shown(documented)))
}

#[test]
fn the_option_table_is_what_help_prints() {
    assert!(helped(&SERVER).len() >= 19, "--help is read: {:?}", helped(&SERVER).keys());
    compare(&SERVER);
}

#[test]
fn the_doctors_option_table_is_what_its_help_prints() {
    assert!(helped(&DOCTOR).len() >= 6, "its help is read: {:?}", helped(&DOCTOR).keys());
    compare(&DOCTOR);
}

fn compare(command: &Documented) {
    let (helped, documented) = (helped(command), documented(command));
    let mut wrong = Vec::new();
    for name in documented.keys().filter(|&name| !helped.contains_key(name)) {
        wrong.push(format!("{name} stands in the table, and not in --help"));
    }
    for (name, help) in &helped {
        let Some(row) = documented.get(name) else {
            wrong.push(format!("{name} stands in --help, and not in the table"));
            continue;
        };
        wrong.extend(difference(name, "the variable", &help.variable, &row.variable));
        wrong.extend(difference(name, "the default", &help.default, &row.default));
        for mode in help.modes.iter().filter(|mode| !row.text.contains(&format!("`{mode}`"))) {
            wrong.push(format!("the mode {mode} of {name} stands in --help, and not in the table"));
        }
    }
    assert!(wrong.is_empty(), "{} and --help differ:\n{}", command.page, wrong.join("\n"));
}

#[test]
fn the_readme_has_a_row_for_each_close_mode() {
    let modes = helped(&SERVER)["--close MODE"].modes.clone();
    let rows = table(&page("README.md"), "`--close`");
    let names: Vec<_> = rows.iter().map(|row| row[0].split('`').nth(1).unwrap_or_default()).collect();
    assert_eq!(names, modes);
}
