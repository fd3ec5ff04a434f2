//! What the record comes to: how long until somebody has it, until it is over, until the next; who was woken; what
//! pages for nothing. Plain code over [`Record`]; docs/reports.md has each definition in words.

pub mod monthly;
mod record;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use vocabulary::state::State;

pub use record::{Case, Record, Sent};

use crate::nights::Nights;
use crate::noise::{Noise, Worth, by_hand};

/// What is over sooner flapped, and says nothing of how long people take.
pub const FLAP_SECONDS: i64 = 60;

/// Of times in seconds. The mean alone lies: one long one hides all others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figures {
    pub count: usize,
    pub mean: f64,
    /// The middle one; of an even number the mean of the two in the middle.
    pub median: f64,
    /// The least of them that 95 % do not exceed (nearest rank).
    pub p95: f64,
}

impl Figures {
    pub fn of(mut seconds: Vec<i64>) -> Option<Figures> {
        seconds.sort_unstable();
        let count = seconds.len();
        let last = *seconds.last()?;
        let rank = (count * 95).div_ceil(100);
        let middle = (seconds[(count - 1) / 2] + seconds[count / 2]) as f64 / 2.0;
        Some(Figures {
            count,
            mean: seconds.iter().sum::<i64>() as f64 / count as f64,
            median: middle,
            p95: seconds.get(rank - 1).copied().unwrap_or(last) as f64,
        })
    }
}

/// Of the incidents of a service, or of all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dealing {
    /// Those that count.
    pub incidents: usize,
    /// Left out: over within a minute.
    pub flapped: usize,
    /// Left out: over before anybody was told.
    pub untold: usize,
    /// Left out: of what is not production.
    pub not_production: usize,
    /// Of those that count: somebody was paged.
    pub paged: usize,
    /// Of those that count: it went away by itself, nobody did anything.
    pub self_healed: usize,
    pub open: usize,
    /// From its beginning until somebody has it, of those that paged.
    pub to_acknowledge: Option<Figures>,
    /// From its beginning to its end, of those that are over.
    pub to_recover: Option<Figures>,
    /// Times without any failure, from one's end to the next one's beginning.
    pub between: Option<Figures>,
    /// Stretches in which something was CRITICAL or DOWN; what overlaps is one.
    pub failures: usize,
}

enum Counts {
    Yes,
    Flapped,
    Untold,
    NotProduction,
}

impl Case {
    fn counts(&self) -> Counts {
        let seconds = self.closed.map(|closed| closed - self.opened);
        match () {
            () if !self.production => Counts::NotProduction,
            () if seconds.is_some_and(|seconds| seconds < FLAP_SECONDS) => Counts::Flapped,
            () if self.self_healed && self.pages == 0 => Counts::Untold,
            () => Counts::Yes,
        }
    }

    fn is_failure(&self) -> bool {
        matches!(self.worst, State::Critical | State::Down | State::Unreachable)
    }
}

/// What these incidents come to; `until` is where what is still open is cut.
pub fn dealing<'c>(cases: impl IntoIterator<Item = &'c Case>, until: i64) -> Dealing {
    let mut all = Dealing::default();
    let mut counted: Vec<&Case> = Vec::new();
    for case in cases {
        match case.counts() {
            Counts::Yes => counted.push(case),
            Counts::Flapped => all.flapped += 1,
            Counts::Untold => all.untold += 1,
            Counts::NotProduction => all.not_production += 1,
        }
    }
    let paged = || counted.iter().filter(|case| case.pages > 0);
    let answered = paged().filter_map(|case| Some(case.acknowledged.as_ref()?.0 - case.known));
    let over = counted.iter().filter_map(|case| Some(case.closed? - case.opened));
    let failures = failures(&counted, until);
    let gaps = failures.windows(2).map(|pair| pair[1].0 - pair[0].1);
    Dealing {
        incidents: counted.len(),
        paged: paged().count(),
        self_healed: counted.iter().filter(|case| case.self_healed).count(),
        open: counted.iter().filter(|case| case.closed.is_none()).count(),
        to_acknowledge: Figures::of(answered.collect()),
        to_recover: Figures::of(over.collect()),
        between: Figures::of(gaps.collect()),
        failures: failures.len(),
        ..all
    }
}

/// When something had failed, in order; what overlaps is one.
fn failures(cases: &[&Case], until: i64) -> Vec<(i64, i64)> {
    let failed = cases.iter().filter(|case| case.is_failure());
    let mut spans: Vec<(i64, i64)> =
        failed.map(|case| (case.opened, case.closed.unwrap_or(until.max(case.opened)))).collect();
    spans.sort_unstable();
    let mut merged: Vec<(i64, i64)> = Vec::new();
    for (begin, end) in spans {
        match merged.last_mut().filter(|last| begin <= last.1) {
            Some(last) => last.1 = last.1.max(end),
            None => merged.push((begin, end)),
        }
    }
    merged
}

/// What being on call was like for one person.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Load {
    pub pages: u64,
    /// That never arrived.
    pub lost: u64,
    /// Different incidents that they were about.
    pub incidents: usize,
    /// Pages in the night of the person.
    pub at_night: u64,
    /// Different nights in which one came.
    pub nights: usize,
    /// Incidents that this person had first.
    pub acknowledged: usize,
}

/// By person; of what never arrived nobody woke.
pub fn load(record: &Record, nights_of: &Nights) -> BTreeMap<String, Load> {
    let mut all: BTreeMap<String, (Load, BTreeSet<i64>, BTreeSet<Date>)> = BTreeMap::new();
    for sent in &record.sent {
        let (load, incidents, nights) = all.entry(sent.contact.clone()).or_default();
        load.pages += 1;
        incidents.extend(sent.incident);
        match (sent.lost, nights_of.of(&sent.contact, sent.at)) {
            (true, _) => load.lost += 1,
            (false, Some(night)) => {
                load.at_night += 1;
                nights.insert(night);
            }
            (false, None) => {}
        }
    }
    for (_, who) in record.cases.iter().filter_map(|case| case.acknowledged.as_ref()) {
        all.entry(who.clone()).or_default().0.acknowledged += 1;
    }
    let finished = |(load, incidents, nights): (Load, BTreeSet<i64>, BTreeSet<Date>)| Load {
        incidents: incidents.len(),
        nights: nights.len(),
        ..load
    };
    all.into_iter().map(|(name, of)| (name, finished(of))).collect()
}

/// What each reason's incidents came to, what is most worth changing first.
pub fn noisiest(record: &Record) -> Vec<(String, Noise)> {
    let mut all: BTreeMap<&str, Noise> = BTreeMap::new();
    for case in &record.cases {
        let noise = all.entry(by_hand(&case.reason)).or_default();
        noise.incidents += 1;
        noise.pages += case.pages;
        noise.self_healed += u64::from(case.self_healed);
        noise.acknowledged += u64::from(case.acknowledged.is_some());
        noise.useful += u64::from(case.judged.is_some_and(Worth::is_useful));
        noise.useless += u64::from(case.judged == Some(Worth::Useless));
        noise.too_late += u64::from(case.judged == Some(Worth::TooLate));
    }
    let mut all: Vec<_> = all.into_iter().map(|(reason, noise)| (reason.to_owned(), noise)).collect();
    all.sort_by_key(|(_, noise)| noise.rank());
    all
}
