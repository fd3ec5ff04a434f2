//! The Graphite that is compared with: asked gently, and believed only when what comes is what was asked for.
//! What stands at such a URL may also be a proxy, a sign-in page, or something slow that is about to fall over.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use base64::Engine;
use http_body_util::{BodyExt, Limited};
use tokio::time::Instant;

use crate::client;
use crate::failure::Failure;

/// A question that takes longer is asked again in smaller parts.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// Two million names of a hundred characters; a batch of points is far smaller.
const MAX_ANSWER_BYTES: usize = 256 << 20;
/// Of an error that is shown.
const MAX_ERROR_CHARACTERS: usize = 200;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Trouble {
    /// It does not listen, hangs up or is overloaded: later it may answer.
    Away(String),
    /// Too slow, or too much, for one question: a smaller one may be answered.
    TooMuch(String),
    /// It answered that it will not answer this.
    Refused { status: u16, text: String },
    /// What answers is no Graphite: somebody has to do something.
    Elsewhere(String),
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Trouble::Away(text) | Trouble::TooMuch(text) | Trouble::Elsewhere(text) => f.write_str(text),
            Trouble::Refused { status, text } => write!(f, "status {status}: {text}"),
        }
    }
}

/// What an answer must be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Json,
    Raw,
}

pub struct Original {
    url: Uri,
    authorization: Option<HeaderValue>,
    pace: Pace,
}

impl Original {
    /// `authorization` is a whole header value; a name and password in the URL go before it.
    pub fn new(text: &str, authorization: Option<&str>, rate: f64) -> Result<Original, Failure> {
        if !(rate.is_finite() && rate > 0.0) {
            return Err(Failure::usage("--rate must be more than 0, such as 5 or 0.5"));
        }
        let url = client::parse_url(text)?;
        let authority = url.authority().map_or("", |authority| authority.as_str());
        let basic = authority.rsplit_once('@').map(|(user, _)| {
            format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(percent_decode(user)))
        });
        let header = basic.as_deref().or(authorization).map(HeaderValue::try_from).transpose();
        let mut header =
            header.map_err(|_| Failure::usage("GRAPHITE_AUTHORIZATION holds no header value"))?;
        if let Some(header) = &mut header {
            header.set_sensitive(true);
        }
        Ok(Original { url, authorization: header, pace: Pace::new(rate) })
    }

    /// Without name and password: for what is printed.
    pub fn shown(&self) -> String {
        let port = self.url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let path = self.url.path().trim_end_matches('/');
        format!(
            "{}://{}{port}{path}",
            self.url.scheme_str().unwrap_or("http"),
            self.url.host().unwrap_or_default()
        )
    }

    /// One question; a form is posted, because many names are too long for a URL.
    pub async fn ask(&mut self, path: &str, form: Option<String>, kind: Kind) -> Result<Bytes, Trouble> {
        self.pace.wait().await;
        let begun = Instant::now();
        let asked = tokio::time::timeout(ANSWER_TIMEOUT, self.exchange(path, form, kind)).await;
        self.pace.took(begun);
        let late = || Trouble::TooMuch(format!("no answer within {} s", ANSWER_TIMEOUT.as_secs()));
        asked.unwrap_or_else(|_| Err(late()))
    }

    async fn exchange(&self, path: &str, form: Option<String>, kind: Kind) -> Result<Bytes, Trouble> {
        let away = |failure: Failure| Trouble::Away(failure.message);
        let mut sender = client::dial(&self.url).await.map_err(away)?;
        let request = self.request(path, form).map_err(away)?;
        let response = sender.send_request(request).await;
        let response = response.map_err(|error| Trouble::Away(format!("ask {}: {error}", self.shown())))?;
        self.read(response.map(Body::new), kind).await
    }

    fn request(&self, path: &str, form: Option<String>) -> Result<Request<Body>, Failure> {
        let base = self.url.path().trim_end_matches('/');
        let port = self.url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let host = format!("{}{port}", self.url.host().unwrap_or_default());
        let mut request = Request::builder()
            .method(if form.is_some() { Method::POST } else { Method::GET })
            .uri(format!("{base}{path}"))
            .header(header::HOST, host)
            .header(header::USER_AGENT, concat!("bellwether-compare/", env!("CARGO_PKG_VERSION")))
            .header(header::CONNECTION, "close");
        if let Some(authorization) = &self.authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        if form.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        request.body(form.map_or_else(Body::empty, Body::from)).map_err(Failure::doing("make the request"))
    }

    async fn read(&self, response: Response<Body>, kind: Kind) -> Result<Bytes, Trouble> {
        let status = response.status();
        let header = |name| response.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        let content_type = header(header::CONTENT_TYPE).unwrap_or_default().to_ascii_lowercase();
        if status.is_redirection() {
            let to = header(header::LOCATION).unwrap_or("nowhere");
            return Err(Trouble::Elsewhere(format!(
                "{} sends to {to}: give the address that answers itself, with its name and password if it has one",
                self.shown()
            )));
        }
        let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES).collect().await;
        let body = body.map_err(|error| match error.is::<http_body_util::LengthLimitError>() {
            true => Trouble::TooMuch(format!("an answer of more than {} MiB", MAX_ANSWER_BYTES >> 20)),
            false => Trouble::Away(format!("{} broke off: {error}", self.shown())),
        })?;
        judge(status, &content_type, body.to_bytes(), kind, &self.shown())
    }
}

