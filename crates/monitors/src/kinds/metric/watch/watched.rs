//! One monitor under the real clock: its instances as its series come and go.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use vocabulary::Timestamp;
use vocabulary::state::{State, StateType};

use super::super::rule::Rule;
use super::super::source::Subject;
use super::super::telling::{Voice, gone};
use super::super::track::{Blind, FINE, Track};
use super::instance::{FIRST_LAG_SECONDS, Instance};
use super::items::{Finder, find_all, primary};
use super::{Kept, Results, Told, WatchStats};
use crate::config::MonitorConfig;
use crate::limits::{
    FIND_EVERY_SECONDS, FORGET_SECONDS, MAX_INSTANCES_OF_MONITOR, MAX_WINDOW_BYTES, REPEAT_SECONDS,
};

#[derive(Debug)]
pub(super) struct Watched {
    pub config: MonitorConfig,
    pub rule: Arc<Rule>,
    subjects: Vec<Subject>,
    pub instances: Vec<Instance>,
    by_name: HashMap<Arc<str>, usize>,
    /// Instances that are kept and that the target does not find, and since when that is so.
    missing: BTreeMap<Arc<str>, i64>,
    /// What is kept was compared with what is found.
    settled: bool,
    /// It had other targets until it was defined anew: what only these found is no longer watched.
    retargeted: bool,
    pub next_find: i64,
    /// Series that were found and are not watched.
    refused: Refused,
    /// Why there is nothing to tell, or not of all.
    pub trouble: Option<String>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Refused {
    many: u64,
    windows: u64,
}

/// What instances are made with.
#[derive(Clone, Copy)]
pub(super) struct Making<'a> {
    pub now: i64,
    pub kept: &'a dyn Kept,
    pub blind: &'a Blind,
}

impl Watched {
    pub fn new(config: MonitorConfig, rule: Rule) -> Watched {
        let subjects = rule.targets.iter().map(|target| Subject::of(&target.text)).collect();
        Watched {
            config,
            rule: Arc::new(rule),
            subjects,
            instances: Vec::new(),
            by_name: HashMap::new(),
            missing: BTreeMap::new(),
            settled: false,
            retargeted: false,
            next_find: 0,
            refused: Refused::default(),
            trouble: None,
        }
    }

    /// In the place of what the same monitor was before.
    pub fn follows(mut self, before: &Watched) -> Watched {
        let (old, new) = (&before.rule, &self.rule);
        self.retargeted = old.targets != new.targets || old.funnel != new.funnel;
        self
    }

    pub fn begin_anew(&mut self) {
        self.instances.clear();
        self.by_name.clear();
        self.next_find = 0;
    }

    /// In which of the seconds between two looks for names its own come.
    pub fn turn(&self) -> i64 {
        let text = self.rule.targets.first().map_or("", |target| &*target.text);
        let sum = text.bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        i64::from(sum) % FIND_EVERY_SECONDS
    }

    pub fn reads_stored(&self) -> bool {
        self.subjects.iter().all(|subject| !matches!(subject, Subject::Expression(_)))
    }

    /// Bytes that the windows of all its instances take once they are full.
    pub fn window_bytes(&self) -> usize {
        self.instances.len() * self.rule.window_bytes()
    }

    /// Stored series come and go.
    pub fn find(&mut self, finder: &Finder<'_>, making: Making<'_>, stats: &mut WatchStats) {
        if !self.reads_stored() {
            return;
        }
        let before = self.instances.first().map_or(&[][..], |first| &first.stored);
        let found = match find_all(&self.rule, &self.subjects, finder, before) {
            Ok(found) => found,
            Err(why) => {
                stats.failed_reads += 1;
                self.trouble = Some(why);
                return;
            }
        };
        let mut refused = Refused::default();
        self.trouble = found.is_empty().then(nothing_found);
        for item in found {
            let is_new = !self.by_name.contains_key(&item.name);
            let place = self.instance(item.name, item.key, making, &mut refused, stats);
            if let Some(instance) = place.map(|place| &mut self.instances[place]) {
                for (input, of) in self.rule.inputs.iter().enumerate() {
                    if let Some(last) = item.stored[of.target].and_then(|stored| stored.last)
                        && of.earlier == 0
                        && last.0 <= instance.cursor
                    {
                        instance.track.last_seen(input, last);
                    }
                }
                instance.step = item.stored.iter().flatten().map(|stored| stored.step).min().unwrap_or(1);
                let newest = item.stored.iter().flatten().filter_map(|stored| stored.last).max();
                if let Some(newest) = newest.filter(|_| is_new) {
                    instance.guess_lag(making.now, newest.0);
                }
                if item.stored.iter().all(Option::is_none) {
                    instance.track.expect();
                }
                instance.stored = item.stored;
            }
        }
        self.refused(refused, stats);
        self.settle(making);
    }

    /// The series of an expression, by name and key.
    pub fn found(&mut self, names: Vec<(Arc<str>, Arc<str>)>, making: Making<'_>, stats: &mut WatchStats) {
        let mut refused = Refused::default();
        self.trouble = (names.is_empty() && self.instances.is_empty()).then(nothing_found);
        for (name, key) in names {
            self.instance(name, key, making, &mut refused, stats);
        }
        self.refused(refused, stats);
        self.settle(making);
    }

