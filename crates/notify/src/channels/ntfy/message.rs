//! A message of ntfy, and what its button wrote. Pure.

use serde_json::{Value, json};
use vocabulary::state::State;

use super::said as button;
use crate::channels::{Heard, Letter, Post};
use crate::limits::ROUND;
use crate::text::{self, Said, cut};

/// What is longer becomes a file that a telephone does not show.
const MESSAGE_MAX: usize = 3_500;
const TITLE_MAX: usize = 200;
/// Buttons that a message may have.
const BUTTONS_MAX: usize = 3;

pub fn of(letters: &[&Letter], topic: &str, reply: &str, post: &Post<'_>) -> Value {
    let all: Vec<Said> = letters.iter().map(|letter| text::said(letter, post.settings, post.now)).collect();
    let first = letters[0];
    let (title, body) = match all.as_slice() {
        [one] => (one.headline.clone(), text::short(one)),
        many => {
            let lines: Vec<&str> = many.iter().map(|said| said.headline.as_str()).collect();
            (format!("{} notices: {}", many.len(), many[0].headline), lines.join("\n"))
        }
    };
    let worst = letters.iter().map(|letter| priority(letter)).max().unwrap_or(3);
    json!({
        "topic": topic,
        "title": cut(&title, TITLE_MAX),
        "message": cut(&body, MESSAGE_MAX),
        "priority": worst,
        "tags": [if first.waiting.page.kind.is_end() { "white_check_mark" } else { "rotating_light" }],
        "click": all[0].link,
        "actions": buttons(letters, &all, reply),
    })
}

/// Of several incidents as many as there is room for: the first, and the list of the others.
fn buttons(letters: &[&Letter], all: &[Said], reply: &str) -> Vec<Value> {
    let tokens = letters.iter().zip(all).filter_map(|(letter, said)| Some((letter.token.as_ref()?, said)));
    let press = |(token, said): (&String, &Said)| {
        let label = if all.len() == 1 {
            "Acknowledge".to_owned()
        } else {
            format!("Ack {}", cut(&said.headline, 40))
        };
        json!({"action": "http", "label": label, "url": reply, "method": "POST", "body": token, "clear": true})
    };
    let mut buttons: Vec<Value> = tokens.take(BUTTONS_MAX - 1).map(press).collect();
    buttons.push(json!({"action": "view", "label": "Look", "url": all[0].link}));
    buttons
}

/// 5 rings through silence, 3 is as any message.
fn priority(letter: &Letter) -> u8 {
    let page = &letter.waiting.page;
    match (page.kind.is_problem(), page.message.state) {
        (true, State::Critical | State::Down) => 5,
        (true, _) => 4,
        (false, _) => 3,
    }
}

/// One line of JSON for each message; a line that is none is passed over, it is nobody's answer.
pub fn heard(body: &[u8]) -> Heard {
    let mut heard = Heard::default();
    let lines = body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    for line in lines {
        let Ok(line) = serde_json::from_slice::<Value>(line) else { continue };
        if line["event"] != "message" {
            continue;
        }
        heard.cursor = line["id"].as_str().map(str::to_owned).or(heard.cursor);
        let token = line["message"].as_str().unwrap_or_default().trim();
        if !token.is_empty() && heard.said.len() < ROUND {
            // Without a time it may be of any.
            heard.said.push(button(token, line["time"].as_i64().unwrap_or(0)));
        }
    }
    heard
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channels::Whose;

    #[test]
    fn lines_of_others_are_no_answers() {
        let lines = b"{\"id\":\"a\",\"event\":\"open\"}\n{\"id\":\"b\",\"time\":7,\"event\":\"message\",\"message\":\"T1\"}\nnonsense\n\n{\"id\":\"c\",\"event\":\"message\",\"message\":\" T2\\n\"}\n";
        let heard = heard(lines);
        assert_eq!(heard.cursor.as_deref(), Some("c"));
        let tokens: Vec<_> = heard.said.iter().map(|said| said.whose.clone()).collect();
        let token = |token: &str, at| Whose::Token { token: token.into(), at };
        assert_eq!(tokens, [token("T1", 7), token("T2", 0)]);
    }
}
