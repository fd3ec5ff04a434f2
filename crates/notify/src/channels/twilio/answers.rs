//! What a text says, and what the texts say that come back. Pure.

use incidents::{Handle, What};
use serde_json::Value;

use crate::channels::{Heard, Letter, Said, Whose};
use crate::limits::CLOCKS_DIFFER_SECONDS;
use crate::text;

/// What matters first: the rest may be cut.
pub fn one(letter: &Letter, said: &text::Said) -> String {
    let page = &letter.waiting.page;
    let mut out = said.headline.clone();
    if let (Some(incident), true) = (page.incident, page.kind.is_problem()) {
        out += &format!("\nReply {incident} to say that you have it.");
    }
    let link = said.acknowledge.as_ref().filter(|_| said.reach.is_none());
    out += &link.map(|link| format!("\n{link}")).unwrap_or_default();
    let facts =
        said.facts.iter().filter(|(word, _)| matches!(*word, "Since" | "Value" | "Normally" | "Was bad"));
    facts.for_each(|(word, what)| out += &format!("\n{word}: {what}"));
    let changed = letter.marks.last().map(|mark| ("Changed", &mark.what));
    let to_do = page.message.playbook.as_ref().map(|playbook| ("Do", playbook));
    changed.into_iter().chain(to_do).for_each(|(word, what)| out += &format!("\n{word}: {what}"));
    if !said.output.is_empty() {
        out += &format!("\n{}", said.output);
    }
    out
}

/// The newest first, as Twilio lists them; the cursor is the newest that was read.
pub fn heard(answer: &Value, open: &[Handle], cursor: &str) -> Heard {
    let all = answer["messages"].as_array().into_iter().flatten();
    let new = all.take_while(|message| message["sid"].as_str() != Some(cursor));
    let mut new: Vec<&Value> = new.filter(|message| message["direction"] == "inbound").collect();
    let newest = new.first().and_then(|message| message["sid"].as_str());
    let cursor = newest.map(str::to_owned);
    new.reverse();
    Heard { said: new.into_iter().filter_map(|message| said(message, open)).collect(), cursor, is_all: false }
}

fn said(message: &Value, open: &[Handle]) -> Option<Said> {
    let from = message["from"].as_str()?;
    let body = message["body"].as_str()?.trim();
    let at = message["date_created"].as_str().and_then(moment)?;
    let told = |one: &&Handle| one.handle == from && at >= one.at - CLOCKS_DIFFER_SECONDS;
    let number: Option<i64> =
        body.split(|letter: char| !letter.is_ascii_digit()).find_map(|word| word.parse().ok());
    let meant = match number {
        Some(number) => open.iter().filter(told).find(|one| one.incident == number)?,
        // Without a number it is the newest, if it is a yes at all.
        None if is_yes(body) => open.iter().filter(told).find(|one| !one.acknowledged)?,
        None => return None,
    };
    Some(Said {
        whose: Whose::Page(meant.page),
        what: What::Acknowledge,
        how: format!("by a text from {}", hidden(from)),
    })
}

fn is_yes(body: &str) -> bool {
    let word = body.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
    matches!(
        word.trim_matches(|letter: char| !letter.is_ascii_alphabetic()),
        "ack" | "ok" | "yes" | "y" | "ja"
    )
}

/// The last digits say enough in a timeline that others read.
fn hidden(number: &str) -> String {
    format!("…{}", &number[number.len().saturating_sub(4)..])
}

fn moment(text: &str) -> Option<i64> {
    jiff::fmt::rfc2822::parse(text).ok().map(|at| at.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_acknowledges_what_it_names() {
        let page = |page, incident| Handle {
            page,
            incident,
            contact: "ana".into(),
            handle: "+491701234567".into(),
            at: 1_700_000_000,
            made: 1_700_000_000,
            acknowledged: false,
        };
        let open = [page(9, 4), page(8, 3)];
        let text = |sid: &str, from: &str, body: &str, date: &str| json!({"sid": sid, "from": from, "body": body, "direction": "inbound", "date_created": date});
        let check = |message: Value, cursor: &str, wanted: Option<i64>| {
            let heard = heard(&json!({"messages": [message]}), &open, cursor);
            let pages: Vec<_> = heard.said.iter().map(|said| said.whose.clone()).collect();
            assert_eq!(pages, wanted.map(Whose::Page).into_iter().collect::<Vec<_>>(), "{message}");
        };
        let (ana, then) = ("+491701234567", "Tue, 14 Nov 2023 22:14:00 +0000");
        check(text("S1", ana, "3", then), "", Some(8));
        check(text("S1", ana, "I have 3, thanks", then), "", Some(8));
        check(text("S1", ana, "OK!", then), "", Some(9));
        check(text("S1", ana, "what?", then), "", None);
        check(text("S1", ana, "7", then), "", None);
        check(text("S1", "+491701234568", "3", then), "", None);
        check(text("S1", ana, "3", "Tue, 14 Nov 2023 22:12:00 +0000"), "", None);
        check(text("S1", ana, "3", then), "S1", None);
        assert_eq!(hidden("+491701234567"), "…4567");
    }
}
