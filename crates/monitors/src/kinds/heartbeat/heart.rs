//! One heartbeat: what its pings mean. Pure; times are milliseconds since 1970.

use serde::{Deserialize, Serialize};

use super::cron::utc;
use super::limits::{MAX_LINE, MAX_RUNS};
use super::schedule::Schedule;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// No ping has come yet, and nobody is told of that.
    #[default]
    New,
    Up,
    Down,
    Paused,
}

/// As Healthchecks shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Shown {
    New,
    Up,
    /// Late, within the time that is allowed for that.
    Grace,
    Started,
    Down,
    Paused,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PingKind {
    Success,
    Start,
    Fail,
    Log,
}

impl PingKind {
    pub fn word(self) -> &'static str {
        match self {
            PingKind::Success => "success",
            PingKind::Start => "start",
            PingKind::Fail => "fail",
            PingKind::Log => "log",
        }
    }
}

/// What is kept of a heartbeat.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Heart {
    pub status: Status,
    /// Why it is down.
    #[serde(default)]
    pub why: String,
    #[serde(default)]
    pub last_ping: Option<i64>,
    /// A run that has begun and not ended, with its `rid`.
    #[serde(default)]
    pub last_start: Option<(i64, Option<String>)>,
    /// Other runs, each with its `rid`, that had not ended when that one began.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<(i64, String)>,
    /// Runs that began while another had not ended, and whether the last one did.
    #[serde(default)]
    pub overlaps: u64,
    #[serde(default)]
    pub overlapped: bool,
    #[serde(default)]
    pub last_duration_ms: Option<i64>,
    #[serde(default)]
    pub pings: u64,
    /// We were away: what was expected before this is not waited for.
    #[serde(default)]
    pub forgiven: Option<i64>,
    /// We were away: nothing is missed before one grace has passed from here.
    #[serde(default)]
    pub back_since: Option<i64>,
}

/// What a ping said of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Run {
    pub duration_ms: Option<i64>,
    /// It began while another one had not ended.
    pub overlaps: bool,
}

/// How a heartbeat is to be judged.
#[derive(Clone, Debug)]
pub struct Rule {
    pub schedule: Schedule,
    pub grace_ms: i64,
}

/// Clients that ping again after a failure (`curl --retry 5`: for half a minute) reach us after so short an absence.
const SHORT_ABSENCE_MS: i64 = 60_000;

impl Heart {
    pub fn ping(&mut self, rule: &Rule, kind: PingKind, rid: Option<&str>, note: &str, now: i64) -> Run {
        self.pings += 1;
        let mut run = Run::default();
        match kind {
            PingKind::Log => {}
            PingKind::Start => {
                run.overlaps = self.begin_run(rule, rid, now);
            }
            PingKind::Success | PingKind::Fail => {
                run.duration_ms = self.end_run(kind, rid, now);
                self.last_duration_ms = run.duration_ms;
                self.last_ping = Some(now);
                (self.forgiven, self.back_since) = (None, None);
                (self.status, self.why) = match kind {
                    PingKind::Fail => (Status::Down, note.to_owned()),
                    _ => (Status::Up, String::new()),
                };
            }
        }
        run
    }

    /// True if another one has not ended. One that takes longer than the grace is no run any more, but dead.
    fn begin_run(&mut self, rule: &Rule, rid: Option<&str>, now: i64) -> bool {
        if let Some((at, before)) = self.last_start.replace((now, rid.map(str::to_owned))) {
            // Without a `rid` nobody can tell which one an end is of, so that the latest counts, as in Healthchecks.
            self.others.push((at, before.unwrap_or_default()));
        }
        self.others.retain(|(at, other)| {
            now.saturating_sub(*at) <= rule.grace_ms && (other.is_empty() || Some(other.as_str()) != rid)
        });
        self.overlapped = !self.others.is_empty();
        self.overlaps += u64::from(self.overlapped);
        self.others.retain(|(_, other)| !other.is_empty());
        let old = self.others.len().saturating_sub(MAX_RUNS);
        self.others.drain(..old);
        self.overlapped
    }

    /// The run that this ends; a failure ends any, and so does a success that names none.
    fn end_run(&mut self, kind: PingKind, rid: Option<&str>, now: i64) -> Option<i64> {
        if let Some(place) = self.others.iter().position(|(_, other)| Some(other.as_str()) == rid) {
            let (started, _) = self.others.remove(place);
            if kind == PingKind::Fail {
                self.last_start = None;
            }
            return Some(now.saturating_sub(started).max(0));
        }
        if rid.is_none() {
            self.others.clear();
        }
        let (started, run) = self.last_start.as_ref()?;
        let duration = (run.as_deref() == rid).then(|| now.saturating_sub(*started).max(0));
        if duration.is_some() || kind == PingKind::Fail || rid.is_none() {
            self.last_start = None;
        }
        duration
    }

    pub fn pause(&mut self) {
        *self = Heart {
            pings: self.pings,
            last_ping: self.last_ping,
            status: Status::Paused,
            ..Heart::default()
        };
    }

