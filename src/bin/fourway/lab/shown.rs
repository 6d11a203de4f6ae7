//! What a scenario has shown: ladders with their bills, or figures that are no ladder.

use std::io;

use super::bill::Bill;
use super::essay::{self, Faults};
use super::ladder::Ladder;
use super::ports::{self, CONNECTIONS, Ending, Outcomes, PORTS};
use super::recorder::Recorder;
use super::scenarios::Scenario;

#[derive(Debug, Clone, PartialEq)]
pub enum Shown {
    Ladder(Box<Ladder>),
    Essay(Box<Faults>),
    Ports(Outcomes),
}

impl Shown {
    /// Runs a scenario. Returns what it has shown, in the order in which it is printed.
    pub fn by(scenario: Scenario, recorder: &'static Recorder) -> io::Result<Vec<Self>> {
        match scenario {
            Scenario::Essay => Ok(vec![Shown::Essay(Box::new(essay::run(recorder)?))]),
            Scenario::Ports => Ok(vec![Shown::Ports(Outcomes::measure()?)]),
            _ => {
                let mut ladders = scenario.run(recorder)?;
                for ladder in &mut ladders {
                    // Its server has ended, so a restart can be tried.
                    let mut bill = Bill::of(ladder.server);
                    bill.ports =
                        ending(scenario).map(|ending| ports::run(ending, CONNECTIONS, PORTS)).transpose()?;
                    ladder.bill = Some(bill);
                }
                Ok(ladders.into_iter().map(|ladder| Shown::Ladder(Box::new(ladder))).collect())
            }
        }
    }
}

/// Returns how the connections of a scenario end, if the experiment with ports can repeat it.
fn ending(scenario: Scenario) -> Option<Ending> {
    Ending::ALL.into_iter().find(|ending| ending.name() == scenario.as_str())
}
