//! The way out: names by pattern and tag, slots by series and time.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use vocabulary::ports::{
    FetchRequest, FindQuery, Node, Row, SearchQuery, SeriesInfo, SeriesMatch, SeriesSource, StoreError,
    TagListQuery, TagQuery,
};
use vocabulary::{LiveTail, SeriesRef, Sketch, Step, Timestamp};

use crate::changes::EVERYTHING;
use crate::head::HeadOf;
use crate::limits::*;
use crate::policy::{PolicyEntry, PolicyId, Slot, Tier};
use crate::stats::count;
use crate::store::Store;
use crate::value::Value;
use crate::view::{View, Wanted};

impl SeriesSource for Store {
    fn find(&self, query: &FindQuery<'_>) -> Result<Vec<Node>, StoreError> {
        self.names.find(query)
    }

    fn search(&self, query: &SearchQuery<'_>) -> Result<Vec<SeriesMatch>, StoreError> {
        Ok(self.search_names(query))
    }

    fn find_tagged(&self, query: &TagQuery<'_>) -> Result<Vec<SeriesMatch>, StoreError> {
        self.names.find_tagged(query)
    }

    fn tags(&self, query: &TagListQuery<'_>) -> Result<Vec<String>, StoreError> {
        self.names.tags(query)
    }

    fn tag_values(&self, tag: &str, query: &TagListQuery<'_>) -> Result<Vec<(String, u64)>, StoreError> {
        self.names.tag_values(tag, query)
    }

    fn describe(&self, series: SeriesRef) -> Option<SeriesInfo> {
        let id = u32::try_from(series.0).ok()?;
        let name = self.names.name(id)?;
        let stripe = self.stripe_of(id)?;
        let stripe = stripe.read();
        let local = (id % SERIES_PER_STRIPE) as u16;
        let head = stripe.get(local)?;
        let entry = self.policy(head.policy)?;
        Some(SeriesInfo {
            name,
            kind: entry.kind,
            policy: Arc::clone(&entry.policy),
            created: Timestamp(i64::from(head.created)),
            last_point: (head.last > 0).then_some(Timestamp(i64::from(head.last))),
            late: stripe.late_counts.get(&local).copied().unwrap_or(0).into(),
        })
    }

    fn fetch(&self, request: &FetchRequest<'_>) -> Result<Vec<Row<f64>>, StoreError> {
        self.fetch_rows(request)
    }

    fn moment(&self) -> Option<u64> {
        Some(self.changes.moment())
    }

    fn unchanged(&self, moment: u64, request: &FetchRequest<'_>, now: Timestamp) -> bool {
        let Some(oldest) = self.changes.oldest_since(moment) else {
            return self.plans_agree(request, now, i64::MAX);
        };
        // Series that came or went change everything, and so does what is not known any more.
        oldest != EVERYTHING && self.plans_agree(request, now, oldest)
    }

    fn fetch_sketches(&self, request: &FetchRequest<'_>) -> Result<Vec<Row<Option<Sketch>>>, StoreError> {
        self.fetch_rows(request)
    }
}

impl LiveTail for Store {
    fn next_tick(&self, after: Timestamp, wait: std::time::Duration) -> Option<Timestamp> {
        self.live.next(after, wait)
    }
}

/// Which slots of which archive answer a request: whisper's `file_fetch`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub archive: usize,
    pub slots: Range<Slot>,
}

pub(crate) fn plan(entry: &PolicyEntry, from: Timestamp, until: Timestamp, now: Timestamp) -> Plan {
    let oldest = now.minus(entry.longest_retention());
    let nothing = |tier: Tier| Plan { archive: 0, slots: tier.slot(from) + 1..tier.slot(from) + 1 };
    if from > until || from > now || until < oldest {
        return nothing(entry.tiers[0]);
    }
    let (from, until) = (from.max(oldest), until.min(now));
    let age = now.since(from);
    let archive = entry.archive_for_age(age).unwrap_or(entry.tiers.len() - 1);
    let tier = entry.tiers[archive];
    let first = tier.slot(from) + 1;
    // "Zero-length time range: always include the next point."
    let end = (tier.slot(until) + 1).max(first + 1);
    Plan { archive, slots: first..end }
}

