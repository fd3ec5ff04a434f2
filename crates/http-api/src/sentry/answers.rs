//! What SDKs are told, in their own form: the reason in the body and in a header, as clients log one or the other.

use axum::Json;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use formats::sentry::json::Malformed;
use formats::sentry::{Category, auth};
use serde_json::json;

use super::limits::{BUSY_SECONDS, ERROR_CHARS, UNUSED_SECONDS};

const ERROR: HeaderName = HeaderName::from_static("x-sentry-error");
const RATE_LIMITS: HeaderName = HeaderName::from_static("x-sentry-rate-limits");
const PREFLIGHT_SECONDS: &str = "3600";
const ALLOWED_HEADERS: &str = "x-sentry-auth, x-requested-with, x-forwarded-for, origin, referer, accept, content-type, \
     authentication, authorization, content-encoding, transfer-encoding, sentry-trace, baggage";

/// What is held back when there are too many errors.
const ERRORS: [Category; 4] = [Category::Error, Category::Default, Category::Security, Category::Feedback];

/// Why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub status: StatusCode,
    pub detail: String,
    retry_after_seconds: Option<u64>,
    rate_limits: Vec<String>,
}

impl Refusal {
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Refusal {
        Refusal { status, detail: detail.into(), retry_after_seconds: None, rate_limits: Vec::new() }
    }

    pub fn bad_request(detail: impl Into<String>) -> Refusal {
        Refusal::new(StatusCode::BAD_REQUEST, detail)
    }

    pub fn too_large(what: &str, most: usize) -> Refusal {
        let most =
            if most >= 1 << 20 { format!("{} MiB", most >> 20) } else { format!("{} KiB", most >> 10) };
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, format!("{what} is longer than {most}"))
    }

    /// It is our fault, and over in a moment.
    pub fn busy(detail: impl Into<String>) -> Refusal {
        let busy = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, detail);
        Refusal { retry_after_seconds: Some(BUSY_SECONDS), ..busy }
    }

    /// The project has sent as many errors as it may. Check-ins and sessions go on.
    pub fn over_quota(retry_after_seconds: u64) -> Refusal {
        Refusal::held_back("project", "events", &ERRORS, retry_after_seconds)
    }

    /// One key has; other keys of the project go on.
    pub fn over_key_quota(retry_after_seconds: u64) -> Refusal {
        Refusal::held_back("key", "events", &ERRORS, retry_after_seconds)
    }

    /// It sends far more than usual: so many are taken, the rest says nothing new.
    pub fn over_spike(most: u64, retry_after_seconds: u64) -> Refusal {
        let why = format!(
            "the project sends far more than usual: {most} events are taken in five minutes, unless `spike_factor` of its settings says otherwise"
        );
        Refusal::limited(("project", "spike"), why, &ERRORS, retry_after_seconds)
    }

    /// The same for attachments. Events go on.
    pub fn over_attachments(retry_after_seconds: u64) -> Refusal {
        let held_back = [Category::Attachment];
        Refusal::held_back("project", "bytes of attachments", &held_back, retry_after_seconds)
    }

    /// The same for timings of work, and for sessions.
    pub fn over_quota_of(category: Category, retry_after_seconds: u64) -> Refusal {
        let what = format!("items of category {}", category.name());
        Refusal::held_back("project", &what, &[category], retry_after_seconds)
    }

    fn held_back(scope: &str, what: &str, categories: &[Category], retry_after_seconds: u64) -> Refusal {
        let why = format!("the {scope} has sent as many {what} as it may in five minutes");
        Refusal::limited((scope, "quota"), why, categories, retry_after_seconds)
    }

    /// `scope`: whose limit it is, as SDKs call it.
    fn limited(
        (scope, reason): (&str, &str),
        why: String,
        categories: &[Category],
        retry_after_seconds: u64,
    ) -> Refusal {
        let held_back = names(categories);
        Refusal {
            retry_after_seconds: Some(retry_after_seconds),
            rate_limits: vec![format!("{retry_after_seconds}:{held_back}:{scope}:{reason}")],
            ..Refusal::new(StatusCode::TOO_MANY_REQUESTS, why)
        }
    }

    /// Of the same request: the first one says why, and all limits are named, so that clients hold back what each is of.
    pub fn join(&mut self, other: Refusal) {
        if self.status == other.status {
            self.retry_after_seconds = self.retry_after_seconds.max(other.retry_after_seconds);
        }
        other.rate_limits.into_iter().for_each(|limit| self.name_limit(limit));
    }

    /// There was something in it, too, that is never used.
    pub fn spare(&mut self) {
        self.name_limit(unused());
    }

    fn name_limit(&mut self, limit: String) {
        if !self.rate_limits.contains(&limit) {
            self.rate_limits.push(limit);
        }
    }
}

