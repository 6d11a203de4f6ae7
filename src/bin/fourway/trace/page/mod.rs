//! The player: a page that steps through a trace. It is whole in itself, and asks nobody.
//!
//! Its parts are `page.html`, the style of the status page with `player.css`, and a script in several files: `text.js` of
//! the status page, `model.js` applies the records, `diagram.js` draws the states, `words.js` says what a step is,
//! `view.js` shows a model, and `main.js` moves. The arrows of the diagram are the table of transitions of the library.
//!
//! A trace may come from anywhere. It is embedded as text that no browser takes for markup, and the script writes nothing
//! but text. The page's policy allows its own style and script, and nothing else.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::language::Language;
use crate::status::page::digest;

const HTML: &str = include_str!("page.html");
const STYLE: &str = concat!(include_str!("../../status/page/style.css"), include_str!("player.css"));
const SCRIPT: &str = concat!(
    include_str!("../../status/page/text.js"),
    include_str!("model.js"),
    include_str!("diagram.js"),
    include_str!("words.js"),
    include_str!("view.js"),
    include_str!("main.js")
);
const TRANSITIONS: &str = include_str!("../../../../state/transitions/transitions.json");

/// The lines of source that are shown on each side of the one that made a step.
const LINES_AROUND: usize = 3;

/// Returns the page of a trace, whose title is in its header. If there is a folder with the sources, the page shows the lines that made the steps.
pub fn page(trace: &str, title: &str, language: Language, sources: Option<&Path>) -> String {
    let [style, script] = [STYLE, SCRIPT].map(|text| digest::base64(&digest::sha256(text.as_bytes())));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{script}'; img-src data:; base-uri 'none'; \
         form-action 'none'; require-trusted-types-for 'script'"
    );
    let sources = sources.map_or_else(|| "{}".to_owned(), |folder| lines_of(trace, folder));
    let parts: [(&str, &str); 8] = [
        ("lang", language.tag()),
        ("policy", &policy),
        ("style", STYLE),
        ("sentences", &inert(&sentences(title))),
        ("transitions", &inert(TRANSITIONS)),
        ("sources", &inert(&sources)),
        ("trace", &inert(trace)),
        ("script", SCRIPT),
    ];
    filled(HTML, &parts)
}

/// Puts each part into its place, once. What a part contains is never taken for a place.
fn filled(html: &str, parts: &[(&str, &str)]) -> String {
    let mut page = String::new();
    let mut rest = html;
    for (name, part) in parts {
        let (before, after) =
            rest.split_once(&format!("@{name}@")).expect("the parts are in the page's order");
        page.push_str(before);
        page.push_str(part);
        rest = after;
    }
    page + rest
}

/// Returns JSON in which a browser finds no markup. In JSON, `<` stands only in texts.
fn inert(json: &str) -> String {
    json.replace('<', "\\u003c")
}

/// Returns the sentences of all languages in JSON, with the title and the text of the story where it has its own.
fn sentences(title: &str) -> String {
    let languages = [Language::English, Language::Chinese].map(|language| {
        let mut all = language.player().all();
        if let Some((title, text)) = language.story(title) {
            all.extend([("title", title), ("story", text)]);
        }
        let all: Vec<_> =
            all.iter().map(|(name, text)| format!("{}:{}", quoted(name), quoted(text))).collect();
        format!("{}:{{{}}}", quoted(language.tag()), all.join(","))
    });
    format!("{{{}}}", languages.join(","))
}

/// Returns the lines of source that made the steps of a trace, with some around them, in JSON. It leaves out what is not
/// below the folder.
fn lines_of(trace: &str, folder: &Path) -> String {
    let mut found = BTreeMap::new();
    for rest in trace.split("\"at\":\"").skip(1) {
        let Some((at, _)) = rest.split_once('"') else { continue };
        if !found.contains_key(at) {
            found.insert(at, lines_at(at, folder));
        }
    }
    let found = found.iter().filter_map(|(at, lines)| {
        let lines: Vec<String> =
            lines.as_ref()?.iter().map(|(number, line)| format!("[{number},{}]", quoted(line))).collect();
        Some(format!("{}:[{}]", quoted(at), lines.join(",")))
    });
    format!("{{{}}}", found.collect::<Vec<_>>().join(","))
}

/// Returns the lines around a place such as `src/table/mod.rs:12`, with their numbers.
fn lines_at(at: &str, folder: &Path) -> Option<Vec<(usize, String)>> {
    let (path, line) = at.rsplit_once(':')?;
    let line: usize = line.parse().ok()?;
    let is_source = path.starts_with("src/") && path.ends_with(".rs") && !path.contains("..");
    let text = fs::read_to_string(folder.join(is_source.then_some(path)?)).ok()?;
    let lines = text.lines().map(str::to_owned).enumerate().map(|(at, text)| (at + 1, text));
    let near = lines.filter(|(number, _)| number.abs_diff(line) <= LINES_AROUND);
    Some(near.collect())
}

/// Returns a text as JSON has it.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\0'..'\x20' => quoted.push_str(&format!("\\u{:04x}", u32::from(character))),
            _ => quoted.push(character),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_whole_and_small() {
        let page = page("", "", Language::English, None);
        assert!(page.contains(STYLE) && page.contains(SCRIPT) && page.len() < 100 * 1024, "{}", page.len());
        for part in ["<link rel=\"stylesheet", "src=", "@import", "http://www", "https://"] {
            assert!(!page.replace("http://www.w3.org/2000/svg", "").contains(part), "{part}");
        }
    }

    #[test]
    fn the_script_writes_nothing_but_text() {
        for part in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function("] {
            assert!(!SCRIPT.contains(part), "{part}");
        }
    }

    #[test]
    fn a_trace_cannot_bring_markup_into_the_page() {
        let evil = "{\"title\":\"</script><script>alert(1)</script><!-- @script@ \"}";
        let page = page(evil, "", Language::English, None);
        assert_eq!(page.matches("<script").count(), HTML.matches("<script").count());
        assert_eq!(page.matches("</script").count(), HTML.matches("</script").count());
        assert!(page.contains("\\u003c/script>\\u003cscript>alert(1)\\u003c/script>\\u003c!-- @script@ "));
    }

    #[test]
    fn the_lines_of_source_are_those_around_the_step() {
        let trace = "{\"at\":\"src/lib.rs:2\"}\n{\"at\":\"src/../Cargo.toml:1\"}\n{\"at\":\"src/none.rs:1\"}";
        let lines = lines_of(trace, Path::new(env!("CARGO_MANIFEST_DIR")));
        let first = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/lib.rs")).unwrap();
        let first = quoted(first.lines().next().unwrap());
        assert!(lines.starts_with(&format!("{{\"src/lib.rs:2\":[[1,{first}],[2,")), "{lines}");
        assert!(!lines.contains("Cargo") && !lines.contains("none"), "{lines}");
        assert_eq!(quoted("a\"\\\n"), "\"a\\\"\\\\\\u000a\"");
    }
}
