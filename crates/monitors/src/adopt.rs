//! States, acknowledgements, downtimes and comments that are taken over from another monitoring.
//!
//! What is known here already stays: an object with a newer result keeps its state, a downtime or comment that is
//! here is not made again. So the same may be taken over twice.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use vocabulary::Timestamp;

use crate::config::Definitions;
use crate::inner::Inner;
use crate::machine::{ObjectName, Saved, SavedComment, SavedDowntime};
use crate::monitors::{Monitors, Ticket};
use crate::refused::Refused;

/// Nagios's own, where a definition is silent.
const NOTIFICATION_INTERVAL_SECONDS: i64 = 1_800;
/// Names of objects that are not defined here are listed up to here; all are counted.
const MAX_LISTED: usize = 100;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Adopted {
    pub objects: Vec<AdoptedObject>,
    /// Their ids are the other side's: they tell which triggers which.
    pub downtimes: Vec<SavedDowntime>,
    pub comments: Vec<SavedComment>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdoptedObject {
    pub name: ObjectName,
    pub saved: Saved,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdoptedCounts {
    pub states: usize,
    pub acknowledgements: usize,
    pub downtimes: usize,
    pub comments: usize,
    /// Objects with a newer result here.
    pub newer_here: usize,
    /// Downtimes and comments that were here already, or are over.
    pub known: usize,
    pub undefined: usize,
    /// The first of them.
    pub undefined_names: Vec<String>,
}

impl Monitors {
    pub fn adopt(&self, adopted: &Adopted, now: Timestamp) -> Result<(AdoptedCounts, Ticket), Refused> {
        let mut inner = self.inner.lock();
        inner.refuse_while_failing()?;
        let mut counts = AdoptedCounts::default();
        let knobs = Knobs::of(&inner.all);
        for object in &adopted.objects {
            inner.adopt_object(object, &knobs, now, &mut counts);
        }
        inner.adopt_kept(adopted, now, &mut counts);
        let ticket = self.done(&mut inner, now);
        Ok((counts, ticket))
    }
}

impl Inner {
    fn adopt_object(
        &mut self,
        object: &AdoptedObject,
        knobs: &Knobs,
        now: Timestamp,
        counts: &mut AdoptedCounts,
    ) {
        let Some(id) = self.machine.named(&object.name) else { return counts.is_undefined(&object.name) };
        let here = self.machine.save(id);
        if here.checked && here.last_check >= object.saved.last_check {
            counts.newer_here += 1;
            return;
        }
        let mut saved = object.saved.clone();
        let (interval, contacts) = knobs.by_name.get(&object.name).cloned().unwrap_or_default();
        if saved.state.is_problem() && saved.number > 0 {
            // Nagios does not write when it would tell again: it is worked out from the last time, as it does itself.
            if saved.next_notification == 0 && saved.last_notification > 0 {
                saved.next_notification = saved.last_notification + interval;
                saved.no_more_notifications = interval == 0;
            }
            if saved.told.is_empty() {
                saved.told = contacts;
            }
        }
        counts.states += 1;
        counts.acknowledgements += usize::from(saved.acknowledgement.is_some());
        // A problem that is there already is one for the incidents too; nobody is told of it anew.
        self.machine.adopt(id, &saved, now, &mut self.out);
    }

    fn adopt_kept(&mut self, adopted: &Adopted, now: Timestamp, counts: &mut AdoptedCounts) {
        let mut kept = self.machine.keep();
        let mut ids = HashMap::new();
        for downtime in &adopted.downtimes {
            if self.machine.named(&downtime.object).is_none() {
                counts.is_undefined(&downtime.object);
                continue;
            }
            let same = kept.downtimes.iter().find(|here| is_same_downtime(here, downtime));
            if let Some(same) = same {
                ids.insert(downtime.id, same.id);
                counts.known += 1;
                continue;
            }
            if downtime.end <= now.0 && !downtime.in_effect {
                counts.known += 1;
                continue;
            }
            let id = kept.next_downtime.max(1);
            kept.next_downtime = id + 1;
            ids.insert(downtime.id, id);
            kept.downtimes.push(SavedDowntime { id, ..downtime.clone() });
            counts.downtimes += 1;
        }
        for downtime in &mut kept.downtimes {
            let is_new = adopted.downtimes.iter().any(|theirs| ids.get(&theirs.id) == Some(&downtime.id));
            if is_new {
                downtime.triggered_by = downtime.triggered_by.and_then(|id| ids.get(&id).copied());
            }
        }
        for comment in &adopted.comments {
            let same = |here: &SavedComment| {
                (&here.object, here.at, &here.author, &here.comment)
                    == (&comment.object, comment.at, &comment.author, &comment.comment)
            };
            if self.machine.named(&comment.object).is_none() {
                counts.is_undefined(&comment.object);
            } else if kept.comments.iter().any(same) {
                counts.known += 1;
            } else {
                let id = kept.next_comment.max(1);
                kept.next_comment = id + 1;
                kept.comments.push(SavedComment { id, ..comment.clone() });
                counts.comments += 1;
            }
        }
        if counts.downtimes + counts.comments > 0 {
            self.machine.restore_kept(&kept, now.0);
            self.out.kept_changed = true;
        }
    }
}

fn is_same_downtime(here: &SavedDowntime, theirs: &SavedDowntime) -> bool {
    (&here.object, here.start, here.end, here.fixed, here.duration, &here.author, &here.comment)
        == (
            &theirs.object,
            theirs.start,
            theirs.end,
            theirs.fixed,
            theirs.duration,
            &theirs.author,
            &theirs.comment,
        )
}

impl AdoptedCounts {
    /// Of parts that were sent one after another.
    pub fn add(&mut self, part: AdoptedCounts) {
        let AdoptedCounts {
            states,
            acknowledgements,
            downtimes,
            comments,
            newer_here,
            known,
            undefined,
            undefined_names,
        } = part;
        self.states += states;
        self.acknowledgements += acknowledgements;
        self.downtimes += downtimes;
        self.comments += comments;
        self.newer_here += newer_here;
        self.known += known;
        self.undefined += undefined;
        self.undefined_names.extend(undefined_names);
        self.undefined_names.truncate(MAX_LISTED);
    }

    fn is_undefined(&mut self, name: &ObjectName) {
        self.undefined += 1;
        if self.undefined_names.len() < MAX_LISTED {
            let text = match name {
                ObjectName::Check(name) | ObjectName::Host(name) | ObjectName::Instance(name, _) => name,
            };
            self.undefined_names.push(text.clone());
        }
    }
}

/// What Nagios's file does not say and the definitions do.
struct Knobs {
    /// Seconds between two notices, and who is told.
    by_name: HashMap<ObjectName, (i64, Vec<String>)>,
}

impl Knobs {
    fn of(all: &Definitions) -> Knobs {
        let seconds = |interval: Option<vocabulary::time::HumanDuration>| {
            interval.map_or(NOTIFICATION_INTERVAL_SECONDS, |interval| interval.0.as_secs() as i64)
        };
        let checks = all.checks.iter().map(|check| {
            let knobs = (seconds(check.notification_interval), check.contacts.clone().unwrap_or_default());
            (ObjectName::Check(check.name.clone()), knobs)
        });
        let hosts = all.hosts.iter().map(|host| {
            let knobs = (seconds(host.notification_interval), host.contacts.clone().unwrap_or_default());
            (ObjectName::Host(host.name.clone()), knobs)
        });
        Knobs { by_name: checks.chain(hosts).collect() }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::tz::TimeZone;
    use state_store::StateStore;
    use vocabulary::state::{State, StateType};

    use super::*;
    use crate::config::{CheckConfig, CheckType, ContactConfig, HostConfig};
    use crate::machine::SavedAcknowledgement;
    use crate::{Files, Outcome};

    fn monitors(directory: &std::path::Path) -> Monitors {
        let check = CheckConfig {
            name: "h/s".into(),
            host: "h".into(),
            service: Some("s".into()),
            kind: CheckType::Passive,
            max_check_attempts: Some(1),
            notification_interval: Some(vocabulary::time::HumanDuration::from_secs(600)),
            contacts: Some(vec!["joe".into()]),
            ..CheckConfig::default()
        };
        let definitions = Definitions {
            hosts: vec![HostConfig { name: "h".into(), ..HostConfig::default() }],
            checks: vec![check],
            contacts: vec![ContactConfig {
                name: "joe".into(),
                channels: vec!["log".into()],
                ..ContactConfig::default()
            }],
            ..Definitions::default()
        };
        let state = StateStore::open(&directory.join("s.db"), &[crate::store::MIGRATIONS]).unwrap();
        let files = Files { definitions, ..Files::default() };
        Monitors::open(Arc::new(state), files, TimeZone::UTC, Timestamp(1_000))
            .unwrap_or_else(|_| panic!("it opens"))
    }

    fn adopted() -> Adopted {
        let object = || ObjectName::Check("h/s".into());
        let directory = tempfile::tempdir().unwrap();
        let fresh = monitors(directory.path());
        let inner = fresh.inner.lock();
        let id = inner.machine.check("h/s").unwrap();
        let mut saved = inner.machine.save(id);
        saved.state = State::Critical;
        (saved.state_type, saved.last_hard_state) = (StateType::Hard, State::Critical);
        saved.last_hard_state_change = 850;
        (saved.checked, saved.last_check, saved.number, saved.last_notification) = (true, 900, 2, 880);
        saved.notified_on = 1 << 2;
        saved.acknowledgement = Some(SavedAcknowledgement {
            sticky: true,
            author: "ann".into(),
            comment: "mine".into(),
            at: 890,
            expires: None,
            persistent: true,
        });
        let downtime = SavedDowntime {
            id: 77,
            object: object(),
            start: 2_000,
            end: 3_000,
            fixed: true,
            duration: 1_000,
            triggered_by: None,
            author: "ann".into(),
            comment: "plan".into(),
            entered: 800,
            in_effect: false,
            began: 0,
            start_told: false,
            recurring: None,
        };
        let over = SavedDowntime { id: 78, start: 10, end: 20, ..downtime.clone() };
        let triggered =
            SavedDowntime { id: 79, triggered_by: Some(77), comment: "too".into(), ..downtime.clone() };
        let comment = SavedComment {
            id: 5,
            object: object(),
            at: 700,
            author: "ann".into(),
            comment: "look here".into(),
            persistent: true,
            of_acknowledgement: false,
        };
        let unknown = AdoptedObject { name: ObjectName::Host("gone".into()), saved: saved.clone() };
        Adopted {
            objects: vec![AdoptedObject { name: object(), saved }, unknown],
            downtimes: vec![downtime, over, triggered],
            comments: vec![comment],
        }
    }

    #[test]
    fn what_is_taken_over_is_there_once_and_ends_as_it_would_have() {
        let directory = tempfile::tempdir().unwrap();
        let monitors = monitors(directory.path());
        let (counts, _) =
            monitors.adopt(&adopted(), Timestamp(1_000)).unwrap_or_else(|_| panic!("it is taken"));
        let expected = AdoptedCounts {
            states: 1,
            acknowledgements: 1,
            downtimes: 2,
            comments: 1,
            known: 1,
            undefined: 1,
            undefined_names: vec!["gone".into()],
            ..AdoptedCounts::default()
        };
        assert_eq!(counts, expected);
        let (again, _) =
            monitors.adopt(&adopted(), Timestamp(1_000)).unwrap_or_else(|_| panic!("it is taken"));
        assert_eq!((again.states, again.newer_here, again.known), (0, 1, 4), "nothing is there twice");
        let carried = monitors.prepare().unwrap().carried;
        let change = carried.changes.first().unwrap();
        assert_eq!((carried.changes.len(), change.to, change.to_type), (1, State::Critical, StateType::Hard));
        assert_eq!(
            (change.at, carried.notices.len()),
            (Timestamp(850), 0),
            "an incident since then, and no notice"
        );
        {
            let inner = monitors.inner.lock();
            let id = inner.machine.check("h/s").unwrap();
            let status = inner.machine.status(id, Timestamp(1_000));
            assert_eq!((status.state, status.notification_number), (Some(State::Critical), 2));
            assert!(status.acknowledged());
            let saved = inner.machine.save(id);
            assert_eq!((saved.next_notification, saved.told), (880 + 600, vec!["joe".to_owned()]));
            let kept = inner.machine.keep();
            let triggered = kept.downtimes.iter().find(|downtime| downtime.comment == "too").unwrap();
            let trigger = kept.downtimes.iter().find(|downtime| downtime.comment == "plan").unwrap();
            assert_eq!(triggered.triggered_by, Some(trigger.id));
        }
        // Whoever was told of the problem there is told of its end here.
        let good = Outcome { at: Timestamp(1_100), ..Outcome::default() };
        monitors
            .result(&ObjectName::Check("h/s".into()), &good, Timestamp(1_100))
            .unwrap_or_else(|_| panic!("it is taken"));
        let prepared = monitors.prepare().unwrap();
        assert_eq!(prepared.carried.notices.len(), 1);
    }
}
