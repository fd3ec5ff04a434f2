//! Who may still create series: limits, and a record of what was refused and whose it was.

use std::collections::VecDeque;
use std::collections::hash_map::{Entry, HashMap};

use vocabulary::Timestamp;
use vocabulary::series::NameError;

use super::limits::*;

/// The limits on names that do not exist yet. Zero means none for the rates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuardLimits {
    pub max_series: usize,
    pub max_new_per_minute: u64,
    /// For names that share their first two nodes.
    pub max_new_per_prefix_per_minute: u64,
    /// Branches and leaves directly below one node.
    pub max_children: u32,
}

impl Default for GuardLimits {
    fn default() -> Self {
        GuardLimits {
            max_series: 2_000_000,
            max_new_per_minute: 2_000_000,
            max_new_per_prefix_per_minute: 0,
            max_children: 100_000,
        }
    }
}

/// Why a name did not become a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It cannot be one.
    Name(NameFault),
    /// It could, but a limit is reached.
    Limit(Limit),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameFault {
    Form(NameError),
    TooLong,
    TooDeep,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Limit {
    MaxSeries,
    NewPerMinute,
    NewPerPrefixPerMinute,
    Children,
    Memory,
}

impl Limit {
    pub const ALL: [Limit; 5] =
        [Limit::MaxSeries, Limit::NewPerMinute, Limit::NewPerPrefixPerMinute, Limit::Children, Limit::Memory];

    /// The configuration key that moves it, or what else does.
    pub fn key(self) -> &'static str {
        match self {
            Limit::MaxSeries => "max_series",
            Limit::NewPerMinute => "max_new_series_per_minute",
            Limit::NewPerPrefixPerMinute => "max_new_per_prefix_per_minute",
            Limit::Children => "max_children",
            Limit::Memory => "memory",
        }
    }
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Refused::Name(NameFault::Form(error)) => error.fmt(f),
            Refused::Name(NameFault::TooLong) => write!(f, "the name is longer than {NAME_BYTES_MAX} bytes"),
            Refused::Name(NameFault::TooDeep) => write!(f, "the name has more than {DEPTH_MAX} nodes"),
            Refused::Limit(limit) => write!(f, "the limit `{}` on new series is reached", limit.key()),
        }
    }
}

impl std::error::Error for Refused {}

/// Refusals since the start, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RefusedCounts {
    pub bad_name: u64,
    pub max_series: u64,
    pub new_per_minute: u64,
    pub new_per_prefix_per_minute: u64,
    pub children: u64,
    pub memory: u64,
}

impl RefusedCounts {
    fn of(&mut self, refused: Refused) -> &mut u64 {
        match refused {
            Refused::Name(_) => &mut self.bad_name,
            Refused::Limit(Limit::MaxSeries) => &mut self.max_series,
            Refused::Limit(Limit::NewPerMinute) => &mut self.new_per_minute,
            Refused::Limit(Limit::NewPerPrefixPerMinute) => &mut self.new_per_prefix_per_minute,
            Refused::Limit(Limit::Children) => &mut self.children,
            Refused::Limit(Limit::Memory) => &mut self.memory,
        }
    }
}

/// One refusal, for people to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedName {
    /// As it was sent; bytes that are not text are replaced, and the end of a long one is cut.
    pub name: String,
    pub why: Refused,
    pub at: Timestamp,
}

/// A prefix (first two nodes) whose names were refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offender {
    pub prefix: String,
    /// At least this many; at most [`Offender::overcount`] less than told when many prefixes offend.
    pub refused: u64,
    pub overcount: u64,
    pub example: String,
}

pub(super) struct Guard {
    pub(super) limits: GuardLimits,
    pub(super) memory_is_short: bool,
    rate: Bucket,
    prefix_rates: HashMap<Box<str>, Bucket>,
    /// When those that say nothing were last taken out.
    prefixes_thinned: Timestamp,
    counts: RefusedCounts,
    offenders: Vec<Offender>,
    sample: VecDeque<RefusedName>,
    remembered: Vec<Option<Remembered>>,
}

