//! What the arguments ask for.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

pub const USAGE: &str = "\
cargo bench --bench end_to_end -- [OPTIONS] [CASE]...   the cases whose names contain one of these

  --rounds N         how often each is measured [12; with --held 5]
  --seconds S        how long each time [0.25; with --held 0.5]
  --held N,N,...     how costs grow with the connections held, instead of the cases
  --transfers        what streams and uploads cost, instead of the cases
  --client-core N    where the client runs [with the server; with --held on the last core]
  --server PATH      the program fourway [the one just built]
  --json FILE        all figures of all rounds, as JSON
  --test             a moment of each, to see that it works";

#[derive(Debug)]
pub struct Options {
    pub rounds: usize,
    pub time: Duration,
    pub held: Option<Vec<usize>>,
    pub transfers: bool,
    pub client_core: Option<usize>,
    pub server: PathBuf,
    pub json: Option<PathBuf>,
    pub test: bool,
    cases: Vec<String>,
}

impl Options {
    /// The error is a sentence for whoever typed them.
    pub fn parse(arguments: &[String]) -> Result<Self, String> {
        let mut options = Options {
            rounds: 0,
            time: Duration::ZERO,
            held: None,
            transfers: false,
            client_core: None,
            server: env!("CARGO_BIN_EXE_fourway").into(),
            json: None,
            // `cargo test --benches` says nothing, `cargo bench` says --bench.
            test: arguments.is_empty(),
            cases: Vec::new(),
        };
        let (mut rounds, mut seconds) = (None, None);
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
            match argument.as_str() {
                "--bench" => {}
                "--test" => options.test = true,
                "--transfers" => options.transfers = true,
                "--rounds" => rounds = Some(number::<usize>(value()?)?.max(1)),
                "--seconds" => seconds = Some(number::<f64>(value()?)?.clamp(0.01, 3600.0)),
                "--held" => {
                    let counts = value()?.split(',').map(number).collect::<Result<Vec<_>, _>>()?;
                    if counts.contains(&0) {
                        return Err("the held are asked in turn, so that one at least is needed".into());
                    }
                    options.held = Some(counts);
                }
                "--client-core" => options.client_core = Some(number(value()?)?),
                "--server" => options.server = value()?.into(),
                "--json" => options.json = Some(value()?.into()),
                flag if flag.starts_with('-') => return Err(format!("{flag} is not known")),
                name => options.cases.push(name.into()),
            }
        }
        let usual = match (options.test, &options.held) {
            (true, _) => (1, 0.05),
            (false, None) => (12, 0.25),
            (false, Some(_)) => (5, 0.5),
        };
        options.rounds = rounds.unwrap_or(usual.0);
        options.time = Duration::from_secs_f64(seconds.unwrap_or(usual.1));
        Ok(options)
    }

    pub fn wants(&self, case: &str) -> bool {
        self.cases.is_empty() || self.cases.iter().any(|part| case.contains(part.as_str()))
    }
}

fn number<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{text:?} is not a number"))
}
