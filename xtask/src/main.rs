//! The only tool beside cargo, npm and make.
//!
//! `cargo xtask check`   format, lints, the price of the dependencies
//! `cargo xtask test`    everything that CI runs, with one summary
//! `cargo xtask long`    the full lengths of what `test` runs a part of: a twentieth of most, of faults on the way to people 60
//!                       schedules of 10,000
//! `cargo xtask bench`   speed and size as ratios to peers, measured in one run
//!
//! The walls between the rooms are in `walls.rs`, and a test holds the rooms to them.

mod dependencies;
mod environment;
mod steps;
#[cfg(test)]
mod walls;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.first().map(String::as_str) {
        Some("check") => steps::check(),
        Some("test") => steps::test(),
        Some("long") => steps::long(&arguments[1..]),
        Some("bench") => steps::bench(&arguments[1..]),
        Some("prepare") => environment::prepare(),
        _ => {
            eprintln!("usage: cargo xtask check | test | long [NAME] | bench [NAME] | prepare");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}