#[derive(Clone, Copy)]
struct Remembered {
    hash: u64,
    why: Refused,
    at: Timestamp,
    until: Timestamp,
}

/// Tokens of one minute, refilled evenly. Starts full: a fresh server takes a minute's worth at once.
#[derive(Clone, Copy)]
struct Bucket {
    /// In sixtieths of a token, so that a whole number comes in each second.
    sixtieths: u64,
    at: Timestamp,
}

impl Bucket {
    fn full(per_minute: u64, now: Timestamp) -> Bucket {
        Bucket { sixtieths: per_minute.saturating_mul(60), at: now }
    }

    fn refill(&mut self, per_minute: u64, now: Timestamp) {
        // A clock that was set back gives nothing until it has caught up, but not for ever.
        let passed = now.since(self.at).clamp(0, 60) as u64;
        if passed > 0 || now.since(self.at) < -60 {
            self.at = now;
        }
        let capacity = per_minute.saturating_mul(60);
        self.sixtieths = self.sixtieths.saturating_add(per_minute.saturating_mul(passed)).min(capacity);
    }

    fn has_one(&mut self, per_minute: u64, now: Timestamp) -> bool {
        self.refill(per_minute, now);
        self.sixtieths >= 60
    }

    fn take(&mut self) {
        self.sixtieths = self.sixtieths.saturating_sub(60);
    }

    fn is_full(&self, per_minute: u64) -> bool {
        self.sixtieths >= per_minute.saturating_mul(60)
    }
}

impl Guard {
    pub(super) fn new(limits: GuardLimits) -> Guard {
        Guard {
            limits,
            memory_is_short: false,
            rate: Bucket::full(limits.max_new_per_minute, Timestamp(0)),
            prefix_rates: HashMap::new(),
            prefixes_thinned: Timestamp(0),
            counts: RefusedCounts::default(),
            offenders: Vec::new(),
            sample: VecDeque::new(),
            remembered: Vec::new(),
        }
    }

    /// May one more be created? Takes its tokens if so.
    pub(super) fn admit(&mut self, name: &str, series: usize, now: Timestamp) -> Result<(), Limit> {
        self.has_room(series)?;
        let GuardLimits { max_new_per_minute, max_new_per_prefix_per_minute, .. } = self.limits;
        if max_new_per_minute > 0 && !self.rate.has_one(max_new_per_minute, now) {
            return Err(Limit::NewPerMinute);
        }
        if max_new_per_prefix_per_minute > 0 {
            self.admit_prefix(first_two_nodes(name), max_new_per_prefix_per_minute, now)?;
        }
        self.rate.take();
        Ok(())
    }

    /// May there be one more, however many came in the last minute?
    pub(super) fn has_room(&self, series: usize) -> Result<(), Limit> {
        if self.memory_is_short {
            return Err(Limit::Memory);
        }
        if series >= self.limits.max_series {
            return Err(Limit::MaxSeries);
        }
        Ok(())
    }

