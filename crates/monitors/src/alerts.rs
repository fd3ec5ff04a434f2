//! Alerts of others are parts of a passive check. A message tells of some of them only: what is known of the others stays as
//! it is, and costs no more than a look at its state, for in a storm there are ten thousand of them and a message each second.
//! The check is as bad as the worst that is known then.

use std::collections::HashSet;

use vocabulary::Timestamp;
use vocabulary::state::State;

use crate::inner::Inner;
use crate::machine::{ObjectId, ObjectName};
use crate::monitors::{Monitors, Ticket};
use crate::refused::Refused;
use crate::{Outcome, Part};

/// What came of a message that tells of some parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Merged {
    /// Of all that are known, and those for which there is no room.
    pub bad: usize,
    /// Bad, and not known: there are as many as there may be.
    pub without_room: usize,
}

impl Monitors {
    /// A message that tells of some parts of a check only. What it tells is asked once it is its turn: what another one has told
    /// by then can be minded.
    pub fn result_of_some(
        &self,
        check: &str,
        told: impl FnOnce() -> Vec<Part>,
        now: Timestamp,
    ) -> Result<(Merged, Ticket), Refused> {
        let mut inner = self.inner.lock();
        let merged = inner.take_alerts(check, told, now)?;
        Ok((merged, self.done(&mut inner, now)))
    }
}

impl Inner {
    fn take_alerts(
        &mut self,
        check: &str,
        told: impl FnOnce() -> Vec<Part>,
        now: Timestamp,
    ) -> Result<Merged, Refused> {
        let name = ObjectName::Check(check.to_owned());
        let id = self.taking(&name, false)?;
        let (outcome, bad) = self.whole(check, last_words(told()), now);
        self.result(id, &outcome, now);
        let without_room = self.take_told(check, &outcome, now);
        self.counters.alerts_left_out += without_room as u64;
        self.measured(&name, &outcome, 0.0);
        Ok(Merged { bad, without_room })
    }

    /// What ends makes room for what begins. That something is well of which nothing was known is no news.
    fn take_told(&mut self, check: &str, outcome: &Outcome, now: Timestamp) -> usize {
        let (bad, well): (Vec<&Part>, Vec<&Part>) =
            outcome.parts.iter().partition(|part| part.outcome.status != 0);
        let known: Vec<&Part> =
            well.into_iter().filter(|part| self.machine.instance(check, &part.name).is_some()).collect();
        self.take_each(check, known.into_iter(), 0, outcome, now);
        let begun: HashSet<&str> = bad.iter().map(|part| part.name.as_str()).collect();
        for id in self.parts_beside(check, &begun) {
            if !self.machine.is_bad(id) {
                self.forget_if_silent(id, now);
            }
        }
        let room = self.make_room(check, &begun);
        self.take_each(check, bad.into_iter(), room, outcome, now)
    }

    /// How the check is with this, and how many alerts fire.
    fn whole(&self, check: &str, told: Vec<Part>, now: Timestamp) -> (Outcome, usize) {
        let names: HashSet<&str> = told.iter().map(|part| part.name.as_str()).collect();
        let mut others = self.parts_beside(check, &names);
        others.retain(|id| self.machine.is_bad(*id));
        let fire: Vec<&Part> = told.iter().filter(|part| part.outcome.status != 0).collect();
        let bad = fire.len() + others.len();
        let said = fire.iter().map(|part| State::of_status(part.outcome.status));
        let known = others.iter().map(|id| self.machine.made_of_it(*id).state);
        let worst = said.chain(known).max_by_key(|state| state.badness());
        let first = fire.first().map(|part| (part.name.clone(), part.outcome.output.clone()));
        let output = match first.or_else(|| self.first_of(&others)) {
            None => "no alert fires".to_owned(),
            Some((name, output)) if bad == 1 => format!("{name}: {output}"),
            Some((name, _)) => format!("{bad} alerts fire, {name} among them"),
        };
        let status = worst.map_or(0, State::status);
        (Outcome { status, output, at: now, parts: told, ..Outcome::default() }, bad)
    }

    /// By name, so that the words do not change from message to message.
    fn first_of(&self, parts: &[ObjectId]) -> Option<(String, String)> {
        let name = |id: &ObjectId| &self.machine.instance_id(*id).instance;
        let first = parts.iter().min_by(|a, b| name(a).cmp(name(b)))?;
        Some((name(first).to_string(), self.machine.output(*first).to_string()))
    }
}

