//! The part of a mail with colours. Everything that others wrote is escaped; nothing is loaded from anywhere.

use crate::text::Said;

/// `picture`: by what the mail calls the graph that it carries.
pub fn page(all: &[Said], picture: Option<&str>) -> String {
    let parts: Vec<String> = all.iter().map(|said| one(said, picture)).collect();
    format!(
        "<!doctype html><html><body style=\"font-family:sans-serif;font-size:15px;color:#222\">{}</body></html>\n",
        parts.join("<hr>\n")
    )
}

/// A letter, as it was written.
pub fn letter(text: &str) -> String {
    format!(
        "<!doctype html><html><body><pre style=\"font-family:monospace;font-size:14px;color:#222;white-space:pre-wrap\">{}</pre></body></html>\n",
        escape(text)
    )
}

fn one(said: &Said, picture: Option<&str>) -> String {
    let mut out = format!("<h2 style=\"font-size:18px\">{}</h2>\n<table>\n", escape(&said.headline));
    for (word, what) in &said.facts {
        out += &format!(
            "<tr><td style=\"color:#666;padding-right:1em;vertical-align:top\">{word}</td><td>{}</td></tr>\n",
            escape(what)
        );
    }
    out += "</table>\n";
    if let Some(picture) = picture {
        out += &format!(
            "<p><img src=\"cid:{picture}\" alt=\"The graph\" width=\"720\" style=\"max-width:100%\"></p>\n"
        );
    }
    if !said.output.is_empty() {
        out += &format!("<pre style=\"background:#f4f4f4;padding:8px\">{}</pre>\n", escape(&said.output));
    }
    for (title, lines) in [("Bad now", &said.instances), ("Changed shortly before", &said.marks)] {
        if !lines.is_empty() {
            let items: String = lines.iter().map(|line| format!("<li>{}</li>", escape(line))).collect();
            out += &format!("<p>{title}</p><ul>{items}</ul>\n");
        }
    }
    if let Some(playbook) = &said.playbook {
        out += &format!("<p>What to do: {}</p>\n", linked(playbook));
    }
    if let Some(acknowledge) = &said.acknowledge {
        out += &format!("<p>{}</p>\n", anchor(acknowledge, "Acknowledge"));
    }
    out += &format!("<p>{}</p>\n", anchor(&said.link, "Look"));
    if let Some(reach) = said.reach {
        out += &format!("<p style=\"color:#666\">{}</p>\n", escape(reach));
    }
    out
}

/// A playbook is an address or a text.
fn linked(text: &str) -> String {
    match text.starts_with("https://") || text.starts_with("http://") {
        true if !text.contains(char::is_whitespace) => anchor(text, text),
        _ => escape(text).replace('\n', "<br>\n"),
    }
}

fn anchor(to: &str, text: &str) -> String {
    format!("<a href=\"{}\">{}</a>", escape(to), escape(text))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
