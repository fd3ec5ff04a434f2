//! `/api/embed/error-page/`: the dialog in which people say what they did when it broke. A script draws it in the page of
//! whoever embeds it, and posts what was said back here.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use formats::sentry::dsn::Dsn;
use formats::sentry::limits::USER_REPORT_BYTES;
use formats::sentry::user_report;
use serde_json::{Value, json};
use vocabulary::error::EventId;

use super::answers::{Refusal, open_to_pages, preflight};
use super::contents::admit;
use super::door::{Asked, Sender};
use super::{body, off_thread, words};
use crate::services::Services;

/// What the page may say, with what is said else.
const WORDS: [(&str, &str); 15] = [
    ("title", "It looks like we are having issues."),
    ("subtitle", "Our team has been notified."),
    ("subtitle2", "If you would like to help, tell us what happened below."),
    ("name", ""),
    ("email", ""),
    ("labelName", "Name"),
    ("labelEmail", "Email"),
    ("labelComments", "What happened?"),
    ("labelClose", "Close"),
    ("labelSubmit", "Submit"),
    ("errorGeneric", "An unknown error occurred while submitting your report. Please try again."),
    ("errorFormEntry", "Some fields were invalid. Please correct the errors and try again."),
    ("successMessage", "Your feedback has been sent. Thank you!"),
    ("lang", "en"),
    ("dsn", ""),
];
const SCRIPT: &str = include_str!("dialog.js");
/// Where the words stand in the script.
const PLACE: &str = "__WORDS__";
/// Of one word.
const WORD_CHARS: usize = 500;

pub async fn dialog(State(services): State<Arc<Services>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let answered = match parts.method {
        Method::OPTIONS => Ok(preflight("GET, POST")),
        Method::GET | Method::HEAD => show(&services, &parts),
        Method::POST => take(&services, parts, body).await,
        _ => Err(Refusal::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "the dialog is read with GET and answered with POST",
        )),
    };
    open_to_pages(answered.unwrap_or_else(Refusal::into_response))
}

/// By their names, as the page says them.
type Said = BTreeMap<String, String>;

/// Who asks, and about which event.
fn subject(services: &Services, parts: &Parts) -> Result<(Sender, EventId, Said), Refusal> {
    let query = parts.uri.query().unwrap_or_default();
    let words: Said = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let no_project = || Refusal::new(StatusCode::NOT_FOUND, "`dsn` is not the DSN of a project here");
    let dsn: Dsn = words.get("dsn").and_then(|dsn| dsn.parse().ok()).ok_or_else(no_project)?;
    let project = services.projects.get(dsn.project).filter(|project| project.accepts(&dsn.public_key));
    let project = project.ok_or_else(no_project)?;
    let event = words.get("eventId").and_then(|id| id.parse().ok());
    let event =
        event.ok_or_else(|| Refusal::bad_request("`eventId` is missing, or is not 32 hexadecimal digits"))?;
    Ok((Sender { project, key: dsn.public_key, client: None, sent_at: None }, event, words))
}

fn show(services: &Services, parts: &Parts) -> Result<Response, Refusal> {
    let (_, _, said) = subject(services, parts)?;
    let script = SCRIPT.replace(PLACE, &words(&said));
    let headers =
        [(header::CONTENT_TYPE, "text/javascript; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, script).into_response())
}

/// As an object of JavaScript. It is data in there, whatever the page says.
fn words(said: &Said) -> String {
    let word = |(key, usual): (&str, &str)| {
        let text = said.get(key).map_or(usual, String::as_str);
        let text: String = text.chars().take(WORD_CHARS).collect();
        (key.to_owned(), Value::String(text))
    };
    let words: serde_json::Map<String, Value> = WORDS.into_iter().map(word).collect();
    // Should somebody put the script into a page as it is.
    Value::Object(words)
        .to_string()
        .replace('<', "\\u003c")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
}

async fn take(services: &Arc<Services>, parts: Parts, sent: axum::body::Body) -> Result<Response, Refusal> {
    let (sender, event, _) = subject(services, &parts)?;
    let asked = Asked::of(services, &parts);
    let packed = body::read(&asked.headers, sent, asked.hold(services)).await?;
    off_thread(services, move |services| {
        let (form, _held) = packed.unpack(USER_REPORT_BYTES)?;
        let report = match user_report::of_form(event, &String::from_utf8_lossy(&form)) {
            Ok(report) => report,
            Err(bad) => {
                let errors: BTreeMap<&str, Vec<String>> =
                    bad.into_iter().map(|bad| (bad.field, vec![bad.why])).collect();
                return Ok((StatusCode::BAD_REQUEST, Json(json!({"errors": errors}))).into_response());
            }
        };
        admit(services, &sender, asked.at)?;
        words::keep(services, &sender.project, &[(event, report)], asked.at)?;
        Ok(Json(json!({})).into_response())
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_page_says_is_data_in_the_script() {
        let said = BTreeMap::from([("title".to_owned(), "\"</script><script>alert(1)".to_owned())]);
        let words = words(&said);
        assert!(!words.contains('<') && words.contains("\\\"\\u003c/script>"), "{words}");
        assert!(words.contains("\"labelSubmit\":\"Submit\""));
        assert_eq!(SCRIPT.matches(PLACE).count(), 1);
    }
}
