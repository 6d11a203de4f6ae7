//! `/`: a page that shows the figures. It is whole in itself, and asks nobody but its own server.
//!
//! Its parts are `page.html`, `style.css` and a script in three files: `text.js` writes numbers as texts, `draw.js` draws,
//! and `main.js` polls and shows. They are put together when the program starts.

pub mod digest;

use std::sync::Arc;

use fourway::{Body, Reply, Responder};

const HTML: &str = include_str!("page.html");
const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = concat!(include_str!("text.js"), include_str!("draw.js"), include_str!("main.js"));

/// The page, and what the browser may do with it.
pub struct Page {
    html: Arc<[u8]>,
    /// The value of `Content-Security-Policy`. It names the style and the script by their digests, so no other is used.
    policy: String,
}

impl Page {
    pub fn new() -> Self {
        let html = HTML.replace("@style@", STYLE).replace("@script@", SCRIPT);
        let [style, script] = [STYLE, SCRIPT].map(|text| digest::base64(&digest::sha256(text.as_bytes())));
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{script}'; connect-src 'self'; \
             img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
             require-trusted-types-for 'script'"
        );
        Page { html: html.into_bytes().into(), policy }
    }

    pub fn send<'r>(&self, responder: Responder<'r>) -> Reply<'r> {
        responder
            .status(200)
            .content_type("text/html; charset=utf-8")
            .header("Content-Security-Policy", &self.policy)
            .header("X-Content-Type-Options", "nosniff")
            .header("Referrer-Policy", "no-referrer")
            .header("Cache-Control", "no-cache")
            .body(Body::Shared(self.html.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_whole_and_small() {
        let page = Page::new();
        let html = std::str::from_utf8(&page.html).unwrap();
        assert!(html.contains(STYLE) && html.contains(SCRIPT) && html.len() < 64 * 1024, "{}", html.len());
        for part in ["<link rel=\"stylesheet", "src=", "@import", "https://"] {
            assert!(!html.contains(part), "{part}");
        }
    }

    #[test]
    fn the_page_writes_nothing_but_text() {
        for part in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function("] {
            assert!(!SCRIPT.contains(part), "{part}");
        }
    }
}
