//! What others send: alerts of PagerDuty's, Prometheus's or Grafana's kind are parts of one passive check. Each key of a
//! sender is a reason of its own, so that another one pages although somebody has the first in hand, and whoever
//! acknowledges one has said nothing of the others. Those that begin together are one incident by the rules of all, and if
//! they are of one rule of their sender; of a flood of keys only the first few open incidents.
//!
//! The check sums its parts up. It has an incident itself, and tells by its own rules, only when something else than an
//! alert has made it bad.

use std::collections::BTreeSet;
use std::sync::Arc;

use vocabulary::state::{Notice, NoticeKind, State, StateChange};

use crate::book::{Book, Kind};
use crate::core::Incidents;
use crate::incident::{Incident, IncidentId, Key, Phase, Trouble};
use crate::kin::Tie;
use crate::limits::{FLOOD_SECONDS, MAX_ALERTS_APART};

impl Incidents {
    /// It is the check, whose parts are alerts.
    pub(crate) fn sums_up_alerts(&self, key: &Key) -> bool {
        !key.host && key.instance.is_empty() && self.book.alerts.contains_key(&key.monitor)
    }

    /// What a check sums up is looked at when its parts are known.
    pub(crate) fn parts_first<'c>(&self, changes: &'c [StateChange]) -> Vec<&'c StateChange> {
        let is_part = |change: &&StateChange| {
            !change.id.instance.is_empty() && self.book.alerts.contains_key(&change.id.monitor)
        };
        let summed_up: BTreeSet<&Arc<str>> =
            changes.iter().filter(is_part).map(|change| &change.id.monitor).collect();
        let is_sum =
            |change: &&StateChange| change.id.instance.is_empty() && summed_up.contains(&change.id.monitor);
        let (sums, mut others): (Vec<_>, Vec<_>) = changes.iter().partition(is_sum);
        others.extend(sums);
        others
    }

    /// Also one that is held back: when that lifts, it is told.
    pub(crate) fn has_bad_alert(&self, check: &Key) -> bool {
        let is_part = |key: &Key| key.monitor == check.monitor && !key.host && !key.instance.is_empty();
        let held = self.held.range(check.clone()..).map(|(key, _)| key);
        let mut held = held.take_while(|key| key.monitor == check.monitor && !key.host);
        let tie = Tie::Is(false, check.monitor.clone());
        held.any(is_part) || self.kin.all(&tie).any(|key| is_part(key) && self.placed_bad(key).is_some())
    }

    /// Those that nobody has closed: how bad each is as measured, and as people say.
    fn bad_alerts(&self, check: &Key) -> Vec<(&Key, State, State)> {
        let is_part = |key: &&Key| key.monitor == check.monitor && !key.host && !key.instance.is_empty();
        let held = self.held.range(check.clone()..);
        let held = held.take_while(|(key, _)| key.monitor == check.monitor && !key.host);
        let held = held.filter(|(key, trouble)| is_part(key) && !trouble.dismissed);
        let held = held.map(|(key, trouble)| (key, trouble.state, trouble.state));
        let tie = Tie::Is(false, check.monitor.clone());
        let placed = self.kin.all(&tie).filter(is_part).filter_map(|key| {
            let incident = self.live.get(&self.placed_bad(key)?)?;
            let state = incident.troubles.get(key)?.state;
            Some((key, state, incident.said(state)))
        });
        held.chain(placed).collect()
    }

    /// None of its bad alerts pages, though nobody has closed them and they are of production: whoever is to hear of a WARNING
    /// too hears of it by the check's own rules.
    fn is_left_to_check(&self, check: &Key) -> bool {
        let all = self.bad_alerts(check).into_iter();
        let of_production = all.filter(|(key, ..)| self.not_paging(key).is_none());
        let pages: Vec<bool> = of_production.map(|(_, _, said)| self.is_severe(said)).collect();
        !pages.is_empty() && !pages.contains(&true)
    }

    /// How bad a check is that sums alerts up, for whoever is told of it: what is not of production, or pages by itself, makes it
    /// no worse than what else is bad, or than it was.
    pub(crate) fn as_of_production(&self, check: &Key, state: State) -> State {
        if !self.sums_up_alerts(check) {
            return state;
        }
        let all = self.bad_alerts(check);
        if all.iter().all(|(_, measured, _)| measured.badness() < state.badness()) {
            // Something else than an alert has made it so.
            return state;
        }
        let untold = all.iter();
        let untold = untold.filter(|(key, _, said)| self.not_paging(key).is_none() && !self.is_severe(*said));
        let worst = untold.map(|(_, measured, _)| *measured).max_by_key(|state| state.badness());
        match worst.or_else(|| self.placed_state(check)) {
            Some(worst) if worst.badness() < state.badness() => worst,
            _ => state,
        }
    }

    /// How bad its own incident says that it is.
    pub(crate) fn placed_state(&self, check: &Key) -> Option<State> {
        Some(self.live.get(&self.placed_bad(check)?)?.troubles.get(check)?.state)
    }

    /// Do the incidents of its parts tell what this notice of the check would tell? Not if the check's own incident is as bad:
    /// what was told by its own rules is told again by them.
    pub(crate) fn is_told_by_alerts(&self, key: &Key, notice: &Notice) -> bool {
        if !self.sums_up_alerts(key) {
            return false;
        }
        match notice.kind {
            NoticeKind::Problem => {
                let is_news = |placed: State| placed.badness() < notice.state.badness();
                self.placed_state(key).is_none_or(is_news)
                    && self.has_bad_alert(key)
                    && !self.is_left_to_check(key)
            }
            NoticeKind::Recovery => {
                // The end of its parts is told when this batch is settled.
                !self.place.contains_key(key)
                    && self.place.keys().any(|part| !part.host && part.monitor == key.monitor)
            }
            _ => false,
        }
    }

    /// So many of one sender have begun, and nobody has them: one more is one of many.
    pub(crate) fn bundle(&self, key: &Key, trouble: &Trouble) -> Option<(IncidentId, String)> {
        if !self.book.is_of_alerts(key) {
            return None;
        }
        let of_sender = format!("monitor:{}@", key.monitor);
        let is_near = |incident: &&Incident| {
            incident.phase == Phase::Open
                && incident.detail.snoozed_until.is_none()
                && (trouble.since - incident.opened.0).abs() <= FLOOD_SECONDS
                && incident.reason.starts_with(&of_sender)
                && incident.detail.production == self.environment(key).1
        };
        let mut apart = self.live.values().rev().filter(is_near);
        let last = apart.next()?;
        (1 + apart.count() >= MAX_ALERTS_APART)
            .then(|| (last.id, format!("one of many alerts of {} at once", key.monitor)))
    }
}

impl Book {
    pub(crate) fn is_of_alerts(&self, key: &Key) -> bool {
        self.about(key).is_some_and(|subject| subject.kind == Kind::Alerts)
    }

    /// Two of one rule of their sender, which differ in their labels.
    pub(crate) fn by_alerts(&self, member: &Key, key: &Key) -> Option<String> {
        let rule = |key: &Key| key.instance.split_once(';').map(|(rule, _)| rule.to_owned());
        let both = self.is_of_alerts(key) && member.monitor == key.monitor && !member.host;
        let (one, other) = (rule(key)?, rule(member)?);
        (both && one == other).then(|| format!("it began with another {one} of {}", key.monitor))
    }
}
