//! A small estate that is driven by words, and says what happened in words.

use jiff::tz::TimeZone;
use vocabulary::Timestamp;

use crate::Outcome;
use crate::config::Definitions;
use crate::machine::{Command, Done, Happenings, Machine, ObjectId, Refusal};

/// A Saturday noon, so that times look like times.
pub const START: i64 = 1_700_000_000;

pub struct Estate {
    pub machine: Machine,
    pub now: i64,
    pub out: Happenings,
}

impl Estate {
    pub fn new(text: &str) -> Estate {
        let definitions: Definitions = toml::from_str(text).unwrap();
        let machine = Machine::new(&definitions, TimeZone::UTC).unwrap();
        Estate { machine, now: START, out: Happenings::default() }
    }

    pub fn id(&self, name: &str) -> ObjectId {
        self.machine.object(name).unwrap_or_else(|| panic!("there is no {name}"))
    }

    /// Lets time pass, as the clock would.
    pub fn wait(&mut self, seconds: i64) -> &mut Estate {
        let until = self.now + seconds;
        while let Some(due) = self.machine.next_due().filter(|due| due.0 <= until) {
            self.now = self.now.max(due.0);
            self.machine.tick(due, &mut self.out);
        }
        self.now = until;
        self
    }

    /// A passive result; what is told by it, and what was told since the last.
    pub fn result(&mut self, name: &str, status: u8) -> String {
        self.look(name, status, false)
    }

    pub fn look(&mut self, name: &str, status: u8, active: bool) -> String {
        let outcome = Outcome {
            status,
            output: format!("is {status}"),
            at: Timestamp(self.now),
            active,
            ..Outcome::default()
        };
        let id = self.id(name);
        self.machine.result(id, &outcome, Timestamp(self.now), &mut self.out);
        self.told()
    }

    /// A passive result that says when it was seen.
    pub fn seen(&mut self, name: &str, status: u8, at: i64) -> &mut Estate {
        let outcome = Outcome { status, at: Timestamp(at), ..Outcome::default() };
        let id = self.id(name);
        self.machine.result(id, &outcome, Timestamp(self.now), &mut self.out);
        self
    }

    pub fn command(&mut self, command: Command) -> Result<Done, Refusal> {
        self.machine.command(command, Timestamp(self.now), &mut self.out)
    }

    /// What was told since this was asked last, such as `Problem CRITICAL ops 1`.
    pub fn told(&mut self) -> String {
        let told: Vec<String> = self
            .out
            .notices
            .drain(..)
            .map(|notice| format!("{:?} {} {} {}", notice.kind, notice.state, notice.contact, notice.number))
            .collect();
        told.join(", ")
    }

    /// Such as `CRITICAL SOFT 2`.
    pub fn state(&self, name: &str) -> String {
        let status = self.machine.status(self.id(name), Timestamp(self.now));
        let state_type = format!("{:?}", status.state_type).to_uppercase();
        match status.state {
            None => "PENDING".into(),
            Some(state) => format!("{state} {state_type} {}", status.attempt),
        }
    }
}
