//! How a command ends badly: what is told on stderr, and the exit status.

use std::fmt::Display;

/// Exit status 1: it was asked for rightly and did not work.
const FAILED: u8 = 1;
/// Exit status 2: wrong usage or configuration.
const USAGE: u8 = 2;

#[derive(Debug)]
pub struct Failure {
    pub status: u8,
    pub message: String,
}

impl Failure {
    pub fn new(message: impl Display) -> Failure {
        Failure { status: FAILED, message: message.to_string() }
    }

    pub fn usage(message: impl Display) -> Failure {
        Failure { status: USAGE, message: message.to_string() }
    }

    /// For `map_err`: what was being done, then why it failed.
    pub fn doing<E: Display>(what: impl Display) -> impl FnOnce(E) -> Failure {
        move |error| Failure::new(format!("{what}: {error}"))
    }
}
