//! Which archives and which rollup a series has, and the tiers that series share.

use std::sync::Arc;

use vocabulary::retention::{Archive, Policy};
use vocabulary::{Step, Timestamp, ValueKind};

use crate::config::{AggregationRule, RetentionRule, StorageConfig};
use crate::limits::*;

/// A number for a policy, the same in every run: kept in the series log.
pub type PolicyId = u16;
/// No policy: the series is gone.
pub const NO_POLICY: PolicyId = PolicyId::MAX;

/// What series must have in common to share block files: retention is then the removal of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tier {
    pub kind: ValueKind,
    pub step: Step,
    pub retention_seconds: i64,
}

/// The number of a slot since 1970: `time / step`. Negative times are not stored.
pub type Slot = i64;

impl Tier {
    pub fn new(kind: ValueKind, archive: Archive) -> Tier {
        Tier { kind, step: archive.step, retention_seconds: archive.retention_seconds }
    }

    pub fn slot(self, time: Timestamp) -> Slot {
        time.0.div_euclid(self.step.seconds())
    }

    pub fn start(self, slot: Slot) -> Timestamp {
        Timestamp(slot * self.step.seconds())
    }

    /// Slots in the whisper ring of this archive.
    pub fn ring_slots(self) -> i64 {
        self.retention_seconds / self.step.seconds()
    }

    pub fn window_slots(self) -> i64 {
        (WINDOW_SECONDS_MAX / self.step.seconds()).clamp(1, WINDOW_SLOTS)
    }

    pub fn grace_seconds(self) -> i64 {
        (GRACE_SLOTS * self.step.seconds()).clamp(GRACE_SECONDS_MIN, GRACE_SECONDS_MAX)
    }

    /// The first slot of the window that `slot` lies in.
    pub fn window_of(self, slot: Slot) -> Slot {
        slot - slot.rem_euclid(self.window_slots())
    }

    /// Slots of a final file: the longest round time that stays below [`SPAN_SLOTS_MAX`].
    pub fn span_slots(self) -> i64 {
        const HOUR: i64 = 3_600;
        const ROUND: [i64; 10] = [2, 6, 12, 24, 48, 7 * 24, 14 * 24, 30 * 24, 60 * 24, 365 * 24];
        let step = self.step.seconds();
        let fits = |seconds: &i64| {
            seconds % step == 0 && (SPAN_SLOTS_MIN / 3..=SPAN_SLOTS_MAX).contains(&(seconds / step))
        };
        let longest = ROUND.iter().rev().map(|hours| hours * HOUR).find(|seconds| fits(seconds));
        longest.map_or(SPAN_SLOTS_MIN, |seconds| seconds / step)
    }

    pub fn span_of(self, slot: Slot) -> Slot {
        slot - slot.rem_euclid(self.span_slots())
    }

