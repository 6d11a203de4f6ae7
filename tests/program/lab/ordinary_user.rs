//! A user without any rights sees all of it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use super::{SCENARIOS, ladders, rows};
use crate::common::json::Json;
use crate::common::program::{EXECUTABLE, run, tidy};
use crate::common::tools::{self, Folder};

/// A user and a group of which nobody is a member, and the tool that changes to them.
const NOBODY: [&str; 5] = ["--reuid", "65534", "--regid", "65534", "--clear-groups"];

#[test]
fn an_ordinary_user_sees_every_state_and_segment() {
    let Some(setpriv) = tools::find(&["setpriv"]) else { return };
    // The folder of the build may be closed to others.
    let folder = Folder::new();
    let program = folder.path("fourway");
    fs::copy(EXECUTABLE, &program).expect("a copy of the program");
    for path in [folder.path(""), program.clone()] {
        fs::set_permissions(&path, Permissions::from_mode(0o755)).expect("rights for others");
    }
    let mut as_nobody = Command::new(setpriv);
    as_nobody.args(NOBODY);
    if !as_nobody.arg("true").status().is_ok_and(|status| status.success()) {
        return tools::skipped("only root can become another user");
    }
    let mut command = Command::new("setpriv");
    command.args(NOBODY).arg(&program).args(["lab", "all", "--json"]);
    let ended = run(tidy(command));
    assert_eq!((ended.code(), ended.stderr.as_str()), (Some(0), ""));
    let report = Json::parse(&ended.stdout);
    assert!(ladders(&report).len() >= SCENARIOS.len());
    for ladder in ladders(&report) {
        for row in rows(ladder) {
            for side in ["client.state", "server.state"] {
                assert!(matches!(row.at(side), Json::Text(_)), "{side} of {row:?}");
            }
        }
    }
}
