//! What a page says, in words: what, how bad, since when, value against threshold, what changed, what to do.

use incidents::Page;
use incidents::page::{About, Message, PageKind};
use jiff::Timestamp as Instant;
use jiff::tz::TimeZone;
use vocabulary::time::spell;

use crate::channels::Letter;
use crate::readable::readable;
use crate::sender::Settings;

/// Of what a mail or another page is made.
pub struct Said {
    /// The state first, for previews and small screens.
    pub headline: String,
    /// (word, what) in the order in which they are read.
    pub facts: Vec<(&'static str, String)>,
    pub output: String,
    pub instances: Vec<String>,
    /// Of a problem never empty: that nothing is known to have changed is news too.
    pub marks: Vec<String>,
    pub playbook: Option<String>,
    pub link: String,
    pub acknowledge: Option<String>,
    /// Whom the links help, if not everybody.
    pub reach: Option<&'static str>,
}

const NO_MARKS: &str = "nothing that we were told of: no deploy, flip or other event in the hour before";
const NO_PLAYBOOK: &str = "nobody has written it down yet: give it a `playbook`";
const LOCAL: &str =
    "these addresses work on the server itself only: set http.public_url to one that you can reach";

pub fn said(letter: &Letter, settings: &Settings, now: i64) -> Said {
    let page = &letter.waiting.page;
    let message = &page.message;
    let clock = |at: i64| time(at, &settings.zone);
    if page.kind == PageKind::Code {
        return of_code(page, settings);
    }
    let mut facts = match page.kind {
        PageKind::OnCall => vec![("What", message.title.clone())],
        _ => vec![("What", format!("{} {}", message.about.word(), message.title))],
    };
    if let Some(description) = &message.description {
        facts.push(("About", description.clone()));
    }
    // Nothing is wrong with what is only talked of.
    let is_talk = page.kind == PageKind::OnCall
        || (page.kind == PageKind::Mention && page.incident.is_none() && !message.state.is_problem());
    if !is_talk {
        facts.push(("State", message.state.to_string()));
    }
    match message.until {
        _ if is_talk => {}
        Some(until) => {
            let lasted = spell(until - message.since);
            facts.push(("Was bad", format!("from {} to {} ({lasted})", clock(message.since), clock(until))));
        }
        None => facts.push(("Since", format!("{} ({})", clock(message.since), spell(now - message.since)))),
    }
    facts.extend(value(message).map(|value| ("Value", value)));
    facts.extend(letter.usual.clone().map(|usual| ("Normally", usual)));
    facts.extend(letter.last_time.clone().map(|last| ("Last time", last)));
    if !message.author.is_empty() || !message.comment.is_empty() {
        let colon = if message.author.is_empty() || message.comment.is_empty() { "" } else { ": " };
        facts.push(("Says", format!("{}{colon}{}", message.author, message.comment)));
    }
    facts.extend(
        message.instead_of.as_ref().map(|why| ("Sent this way", format!("since it did not reach {why}"))),
    );
    let more = message.bad.saturating_sub(message.instances.len());
    let named = message.instances.iter().map(|named| {
        let colon = if named.text.is_empty() { "" } else { ": " };
        format!("{} {}{colon}{}", named.state, named.instance, named.text)
    });
    let more = (more > 0 && !message.instances.is_empty()).then(|| format!("and {more} more"));
    let mut marks: Vec<String> =
        letter.marks.iter().map(|mark| format!("{} {}", clock(mark.at), mark.what)).collect();
    let mut playbook = message.playbook.clone();
    if page.kind.is_problem() {
        if marks.is_empty() {
            marks.push(NO_MARKS.into());
        }
        playbook.get_or_insert_with(|| NO_PLAYBOOK.into());
    }
    let base = settings.url.trim_end_matches('/');
    Said {
        headline: headline(page),
        facts,
        output: message.text.clone(),
        instances: named.chain(more).collect(),
        marks,
        playbook,
        link: link(page, base),
        acknowledge: letter.token.as_ref().map(|token| format!("{base}/a/{token}")),
        reach: settings.url_is_local.then_some(LOCAL),
    }
}

/// A code says itself, and nothing else that could be mistaken for it.
fn of_code(page: &Page, settings: &Settings) -> Said {
    Said {
        headline: headline(page),
        facts: Vec::new(),
        output: page.message.text.clone(),
        instances: Vec::new(),
        marks: Vec::new(),
        playbook: None,
        link: settings.url.trim_end_matches('/').to_owned(),
        acknowledge: None,
        reach: None,
    }
}

/// `CRITICAL: api-latency (3 instances)`
pub fn headline(page: &Page) -> String {
    let message = &page.message;
    let count = if message.bad > 1 { format!(" ({} instances)", message.bad) } else { String::new() };
    let what = match page.kind {
        PageKind::Problem => message.state.to_string(),
        PageKind::Worse => format!("worse, {}", message.state),
        PageKind::Still => format!("still {}", message.state),
        PageKind::HandedOver => format!("yours now, {}", message.state),
        PageKind::Mention => format!("{} mentions you", message.author),
        PageKind::Joined => format!("more of what you have, {}", message.state),
        PageKind::Recovery => format!("over, {}", message.state),
        PageKind::Resolved => "resolved".to_owned(),
        PageKind::Acknowledgement => format!("acknowledged, {}", message.state),
        PageKind::FlappingStart => "begins to flap".to_owned(),
        PageKind::FlappingStop => format!("flaps no more, {}", message.state),
        PageKind::DowntimeStart => "downtime begins".to_owned(),
        PageKind::DowntimeEnd => format!("downtime is over, {}", message.state),
        PageKind::DowntimeCancelled => format!("downtime cancelled, {}", message.state),
        PageKind::OnCall => "on call".to_owned(),
        PageKind::Custom => format!("a word on it, {}", message.state),
        PageKind::Letter | PageKind::Code => return message.title.clone(),
    };
    format!("{what}: {}{count}", message.title)
}

/// The same for all pages of an incident, so that mail programs keep them together.
pub fn subject(page: &Page) -> String {
    if page.kind == PageKind::Code {
        return format!("[Bellwether] {}", page.message.title);
    }
    let number = page.incident.map(|incident| format!(" #{incident}")).unwrap_or_default();
    let message = &page.message;
    // What people declare is known by their words, and keeps them until it ends.
    let name = if message.about == About::Declared { &message.title } else { &message.name };
    format!("[Bellwether{number}] {} {}", message.about.word(), readable(name))
}

fn value(message: &Message) -> Option<String> {
    let rules: Vec<String> = [("critical", &message.critical), ("warning", &message.warning)]
        .into_iter()
        .filter_map(|(word, rule)| rule.as_ref().map(|rule| format!("{word} when {rule}")))
        .collect();
    let rules = rules.join(", ");
    match (message.value, rules.is_empty()) {
        (Some(value), true) => Some(number(value)),
        (Some(value), false) => Some(format!("{} ({rules})", number(value))),
        (None, false) => Some(rules),
        (None, true) => None,
    }
}

pub fn number(value: f64) -> String {
    let short = format!("{value:.6}");
    if short.contains('.') { short.trim_end_matches('0').trim_end_matches('.').to_owned() } else { short }
}

/// The page of the incident, else of what it is about.
fn link(page: &Page, base: &str) -> String {
    let name = encode(&page.message.name);
    match (page.incident, page.message.about) {
        (Some(incident), _) => format!("{base}/incidents/{incident}"),
        (None, About::Host) => format!("{base}/hosts/{name}"),
        (None, About::Comment) => match page.message.name.strip_prefix("group:") {
            Some(group) => format!("{base}/errors/{}", encode(group)),
            None => format!("{base}/"),
        },
        (None, About::Schedule) => format!("{base}/oncall"),
        (None, About::Check) => format!("{base}/checks/{name}"),
        (None, _) => format!("{base}/monitors/{name}"),
    }
}

pub fn encode(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    text.bytes()
        .map(|byte| if plain(byte) { (byte as char).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

pub fn time(at: i64, zone: &TimeZone) -> String {
    let Ok(instant) = Instant::from_second(at) else { return at.to_string() };
    instant.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
}

/// `2026-03-29T01:00:00Z`, for providers.
pub fn utc(at: i64) -> String {
    Instant::from_second(at).unwrap_or_default().to_string()
}

/// The seconds of a moment as providers write it.
pub fn moment(text: &str) -> Option<i64> {
    text.parse::<Instant>().ok().map(Instant::as_second)
}

/// Up to so many bytes, with a sign that there was more.
pub fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    const MORE: char = '…';
    let mut end = most.saturating_sub(MORE.len_utf8());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{MORE}", &text[..end])
}

/// By what providers know all pages of one incident: the same from the first word to the last, and other than that of
/// any other Bellwether.
pub fn dedup_key(page: &Page, server_id: &str) -> String {
    match page.incident {
        Some(incident) => format!("bellwether-incident-{incident}-{server_id}"),
        None => {
            let named = format!("{}/{}/{server_id}", page.message.about.word(), page.message.name);
            let digest = ring::digest::digest(&ring::digest::SHA256, named.as_bytes());
            let hex: String = digest.as_ref()[..16].iter().map(|byte| format!("{byte:02x}")).collect();
            format!("bellwether-{hex}")
        }
    }
}

impl Said {
    /// The playbook, if it is an address.
    pub fn playbook_link(&self) -> Option<&str> {
        let text = self.playbook.as_deref()?.trim();
        let is_link = text.starts_with("https://") || text.starts_with("http://");
        (is_link && !text.contains(char::is_whitespace)).then_some(text)
    }
}

/// For small screens: the facts, what was said, what changed and what to do, without the links.
pub fn short(said: &Said) -> String {
    let mut out: String = said.facts.iter().map(|(word, what)| format!("{word}: {what}\n")).collect();
    let marks = said.marks.join("; ");
    let instances = said.instances.join("; ");
    let playbook = said.playbook.clone().unwrap_or_default();
    for (word, text) in
        [("It says", &said.output), ("Bad now", &instances), ("Changed", &marks), ("What to do", &playbook)]
    {
        if !text.is_empty() {
            out += &format!("{word}: {text}\n");
        }
    }
    out.truncate(out.trim_end().len());
    out
}

/// As plain text.
pub fn plain(said: &Said) -> String {
    let mut out = format!("{}\n\n", said.headline);
    for (word, what) in &said.facts {
        out += &format!("{:<12}{what}\n", format!("{word}:"));
    }
    let mut list = |title: &str, lines: &[String]| {
        if !lines.is_empty() {
            out += &format!("\n{title}\n");
            lines.iter().for_each(|line| out += &format!("  {line}\n"));
        }
    };
    let output: Vec<String> = said.output.lines().map(str::to_owned).collect();
    list("It says", &output);
    list("Bad now", &said.instances);
    list("Changed shortly before", &said.marks);
    if let Some(playbook) = &said.playbook {
        list("What to do", &playbook.lines().map(str::to_owned).collect::<Vec<_>>());
    }
    list("Acknowledge", said.acknowledge.as_slice());
    list("Look", std::slice::from_ref(&said.link));
    if let Some(reach) = said.reach {
        out += &format!("\n({reach})\n");
    }
    out
}
