//! A clock that was ahead is set back: what was put off by it takes as long as it would have.

use vocabulary::Timestamp;

use crate::core::Incidents;

impl Incidents {
    /// Only a clock that this process has seen go back was ahead: at a start it may be behind, as where nothing keeps the time
    /// while the machine is off, and then what waits is rightly later.
    pub(crate) fn follow_clock(&mut self, now: Timestamp) {
        let latest = self.latest.replace(now).unwrap_or(now);
        let back = latest.0.saturating_sub(now.0);
        if back <= 0 {
            return;
        }
        let set_back = |at: &mut i64| {
            if *at > now.0 {
                *at = at.saturating_sub(back);
            }
        };
        for incident in self.live.values_mut() {
            let step = incident.detail.escalation.as_mut().and_then(|it| it.next_at.as_mut());
            step.into_iter().for_each(set_back);
            for rule in incident.detail.told.values_mut().filter_map(|told| told.rule.as_mut()) {
                set_back(&mut rule.began);
                set_back(&mut rule.next_at);
            }
            self.unsaved.incident(incident.id);
        }
    }
}
