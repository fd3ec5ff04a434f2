//! An incident opens again: what was over is bad again soon after, or somebody says that it is not over.

use std::collections::BTreeSet;

use vocabulary::Timestamp;
use vocabulary::state::State;

use crate::core::Incidents;
use crate::deeds::DECLARED;
use crate::incident::{Entry, Incident, IncidentId, Key, Phase, Trouble};
use crate::limits::MAX_REOPEN_BY_HAND_SECONDS;
use crate::people::Refusal;

impl Incidents {
    /// The incident that stands for this reason: an open one, or one that is over for so short a time that it comes back, by
    /// when we heard of it and by when it was seen.
    pub(crate) fn incident_of_reason(
        &self,
        reason: &str,
        key: &Key,
        since: i64,
        now: Timestamp,
    ) -> Option<IncidentId> {
        let id = *self.by_reason.get(reason)?;
        let incident = self.live.get(&id)?;
        if !self.still_stands_for(incident, reason, key, now) {
            return None;
        }
        let seen_apart = incident.ended().map_or(0, |ended| since.saturating_sub(ended));
        let comes_back = || self.may_come_back(incident, now) && seen_apart < self.reopens_within();
        (!incident.rests() || comes_back()).then_some(id)
    }

    fn reopens_within(&self) -> i64 {
        i64::try_from(self.book.config.reopen_within.0.as_secs()).unwrap_or(i64::MAX)
    }

    pub(crate) fn may_come_back(&self, incident: &Incident, now: Timestamp) -> bool {
        let within = self.reopens_within();
        let since = incident.closed.map_or(0, |closed| now.since(closed));
        within > 0 && since < within && incident.detail.merged_into.is_none()
    }

    /// If it is over. Who has heard of the end is told of it again; for whom has not, it never was over. `began`: when it was
    /// seen bad again.
    pub(crate) fn reopen(&mut self, id: IncidentId, began: Timestamp, now: Timestamp) {
        let Some(incident) = self.live.get_mut(&id).filter(|incident| incident.is_closed()) else { return };
        let ended = incident.ended().map_or(began, Timestamp);
        incident.closed = None;
        let detail = &mut incident.detail;
        // Whoever has heard of the end takes it to be over, though others have not heard of it yet.
        let some_know = !std::mem::take(&mut detail.ending) || detail.told.values().any(|told| told.of_end);
        (detail.free_since, detail.self_healed, detail.unwatched) = (None, false, false);
        (detail.resolved_by, detail.merged_into, detail.ended) = (None, None, None);
        detail.reopened += 1;
        if let Some(unheard) = detail.unheard.as_mut() {
            unheard.tries = 0;
        }
        if some_know {
            (detail.acknowledged, detail.owner, detail.paged_at, detail.by_hand) = (None, None, None, None);
            (detail.heard_until, detail.more_since, detail.more_at) = (None, None, None);
            detail.ran_out_at = Some(now.0);
        }
        incident.phase = if detail.acknowledged.is_some() { Phase::Acknowledged } else { Phase::Open };
        let text = match some_know {
            true => format!("it is bad again, {} s after its end", began.since(ended).max(0)),
            false => "it is bad again, before anybody was told of its end".to_owned(),
        };
        if some_know {
            self.is_anew(id, now);
        }
        self.merged.remove(&id);
        self.write(id, Entry { at: began, kind: "reopened", who: String::new(), text });
        self.take_back_dismissed(id, now);
    }

