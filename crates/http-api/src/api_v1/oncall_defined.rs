//! What schedules and policies have in common: where they are written, what is doubtful about them, why one is refused.

use axum::http::StatusCode;
use incidents::Refusal;
use incidents::desk::Failed;
use incidents::oncall::Origin;

use crate::answer::Problem;

/// (`file:line` or "ui", who made it there)
pub fn origin(of: &Origin) -> (String, Option<String>) {
    match of {
        Origin::File(place) => (place.clone(), None),
        Origin::Made { by, .. } => ("ui".to_owned(), Some(by.clone())),
    }
}

/// Those that name it: `what` is as a warning calls it.
pub fn warnings_of(what: &str, name: &str, all: &[String]) -> Vec<String> {
    let of = format!("{what} `{name}`");
    all.iter().filter(|warning| warning.contains(&of)).cloned().collect()
}

pub fn refusal(failed: Failed, unknown: impl FnOnce() -> Problem) -> Problem {
    match failed {
        Failed::Refused(Refusal::Unknown) => unknown(),
        Failed::Refused(Refusal::No(why)) => Problem::new(StatusCode::CONFLICT, why),
        Failed::Refused(Refusal::Bad(why)) => Problem::bad_request(why),
        Failed::Refused(Refusal::Taken { by, .. }) => {
            Problem::new(StatusCode::CONFLICT, format!("{by} has it already"))
        }
        Failed::State(error) => Problem::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
            .hint("nothing was done; the state database cannot be written, see /api/v1/health"),
    }
}
