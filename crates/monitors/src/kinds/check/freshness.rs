//! Results that did not come: `freshness_threshold`.
//!
//! Time is an argument, on a clock that never goes back, and everybody has a whole window after our own start: who sent
//! nothing while we were away is not called late. As with Nagios a threshold of 0 is worked out from the interval and
//! the latency, a command is run instead where there is one, and a result that stays away is told again each window.

use std::collections::HashMap;
use std::time::Duration;

use vocabulary::Timestamp;
use vocabulary::time::HumanDuration;

use super::limits;
use super::schedule::Subject;
use crate::Outcome;
use crate::config::{CheckConfig, Definitions, HostConfig};

const CRITICAL: u8 = 2;
const DOWN: u8 = 1;

#[derive(Debug, Default)]
pub struct Freshness {
    watched: HashMap<Subject, Watched>,
    /// When somebody looked last.
    looked: Option<Duration>,
}

#[derive(Clone, Debug)]
struct Watched {
    /// `None`: worked out.
    threshold: Option<Duration>,
    status: u8,
    has_command: bool,
    /// The interval and the latency of the last result.
    rhythm: Duration,
    last: Duration,
}

/// A result that did not come.
#[derive(Clone, Debug, PartialEq)]
pub enum Stale {
    /// Run its command now.
    Run(Subject),
    Say(Subject, Outcome),
}

impl Freshness {
    /// From now on these; who was watched before keeps its time.
    pub fn set(&mut self, definitions: &Definitions, usual_interval: Duration, now: Duration) {
        let mut before = std::mem::take(&mut self.watched);
        let checks = definitions.checks.iter().filter_map(|check| of_check(check, usual_interval, now));
        let hosts = definitions.hosts.iter().filter_map(|host| of_host(host, usual_interval, now));
        self.watched = checks.chain(hosts).collect();
        for (subject, watched) in &mut self.watched {
            if let Some(before) = before.remove(subject) {
                (watched.last, watched.rhythm) = (before.last, before.rhythm);
            }
        }
    }

    /// A result came, whatever from. `next_in` is what the state machine says of the next.
    pub fn seen(&mut self, subject: &Subject, next_in: Duration, latency: Duration, now: Duration) {
        if let Some(watched) = self.watched.get_mut(subject) {
            watched.last = now;
            if !next_in.is_zero() {
                watched.rhythm = next_in + latency;
            }
        }
    }

    /// Somebody looks several times a second. If nobody did for long (the process was held, the machine slept), results
    /// of that time wait in sockets and pipes: everybody has a whole window, as after a start.
    fn notice_absence(&mut self, now: Duration) {
        let before = self.looked.replace(now).unwrap_or(now);
        if now.saturating_sub(before) > limits::ABSENCE {
            self.watched.values_mut().for_each(|watched| watched.last = now);
        }
    }

    /// Who is late; each counts anew from now. Nobody is late whom `is_wanted` says nothing is wanted of now.
    pub fn stale(
        &mut self,
        now: Duration,
        at: Timestamp,
        is_wanted: impl Fn(&Subject) -> bool,
    ) -> Vec<Stale> {
        self.notice_absence(now);
        let late = |watched: &Watched| now.saturating_sub(watched.last) > watched.window();
        let late = self.watched.iter_mut().filter(|(subject, watched)| late(watched) && is_wanted(subject));
        let told = late.map(|(subject, watched)| {
            let stale = match watched.has_command {
                true => Stale::Run(subject.clone()),
                false => Stale::Say(subject.clone(), watched.outcome(at)),
            };
            watched.last = now;
            stale
        });
        told.collect()
    }

    pub fn is_empty(&self) -> bool {
        self.watched.is_empty()
    }
}

impl Watched {
    fn new(
        threshold: HumanDuration,
        status: u8,
        has_command: bool,
        interval: Option<HumanDuration>,
        (usual_interval, now): (Duration, Duration),
    ) -> Watched {
        let rhythm = interval.map(|interval| interval.0).filter(|interval| !interval.is_zero());
        Watched {
            threshold: Some(threshold.0).filter(|threshold| !threshold.is_zero()),
            status,
            has_command,
            rhythm: rhythm.unwrap_or(usual_interval),
            last: now,
        }
    }

    fn window(&self) -> Duration {
        self.threshold.unwrap_or(self.rhythm + limits::ADDITIONAL_FRESHNESS_LATENCY)
    }

    fn outcome(&self, at: Timestamp) -> Outcome {
        let window = HumanDuration(Duration::from_secs(self.window().as_secs().max(1)));
        let output = format!("no result for {window}");
        Outcome { status: self.status, output, at, active: true, ..Outcome::default() }
    }
}

fn of_check(check: &CheckConfig, usual: Duration, now: Duration) -> Option<(Subject, Watched)> {
    let (threshold, status) = (check.freshness_threshold?, check.stale_status.unwrap_or(CRITICAL));
    let has_command = !check.command.is_empty();
    let watched = Watched::new(threshold, status, has_command, check.check_interval, (usual, now));
    Some((Subject::Check(check.name.as_str().into()), watched))
}