impl Store {
    fn fetch_rows<V: HeadOf>(&self, request: &FetchRequest<'_>) -> Result<Vec<Row<V>>, StoreError> {
        let limits = request.limits;
        if request.series.len() > limits.max_series {
            return Err(StoreError::TooMuch { what: "series", limit: limits.max_series });
        }
        count(&self.counters.fetches, 1);
        count(&self.counters.rows_fetched, request.series.len() as u64);
        let mut out: Vec<Option<Row<V>>> = vec![None; request.series.len()];
        let mut points = 0;
        for ((stripe, policy), members) in self.by_policy::<V>(request) {
            let Some(entry) = self.policy(policy) else { continue };
            let plan = plan(&entry, request.from, request.until, request.now);
            points += members.len() * (plan.slots.end - plan.slots.start) as usize;
            if points > limits.max_points {
                return Err(StoreError::TooMuch { what: "points", limit: limits.max_points });
            }
            for batch in members.chunks(BATCH_SERIES) {
                limits.over().map_or(Ok(()), Err)?;
                self.fetch_batch(request, stripe, (policy, &entry), &plan, batch, &mut out)?;
            }
        }
        let empty = |row: Option<Row<V>>| row.unwrap_or_else(|| empty_row(request.from));
        Ok(out.into_iter().map(empty).collect())
    }

    /// Do the same slots of the same archives answer now as then, and do all of them end before a time?
    fn plans_agree(&self, request: &FetchRequest<'_>, now: Timestamp, before: i64) -> bool {
        let mut known: Option<PolicyId> = None;
        for series in request.series {
            let Ok(id) = u32::try_from(series.0) else { return false };
            let Some(stripe) = self.stripe_of(id) else { return false };
            let head = stripe.read().get((id % SERIES_PER_STRIPE) as u16).map(|head| head.policy);
            // Most series of a question share their policy.
            if head.is_some() && head == known {
                continue;
            }
            let Some(entry) = head.and_then(|policy| self.policy(policy)) else { return false };
            let then = plan(&entry, request.from, request.until, request.now);
            let tier = entry.tiers[then.archive];
            if then != plan(&entry, request.from, request.until, now)
                || !then.slots.is_empty() && tier.start(then.slots.end).0 > before
            {
                return false;
            }
            known = head;
        }
        true
    }

    /// Positions and local numbers of the wanted series by stripe and policy, locals rising. Series that
    /// are gone, of the other kind or out of scope are left out.
    fn by_policy<V: Value>(
        &self,
        request: &FetchRequest<'_>,
    ) -> BTreeMap<(u32, PolicyId), Vec<(u16, usize)>> {
        let mut groups: BTreeMap<(u32, PolicyId), Vec<(u16, usize)>> = BTreeMap::new();
        let mut by_stripe: BTreeMap<u32, Vec<(u16, usize)>> = BTreeMap::new();
        let all = request.scope.as_prefixes().is_empty();
        for (position, series) in request.series.iter().enumerate() {
            let Ok(id) = u32::try_from(series.0) else { continue };
            if !all && !self.names.name(id).is_some_and(|name| request.scope.sees(&name)) {
                continue;
            }
            by_stripe
                .entry(id / SERIES_PER_STRIPE)
                .or_default()
                .push(((id % SERIES_PER_STRIPE) as u16, position));
        }
        let policies = self.policies.load();
        for (number, mut members) in by_stripe {
            let Some(stripe) = self.stripe_of(number * SERIES_PER_STRIPE) else { continue };
            members.sort_unstable();
            let stripe = stripe.read();
            for (local, position) in members {
                let Some(series) = stripe.get(local) else { continue };
                if policies.get(series.policy).is_some_and(|entry| entry.kind == V::KIND) {
                    groups.entry((number, series.policy)).or_default().push((local, position));
                }
            }
        }
        groups
    }

