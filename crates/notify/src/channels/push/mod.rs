//! Web push: a browser or telephone that has subscribed, by the push service that it has chosen (RFC 8030). No account is
//! needed anywhere; what is sent is readable by that browser only, and signed by this server's own key.
//!
//! | file | holds |
//! |---|---|
//! | `mod.rs` | keys of the channel, what is sent to whom, what the services answer |
//! | [`subscription`] | what a browser says of itself |
//! | [`encrypt`] | aes128gcm (RFC 8291, 8188) |
//! | [`vapid`] | who sends it (RFC 8292) |

pub mod encrypt;
pub mod subscription;
pub mod vapid;

use hyper::Method;
use outbound::http;
use serde_json::json;

use super::post::{Place, asked_pause, call, header};
use super::problems::Problems;
use super::{Channel, Entry, Letter, Pictures, Post, Results, Sent, Work, deaf, side_by_side};
use crate::config::{ChannelConfig, ChannelType};
use crate::limits::{BUNDLE_FROM, CALL_GIVE_UP_SECONDS, PUSH_AGAIN_AFTER, PUSH_KEPT_SECONDS, PUSHES_AT_ONCE};
use crate::retry::Failure;
use crate::text::{self, cut};
use subscription::Subscription;

pub const ENTRY: Entry = Entry {
    kind: ChannelType::Push,
    word: "push",
    keys: &["from", "hosts", "ca_file"],
    problems,
    open: |config| Ok(Box::new(Push::open(config))),
    ear: deaf,
    give_up: CALL_GIVE_UP_SECONDS,
    posted: None,
    pictures: Pictures::None,
    follows: super::no,
    reaches: super::yes,
};

/// Where a contact keeps its subscriptions, one in a line.
pub const WAY: &str = "push";
/// What services take is 4096 bytes, encrypted; a telephone shows less than this.
const BODY_MAX: usize = 1_500;
const TITLE_MAX: usize = 200;
/// The services of the browsers there are: Chrome and what is built on it, Firefox, Edge, Safari.
const SERVICES: [&str; 4] =
    ["fcm.googleapis.com", ".push.services.mozilla.com", ".notify.windows.com", ".push.apple.com"];

fn problems(channel: &ChannelConfig) -> Problems {
    let mut found = Problems::new();
    let is_contact = |from: &&String| !from.starts_with("mailto:") && !from.starts_with("https://");
    if channel.from.as_ref().filter(is_contact).is_some() {
        let why = "write where the push services reach you: \"mailto:ops@example.org\" or an https address";
        found.push(("from", why.into()));
    }
    let is_host = |host: &&String| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
        host.is_empty() || !host.bytes().all(plain)
    };
    if let Some(host) = channel.hosts.iter().flatten().find(is_host) {
        let why = format!("`{}` is no name of a host, such as \"push.example.org\"", host.escape_debug());
        found.push(("hosts", why));
    }
    found
}

/// Whoever may sign in writes the address that is called, so that it leads to a push service and nowhere else.
pub fn check(config: &ChannelConfig, address: &str) -> Result<(), String> {
    let subscription = Subscription::read(address)?;
    let host = subscription.endpoint.host();
    let is = |service: &str| match service.strip_prefix('.') {
        Some(_) => host.ends_with(service),
        None => host == service,
    };
    let own = config.hosts.iter().flatten().any(|own| own == host);
    match own || SERVICES.into_iter().any(is) {
        true => Ok(()),
        false => {
            Err(format!("{host} is no push service that is known here: name it in `hosts` of the channel"))
        }
    }
}

struct Push {
    config: ChannelConfig,
    place: Place,
}

/// What became of one subscription.
enum Lost {
    /// There is no such one any more.
    Gone(String),
    Failed(Failure),
}

impl Push {
    fn open(config: &ChannelConfig) -> Push {
        Push { config: config.clone(), place: Place::new(config, "") }
    }

