//! Pages for people outside: plain, static, without scripts, and nothing of what is inside.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

const STYLE: &str = "body{font-family:sans-serif;line-height:1.5;max-width:45em;margin:1em auto;padding:0 1em;\
    color:#1a1a1a;background:#fff}table{border-collapse:collapse}td{padding:.2em .8em .2em 0;vertical-align:top}\
    td:first-child{white-space:nowrap}input,textarea,button{font:inherit;padding:.5em;box-sizing:border-box}\
    input,textarea{width:100%}button{min-height:3em}\
    @media(prefers-color-scheme:dark){body{color:#eee;background:#161616}a{color:#8ab4f8}}";

/// `body` is HTML already.
pub fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=en><head><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <title>{}</title><style>{STYLE}</style></head><body><main>{body}</main></body></html>\n",
        escape(title)
    )
}

pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// No script, no frame, nothing from elsewhere; what it links to does not learn of it.
pub fn answer(status: StatusCode, page: String, caching: &'static str) -> Response {
    respond(status, page, caching, "no-referrer")
}

/// The same with a form in it, which says to us, and to nobody else, where it comes from.
pub fn form(status: StatusCode, page: String) -> Response {
    respond(status, page, "no-store", "same-origin")
}

fn respond(status: StatusCode, page: String, caching: &'static str, referrer: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, caching),
        (header::REFERRER_POLICY, referrer),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        ),
        (HeaderName::from_static("x-robots-tag"), "noindex"),
    ];
    let headers = headers.map(|(name, value)| (name, HeaderValue::from_static(value)));
    (status, headers, page).into_response()
}
