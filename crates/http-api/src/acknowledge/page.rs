//! The page itself. One request: everything but the picture is in it.

use ::incidents::desk::Whole;
use ::incidents::incident::Key;
use ::incidents::learning::earlier::in_words;
use ::incidents::limits::STEPS_TOLD;
use ::incidents::page::{About, Message};
use ::incidents::playbooks::{Guide, Step, markdown};
use ::incidents::{Incident, KeptPage, Phase};
use state_store::StateError;
use vocabulary::ports::Scope;

use super::parts::{clock, escape, lasting, mark, short_clock};
use super::{Link, SCRIPT, graph, powerless};
use crate::accounts;
use crate::annotations::{self, Annotation, Query, TagSet};
use crate::answer::Problem;
use crate::services::Services;

const STYLE: &str = include_str!("page.css");

/// What was deployed or switched shortly before is what people ask about first.
const BEFORE_SECONDS: i64 = 3_600;
const MOST_CHANGES: usize = 5;
const MOST_BAD: usize = 6;
const MOST_CALLED: usize = 8;
/// Of what one instance says; all of it is a link away.
const LONGEST_TEXT: usize = 600;

/// What is said beside what the incident knows.
pub struct Surroundings {
    now: i64,
    /// Why whose link it is may not act.
    powerless: Option<&'static str>,
    usual: Option<String>,
    /// How it went the last time, and what helped.
    last_time: Option<String>,
    has_graph: bool,
    changes: Vec<Annotation>,
    guide: Guide,
}

impl Surroundings {
    pub fn of(services: &Services, link: &Link) -> Surroundings {
        let opened = link.whole.incident.opened.0;
        let query = Query {
            from: (opened - BEFORE_SECONDS) as f64,
            until: opened as f64,
            tags: None,
            set: TagSet::All,
        };
        // A page without them is better than none: the state database may be what is in trouble.
        let changes = seen_by(services, &link.contact, &query).unwrap_or_default();
        let newest = changes.len().saturating_sub(MOST_CHANGES);
        Surroundings {
            now: services.clock.now().0,
            powerless: powerless(services, &link.contact).unwrap_or_default(),
            usual: message(&link.whole, &link.scope)
                .and_then(|message| services.control.usual(message).words),
            last_time: last_time_of(services, link),
            has_graph: graph::drawn(services, &link.whole, &link.scope).is_some(),
            changes: changes.into_iter().skip(newest).collect(),
            guide: services.desk.guide_of(&link.whole.incident),
        }
    }
}

/// A link shows no more than its contact sees when they sign in; of whoever has left nobody knows any more what that was.
fn seen_by(services: &Services, contact: &str, query: &Query<'_>) -> Result<Vec<Annotation>, StateError> {
    if !services.desk.is_contact(contact) {
        return Ok(Vec::new());
    }
    let teams = &services.settings.load().teams;
    let scope = accounts::scope_of_contact(&services.state, teams, contact)?;
    Ok(annotations::seen(&scope, annotations::marks(&services.state, query)?))
}

/// Of the times before that had to do with what this contact sees.
fn last_time_of(services: &Services, link: &Link) -> Option<String> {
    let mut earlier = services.desk.earlier(link.whole.incident.id).ok()?;
    earlier.retain(|one| services.desk.is_in(&link.scope, one.incident.id).unwrap_or(false));
    in_words(&earlier)
}

/// What the newest page of a problem said, of those on what is in this scope.
pub fn message<'w>(whole: &'w Whole, scope: &Scope) -> Option<&'w Message> {
    let pages = || whole.pages.iter().rev().filter(|kept| is_in(scope, &kept.page.message));
    let problem = pages().find(|kept| kept.page.kind.is_problem());
    problem.or_else(|| pages().next()).map(|kept| &kept.page.message)
}

fn is_in(scope: &Scope, message: &Message) -> bool {
    let (monitor, instance) = (message.name.as_str().into(), message.instance.as_str().into());
    Key { host: message.about == About::Host, monitor, instance }.is_in(scope)
}

pub fn page(link: &Link, around: &Surroundings) -> String {
    let incident = &link.whole.incident;
    let body = [
        head(incident, around.now),
        value(link, around),
        standing(link, around),
        last_time(around),
        picture(link, around),
        bad(incident),
        playbook(&around.guide, !incident.is_closed()),
        changes(around),
        called(&link.whole.pages),
        format!("<p><a class=\"whole\" href=\"../incidents/{}\">All about it</a></p>", incident.id),
    ];
    document(&incident.title, &body.concat())
}