    async fn round(&self, letters: &[Letter], post: &Post<'_>) -> Results {
        let bundles = bundles(letters);
        let mut results = Results::new();
        for some in bundles.chunks(PUSHES_AT_ONCE) {
            let work = some.iter().map(|bundle| -> Work<'_, _> { Box::pin(self.deliver(bundle, post)) });
            for (bundle, sent) in some.iter().zip(side_by_side(work.collect()).await) {
                results.extend(bundle.iter().map(|letter| (letter.waiting.page.id, sent.clone())));
            }
        }
        results
    }

    /// To every browser of the contact: one that took it is enough for the page. A service that was busy then is asked once
    /// more, as nobody would ask it again.
    async fn deliver(&self, letters: &[&Letter], post: &Post<'_>) -> Result<Sent, Failure> {
        let page = &letters[0].waiting.page;
        let ways = page.message.ways.get(WAY).map(String::as_str).unwrap_or_default();
        let mut all = self.send_all(ways.lines().collect(), letters, post).await;
        let taken = all.iter().any(|(_, sent)| sent.is_ok());
        let is_busy = |sent: &Result<(), Lost>| matches!(sent, Err(Lost::Failed(Failure::Page { .. })));
        if taken && all.iter().any(|(_, sent)| is_busy(sent)) {
            let busy = all.iter().filter(|(_, sent)| is_busy(sent)).map(|(address, _)| *address).collect();
            all.retain(|(_, sent)| !is_busy(sent));
            tokio::time::sleep(PUSH_AGAIN_AFTER).await;
            all.extend(self.send_all(busy, letters, post).await);
        }
        let mut refused =
            Failure::Person { why: format!("contact {} has no browser that is subscribed", page.contact) };
        for (address, sent) in all {
            match sent {
                Ok(()) => {}
                Err(Lost::Gone(why)) => {
                    (post.gone)(&page.contact, WAY, address);
                    if matches!(refused, Failure::Person { .. }) {
                        refused = Failure::Person { why };
                    }
                }
                // What may be taken later counts more than what never will be.
                Err(Lost::Failed(_)) if matches!(refused, Failure::Page { .. }) => {}
                Err(Lost::Failed(failure)) => refused = failure,
            }
        }
        if taken { Ok(Sent::default()) } else { Err(refused) }
    }

    /// Side by side: a service that is dead keeps no other waiting.
    async fn send_all<'a>(
        &self,
        addresses: Vec<&'a str>,
        letters: &[&Letter],
        post: &Post<'_>,
    ) -> Vec<(&'a str, Result<(), Lost>)> {
        let mut all = Vec::new();
        for some in addresses.chunks(PUSHES_AT_ONCE) {
            let work =
                some.iter().map(|address| -> Work<'_, _> { Box::pin(self.send(address, letters, post)) });
            all.extend(some.iter().copied().zip(side_by_side(work.collect()).await));
        }
        all
    }

    async fn send(&self, address: &str, letters: &[&Letter], post: &Post<'_>) -> Result<(), Lost> {
        let never = |why: String| Lost::Failed(Failure::Never { why });
        let of_person = |why: String| Lost::Failed(Failure::Person { why });
        check(&self.config, address).map_err(of_person)?;
        let subscription = Subscription::read(address).map_err(of_person)?;
        let request = self.request(&subscription, letters, post).map_err(Lost::Failed)?;
        let later = |failure: Failure| match failure {
            // Of this service only: others have their own.
            Failure::Channel { why, after } => Lost::Failed(Failure::Page { why, after }),
            other => Lost::Failed(other),
        };
        let answer = call(&request, post).await.map_err(later)?;
        // What it says is not repeated: the address was written by somebody who only signs in.
        let why = format!("{} answers {}", answer.url.origin(), answer.status.as_u16());
        match answer.status.as_u16() {
            200..=299 => Ok(()),
            404 | 410 => Err(Lost::Gone(format!("{why}: this browser is not subscribed any more"))),
            408 | 425 | 429 | 500..=599 => {
                Err(Lost::Failed(Failure::Page { why, after: asked_pause(&answer) }))
            }
            _ => Err(never(why)),
        }
    }

    fn request(
        &self,
        subscription: &Subscription,
        letters: &[&Letter],
        post: &Post<'_>,
    ) -> Result<http::Request, Failure> {
        let never = |why: String| Failure::Never { why };
        let mut request = self.place.at(Method::POST, subscription.endpoint.clone());
        request.redirects_most = 0;
        let page = &letters[0].waiting.page;
        let authorization = vapid::authorization(
            post.settings.push_key.reveal(),
            &subscription.endpoint.origin(),
            self.from(post).as_deref(),
            post.now,
        );
        header(&mut request, "Authorization", &authorization.map_err(never)?)?;
        header(&mut request, "TTL", &PUSH_KEPT_SECONDS.to_string())?;
        let is_urgent = letters.iter().any(|letter| is_urgent(letter));
        header(&mut request, "Urgency", if is_urgent { "high" } else { "normal" })?;
        if letters.len() == 1 {
            // The newest word of an incident takes the place of the one before, if that has not been fetched yet.
            header(&mut request, "Topic", &topic(&text::dedup_key(page, &post.settings.server_id)))?;
        }
        header(&mut request, "Content-Encoding", "aes128gcm")?;
        header(&mut request, "Content-Type", "application/octet-stream")?;
        let words = words(letters, post).to_string();
        request.body =
            encrypt::sealed(&subscription.key, &subscription.auth, words.as_bytes()).map_err(never)?.into();
        Ok(request)
    }

    /// Where the services reach whoever runs this server.
    fn from(&self, post: &Post<'_>) -> Option<String> {
        let public = Some(&post.settings.url).filter(|url| url.starts_with("https://"));
        self.config.from.as_ref().or(public).cloned()
    }
}

impl Channel for Push {
    fn send<'w>(&'w mut self, letters: &'w [Letter], post: &'w Post<'w>) -> Work<'w, Results> {
        Box::pin(self.round(letters, post))
    }
}

/// Many at once for one contact are one message.
fn bundles(letters: &[Letter]) -> Vec<Vec<&Letter>> {
    let mut all: Vec<Vec<&Letter>> = Vec::new();
    for letter in letters {
        match all.iter_mut().find(|bundle| bundle[0].waiting.page.contact == letter.waiting.page.contact) {
            Some(bundle) => bundle.push(letter),
            None => all.push(vec![letter]),
        }
    }
    all.into_iter().flat_map(apart).collect()
}

fn apart(bundle: Vec<&Letter>) -> Vec<Vec<&Letter>> {
    match bundle.len() < BUNDLE_FROM {
        true => bundle.into_iter().map(|one| vec![one]).collect(),
        false => vec![bundle],
    }
}

fn is_urgent(letter: &Letter) -> bool {
    let kind = letter.waiting.page.kind;
    kind.is_problem() || kind == incidents::PageKind::Code
}

/// 32 letters at most (RFC 8030).
fn topic(key: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, key.as_bytes());
    subscription::encoded(&digest.as_ref()[..18])
}

