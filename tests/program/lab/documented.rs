//! The output that `docs/` keeps is the one of today.
//!
//! `LAB_WRITE=1 cargo test --test program lab::documented` writes it anew.

use std::fs;
use std::path::Path;

use super::{SCENARIOS, lab_in, shape};

/// How often a run may differ: on a busy machine a timer of the kernel can come too early or too late.
const ATTEMPTS: usize = 4;

fn expect_kept(language: &str, file: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(file);
    if std::env::var_os("LAB_WRITE").is_some() {
        fs::write(&path, lab_in(language, &["all"]).stdout).expect("a page of the documentation");
    }
    let kept = fs::read_to_string(&path).expect("a page of the documentation");
    for _ in 1..ATTEMPTS {
        if shape(&lab_in(language, &["all"]).stdout) == shape(&kept) {
            return;
        }
    }
    let now = lab_in(language, &["all"]).stdout;
    let (now_shape, kept_shape) = (shape(&now), shape(&kept));
    let same = now_shape.iter().zip(&kept_shape).take_while(|(now, kept)| now == kept).count();
    let around =
        |words: &[String]| words[same.saturating_sub(12)..].iter().take(24).cloned().collect::<Vec<_>>();
    assert_eq!(around(&now_shape), around(&kept_shape), "{file} differs from:\n{now}");
}

#[test]
#[cfg(target_os = "linux")]
fn the_english_output_is_the_one_in_docs() {
    expect_kept("en", "lab.txt");
}

#[test]
#[cfg(target_os = "linux")]
fn the_chinese_output_is_the_one_in_docs() {
    expect_kept("zh", "lab.zh-CN.txt");
}

#[test]
fn the_page_of_the_lab_names_every_scenario() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/LAB.md")).unwrap();
    for scenario in SCENARIOS.into_iter().chain(["essay", "ports"]) {
        assert!(page.contains(&format!("| `{scenario}` |")), "{scenario}");
    }
}

#[test]
fn shapes_have_no_numbers_but_keep_the_names_of_states() {
    let line = "  12.5 FIN_WAIT_1   ◀── 2 × 126 bytes ↻ ─── LISTEN  sendmsg 174987 in 2";
    assert_eq!(shape(line).join(" "), "FIN_WAIT_1 ◀- bytes - LISTEN sendmsg");
}