impl From<auth::Fault> for Refusal {
    fn from(fault: auth::Fault) -> Refusal {
        let status = StatusCode::from_u16(fault.status).unwrap_or(StatusCode::UNAUTHORIZED);
        Refusal::new(status, fault.detail)
    }
}

impl From<Malformed> for Refusal {
    fn from(malformed: Malformed) -> Refusal {
        Refusal::bad_request(malformed.to_string())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(json!({"detail": self.detail}))).into_response();
        let headers = response.headers_mut();
        headers.insert(ERROR, in_a_header(&self.detail));
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if !self.rate_limits.is_empty() {
            name_limits(headers, &self.rate_limits);
        }
        response
    }
}

/// One line of ASCII: what is neither is a question mark.
fn in_a_header(text: &str) -> HeaderValue {
    let plain = |letter: char| if matches!(letter, ' '..='~') { letter } else { '?' };
    let text: String = text.chars().take(ERROR_CHARS).map(plain).collect();
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("refused"))
}

fn names(categories: &[Category]) -> String {
    categories.iter().map(|category| category.name()).collect::<Vec<_>>().join(";")
}

/// All of them: there are few, and what is cut off would be sent again.
fn name_limits(headers: &mut HeaderMap, limits: &[String]) {
    if let Ok(limits) = HeaderValue::from_str(&limits.join(", ")) {
        headers.insert(RATE_LIMITS, limits);
    }
}

/// What was sent is never used here: honoured on 200 too, so that it is not sent again for a day.
pub fn spare(headers: &mut HeaderMap) {
    name_limits(headers, &[unused()]);
}

fn unused() -> String {
    const UNUSED: [Category; 7] = [
        Category::Span,
        Category::Profile,
        Category::ProfileChunk,
        Category::Replay,
        Category::LogItem,
        Category::MetricBucket,
        Category::TraceMetric,
    ];
    format!("{UNUSED_SECONDS}:{}:organization", names(&UNUSED))
}

/// Any page may send, and read what it is told: there is nothing else in the answer, and no cookie counts.
pub fn open_to_pages(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    let exposed = HeaderValue::from_static("X-Sentry-Error, X-Sentry-Rate-Limits, Retry-After");
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    response
}

/// Asked without any key.
pub fn preflight(methods: &'static str) -> Response {
    let headers = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, methods),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS),
        (header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_SECONDS),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_in_the_header_as_one_line() {
        let response = Refusal::bad_request("no\nJSON: é").into_response();
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        assert_eq!(response.headers()["x-sentry-error"], "no?JSON: ?");
    }

    #[test]
    fn a_quota_holds_errors_back_and_nothing_else() {
        let response = Refusal::over_quota(17).into_response();
        assert_eq!(
            response.headers()["x-sentry-rate-limits"],
            "17:error;default;security;feedback:project:quota"
        );
        assert_eq!(response.headers()["retry-after"], "17");
        let of_key = Refusal::over_key_quota(17).into_response();
        assert_eq!(of_key.headers()["x-sentry-rate-limits"], "17:error;default;security;feedback:key:quota");
        let spike = Refusal::over_spike(3_000, 17).into_response();
        assert_eq!(
            spike.headers()["x-sentry-rate-limits"],
            "17:error;default;security;feedback:project:spike"
        );
        let response = Refusal::over_attachments(17).into_response();
        assert_eq!(response.headers()["x-sentry-rate-limits"], "17:attachment:project:quota");
        let response = Refusal::over_quota_of(Category::Session, 17).into_response();
        assert_eq!(response.headers()["x-sentry-rate-limits"], "17:session:project:quota");
    }

    #[test]
    fn all_limits_of_a_request_are_named_each_once() {
        let mut refusal = Refusal::over_quota_of(Category::Transaction, 17);
        for other in [
            Refusal::over_quota_of(Category::Session, 17),
            Refusal::over_quota_of(Category::Session, 17),
            Refusal::bad_request("no JSON"),
            Refusal::over_quota(18),
        ] {
            refusal.join(other);
        }
        refusal.spare();
        let response = refusal.into_response();
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert!(response.headers()["x-sentry-error"].to_str().unwrap().contains("transaction"));
        let limits = response.headers()["x-sentry-rate-limits"].to_str().unwrap();
        let named = "17:transaction:project:quota, 17:session:project:quota, 18:error;default;security;feedback:project:quota, 86400:span;";
        assert!(limits.starts_with(named) && limits.ends_with(";trace_metric:organization"), "{limits}");
        assert_eq!(response.headers()["retry-after"], "18");
        let mut malformed = Refusal::bad_request("no JSON");
        malformed.join(Refusal::over_quota_of(Category::Session, 17));
        let response = malformed.into_response();
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        assert_eq!(response.headers()["x-sentry-rate-limits"], "17:session:project:quota");
        assert!(!response.headers().contains_key("retry-after"), "it is of no use to send it again");
    }
}
