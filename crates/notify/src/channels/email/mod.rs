//! Mail: one message for each recipient, those of one incident in one thread, a storm as one message.
//!
//! | file | holds |
//! |---|---|
//! | `mod.rs` | keys of the channel, what goes into which mail, how many a minute |
//! | [`message`] | headers and parts of a mail as bytes; pure |
//! | [`html`] | the part with colours |
//! | [`dialog`] | what is said to the mail server |

pub mod dialog;
pub mod html;
pub mod message;

use std::collections::BTreeMap;

use incidents::PageKind;
use outbound::Egress;

use super::pictures::Pictures;
use super::problems::Problems;
use super::{Channel, Entry, Letter, Post, Results, Sent, Work, deaf};
use crate::config::{ChannelConfig, ChannelType, MailTls, read_secret};
use crate::limits::{BUNDLE_FROM, MAIL_GIVE_UP_SECONDS, MAILS_A_MINUTE};
use crate::retry::Failure;
use crate::sender::Settings;
use crate::text;

pub const ENTRY: Entry = Entry {
    kind: ChannelType::Email,
    word: "email",
    keys: &[
        "server",
        "from",
        "to",
        "username",
        "password",
        "password_file",
        "tls",
        "mails_a_minute",
        "ca_file",
    ],
    problems,
    open: |config| Ok(Box::new(Email::open(config)?)),
    ear: deaf,
    give_up: MAIL_GIVE_UP_SECONDS,
    posted: None,
    pictures: Pictures::Within,
    follows: super::no,
    reaches: super::yes,
};

struct Email {
    server: dialog::Server,
    from: String,
    to: Vec<String>,
    mails_a_minute: u32,
    /// Mails of the minute that began then.
    minute: (i64, u32),
}

fn problems(channel: &ChannelConfig) -> Problems {
    let mut problems = Problems::new();
    match &channel.server {
        None => problems.push((
            "server",
            "a channel of type email needs a mail server, such as \"mail.example.org:587\"".into(),
        )),
        Some(server) => problems.extend(host_and_port(server, 25).err().map(|why| ("server", why))),
    }
    match &channel.from {
        None => {
            problems.push(("from", "a channel of type email needs the address that mail comes from".into()))
        }
        Some(from) => problems.extend(address_problem(from).map(|why| ("from", why))),
    }
    problems.extend(channel.to.iter().flatten().filter_map(|to| address_problem(to)).map(|why| ("to", why)));
    if channel.to.as_ref().is_some_and(Vec::is_empty) {
        problems.push((
            "to",
            "this names nobody: leave it out, and mail goes to the contacts' own addresses".into(),
        ));
    }
    if channel.password.is_some() && channel.password_file.is_some() {
        problems.push(("password_file", "`password` is set too; write one of them".into()));
    }
    let password = channel.password.is_some() || channel.password_file.is_some();
    if channel.username.is_some() != password {
        problems.push(("username", "a name and a password go together: write both, or neither".into()));
    }
    if password && channel.tls == Some(MailTls::None) {
        problems
            .push(("tls", "a password is sent encrypted only: write \"required\" or \"implicit\"".into()));
    }
    if channel.mails_a_minute == Some(0) {
        problems.push(("mails_a_minute", "write a number from 1".into()));
    }
    problems
}

/// Enough to keep a mistake out of the dialog with the server; whether there is such a mailbox it knows best.
pub fn address_problem(address: &str) -> Option<String> {
    let bad = |c: char| {
        c.is_control()
            || c.is_whitespace()
            || matches!(c, '<' | '>' | '(' | ')' | ',' | ';' | ':' | '"' | '\\')
    };
    let fine = address.rsplit_once('@').is_some_and(|(user, host)| {
        !user.is_empty()
            && !host.is_empty()
            && address.len() <= 254
            && !address.contains(bad)
            && address.is_ascii()
    });
    (!fine)
        .then(|| format!("`{}` is not a mail address: write it as name@example.org", address.escape_debug()))
}

