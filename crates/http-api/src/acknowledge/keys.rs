//! `/a/<token>/keys`: the key that somebody presses on a telephone that rings (Twilio's `Gather`). The token is what makes
//! it believed: it was given to the provider of the call, and to nobody else.

use std::sync::Arc;

use ::incidents::{Deed, Phase};
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::{MAX_FORM_BYTES, read};
use crate::answer::{Answer, Problem};
use crate::api_v1::{incidents, off_thread};
use crate::services::Services;

const HAVE_IT: &str = "1";

pub async fn keys(State(services): State<Arc<Services>>, Path(token): Path<String>, form: Bytes) -> Response {
    let said = off_thread(&services, move |services| press(services, token, &form)).await;
    match said {
        Ok(said) => {
            let script = format!("<Response><Say>{said}</Say></Response>");
            ([(header::CONTENT_TYPE, "text/xml; charset=utf-8")], script).into_response()
        }
        Err(problem) => problem.into_response(),
    }
}

/// What the caller hears. Silence, an answering machine and a wrong key acknowledge nothing.
fn press(services: &Services, token: String, form: &[u8]) -> Answer<&'static str> {
    if form.len() > MAX_FORM_BYTES {
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "the form is longer than that of a key"));
    }
    let link = read(services, token)?;
    let digits = form_urlencoded::parse(form).find(|(key, _)| key == "Digits").map(|(_, digits)| digits);
    if digits.as_deref() != Some(HAVE_IT) {
        return Ok("Nobody has it yet.");
    }
    let incident = &link.whole.incident;
    match incident.phase {
        Phase::Open => {
            let deed = Deed::Acknowledge { comment: "by a key on the telephone".into() };
            incidents::do_unless_taken(services, incident.id, &link.contact, &deed)?;
            Ok("You have it. Thank you.")
        }
        Phase::Acknowledged => Ok("Somebody has it already."),
        Phase::Resolved => Ok("It is over already."),
    }
}