    /// The instance of this name, made if there is none.
    fn instance(
        &mut self,
        name: Arc<str>,
        key: Arc<str>,
        making: Making<'_>,
        refused: &mut Refused,
        stats: &mut WatchStats,
    ) -> Option<usize> {
        let Making { now, kept, blind } = making;
        if let Some(place) = self.by_name.get(&name) {
            self.instances[*place].found_at = now;
            return Some(*place);
        }
        if self.instances.len() >= MAX_INSTANCES_OF_MONITOR {
            refused.many += 1;
            return None;
        }
        let bytes = self.rule.window_bytes();
        if stats.window_bytes + bytes > MAX_WINDOW_BYTES {
            refused.windows += 1;
            return None;
        }
        stats.window_bytes += bytes;
        self.missing.remove(&name);
        let cursor = now - FIRST_LAG_SECONDS - 1 - self.rule.memory();
        let mut track = Track::new(&self.rule, Timestamp(cursor), Arc::clone(blind));
        let known = kept.state(&self.rule.name, &name);
        if let Some((state, StateType::Hard)) = known {
            track.resume(&self.rule, state);
        }
        self.by_name.insert(Arc::clone(&name), self.instances.len());
        self.instances.push(Instance {
            name,
            key,
            track,
            stored: vec![None; self.rule.targets.len()],
            cursor,
            step: 1,
            lag: FIRST_LAG_SECONDS,
            lag_guessed_until: 0,
            missed: 0,
            caught_up: false,
            // Spread, so that not all come in one second.
            voice: Voice::new(
                known.unwrap_or((State::Ok, StateType::Hard)),
                now - self.instances.len() as i64 % REPEAT_SECONDS,
            ),
            found_at: now,
        });
        Some(self.instances.len() - 1)
    }

    /// Each series that is not watched is counted once, and the monitor says so.
    fn refused(&mut self, refused: Refused, stats: &mut WatchStats) {
        let before = std::mem::replace(&mut self.refused, refused);
        stats.refused_instances += refused.many.saturating_sub(before.many);
        stats.refused_windows += refused.windows.saturating_sub(before.windows);
        if refused.many > 0 {
            self.trouble = Some(format!(
                "{} of its series are not watched: a monitor has {MAX_INSTANCES_OF_MONITOR} instances at most; narrow the target",
                refused.many
            ));
        }
        if refused.windows > 0 {
            self.trouble = Some(format!(
                "{} of its series are not watched: the windows of all monitors may take {} MiB, and each of these takes {} KiB; shorten windows or narrow targets",
                refused.windows,
                MAX_WINDOW_BYTES >> 20,
                self.rule.window_bytes() >> 10
            ));
        }
    }

    /// Once after a start or a definition: what is kept and not found has vanished, or is no longer meant.
    fn settle(&mut self, making: Making<'_>) {
        if std::mem::replace(&mut self.settled, true) {
            return;
        }
        let kept = making.kept.instances(&self.rule.name).into_iter();
        let kept = kept.filter(|name| !self.by_name.contains_key(name));
        self.missing = kept.map(|name| (name, making.now)).collect();
    }

    /// Could the target find a series of this name? Of an expression only what was defined before can tell.
    fn means(&self, name: &str) -> bool {
        let means = |subject: &Subject| subject.means(name).unwrap_or(!self.retargeted);
        self.subjects.get(primary(&self.rule)).is_none_or(means)
    }

    /// What became of it, for the state machine: each change, and each state again after a while.
    pub fn tell(&mut self, now: i64, kept: &dyn Kept, results: &mut Results) {
        let rule = &self.rule;
        let before = results.gone.len();
        self.instances.retain_mut(|instance| {
            if !instance.caught_up {
                return true;
            }
            let standing = instance.track.standing(rule);
            if standing == FINE && instance.found_at + FORGET_SECONDS < now {
                results.gone.push((Arc::clone(&rule.name), Arc::clone(&instance.name)));
                return false;
            }
            instance.tell(rule, standing, now, &mut results.told);
            true
        });
        if results.gone.len() > before {
            let places = self.instances.iter().enumerate();
            self.by_name = places.map(|(place, instance)| (Arc::clone(&instance.name), place)).collect();
        }
        self.forget_missing(now, kept, results);
    }

    /// A series that vanished resolves nothing: what was bad stays so. What is not meant any more is over.
    fn forget_missing(&mut self, now: i64, kept: &dyn Kept, results: &mut Results) {
        if self.missing.is_empty() {
            return;
        }
        let mut missing = std::mem::take(&mut self.missing);
        missing.retain(|name, since| {
            let is_bad = kept.state(&self.rule.name, name).is_some_and(|(state, _)| state.is_problem());
            let left = !self.means(name);
            if !left && (is_bad || *since + FORGET_SECONDS >= now) {
                return true;
            }
            let (monitor, instance) = (Arc::clone(&self.rule.name), Arc::clone(name));
            if is_bad {
                let outcome = gone(Timestamp(now));
                results.told.push(Told { monitor: monitor.clone(), instance: instance.clone(), outcome });
            }
            results.gone.push((monitor, instance));
            false
        });
        self.missing = missing;
    }
}

fn nothing_found() -> String {
    "the target finds no series".to_owned()
}
