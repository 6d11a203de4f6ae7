//! The documentation says what the program says.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::listed;

/// What stands in the table for an option that has no default, or no variable.
const NONE: &str = "–";

/// What is documented of one option.
struct Row {
    variable: Option<String>,
    default: Option<String>,
    /// All of its text, in which its modes are named.
    text: String,
}

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

fn documented(path: &str) -> BTreeMap<String, Row> {
    let filled = |cell: &str| Some(cell.replace('`', "")).filter(|cell| cell != NONE);
    let mut options = BTreeMap::new();
    for row in table(&page(path), "option") {
        let [name, variable, default, text] = &row[..] else { panic!("not four cells: {row:?}") };
        let entry = Row { variable: filled(variable), default: filled(default), text: text.clone() };
        let twice = options.insert(name.replace('`', ""), entry);
        assert!(twice.is_none(), "{name} has two rows");
    }
    options
}

/// What differs between two values, as a sentence.
fn difference(
    name: &str,
    what: &str,
    listed: &Option<String>,
    documented: &Option<String>,
) -> Option<String> {
    let shown = |value: &Option<String>| value.clone().unwrap_or("none".into());
    (listed != documented).then(|| {
        format!("{what} of {name}: {} in the man page, {} in the table", shown(listed), shown(documented))
    })
}

#[test]
fn the_option_table_is_what_the_man_page_lists() {
    let listed = listed::of_server();
    assert!(listed.len() >= 40, "the man page is read: {:?}", listed.keys());
    compare("docs/PROGRAM.md", listed);
}

#[test]
fn the_doctors_option_table_is_what_its_man_page_lists() {
    let listed = listed::of_doctor();
    assert!(listed.len() >= 6, "the man page is read: {:?}", listed.keys());
    compare("docs/DOCTOR.md", listed);
}

#[test]
fn the_labs_option_table_is_what_its_man_page_lists() {
    let listed = listed::of_lab();
    assert!(listed.len() >= 3, "the man page is read: {:?}", listed.keys());
    compare("docs/LAB.md", listed);
}

fn compare(path: &str, listed: listed::Options) {
    let documented = documented(path);
    let mut wrong = Vec::new();
    for name in documented.keys().filter(|&name| !listed.contains_key(name)) {
        wrong.push(format!("{name} stands in the table, and not in the man page"));
    }
    for (name, option) in &listed {
        let Some(row) = documented.get(name) else {
            wrong.push(format!("{name} stands in the man page, and not in the table"));
            continue;
        };
        wrong.extend(difference(name, "the variable", &option.variable, &row.variable));
        wrong.extend(difference(name, "the default", &option.default, &row.default));
        for mode in option.modes.iter().filter(|mode| !row.text.contains(&format!("`{mode}`"))) {
            wrong.push(format!("the mode {mode} of {name} stands in the man page, and not in the table"));
        }
    }
    assert!(wrong.is_empty(), "{path} and the man page differ:\n{}", wrong.join("\n"));
}

#[test]
fn the_readme_has_a_row_for_each_close_mode() {
    let modes = &listed::of_server()["--close MODE"].modes;
    let rows = table(&page("README.md"), "`--close`");
    let names: Vec<_> = rows.iter().map(|row| row[0].split('`').nth(1).unwrap_or_default()).collect();
    assert_eq!(&names, modes);
}
