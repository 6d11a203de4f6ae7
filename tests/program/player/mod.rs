//! The player of traces (`fourway trace STORY --html FILE`) in a browser that others wrote.

mod expected;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::common::chromium::Page;
use crate::common::json::Json;
use crate::common::program;
use crate::common::tools::Folder;

use expected::{Shown, members};

/// What the page shows after each step.
const SHOWN: &str = "JSON.stringify(trace.steps.map((_, at) => { goTo(at); \
    const shown = Object.fromEntries([...document.querySelectorAll('[data-field]')].map((it) => [it.dataset.field, it.dataset.value])); \
    for (const row of byId('lists').rows) if (row.dataset.value) shown['list ' + row.dataset.list] = row.dataset.value; \
    for (const node of document.querySelectorAll('.node')) if (node.dataset.count > 0) shown['in ' + node.dataset.state] = node.dataset.count; \
    shown.queue = [...byId('ready').querySelectorAll('[data-connection]')].map((it) => it.dataset.connection).join(); \
    shown.state = document.querySelector('.node.now')?.dataset.state ?? ''; \
    const arrow = document.querySelector('.lines .now'); \
    shown.arrow = arrow ? arrow.dataset.from + '>' + arrow.dataset.to : ''; \
    shown.at = byId('at').textContent; return shown; }))";

const STEP: &str = "document.querySelector('[data-field=step]').dataset.value";

fn sources() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the names and the files of the recorded stories.
fn stories() -> Vec<(String, PathBuf)> {
    let files = fs::read_dir(sources().join("docs/stories")).expect("the stories");
    let files = files.map(|file| file.expect("a file").path());
    let stories = files.filter(|path| path.extension().is_some_and(|ending| ending == "trace"));
    let name = |path: &PathBuf| path.file_stem().expect("a name").to_string_lossy().into_owned();
    let mut stories: Vec<_> = stories.map(|path| (name(&path), path)).collect();
    stories.sort();
    assert!(stories.len() >= 12, "a dozen stories are kept");
    stories
}

/// Writes the page of a trace with the program, and returns its address.
fn write(folder: &Folder, trace: &str, options: &[&str]) -> String {
    let file = folder.path("page.html");
    let mut command = program::command(&["trace", trace, "--html"]);
    command.arg(&file).args(options).env_remove("LC_ALL").env_remove("LC_MESSAGES").env_remove("LANG");
    let ended = program::run(command);
    assert!(ended.status.success(), "{}", ended.stderr);
    format!("file://{}", file.display())
}

fn open(folder: &Folder, trace: &str, options: &[&str]) -> Option<Page> {
    let mut page = Page::open(&write(folder, trace, options))?;
    page.wait_for(STEP, |step| step == "1");
    Some(page)
}

fn shown(page: &mut Page) -> Vec<Shown> {
    let Json::Array(steps) = Json::parse(&page.value(SHOWN)) else { panic!("an array") };
    let text = |(name, value): (&String, &Json)| match value {
        Json::Text(text) => (name.clone(), text.clone()),
        other => panic!("{name} is {other:?}"),
    };
    steps.iter().map(|step| members(step).iter().map(text).collect()).collect()
}

#[test]
fn each_step_of_each_story_has_the_numbers_of_the_trace() {
    let folder = Folder::new();
    let mut page: Option<Page> = None;
    for (name, path) in stories() {
        let address = write(&folder, &name, &[]);
        match &mut page {
            None => page = Page::open(&address),
            Some(page) => _ = page.value("location.reload()"),
        }
        let Some(page) = &mut page else { return };
        let trace = fs::read_to_string(&path).expect("a story");
        let header = Json::parse(trace.lines().next().expect("a header"));
        page.wait_for("document.getElementById('title').textContent", |title| title == header.text("title"));
        let expected = expected::steps(&trace);
        let shown = shown(page);
        assert_eq!(shown.len(), expected.len(), "{name}");
        for (shown, expected) in shown.iter().zip(&expected) {
            assert_eq!(shown, expected, "{name}, step {}", expected["step"]);
        }
        // Backwards, the same.
        let back = page.value(&SHOWN.replace(
            "trace.steps.map((_, at) => {",
            "trace.steps.map((_, from) => { const at = trace.steps.length - 1 - from;",
        ));
        let Json::Array(back) = Json::parse(&back) else { panic!("an array") };
        assert_eq!(back.len(), expected.len());
        assert!(
            back.iter().rev().zip(&expected).all(|(back, expected)| back.text("calls") == expected["calls"]
                && back.text("state") == expected["state"]
                && back.text("ready") == expected["ready"]),
            "{name}"
        );
        assert_eq!(page.complaints(), [] as [&str; 0], "{name}");
    }
}