fn host_and_port(server: &str, usual: u16) -> Result<(String, u16), String> {
    let wrong =
        || format!("`{server}` is not a mail server: write \"mail.example.org\" or \"mail.example.org:587\"");
    let (host, port) = match server.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            (host, port.parse().map_err(|_| wrong())?)
        }
        _ => (server, usual),
    };
    let host = host.trim_matches(['[', ']']);
    if host.is_empty() || host.contains(|c: char| c.is_whitespace() || c == '/') {
        return Err(wrong());
    }
    Ok((host.to_owned(), port))
}

/// About no trouble: a report, or news that somebody has asked for.
fn is_at_leisure(letter: &Letter) -> bool {
    letter.waiting.page.kind == PageKind::Letter
}

impl Channel for Email {
    fn send<'w>(&'w mut self, letters: &'w [Letter], post: &'w Post<'w>) -> Work<'w, Results> {
        Box::pin(self.round(letters, post.settings, post.egress, post.now))
    }
}

impl Email {
    fn open(config: &ChannelConfig) -> Result<Email, String> {
        let tls = config.tls.unwrap_or_default();
        let usual = if tls == MailTls::Implicit { 465 } else { 25 };
        let (host, port) = host_and_port(config.server.as_deref().unwrap_or_default(), usual)?;
        let password = read_secret(&config.password, &config.password_file)?;
        let from = config.from.clone().unwrap_or_default();
        let server = dialog::Server {
            host,
            port,
            tls,
            ca_file: config.ca_file.clone(),
            user: config.username.clone().zip(password),
        };
        let mails_a_minute = config.mails_a_minute.unwrap_or(MAILS_A_MINUTE);
        Ok(Email { server, from, to: config.to.clone().unwrap_or_default(), mails_a_minute, minute: (0, 0) })
    }

    async fn round(&mut self, letters: &[Letter], settings: &Settings, egress: &Egress, now: i64) -> Results {
        let mut results = Results::new();
        for (recipients, bundle) in self.bundles(letters, &mut results) {
            if !self.may_send(&bundle, now) {
                // They wait for the next minute, and may be one mail then.
                return results;
            }
            let sent = self.send_one(&recipients, &bundle, settings, egress, now).await;
            let stop = matches!(sent, Err(Failure::Channel { .. }));
            let sent = sent.map(|()| Sent::default());
            results.extend(bundle.iter().map(|letter| (letter.waiting.page.id, sent.clone())));
            if stop {
                return results;
            }
        }
        results
    }

