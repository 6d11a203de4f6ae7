//! The options about the response.

use std::path::PathBuf;

use clap::Args;

use super::values::content_type;

#[derive(Debug, Args)]
#[command(next_help_heading = "Response")]
pub struct ResponseOptions {
    /// Send TEXT as the body of every response.
    #[arg(long, value_name = "TEXT", env = "FOURWAY_BODY", default_value = "xixizi")]
    pub body: String,

    /// Send the file PATH as the body of every response.
    ///
    /// The server reads the file once, at the start. It may take at most half of the memory. Give either --body or
    /// --body-file.
    #[arg(long, value_name = "PATH", env = "FOURWAY_BODY_FILE")]
    pub body_file: Option<PathBuf>,

    /// Set the media type [default: text/plain; files: application/octet-stream]
    ///
    /// It has 1 to 1024 printable ASCII characters.
    #[arg(long, value_name = "TYPE", env = "FOURWAY_CONTENT_TYPE", value_parser = content_type)]
    pub content_type: Option<String>,
}
