//! Headers and parts of a mail as bytes (RFC 5322, 2045, 2047).

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp as Instant;

/// A mail before it is known to whom it goes.
pub struct Mail {
    pub from: String,
    pub subject: String,
    pub date: i64,
    pub id: String,
    /// The first mail of the same incident.
    pub thread: Option<String>,
    pub incident: Option<i64>,
    /// Where the reader says that no more are wanted.
    pub unsubscribe: Option<String>,
    pub plain: String,
    pub html: String,
    /// PNG, shown within the part with colours.
    pub picture: Option<Vec<u8>>,
}

/// By what that part calls it.
pub const PICTURE: &str = "graph@bellwether";

/// Of a line of base64, as RFC 2045 has it.
const LINE: usize = 76;
/// Bytes of an encoded word: 75 characters with what stands around them.
const WORD: usize = 42;

impl Mail {
    /// `number`: which of the recipients of one mail this is; each has a message of its own.
    pub fn bytes(&self, to: &str, number: usize) -> Vec<u8> {
        let id = match number {
            0 => self.id.clone(),
            number => self.id.replacen('@', &format!(".{number}@"), 1),
        };
        let boundary = format!("=_bellwether_{}", self.id.replace(['@', '.'], "_"));
        let mut lines = vec![
            format!("From: Bellwether <{}>", self.from),
            format!("To: <{to}>"),
            format!("Subject: {}", encoded(&self.subject)),
            format!("Date: {}", date(self.date)),
            format!("Message-ID: <{id}>"),
        ];
        if let Some(first) = &self.thread {
            lines.push(format!("In-Reply-To: <{first}>"));
            lines.push(format!("References: <{first}>"));
        }
        lines.extend([
            "Auto-Submitted: auto-generated".to_owned(),
            "X-Auto-Response-Suppress: All".to_owned(),
            "MIME-Version: 1.0".to_owned(),
            format!("Content-Type: multipart/alternative;\r\n boundary=\"{boundary}\""),
        ]);
        lines.extend(self.incident.map(|incident| format!("X-Bellwether-Incident: {incident}")));
        if let Some(url) = &self.unsubscribe {
            // RFC 8058: mail programs show it as a button.
            lines.push(format!("List-Unsubscribe: <{url}>"));
            lines.push("List-Unsubscribe-Post: List-Unsubscribe=One-Click".to_owned());
        }
        lines.push(String::new());
        lines.extend(text_part(&boundary, "plain", &self.plain));
        match &self.picture {
            None => lines.extend(text_part(&boundary, "html", &self.html)),
            Some(picture) => lines.extend(self.with_picture(&boundary, picture)),
        }
        lines.push(format!("--{boundary}--"));
        lines.push(String::new());
        lines.join("\r\n").into_bytes()
    }

    /// RFC 2387: the part with colours, and what it shows.
    fn with_picture(&self, outer: &str, picture: &[u8]) -> Vec<String> {
        let inner = format!("{outer}_related");
        let mut lines = vec![
            format!("--{outer}"),
            format!("Content-Type: multipart/related; type=\"text/html\";\r\n boundary=\"{inner}\""),
            String::new(),
        ];
        lines.extend(text_part(&inner, "html", &self.html));
        let headers = [
            "Content-Type: image/png".to_owned(),
            format!("Content-ID: <{PICTURE}>"),
            "Content-Disposition: inline; filename=\"graph.png\"".to_owned(),
        ];
        lines.extend(part(&inner, &headers, picture));
        lines.push(format!("--{inner}--"));
        lines
    }
}

fn text_part(boundary: &str, kind: &str, text: &str) -> Vec<String> {
    // Lines end in CRLF within the text too.
    let text = text.replace("\r\n", "\n").replace('\n', "\r\n");
    part(boundary, &[format!("Content-Type: text/{kind}; charset=utf-8")], text.as_bytes())
}

fn part(boundary: &str, headers: &[String], content: &[u8]) -> Vec<String> {
    let mut lines = vec![format!("--{boundary}")];
    lines.extend_from_slice(headers);
    lines.push("Content-Transfer-Encoding: base64".to_owned());
    lines.push(String::new());
    lines.extend(base64_lines(content));
    lines
}

fn base64_lines(content: &[u8]) -> Vec<String> {
    let encoded = BASE64.encode(content);
    encoded.as_bytes().chunks(LINE).map(|line| String::from_utf8_lossy(line).into_owned()).collect()
}

/// What goes into one line of a header: as it is if it is plain, else as encoded words, each of whole characters.
fn encoded(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.is_ascii() && text.len() <= 200 && !text.contains("=?") {
        return text;
    }
    let mut words = vec![String::new()];
    for letter in text.chars() {
        if words.last().is_some_and(|word| word.len() + letter.len_utf8() > WORD) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.push(letter);
        }
    }
    let words: Vec<String> =
        words.iter().map(|word| format!("=?utf-8?B?{}?=", BASE64.encode(word))).collect();
    words.join("\r\n ")
}

fn date(at: i64) -> String {
    let instant = Instant::from_second(at).unwrap_or_default();
    instant.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_has_its_headers_and_both_parts() {
        let mail = Mail {
            from: "bell@example.org".into(),
            subject: "[Bellwether #3] monitor Größe\r\nBcc: all@example.org".into(),
            date: 1_774_746_000,
            id: "page-7.x@example.org".into(),
            thread: Some("page-5.x@example.org".into()),
            incident: Some(3),
            unsubscribe: None,
            plain: "one\ntwo".into(),
            html: "<p>one".into(),
            picture: None,
        };
        let bytes = String::from_utf8(mail.bytes("ana@example.org", 0)).unwrap();
        let (head, body) = bytes.split_once("\r\n\r\n").unwrap();
        assert!(!head.replace("\r\n", "").contains(['\r', '\n']), "every line ends as it should");
        assert!(!head.contains("\nBcc:"), "no header comes out of a name");
        for line in [
            "To: <ana@example.org>",
            "Date: Sun, 29 Mar 2026 01:00:00 +0000",
            "Message-ID: <page-7.x@example.org>",
            "In-Reply-To: <page-5.x@example.org>",
            "Auto-Submitted: auto-generated",
        ] {
            assert!(head.lines().any(|other| other == line), "{line}: {head}");
        }
        assert!(head.lines().all(|line| line.len() <= 78), "{head}");
        assert!(
            body.contains(&BASE64.encode("one\r\ntwo")) && body.contains(&BASE64.encode("<p>one")),
            "{body}"
        );
        let second = String::from_utf8(mail.bytes("bea@example.org", 1)).unwrap();
        assert!(second.contains("Message-ID: <page-7.x.1@example.org>"));
    }

    #[test]
    fn long_and_foreign_words_are_cut_between_letters() {
        assert_eq!(encoded("plain"), "plain");
        let words = encoded(&"ü".repeat(60));
        assert!(
            words.split("\r\n ").count() == 3 && words.split("\r\n ").all(|word| word.len() <= 75),
            "{words}"
        );
    }
}