#[test]
fn the_diagram_has_exactly_the_arrows_of_the_table() {
    const ARROWS: &str = "[...document.querySelectorAll('.lines path')].map((it) => it.dataset.from + '>' + it.dataset.to).join()";
    let folder = Folder::new();
    let Some(mut page) = open(&folder, "request-whole", &[]) else { return };
    let arrows = page.value(ARROWS);
    let drawn: BTreeSet<&str> = arrows.split(',').collect();
    let table =
        fs::read_to_string(sources().join("src/state/transitions/transitions.json")).expect("the table");
    let table = Json::parse(&table);
    let Json::Array(rows) = table.at("rows") else { panic!("rows") };
    let rows: Vec<String> =
        rows.iter().map(|row| format!("{}>{}", row.text("from"), row.text("to"))).collect();
    assert_eq!(drawn, rows.iter().map(String::as_str).collect());
    assert_eq!(arrows.split(',').count(), rows.len());
}

#[test]
fn the_keyboard_steps_through_a_trace() {
    const FOCUSED: &str = "document.activeElement.id || document.activeElement.className";
    const NAMELESS: &str = "[...document.querySelectorAll('button, input, select, section, nav, svg[role], table')]\
        .filter((it) => !(it.ariaLabel || it.textContent.trim() && it.matches('button') || it.caption?.textContent || \
            document.getElementById(it.getAttribute('aria-labelledby'))?.textContent))\
        .map((it) => it.outerHTML.slice(0, 80)).join()";
    let folder = Folder::new();
    let Some(mut page) = open(&folder, "request-whole", &[]) else { return };
    assert_eq!(page.value(NAMELESS), "");
    let steps = page.value("String(trace.steps.length)");
    let turn =
        page.value("String(1 + trace.steps.findIndex(([it]) => it.kind === 'turn' && it.step === 'begins'))");
    for (key, step) in [
        ("ArrowRight", "2"),
        ("ArrowRight", "3"),
        ("ArrowLeft", "2"),
        ("End", &steps),
        ("ArrowRight", &steps),
        ("Home", "1"),
        ("ArrowLeft", "1"),
        ("PageDown", &turn),
    ] {
        page.press(key);
        assert_eq!(page.value(STEP), step, "after {key}");
    }
    page.value("byId('pace').value = '120'; ''");
    page.press(" ");
    assert_eq!(page.value("byId('play').getAttribute('aria-pressed')"), "true");
    page.wait_for(STEP, |step| step == steps);
    page.wait_for("byId('play').getAttribute('aria-pressed')", |pressed| pressed == "false");
    let mut reached = BTreeSet::new();
    for _ in 0..12 {
        page.press("Tab");
        reached.insert(page.value(FOCUSED));
    }
    for control in ["skip", "language", "slider", "first", "back", "play", "forward", "last", "pace"] {
        assert!(reached.contains(control), "{control} of {reached:?}");
    }
}