    /// What somebody closed while it was bad counts again, unless it was over meanwhile.
    fn take_back_dismissed(&mut self, id: IncidentId, now: Timestamp) {
        let Some(incident) = self.live.get_mut(&id) else { return };
        let held = &self.held;
        let dismissed =
            |key: &Key| held.get(key).is_some_and(|trouble| trouble.dismissed && trouble.gone.is_none());
        for (key, trouble) in &mut incident.troubles {
            if !trouble.is_over() && !dismissed(key) {
                trouble.state = if key.host { State::Up } else { State::Ok };
                trouble.until = Some(now.0);
                self.unsaved.trouble(id, key.clone());
            }
        }
        // What was over here when it was closed may have been dismissed with another since: that is none of ours.
        let back = incident.bad().filter_map(|(key, _)| Some((key.clone(), held.get(key)?.clone())));
        let back: Vec<(Key, Trouble)> = back.collect();
        for (key, _) in &back {
            self.held.remove(key);
            self.unsaved.let_go(key.clone());
        }
        self.bring_back(id, back);
    }

    /// What was bad when it was closed, and is again.
    fn bring_back(&mut self, id: IncidentId, back: Vec<(Key, Trouble)>) {
        for (key, trouble) in back {
            self.tie(&key, trouble.since);
            let Some(incident) = self.live.get_mut(&id) else { return };
            incident.troubles.insert(key.clone(), Trouble { dismissed: false, ..trouble });
            self.place.insert(key.clone(), id);
            self.unsaved.trouble(id, key);
        }
    }

    /// May it be opened again by hand?
    pub(crate) fn check_reopen(&self, incident: &Incident, now: Timestamp) -> Result<(), Refusal> {
        let Some(closed) = incident.closed else {
            return Err(Refusal::No("the incident is open"));
        };
        if incident.detail.merged_into.is_some() {
            return Err(Refusal::No("its members are in another incident now; split that one"));
        }
        if now.since(closed) > MAX_REOPEN_BY_HAND_SECONDS {
            return Err(Refusal::No("it ended more than a week ago; declare another one"));
        }
        let other = incident.reasons().filter_map(|reason| self.by_reason.get(reason));
        match other.into_iter().any(|other| *other != incident.id && self.knows(*other)) {
            true => Err(Refusal::No("another incident of the same reason is open since")),
            false => Ok(()),
        }
    }

    /// Somebody says that it is not over. What comes back with it ends by itself; where nothing does, that it is bad is what they
    /// say, so it is what they say that has to end.
    pub(crate) fn reopen_by_hand(
        &mut self,
        id: IncidentId,
        by: &str,
        comment: &str,
        back: &[Key],
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let Some(incident) = self.live.get(&id) else { return Err(Refusal::Unknown) };
        self.check_reopen(incident, now)?;
        let reasons: Vec<String> = incident.reasons().cloned().collect();
        let back: BTreeSet<&Key> = back.iter().collect();
        let back = incident.bad().filter(|(key, _)| back.contains(key));
        let back: Vec<(Key, Trouble)> = back.map(|(key, trouble)| (key.clone(), trouble.clone())).collect();
        self.reopen(id, now, now);
        self.bring_back(id, back);
        self.by_reason.extend(reasons.into_iter().map(|reason| (reason, id)));
        let Some(incident) = self.live.get_mut(&id) else { return Err(Refusal::Unknown) };
        if incident.bad().next().is_none() {
            // What was declared is what is not over: declared again by its key, it is this one.
            let declared = incident.troubles.keys().find(|key| *key.monitor == *incident.reason).cloned();
            let declared = declared.filter(|key| key.monitor.starts_with(DECLARED));
            let key = declared.unwrap_or_else(|| Key {
                host: false,
                monitor: format!("{DECLARED}{id}").into(),
                instance: "".into(),
            });
            let state = super::deeds::as_of_service(incident.detail.worst);
            let text = if comment.is_empty() { "it is not over" } else { comment };
            let title = Some(incident.title.clone());
            incident.troubles.insert(key.clone(), Trouble { title, ..Trouble::of(state, now.0, text) });
            self.place.insert(key.clone(), id);
            self.unsaved.trouble(id, key);
        }
        self.write(id, Entry { at: now, kind: "reopened", who: by.into(), text: comment.into() });
        Ok(())
    }
}
