//! A call that says what is wrong; a key says that somebody has it. An answering machine presses none.

use incidents::PageKind;
use outbound::http;

use super::Account;
use crate::channels::post::Provider;
use crate::channels::{Letter, Post, Sent};
use crate::limits::KEY_SECONDS;
use crate::retry::Failure;
use crate::text::{self, cut};

/// People listen to two sentences.
const SAID_MAX: usize = 400;

pub struct Calls(pub(super) Account);

impl Calls {
    /// Whoever calls has to reach us: at an address that others reach, or both on this machine.
    fn hears_keys(&self, url_is_local: bool) -> bool {
        !url_is_local || self.0.place.is_of_this_machine()
    }
}

impl Provider for Calls {
    fn recipients(&self, letter: &Letter) -> Result<Vec<String>, Failure> {
        self.0.recipients(letter)
    }

    fn bundles(&self) -> bool {
        true
    }

    /// Nobody is called for good news.
    fn requests(
        &self,
        to: &str,
        letters: &[&Letter],
        post: &Post<'_>,
    ) -> Result<Vec<http::Request>, Failure> {
        let bad: Vec<&Letter> =
            letters.iter().filter(|letter| letter.waiting.page.kind.is_problem()).copied().collect();
        let code = letters.iter().find(|letter| letter.waiting.page.kind == PageKind::Code);
        let script = match (code, bad.is_empty()) {
            (Some(letter), _) => spoken(&letter.waiting.page.message.name),
            (None, true) => return Ok(Vec::new()),
            (None, false) => script(&bad, post, self.hears_keys(post.settings.url_is_local)),
        };
        let fields = [("To", to), ("From", &self.0.from), ("Twiml", &script)];
        let request = self.0.place.form(&self.0.path("Calls.json"), &fields)?;
        Ok(vec![self.0.signed(request)])
    }

    fn taken(&self, _answer: &http::Answer, _to: &str, _letters: &[&Letter], _post: &Post<'_>) -> Sent {
        Sent::default()
    }

    fn judge(&self, answer: &http::Answer) -> Result<(), Failure> {
        self.0.judge(answer)
    }
}

/// A code, digit by digit, so that it can be written down.
fn spoken(code: &str) -> String {
    let digits: Vec<String> = code.chars().map(String::from).collect();
    let words = escape(&format!("This is Bellwether. Your code is {}.", digits.join(", ")));
    format!("<Response><Say>{words}</Say><Pause length=\"2\"/><Say>{words}</Say></Response>")
}

/// A key acknowledges, if it comes back to us; else it is said how else.
fn script(bad: &[&Letter], post: &Post<'_>, hears_keys: bool) -> String {
    let said = text::said(bad[0], post.settings, post.now);
    let more = bad.len() - 1;
    let more = if more > 0 { format!(" And {more} more.") } else { String::new() };
    let words = escape(&cut(&format!("Bellwether. {}.{more}", said.headline), SAID_MAX));
    match said.acknowledge.filter(|_| hears_keys) {
        Some(link) => format!(
            "<Response><Gather numDigits=\"1\" timeout=\"{KEY_SECONDS}\" action=\"{}/keys\"><Say>{words} Press 1 if you have it.</Say><Pause length=\"2\"/>\
             <Say>{words} Press 1 if you have it.</Say></Gather><Say>Nobody has it yet.</Say></Response>",
            escape(&link)
        ),
        None => format!(
            "<Response><Say>{words}</Say><Pause length=\"2\"/><Say>{words} This call cannot be answered by a key: look at Bellwether.</Say></Response>"
        ),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_offered_where_it_comes_back() {
        let check = |provider: &str, url_is_local: bool, wanted: bool| {
            let config = toml::from_str(&format!("name = \"x\"\ntype = \"voice\"\n{provider}")).unwrap();
            let calls = Calls(super::super::read(&config, "voice").unwrap());
            assert_eq!(calls.hears_keys(url_is_local), wanted, "{provider:?} {url_is_local}");
        };
        let stand_in = "url = \"http://127.0.0.1:9000/twilio\"";
        check("", false, true);
        check("", true, false);
        check("url = \"https://twilio.example\"", true, false);
        check(stand_in, true, true);
        check(stand_in, false, true);
    }
}
