//! `/status/mail`: readers ask for mail, confirm that the address is theirs, and stop it again; and the mail itself.

use std::sync::Arc;

use ::incidents::Letter;
use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use parking_lot::Mutex;

use super::posts::{self, Post, Update};
use super::readers::{self, Asked, Reader};
use super::{StatusPageConfig, page};
use crate::answer::{Answer, Problem};
use crate::api_v1::off_thread;
use crate::emergency::{Most, Pace};
use crate::plain_page::{self, escape};
use crate::server::Peer;
use crate::services::Services;
use crate::{accounts, guard, ui};

/// Below it are the links in mails.
pub const PATH: &str = "/status/mail";
/// An address and a button.
const MAX_FORM_BYTES: usize = 4_096;
/// What mails are filed under, in the place of a contact.
const READER: &str = "a reader of the status page";
/// In ten minutes. One source alone does not come to `readers::MAX_ASKED` in the two days that addresses are kept which
/// nobody confirms, and all that come from everywhere are few enough for a mail server.
const MOST: Most = Most { of_address: 3, of_key: 300 };
/// By what all who ask are counted together.
const DOOR: &str = "status page";

type Asker = Option<Extension<Peer>>;

/// What readers and those who write to them have in common.
#[derive(Default)]
pub struct Mailing {
    pace: Pace,
    /// Nothing is mailed twice.
    turn: Mutex<()>,
}

pub async fn show_form(State(services): State<Arc<Services>>, headers: HeaderMap) -> Response {
    let Some(config) = open(&services) else { return ui::nothing(&Method::GET, "status", &headers) };
    plain_page::form(StatusCode::OK, form(&config, ""))
}

/// Whether the address is a reader's already is told to nobody: neither by the answer nor by how long it takes, since what
/// is done for one that is not is done after it.
pub async fn ask(
    State(services): State<Arc<Services>>,
    peer: Asker,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(config) = open(&services) else { return ui::nothing(&Method::POST, "status", &headers) };
    let Some(address) = field(&body, "address").and_then(|written| readers::address(&written)) else {
        let why = "Please write a whole address, such as name@example.org.";
        return plain_page::form(StatusCode::BAD_REQUEST, form(&config, why));
    };
    let from = guard::source(&services, &headers, peer.map(|Extension(peer)| peer));
    if !services.mailing.pace.report_of(MOST, from, DOOR, services.clock.now()) {
        let words = "Too many addresses were written here just now. Please come back in ten minutes.";
        return said(StatusCode::TOO_MANY_REQUESTS, "Too many", words);
    }
    let now = services.clock.now();
    match off_thread(&services, move |services| Ok(readers::is_full(&services.state, now)?)).await {
        Ok(false) => {
            tokio::spawn(write_down_later(services, config, address));
            said(
                StatusCode::OK,
                "Look into your mailbox",
                "If this address gets no mail from us yet, one is on its way. Press the button in it within two days.",
            )
        }
        Ok(true) => said(
            StatusCode::SERVICE_UNAVAILABLE,
            "Not now",
            "We cannot send mail to more readers at the moment. The feed has all that we say.",
        ),
        Err(problem) => failed(&problem),
    }
}

