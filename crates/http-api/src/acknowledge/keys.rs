//! `/a/<token>/keys`: the key that somebody presses on a telephone that rings (Twilio's `Gather`). The token is what makes
//! it believed: it was given to the provider of the call, and to nobody else. Where others reach this server, the provider's
//! signature has to be right too; a stand-in of the provider on this machine, called from this machine, signs nothing.

use std::sync::Arc;

use ::incidents::{Deed, Phase};
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::{MAX_FORM_BYTES, PREFIX, read, refuse_powerless};
use crate::answer::{Answer, Problem};
use crate::api_v1::{incidents, off_thread};
use crate::services::Services;

const HAVE_IT: &str = "1";
const SIGNATURE: &str = "x-twilio-signature";

pub async fn keys(
    State(services): State<Arc<Services>>,
    Path(token): Path<String>,
    headers: HeaderMap,
    form: Bytes,
) -> Response {
    let signature =
        headers.get(SIGNATURE).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let said = off_thread(&services, move |services| press(services, token, &form, &signature)).await;
    match said {
        Ok(said) => {
            let script = format!("<Response><Say>{said}</Say></Response>");
            ([(header::CONTENT_TYPE, "text/xml; charset=utf-8")], script).into_response()
        }
        Err(problem) => problem.into_response(),
    }
}

/// What the caller hears. Silence, an answering machine and a wrong key acknowledge nothing.
fn press(services: &Services, token: String, form: &[u8], signature: &str) -> Answer<&'static str> {
    if form.len() > MAX_FORM_BYTES {
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "the form is longer than that of a key"));
    }
    is_signed(services, &token, form, signature)?;
    let link = read(services, token)?;
    refuse_powerless(services, &link.contact)?;
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

/// Of the address that was given to the provider. Without a public one only a stand-in on this machine was told of a key.
fn is_signed(services: &Services, token: &str, form: &[u8], signature: &str) -> Answer<()> {
    let public_url = services.settings.load().http.public_url.clone();
    if public_url.is_empty() {
        return Ok(());
    }
    let url = format!("{}{PREFIX}{token}/keys", public_url.trim_end_matches('/'));
    let fields: Vec<(String, String)> = form_urlencoded::parse(form).into_owned().collect();
    match services.control.is_of_telephone(&url, &fields, signature) {
        Some(true) => Ok(()),
        Some(false) => Err(Problem::forbidden("X-Twilio-Signature is not that of this address and form")
            .hint("http.public_url has to be the address that Twilio asks, and `token` the auth token of the account")),
        None => Err(Problem::forbidden("no channel of type \"voice\" calls anybody")),
    }
}
