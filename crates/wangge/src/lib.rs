//! The binary as a library: command line, configuration, telemetry, and the wiring of the services into one process.
//!
//! Read on in this order: `compose` (which service uses which), [`serve`] (how they are served), [`config`], and
//! then `commands`, one file each. What is deliberately not here: any rule of a service. The binary itself only parses
//! the command line and calls [`commands::run`]; tests and the demo start a [`serve::Server`] in their own process.

pub mod archive;
pub mod cli;
pub mod client;
pub mod commands;
mod compose;
pub mod config;
mod connection;
pub mod demo;
pub mod generate;
mod operations;
pub mod output;
mod progress;
pub mod serve;
mod stores;
pub mod telemetry;
mod upkeep;
pub mod words;
