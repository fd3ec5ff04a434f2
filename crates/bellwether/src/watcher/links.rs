//! Do the links in pages lead here? Asked from this server itself, by the address that pages name: at the start, when that
//! address changes, and each hour. A name that nobody finds, a proxy that leads elsewhere or a certificate that has run out
//! is told before somebody stands in front of it at night.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http_api::Links;
use http_api::control::{Part, State};
use outbound::{Kind, Url, http};
use tokio::sync::watch;

use crate::health::part;
use crate::house::{House, Phase};

const LOOK_EVERY: Duration = Duration::from_secs(1);
const ASK_EVERY: Duration = Duration::from_secs(3_600);
/// What does not answer is asked again soon: it may have been a hiccup, or somebody is mending it.
const RETRY_AFTER: Duration = Duration::from_secs(60);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(10);
/// The answer has 64; what answers in our place may be longer and is not read.
const ANSWER_BYTES: usize = 500;

/// Beside the heartbeat, which does not wait for it.
pub async fn run(house: Arc<House>, mut stopped: watch::Receiver<bool>) {
    let mut turn = Turn::default();
    while !*stopped.borrow_and_update() {
        let look = async {
            turn.look(&house).await;
            tokio::time::sleep(LOOK_EVERY).await;
        };
        tokio::select! {
            () = look => {}
            _ = stopped.changed() => {}
        }
    }
}

#[derive(Default)]
struct Turn {
    /// Which address was asked, and when it is asked again.
    asked: Option<(String, Instant)>,
}

impl Turn {
    async fn look(&mut self, house: &House) {
        let address = house.config.load().http.public_url.clone();
        let is_due = self.asked.as_ref().is_none_or(|(asked, at)| *asked != address || *at <= Instant::now());
        if !is_due || *house.phase.lock() != Phase::Running {
            return;
        }
        let (reachable, text) = match address.is_empty() {
            true => (None, NO_ADDRESS.to_owned()),
            false => ask(house, &address).await,
        };
        let before = house.reach.links();
        if reachable == Some(false) && before.reachable != reachable {
            tracing::warn!(address, why = text, "the links in pages do not lead here");
        }
        let checked_at = (!address.is_empty()).then(|| house.clock.since_epoch().as_secs_f64());
        house.reach.close(Links { address: address.clone(), reachable, text, checked_at });
        let wait = if reachable == Some(false) { RETRY_AFTER } else { ASK_EVERY };
        self.asked = Some((address, Instant::now() + wait));
    }
}

const NO_ADDRESS: &str =
    "links in pages work on this machine only: set http.public_url to an address that telephones reach";

async fn ask(house: &House, address: &str) -> (Option<bool>, String) {
    let question = match house.reach.ask() {
        Ok(question) => question,
        Err(why) => return (None, why),
    };
    let url = match Url::parse(&format!("{}{}", address.trim_end_matches('/'), question.path())) {
        Ok(url) => url,
        Err(why) => return (Some(false), format!("http.public_url: {why}")),
    };
    let mut request = http::Request::new(http::get(), url);
    request.connect_timeout = CONNECT_TIMEOUT;
    request.timeout = TIMEOUT;
    request.body_most = ANSWER_BYTES;
    match http::call(&house.egress, &request).await {
        Err(failure) if failure.kind == Kind::Forbidden => {
            (None, format!("cannot be asked: {}", failure.message))
        }
        Err(failure) => (Some(false), format!("{}; {MEND}", failure.message)),
        Ok(answer) => judge(&answer, &question.answer),
    }
}

const MEND: &str = "this server does not reach itself there: look at the name, the proxy in front and its certificate, \
                    or correct http.public_url";

fn judge(answer: &http::Answer, wanted: &str) -> (Option<bool>, String) {
    let from = answer.url.origin();
    if answer.status.is_success() && &*answer.body == wanted.as_bytes() {
        let how = if crate::telling::is_local(&from) { ", on this machine only" } else { "" };
        return (Some(true), format!("{from} is this server{how} (asked from here)"));
    }
    let status = answer.status.as_u16();
    (Some(false), format!("{from} answers {status}, and not as this server does; {MEND}"))
}

pub fn links_part(house: &House) -> Part {
    let links = house.reach.links();
    let state = match (links.reachable, links.address.is_empty()) {
        (Some(false), _) => State::Warning,
        (None, true) => State::Off,
        _ => State::Ok,
    };
    let text = if links.text.is_empty() { "not asked yet".to_owned() } else { links.text };
    Part {
        address: Some(links.address).filter(|address| !address.is_empty()),
        state,
        text,
        last_success: links.checked_at.filter(|_| links.reachable == Some(true)),
        ..part("links", "forward", "Links in pages")
    }
}
