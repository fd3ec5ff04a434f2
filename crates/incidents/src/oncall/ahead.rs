//! When nobody will be on call, and whose turns are others' since they are away. Health asks each second, and the answer changes with the definitions and with the hours.

use std::sync::Arc;

use vocabulary::Timestamp;

use super::leave::Clash;
use super::roster::Roster;
use crate::desk::Desk;
use crate::limits::GAPS_AHEAD_SECONDS;

/// So often it is looked at anew, though nothing has changed.
const LOOK_SECONDS: i64 = 3_600;

/// A time in which nobody is on call in a schedule where somebody is meant to be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gap {
    pub start: Timestamp,
    pub end: Timestamp,
    pub schedule: Arc<str>,
}

pub(crate) struct Ahead {
    of: Arc<Roster>,
    at: Timestamp,
    gaps: Arc<Vec<Gap>>,
    clashes: Arc<Vec<Clash>>,
}

impl Desk {
    /// Those of the next 30 days that are not over, the first that comes first; of schedules that may be empty none.
    pub fn gaps_ahead(&self, now: Timestamp) -> Vec<Gap> {
        let (gaps, _) = self.look_ahead(now);
        gaps.iter().filter(|gap| now < gap.end).cloned().collect()
    }

    /// Those of the next 30 days that are not over, the first that comes first.
    pub fn clashes_ahead(&self, now: Timestamp) -> Vec<Clash> {
        let (_, clashes) = self.look_ahead(now);
        clashes.iter().filter(|clash| now < clash.end).cloned().collect()
    }

    fn look_ahead(&self, now: Timestamp) -> (Arc<Vec<Gap>>, Arc<Vec<Clash>>) {
        let roster = self.roster(now);
        let mut ahead = self.ahead.lock();
        let is_fresh = |known: &Ahead| {
            Arc::ptr_eq(&known.of, &roster) && known.at <= now && now.since(known.at) < LOOK_SECONDS
        };
        if let Some(known) = ahead.as_ref().filter(|known| is_fresh(known)) {
            return (known.gaps.clone(), known.clashes.clone());
        }
        let (gaps, clashes) = (Arc::new(look(&roster, now)), Arc::new(roster.clashes(now)));
        *ahead = Some(Ahead { of: roster, at: now, gaps: gaps.clone(), clashes: clashes.clone() });
        (gaps, clashes)
    }
}

fn look(roster: &Roster, now: Timestamp) -> Vec<Gap> {
    let meant = roster.schedules.iter().filter(|(_, known)| !known.config.may_be_empty);
    let mut gaps: Vec<Gap> = meant
        .flat_map(|(name, known)| {
            let found = known.schedule.gaps(now, now.plus(GAPS_AHEAD_SECONDS)).into_iter();
            found.map(|(start, end)| Gap { start, end, schedule: name.clone() })
        })
        .collect();
    gaps.sort();
    gaps
}