    /// What goes into one mail: of a storm many pages, and never two of what somebody reads at leisure.
    fn bundles<'l>(
        &self,
        letters: &'l [Letter],
        results: &mut Results,
    ) -> Vec<(Vec<String>, Vec<&'l Letter>)> {
        let mut bundles = Vec::new();
        for (recipients, mut letters) in self.by_recipients(letters, results) {
            let at_leisure: Vec<&Letter> = letters.extract_if(.., |letter| is_at_leisure(letter)).collect();
            if letters.len() >= BUNDLE_FROM {
                bundles.push((recipients.clone(), std::mem::take(&mut letters)));
            }
            let alone = letters.into_iter().chain(at_leisure);
            bundles.extend(alone.map(|letter| (recipients.clone(), vec![letter])));
        }
        bundles.sort_by_key(|(_, bundle)| bundle.iter().all(|letter| is_at_leisure(letter)));
        bundles
    }

    /// Of a minute's mails those that are about no trouble leave half to those that are.
    fn may_send(&mut self, bundle: &[&Letter], now: i64) -> bool {
        if self.minute.0 != now / 60 {
            self.minute = (now / 60, 0);
        }
        let most = match bundle.iter().all(|letter| is_at_leisure(letter)) {
            true => self.mails_a_minute.div_ceil(2),
            false => self.mails_a_minute,
        };
        self.minute.1 < most
    }

    /// In the order in which they came.
    fn by_recipients<'l>(
        &self,
        letters: &'l [Letter],
        results: &mut Results,
    ) -> Vec<(Vec<String>, Vec<&'l Letter>)> {
        let mut order: Vec<(Vec<String>, Vec<&Letter>)> = Vec::new();
        let mut places: BTreeMap<Vec<String>, usize> = BTreeMap::new();
        for letter in letters {
            let page = &letter.waiting.page;
            let own = page.message.email.iter().filter(|address| address_problem(address).is_none());
            let own: Vec<String> = own.cloned().collect();
            // Who reads at leisure has asked for it at this address; of trouble the channel knows better.
            let own_first = is_at_leisure(letter) && page.message.email.is_some();
            let recipients = if own_first || self.to.is_empty() { own } else { self.to.clone() };
            if recipients.is_empty() {
                let why =
                    format!("contact {} has no mail address, and the channel has no `to`", page.contact);
                results.push((page.id, Err(Failure::Person { why })));
                continue;
            }
            let place = *places.entry(recipients.clone()).or_insert_with(|| {
                order.push((recipients, Vec::new()));
                order.len() - 1
            });
            order[place].1.push(letter);
        }
        order
    }

    async fn send_one(
        &mut self,
        recipients: &[String],
        bundle: &[&Letter],
        settings: &Settings,
        egress: &Egress,
        now: i64,
    ) -> Result<(), Failure> {
        self.minute.1 += 1;
        let mail = self.mail(bundle, settings, now);
        // One message for each: nobody sees the others, and one that is refused keeps it from nobody.
        let mut refused = None;
        for (index, recipient) in recipients.iter().enumerate() {
            match dialog::deliver(&self.server, &self.from, recipient, &mail.bytes(recipient, index), egress)
                .await
            {
                Ok(()) => {}
                Err(failure @ Failure::Channel { .. }) => return Err(failure),
                Err(failure) => refused = Some(failure),
            }
        }
        // With several addresses of a channel one that took it is enough.
        match refused {
            Some(failure) if recipients.len() == 1 => Err(failure.of_person(self.to.is_empty())),
            _ => Ok(()),
        }
    }

    fn mail(&self, bundle: &[&Letter], settings: &Settings, now: i64) -> message::Mail {
        let domain = self.from.rsplit('@').next().unwrap_or("localhost");
        let id = |page: i64| format!("page-{page}.{}@{domain}", settings.server_id);
        if let [letter] = bundle
            && is_at_leisure(letter)
        {
            let page = &letter.waiting.page;
            return message::Mail {
                from: self.from.clone(),
                subject: page.message.title.clone(),
                date: now,
                id: id(page.id),
                thread: None,
                incident: None,
                unsubscribe: page.message.unsubscribe.clone(),
                plain: page.message.text.clone(),
                html: html::letter(&page.message.text),
                picture: None,
            };
        }
        let said: Vec<text::Said> = bundle.iter().map(|letter| text::said(letter, settings, now)).collect();
        let plain: Vec<String> = said.iter().map(text::plain).collect();
        let page = &bundle[0].waiting.page;
        let (subject, thread) = match bundle.len() {
            1 => (text::subject(page), (bundle[0].first != page.id).then(|| id(bundle[0].first))),
            many => (format!("[Bellwether] {many} notices"), None),
        };
        // Of several it would not be said whose it is.
        let picture = bundle[0].picture.clone().filter(|_| bundle.len() == 1);
        let intro = (bundle.len() > 1)
            .then(|| said.iter().map(|said| format!("- {}\n", said.headline)).collect::<String>());
        message::Mail {
            from: self.from.clone(),
            subject,
            date: now,
            id: id(page.id),
            thread,
            incident: page.incident,
            unsubscribe: None,
            plain: intro
                .into_iter()
                .chain(plain)
                .collect::<Vec<_>>()
                .join(&format!("\n{}\n\n", "-".repeat(72))),
            html: html::page(&said, picture.as_ref().map(|_| message::PICTURE)),
            picture,
        }
    }
}
