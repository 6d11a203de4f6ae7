//! The subcommand `doctor`: what it prints about this machine, and its exit codes.

use std::process::{Command, Stdio};

use crate::common::child::{Child, Ended};
use crate::common::program::{EXECUTABLE, command, command_after, run, tidy};
use crate::common::tools;

/// Runs it with these options. A single connection fits on every machine.
fn doctor(options: &[&str]) -> Ended {
    run(command(&[&["doctor"], options].concat()))
}

#[test]
fn one_connection_can_be_had_here() {
    let ended = doctor(&["--connections", "1"]);
    assert_eq!((ended.code(), ended.stderr.as_str()), (Some(0), ""), "{}", ended.stdout);
    assert!(ended.stdout.starts_with("fourway doctor: 1 connection, "), "{}", ended.stdout);
    assert!(ended.stdout.contains("This machine can bear 1 connection"), "{}", ended.stdout);
}

#[test]
fn a_low_file_limit_is_named_with_the_line_that_raises_it_and_1() {
    let Some(prlimit) = tools::find(&["prlimit"]) else { return };
    let mut command = Command::new(prlimit);
    command.args(["--nofile=100", EXECUTABLE, "doctor", "--connections", "37"]);
    let ended = run(tidy(command));
    assert_eq!(ended.code(), Some(1), "{}", ended.stdout);
    let first = ended.stdout.lines().skip_while(|line| !line.starts_with("short ")).take(8);
    let first: Vec<_> = first.collect();
    assert!(first[0].split_whitespace().eq("short 36 open files of the server".split(' ')), "{first:?}");
    assert!(first.contains(&"           ulimit -n 101"), "{first:?}");
    assert!(ended.stdout.contains("cannot bear 37 connections"), "{}", ended.stdout);
}

#[test]
fn the_line_that_it_prints_raises_the_limit() {
    let low = |script: &str| {
        run(command_after(script, &["doctor", "--connections", "37", "--client", "elsewhere"]))
    };
    assert_eq!(low("ulimit -Hn 200; ulimit -n 100").code(), Some(1));
    // The line of the report, where the limit may be raised.
    assert_eq!(low("ulimit -n 101").code(), Some(0));
}

/// A command in a network namespace of its own with 90 ports for clients, or `None` where a test may not have one.
#[cfg(target_os = "linux")]
fn with_ninety_ports(program: &str, arguments: &[&str]) -> Option<Command> {
    let may_unshare = Command::new("unshare").args(["-rn", "true"]).output();
    if !may_unshare.is_ok_and(|ended| ended.status.success()) {
        tools::skipped("unshare -rn is not possible here");
        return None;
    }
    let script = r#"ip link set lo up
        echo "50000 50099" > /proc/sys/net/ipv4/ip_local_port_range
        echo 50010-50019 > /proc/sys/net/ipv4/ip_local_reserved_ports
        echo 0 > /proc/sys/net/ipv4/tcp_tw_reuse
        exec "$0" "$@""#;
    let mut unshare = Command::new("unshare");
    unshare.args(["-rn", "sh", "-ec", script, program]).args(arguments).stdin(Stdio::null());
    Some(tidy(unshare))
}

#[test]
#[cfg(target_os = "linux")]
fn a_narrow_range_of_ports_is_named_with_the_line_that_widens_it() {
    let in_namespace = |options| with_ninety_ports(EXECUTABLE, options).map(run);
    let Some(short) = in_namespace(&["doctor", "--connections", "91"]) else { return };
    assert_eq!(short.code(), Some(1), "{}{}", short.stdout, short.stderr);
    assert!(short.stdout.contains("  90  ports of a client on this machine"), "{}", short.stdout);
    let line = r#"           sysctl -w net.ipv4.ip_local_port_range="1024 65535""#;
    assert!(short.stdout.lines().any(|found| found == line), "{}", short.stdout);

    let Some(enough) = in_namespace(&["doctor", "--connections", "90", "--rate", "9"]) else { return };
    assert_eq!(enough.code(), Some(0), "{}{}", enough.stdout, enough.stderr);
    let modes = [
        "--close peer  the client              run out after 10.0 s",
        "--close fin   the server              do not",
    ];
    assert!(modes.iter().all(|row| enough.stdout.contains(row)), "{}", enough.stdout);
}

#[test]
#[cfg(target_os = "linux")]
fn the_kernel_gives_a_client_as_many_ports_as_the_report_says() {
    let program = r#"
import errno, json, socket, subprocess, sys
def ports():
    report = subprocess.run([sys.argv[1], "doctor", "--json", "--connections", "100"], capture_output=True)
    [finding] = [finding for finding in json.loads(report.stdout)["findings"] if finding["name"] == "ports"]
    return finding
server = socket.create_server(("127.0.0.1", 50042), backlog=1000)
clients = [socket.create_connection(("127.0.0.1", 50042)) for _ in range(5)]
said = ports()
got = 0
while True:
    try:
        clients.append(socket.create_connection(("127.0.0.1", 50042)))
    except OSError as error:
        assert error.errno == errno.EADDRNOTAVAIL, error
        break
    got += 1
assert (said["verdict"], said["connections"], got) == ("short", 84, 84), (said, got)
[line] = said["lines"]
setting, value = line.removeprefix("sysctl -w ").split("=")
open("/proc/sys/" + setting.replace(".", "/"), "w").write(value.strip('"'))
clients.append(socket.create_connection(("127.0.0.1", 50042)))
assert ports()["verdict"] == "ok"
"#;
    let Some(python) = tools::find(&["python3"]) else { return };
    let python = python.to_str().expect("a path in UTF-8");
    let Some(mut command) = with_ninety_ports(python, &["-c", program, EXECUTABLE]) else { return };
    let ended = Child::run(&mut command);
    assert!(ended.status.success(), "{}", ended.stderr);
}