/// What the service worker shows. Paths are of this server, wherever the browser has it from.
fn words(letters: &[&Letter], post: &Post<'_>) -> serde_json::Value {
    let all: Vec<text::Said> =
        letters.iter().map(|letter| text::said(letter, post.settings, post.now)).collect();
    let (title, body) = match all.as_slice() {
        [one] => (one.headline.clone(), text::short(one)),
        many => {
            let lines: Vec<&str> = many.iter().map(|said| said.headline.as_str()).collect();
            (format!("{} notices: {}", many.len(), many[0].headline), lines.join("\n"))
        }
    };
    let page = &letters[0].waiting.page;
    let token = letters[0].token.as_ref().filter(|_| letters.len() == 1);
    let open = match (token, page.incident) {
        (Some(token), _) => format!("/a/{token}"),
        (None, Some(incident)) if letters.len() == 1 => format!("/incidents/{incident}"),
        _ if page.kind == incidents::PageKind::Code => "/settings".to_owned(),
        _ => "/incidents".to_owned(),
    };
    json!({
        "title": cut(&title, TITLE_MAX),
        "body": cut(&body, BODY_MAX),
        "open": open,
        "acknowledge": token.map(|token| format!("/a/{token}")),
        "tag": topic(&text::dedup_key(page, &post.settings.server_id)),
        "urgent": letters.iter().any(|letter| is_urgent(letter)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_push_services_are_called() {
        let key = subscription::encoded(&encrypt::tests::receiver().1);
        let check = |endpoint: &str, hosts: &[&str], fine: bool| {
            let hosts = Some(hosts.iter().map(|host| (*host).to_owned()).collect());
            let config = ChannelConfig { hosts, ..ChannelConfig::default() };
            let address =
                json!({"endpoint": endpoint, "keys": {"p256dh": key, "auth": "AAAAAAAAAAAAAAAAAAAAAA"}});
            assert_eq!(super::check(&config, &address.to_string()).is_ok(), fine, "{endpoint}");
        };
        check("https://fcm.googleapis.com/fcm/send/x", &[], true);
        check("https://updates.push.services.mozilla.com/wpush/v2/x", &[], true);
        check("http://fcm.googleapis.com/fcm/send/x", &[], false);
        check("https://evil.example/fcm.googleapis.com", &[], false);
        check("https://evilpush.apple.com.example/", &[], false);
        check("https://169.254.169.254/", &[], false);
        check("https://push.example.org/x", &["push.example.org"], true);
    }

    #[test]
    fn a_topic_is_short_enough() {
        assert_eq!(topic("bellwether-incident-1-abc").len(), 24);
        assert_ne!(topic("a"), topic("b"));
    }
}