    /// The directory of its files below `blocks/`.
    pub fn directory(self) -> String {
        let letter = match self.kind {
            ValueKind::Number => 't',
            ValueKind::Sketch => 's',
        };
        format!("{letter}{}-{}", self.step.seconds(), self.retention_seconds)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct PolicyEntry {
    pub kind: ValueKind,
    pub policy: Arc<Policy>,
    /// One for each archive, finest first.
    pub tiers: Vec<Tier>,
}

impl PolicyEntry {
    pub fn new(kind: ValueKind, policy: Policy) -> PolicyEntry {
        let tiers = policy.archives.as_slice().iter().map(|archive| Tier::new(kind, *archive)).collect();
        PolicyEntry { kind, policy: Arc::new(policy), tiers }
    }

    pub fn longest_retention(&self) -> i64 {
        self.policy.archives.longest_retention_seconds()
    }

    /// How many slots of archive `index - 1` make one of archive `index`.
    pub fn ratio(&self, index: usize) -> i64 {
        self.tiers[index].step.seconds() / self.tiers[index - 1].step.seconds()
    }

    /// Whisper's `update_many`: the finest archive that reaches back to a point of this age.
    pub fn archive_for_age(&self, age: i64) -> Option<usize> {
        self.tiers.iter().position(|tier| tier.retention_seconds >= age)
    }
}

/// All policies that ever were, by number.
#[derive(Clone, Debug, Default)]
pub struct Policies {
    entries: Vec<Arc<PolicyEntry>>,
}

impl Policies {
    pub fn get(&self, id: PolicyId) -> Option<&Arc<PolicyEntry>> {
        self.entries.get(usize::from(id))
    }

    pub fn iter(&self) -> impl Iterator<Item = (PolicyId, &Arc<PolicyEntry>)> {
        self.entries.iter().enumerate().map(|(id, entry)| (id as PolicyId, entry))
    }

    pub fn find(&self, kind: ValueKind, policy: &Policy) -> Option<PolicyId> {
        let at = self.entries.iter().position(|entry| entry.kind == kind && *entry.policy == *policy);
        at.map(|at| at as PolicyId)
    }

    /// The number that the next policy gets; `None` when 65,535 are taken, which only hostile files reach.
    pub fn add(&mut self, entry: PolicyEntry) -> Option<PolicyId> {
        let id = PolicyId::try_from(self.entries.len()).ok().filter(|id| *id != NO_POLICY)?;
        self.entries.push(Arc::new(entry));
        Some(id)
    }
}

/// The configured rules.
#[derive(Clone, Debug)]
pub struct Rules {
    pub retention: Vec<RetentionRule>,
    pub aggregation: Vec<AggregationRule>,
    /// Seconds that every rule reaches back.
    pub least_reach: i64,
}

impl Rules {
    pub fn new(config: &StorageConfig) -> Rules {
        Rules::of(config.retention_rules(), config.aggregation_rules())
    }

    pub fn of(retention: Vec<RetentionRule>, aggregation: Vec<AggregationRule>) -> Rules {
        let reaches = retention.iter().map(|rule| rule.archives.longest_retention_seconds());
        let least_reach = reaches.min().unwrap_or(0);
        Rules { retention, aggregation, least_reach }
    }

    /// The first retention rule that matches. The last rule matches everything.
    pub fn retention_of(&self, name: &str) -> usize {
        let first = self.retention.iter().position(|rule| rule.pattern.matches(name));
        first.unwrap_or(self.retention.len() - 1)
    }

    pub fn policy_of(&self, name: &str) -> Policy {
        let archives = self.retention[self.retention_of(name)].archives.clone();
        let rule = self.aggregation.iter().find(|rule| rule.pattern.matches(name));
        let (aggregation, share) = rule.map(|rule| (rule.method, rule.x_files_factor)).unwrap_or_default();
        Policy { archives, aggregation, x_files_factor: share.value() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tier(text: &str) -> Tier {
        Tier::new(ValueKind::Number, text.parse().unwrap())
    }

    #[test]
    fn spans_and_windows() {
        let check = |text: &str, span: i64, window: i64, grace: i64| {
            let tier = tier(text);
            assert_eq!(
                (tier.span_slots(), tier.window_slots(), tier.grace_seconds()),
                (span, window, grace),
                "{text}"
            );
        };
        check("1s:6h", 7_200, 60, 16);
        check("10s:7d", 8_640, 60, 160);
        check("60s:30d", 10_080, 10, 600);
        check("600s:5y", 8_640, 1, 600);
        check("7s:1d", 4_320, 60, 112);
        check("1d:10y", 4_320, 1, 600);
        assert_eq!(tier("10s:7d").directory(), "t10-604800");
    }

    #[test]
    fn first_match_wins_and_the_rest_is_averaged() {
        let rules = Rules::new(&StorageConfig::default());
        let policy = rules.policy_of("a.b.sum");
        assert_eq!(
            (policy.aggregation, policy.x_files_factor),
            (vocabulary::retention::Aggregation::Sum, 0.0)
        );
        assert_eq!(rules.policy_of("a.b").x_files_factor, 0.5);
        assert_eq!(rules.policy_of("a.b").archives.to_string(), crate::config::DEFAULT_ARCHIVES);
    }
}