    fn fetch_batch<V: HeadOf>(
        &self,
        request: &FetchRequest<'_>,
        stripe: u32,
        (policy, entry): (PolicyId, &Arc<PolicyEntry>),
        plan: &Plan,
        batch: &[(u16, usize)],
        out: &mut [Option<Row<V>>],
    ) -> Result<(), StoreError> {
        let tier = entry.tiers[plan.archive];
        // The same series may be asked for twice; the view has it once.
        let mut locals: Vec<u16> = batch.iter().map(|(local, _)| *local).collect();
        locals.dedup();
        let times = tier.start(plan.slots.start)..tier.start(plan.slots.end);
        let wanted = Wanted {
            policy,
            entry,
            locals: locals.clone(),
            archive: plan.archive,
            times,
            scope: request.scope,
        };
        let shared = self.stripe_for(stripe);
        let view = View::<V>::take(&shared.read(), &*self.blocks, wanted);
        let rows = view.rows(plan.archive, &plan.slots)?;
        let width = (plan.slots.end - plan.slots.start) as usize;
        for (local, position) in batch {
            let at = locals.binary_search(local).unwrap_or(0);
            let slots = rows[at * width..(at + 1) * width].to_vec();
            let row = Row { start: tier.start(plan.slots.start), step: tier.step, slots };
            out[*position] = Some(coarser(row, request));
        }
        Ok(())
    }
}

/// A series that is not there: no slots.
fn empty_row<V>(from: Timestamp) -> Row<V> {
    Row { start: from.plus(1), step: Step::ONE_SECOND, slots: Vec::new() }
}

/// Consolidate to the step that was asked for, rounded up to a multiple of the archive's; slots lie on
/// multiples of it.
fn coarser<V: Value>(row: Row<V>, request: &FetchRequest<'_>) -> Row<V> {
    let Some(wanted) = request.step.filter(|wanted| *wanted > row.step) else { return row };
    let ratio = (wanted.seconds() as u64).div_ceil(row.step.seconds() as u64) as i64;
    let step = u32::try_from(row.step.seconds() * ratio).ok().and_then(Step::new).unwrap_or(row.step);
    let start = row.start.floor(step);
    let lead = (row.start.since(start) / row.step.seconds()) as usize;
    let mut known = Vec::new();
    let mut slots = Vec::with_capacity(row.slots.len() / ratio as usize + 2);
    let (head, rest) = row.slots.split_at(((ratio as usize - lead) % ratio as usize).min(row.slots.len()));
    for group in [head].into_iter().filter(|head| !head.is_empty()).chain(rest.chunks(ratio as usize)) {
        slots.push(V::consolidate(request.consolidation, group, &mut known));
    }
    Row { start, step, slots }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vocabulary::ValueKind;
    use vocabulary::retention::{Aggregation, Policy};

    fn entry(archives: &str) -> PolicyEntry {
        let policy = Policy {
            archives: archives.parse().unwrap(),
            aggregation: Aggregation::Average,
            x_files_factor: 0.5,
        };
        PolicyEntry::new(ValueKind::Number, policy)
    }

    #[test]
    fn archives_are_chosen_and_cut_as_whisper_does() {
        let entry = entry("10s:1m,60s:10m");
        let check = |from: i64, until: i64, archive: usize, first: i64, end: i64| {
            let plan = plan(&entry, Timestamp(from), Timestamp(until), Timestamp(10_000));
            let step = entry.tiers[archive].step.seconds();
            let wanted = Plan { archive, slots: first / step..end / step };
            assert_eq!(plan, wanted, "{from}..{until}");
        };
        check(9_940, 10_000, 0, 9_950, 10_010);
        check(9_939, 10_000, 1, 9_960, 10_020);
        check(9_999, 10_005, 0, 10_000, 10_010);
        check(9_985, 9_986, 0, 9_990, 10_000);
        check(1_000, 10_000, 1, 9_420, 10_020);
        check(10_001, 10_010, 0, 10_010, 10_010);
        check(1_000, 9_399, 0, 1_010, 1_010);
        check(9_990, 9_980, 0, 10_000, 10_000);
    }
}
