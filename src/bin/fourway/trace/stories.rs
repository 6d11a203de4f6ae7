//! The recorded stories. The test `simulation::recorded` of the library keeps them up to date.

/// A recorded story.
pub struct Story {
    pub name: &'static str,
    /// The whole trace.
    pub trace: &'static str,
}

macro_rules! stories {
    ($($name:literal),* $(,)?) => {
        [$(Story { name: $name, trace: include_str!(concat!("../../../../docs/stories/", $name, ".trace")) }),*]
    };
}

/// All stories, from the simplest on.
pub const STORIES: [Story; 16] = stories![
    "request-whole",
    "split-at-every-byte",
    "pipelined",
    "read-until-would-block",
    "slow-loris",
    "slow-reader",
    "half-close",
    "reset-in-mid-answer",
    "out-of-descriptors",
    "eviction",
    "drain",
    "two-clients-one-turn",
    "stale-event",
    "false-event",
    "quota-used-up",
    "wave-of-sixteen",
];

/// Returns the story of this name.
pub fn find(name: &str) -> Option<&'static Story> {
    STORIES.iter().find(|story| story.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_file_of_the_folder_is_a_story() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/stories");
        let files = fs::read_dir(folder).expect("the folder");
        let files: BTreeSet<_> =
            files.map(|file| file.expect("a file").file_name().into_string().expect("UTF-8")).collect();
        let stories: BTreeSet<_> = STORIES.iter().map(|story| format!("{}.trace", story.name)).collect();
        assert_eq!(files, stories);
    }
}
