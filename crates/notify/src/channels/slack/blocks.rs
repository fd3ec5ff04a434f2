//! What a message in Slack looks like. Pure.

use serde_json::{Value, json};
use vocabulary::state::State;

use crate::channels::{Letter, Post};
use crate::text::{self, Said, cut};

/// Slack's own bounds: of a header's text, of a section's text, and so many blocks.
const HEADER_MAX: usize = 150;
const SECTION_MAX: usize = 3_000;
const BLOCKS_MAX: usize = 50;

/// `text` is what telephones show, the rest is seen in the room. Many at once are a list.
pub fn message(letters: &[&Letter], post: &Post<'_>) -> Value {
    let all: Vec<(&Letter, Said)> =
        letters.iter().map(|letter| (*letter, text::said(letter, post.settings, post.now))).collect();
    match all.as_slice() {
        [(letter, said)] => json!({
            "text": escape(&said.headline),
            "attachments": [{"color": colour(letter), "blocks": one(said)}],
        }),
        many => json!({
            "text": format!("{} notices: {}", many.len(), escape(&many[0].1.headline)),
            "attachments": [{"color": colour(many[0].0), "blocks": list(many)}],
        }),
    }
}

fn one(said: &Said) -> Vec<Value> {
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
    blocks.push(section(&links(said)));
    blocks.extend(said.reach.iter().map(|reach| section(&format!("_{reach}_"))));
    blocks
}

fn list(many: &[(&Letter, Said)]) -> Vec<Value> {
    let line =
        |(_, said): &(&Letter, Said)| section(&format!("*{}*\n{}", escape(&said.headline), links(said)));
    let mut blocks: Vec<Value> = many.iter().take(BLOCKS_MAX - 1).map(line).collect();
    let more = many.len().saturating_sub(BLOCKS_MAX - 1);
    if more > 0 {
        blocks.push(section(&format!("and {more} more")));
    }
    blocks
}

fn links(said: &Said) -> String {
    let mut links: Vec<String> =
        said.acknowledge.iter().map(|link| format!("<{}|Acknowledge>", escape(link))).collect();
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
