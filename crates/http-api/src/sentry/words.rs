//! What people say about errors: kept with the events that are here, and a little of what may be about one that still comes.

use error_tracking::Project;
use formats::sentry::user_report::UserReport;
use state_store::StateError;
use vocabulary::Timestamp;
use vocabulary::error::EventId;

use super::answers::Refusal;
use super::contents::is_kept;
use super::kept::{self, Words};
use crate::services::Services;

/// What was said in one request, at once. Events of the same request are here before.
pub fn keep(
    services: &Services,
    project: &Project,
    said: &[(EventId, UserReport)],
    now: Timestamp,
) -> Result<(), Refusal> {
    if said.is_empty() {
        return Ok(());
    }
    let mut words = Vec::with_capacity(said.len());
    for (event, report) in said {
        let is_early = !is_kept(services, project.id, *event)?;
        words.push(Words { event: *event, report: kept::scrubbed(project, report), is_early });
    }
    kept::keep_reports(&services.state, project.id, &words, now).map_err(failed)?;
    let lost = settle_early(services, project.id)?;
    services.senders.note(project.id, |sent| {
        sent.reports += words.len() as u64;
        sent.dropped_reports += lost as u64;
    });
    Ok(())
}

/// Whoever reads the key in a page can say much about what never was: that pushes nothing out but its like. How many go.
fn settle_early(services: &Services, project: u64) -> Result<usize, Refusal> {
    let beyond = kept::early_beyond(&services.state, project).map_err(failed)?;
    if beyond.is_empty() {
        return Ok(0);
    }
    let (mut come, mut lost) = (Vec::new(), Vec::new());
    for event in beyond {
        let those = if is_kept(services, project, event)? { &mut come } else { &mut lost };
        those.push(event);
    }
    kept::settle_early(&services.state, project, &come, &lost).map_err(failed)?;
    Ok(lost.len())
}

fn failed(error: StateError) -> Refusal {
    Refusal::busy(error.to_string())
}
