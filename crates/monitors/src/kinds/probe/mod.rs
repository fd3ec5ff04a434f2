//! Built-in checks: what is asked of servers, processes and files without a plugin.
//!
//! One file for each type; [`PROBES`] is the list of them. Each says which keys of `[[check]]` it takes, what is wrong
//! with them, and looks once: it returns what it saw as values and problems ([`Seen`]) or why it saw nothing
//! ([`Trouble`]). What is the same for all is here: time, thresholds, performance data, the line that people read.
//!
//! Values are named as in performance data, and `[check.thresholds.NAME]` applies to each; `warning` and `critical` are
//! those of the type's main value.

mod text;

pub mod condition;
pub mod fuzzing;
pub mod keys;
pub mod limits;
pub mod seen;
pub mod threshold;
pub mod wire;

mod dns;
mod file;
mod graphite;
mod http;
mod icmp;
mod job;
mod mongodb;
mod process;
mod redis;
mod resque;
mod smtp;
mod sql;
mod sqs;
mod ssh;
mod systemd;
mod tcp;
mod tls;

use std::future::Future;
use std::pin::Pin;
use std::time::Instant;

use outbound::{Deadline, Egress, Failure, Kind};
use vocabulary::Timestamp;

use crate::Outcome;
use crate::config::{CheckConfig, CheckType};
pub use keys::problems;
use seen::{CRITICAL, Seen, UNKNOWN};

/// What a probe is given.
pub struct Asked<'a> {
    pub check: &'a CheckConfig,
    /// Of the check's host.
    pub host_address: Option<&'a str>,
    pub egress: &'a Egress,
    pub now: Timestamp,
    pub deadline: Deadline,
}

/// Nothing was seen, and why.
#[derive(Debug)]
pub struct Trouble {
    pub status: u8,
    pub text: String,
}

type Looking<'a> = Pin<Box<dyn Future<Output = Result<Seen, Trouble>> + Send + 'a>>;

pub struct Probe {
    pub kind: CheckType,
    /// As in `type = "…"`.
    pub name: &'static str,
    /// Keys of its own that it takes.
    pub keys: &'static [&'static str],
    /// Keys that it cannot do without.
    pub required: &'static [&'static str],
    /// The value that `warning` and `critical` are of.
    pub main: &'static str,
    /// What is wrong with the keys, beyond their types.
    pub problems: fn(&CheckConfig) -> Vec<(&'static str, String)>,
    pub look: for<'a> fn(&'a Asked<'a>) -> Looking<'a>,
}

pub const PROBES: &[Probe] = &[
    http::PROBE,
    tcp::PROBE,
    tls::PROBE,
    dns::PROBE,
    icmp::PROBE,
    ssh::PROBE,
    smtp::PROBE,
    process::PROBE,
    systemd::PROBE,
    file::PROBE,
    redis::PROBE,
    resque::PROBE,
    sql::PROBE,
    mongodb::PROBE,
    sqs::PROBE,
    graphite::PROBE,
    job::PROBE,
];

pub fn of(kind: CheckType) -> Option<&'static Probe> {
    PROBES.iter().find(|probe| probe.kind == kind)
}

/// Looks once. It takes the check's time at most, and always comes to an outcome.
pub async fn run(
    check: &CheckConfig,
    host_address: Option<&str>,
    egress: &Egress,
    now: Timestamp,
) -> Outcome {
    let Some(probe) = of(check.kind) else {
        let output = format!("{:?} is not a type of built-in checks", check.kind);
        return Outcome { status: UNKNOWN, output, at: now, active: true, ..Outcome::default() };
    };
    let begun = Instant::now();
    let patience = check.timeout.map_or(limits::TIMEOUT, |timeout| timeout.0);
    let asked = Asked { check, host_address, egress, now, deadline: Deadline::after(patience) };
    let looked = tokio::time::timeout(patience + limits::GRACE, (probe.look)(&asked)).await;
    let looked = looked.unwrap_or_else(|_| Err(Trouble::late(patience)));
    let outcome = match looked {
        Ok(seen) => seen.judge(probe, check),
        Err(trouble) => trouble.outcome(probe),
    };
    Outcome { at: now, active: true, seconds: begun.elapsed().as_secs_f64(), ..outcome }
}

impl Asked<'_> {
    /// Whom to ask: `address`, else the host's.
    pub fn address(&self) -> Result<&str, Trouble> {
        let address = self.check.address.as_deref().or(self.host_address);
        address.ok_or_else(|| {
            Trouble::unknown("there is no address to ask: add address, or a host that has one")
        })
    }
}

impl Trouble {
    pub fn critical(text: impl Into<String>) -> Trouble {
        Trouble { status: CRITICAL, text: text.into() }
    }

    /// Nothing is known of what is watched: the check itself cannot be done.
    pub fn unknown(text: impl Into<String>) -> Trouble {
        Trouble { status: UNKNOWN, text: text.into() }
    }

    fn late(patience: std::time::Duration) -> Trouble {
        Trouble::critical(format!("no answer within {} s", patience.as_secs_f64()))
    }

    pub fn while_doing(self, doing: &str) -> Trouble {
        Trouble { text: format!("{doing}: {}", self.text), ..self }
    }

    fn outcome(self, probe: &Probe) -> Outcome {
        let state = vocabulary::state::State::of_status(self.status);
        let output = text::line(&format!("{} {state} - {}", probe.name.to_uppercase(), self.text));
        Outcome { status: self.status, output, ..Outcome::default() }
    }
}

/// As the plugins have it: who does not answer is CRITICAL. What we may not or cannot ask is UNKNOWN. A name without an
/// address is CRITICAL too: nobody else reaches it either.
impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Trouble {
        let status = match failure.kind {
            Kind::Wrong | Kind::Forbidden => UNKNOWN,
            _ => CRITICAL,
        };
        Trouble { status, text: failure.message }
    }
}
