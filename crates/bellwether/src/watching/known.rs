//! What is known of everything that is watched, as others ask about it.

use incidents::incident::{Acknowledged, Key};
use monitors::Monitors;
use monitors::kinds::check::macros::Standing;
use monitors::kinds::check::{Estate, Gate, Subject};
use vocabulary::Timestamp;
use vocabulary::state::{State, StateType, Withheld};

use super::name_of;

/// The estate as checks and incidents ask about it.
pub struct Known<'m> {
    pub monitors: &'m Monitors,
    pub at: Timestamp,
}

impl Estate for Known<'_> {
    fn gate(&self, subject: &Subject) -> Gate {
        match self.monitors.held_back(&name_of(subject), self.at) {
            None => Gate::Run,
            Some(wait) => Gate::NotFor(wait),
        }
    }

    fn standing(&self, subject: &Subject) -> Option<Standing> {
        let status = self.monitors.status(&name_of(subject), self.at)?;
        let state: State = status.state?;
        Some(Standing {
            state,
            last_state: status.last_hard_state,
            is_hard: status.state_type == StateType::Hard,
            attempt: status.attempt,
            output: status.output.to_string(),
            long_output: status.long_output.to_string(),
            perfdata: status.perfdata.to_string(),
            last_check: status.last_check.unwrap_or_default(),
            last_change: status.last_state_change.unwrap_or_default(),
            in_downtime: status.in_downtime(),
            percent_change: status.percent_state_change,
            latency: 0.0,
            took: status.seconds,
        })
    }
}

impl incidents::Estate for Known<'_> {
    fn withheld(&self, key: &Key) -> Option<Withheld> {
        self.monitors.withheld(&key.id(), self.at)
    }

    fn withheld_unless_acknowledged(&self, key: &Key) -> Option<Withheld> {
        self.monitors.withheld_unless_acknowledged(&key.id(), self.at)
    }

    fn will_tell(&self, key: &Key, contact: &str) -> bool {
        self.monitors.will_tell(&key.id(), contact)
    }

    fn acknowledged(&self, key: &Key) -> Option<Acknowledged> {
        let by = self.monitors.acknowledgement(&key.id())?;
        Some(Acknowledged {
            by: by.author.to_string(),
            at: by.at,
            comment: by.comment.to_string(),
            of_parts: true,
        })
    }
}
