//! What became of a monitor over time: how often it fired, healed by itself, told somebody, and was noise.

use serde::Serialize;
use vocabulary::state::{NoticeKind, State, StateType};

/// A problem that ends so soon without anybody's doing was not worth a word.
const NOISE_SECONDS: i64 = 300;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Record {
    /// Problems that were confirmed.
    pub fired: u64,
    /// Problems that ended before they were.
    pub self_healed: u64,
    /// Problems that somebody was told of.
    pub told: u64,
    /// … and that somebody acknowledged.
    pub acknowledged: u64,
    /// Of those told: over within five minutes, and nobody acknowledged them.
    pub noise: u64,
    /// Seconds in a confirmed problem.
    pub bad_seconds: i64,
}

impl Record {
    pub fn add(&mut self, other: Record) {
        let Record { fired, self_healed, told, acknowledged, noise, bad_seconds } = other;
        self.fired += fired;
        self.self_healed += self_healed;
        self.told += told;
        self.acknowledged += acknowledged;
        self.noise += noise;
        self.bad_seconds += bad_seconds;
    }
}

/// Of one instance (or check): its changes in order as (time, state, type), its notices as (time, kind), and the end
/// of the time that is looked at.
pub fn record(
    changes: impl IntoIterator<Item = (i64, State, StateType)>,
    notices: &[(i64, NoticeKind)],
    until: i64,
) -> Record {
    let mut record = Record::default();
    // Since when there is a problem, and since when it is confirmed.
    let mut problem: Option<(i64, Option<i64>)> = None;
    for (at, state, state_type) in changes {
        match (&mut problem, state.is_problem()) {
            (None, false) => {}
            (None, true) => problem = Some((at, (state_type == StateType::Hard).then_some(at))),
            (Some((_, confirmed)), true) => {
                if state_type == StateType::Hard {
                    confirmed.get_or_insert(at);
                }
            }
            (Some((began, confirmed)), false) => {
                record.over((*began, *confirmed), at, true, notices);
                problem = None;
            }
        }
    }
    if let Some((began, confirmed)) = problem {
        record.over((began, confirmed), until, false, notices);
    }
    record
}

impl Record {
    fn over(
        &mut self,
        (began, confirmed): (i64, Option<i64>),
        end: i64,
        ended: bool,
        notices: &[(i64, NoticeKind)],
    ) {
        let Some(confirmed) = confirmed else {
            self.self_healed += u64::from(ended);
            return;
        };
        self.fired += 1;
        self.bad_seconds += end - confirmed;
        let during =
            |kind: NoticeKind| notices.iter().any(|(at, of)| *of == kind && (began..=end).contains(at));
        let (told, acknowledged) = (during(NoticeKind::Problem), during(NoticeKind::Acknowledgement));
        self.told += u64::from(told);
        self.acknowledged += u64::from(told && acknowledged);
        self.noise += u64::from(told && !acknowledged && ended && end - confirmed <= NOISE_SECONDS);
    }
}
