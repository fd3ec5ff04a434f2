//! The way to the server: one kept connection, every step of which has a timeout.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Request, Response, StatusCode, Uri, header};
use collectors::agent::{AgentConfig, Receipt, Reply, Uplink};
use http_body_util::BodyExt;
use hyper::client::conn::http1::SendRequest;
use serde::Deserialize;
use tokio::runtime::Runtime;

use crate::client::{connect_with, handshake, parse_url};
use crate::failure::Failure;
use crate::tls;

/// Name, connection and TLS. While the server is away the next attempt comes soon enough to notice its return.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// A connection whose other end is gone without a word is given up then. A server that only was slow knows the batches
/// when they come again.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(4);
const LONGEST_ANSWER: usize = 64 << 10;

pub struct Link {
    /// Ends in the background: a look-up of a name may hang.
    runtime: Option<Runtime>,
    url: Uri,
    authorization: Option<String>,
    tls: Option<Arc<rustls::ClientConfig>>,
    sender: Option<SendRequest<Body>>,
}

impl Link {
    pub fn new(config: &AgentConfig) -> Result<Link, Failure> {
        let url = parse_url(&config.server)?;
        let token = config.read_token().map_err(|why| Failure::usage(format!("agent.token_file: {why}")))?;
        let encrypted = url.scheme_str() == Some("https");
        let tls = encrypted.then(|| tls::client(config.ca_file.as_deref())).transpose();
        let tls = tls.map_err(|failure| Failure::usage(format!("agent.ca_file: {}", failure.message)))?;
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(4).build();
        Ok(Link {
            runtime: Some(runtime.map_err(Failure::doing("start"))?),
            url,
            authorization: (!token.is_empty()).then(|| format!("Bearer {}", token.reveal())),
            tls,
            sender: None,
        })
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Uplink for Link {
    fn send(&mut self, body: Vec<u8>) -> Reply {
        let Some(runtime) = self.runtime.take() else { return Reply::Away("stopping".into()) };
        let reply = runtime.block_on(self.ask(body.into()));
        self.runtime = Some(runtime);
        reply.unwrap_or_else(Reply::Away)
    }
}

impl Link {
    async fn ask(&mut self, body: Bytes) -> Result<Reply, String> {
        let kept = self.sender.take().filter(|sender| !sender.is_closed());
        let answer = match kept {
            // The server may have closed it just now: that says nothing about the server.
            Some(sender) => match self.exchange(sender, body.clone()).await {
                Err(Broken::Connection(_)) => self.ask_anew(body).await,
                other => other,
            },
            None => self.ask_anew(body).await,
        };
        let (response, body) = answer.map_err(Broken::told)?;
        Ok(understand(&response, &body))
    }

    async fn ask_anew(&mut self, body: Bytes) -> Result<(Response<()>, Bytes), Broken> {
        let address = self.url.authority().map_or("", |authority| authority.as_str()).to_owned();
        let connecting = async {
            let stream = connect_with(&self.url, self.tls.clone()).await?;
            handshake(stream).await.map_err(|failure| failure.message)
        };
        let connected = tokio::time::timeout(CONNECT_TIMEOUT, connecting).await;
        let told = |why: &str| Broken::Late(format!("connect to {address}: {why}"));
        let late = || told(&format!("no answer within {} s", CONNECT_TIMEOUT.as_secs()));
        let sender = connected.map_err(|_| late())?.map_err(|why| told(&why))?;
        self.exchange(sender, body).await
    }

    async fn exchange(
        &mut self,
        mut sender: SendRequest<Body>,
        body: Bytes,
    ) -> Result<(Response<()>, Bytes), Broken> {
        let request = self.request(body).map_err(|error| Broken::Late(error.to_string()))?;
        let asking = async {
            sender.ready().await?;
            sender.send_request(request).await
        };
        let late = |_| Broken::Late(format!("no answer within {} s", ANSWER_TIMEOUT.as_secs()));
        let answering = async {
            let response = asking.await.map_err(|error| Broken::Connection(error.to_string()))?;
            let (parts, body) = response.into_parts();
            let body = http_body_util::Limited::new(body, LONGEST_ANSWER).collect().await;
            let body = body.map_err(|error| Broken::Connection(error.to_string()))?.to_bytes();
            Ok((Response::from_parts(parts, ()), body))
        };
        let answer = tokio::time::timeout(ANSWER_TIMEOUT, answering).await.map_err(late)?;
        if answer.is_ok() {
            self.sender = Some(sender);
        }
        answer
    }

    fn request(&self, body: Bytes) -> Result<Request<Body>, axum::http::Error> {
        let base = self.url.path().trim_end_matches('/');
        let authority = self.url.authority().map_or("", |authority| authority.as_str());
        let mut request = Request::post(format!("{base}/api/v1/agent/batch"))
            .header(header::HOST, authority)
            .header(header::CONTENT_TYPE, "application/octet-stream");
        if let Some(authorization) = &self.authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        request.body(Body::from(body))
    }
}

/// Why there is no answer.
enum Broken {
    /// An open connection ended.
    Connection(String),
    Late(String),
}

impl Broken {
    fn told(self) -> String {
        match self {
            Broken::Connection(why) | Broken::Late(why) => why,
        }
    }
}

/// What the server says of the rows; a later one may say more.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Taken {
    stored: u64,
    too_old: u64,
    in_future: u64,
    no_value: u64,
    refused_name: u64,
    refused_limit: u64,
    outside: u64,
    repeated: u64,
    example: Option<String>,
    warning: Option<String>,
    now: Option<f64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Refusal {
    error: String,
    hint: Option<String>,
}

fn understand(response: &Response<()>, body: &[u8]) -> Reply {
    let status = response.status();
    if status == StatusCode::OK {
        return match serde_json::from_slice::<Taken>(body) {
            Ok(taken) if taken.now.is_some() => Reply::Taken(receipt(taken)),
            // Some other program answers everything with 200: what it was given is not safe there.
            _ => refused(status, "the answer is not that of a Bellwether server".into(), None),
        };
    }
    let told: Refusal = serde_json::from_slice(body).unwrap_or_default();
    // Who may read is no help to whoever sends: the forwarder says which token it takes.
    let hint = told.hint.filter(|_| status != StatusCode::UNAUTHORIZED);
    let why = match (told.error.as_str(), hint) {
        ("", _) => status.canonical_reason().unwrap_or("no reason given").to_owned(),
        (error, Some(hint)) => format!("{error} ({hint})"),
        (error, None) => error.to_owned(),
    };
    let retry_after = response.headers().get(header::RETRY_AFTER);
    let seconds = retry_after.and_then(|value| value.to_str().ok()?.parse().ok());
    refused(status, why, seconds.map(Duration::from_secs))
}

fn refused(status: StatusCode, why: String, retry_after: Option<Duration>) -> Reply {
    Reply::Refused { status: status.as_u16(), why, retry_after }
}

fn receipt(taken: Taken) -> Receipt {
    let Taken { stored, too_old, in_future, no_value, refused_name, refused_limit, .. } = taken;
    Receipt {
        stored,
        too_old,
        in_future,
        refused_name: refused_name + no_value,
        refused_limit,
        outside: taken.outside,
        repeated: taken.repeated,
        example: taken.example,
        warning: taken.warning,
        server_clock: taken.now.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn understood(status: u16, body: &str) -> Reply {
        let response = Response::builder().status(status).header("retry-after", "2").body(()).unwrap();
        understand(&response, body.as_bytes())
    }

    #[test]
    fn answers_are_understood() {
        let Reply::Taken(receipt) = understood(200, r#"{"stored": 5, "outside": 1, "now": 1.0, "later": 1}"#)
        else {
            panic!("not taken");
        };
        assert_eq!((receipt.stored, receipt.refused()), (5, 1));
        for (status, body, told) in [
            (200, "<html>welcome</html>", "not that of a Bellwether"),
            (200, "{}", "not that of a Bellwether"),
            (401, r#"{"error": "no", "hint": "make one"}"#, "no"),
            (403, r#"{"error": "no", "hint": "make one"}"#, "no (make one)"),
            (503, "", "Service Unavailable"),
        ] {
            let Reply::Refused { why, retry_after, .. } = understood(status, body) else {
                panic!("{status}: taken");
            };
            assert!(why.contains(told) && (status != 401 || why == told), "{status}: {why}");
            assert_eq!(retry_after.is_some(), status != 200);
        }
    }
}