pub async fn show(
    State(services): State<Arc<Services>>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Response {
    let Some(config) = open(&services) else { return ui::nothing(&Method::GET, "status", &headers) };
    match off_thread(&services, move |services| Ok(readers::of_token(&services.state, &token)?)).await {
        Ok(Some(reader)) => plain_page::form(StatusCode::OK, buttons(&config, &reader)),
        Ok(None) => unknown(),
        Err(problem) => failed(&problem),
    }
}

/// By a button of ours, or by the one that mail programs show (RFC 8058).
pub async fn decide(
    State(services): State<Arc<Services>>,
    Path(token): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if open(&services).is_none() {
        return ui::nothing(&Method::POST, "status", &headers);
    }
    let begins = field(&body, "do").as_deref() == Some("begin");
    let done = off_thread(&services, move |services| {
        Ok(match begins {
            true => readers::confirm(&services.state, &token, services.clock.now())?,
            false => readers::stop(&services.state, &token)?,
        })
    });
    match (done.await, begins) {
        (Ok(true), true) => said(StatusCode::OK, "Thank you", "From now on you get by mail what we say."),
        (Ok(true), false) => {
            said(StatusCode::OK, "Done", "You get no more mail, and your address is no reader's any more.")
        }
        (Ok(false), _) => unknown(),
        (Err(problem), _) => failed(&problem),
    }
}

/// While nothing is mailed there are no such pages.
fn open(services: &Services) -> Option<StatusPageConfig> {
    let config = services.settings.load().status_page.clone();
    (config.enabled && config.mail.is_some()).then_some(config)
}

fn field(body: &[u8], name: &str) -> Option<String> {
    let body = body.get(..MAX_FORM_BYTES).unwrap_or(body);
    form_urlencoded::parse(body).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

async fn write_down_later(services: Arc<Services>, config: StatusPageConfig, address: String) {
    let written = off_thread(&services, move |services| write_down(services, &config, &address)).await;
    if let Err(problem) = written {
        tracing::warn!(
            error = problem.error,
            "whoever asked for mail of the status page gets no mail to confirm it"
        );
    }
}

fn write_down(services: &Services, config: &StatusPageConfig, address: &str) -> Answer<()> {
    let token = accounts::random_secret().map_err(Problem::internal)?;
    let now = services.clock.now();
    let asked = services.state.transaction(|tx| readers::ask(tx, address, &token, now))?;
    let reader = match asked {
        Asked::New(reader) => reader,
        // Of those who came meanwhile, one had the last place.
        Asked::Known | Asked::Full => return Ok(()),
    };
    let link = link(services, &reader);
    let text = format!(
        "Somebody has asked that what is said on this status page is sent to this address:\n\n    {}\n\n\
         If that was you, press the button here within two days:\n\n    {link}\n\n\
         If it was not, do nothing: no other mail comes, and the address is forgotten.\n",
        config.title
    );
    let letter = letter(config, &reader, format!("Confirm: news of {}", config.title), text, None);
    services.desk.post(&[letter], now, |_| Ok(()))?;
    Ok(())
}

/// What has been said since the last look, to all readers.
pub async fn mail(services: &Arc<Services>) -> Answer<()> {
    off_thread(services, news).await
}

pub fn news(services: &Services) -> Answer<()> {
    let _turn = services.mailing.turn.lock();
    let due = readers::unmailed(&services.state)?;
    if due.is_empty() {
        return Ok(());
    }
    let readers = match open(services) {
        Some(_) => readers::confirmed(&services.state)?,
        // Nobody reads by mail: what is said now is not sent later.
        None => Vec::new(),
    };
    let config = services.settings.load().status_page.clone();
    let mut letters = Vec::new();
    for (post, number) in &due {
        let Some(post) = posts::one(&services.state, *post)? else { continue };
        let Some(update) = post.updates.iter().find(|update| update.number == *number) else { continue };
        letters.extend(readers.iter().map(|reader| of_update(services, &config, reader, &post, update)));
    }
    services.desk.post(&letters, services.clock.now(), |tx| readers::mailed(tx, &due))?;
    Ok(())
}

fn of_update(
    services: &Services,
    config: &StatusPageConfig,
    reader: &Reader,
    post: &Post,
    update: &Update,
) -> Letter {
    let (phase, link) = (page::phase(update.phase), link(services, reader));
    let text = format!(
        "{}\n{phase}\n\n{}\n\nAll of it: {}/status#post-{}\nNo more of these mails: {link}\n",
        post.title,
        update.text,
        base(services),
        post.id
    );
    letter(config, reader, format!("{}: {phase}", post.title), text, Some(link))
}

fn letter(
    config: &StatusPageConfig,
    reader: &Reader,
    subject: String,
    text: String,
    unsubscribe: Option<String>,
) -> Letter {
    Letter {
        reader: READER.to_owned(),
        channel: config.mail.clone().unwrap_or_default(),
        to: Some(reader.address.clone()),
        subject,
        text,
        unsubscribe,
    }
}

fn base(services: &Services) -> String {
    services.settings.load().http.public_url.trim_end_matches('/').to_owned()
}

fn link(services: &Services, reader: &Reader) -> String {
    format!("{}{PATH}/{}", base(services), reader.token)
}

fn form(config: &StatusPageConfig, why: &str) -> String {
    let why =
        if why.is_empty() { String::new() } else { format!("<p role=alert><strong>{why}</strong></p>") };
    let body = format!(
        "<h1>{} by mail</h1><p>What is said on <a href=\"/status\">this page</a> comes to you as mail. The address is used for \
         nothing else, and each mail has a link that stops it.</p>{why}<form method=post>\
         <p><label>Your address<br><input name=address type=email maxlength=254 autocomplete=email required></label></p>\
         <p><button>Send me a mail to confirm it</button></p></form>",
        escape(&config.title)
    );
    plain_page::page("By mail", &body)
}

fn buttons(config: &StatusPageConfig, reader: &Reader) -> String {
    let (title, address) = (escape(&config.title), escape(&reader.address));
    let stop = "<button name=do value=stop>Send no mail, and forget this address</button>";
    let (words, buttons) = match reader.confirmed {
        None => (
            "is to get",
            format!("<p><button name=do value=begin>Yes, send me mail</button></p><p>{stop}</p>"),
        ),
        Some(_) => ("gets", format!("<p>{stop}</p>")),
    };
    let body = format!(
        "<h1>{title} by mail</h1><p>{address} {words} what is said there.</p><form method=post>{buttons}</form>"
    );
    plain_page::page("By mail", &body)
}

fn said(status: StatusCode, heading: &str, words: &str) -> Response {
    let body = format!("<h1>{heading}</h1><p>{words}</p><p><a href=\"/status\">The status page</a></p>");
    plain_page::form(status, plain_page::page(heading, &body))
}

fn unknown() -> Response {
    said(
        StatusCode::NOT_FOUND,
        "Nothing here",
        "This address gets no mail, or the link is too old or not complete.",
    )
}

fn failed(problem: &Problem) -> Response {
    tracing::warn!(error = problem.error, "mail of the status page cannot be asked for or stopped");
    said(
        StatusCode::SERVICE_UNAVAILABLE,
        "Not now",
        "Something here is out of order. Please come back in a minute.",
    )
}