pub fn wrong(problem: &Problem) -> String {
    let hint = problem.hint.as_deref().map(|hint| format!("<p>{}</p>", escape(hint))).unwrap_or_default();
    document(
        "Not done",
        &format!(
            "<h1>Not done</h1><p>{}</p>{hint}<p><a class=\"whole\" href=\"\">Look how it stands</a></p>",
            escape(&problem.error)
        ),
    )
}

fn document(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, \
         initial-scale=1\"><meta name=\"color-scheme\" content=\"dark light\"><link rel=\"icon\" href=\"../icon.svg\"><title>{}</title><style>{STYLE}</style></head>\
         <body><main>{body}</main><p id=\"unsent\" role=\"status\"></p><script>{SCRIPT}</script></body></html>\n",
        escape(title)
    )
}

fn head(incident: &Incident, now: i64) -> String {
    let state = incident.detail.severity;
    let length = lasting(incident.closed.unwrap_or(vocabulary::Timestamp(now)).0 - incident.since());
    let length = if incident.is_closed() { format!("lasted {length}") } else { format!("for {length}") };
    format!(
        "<p class=\"state\">{} <strong>{state}</strong> {length} <span class=\"muted\">#{}</span></p><h1>{}</h1>",
        mark(state),
        incident.id,
        escape(&incident.title)
    )
}

fn value(link: &Link, around: &Surroundings) -> String {
    let worst = link.whole.incident.tellable().or_else(|| link.whole.incident.bad().next());
    let now = worst.and_then(|(_, trouble)| trouble.value).map(number);
    let rules = message(&link.whole, &link.scope).map(|message| {
        let rules = [("critical", &message.critical), ("warning", &message.warning)];
        let said =
            rules.into_iter().filter_map(|(word, rule)| Some(format!("{word} when {}", rule.as_ref()?)));
        said.collect::<Vec<_>>().join(", ")
    });
    let rules = rules.filter(|rules| !rules.is_empty());
    let is = match (now, rules) {
        (Some(now), Some(rules)) => format!("<p>Now <strong>{now}</strong>, {}.</p>", escape(&rules)),
        (Some(now), None) => format!("<p>Now <strong>{now}</strong>.</p>"),
        (None, Some(rules)) => format!("<p>It is {}.</p>", escape(&rules)),
        (None, None) => String::new(),
    };
    let usual = around.usual.as_deref().map(|usual| format!("<p>Normally {}.</p>", escape(usual)));
    let since = format!("<p class=\"muted\">Since {}</p>", clock(link.whole.incident.since()));
    format!("{is}{}{since}", usual.unwrap_or_default())
}

/// Who has it, or the buttons by which one takes it.
fn standing(link: &Link, around: &Surroundings) -> String {
    let now = around.now;
    let incident = &link.whole.incident;
    let detail = &incident.detail;
    let quiet = detail.snoozed_until.filter(|until| *until > now && !incident.is_closed());
    let quiet = quiet.map(|until| format!("<p>Quiet until {}.</p>", clock(until))).unwrap_or_default();
    match (incident.phase, &detail.acknowledged) {
        (Phase::Resolved, _) => {
            let at = clock(incident.closed.map_or(now, |at| at.0));
            format!("<p class=\"done\">It is over since {at}.</p>")
        }
        (Phase::Acknowledged, Some(by)) => {
            let has = format!("<p class=\"done\">✔ {} has it, since {}.</p>", escape(&by.by), clock(by.at));
            let more = around.powerless.map_or_else(other_ways, |why| only_shown(link, why));
            format!("{has}{quiet}{more}")
        }
        _ => around.powerless.map_or_else(
            || format!("{}{quiet}{}", taking(link), other_ways()),
            |why| format!("{}{quiet}", only_shown(link, why)),
        ),
    }
}

/// The large button.
fn taking(link: &Link) -> String {
    format!(
        "<form method=\"post\"><button class=\"take\" name=\"do\" value=\"acknowledge\">Acknowledge</button></form>\
         <p class=\"muted\">In the name of {}: others see at once that you have it.</p>",
        escape(&link.contact)
    )
}

/// In the place of the buttons.
fn only_shown(link: &Link, why: &str) -> String {
    let name = escape(&link.contact);
    format!(
        "<p class=\"muted\">{name} {why}: this link shows how it is, and does nothing. Sign in to act.</p>"
    )
}

