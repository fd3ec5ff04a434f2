//! One call for each page and recipient, judged by its status: what most providers want.

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Duration;

use hyper::Method;
use hyper::header::RETRY_AFTER;
use outbound::{Kind, Url, http};

use super::pictures::FILE_NAME;
use super::{Channel, Letter, Post, Results, Sent, Work};
use crate::config::{ChannelConfig, Secret};
use crate::limits::{BUNDLE_FROM, CALL_ANSWER_BYTES, CALL_CONNECT, CALL_TIMEOUT, ROUND};
use crate::retry::Failure;
use crate::text;

/// What a provider wants of a page.
pub trait Provider: Send + Sync {
    /// Whom this page is for; of providers that decide that themselves, one without a name.
    fn recipients(&self, _letter: &Letter) -> Result<Vec<String>, Failure> {
        Ok(vec![String::new()])
    }

    /// Many at once for one recipient are one message.
    fn bundles(&self) -> bool {
        false
    }

    /// What is said of one incident is said once in one place, however many of those in it are told.
    fn folds(&self) -> bool {
        false
    }

    /// So many of these, from the first on, are dealt with in one round; the others wait for the next. `since`: when we began
    /// to send.
    fn in_one_round(&self, letters: &[Letter], _since: i64) -> usize {
        letters.len()
    }

    /// Those that were taken there before, by one of us who died before it was noted: they are not sent again.
    fn there_already<'w>(
        &'w self,
        _letters: &'w [Letter],
        _post: &'w Post<'w>,
    ) -> Work<'w, Result<Vec<(i64, Sent)>, Failure>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    /// In the order in which they are made; none: there is nothing to say of this kind of page there.
    fn requests(&self, to: &str, letters: &[&Letter], post: &Post<'_>)
    -> Result<Vec<http::Request>, Failure>;

    /// What is sent in place of what was answered so, if anything else may be taken.
    fn instead(
        &self,
        _answer: &http::Answer,
        _to: &str,
        _letters: &[&Letter],
        _post: &Post<'_>,
    ) -> Option<Result<http::Request, Failure>> {
        None
    }

    /// What is left to do when all was taken.
    fn after<'w>(&'w self, _letters: &'w [&'w Letter], _post: &'w Post<'w>) -> Work<'w, Result<(), Failure>> {
        Box::pin(async { Ok(()) })
    }

    /// What the last good answer says.
    fn taken(&self, _answer: &http::Answer, _to: &str, _letters: &[&Letter], _post: &Post<'_>) -> Sent {
        Sent::default()
    }

    fn judge(&self, answer: &http::Answer) -> Result<(), Failure> {
        judge(answer)
    }
}

pub struct OneByOne<P> {
    provider: P,
    /// Who has it already of pages that others have not got yet.
    done: HashSet<(i64, String)>,
}

