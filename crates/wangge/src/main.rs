//! The program `wangge`: reads the command line, runs the command, and ends with its code.

use std::process::ExitCode;

use clap::Parser;
use wangge::cli::Cli;
use wangge::{commands, output};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let json = cli.json;
    match commands::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        // `wangge … | head` has got what it wanted.
        Err(error) if error.reason() == output::OUTPUT_CLOSED => ExitCode::SUCCESS,
        Err(error) => {
            output::show_error(&error, json);
            ExitCode::from(if error.reason() == output::USAGE { 2 } else { 1 })
        }
    }
}
