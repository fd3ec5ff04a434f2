//! Steps of a playbook that somebody has done. They are kept by their words: an edit in the middle of it moves none.

use state_store::StateError;
use vocabulary::Timestamp;
use vocabulary::ports::Scope;

use super::{Guide, Tick};
use crate::core::Incidents;
use crate::desk::{Desk, Failed};
use crate::incident::{Entry, Incident, IncidentId};
use crate::limits::MAX_TICKS;
use crate::people::{Deed, Refusal};

const NOT_THERE: Refusal = Refusal::No("the playbook has no such step, or not any more: read it again");

impl Incidents {
    /// What is ticked already stays as it is, with who was first.
    pub(crate) fn tick_step(
        &mut self,
        id: IncidentId,
        by: &str,
        step: &str,
        done: bool,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let Some(incident) = self.live.get_mut(&id) else { return Err(Refusal::Unknown) };
        let ticks = &mut incident.detail.ticks;
        if ticks.contains_key(step) == done {
            return Ok(());
        }
        if done {
            if ticks.len() >= MAX_TICKS {
                return Err(Refusal::No("more steps are ticked than any playbook has: untick some"));
            }
            ticks.insert(step.to_owned(), Tick { by: by.to_owned(), at: now.0 });
        } else {
            ticks.remove(step);
        }
        let kind = if done { "ticked" } else { "unticked" };
        self.write(id, Entry { at: now, kind, who: by.to_owned(), text: step.to_owned() });
        Ok(())
    }
}

impl Desk {
    /// What is to be done about it, in this scope; nothing if nothing of it is.
    pub fn guide(&self, scope: &Scope, id: IncidentId) -> Result<Option<Guide>, StateError> {
        Ok(self.one_in(scope, id)?.map(|found| self.guide_of(&found.incident)))
    }

    /// The same, of one whose troubles have been read.
    pub fn guide_of(&self, incident: &Incident) -> Guide {
        self.inner.lock().incidents.guide_of(incident)
    }

    /// To tick a step by its number, from 1, in the version that was read; or to take that back.
    pub fn ticking(
        &self,
        scope: &Scope,
        id: IncidentId,
        (number, version): (usize, i64),
        done: bool,
    ) -> Result<Deed, Failed> {
        let guide = self.guide(scope, id)?.ok_or(Failed::Refused(Refusal::Unknown))?;
        let step = self.step_of(&guide, id, number, version)?;
        Ok(Deed::Tick { step, done })
    }

    /// The words of the step, as it is now.
    fn step_of(&self, guide: &Guide, id: IncidentId, number: usize, version: i64) -> Result<String, Failed> {
        let nth = |guide: &Guide| {
            number.checked_sub(1).and_then(|index| guide.steps.get(index)).map(|step| step.text.clone())
        };
        if version == guide.version {
            let count = guide.steps.len();
            let bad = || Refusal::Bad(format!("`step` is {number}: the playbook has {count} steps"));
            return nth(guide).ok_or_else(|| Failed::Refused(bad()));
        }
        let then = self.guide_of_version(guide, id, version)?;
        let step = then.as_ref().and_then(nth);
        let step = step.filter(|step| guide.steps.iter().any(|one| one.text == *step));
        step.ok_or(Failed::Refused(NOT_THERE))
    }
}