/// Is it what was asked for?
fn judge(
    status: StatusCode,
    content_type: &str,
    body: Bytes,
    kind: Kind,
    shown: &str,
) -> Result<Bytes, Trouble> {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(Trouble::Elsewhere(format!(
            "{shown} wants to know who asks (status {}): write http://NAME:PASSWORD@host, or put the header into GRAPHITE_AUTHORIZATION",
            status.as_u16()
        ))),
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
            Err(Trouble::Away(format!("{shown} answers with status {}", status.as_u16())))
        }
        StatusCode::GATEWAY_TIMEOUT | StatusCode::PAYLOAD_TOO_LARGE => {
            Err(Trouble::TooMuch(format!("status {}", status.as_u16())))
        }
        status if status.is_success() => {
            let page = content_type.starts_with("text/html");
            let json = kind != Kind::Json
                || body
                    .iter()
                    .find(|b| !b.is_ascii_whitespace())
                    .is_some_and(|b| b"[{\"ntf-0123456789".contains(b));
            if page || !json {
                let title = title(&body).map(|title| format!(" (\"{title}\")")).unwrap_or_default();
                return Err(Trouble::Elsewhere(format!(
                    "{shown} answers with a page{title} where data belongs: is it graphite-web, and need one sign in?"
                )));
            }
            Ok(body)
        }
        status => Err(Trouble::Refused { status: status.as_u16(), text: words(&body) }),
    }
}

fn title(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(&body[..body.len().min(8 << 10)]).into_owned();
    let (_, rest) = text.split_once("<title>")?;
    Some(rest.split_once("</title>")?.0.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// The first words of an error: graphite-web's pages of Python have them in the title, or in the last line.
fn words(body: &[u8]) -> String {
    let told: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let text = match told
        .as_ref()
        .and_then(|told| told["error"].as_str())
        .map(str::to_owned)
        .or_else(|| title(body))
    {
        Some(text) => text,
        None => {
            let text = String::from_utf8_lossy(&body[..body.len().min(64 << 10)]).into_owned();
            text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("no reason").to_owned()
        }
    };
    text.chars().take(MAX_ERROR_CHARACTERS).collect()
}

fn percent_decode(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let code = tail.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()).filter(|_| byte == b'%') {
            Some(code) => {
                out.push(code);
                rest = &tail[2..];
            }
            None => {
                out.push(byte);
                rest = tail;
            }
        }
    }
    out
}

/// So many questions a second, and never more than half of somebody's time.
struct Pace {
    interval: Duration,
    next: Instant,
}

impl Pace {
    fn new(rate: f64) -> Pace {
        Pace { interval: Duration::from_secs_f64((1.0 / rate).min(3_600.0)), next: Instant::now() }
    }

    async fn wait(&self) {
        tokio::time::sleep_until(self.next).await;
    }

    fn took(&mut self, begun: Instant) {
        let took = begun.elapsed();
        self.next = begun + self.interval.max(2 * took);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, content_type: &str, body: &'static str, kind: Kind) -> Result<Bytes, Trouble> {
        let status = StatusCode::from_u16(status).unwrap();
        judge(status, content_type, Bytes::from_static(body.as_bytes()), kind, "http://old")
    }

    #[test]
    fn only_what_was_asked_for_is_an_answer() {
        assert!(read(200, "application/json", " [1]", Kind::Json).is_ok());
        assert!(read(200, "text/plain", "", Kind::Raw).is_ok());
        let page = read(200, "text/html", "<html><title>Sign\n in</title>", Kind::Raw);
        assert!(matches!(&page, Err(Trouble::Elsewhere(text)) if text.contains("Sign in")), "{page:?}");
        assert!(matches!(read(200, "text/plain", "<html>", Kind::Json), Err(Trouble::Elsewhere(_))));
        assert!(matches!(read(200, "application/json", "", Kind::Json), Err(Trouble::Elsewhere(_))));
        assert!(matches!(read(401, "", "", Kind::Raw), Err(Trouble::Elsewhere(_))));
        assert!(matches!(read(503, "", "", Kind::Raw), Err(Trouble::Away(_))));
        assert!(matches!(read(504, "", "", Kind::Raw), Err(Trouble::TooMuch(_))));
        let refused = read(500, "text/html", "<title>KeyError at /render</title>", Kind::Raw);
        assert_eq!(refused, Err(Trouble::Refused { status: 500, text: "KeyError at /render".into() }));
        let last = read(400, "text/plain", "Traceback\n  bad target\n", Kind::Raw);
        assert_eq!(last, Err(Trouble::Refused { status: 400, text: "bad target".into() }));
    }

    #[test]
    fn passwords_are_sent_and_never_shown() {
        let original = Original::new("https://joe:p%40ss:w@old:8443/graphite/", None, 5.0).unwrap();
        assert_eq!(original.shown(), "https://old:8443/graphite");
        let header = original.request("/render", None).unwrap().headers()[header::AUTHORIZATION].clone();
        assert_eq!(header, "Basic am9lOnBAc3M6dw==");
        assert!(Original::new("old", None, 5.0).is_err());
        assert!(Original::new("http://old", None, 0.0).is_err());
    }
}
