//! The scenarios in this process: each state against a second source, and a kernel that tells nothing.

use std::io;

use super::kernel::Kernel;
use super::paint::Paint;
use super::recorder::Recorder;
use super::scenarios::Scenario;
#[cfg(target_os = "linux")]
use super::second_source::Compared;
use super::text;
use crate::language::Language;

#[test]
fn what_a_silent_kernel_does_not_tell_is_a_question_mark() -> io::Result<()> {
    let recorder = Recorder::over(Kernel::silent());
    for scenario in Scenario::ALL {
        for ladder in scenario.run(recorder)? {
            assert!(ladder.rows.iter().all(|row| (row.client.state, row.server.state) == (None, None)));
            assert_eq!(ladder.rows.iter().map(|row| row.segments.len()).sum::<usize>(), 0);
            assert_eq!((ladder.opening_segments(), ladder.closing_segments()), (None, None));
            let mut text = String::new();
            text::ladder(&ladder, Language::English, Paint { is_on: false }, &mut text);
            assert!(text.contains("       ?                                     ?"), "{text}");
            assert!(!text.contains("ESTABLISHED") && !text.contains("TIME_WAIT for"), "{text}");
        }
    }
    Ok(())
}

#[test]
#[cfg(target_os = "linux")]
fn every_state_of_every_scenario_is_in_the_kernels_other_list() -> io::Result<()> {
    let recorder = Recorder::install();
    for scenario in Scenario::ALL {
        scenario.run(recorder)?;
    }
    let Compared { seen, differences } = recorder.compared();
    assert_eq!(differences, [""; 0]);
    let expected = [
        "CLOSED",
        "CLOSE_WAIT",
        "CLOSING",
        "ESTABLISHED",
        "FIN_WAIT_1",
        "FIN_WAIT_2",
        "LAST_ACK",
        "LISTEN",
        "SYN_RECV",
        "SYN_SENT",
        "TIME_WAIT",
    ];
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), expected);
    Ok(())
}