    /// It waits for its next ping, whenever that comes.
    pub fn resume(&mut self) {
        if self.status == Status::Paused {
            self.status = Status::New;
        }
    }

    /// When the next ping is expected.
    pub fn expected(&self, rule: &Rule) -> Option<i64> {
        let last = self.last_ping.filter(|_| self.status == Status::Up)?;
        match self.forgiven {
            Some(at) => rule.schedule.resumed(last, at),
            None => rule.schedule.after(last),
        }
    }

    /// When it is down, unless a ping comes before.
    pub fn deadline(&self, rule: &Rule) -> Option<i64> {
        if matches!(self.status, Status::Down | Status::Paused) {
            return None;
        }
        let started = self.last_start.as_ref().map(|(at, _)| *at);
        let first = self.expected(rule).into_iter().chain(started).min()?;
        Some(first.max(self.back_since.unwrap_or(first)).saturating_add(rule.grace_ms))
    }

    /// Time has passed. True if it went down.
    pub fn look(&mut self, rule: &Rule, now: i64) -> bool {
        let Some(deadline) = self.deadline(rule).filter(|deadline| now >= *deadline) else { return false };
        let expected = self.expected(rule);
        let grace = spell(rule.grace_ms);
        let started = self.last_start.as_ref().map(|(at, _)| *at);
        self.why = match started {
            Some(at) if expected.is_none_or(|expected| at <= expected) => {
                format!("it began at {} and has not ended within {grace}", utc(at / 1_000))
            }
            _ => {
                let last = self.last_ping.map_or_else(|| "never".to_owned(), |at| utc(at / 1_000));
                let due = expected.unwrap_or(deadline);
                format!(
                    "no ping since {last}; one was expected at {}, and late by {grace} at most",
                    utc(due / 1_000)
                )
            }
        };
        self.status = Status::Down;
        true
    }

    /// We were away from `gone` to `now`. A ping of that time may have been sent in vain: nothing is missed before one
    /// grace has passed, and after a long absence what was expected in it is not missed at all.
    pub fn resume_after(&mut self, rule: &Rule, gone: i64, now: i64) {
        self.back_since = Some(now);
        if now.saturating_sub(gone) <= SHORT_ABSENCE_MS {
            return;
        }
        // A run that went on then may have ended then.
        self.last_start = None;
        self.others.clear();
        let touched = |expected: i64| expected <= now && expected.saturating_add(rule.grace_ms) >= gone;
        if self.expected(rule).is_some_and(touched) {
            self.forgiven = Some(now);
        }
    }

    /// The clock was set back: what lies ahead of it was just now.
    pub fn clock_is_now(&mut self, now: i64) {
        self.last_ping = self.last_ping.map(|at| at.min(now));
        if let Some((at, _)) = &mut self.last_start {
            *at = (*at).min(now);
        }
        self.others.iter_mut().for_each(|(at, _)| *at = (*at).min(now));
        self.forgiven = self.forgiven.map(|at| at.min(now));
    }

    pub fn shown(&self, rule: &Rule, now: i64) -> Shown {
        match self.status {
            Status::Down => Shown::Down,
            _ if self.last_start.is_some() => Shown::Started,
            Status::New => Shown::New,
            Status::Paused => Shown::Paused,
            Status::Up if self.expected(rule).is_some_and(|expected| now >= expected) => Shown::Grace,
            Status::Up => Shown::Up,
        }
    }

    /// The line of its state.
    pub fn text(&self, rule: &Rule) -> String {
        match self.status {
            Status::New => "waits for its first ping".to_owned(),
            Status::Paused => "paused".to_owned(),
            Status::Down => self.why.clone(),
            Status::Up => {
                let last =
                    self.last_ping.map_or_else(String::new, |at| format!("pinged at {}", utc(at / 1_000)));
                let took =
                    self.last_duration_ms.map_or_else(String::new, |ms| format!(", took {}", spell(ms)));
                let next = self
                    .expected(rule)
                    .map_or_else(String::new, |at| format!("; the next is expected at {}", utc(at / 1_000)));
                let beside =
                    if self.overlapped { "; its last run began while another had not ended" } else { "" };
                format!("{last}{took}{next}{beside}")
            }
        }
    }
}

/// What a failed run said, in a line.
pub fn failure(exit: Option<u8>, body: &[u8]) -> String {
    let said = String::from_utf8_lossy(&body[..body.len().min(4 * MAX_LINE)]);
    let line = said.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let line: String = line.chars().filter(|c| !c.is_control()).take(MAX_LINE).collect();
    let exit = exit.map(|exit| format!(" with exit status {exit}")).unwrap_or_default();
    let colon = if line.is_empty() { "" } else { ": " };
    format!("it says that it failed{exit}{colon}{line}")
}

pub fn spell(ms: i64) -> String {
    if ms % 1_000 == 0 || ms < 1_000 {
        return vocabulary::time::HumanDuration::from_millis(ms.max(0).unsigned_abs()).to_string();
    }
    format!("{:.1} s", ms as f64 / 1_000.0)
}
