//! The few pages that are written here: plain, without scripts, for whoever follows a link of graphite-web's.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// Pictures are ours; nothing else is loaded, and nothing runs.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

const STYLE: &str =
    "body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem; max-width: 75rem; color-scheme: light dark }
 td, th { text-align: left; vertical-align: top; padding: 0 1.5rem 0.3rem 0 } img { max-width: 100% }
 figure { display: inline-block; margin: 0 1rem 1rem 0 } figcaption { overflow-wrap: anywhere }";

/// `body` is HTML already; the title is text.
pub fn page(status: StatusCode, title: &str, body: &str) -> Response {
    let title = escaped(title);
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n<h1>{title}</h1>\n{body}\n</html>\n"
    );
    let mut response = (status, html).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// To another place on this server.
pub fn redirect(status: StatusCode, place: &str) -> Response {
    match HeaderValue::from_str(place) {
        Ok(place) => (status, [(header::LOCATION, place)]).into_response(),
        Err(_) => page(StatusCode::BAD_REQUEST, "This address cannot be followed", ""),
    }
}

/// Text within HTML, attributes included.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// A query string of these parameters.
pub fn query(parameters: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish()
}

/// One segment of a path.
pub fn segment(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_html() {
        assert_eq!(escaped("<a href='x\"'>&"), "&lt;a href=&#39;x&quot;&#39;&gt;&amp;");
        assert_eq!(segment("a b/\u{e4}"), "a%20b%2F%C3%A4");
        assert_eq!(query(&[("q", "a b"), ("q", "&")]), "q=a+b&q=%26");
    }
}