impl<P: Provider + 'static> OneByOne<P> {
    pub fn boxed(provider: P) -> Box<dyn Channel> {
        Box::new(OneByOne { provider, done: HashSet::new() })
    }

    /// One after the other, until one finds nobody there.
    async fn round(&mut self, letters: &[Letter], post: &Post<'_>) -> Results {
        let letters = &letters[..self.provider.in_one_round(letters, post.since)];
        let there = match self.provider.there_already(letters, post).await {
            Ok(there) => there,
            Err(failure) => return vec![(letters[0].waiting.page.id, Err(failure))],
        };
        let mut results: Results = there.into_iter().map(|(page, sent)| (page, Ok(sent))).collect();
        let known: HashSet<i64> = results.iter().map(|(page, _)| *page).collect();
        let new = letters.iter().filter(|letter| !known.contains(&letter.waiting.page.id));
        for bundle in self.bundles(new, &mut results) {
            let sent = self.deliver(&bundle, post).await;
            let stop = matches!(sent, Err(Failure::Channel { .. } | Failure::Gone { .. }));
            results.extend(bundle.pages().map(|page| (page, sent.clone())));
            if stop {
                break;
            }
        }
        if self.done.len() > ROUND {
            // Of pages that were given up meanwhile.
            self.done.clear();
        }
        results
    }

    /// In the order in which they came.
    fn bundles<'l>(
        &self,
        letters: impl Iterator<Item = &'l Letter>,
        results: &mut Results,
    ) -> Vec<Bundle<'l>> {
        let mut all: Vec<Bundle<'l>> = Vec::new();
        for letter in letters {
            let to = match self.provider.recipients(letter) {
                Ok(to) => to,
                Err(failure) => {
                    results.push((letter.waiting.page.id, Err(failure)));
                    continue;
                }
            };
            let mut there = all.iter_mut().filter(|bundle| bundle.to == to);
            match there.next().filter(|_| self.provider.bundles()) {
                Some(bundle) => bundle.add(letter, self.provider.folds()),
                None => all.push(Bundle { to, letters: vec![letter], same: Vec::new() }),
            }
        }
        let apart = |bundle: Bundle<'l>| match bundle.letters.len() < BUNDLE_FROM {
            true => bundle.letters.iter().map(|one| bundle.only(one)).collect(),
            false => vec![bundle],
        };
        all.into_iter().flat_map(apart).collect()
    }

    async fn deliver(&mut self, bundle: &Bundle<'_>, post: &Post<'_>) -> Result<Sent, Failure> {
        let page = bundle.letters[0].waiting.page.id;
        let mut taken = None;
        let mut refused = None;
        for to in &bundle.to {
            if self.done.contains(&(page, to.clone())) {
                taken.get_or_insert_with(Sent::default);
                continue;
            }
            match self.call(to, &bundle.letters, post).await {
                Ok(sent) => {
                    if bundle.to.len() > 1 {
                        self.done.insert((page, to.clone()));
                    }
                    taken.get_or_insert(sent);
                }
                Err(failure @ (Failure::Channel { .. } | Failure::Gone { .. })) => return Err(failure),
                Err(failure) => refused = Some(failure),
            }
        }
        bundle.to.iter().for_each(|to| {
            self.done.remove(&(page, to.clone()));
        });
        // With several recipients of a channel one that took it is enough.
        taken.ok_or_else(|| refused.unwrap_or(Failure::Never { why: "there is nobody to send it to".into() }))
    }

    async fn call(&self, to: &str, letters: &[&Letter], post: &Post<'_>) -> Result<Sent, Failure> {
        let mut sent = Sent::default();
        let requests = self.provider.requests(to, letters, post)?;
        if requests.is_empty() {
            return Ok(Sent { is_unsaid: true, ..sent });
        }
        for request in requests {
            let mut answer = call(&request, post).await?;
            if let Some(instead) = self.provider.instead(&answer, to, letters, post) {
                answer = call(&instead?, post).await?;
            }
            self.provider.judge(&answer)?;
            sent = self.provider.taken(&answer, to, letters, post);
        }
        self.provider.after(letters, post).await?;
        Ok(sent)
    }
}

struct Bundle<'l> {
    to: Vec<String>,
    letters: Vec<&'l Letter>,
    /// Pages that say what one of these does: (which of these, its own number).
    same: Vec<(i64, i64)>,
}

impl<'l> Bundle<'l> {
    fn add(&mut self, letter: &'l Letter, folds: bool) {
        let page = &letter.waiting.page;
        let says_this = |other: &&Letter| {
            let other = &other.waiting.page;
            page.incident.is_some() && (other.incident, other.kind) == (page.incident, page.kind)
        };
        match self.letters.iter().copied().filter(|_| folds).find(says_this) {
            Some(twin) => self.same.push((twin.waiting.page.id, page.id)),
            None => self.letters.push(letter),
        }
    }

    fn only(&self, letter: &'l Letter) -> Bundle<'l> {
        let id = letter.waiting.page.id;
        let same = self.same.iter().filter(|(of, _)| *of == id).copied();
        Bundle { to: self.to.clone(), letters: vec![letter], same: same.collect() }
    }

    /// All that were told by it.
    fn pages(&self) -> impl Iterator<Item = i64> + '_ {
        self.letters
            .iter()
            .map(|letter| letter.waiting.page.id)
            .chain(self.same.iter().map(|(_, page)| *page))
    }
}

impl<P: Provider + 'static> Channel for OneByOne<P> {
    fn send<'w>(&'w mut self, letters: &'w [Letter], post: &'w Post<'w>) -> Work<'w, Results> {
        Box::pin(self.round(letters, post))
    }
}

/// Where a provider is, whom it must be certified by, and who asks.
pub struct Place {
    pub url: String,
    ca_file: Option<PathBuf>,
}

impl Place {
    pub fn new(config: &ChannelConfig, usual: &str) -> Place {
        let url = config.url.as_ref().map_or(usual, Secret::reveal);
        Place { url: url.trim_end_matches('/').to_owned(), ca_file: config.ca_file.clone() }
    }

    /// A stand-in, such as that of a test: no provider is reached there.
    pub fn is_of_this_machine(&self) -> bool {
        Url::parse(&self.url).is_ok_and(|url| url.is_of_this_machine())
    }

    pub fn get(&self, path: &str) -> Result<http::Request, Failure> {
        self.request(Method::GET, path)
    }

    pub fn request(&self, method: Method, path: &str) -> Result<http::Request, Failure> {
        let url = Url::parse(&format!("{}{path}", self.url)).map_err(|why| Failure::Never { why })?;
        Ok(self.at(method, url))
    }

    /// Within the bounds of all calls to providers.
    pub fn at(&self, method: Method, url: Url) -> http::Request {
        let mut request = http::Request::new(method, url);
        request.connect_timeout = CALL_CONNECT;
        request.timeout = CALL_TIMEOUT;
        request.body_most = CALL_ANSWER_BYTES;
        request.tls.authorities.clone_from(&self.ca_file);
        request
    }