#[test]
fn the_player_suits_a_phone_a_dark_room_and_eyes_that_dislike_motion() {
    const WIDTHS: &str = "[innerWidth, document.documentElement.scrollWidth].join()";
    const GROUND: &str = "getComputedStyle(document.body).backgroundColor";
    const MOTION: &str = "getComputedStyle(byId('fill-up')).transitionDuration";
    let folder = Folder::new();
    for language in ["en", "zh"] {
        let Some(mut page) = open(&folder, "wave-of-sixteen", &["--lang", language]) else { return };
        for step in ["0", "trace.steps.length / 2 | 0", "trace.steps.length - 1"] {
            page.value(&format!("goTo({step}); ''"));
            for width in [320, 360, 1200] {
                page.resize(width, 740);
                page.wait_for(WIDTHS, |widths| widths == format!("{width},{width}"));
            }
        }
        page.prefer("prefers-color-scheme", "light");
        assert_eq!(page.value(GROUND), "rgb(244, 245, 247)");
        page.prefer("prefers-color-scheme", "dark");
        assert_eq!(page.value(GROUND), "rgb(13, 17, 23)");
        page.prefer("prefers-reduced-motion", "no-preference");
        assert_eq!(page.value(MOTION), "0.2s");
        page.prefer("prefers-reduced-motion", "reduce");
        assert_eq!(page.value(MOTION), "0s");
    }
}

#[test]
fn the_page_begins_in_the_language_that_is_asked_for_and_changes_it() {
    const TEXTS: &str = "[document.documentElement.lang, byId('h-ready').firstChild.textContent, byId('play').textContent].join()";
    let folder = Folder::new();
    let Some(mut page) = open(&folder, "request-whole", &["--lang", "zh"]) else { return };
    assert_eq!(page.value(TEXTS), "zh-CN,就绪队列,播放");
    page.value("byId('language').click(); ''");
    assert_eq!(page.value(TEXTS), "en,The ready queue,Play");
    let Some(mut page) = open(&folder, "request-whole", &[]) else { return };
    assert_eq!(page.value(TEXTS), "en,The ready queue,Play");
}

#[test]
fn a_trace_that_is_cut_off_or_evil_is_shown_as_far_as_it_goes() {
    let folder = Folder::new();
    let trace = "{\"fourway_trace\":1,\"title\":\"</script><script>document.title = 'evil'</script><b>\"}\n\
        {\"n\":1,\"t\":0,\"turn\":1,\"kind\":\"<img src=x onerror=alert(1)>\",\"connection\":1}\n\
        {\"n\":2,\"t\":5,\"turn\":1,\"kind\":\"client\",\"connection\":1,\"does\":\"sends\",\"bytes\":9,\"text\":\"</script>\"}\n\
        {\"n\":3,\"t\":5,\"turn\":1,\"kind\":\"state\",\"connection\":1,\"from\":\"Idle\",\"to\":\"__proto__\"}\n\
        {\"n\":4,\"t\":5,\"turn\":1,\"kind\":\"call\",\"connection\":1}\n\
        {\"n\":5,\"t\":5,\"tu";
    let file = folder.write("evil.trace", trace);
    let Some(mut page) = open(&folder, file.to_str().expect("a path"), &[]) else { return };
    assert!(page.value("byId('title').textContent").starts_with("</script><script>document"));
    assert!(page.value("document.title").starts_with("</script>"));
    assert_eq!(page.value("byId('say').textContent"), "<img src=x onerror=alert(1)>");
    assert_eq!(page.value("String(document.querySelectorAll('img, b > script').length)"), "0");
    page.press("ArrowRight");
    assert_eq!(page.value("byId('code').textContent"), "</script>");
    page.press("End");
    assert_eq!(page.value("String(current)"), "3");
    assert!(page.value("byId('problem').textContent").contains("cut off"));
    assert_eq!(page.complaints(), [] as [&str; 0]);
}

#[test]
fn the_page_shows_the_lines_of_source_if_it_is_told_where_they_are() {
    let folder = Folder::new();
    let (name, path) = stories().swap_remove(0);
    let source = sources().to_str().expect("a path");
    let Some(mut page) = open(&folder, &name, &["--source", source]) else { return };
    let trace = fs::read_to_string(path).expect("a story");
    let (_, at) = trace.split_once("\"at\":\"").expect("a step of the server");
    let (path, line) = at.split_once('"').expect("its end").0.split_once(':').expect("a line");
    let text = fs::read_to_string(sources().join(path)).expect("a source");
    let line: usize = line.parse().expect("a number");
    let expected = text.lines().nth(line - 1).expect("the line");
    page.value("goTo(trace.steps.findIndex(([record]) => record.at)); ''");
    assert_eq!(
        page.value("document.querySelector('#code .now').textContent.trim()"),
        format!("{line} {expected}")
    );
}