fn of_host(host: &HostConfig, usual: Duration, now: Duration) -> Option<(Subject, Watched)> {
    let threshold = host.freshness_threshold?;
    // It counts as a look of our own, where 1 would be a plugin's warning, which is UP.
    let status = if host.stale_status.unwrap_or(DOWN) == 0 { 0 } else { CRITICAL };
    let has_command = !host.command.is_empty();
    let watched = Watched::new(threshold, status, has_command, host.check_interval, (usual, now));
    Some((Subject::Host(host.name.as_str().into()), watched))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const AT: Timestamp = Timestamp(1_700_000_000);

    fn freshness() -> Freshness {
        let text = r#"
            [[host]]
            name = "h"
            freshness_threshold = "2min"
            [[check]]
            name = "sent"
            type = "passive"
            freshness_threshold = "1min"
            stale_status = 3
            [[check]]
            name = "worked out"
            type = "passive"
            freshness_threshold = "0s"
            check_interval = "100s"
            [[check]]
            name = "run"
            type = "passive"
            command = ["check_dummy", "2", "stale"]
            freshness_threshold = "1min"
            [[check]]
            name = "never"
            type = "passive"
        "#;
        let mut freshness = Freshness::default();
        freshness.set(&toml::from_str(text).unwrap(), SECOND * 300, SECOND * 1000);
        freshness
    }

    /// `name: status`, or `name: run`.
    fn told(freshness: &mut Freshness, after: u32) -> Vec<String> {
        keep_looking(freshness, after);
        let told =
            freshness.stale(SECOND * 1000 + SECOND * after, AT, |_| true).into_iter().map(
                |stale| match stale {
                    Stale::Run(subject) => format!("{subject}: run"),
                    Stale::Say(subject, outcome) => {
                        format!("{subject}: {} {}", outcome.status, outcome.output)
                    }
                },
            );
        let mut told: Vec<String> = told.collect();
        told.sort();
        told
    }

    /// Without asking anything of anybody, as somebody does several times a second.
    fn keep_looking(freshness: &mut Freshness, after: u32) {
        let (mut at, end) = (freshness.looked.unwrap_or(SECOND * 1000), SECOND * 1000 + SECOND * after);
        while at + SECOND < end {
            at += SECOND;
            assert_eq!(freshness.stale(at, AT, |_| false), []);
        }
    }

    #[test]
    fn who_was_held_for_long_calls_nobody_late() {
        let mut fresh = freshness();
        keep_looking(&mut fresh, 30);
        let held =
            |fresh: &mut Freshness, after: u32| fresh.stale(SECOND * 1000 + SECOND * after, AT, |_| true);
        assert_eq!(held(&mut fresh, 4_000), [], "an hour later");
        assert_eq!(told(&mut fresh, 4_060), [""; 0]);
        assert_eq!(told(&mut fresh, 4_061), ["run: run", "sent: 3 no result for 1min"]);
    }

    #[test]
    fn each_window_anew_and_none_before_the_first_has_passed() {
        let mut fresh = freshness();
        assert_eq!(told(&mut fresh, 60), [""; 0]);
        assert_eq!(told(&mut fresh, 61), ["run: run", "sent: 3 no result for 1min"]);
        assert_eq!(told(&mut fresh, 115), [""; 0]);
        assert_eq!(told(&mut fresh, 116), ["worked out: 2 no result for 115s"]);
        assert_eq!(
            told(&mut fresh, 122),
            ["h: 2 no result for 2min", "run: run", "sent: 3 no result for 1min"]
        );
    }

    #[test]
    fn a_result_is_the_beginning_of_another_window() {
        let mut fresh = freshness();
        let sent = Subject::Check("sent".into());
        fresh.seen(&sent, SECOND * 300, Duration::ZERO, SECOND * 1050);
        fresh.seen(&Subject::Check("worked out".into()), SECOND * 20, SECOND * 2, SECOND * 1060);
        fresh.seen(&Subject::Check("nobody".into()), SECOND, SECOND, SECOND * 1060);
        assert_eq!(told(&mut fresh, 97), ["run: run"]);
        assert_eq!(
            told(&mut fresh, 98),
            ["worked out: 2 no result for 37s"],
            "tried again: its shorter interval"
        );
        assert_eq!(told(&mut fresh, 111), ["sent: 3 no result for 1min"]);
    }

    #[test]
    fn outside_of_its_period_and_after_a_reload() {
        let mut fresh = freshness();
        keep_looking(&mut fresh, 7_999);
        assert_eq!(told(&mut fresh, 8_000).len(), 4, "when something is wanted of it again");
        let text = "[[check]]\nname = \"sent\"\ntype = \"passive\"\nfreshness_threshold = \"10s\"";
        fresh.set(&toml::from_str(text).unwrap(), SECOND * 300, SECOND * 9_005);
        assert_eq!(told(&mut fresh, 8_010), [""; 0]);
        assert_eq!(
            told(&mut fresh, 8_011),
            ["sent: 3 no result for 10s".replace('3', "2")],
            "since its last result"
        );
    }
}
