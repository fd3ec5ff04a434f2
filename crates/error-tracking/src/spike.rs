//! Far more than is usual of a project, and less than it may send at most: one fault that is repeated without end fills the disk with
//! what everybody knows by then. What is usual is told by the hours of the last week.

use std::collections::HashMap;

use parking_lot::Mutex;
use state_store::StateError;
use vocabulary::Timestamp;

use crate::look::Span;
use crate::project::Project;
use crate::tracker::Tracker;

/// So many times the usual is a spike, where a project says nothing else.
const FACTOR: u32 = 10;
/// In five minutes, which is 10 a second: less harms nobody, whatever is usual.
pub const LEAST_EVENTS: u64 = 3_000;
const WEEK_SECONDS: i64 = 7 * 86_400;
const HOUR_SECONDS: i64 = 3_600;
/// Of a project that is younger nobody knows what is usual.
const LEAST_HOURS: i64 = 24;
const WINDOWS_PER_HOUR: u64 = 12;
/// What is usual changes slowly.
const LOOK_SECONDS: i64 = 600;

/// What is usual of each project, as it was looked up last.
#[derive(Debug, Default)]
pub struct Spikes(Mutex<HashMap<u64, Looked>>);

#[derive(Clone, Copy, Debug)]
struct Looked {
    at: i64,
    /// Events of five minutes.
    usual: Option<u64>,
}

impl Spikes {
    /// What the project may send in five minutes before that is a spike. None: nobody knows yet, or nobody wants to.
    pub fn most_events(&self, tracker: &Tracker, project: &Project, now: Timestamp) -> Option<u64> {
        let factor = u64::from(project.settings.spike_factor.unwrap_or(FACTOR));
        if factor == 0 {
            return None;
        }
        let usual = self.usual(tracker, project.id, now)?;
        Some(usual.saturating_mul(factor).max(LEAST_EVENTS))
    }

    fn usual(&self, tracker: &Tracker, project: u64, now: Timestamp) -> Option<u64> {
        let looked = self.0.lock().get(&project).copied();
        if let Some(looked) = looked.filter(|looked| (now.0 - looked.at).abs() < LOOK_SECONDS) {
            return looked.usual;
        }
        let usual = tracker.usual(project, now);
        // Nobody is held back because the database cannot be read.
        let usual =
            usual.inspect_err(|error| tracing::warn!(%error, "what is usual of a project is not known"));
        let usual = usual.ok().flatten();
        self.0.lock().insert(project, Looked { at: now.0, usual });
        usual
    }
}

impl Tracker {
    /// Events of five minutes, of an hour than which few of the last week had more. None: it has not been here for a day.
    fn usual(&self, project: u64, now: Timestamp) -> Result<Option<u64>, StateError> {
        // The hour that goes on may be the spike.
        let until = now.0 - now.0.rem_euclid(HOUR_SECONDS);
        let span = Span {
            project,
            group: None,
            step: HOUR_SECONDS,
            from: Timestamp(until - WEEK_SECONDS),
            until: Timestamp(until),
            by: None,
            environment: None,
            release: None,
        };
        let slots = self.counts(&span, now)?;
        let Some(first) = slots.first() else { return Ok(None) };
        let hours = (until - first.at.0) / HOUR_SECONDS;
        let counts = slots.iter().map(|slot| slot.count).collect();
        Ok((hours >= LEAST_HOURS)
            .then(|| high(counts, hours.unsigned_abs() as usize).div_ceil(WINDOWS_PER_HOUR)))
    }
}

/// One in twenty of so many hours has more; those that are not listed had nothing.
fn high(mut counts: Vec<u64>, hours: usize) -> u64 {
    counts.sort_unstable();
    let at = (hours * 95).div_ceil(100) - 1;
    let without = hours.saturating_sub(counts.len());
    at.checked_sub(without).and_then(|at| counts.get(at).copied()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::Settings;

    #[test]
    fn a_few_busy_hours_are_not_what_is_usual() {
        assert_eq!(high(vec![5; 24], 24), 5);
        assert_eq!(high([vec![5; 23], vec![9_000]].concat(), 24), 5);
        assert_eq!(high([vec![5; 20], vec![9_000; 4]].concat(), 24), 9_000);
        assert_eq!((high(vec![7], 24), high(vec![7; 2], 24), high(Vec::new(), 24)), (0, 7, 0));
    }

    #[test]
    fn what_a_project_may_send_follows_what_it_sends() {
        let mut story = crate::tests::Story::new();
        let begun = story.now;
        let spikes = Spikes::default();
        let most = |story: &crate::tests::Story, factor: Option<u32>| {
            let settings = Settings { spike_factor: factor, ..Settings::default() };
            let project = Project::new(1, "shop", Vec::new(), settings, Timestamp(0));
            spikes.most_events(&story.tracker, &project, Timestamp(story.now))
        };
        assert_eq!(most(&story, None), None, "nobody knows yet");
        for hour in 0..25 {
            story.now = begun + hour * HOUR_SECONDS;
            (0..24).for_each(|_| drop(story.seen("A", "1.0.0")));
        }
        story.now = begun + 26 * HOUR_SECONDS;
        assert_eq!((most(&story, None), most(&story, Some(0))), (Some(LEAST_EVENTS), None));
        assert_eq!(most(&story, Some(4_000)), Some(8_000), "24 an hour are 2 in five minutes");
    }
}
