//! The form, what is read of it, and the answers: for people in a hurry, on any telephone, without scripts.

use std::borrow::Cow;

use crate::accounts;
use crate::plain_page::{escape, page};

/// Fields of a form of ours, with what encoding adds.
const MAX_FORM_BYTES: usize = 32 << 10;
const MAX_WHAT: usize = 4_000;
const MAX_LINE: usize = 200;

/// What somebody in trouble says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub what: String,
    pub who: String,
    pub reach: String,
    /// Each form that was shown has its own.
    pub nonce: String,
}

/// What could not be taken, with what was written so that it is not lost.
#[derive(Debug, PartialEq, Eq)]
pub struct Wrong {
    why: &'static str,
    written: Report,
}

impl Report {
    pub fn read(form: &[u8]) -> Result<Report, Wrong> {
        if form.len() > MAX_FORM_BYTES {
            let why = "This is longer than we can take. Say in short what does not work.";
            return Err(Wrong { why, written: Report::default() });
        }
        let fields: Vec<(Cow<'_, str>, Cow<'_, str>)> = form_urlencoded::parse(form).collect();
        let field = |name: &str| {
            let value = fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.replace('\r', ""));
            value.unwrap_or_default().trim().to_owned()
        };
        let mut report =
            Report { what: field("what"), who: field("who"), reach: field("reach"), nonce: field("form") };
        let is_nonce = |text: &str| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_nonce(&report.nonce) {
            // A program that has seen no form: each of its calls is one of its own.
            report.nonce = accounts::random_secret().unwrap_or_default();
        }
        match report.wrong() {
            Some(why) => Err(Wrong { why, written: report }),
            None => Ok(report),
        }
    }

    fn wrong(&self) -> Option<&'static str> {
        let is_line = |text: &str| text.len() <= MAX_LINE && !text.chars().any(char::is_control);
        let is_text = |text: &str| !text.chars().any(|c| c.is_control() && c != '\n' && c != '\t');
        if self.what.is_empty() {
            return Some("Please say what does not work: one sentence is enough.");
        }
        if self.what.len() > MAX_WHAT || !is_text(&self.what) {
            return Some("What does not work is too long, or not plain text: 4,000 characters at most.");
        }
        if !is_line(&self.who) || !is_line(&self.reach) {
            return Some("Who you are, and how you are reached, are one short line each.");
        }
        None
    }

    pub fn headline(&self) -> &str {
        self.what.lines().next().unwrap_or_default()
    }

    /// All of it, for whoever is called.
    pub fn words(&self) -> String {
        let line = |word: &str, text: &str| match text {
            "" => String::new(),
            text => format!("\n{word}: {text}"),
        };
        format!("{}{}{}", self.what, line("from", &self.who), line("reached by", &self.reach))
    }
}

pub fn empty(name: &str, nonce: &str) -> String {
    let report = Report { nonce: nonce.to_owned(), ..Report::default() };
    shown(name, "", &report)
}

pub fn again(name: &str, wrong: &Wrong) -> String {
    let why = format!("<p role=alert><strong>{}</strong></p>", escape(wrong.why));
    shown(name, &why, &wrong.written)
}

fn shown(name: &str, why: &str, report: &Report) -> String {
    let [what, who, reach, nonce] =
        [&report.what, &report.who, &report.reach, &report.nonce].map(|text| escape(text));
    let body = format!(
        "<h1>Call for help</h1><p>For {}. Sending this wakes the people on call, at any hour.</p>{why}<form method=post>\
         <input type=hidden name=form value=\"{nonce}\">\
         <p><label>What does not work?<br><textarea name=what rows=6 maxlength=4000 required>{what}</textarea></label></p>\
         <p><label>Who are you?<br><input name=who maxlength=200 autocomplete=name value=\"{who}\"></label></p>\
         <p><label>How do we reach you?<br><input name=reach maxlength=200 value=\"{reach}\"></label></p>\
         <p><button>Call the people on call</button></p></form>",
        escape(name)
    );
    page("Call for help", &body)
}

pub fn taken(number: i64, reached: bool) -> String {
    let words = match reached {
        true => "The people on call are being told now.",
        // Whoever is in trouble must not wait for nobody.
        false => {
            "<strong>It is written down, but nobody could be called from here: please call us as well.</strong>"
        }
    };
    let body = format!(
        "<h1>We have it: number {number}</h1><p>{words}</p><p>Name this number when you speak to us. If it becomes worse, or is \
         something else, <a href=\"\">call again</a>.</p>"
    );
    page(&format!("Number {number}"), &body)
}

pub fn too_many() -> String {
    let words = "<h1>Too many calls</h1><p>More calls came by this link or from your network than are taken in ten minutes. What \
                 was answered with a number is in work. For anything else please reach us in another way, or come back in ten minutes.</p>";
    page("Too many calls", words)
}

pub fn not_taken() -> String {
    let words = "<h1>This was not taken</h1><p><strong>Something here is out of order, and nobody was told of your call.</strong> \
                 Please reach us in another way, or send it again.</p>";
    page("Not taken", words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_is_read_or_shown_again() {
        let report = Report::read(b"what=No+orders%0D%0Asince+9&who=Bo&reach=%2B49+1").unwrap();
        assert_eq!(report.words(), "No orders\nsince 9\nfrom: Bo\nreached by: +49 1");
        assert_eq!((report.headline(), report.nonce.len()), ("No orders", 64));
        let nonce = "0a".repeat(32);
        assert_eq!(Report::read(format!("what=x&form={nonce}").as_bytes()).unwrap().nonce, nonce);

        let long = format!("what={}", "a".repeat(MAX_WHAT + 1));
        let huge = "a".repeat(MAX_FORM_BYTES + 1);
        let line = format!("what=x&who={}", "a".repeat(MAX_LINE + 1));
        for form in ["", "what=+", "who=Bo", "what=a%00", "what=x&reach=a%0Ab", &long, &huge, &line] {
            assert!(Report::read(form.as_bytes()).is_err(), "{form:.40}");
        }
        let wrong = Report::read(b"who=%3Cb%3E&reach=%22").unwrap_err();
        let page = again("a & b", &wrong);
        for wanted in ["a &amp; b", "role=alert", "value=\"&lt;b&gt;\"", "value=\"&quot;\""] {
            assert!(page.contains(wanted), "{wanted}\n{page}");
        }
    }
}
