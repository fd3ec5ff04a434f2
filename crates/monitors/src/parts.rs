//! Sub-checks: a look that saw several things (a health report, the members of a replica set). Each is an instance of
//! its check with a state of its own. Contacts hear of it by the check's own notices, which name it; what holds the
//! check back holds back its parts. Parts of a passive check are alerts of others (`alerts`): each flaps by itself.
//!
//! A look that came to nothing says nothing of the parts, so they stay as they are. A part that a later report leaves
//! out never ends well by that: what was bad is UNKNOWN from then on, until it is reported again or somebody takes it
//! out.

use std::collections::HashSet;

use vocabulary::Timestamp;

use crate::config::CheckType;
use crate::inner::Inner;
use crate::limits::{FORGET_SECONDS, MAX_ALERTS_OF_CHECK, MAX_PARTS_OF_CHECK};
use crate::machine::{ObjectId, ObjectName};
use crate::monitors::{Monitors, Ticket};
use crate::refused::{Refused, unknown};
use crate::{Outcome, Part};

/// Of a part that was bad when it was seen last; what follows says how.
const LEFT_OUT: &str = "no longer reported; it was ";

impl Inner {
    /// What the look says of each part. The answer: of how many that are bad there is no room to know.
    pub fn take_parts(&mut self, check: &str, outcome: &Outcome, now: Timestamp) -> usize {
        if outcome.parts.is_empty() {
            return 0;
        }
        let seen: HashSet<&str> = outcome.parts.iter().map(|part| part.name.as_str()).collect();
        self.miss_parts(check, &seen, outcome, now);
        let room = self.make_room(check, &seen);
        self.take_each(check, outcome.parts.iter(), room, outcome, now)
    }

    /// Of a look or a message: these, as far as they are known or there is room.
    pub fn take_each<'p>(
        &mut self,
        check: &str,
        parts: impl Iterator<Item = &'p Part>,
        mut room: usize,
        outcome: &Outcome,
        now: Timestamp,
    ) -> usize {
        let mut without_room = 0;
        for part in parts {
            let is_new = self.machine.instance(check, &part.name).is_none();
            let id = (!is_new || room > 0).then(|| self.instance(check, &part.name, now).ok()).flatten();
            match id {
                Some(id) => {
                    room -= usize::from(is_new);
                    let of_look = Outcome { at: outcome.at, active: outcome.active, ..part.outcome.clone() };
                    self.result(id, &of_look, now);
                }
                None => {
                    self.counters.left_out += 1;
                    without_room += usize::from(part.outcome.status != 0);
                }
            }
        }
        without_room
    }

    fn miss_parts(&mut self, check: &str, seen: &HashSet<&str>, outcome: &Outcome, now: Timestamp) {
        for id in self.parts_beside(check, seen) {
            if !self.machine.is_bad(id) {
                self.forget_if_silent(id, now);
                continue;
            }
            let status = self.machine.status(id, now);
            let output = match status.output.starts_with(LEFT_OUT) {
                true => status.output.to_string(),
                false => format!("{LEFT_OUT}{}: {}", self.machine.made_of_it(id).state, status.output),
            };
            let missed =
                Outcome { status: 3, output, at: outcome.at, active: outcome.active, ..Outcome::default() };
            self.result(id, &missed, now);
        }
    }

    /// For those that are new, as far as what is fine can go: first what was left out for longest. How many more there may
    /// be then.
    pub fn make_room(&mut self, check: &str, seen: &HashSet<&str>) -> usize {
        let most = self.most_parts(check);
        let new = seen.iter().filter(|name| self.machine.instance(check, name).is_none()).count();
        let too_many = (self.machine.instances_of(check).count() + new).saturating_sub(most);
        if too_many > 0 {
            let mut fine = self.parts_beside(check, seen);
            fine.retain(|id| !self.machine.is_bad(*id));
            fine.sort_by_key(|id| self.machine.last_result(*id));
            fine.into_iter().take(too_many).for_each(|id| self.forget(id));
        }
        most.saturating_sub(self.machine.instances_of(check).count())
    }

    fn most_parts(&self, check: &str) -> usize {
        let config = self.all.checks.iter().find(|config| config.name == check);
        match config.is_some_and(|config| config.kind == CheckType::Passive) {
            true => MAX_ALERTS_OF_CHECK,
            false => MAX_PARTS_OF_CHECK,
        }
    }

    /// What is fine, and nobody has told of for a day.
    pub fn forget_if_silent(&mut self, id: ObjectId, now: Timestamp) {
        if now.since(self.machine.last_result(id)) >= FORGET_SECONDS {
            self.forget(id);
        }
    }

    pub fn parts_beside(&self, check: &str, seen: &HashSet<&str>) -> Vec<ObjectId> {
        let known = self.machine.instances_of(check);
        known.filter(|id| !seen.contains(&*self.machine.instance_id(*id).instance)).collect()
    }
}