    fn admit_prefix(&mut self, prefix: &str, per_minute: u64, now: Timestamp) -> Result<(), Limit> {
        let is_full = |guard: &Guard| {
            guard.prefix_rates.len() >= RATED_PREFIXES_MAX && !guard.prefix_rates.contains_key(prefix)
        };
        if is_full(self) && self.prefixes_thinned != now {
            // A full bucket says no more than a fresh one. Looking at all is for once a second.
            self.prefixes_thinned = now;
            self.prefix_rates.retain(|_, bucket| {
                bucket.refill(per_minute, now);
                !bucket.is_full(per_minute)
            });
        }
        // If all are in use, newcomers share one.
        let prefix = if is_full(self) { "" } else { prefix };
        let bucket = match self.prefix_rates.entry(prefix.into()) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(Bucket::full(per_minute, now)),
        };
        if !bucket.has_one(per_minute, now) {
            return Err(Limit::NewPerPrefixPerMinute);
        }
        bucket.take();
        Ok(())
    }

    /// Was this name (by its hash) refused a moment ago? Counts it again if so.
    pub(super) fn refused_lately(&mut self, hash: u64, name: &[u8], now: Timestamp) -> Option<Refused> {
        let remembered = self.remembered.get(hash as usize % REFUSED_SLOTS).copied().flatten()?;
        // A clock that was set back must not make a second last for hours.
        if remembered.hash != hash || !(remembered.at..remembered.until).contains(&now) {
            return None;
        }
        self.count(name, remembered.why);
        Some(remembered.why)
    }

    /// Counts a refusal, keeps it as an example and remembers it for a while.
    pub(super) fn refuse(&mut self, hash: u64, name: &[u8], why: Refused, now: Timestamp) {
        self.count(name, why);
        if self.sample.len() == REFUSED_SAMPLE {
            self.sample.pop_front();
        }
        self.sample.push_back(RefusedName { name: readable(name), why, at: now });
        if self.remembered.is_empty() {
            self.remembered.resize(REFUSED_SLOTS, None);
        }
        // What is wrong with a name stays wrong; a limit may have room again.
        let until = match why {
            Refused::Name(_) => Timestamp(i64::MAX),
            Refused::Limit(_) => now.plus(REFUSED_FOR_SECONDS),
        };
        self.remembered[hash as usize % REFUSED_SLOTS] = Some(Remembered { hash, why, at: now, until });
    }

    fn count(&mut self, name: &[u8], why: Refused) {
        *self.counts.of(why) += 1;
        if matches!(why, Refused::Limit(_)) {
            self.count_offender(name);
        }
    }

    /// Space-saving: the least of a full list gives its place, and its count, to a newcomer.
    fn count_offender(&mut self, name: &[u8]) {
        let readable_name = String::from_utf8_lossy(name);
        let prefix = first_two_nodes(&readable_name);
        if let Some(known) = self.offenders.iter_mut().find(|offender| offender.prefix == prefix) {
            known.refused += 1;
            return;
        }
        let newcomer = |overcount: u64| Offender {
            prefix: cut(prefix),
            refused: overcount + 1,
            overcount,
            example: readable(name),
        };
        if self.offenders.len() < OFFENDERS_MAX {
            self.offenders.push(newcomer(0));
        } else if let Some(least) = self.offenders.iter_mut().min_by_key(|offender| offender.refused) {
            *least = newcomer(least.refused);
        }
    }

    /// Forget short refusals, as when limits change.
    pub(super) fn set_limits(&mut self, limits: GuardLimits) {
        self.limits = limits;
        self.remembered.clear();
        self.prefix_rates.clear();
        self.rate = Bucket::full(limits.max_new_per_minute, self.rate.at);
    }

    pub(super) fn counts(&self) -> RefusedCounts {
        self.counts
    }

    /// Whose names are refused, worst first.
    pub(super) fn offenders(&self) -> Vec<Offender> {
        let mut offenders = self.offenders.clone();
        offenders.sort_by(|a, b| b.refused.cmp(&a.refused).then_with(|| a.prefix.cmp(&b.prefix)));
        offenders
    }

    /// The latest refusals, newest first.
    pub(super) fn sample(&self) -> Vec<RefusedName> {
        self.sample.iter().rev().cloned().collect()
    }
}

/// What a name is accounted under: its first two nodes; tags do not count.
pub(super) fn first_two_nodes(name: &str) -> &str {
    let metric = vocabulary::series::split(name).0;
    let mut dots = metric.match_indices('.');
    dots.next();
    dots.next().map_or(metric, |(at, _)| &metric[..at])
}

fn readable(name: &[u8]) -> String {
    cut(&String::from_utf8_lossy(&name[..name.len().min(NAME_BYTES_MAX)]))
}

fn cut(text: &str) -> String {
    const SHOWN: usize = 200;
    let shown: String =
        text.chars().take(SHOWN).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(SHOWN).is_some() { shown + "…" } else { shown }
}
