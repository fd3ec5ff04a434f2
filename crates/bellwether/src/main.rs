//! Bellwether: one binary that a small team runs instead of StatsD, Carbon, Whisper, Graphite-web and more.
//!
//! `cli.rs` says which commands there are, `commands/` what they do, `serve.rs` how a server starts and
//! stops, `wiring.rs` what is connected to what.

mod agent;
mod agents;
mod alive;
mod arriving;
mod audited;
mod backup;
mod book;
mod calendars;
mod cli;
mod client;
mod clock;
mod collecting;
mod commands;
mod config;
mod control;
mod error_rules;
mod errors;
mod events;
mod failure;
mod handling;
mod health;
mod heartbeats;
mod history;
mod house;
mod logging;
mod made_own;
mod membership;
mod metric_watch;
mod offline;
mod oncall_own;
mod opening;
mod own;
mod people_own;
mod process;
mod provider;
mod push_key;
mod reaching;
mod reload;
mod retention;
mod sent;
mod serve;
mod streaks;
mod telling;
mod telling_own;
mod ticker;
mod tls;
mod usual;
mod watcher;
mod watching;
mod watching_own;
mod whisper;
mod wiring;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use cli::{CheckCommand, Cli, Command, ConfigCommand, ExportCommand, MonitorCommand, UpgradeCommand};
use failure::Failure;

fn main() -> ExitCode {
    // What is written here is its owner's: also in a directory that was made before, for all to read.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // With stderr closed the exit status has to say it.
            let _ = writeln!(std::io::stderr(), "{}", failure.message);
            ExitCode::from(failure.status)
        }
    }
}

fn run(cli: Cli) -> Result<(), Failure> {
    let common = &cli.common;
    match cli.command {
        Command::Serve => serve::run(common),
        Command::Agent => agent::run(common),
        Command::Config(ConfigCommand::Check { file }) => commands::config::check(common, file),
        Command::Config(ConfigCommand::Show { defaults }) => commands::config::show_config(common, defaults),
        Command::Config(ConfigCommand::Diff) => commands::config::diff(common),
        Command::Config(ConfigCommand::Export { directory }) => {
            commands::config::export(common, directory.as_deref())
        }
        Command::Query(options) => commands::query::run(common, &options),
        Command::Send(options) => commands::send::run(common, &options),
        Command::Ping(options) => commands::ping::run(common, &options),
        Command::Event(options) => commands::event::run(common, &options),
        Command::Check(CheckCommand::Run(options)) => commands::check::run(common, &options),
        Command::Monitor(MonitorCommand::Test(options)) => commands::monitor::run(common, &options),
        Command::Import(command) => commands::import::run(common, &command),
        Command::Export(ExportCommand::Whisper(options)) => commands::whisper::export(common, &options),
        Command::Compare(options) => commands::compare::run(common, &options),
        Command::Storage(command) => commands::storage::run(common, &command),
        Command::Backup { directory } => commands::backup::run(common, &directory),
        Command::Restore { directory } => commands::backup::restore(common, &directory),
        Command::Upgrade(UpgradeCommand::Check { new_binary }) => {
            commands::upgrade::check(common, &new_binary)
        }
        Command::Upgrade(UpgradeCommand::Formats) => commands::upgrade::formats(),
        Command::User(command) => commands::accounts::user(common, &command),
        Command::Token(command) => commands::accounts::token(common, &command),
        Command::Project(command) => commands::project::run(common, &command),
        Command::Bench(command) => commands::bench::run(common, &command),
    }
}