impl Monitors {
    /// Somebody says that this instance is watched no longer. If it is bad, it is good first: whoever was told of it is
    /// told of its end, with the reason.
    pub fn take_out_instance(
        &self,
        monitor: &str,
        instance: &str,
        author: &str,
        now: Timestamp,
    ) -> Result<Ticket, Refused> {
        let mut inner = self.inner.lock();
        inner.refuse_while_failing()?;
        let id = inner
            .machine
            .instance(monitor, instance)
            .ok_or_else(|| unknown(&ObjectName::Instance(monitor.to_owned(), instance.to_owned())))?;
        if inner.machine.is_bad(id) {
            let output = format!("taken out by {author}: it is watched no longer");
            inner.result(id, &Outcome { output, at: now, ..Outcome::default() }, now);
        }
        inner.forget(id);
        Ok(self.done(&mut inner, now))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::tz::TimeZone;
    use state_store::StateStore;

    use super::*;
    use vocabulary::state::{InstanceId, Withheld};

    use crate::Files;
    use crate::machine::Command;

    const CHECK: &str = "[[contact]]\nname = \"ana\"\n[[check]]\nname = \"shop\"\ntype = \"http\"\nurl = \"http://x/\"\nmax_check_attempts = 1\ncontacts = [\"ana\"]";

    fn open(directory: &std::path::Path, now: i64) -> Monitors {
        let state = StateStore::open(&directory.join("s.db"), &[crate::store::MIGRATIONS]).unwrap();
        let files = Files { definitions: toml::from_str(CHECK).unwrap(), ..Files::default() };
        Monitors::open(Arc::new(state), files, TimeZone::UTC, Timestamp(now)).unwrap()
    }

    /// A look at the shop: its own status, and `name status` of its parts.
    fn look(monitors: &Monitors, now: i64, status: u8, parts: &[(&str, u8)]) {
        let part = |(name, status): &(&str, u8)| Part {
            name: (*name).into(),
            outcome: Outcome { status: *status, output: format!("{name} {status}"), ..Outcome::default() },
        };
        let parts = parts.iter().map(part).collect();
        let outcome = Outcome { status, active: true, at: Timestamp(now), parts, ..Outcome::default() };
        let ticket = monitors.ran(&ObjectName::Check("shop".into()), &outcome, 0.0, Timestamp(now)).unwrap();
        monitors.wait(ticket, std::time::Duration::from_secs(5)).unwrap();
    }

    /// `name STATE text` of each part.
    fn parts(monitors: &Monitors, now: i64) -> Vec<String> {
        let of = |found: crate::look::Found| {
            let status = found.status;
            format!("{} {} {}", status.id.instance, status.state.unwrap(), status.output)
        };
        monitors.instances("shop", Timestamp(now)).into_iter().skip(1).map(of).collect()
    }

    #[test]
    fn each_has_its_state_and_only_the_check_tells() {
        let directory = tempfile::tempdir().unwrap();
        let monitors = open(directory.path(), 1_000);
        look(&monitors, 1_010, 2, &[("db", 2), ("cache", 0)]);
        assert_eq!(parts(&monitors, 1_010), ["cache OK cache 0", "db CRITICAL db 2"]);
        let told = monitors.notices(&crate::look::Told::OfAll, None).unwrap();
        assert_eq!(told.iter().map(|notice| &*notice.instance).collect::<Vec<_>>(), [""]);
        let summary = monitors.summary("shop", Timestamp(1_010)).unwrap();
        assert_eq!((summary.instances, summary.in_trouble, summary.record.fired), (3, 2, 1));
        assert_eq!(monitors.tally().critical, 1);
        drop(monitors);
        let again = open(directory.path(), 1_020);
        assert_eq!(parts(&again, 1_020), ["cache OK cache 0", "db CRITICAL db 2"]);
    }

    /// A passive check, to which others send their alerts.
    const SENDER: &str = "[[check]]\nname = \"shop\"\ntype = \"passive\"\nmax_check_attempts = 1";

    fn open_sender(directory: &std::path::Path) -> Monitors {
        let state = StateStore::open(&directory.join("s.db"), &[crate::store::MIGRATIONS]).unwrap();
        let files = Files { definitions: toml::from_str(SENDER).unwrap(), ..Files::default() };
        Monitors::open(Arc::new(state), files, TimeZone::UTC, Timestamp(1_000)).unwrap()
    }

    fn withheld(monitors: &Monitors, instance: &str, now: i64) -> Option<Withheld> {
        let id = InstanceId { monitor: "shop".into(), instance: instance.into() };
        monitors.withheld(&id, Timestamp(now))
    }

    #[test]
    fn an_alert_that_flaps_is_held_back_by_itself_until_it_rests() {
        let directory = tempfile::tempdir().unwrap();
        let monitors = open_sender(directory.path());
        let minute = |n: i64| 1_000 + 60 * n;
        look(&monitors, minute(0), 2, &[("steady", 2)]);
        for n in 1..=16 {
            // The whole is CRITICAL all the time, and does not flap.
            look(&monitors, minute(n), 2, &[("steady", 2), ("flaps", if n % 2 == 0 { 2 } else { 0 })]);
        }
        assert_eq!(withheld(&monitors, "flaps", minute(16)), Some(Withheld::Flapping));
        assert_eq!(withheld(&monitors, "steady", minute(16)), None);
        assert_eq!(withheld(&monitors, "flaps", minute(30)), Some(Withheld::Flapping));
        assert_eq!(
            withheld(&monitors, "flaps", minute(31)),
            None,
            "it has been bad for a quarter of an hour"
        );
        // Now the whole flaps with it.
        for n in 40..60 {
            let bad = if n % 2 == 0 { 2 } else { 0 };
            look(&monitors, minute(n), bad, &[("steady", 0), ("flaps", bad)]);
        }
        assert_eq!(withheld(&monitors, "flaps", minute(59)), Some(Withheld::Flapping));
        look(&monitors, minute(60), 2, &[("steady", 2), ("flaps", 2)]);
        assert_eq!(withheld(&monitors, "", minute(60)), Some(Withheld::Flapping), "as Nagios has it");
        assert_eq!(withheld(&monitors, "steady", minute(60)), None, "this one does not");
    }

    #[test]
    fn whoever_has_the_check_in_hand_has_the_alerts_that_it_had_then() {
        let directory = tempfile::tempdir().unwrap();
        let monitors = open_sender(directory.path());
        look(&monitors, 1_010, 2, &[("before", 2)]);
        let acknowledge = |object| Command::Acknowledge {
            object,
            sticky: true,
            notify: false,
            persistent: false,
            expires: None,
            author: "ana".into(),
            comment: "mine".into(),
        };
        monitors.command(&ObjectName::Check("shop".into()), acknowledge, Timestamp(1_020)).unwrap();
        look(&monitors, 1_030, 2, &[("before", 2), ("later", 2)]);
        assert_eq!(withheld(&monitors, "before", 1_040), Some(Withheld::Acknowledged));
        assert_eq!(withheld(&monitors, "later", 1_040), None, "nobody has that one");
        let by = |instance: &str| {
            let id = InstanceId { monitor: "shop".into(), instance: instance.into() };
            monitors.acknowledgement(&id).map(|by| by.author.to_string())
        };
        assert_eq!([by("before"), by("later")], [Some("ana".into()), None]);
    }

    #[test]
    fn an_alert_that_comes_once_a_week_never_flaps() {
        let directory = tempfile::tempdir().unwrap();
        let monitors = open_sender(directory.path());
        for week in 1..30 {
            let now = 1_000 + week * 7 * 86_400;
            look(&monitors, now, 2, &[("backup", 2)]);
            assert_eq!(withheld(&monitors, "backup", now), None, "week {week}");
            look(&monitors, now + 3_600, 0, &[("backup", 0)]);
        }
    }

    #[test]
    fn whoever_has_the_check_in_hand_has_its_parts() {
        let directory = tempfile::tempdir().unwrap();
        let monitors = open(directory.path(), 1_000);
        look(&monitors, 1_010, 2, &[("db", 2)]);
        let by = |instance: &str| {
            let id = InstanceId { monitor: "shop".into(), instance: instance.into() };
            monitors.acknowledgement(&id).map(|by| by.author.to_string())
        };
        assert_eq!([by(""), by("db")], [None, None]);
        let acknowledge = |object| Command::Acknowledge {
            object,
            sticky: true,
            notify: false,
            persistent: false,
            expires: None,
            author: "ana".into(),
            comment: "mine".into(),
        };
        monitors.command(&ObjectName::Check("shop".into()), acknowledge, Timestamp(1_020)).unwrap();
        assert_eq!([by(""), by("db"), by("none")], [Some("ana".into()), Some("ana".into()), None]);
    }

    #[test]
    fn what_is_left_out_does_not_end_well() {
        let directory = tempfile::tempdir().unwrap();
        let monitors = open(directory.path(), 1_000);
        look(&monitors, 1_010, 2, &[("db", 2), ("cache", 0)]);
        look(&monitors, 1_020, 2, &[]);
        assert_eq!(
            parts(&monitors, 1_020),
            ["cache OK cache 0", "db CRITICAL db 2"],
            "nothing was seen of them"
        );
        for now in [1_030, 1_040] {
            look(&monitors, now, 0, &[("queue", 0)]);
            let gone = "db UNKNOWN no longer reported; it was CRITICAL: db 2";
            assert_eq!(parts(&monitors, now), ["cache OK cache 0", gone, "queue OK queue 0"]);
        }
        look(&monitors, 1_030 + FORGET_SECONDS, 0, &[("queue", 0)]);
        assert_eq!(parts(&monitors, 90_000).len(), 2, "what was fine is forgotten after a day");
        look(&monitors, 90_000, 0, &[("queue", 0), ("db", 1)]);
        assert_eq!(parts(&monitors, 90_000)[0], "db WARNING db 1");
    }

    #[test]
    fn somebody_takes_one_out_and_its_end_is_told_why() {
        let directory = tempfile::tempdir().unwrap();
        let monitors = open(directory.path(), 1_000);
        look(&monitors, 1_010, 2, &[("db", 2)]);
        monitors.take_out_instance("shop", "db", "bob", Timestamp(1_020)).unwrap();
        let prepared = monitors.prepare().unwrap();
        let last = prepared.carried.changes.last().unwrap();
        assert_eq!((&*last.id.instance, &*last.text), ("db", "taken out by bob: it is watched no longer"));
        assert_eq!(parts(&monitors, 1_020), [""; 0]);
        assert!(matches!(
            monitors.take_out_instance("shop", "db", "bob", Timestamp(1_021)),
            Err(Refused::NotFound(_))
        ));
    }

    #[test]
    fn there_are_never_more_than_may_be() {
        let directory = tempfile::tempdir().unwrap();
        let monitors = open(directory.path(), 1_000);
        let names: Vec<String> = (0..3 * MAX_PARTS_OF_CHECK).map(|n| format!("p{n}")).collect();
        let turn =
            |from: usize| names[from..from + 200].iter().map(|name| (name.as_str(), 0)).collect::<Vec<_>>();
        for (index, from) in (0..names.len()).step_by(200).enumerate() {
            look(&monitors, 1_010 + index as i64, 0, &turn(from));
        }
        assert_eq!(parts(&monitors, 2_000).len(), MAX_PARTS_OF_CHECK);
        assert_eq!(monitors.counters().left_out, 0);
        let bad: Vec<(&str, u8)> = names[..300].iter().map(|name| (name.as_str(), 2)).collect();
        look(&monitors, 2_000, 2, &bad);
        let others: Vec<(&str, u8)> = names[300..600].iter().map(|name| (name.as_str(), 2)).collect();
        look(&monitors, 2_010, 2, &others);
        assert_eq!(parts(&monitors, 2_010).len(), MAX_PARTS_OF_CHECK);
        assert_eq!(monitors.counters().left_out, 200, "what is bad makes no room");
    }

    #[test]
    fn a_check_that_sees_no_parts_any_more_leaves_none_in_trouble() {
        let directory = tempfile::tempdir().unwrap();
        let monitors = open(directory.path(), 1_000);
        look(&monitors, 1_010, 2, &[("db", 2), ("cache", 0)]);
        let definitions = toml::from_str(&format!("{CHECK}\nhealth = false")).unwrap();
        monitors.reload(Files { definitions, ..Files::default() }, Timestamp(1_020)).unwrap();
        let prepared = monitors.prepare().unwrap();
        let told: Vec<_> =
            prepared.carried.changes.iter().map(|change| (&*change.id.instance, change.to.word())).collect();
        assert_eq!((told, parts(&monitors, 1_020)), (vec![("db", "OK")], vec![]));
        monitors.committed(&prepared);
        look(&monitors, 1_030, 2, &[("db", 2)]);
        assert_eq!(monitors.counters().left_out, 1, "nothing is made of what is not wanted");
    }
}