fn other_ways() -> String {
    let lengths = [("15min", "15 min"), ("1h", "1 h"), ("4h", "4 h")];
    let options: String = lengths
        .iter()
        .map(|(value, said)| {
            format!("<button class=\"other\" name=\"for\" value=\"{value}\">{said}</button>")
        })
        .collect();
    format!(
        "<form method=\"post\" class=\"others\"><button class=\"other\" name=\"do\" value=\"escalate\">Call who comes next</button></form>\
         <form method=\"post\" class=\"others\"><input type=\"hidden\" name=\"do\" value=\"snooze\"><span>Snooze</span>{options}</form>"
    )
}

fn last_time(around: &Surroundings) -> String {
    let said = |last: &String| format!("<p>Last time: <strong>{}</strong></p>", escape(last));
    around.last_time.as_ref().map(said).unwrap_or_default()
}

fn picture(link: &Link, around: &Surroundings) -> String {
    if !around.has_graph {
        return String::new();
    }
    let place = format!("{}/graph.png?at={}", link.token, around.now);
    let about = escape(&format!("Graph of {} from half an hour before it began", link.whole.incident.title));
    let live = if link.whole.incident.is_closed() { "" } else { " class=\"live\"" };
    format!(
        "<picture{live}><source media=\"(prefers-color-scheme: dark)\" srcset=\"{place}&amp;dark=1\"><img src=\"{place}\" width=\"720\" \
         height=\"300\" alt=\"{about}\"></picture>"
    )
}

fn bad(incident: &Incident) -> String {
    let mut bad: Vec<_> = incident.bad().collect();
    bad.sort_by_key(|(_, trouble)| (std::cmp::Reverse(trouble.state.badness()), trouble.since));
    let line = |(key, trouble): &(&::incidents::incident::Key, &::incidents::Trouble)| {
        let text: String = trouble.text.chars().take(LONGEST_TEXT).collect();
        let text = escape(&text).replace('\n', "<br>");
        format!(
            "<li>{} <strong>{}</strong> {} {text}</li>",
            mark(trouble.state),
            trouble.state,
            escape(&key.to_string())
        )
    };
    let lines: String = bad.iter().take(MOST_BAD).map(line).collect();
    list("Bad now", &lines, bad.len().saturating_sub(MOST_BAD))
}

fn playbook(guide: &Guide, open: bool) -> String {
    let problem = guide.problem.as_deref().map(sentence).unwrap_or_default();
    if let Some(place) = guide.url.as_deref().map(escape) {
        return format!("<h2>What to do</h2><p><a href=\"{place}\" rel=\"noreferrer\">{place}</a></p>");
    }
    let title = if guide.title.is_empty() { String::new() } else { format!(": {}", escape(&guide.title)) };
    let (steps, more) = match guide.steps.len() {
        0 => {
            let (lines, more) = markdown::first_lines(&guide.text, STEPS_TOLD);
            (lines.iter().map(|line| format!("<p>{}</p>", escape(line))).collect(), more)
        }
        _ => steps(guide, open),
    };
    let more = if more { "<p class=\"muted\">There is more on the incident's page.</p>" } else { "" };
    format!("<h2>What to do{title}</h2>{problem}{steps}{more}")
}

fn sentence(problem: &str) -> String {
    let mut letters = problem.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("<p class=\"muted\">{}.</p>", escape(&format!("{first}{}", letters.as_str())))
}

/// What comes next, below what was done last.
fn steps(guide: &Guide, open: bool) -> (String, bool) {
    let all = guide.steps.iter().enumerate();
    let (done, left): (Vec<_>, Vec<_>) = all.partition(|(_, step)| step.ticked.is_some());
    let last = &done[done.len().saturating_sub(STEPS_TOLD)..];
    let next = &left[..left.len().min(STEPS_TOLD)];
    let mut shown = [last, next].concat();
    shown.sort_by_key(|(index, _)| *index);
    let more = shown.len() < guide.steps.len();
    let lines = shown.into_iter().map(|(index, one)| step(guide.version, index + 1, one, open));
    (format!("<ul>{}</ul>", lines.collect::<String>()), more)
}