/// Runs a program of Python on the report in JSON.
fn checked_by_python(options: &[&str], program: &str) {
    let Some(python) = tools::find(&["python3"]) else { return };
    let json = doctor(&[options, &["--json"]].concat()).stdout;
    let file = tools::TempFile::with(&json);
    let mut python = Command::new(python);
    python.args(["-c", program, file.path()]).stdin(Stdio::null());
    let ended = Child::run(&mut python);
    assert!(ended.status.success(), "{}\n{json}", ended.stderr);
}

#[test]
fn json_has_the_documented_names() {
    let program = r#"
import json, sys
report = json.load(open(sys.argv[1]))
assert list(report) == ["version", "possible", "asked", "findings", "time_wait", "folklore"]
assert report["version"] == 1 and report["possible"] is True
assert report["asked"] == {"connections": 1, "rate": 5, "pairs": 2, "client": "here"}
names = ["name", "subject", "setting", "value", "connections", "per_second", "verdict", "text", "lines"]
for finding in report["findings"]:
    assert list(finding) == names, finding
    assert finding["verdict"] in ("note", "unknown", "ok"), finding
    assert (finding["value"] is None) == (finding["verdict"] == "unknown"), finding
assert len({finding["name"] for finding in report["findings"]}) == len(report["findings"]) >= 15
assert report["time_wait"]["seconds"] == 60
assert [mode["close"] for mode in report["time_wait"]["modes"]] == ["fin", "peer", "rst", "drop"]
assert any("tcp_tw_recycle" in tale["claim"] for tale in report["folklore"])
"#;
    checked_by_python(&["--connections", "1", "--rate", "5", "--pairs", "2"], program);
}

#[test]
#[cfg(target_os = "linux")]
fn json_says_what_the_exit_code_says() {
    let ended = doctor(&["--connections", "1G", "--json"]);
    assert_eq!(ended.code(), Some(1));
    assert!(ended.stdout.contains(r#""possible":false,"#), "{}", ended.stdout);
    assert!(ended.stdout.contains(r#""verdict":"short""#), "{}", ended.stdout);
}

#[test]
fn the_options_of_the_server_are_not_the_doctors() {
    for options in [&["doctor", "--backlog", "5"][..], &["--backlog", "5", "doctor"]] {
        let ended = run(command(options));
        assert_eq!((ended.code(), ended.stdout.as_str()), (Some(2), ""), "{options:?}");
        assert!(ended.stderr.contains("--backlog"), "{}", ended.stderr);
    }
    for wrong in ["0", "many", "1000000001"] {
        let ended = doctor(&["--connections", wrong]);
        assert_eq!(ended.code(), Some(2), "{wrong}");
        assert!(ended.stderr.contains("a number from 1 to 1,000,000,000"), "{}", ended.stderr);
    }
}

#[test]
fn the_variables_of_the_server_do_not_disturb_the_doctor() {
    let mut command = command(&["doctor", "--connections", "1"]);
    command.env("FOURWAY_LISTEN", "nonsense").env("FOURWAY_CLOSE", "gently").env("FOURWAY_BODY", "x");
    command.env("FOURWAY_BODY_FILE", "/nonexistent");
    assert_eq!(run(command).code(), Some(0));
}

#[test]
fn the_doctors_variables_do_not_disturb_the_server() {
    let mut command = command(&["--backlog", "x"]);
    command.env("FOURWAY_DOCTOR_RATE", "y");
    let ended = run(command);
    assert_eq!(ended.code(), Some(2));
    assert!(ended.stderr.contains("--backlog") && !ended.stderr.contains("DOCTOR"), "{}", ended.stderr);
}

#[test]
fn the_doctor_has_variables_of_its_own() {
    let mut asked = command(&["doctor", "--rate", "7"]);
    asked
        .env("FOURWAY_DOCTOR_CONNECTIONS", "3")
        .env("FOURWAY_DOCTOR_RATE", "9")
        .env("FOURWAY_DOCTOR_JSON", "yes");
    let ended = run(asked);
    assert!(ended.stdout.contains(r#""asked":{"connections":3,"rate":7,"#), "{}", ended.stdout);

    let mut wrong = command(&["doctor"]);
    wrong.env("FOURWAY_DOCTOR_CLIENT", "away").env("FOURWAY_BACKLOG", "x").env("FOURWAY_DOCTOR_RATE", "1");
    let ended = run(wrong);
    assert_eq!((ended.code(), ended.stdout.as_str()), (Some(2), ""));
    assert!(
        ended.stderr.contains("'away' for 'FOURWAY_DOCTOR_CLIENT (--client <PLACE>)'"),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.contains("here, elsewhere"), "{}", ended.stderr);
}
