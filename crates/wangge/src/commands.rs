//! The commands, one file each, and how they are run.
//!
//! A command either works on a directory at rest, or is a client like any other: it has no way to the data that a
//! client in another language would not have.

mod area;
mod at_rest;
mod backup;
mod config;
mod event;
mod import;
mod locate;
mod release;
mod serve;
mod staff;
mod status;
mod token;

use std::future::Future;

use base::{Error, Result, Time, limits};
use clap::Subcommand;
use prost_types::Timestamp;

use crate::cli::Cli;

/// What to do.
#[derive(Debug, Subcommand)]
#[allow(clippy::large_enum_variant)] // There is one, once per process.
pub enum Command {
    /// Watch a day in a made-up subdistrict
    Demo(crate::demo::Arguments),
    /// Run a server
    Serve(serve::Arguments),
    /// Load data from files
    #[command(subcommand)]
    Import(import::Command),
    /// Find out which areas a point lies in, or every point of a CSV file
    Locate(locate::Arguments),
    /// Report incidents and take them through their life
    #[command(subcommand)]
    Event(event::Command),
    /// Look at areas
    #[command(subcommand)]
    Area(area::Command),
    /// Look at boundary releases and what validation found
    #[command(subcommand)]
    Release(release::Command),
    /// Add people and give grids into their charge
    #[command(subcommand)]
    Staff(staff::Command),
    /// Issue and revoke tokens
    #[command(subcommand)]
    Token(token::Command),
    /// Show how a running server and its stores are
    Status(status::Arguments),
    /// Write a backup of a running server into a file
    Backup(backup::BackupArguments),
    /// Make a data directory from a backup
    Restore(backup::RestoreArguments),
    /// Check a data directory at rest
    Verify(at_rest::VerifyArguments),
    /// Build the index of a data directory again, also with another engine
    Rebuild(at_rest::RebuildArguments),
    /// Make a data directory small again
    Compact(at_rest::CompactArguments),
    /// Make up a subdistrict with a day of incidents, as files
    Generate(crate::generate::Arguments),
    /// Print the configuration that `serve` would use
    Config(serve::Arguments),
}

/// Runs a command to its end.
pub fn run(cli: Cli) -> Result<()> {
    let output = cli.output();
    let connection = cli.connection;
    match cli.command {
        Command::Demo(arguments) => wait_for(crate::demo::run(arguments, output)),
        Command::Generate(arguments) => crate::generate::run(&arguments, output),
        Command::Serve(arguments) => serve::run(&arguments, output),
        Command::Config(arguments) => config::run(&arguments, output),
        Command::Restore(arguments) => backup::restore(&arguments, output),
        Command::Verify(arguments) => at_rest::verify(&arguments, output),
        Command::Rebuild(arguments) => at_rest::rebuild(&arguments, output),
        Command::Compact(arguments) => at_rest::compact(&arguments, output),
        Command::Token(token::Command::Issue(arguments)) if arguments.data.is_some() => {
            token::issue_offline(&arguments, output)
        }
        Command::Import(import::Command::Boundaries(arguments)) => {
            wait_for(async { import::boundaries(&connection, &arguments, output).await })
        }
        Command::Import(import::Command::Persons(arguments)) => {
            wait_for(async { import::persons(&connection, &arguments, output).await })
        }
        Command::Import(import::Command::AbandonPersons(arguments)) => {
            wait_for(async { import::abandon_persons(&connection.connect().await?, arguments, output).await })
        }
        Command::Locate(arguments) => {
            wait_for(async { locate::run(&connection.connect().await?, arguments, output).await })
        }
        Command::Event(command) => wait_for(async { event::run(&connection.connect().await?, command, output).await }),
        Command::Area(command) => wait_for(async { area::run(&connection.connect().await?, command, output).await }),
        Command::Release(command) => {
            wait_for(async { release::run(&connection.connect().await?, command, output).await })
        }
        Command::Staff(command) => wait_for(async { staff::run(&connection.connect().await?, command, output).await }),
        Command::Token(command) => wait_for(async { token::run(&connection.connect().await?, command, output).await }),
        Command::Status(arguments) => {
            wait_for(async { status::run(&connection.connect().await?, &arguments, output).await })
        }
        Command::Backup(arguments) => {
            wait_for(async { backup::backup(&connection.connect().await?, &arguments, output).await })
        }
    }
}

/// Runs a client's work. One thread is enough for one connection.
fn wait_for(work: impl Future<Output = Result<()>>) -> Result<()> {
    runtime(1)?.block_on(work)
}

/// A runtime with so many threads; with one, everything runs on the thread that waits.
pub(crate) fn runtime(threads: usize) -> Result<tokio::runtime::Runtime> {
    let built = match threads {
        1 => tokio::runtime::Builder::new_current_thread().enable_all().build(),
        threads => tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build(),
    };
    built.map_err(|cause| Error::internal("the asynchronous runtime cannot be started").caused_by(cause))
}

/// The size of the page that brings a list closer to `missing` more rows.
fn page_size(missing: usize) -> i32 {
    i32::try_from(missing.clamp(1, limits::PAGE_SIZE_MAX)).unwrap_or(i32::MAX)
}

/// A time as people here read it; empty when there is none.
fn time(timestamp: Option<&Timestamp>) -> String {
    timestamp.map_or_else(String::new, |at| Time::from_seconds_and_nanos(at.seconds, at.nanos).to_string())
}
