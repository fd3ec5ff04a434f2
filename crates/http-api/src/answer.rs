//! Errors as the JSON API tells them.

mod reading;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;
use vocabulary::ports::StoreError;

pub use reading::{nearest, read};

/// What is wrong, and how to mend it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Problem {
    #[serde(skip)]
    status: StatusCode,
    pub error: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

pub type Answer<T> = Result<T, Problem>;

impl Problem {
    pub fn new(status: StatusCode, error: impl Into<String>) -> Problem {
        Problem { status, error: error.into(), hint: None }
    }

    pub fn bad_request(error: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, error)
    }

    pub fn not_found(error: impl Into<String>) -> Problem {
        Problem::new(StatusCode::NOT_FOUND, error)
    }

    pub fn forbidden(error: impl Into<String>) -> Problem {
        Problem::new(StatusCode::FORBIDDEN, error)
    }

    /// The header `Allow` is the router's.
    pub fn wrong_method(method: &Method, path: &str) -> Problem {
        let why = format!("{path} does not know the method {method}");
        Problem::new(StatusCode::METHOD_NOT_ALLOWED, why).hint("the header Allow names those that it knows")
    }

    pub fn internal(error: impl std::fmt::Display) -> Problem {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
    }

    /// A body that could not be taken: `why` is told unless the status says enough.
    pub fn unread_body(status: StatusCode, why: String) -> Problem {
        match status {
            StatusCode::PAYLOAD_TOO_LARGE => Problem::new(status, "the body of the request is too long")
                .hint("send less at once, or raise http.max_body_bytes"),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => {
                Problem::new(status, why).hint("send JSON, with the header Content-Type: application/json")
            }
            _ => Problem::new(status, why),
        }
    }

    pub fn with_status(self, status: StatusCode) -> Problem {
        Problem { status, ..self }
    }

    pub fn status(&self) -> StatusCode {
        self.status
    }

    pub fn is(&self, status: StatusCode) -> bool {
        self.status == status
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Problem {
        self.hint = Some(hint.into());
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        if self.status.is_server_error() {
            tracing::warn!(status = self.status.as_u16(), error = self.error, "request failed");
        }
        (self.status, Json(self)).into_response()
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Problem {
        let text = error.to_string();
        match error {
            StoreError::BadQuery(_) => Problem::bad_request(text),
            StoreError::TooMuch { .. } => Problem::bad_request(text)
                .hint("narrow the pattern or the time, or raise the limit in [http]"),
            StoreError::Deadline => Problem::new(StatusCode::SERVICE_UNAVAILABLE, text)
                .hint("narrow the pattern or the time, or raise http.query_timeout"),
            StoreError::Cancelled => Problem::new(StatusCode::SERVICE_UNAVAILABLE, text),
            StoreError::Disk(_) => Problem::internal(text),
        }
    }
}

impl From<accounts::AccountError> for Problem {
    fn from(error: accounts::AccountError) -> Problem {
        match error {
            accounts::AccountError::Refused(why) => Problem::bad_request(why),
            accounts::AccountError::TooSoon(why) => Problem::new(StatusCode::TOO_MANY_REQUESTS, why),
            accounts::AccountError::State(error) => error.into(),
        }
    }
}

impl From<state_store::StateError> for Problem {
    fn from(error: state_store::StateError) -> Problem {
        Problem::internal(error)
    }
}

/// A JSON body; what cannot be read is told as a [`Problem`].
pub struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Answer<Self> {
        check_is_json(request.headers())?;
        let bytes = Bytes::from_request(request, state).await;
        let bytes = bytes.map_err(|unread| Problem::unread_body(unread.status(), unread.body_text()))?;
        reading::read(&bytes).map(Body)
    }
}

fn check_is_json(headers: &HeaderMap) -> Answer<()> {
    let said = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = said.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_json = kind.strip_prefix("application/").is_some_and(|it| it == "json" || it.ends_with("+json"));
    match is_json {
        true => Ok(()),
        false => {
            let why = match said {
                "" => "the body says no type, and JSON is due".to_owned(),
                _ => format!("the body is of the type `{said}`, and JSON is due"),
            };
            Err(Problem::unread_body(StatusCode::UNSUPPORTED_MEDIA_TYPE, why))
        }
    }
}

/// Parameters of the query string; what cannot be read is told as a [`Problem`].
pub struct Params<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Answer<Self> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(value)) => Ok(Params(value)),
            Err(rejection) => Err(reading::unreadable_query(rejection.status(), &rejection.body_text())),
        }
    }
}

/// The number of a thing in the path; what is none is told as a [`Problem`].
pub struct Id<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Answer<Self> {
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(id)) => Ok(Id(id)),
            Err(rejection) => Err(reading::unreadable_id(rejection.status(), &rejection.body_text())),
        }
    }
}

/// The path names a thing; its body may leave the name out, and says no other.
pub fn check_name(path: &str, name: &str) -> Answer<()> {
    if name.is_empty() || name == path {
        return Ok(());
    }
    let why = format!("the path says `{path}`, and `name` in the body `{name}`");
    Err(Problem::bad_request(why)
        .hint("leave `name` out; to rename, make one of the new name and delete the other"))
}
