//! Pages of other origins that the configuration trusts (`http.allowed_hosts`): browsers let such a page read an
//! answer of Graphite's paths only if the answer names its origin. Cookies never come with these requests.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// What Graphite's browser clients (Cubism, Tasseo, Giraffe) ask; our own API is for our own pages.
const PATHS: [&str; 9] =
    ["render", "metrics", "functions", "tags", "events", "dashboard", "version", "s", "S"];

/// How long a browser need not ask again.
const PREFLIGHT_SECONDS: &str = "600";

/// The origin that is to be named, if `is_allowed` says so of its host.
pub fn origin(request: &Request, is_allowed: impl Fn(&str) -> bool) -> Option<HeaderValue> {
    let origin = request.headers().get(header::ORIGIN).filter(|_| is_graphite(request.uri().path()))?;
    let (_, host) = origin.to_str().ok()?.split_once("://")?;
    is_allowed(host).then(|| origin.clone())
}

/// Is it one of Graphite's own paths?
pub fn is_graphite(path: &str) -> bool {
    PATHS.contains(&path.split('/').nth(1).unwrap_or_default())
}

/// Is a browser asking whether it may ask? It sends no credentials with that.
pub fn is_preflight(request: &Request) -> bool {
    *request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

pub fn preflight() -> Response {
    let headers = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, POST"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "Authorization, Content-Type, X-Requested-With"),
        (header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_SECONDS),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

pub fn allow(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.append(header::VARY, HeaderValue::from_static("origin"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trusted_origins_on_graphite_s_paths() {
        let check = |path: &str, sent: Option<&str>, wanted: bool| {
            let mut request = Request::builder().uri(path);
            if let Some(sent) = sent {
                request = request.header("origin", sent);
            }
            let request = request.body(axum::body::Body::empty()).unwrap();
            let found = origin(&request, |host| host == "wall.example:3000");
            assert_eq!(found.is_some(), wanted, "{path} {sent:?}");
        };
        check("/render?target=a", Some("https://wall.example:3000"), true);
        check("/metrics/find", Some("http://wall.example:3000"), true);
        check("/render", Some("https://evil.example"), false);
        check("/render", Some("null"), false);
        check("/render", None, false);
        check("/api/v1/home", Some("https://wall.example:3000"), false);
        check("/rendered", Some("https://wall.example:3000"), false);
    }
}
