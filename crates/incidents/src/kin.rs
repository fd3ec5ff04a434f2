//! What is bad, by what it has in common with others: whatever goes bad finds those that it may belong to without looking
//! at all that is.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::book::Book;
use crate::core::{Incidents, is_ours};
use crate::grouping::begin;
use crate::incident::{IncidentId, Key, Trouble};
use crate::limits::{MAX_COMPARED, MAX_NEAR};

/// Something that two may have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Tie {
    /// It is this, a host or not.
    Is(bool, Arc<str>),
    /// It cannot do without this.
    Needs(bool, Arc<str>),
    OnHost(Arc<str>),
    OfService(Arc<str>),
    /// The name of the series begins so.
    Begins(String),
}

#[derive(Debug, Default)]
pub(crate) struct Kin {
    /// In the order in which they went bad.
    by_tie: HashMap<Tie, BTreeMap<i64, BTreeSet<Key>>>,
    entered: HashMap<Key, (i64, Vec<Tie>)>,
}

impl Kin {
    fn enter(&mut self, key: &Key, since: i64, ties: Vec<Tie>) {
        self.leave(key);
        for tie in &ties {
            let at = self.by_tie.entry(tie.clone()).or_default();
            at.entry(since).or_default().insert(key.clone());
        }
        self.entered.insert(key.clone(), (since, ties));
    }

    pub fn leave(&mut self, key: &Key) {
        let Some((since, ties)) = self.entered.remove(key) else { return };
        for tie in ties {
            let Some(all) = self.by_tie.get_mut(&tie) else { continue };
            if let Some(then) = all.get_mut(&since) {
                then.remove(key);
                if then.is_empty() {
                    all.remove(&since);
                }
            }
            if all.is_empty() {
                self.by_tie.remove(&tie);
            }
        }
    }

    pub fn all(&self, tie: &Tie) -> impl Iterator<Item = &Key> {
        self.by_tie.get(tie).into_iter().flat_map(BTreeMap::values).flatten()
    }

    /// Those of this tie that went bad within so many seconds of then, on either side the nearest first.
    fn near(
        &self,
        tie: &Tie,
        then: i64,
        window: i64,
    ) -> (impl Iterator<Item = &Key>, impl Iterator<Item = &Key>) {
        let all = self.by_tie.get(tie);
        let before = all.into_iter().flat_map(move |all| all.range(then.saturating_sub(window)..then).rev());
        let after = all.into_iter().flat_map(move |all| all.range(then..=then.saturating_add(window)));
        // Most of a storm may be in what is snoozed, or over.
        let before = before.flat_map(|(_, keys)| keys).take(MAX_NEAR);
        (before, after.flat_map(|(_, keys)| keys).take(MAX_NEAR))
    }
}

impl Book {
    /// What others may have in common with it.
    fn ties(&self, key: &Key) -> Vec<Tie> {
        let mut ties = vec![Tie::Is(key.host, key.monitor.clone())];
        ties.extend(self.needs_of(key).map(|(host, name)| Tie::Needs(*host, name.clone())));
        ties.extend(self.host_of(key).map(Tie::OnHost));
        ties.extend(self.services_of(key).iter().cloned().map(Tie::OfService));
        ties.extend(begin(&key.instance).map(|nodes| Tie::Begins(nodes.join("."))));
        ties
    }

    /// Where those are to be found that it may belong to.
    fn ties_sought(&self, key: &Key) -> Vec<Tie> {
        let mut ties = vec![Tie::Needs(key.host, key.monitor.clone())];
        ties.extend(self.needs_of(key).map(|(host, name)| Tie::Is(*host, name.clone())));
        ties.extend(self.host_of(key).map(Tie::OnHost));
        ties.extend(begin(&key.instance).map(|nodes| Tie::Begins(nodes.join("."))));
        // Another error of the same rule, another alert of the same sender.
        let is_one_of_many = self.is_of_errors(key) || self.is_of_alerts(key);
        ties.extend(is_one_of_many.then(|| Tie::Is(key.host, key.monitor.clone())));
        let own = self.services_of(key);
        let needed = own.iter().filter_map(|one| self.service_needs.get(one)).flatten();
        let needing =
            self.service_needs.iter().filter(|(_, needs)| needs.iter().any(|one| own.contains(one)));
        let services: BTreeSet<&Arc<str>> =
            own.iter().chain(needed).chain(needing.map(|(name, _)| name)).collect();
        ties.extend(services.into_iter().cloned().map(Tie::OfService));
        ties
    }

    pub(crate) fn services_of(&self, key: &Key) -> &[Arc<str>] {
        self.about(key).map_or(&[], |subject| &subject.services)
    }
}

impl Incidents {
    /// It is bad, and in an incident.
    pub(crate) fn tie(&mut self, key: &Key, since: i64) {
        // Our own parts belong to nothing.
        if !is_ours(&key.monitor) {
            self.kin.enter(key, since, self.book.ties(key));
        }
    }

    /// All that is bad, by other definitions.
    pub(crate) fn tie_anew(&mut self) {
        self.kin = Kin::default();
        let open = self.live.values().filter(|incident| !incident.is_closed());
        let bad = open.flat_map(|incident| incident.bad());
        let bad: Vec<(Key, i64)> = bad.map(|(key, trouble)| (key.clone(), trouble.since)).collect();
        for (key, since) in bad {
            self.tie(&key, since);
        }
    }

    /// What is bad in incidents that may take in others, and may have to do with this: of each tie the nearest in time.
    pub(crate) fn kin_of(&self, key: &Key, then: i64, window: i64) -> Vec<(IncidentId, &Key, &Trouble)> {
        let mut found = Vec::new();
        for tie in self.book.ties_sought(key) {
            let (before, after) = self.kin.near(&tie, then, window);
            found.extend(before.filter_map(|member| self.joinable(member)).take(MAX_COMPARED / 2));
            found.extend(after.filter_map(|member| self.joinable(member)).take(MAX_COMPARED / 2));
        }
        found
    }

    fn joinable<'k>(&'k self, member: &'k Key) -> Option<(IncidentId, &'k Key, &'k Trouble)> {
        let id = self.placed_bad(member)?;
        let incident = self.live.get(&id)?;
        let takes_in = incident.detail.snoozed_until.is_none() && !is_ours(&incident.reason);
        Some((id, member, incident.troubles.get(member).filter(|_| takes_in)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_storm_no_more_is_looked_at_than_is_said() {
        let (mut kin, tie) = (Kin::default(), Tie::OnHost("web".into()));
        for number in 0..2 * MAX_NEAR {
            let key = Key { host: false, monitor: format!("m{number}").into(), instance: "".into() };
            kin.enter(&key, 100, vec![tie.clone()]);
        }
        let looked_at = |then: i64| {
            let (before, after) = kin.near(&tie, then, 60);
            (before.count(), after.count())
        };
        assert_eq!(looked_at(100), (0, MAX_NEAR));
        assert_eq!(looked_at(101), (MAX_NEAR, 0));
        assert_eq!(looked_at(200), (0, 0));
    }
}
