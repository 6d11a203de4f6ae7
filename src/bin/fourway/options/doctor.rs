//! The options of the subcommand `doctor`.

use clap::{Args, ValueEnum};

use super::values::{switch, wish};

#[derive(Debug, Args)]
pub struct DoctorOptions {
    /// Ask for N connections at the same time, such as 100k.
    ///
    /// It is 1 to 1,000,000,000.
    #[arg(long, value_name = "N", env = "FOURWAY_DOCTOR_CONNECTIONS", default_value = "10000")]
    #[arg(value_parser = wish)]
    pub connections: u64,

    /// Ask for R new connections a second, such as 5k.
    ///
    /// Without it, the program prints how many the machine allows.
    #[arg(long, value_name = "R", env = "FOURWAY_DOCTOR_RATE", value_parser = wish)]
    pub rate: Option<u64>,

    /// Spread them over N pairs of a client's address and a listener.
    #[arg(long, value_name = "N", env = "FOURWAY_DOCTOR_PAIRS", value_parser = wish)]
    #[arg(default_value = "1")]
    pub pairs: u64,

    /// Say where the client runs: here, elsewhere.
    #[arg(long, value_name = "PLACE", env = "FOURWAY_DOCTOR_CLIENT", value_enum)]
    #[arg(default_value = "here")]
    pub client: ClientPlace,

    /// Print JSON.
    #[arg(long, env = "FOURWAY_DOCTOR_JSON", value_parser = switch)]
    pub json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ClientPlace {
    /// On this machine: it needs ports, files and memory here too.
    Here,
    /// On others: run the doctor there as well.
    Elsewhere,
}