/// Of a key that a message names twice the last word counts.
fn last_words(told: Vec<Part>) -> Vec<Part> {
    let mut seen = HashSet::new();
    let mut last: Vec<Part> = told.into_iter().rev().filter(|part| seen.insert(part.name.clone())).collect();
    last.reverse();
    last
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::tz::TimeZone;
    use state_store::StateStore;
    use vocabulary::state::{InstanceId, OfSender, StateType, Withheld};

    use super::*;
    use crate::Files;
    use crate::limits::{FORGET_SECONDS, MAX_ALERTS_OF_CHECK};
    use crate::machine::Status;

    /// It waits for three bad results; alerts in it do not.
    const SENDER: &str = "[[check]]\nname = \"shop\"\ntype = \"passive\"\nmax_check_attempts = 3";

    struct Sender {
        monitors: Monitors,
        _directory: tempfile::TempDir,
    }

    impl Sender {
        fn new() -> Sender {
            let directory = tempfile::tempdir().unwrap();
            let state =
                StateStore::open(&directory.path().join("s.db"), &[crate::store::MIGRATIONS]).unwrap();
            let files = Files { definitions: toml::from_str(SENDER).unwrap(), ..Files::default() };
            let monitors = Monitors::open(Arc::new(state), files, TimeZone::UTC, Timestamp(1_000)).unwrap();
            Sender { monitors, _directory: directory }
        }

        /// A message of alerts, each with its status.
        fn tells<S: AsRef<str>>(&self, now: i64, alerts: impl IntoIterator<Item = (S, u8)>) -> Merged {
            let part = |(name, status): (S, u8)| {
                let name = name.as_ref().to_owned();
                let outcome = Outcome { status, output: format!("{name} {status}"), ..Outcome::default() };
                Part { name, outcome }
            };
            let told = || alerts.into_iter().map(part).collect::<Vec<Part>>();
            self.monitors.result_of_some("shop", told, Timestamp(now)).unwrap().0
        }

        fn knows(&self, name: &str) -> bool {
            self.monitors.known_instances("shop").iter().any(|one| **one == *name)
        }

        /// `STATE text` of the check or an alert.
        fn says(&self, name: &str) -> String {
            let status = self.status(name);
            format!("{} {}", status.state.unwrap(), status.output)
        }

        fn status(&self, name: &str) -> Status {
            let known = self.monitors.instances("shop", Timestamp(2_000));
            known.into_iter().find(|one| *one.status.id.instance == *name).unwrap().status
        }
    }

    #[test]
    fn the_check_is_as_bad_as_the_worst_that_is_known() {
        let sender = Sender::new();
        assert_eq!(sender.tells(1_010, [("disk", 1)]), Merged { bad: 1, without_room: 0 });
        assert_eq!(sender.says(""), "WARNING disk: disk 1");
        assert_eq!(sender.says("disk"), "WARNING disk 1");
        let types = (sender.status("").state_type, sender.status("disk").state_type);
        assert_eq!(types, (StateType::Soft, StateType::Hard), "its sender has waited already");
        assert_eq!(sender.tells(1_020, [("down", 2)]).bad, 2);
        assert_eq!(sender.says(""), "CRITICAL 2 alerts fire, down among them");
        assert_eq!(sender.tells(1_030, [("down", 0)]).bad, 1);
        assert_eq!(sender.says(""), "WARNING disk: disk 1");
        assert_eq!(sender.says("down"), "OK down 0");
        assert_eq!(sender.tells(1_040, [("disk", 2), ("disk", 0)]).bad, 0, "its last word");
        assert_eq!(sender.says(""), "OK no alert fires");
    }

    #[test]
    fn what_the_sender_says_is_told_with_the_change() {
        let sender = Sender::new();
        let said = OfSender { since: Some(900), ..OfSender::default() };
        let outcome = Outcome { status: 2, of_sender: Some(Arc::new(said.clone())), ..Outcome::default() };
        let part = Part { name: "disk".into(), outcome };
        sender.monitors.result_of_some("shop", || vec![part], Timestamp(1_010)).unwrap();
        let prepared = sender.monitors.prepare().unwrap();
        let mut changes = prepared.carried.changes.iter();
        let change = changes.find(|change| &*change.id.instance == "disk").unwrap();
        assert_eq!((change.at, change.of_sender.as_deref()), (Timestamp(1_010), Some(&said)));
    }

    #[test]
    fn of_two_messages_at_once_none_takes_back_what_the_other_said() {
        let sender = Sender::new();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let sender = &sender;
                scope.spawn(move || {
                    for n in 0..20 {
                        sender.tells(1_010, [(format!("{thread}-{n}"), 2)]);
                    }
                });
            }
        });
        assert_eq!(sender.tells(1_020, [("0-0", 2)]).bad, 80);
        let all = sender.monitors.instances("shop", Timestamp(1_020));
        let is_bad = |one: &&crate::look::Found| one.status.state == Some(State::Critical);
        assert_eq!(all.iter().filter(is_bad).count(), 81, "80 parts, and the check");
    }

    #[test]
    fn in_a_storm_a_message_is_no_result_of_what_it_does_not_tell_of() {
        let sender = Sender::new();
        let all: Vec<(String, u8)> = (0..MAX_ALERTS_OF_CHECK).map(|n| (format!("key-{n}"), 2)).collect();
        sender.tells(1_010, all.iter().map(|(name, status)| (name, *status)));
        let before = sender.monitors.counters().results;
        for (n, message) in all.chunks(50).take(20).enumerate() {
            let merged = sender.tells(1_020 + n as i64, message.iter().map(|(name, status)| (name, *status)));
            assert_eq!(merged, Merged { bad: MAX_ALERTS_OF_CHECK, without_room: 0 });
        }
        assert_eq!(sender.monitors.counters().results - before, 20 * 51, "fifty each, and the check");
    }

    #[test]
    fn what_others_say_does_not_calm_one_that_flaps() {
        let sender = Sender::new();
        let mut now = 1_000;
        for turn in 0..17 {
            for other in 0..10 {
                now += 5;
                sender.tells(now, [(format!("other-{other}"), 2)]);
            }
            sender.tells(now, [("flaps", if turn % 2 == 0 { 2 } else { 0 })]);
        }
        let withheld = |instance: &str| {
            let id = InstanceId { monitor: "shop".into(), instance: instance.into() };
            sender.monitors.withheld(&id, Timestamp(now))
        };
        assert_eq!((withheld("flaps"), withheld("other-1")), (Some(Withheld::Flapping), None));
    }

    #[test]
    fn what_is_well_takes_no_room() {
        let sender = Sender::new();
        let names: Vec<String> = (0..MAX_ALERTS_OF_CHECK + 3).map(|n| format!("key-{n}")).collect();
        let all = |names: &[String], status: u8| -> Vec<(String, u8)> {
            names.iter().map(|name| (name.clone(), status)).collect()
        };
        let (first, more) = names.split_at(MAX_ALERTS_OF_CHECK);
        assert_eq!(sender.tells(1_010, all(first, 2)).without_room, 0);
        let refused = sender.tells(1_020, all(more, 2));
        assert_eq!(refused, Merged { bad: MAX_ALERTS_OF_CHECK + 3, without_room: 3 });
        assert!(!more.iter().any(|name| sender.knows(name)));
        // The ends that make room may come with what needs it, and after it.
        let both: Vec<(String, u8)> = all(more, 2).into_iter().chain(all(&first[..3], 0)).collect();
        assert_eq!(sender.tells(1_030, both).without_room, 0);
        assert!(more.iter().all(|name| sender.knows(name)));
        assert_eq!(sender.tells(1_040, [("never-heard-of", 0)]).without_room, 0);
        assert!(!sender.knows("never-heard-of"));
    }

    #[test]
    fn what_is_over_is_forgotten_after_a_day() {
        let sender = Sender::new();
        sender.tells(1_010, [("disk", 2), ("down", 2)]);
        sender.tells(1_020, [("disk", 0)]);
        sender.tells(1_019 + FORGET_SECONDS, [("other", 2)]);
        assert!(sender.knows("disk"));
        sender.tells(1_020 + FORGET_SECONDS, [("other", 2)]);
        assert_eq!((sender.knows("disk"), sender.knows("down")), (false, true));
    }
}
