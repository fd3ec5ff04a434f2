//! What the desk refuses, as an answer.

use axum::http::StatusCode;
use incidents::Refusal;
use incidents::desk::Failed;

use crate::answer::Problem;

/// Of anything but an incident, which somebody may have.
pub fn refusal(failed: Failed, unknown: impl FnOnce() -> Problem) -> Problem {
    match failed {
        Failed::Refused(Refusal::Unknown) => unknown(),
        Failed::Refused(Refusal::No(why)) => Problem::new(StatusCode::CONFLICT, why),
        Failed::Refused(Refusal::Bad(why)) => Problem::bad_request(why),
        Failed::Refused(Refusal::Taken { by, .. }) => {
            Problem::new(StatusCode::CONFLICT, format!("{by} was first"))
        }
        Failed::State(error) => Problem::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
            .hint("nothing was done; the state database cannot be written, see /api/v1/health"),
    }
}