fn step(version: i64, number: usize, step: &Step, open: bool) -> String {
    let (action, sign) = if step.ticked.is_some() { ("untick", "☑") } else { ("tick", "☐") };
    let who = step
        .ticked
        .as_ref()
        .map(|tick| format!(" <span class=\"muted\">{}, {}</span>", escape(&tick.by), short_clock(tick.at)));
    let text = format!("{}{}", escape(&step.text), who.unwrap_or_default());
    if !open {
        return format!("<li>{sign} {text}</li>");
    }
    format!(
        "<li><form method=\"post\"><input type=\"hidden\" name=\"do\" value=\"{action}\"><input type=\"hidden\" name=\"version\" \
         value=\"{version}\"><button class=\"step\" name=\"step\" value=\"{number}\" aria-pressed=\"{}\"><span aria-hidden=\"true\">{sign}</span> \
         <span>{text}</span></button></form></li>",
        step.ticked.is_some()
    )
}

fn changes(around: &Surroundings) -> String {
    let line = |change: &Annotation| {
        format!(
            "<li><span class=\"muted\">{}</span> {}</li>",
            short_clock(change.at as i64),
            escape(&change.what)
        )
    };
    let lines: String = around.changes.iter().map(line).collect();
    list("Changed in the hour before", &lines, 0)
}

/// Who else was called, and whether it got there.
fn called(pages: &[KeptPage]) -> String {
    let mut problems: Vec<&KeptPage> = pages.iter().filter(|kept| kept.page.kind.is_problem()).collect();
    problems.reverse();
    let line = |kept: &&KeptPage| {
        let (state, at) = match kept.state.as_str() {
            "delivered" => ("✔ delivered", kept.ended),
            "listed" => ("listed", kept.ended),
            "given_up" => ("not delivered", kept.ended),
            _ => ("on its way", None),
        };
        let at = short_clock(at.unwrap_or(kept.page.at.0));
        let (contact, channel) = (escape(&kept.page.contact), escape(&kept.page.channel));
        format!("<li><strong>{contact}</strong> by {channel}: {state} <span class=\"muted\">{at}</span></li>")
    };
    let lines: String = problems.iter().take(MOST_CALLED).map(line).collect();
    list("Who was called", &lines, problems.len().saturating_sub(MOST_CALLED))
}

fn list(title: &str, lines: &str, more: usize) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let more = if more > 0 { format!("<p class=\"muted\">and {more} more</p>") } else { String::new() };
    format!("<h2>{title}</h2><ul>{lines}</ul>{more}")
}

fn number(value: f64) -> String {
    let short = format!("{value:.3}");
    short.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use ::incidents::playbooks::Tick;

    use super::*;

    #[test]
    fn steps_are_buttons_that_say_who_has_pressed_them() {
        let step = |text: &str, by: Option<&str>| Step {
            text: text.into(),
            ticked: by.map(|by| Tick { by: by.into(), at: 0 }),
        };
        let mut steps: Vec<Step> = (1..=9).map(|number| step(&format!("do <{number}>"), None)).collect();
        steps[1] = step("do <2>", Some("ana"));
        let guide = Guide { title: "Uploads".into(), version: 7, steps, ..Guide::default() };
        let html = playbook(&guide, true);
        assert!(html.starts_with("<h2>What to do: Uploads</h2><ul><li><form"), "{html}");
        assert_eq!(html.matches("<button").count(), 4, "what was done, and the next three: {html}");
        for wanted in [
            "do &lt;1&gt;",
            "value=\"untick\"",
            "value=\"7\"",
            "☑</span> <span>do &lt;2&gt; <span class=\"muted\">ana,",
            "There is more",
        ] {
            assert!(html.contains(wanted), "{wanted}: {html}");
        }
        assert!(!playbook(&guide, false).contains("<button"), "what is over is done");
    }

    #[test]
    fn what_is_no_list_is_told_by_its_first_lines() {
        let guide = |text: &str| Guide { text: text.into(), ..Guide::default() };
        assert_eq!(playbook(&guide("# x\n<b>"), true), "<h2>What to do</h2><p>&lt;b&gt;</p>");
        let problem = Guide { problem: Some("there is none".into()), ..Guide::default() };
        assert_eq!(playbook(&problem, true), "<h2>What to do</h2><p class=\"muted\">There is none.</p>");
        let place = Guide { url: Some("https://wiki/?a&b".into()), ..Guide::default() };
        assert!(playbook(&place, true).contains("href=\"https://wiki/?a&amp;b\""));
    }

    #[test]
    fn an_empty_page_leaves_room_in_its_thirty_kilobytes() {
        assert!(document("", "").len() < 12_000, "{} bytes", document("", "").len());
    }
}
