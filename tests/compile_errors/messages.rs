//! What the compiler says to the author of a host that does not compile. The documentation of `handler_fn` says what to
//! write instead.
//!
//! Each file of `cases` is a host, and the file beside it has the messages. Other versions of the compiler have other
//! messages, so only one version is held to them. This records them anew:
//!
//!     TRYBUILD=overwrite .ci/steps messages

use std::env;
use std::ffi::OsString;
use std::process::Command;

/// The compiler whose messages are recorded.
const RECORDED: &str = "rustc 1.95.";

/// Returns the version of the compiler that trybuild runs.
fn version() -> String {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc"));
    let output = Command::new(rustc).arg("--version").output().expect("the compiler runs");
    String::from_utf8(output.stdout).expect("a version is text")
}

#[test]
fn the_compiler_says_what_it_has_said_when_its_messages_were_recorded() {
    let version = version();
    if !version.starts_with(RECORDED) {
        eprintln!(
            "SKIPPED: the messages in tests/compile_errors are those of {RECORDED}x, and this is {version}"
        );
        return;
    }
    let cases = trybuild::TestCases::new();
    cases.compile_fail("cases/*.rs");
    if cfg!(unix) && cfg!(not(feature = "uds")) {
        cases.compile_fail("cases/without_uds/*.rs");
    }
}
