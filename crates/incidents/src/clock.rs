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
            let detail = &mut incident.detail;
            // Told anew then, by whom who had heard of it: what comes next is later than both.
            let whens =
                [&mut detail.anew_at, &mut detail.heard_until, &mut detail.more_since, &mut detail.more_at];
            whens.into_iter().chain([&mut detail.free_since]).flatten().for_each(set_back);
            detail.unheard.iter_mut().for_each(|unheard| set_back(&mut unheard.at));
            let at = detail.escalation.iter_mut();
            at.flat_map(|at| [&mut at.began, &mut at.next_at]).flatten().for_each(set_back);
            for told in detail.told.values_mut() {
                told.at.iter_mut().for_each(set_back);
                if let Some(rule) = told.rule.as_mut() {
                    set_back(&mut rule.began);
                    set_back(&mut rule.next_at);
                }
            }
            self.unsaved.incident(incident.id);
        }
    }
}
