//! The options of the command line.

use std::path::PathBuf;

use crate::attacks::ATTACKS;

#[derive(Debug)]
pub struct Options {
    pub server: PathBuf,
    pub test: bool,
    names: Vec<String>,
}

/// The options, and the attacks with their stories.
pub fn usage() -> String {
    const OPTIONS: &str = "\
cargo bench --bench attacks -- [OPTIONS] [ATTACK]...   the attacks whose names contain one of these

  --server PATH      the program fourway [the one just built]
  --test             a few clients and a moment of each attack, to see that the table is whole
";
    let mut text = OPTIONS.to_owned();
    for attack in &ATTACKS {
        text += &format!("\n  {:<22} {:>5} clients {}", attack.name, attack.clients, attack.story);
    }
    text
}

impl Options {
    /// Returns a sentence if an argument is wrong.
    pub fn parse(arguments: &[String]) -> Result<Self, String> {
        let mut options = Options {
            server: env!("CARGO_BIN_EXE_fourway").into(),
            // `cargo test --benches` passes nothing, `cargo bench` passes --bench.
            test: arguments.is_empty(),
            names: Vec::new(),
        };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--bench" => {}
                "--test" => options.test = true,
                "--server" => {
                    let path = arguments.next().ok_or("--server needs a path")?;
                    options.server = path.into();
                }
                flag if flag.starts_with('-') => return Err(format!("{flag} is not known")),
                name => options.names.push(name.into()),
            }
        }
        Ok(options)
    }

    pub fn wants(&self, name: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|part| name.contains(part.as_str()))
    }
}
