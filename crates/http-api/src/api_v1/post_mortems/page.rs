//! A post-mortem as a page for others: plain, without scripts, without names.

use std::collections::BTreeSet;

use incidents::learning::PostMortem;
use incidents::learning::redaction::{Known, redacted};
use jiff::Timestamp;

use crate::plain_page::{self, escape};

/// The page, and what was taken out of it.
pub fn of(post_mortem: &PostMortem, known: &Known) -> (String, BTreeSet<String>) {
    let mut removed = BTreeSet::new();
    let mut clean = |text: &str| {
        let (text, taken) = redacted(text, known);
        removed.extend(taken);
        text
    };
    let text = &post_mortem.text;
    let title = clean(&text.title);
    let mut parts = vec![format!("<h1>{}</h1><p>{}</p>", escape(&title), times(post_mortem))];
    for (heading, text) in [
        ("We are sorry", &text.regret),
        ("Why it happened", &text.reason),
        ("What we do about it", &text.remedy),
    ] {
        if !text.trim().is_empty() {
            parts.push(format!("<h2>{heading}</h2>{}", paragraphs(&clean(text))));
        }
    }
    let shown: Vec<String> = text
        .timeline
        .iter()
        .filter(|line| !line.hidden)
        .map(|line| {
            let (role, words) = (escape(&clean(&line.role)), escape(&clean(&line.words)));
            let role = if role.is_empty() { role } else { format!("{role}: ") };
            format!("<tr><td>{}</td><td>{role}{}</td></tr>", moment(line.at), words.replace('\n', "<br>"))
        })
        .collect();
    if !shown.is_empty() {
        parts.push(format!("<h2>How it went</h2><table>{}</table>", shown.concat()));
    }
    let follow_ups = post_mortem.follow_ups.iter().map(|one| {
        let standing =
            if one.done.is_some() { "done".to_owned() } else { format!("by {}", escape(&one.new.due)) };
        format!("<li>{} ({standing})</li>", escape(&clean(&one.new.what)))
    });
    let follow_ups: String = follow_ups.collect();
    if !follow_ups.is_empty() {
        parts.push(format!("<h2>What is to be done</h2><ul>{follow_ups}</ul>"));
    }
    (plain_page::page(&title, &parts.concat()), removed)
}

fn times(post_mortem: &PostMortem) -> String {
    let about = &post_mortem.about;
    let minutes = |seconds: i64| match (seconds + 59) / 60 {
        1 => "1 minute".to_owned(),
        minutes => format!("{minutes} minutes"),
    };
    match about.ended {
        Some(ended) => {
            format!("From {} to {}: {}.", moment(about.began), moment(ended), minutes(ended - about.began))
        }
        None => format!("Since {}.", moment(about.began)),
    }
}

/// For readers anywhere.
fn moment(at: i64) -> String {
    Timestamp::from_second(at).unwrap_or_default().strftime("%Y-%m-%d %H:%M UTC").to_string()
}

fn paragraphs(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let paragraphs = text.split("\n\n").map(str::trim).filter(|paragraph| !paragraph.is_empty());
    paragraphs.map(|paragraph| format!("<p>{}</p>", escape(paragraph).replace('\n', "<br>"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use incidents::learning::{About, FollowUp, Line, NewFollowUp, Text};

    #[test]
    fn a_page_has_what_is_shown_without_names_and_without_their_markup() {
        let line = |words: &str, hidden| Line { at: 60, role: "ana".into(), words: words.into(), hidden };
        let text = Text {
            title: "Orders <lost>".into(),
            regret: "Sorry.\n\nIt was ana's db1\nand more.".into(),
            timeline: vec![line("saw it & acted", false), line("secret", true)],
            ..Text::default()
        };
        let new = NewFollowUp {
            what: "an index".into(),
            owner: "ben".into(),
            due: "2026-12-01".into(),
            ..NewFollowUp::default()
        };
        let post_mortem = PostMortem {
            id: 1,
            about: About {
                incident: 1,
                reason: "monitor:x".into(),
                title: "x".into(),
                began: 0,
                opened: 30,
                ended: Some(601),
            },
            text,
            version: 1,
            created: 0,
            changed: 0,
            author: "ana".into(),
            published: None,
            follow_ups: vec![FollowUp { id: 1, post_mortem: 1, new, done: None, proof: None }],
        };
        let known = Known {
            people: [("ana".to_owned(), "responder 1".to_owned())].into(),
            internals: ["db1".to_owned()].into(),
            ..Known::default()
        };
        let (page, removed) = of(&post_mortem, &known);
        for wanted in [
            "<h1>Orders &lt;lost&gt;</h1>",
            "From 1970-01-01 00:00 UTC to 1970-01-01 00:10 UTC: 11 minutes.",
            "<p>Sorry.</p><p>It was responder 1's [internal]<br>and more.</p>",
            "<td>1970-01-01 00:01 UTC</td><td>responder 1: saw it &amp; acted</td>",
            "<li>an index (by 2026-12-01)</li>",
        ] {
            assert!(page.contains(wanted), "{wanted}\n{page}");
        }
        for never in ["ana", "ben", "db1", "secret", "<script"] {
            assert!(!page.contains(never), "{never}\n{page}");
        }
        assert_eq!(removed, ["ana".to_owned(), "db1".to_owned()].into());
        let short = About { ended: Some(31), ..post_mortem.about.clone() };
        let (page, _) = of(&PostMortem { about: short, ..post_mortem }, &known);
        assert!(page.contains("1970-01-01 00:00 UTC: 1 minute."), "{page}");
    }
}
