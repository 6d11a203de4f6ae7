//! The picture of `--svg`.

use crate::common::chromium::Page;
use crate::common::program::{command, run};
use crate::common::tools::Folder;

#[test]
fn a_browser_shows_the_picture_in_each_language_without_a_complaint() {
    for (language, title) in [("en", "the server closes first"), ("zh", "服务器")] {
        let folder = Folder::new();
        let path = folder.path("ladder.svg");
        let ended =
            run(command(&["lab", "server-first", "--lang", language, "--svg", path.to_str().unwrap()]));
        assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
        let Some(mut page) = Page::open(&format!("file://{}", path.display())) else { return };
        page.wait_for("document.documentElement.nodeName", |name| name == "svg");
        page.wait_for("document.readyState", |state| state == "complete");
        assert_eq!(page.value("document.documentElement.getAttribute('xml:lang')"), language);
        let text = page.value("document.documentElement.textContent");
        for part in [title, "SYN+ACK", "ESTABLISHED", "FIN_WAIT_1", "TIME_WAIT", "SO_REUSEADDR"] {
            assert!(text.contains(part), "no {part}: {text}");
        }
        let outside = "String([...document.querySelectorAll('text')].filter(text => { const box = text.getBBox(); \
                       return box.x < 0 || box.x + box.width > 980; }).length)";
        assert_eq!(page.value(outside), "0", "no text leaves the picture");
        let colour = "getComputedStyle(document.querySelector('.page')).fill";
        page.prefer("prefers-color-scheme", "light");
        let light = page.wait_for(colour, |colour| !colour.is_empty());
        page.prefer("prefers-color-scheme", "dark");
        page.wait_for(colour, |dark| dark != light);
        assert!(page.complaints().is_empty(), "{:?}", page.complaints());
    }
}

#[test]
fn a_picture_that_cannot_be_written_is_an_error_that_names_the_file() {
    let folder = Folder::new();
    let path = folder.path("missing").join("ladder.svg");
    let ended = run(command(&["lab", "server-first", "--svg", path.to_str().unwrap()]));
    assert_eq!(ended.code(), Some(1));
    assert!(ended.stderr.contains("cannot write") && ended.stderr.contains("ladder.svg"), "{}", ended.stderr);
    assert_eq!(ended.stderr.lines().count(), 1);
}
