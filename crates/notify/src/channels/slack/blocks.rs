//! What a message in Slack looks like. Pure.

use incidents::What;
use incidents::page::PageKind;
use serde_json::{Value, json};
use vocabulary::state::State;

use super::envelope::BUTTONS;
use crate::channels::{Letter, Post};
use crate::text::{self, Said, cut};

/// Slack's own bounds: of a header's text, of a section's text, and so many blocks.
const HEADER_MAX: usize = 150;
const SECTION_MAX: usize = 3_000;
const BLOCKS_MAX: usize = 50;

/// `text` is what telephones show, the rest is seen in the room. Many at once are a list.
pub fn message(letters: &[&Letter], post: &Post<'_>, buttons: bool) -> Value {
    let all: Vec<(&Letter, Said)> =
        letters.iter().map(|letter| (*letter, text::said(letter, post.settings, post.now))).collect();
    match all.as_slice() {
        [(letter, said)] => json!({
            "text": escape(&said.headline),
            "attachments": [{"color": colour(letter), "blocks": one(letter, said, buttons)}],
        }),
        many => json!({
            "text": format!("{} notices: {}", many.len(), escape(&many[0].1.headline)),
            "attachments": [{"color": colour(many[0].0), "blocks": list(many, buttons)}],
        }),
    }
}

/// That something has happened, below the message that shows how it stands.
pub fn word(letter: &Letter, post: &Post<'_>) -> Value {
    let said = text::said(letter, post.settings, post.now);
    let mut lines = vec![format!("*{}*", escape(&said.headline))];
    let shown =
        said.facts.iter().filter(|(word, _)| matches!(*word, "Says" | "Value" | "Was bad" | "Sent this way"));
    lines.extend(shown.map(|(word, what)| format!("{word}: {}", escape(what))));
    json!({"text": cut(&lines.join("\n"), SECTION_MAX)})
}

fn one(letter: &Letter, said: &Said, buttons: bool) -> Vec<Value> {
    let mut blocks = vec![
        json!({"type": "header", "text": {"type": "plain_text", "text": cut(&said.headline, HEADER_MAX)}}),
    ];
    let facts: Vec<String> =
        said.facts.iter().map(|(word, what)| format!("*{word}:* {}", escape(what))).collect();
    blocks.push(section(&facts.join("\n")));
    if !said.output.is_empty() {
        blocks.push(section(&format!("```{}```", cut(&escape(&said.output), SECTION_MAX - 6))));
    }
    for (title, lines) in [("Bad now", &said.instances), ("Changed shortly before", &said.marks)] {
        if !lines.is_empty() {
            let lines: Vec<String> = lines.iter().map(|line| format!("• {}", escape(line))).collect();
            blocks.push(section(&format!("*{title}*\n{}", lines.join("\n"))));
        }
    }
    blocks.extend(said.playbook.iter().map(|text| section(&format!("*What to do*\n{}", escape(text)))));
    let pressed = if buttons { presses(letter) } else { Vec::new() };
    blocks.push(section(&links(said, !pressed.is_empty())));
    if !pressed.is_empty() {
        blocks.push(json!({"type": "actions", "elements": pressed}));
    }
    blocks.extend(said.reach.iter().map(|reach| section(&format!("_{reach}_"))));
    blocks
}

/// Below a problem that is open; of one that somebody has already, what is left to do with it.
fn presses(letter: &Letter) -> Vec<Value> {
    let page = &letter.waiting.page;
    let has = page.kind == PageKind::Acknowledgement;
    let Some(incident) = page.incident.filter(|_| page.kind.is_problem() || has) else { return Vec::new() };
    let left = BUTTONS.iter().filter(|(_, _, what)| !has || *what != What::Acknowledge);
    left.map(|(id, label, what)| button(id, label, *what, incident)).collect()
}

fn button(id: &str, label: &str, what: What, incident: i64) -> Value {
    let mut button = json!({"type": "button", "action_id": id, "value": incident.to_string(),
        "text": {"type": "plain_text", "text": label}});
    if what == What::Acknowledge {
        button["style"] = "primary".into();
    }
    button
}

fn list(many: &[(&Letter, Said)], buttons: bool) -> Vec<Value> {
    let line = |(letter, said): &(&Letter, Said)| {
        let press = presses(letter).into_iter().next().filter(|_| buttons);
        let mut line = section(&format!("*{}*\n{}", escape(&said.headline), links(said, press.is_some())));
        if let Some(press) = press {
            line["accessory"] = press;
        }
        line
    };
    let mut blocks: Vec<Value> = many.iter().take(BLOCKS_MAX - 1).map(line).collect();
    let more = many.len().saturating_sub(BLOCKS_MAX - 1);
    if more > 0 {
        blocks.push(section(&format!("and {more} more")));
    }
    blocks
}

/// Where a button acknowledges no link has to.
fn links(said: &Said, buttons: bool) -> String {
    let acknowledge = said.acknowledge.iter().filter(|_| !buttons);
    let mut links: Vec<String> = acknowledge.map(|link| format!("<{}|Acknowledge>", escape(link))).collect();
    links.push(format!("<{}|Look>", escape(&said.link)));
    links.join("  ·  ")
}

fn section(text: &str) -> Value {
    json!({"type": "section", "text": {"type": "mrkdwn", "text": cut(text, SECTION_MAX)}})
}

fn colour(letter: &Letter) -> &'static str {
    let page = &letter.waiting.page;
    match page.message.state {
        _ if page.kind.is_end() => "#2a8a3e",
        State::Critical | State::Down => "#c62828",
        State::Warning => "#e09f1f",
        State::Unknown | State::Unreachable => "#7a5cc2",
        State::Ok | State::Up => "#2a8a3e",
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
