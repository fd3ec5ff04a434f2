//! The built web UI: one page for all its routes, and assets whose names carry a hash of their content.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

/// What `npm run build` made, or the page that says it was not run (see build.rs).
#[derive(RustEmbed)]
#[folder = "$OUT_DIR/web"]
struct Files;

/// Nothing from elsewhere, no inline script. Styles are set by scripts through the CSSOM, which this allows.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; img-src 'self' data: blob:; frame-ancestors 'none'; \
     base-uri 'none'; form-action 'self'; object-src 'none'";

const PAGES: [&str; 15] = [
    "",
    "welcome",
    "services",
    "explore",
    "boards",
    "monitors",
    "incidents",
    "oncall",
    "errors",
    "changes",
    "reports",
    "posts",
    "proof",
    "data",
    "settings",
];

/// Below these there are answers for programs, never pages.
const FOR_PROGRAMS: [&str; 7] = ["api", "assets", "render", "metrics", "functions", "tags", "events"];

/// Is this one of the UI's own routes or files? Those say nothing secret: everything they show comes from
/// the API, which asks who one is.
pub fn is_page_or_asset(method: &Method, path: &str) -> bool {
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    let reads = *method == Method::GET || *method == Method::HEAD;
    reads
        && (PAGES.contains(&first) || first == "signin" || Files::get(path.trim_start_matches('/')).is_some())
}

/// Anything that no other handler took: a file of the UI, one of its routes, or nothing.
pub async fn page_or_asset(method: Method, uri: axum::http::Uri, headers: HeaderMap) -> Response {
    let path = uri.path().trim_start_matches('/');
    if !is_page_or_asset(&method, uri.path()) {
        return nothing(&method, path, &headers);
    }
    match Files::get(path) {
        Some(file) => respond(path, file, &headers),
        None => page(&headers),
    }
}

fn page(headers: &HeaderMap) -> Response {
    match Files::get("index.html") {
        Some(page) => respond("index.html", page, headers),
        None => (StatusCode::NOT_FOUND, "The web UI is not part of this build.\n").into_response(),
    }
}

/// Somebody with a browser is told so by the UI, with the way home; a program in a line.
pub fn nothing(method: &Method, path: &str, headers: &HeaderMap) -> Response {
    let accepts = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let first = path.split('/').next().unwrap_or_default();
    if *method == Method::GET && accepts.contains("text/html") && !FOR_PROGRAMS.contains(&first) {
        return (StatusCode::NOT_FOUND, page(headers)).into_response();
    }
    (StatusCode::NOT_FOUND, "There is nothing here.\n").into_response()
}

fn respond(path: &str, file: EmbeddedFile, headers: &HeaderMap) -> Response {
    let (file, encoding) = compressed(path, headers).unwrap_or((file, None));
    let mut response = Body::from(file.data.into_owned()).into_response();
    let answer = response.headers_mut();
    answer.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type(path)));
    answer.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Some(encoding) = encoding {
        answer.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    let immutable = path.starts_with("assets/");
    let caching = if immutable { "public, max-age=31536000, immutable" } else { "no-cache" };
    answer.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    answer.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY));
    answer.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}

/// The build puts `.br` and `.gz` beside each file.
fn compressed(path: &str, headers: &HeaderMap) -> Option<(EmbeddedFile, Option<&'static str>)> {
    let accepted = headers.get(header::ACCEPT_ENCODING)?.to_str().ok()?;
    [("br", ".br"), ("gzip", ".gz")].into_iter().find_map(|(encoding, ending)| {
        let wanted = accepted
            .split(',')
            .any(|item| item.split(';').next().is_some_and(|name| name.trim() == encoding));
        let file = wanted.then(|| Files::get(&format!("{path}{ending}"))).flatten()?;
        Some((file, Some(encoding)))
    })
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" | "webmanifest" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_looks_for_what_is_not_there_is_told_in_their_way() {
        let check = |method: Method, path: &str, accept: &'static str, wanted: &str| {
            let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]);
            let response = nothing(&method, path, &headers);
            assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
            let told = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
            assert!(told.is_some_and(|told| told.starts_with(wanted)), "{method} {path}: {told:?}");
        };
        check(Method::GET, "nowhere", "text/html,*/*;q=0.8", "text/html");
        check(Method::GET, "nowhere", "*/*", "text/plain");
        check(Method::POST, "nowhere", "text/html", "text/plain");
        check(Method::GET, "api/v1/nothing", "text/html", "text/plain");
        check(Method::GET, "assets/old-1234.js", "text/html", "text/plain");
    }
}