    pub fn form(&self, path: &str, fields: &[(&str, &str)]) -> Result<http::Request, Failure> {
        let mut request = self.request(Method::POST, path)?;
        header(&mut request, "Content-Type", "application/x-www-form-urlencoded")?;
        let fields = fields.iter().map(|(key, value)| format!("{key}={}", text::encode(value)));
        request.body = fields.collect::<Vec<_>>().join("&").into();
        Ok(request)
    }

    /// Fields, and a picture as a file of this name.
    pub fn multipart(
        &self,
        path: &str,
        fields: &[(&str, &str)],
        (name, picture): (&str, &[u8]),
    ) -> Result<http::Request, Failure> {
        let mut request = self.request(Method::POST, path)?;
        // What is sent in the parts cannot hold it: it is made of all of them.
        let boundary = format!("bellwether-{}", boundary(fields, picture));
        header(&mut request, "Content-Type", &format!("multipart/form-data; boundary={boundary}"))?;
        let mut body = Vec::new();
        for (key, value) in fields {
            let part =
                format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{key}\"\r\n\r\n{value}\r\n");
            body.extend(part.bytes());
        }
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{FILE_NAME}\"\r\nContent-Type: image/png\r\n\r\n"
        );
        body.extend(head.bytes());
        body.extend(picture);
        body.extend(format!("\r\n--{boundary}--\r\n").bytes());
        request.body = body.into();
        Ok(request)
    }

    pub fn json(&self, path: &str, body: &serde_json::Value) -> Result<http::Request, Failure> {
        let mut request = self.request(Method::POST, path)?;
        header(&mut request, "Content-Type", "application/json")?;
        request.body = body.to_string().into();
        Ok(request)
    }
}

fn boundary(fields: &[(&str, &str)], picture: &[u8]) -> String {
    let mut digest = ring::digest::Context::new(&ring::digest::SHA256);
    fields.iter().for_each(|(_, value)| digest.update(value.as_bytes()));
    digest.update(picture);
    digest.finish().as_ref()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn header(request: &mut http::Request, name: &str, value: &str) -> Result<(), Failure> {
    request.header(name, value).map_err(|failure| Failure::Never { why: failure.message })
}

/// An answer of any status.
pub async fn call(request: &http::Request, post: &Post<'_>) -> Result<http::Answer, Failure> {
    http::call(post.egress, request).await.map_err(|failure| match failure.kind {
        Kind::Wrong => Failure::Never { why: failure.message },
        _ => Failure::Channel { why: failure.message, after: None },
    })
}

pub fn judge(answer: &http::Answer) -> Result<(), Failure> {
    let status = answer.status.as_u16();
    let why = said(answer);
    match status {
        200..=299 => Ok(()),
        // Whoever answers so wants to hear no more, ever.
        410 => Err(Failure::Gone { why }),
        408 | 425 | 429 | 500..=599 => Err(Failure::Channel { why, after: asked_pause(answer) }),
        _ => Err(Failure::Never { why }),
    }
}

/// A good answer that is not the provider's own comes of what stands between, such as a proxy that wants a sign-in: nobody was told.
pub fn judge_own(answer: &http::Answer, is_own: bool) -> Result<(), Failure> {
    judge(answer)?;
    if is_own {
        return Ok(());
    }
    let why = format!("this is not the provider's own answer, so nobody was told: {}", said(answer));
    Err(Failure::Channel { why, after: None })
}

/// What it says as JSON; null: it says none.
pub fn body_of(answer: &http::Answer) -> serde_json::Value {
    serde_json::from_slice(&answer.body).unwrap_or_default()
}

/// Where from, the status and what else was said, without what a terminal might mistake.
pub fn said(answer: &http::Answer) -> String {
    let body = String::from_utf8_lossy(&answer.body);
    let said: String = body.chars().filter(|c| !c.is_control()).take(200).collect();
    let colon = if said.is_empty() { "" } else { ": " };
    format!("{} answers {}{colon}{said}", answer.url.origin(), answer.status.as_u16())
}

/// What `Retry-After` asks for, in seconds; dates are not written by those who answer so.
pub fn asked_pause(answer: &http::Answer) -> Option<Duration> {
    let value = answer.headers.get(RETRY_AFTER)?.to_str().ok()?;
    value.trim().parse().ok().map(Duration::from_secs)
}

/// The answer of a provider that says JSON.
pub async fn asked(request: &http::Request, post: &Post<'_>) -> Result<serde_json::Value, Failure> {
    let answer = call(request, post).await?;
    judge(&answer)?;
    serde_json::from_slice(&answer.body)
        .map_err(|_| Failure::Page { why: format!("this is no JSON: {}", said(&answer)), after: None })
}
