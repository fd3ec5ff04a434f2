//! Telephones by Twilio: a text that is answered by a text, a call that is answered by a key.

mod answers;
mod call;

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use incidents::Handle;
use outbound::{Secret as Password, Url, http};
use ring::hmac;

use super::asks::Asks;
use super::pictures::Pictures;
use super::post::{OneByOne, Place, Provider, asked, body_of, judge_own};
use super::problems::{self, Problems};
use super::{Entry, Heard, Letter, Post, Sent, deaf};
use crate::config::{ChannelConfig, ChannelType, Secret, read_secret};
use crate::limits::{CALL_GIVE_UP_SECONDS, RECEIPTS_EVERY};
use crate::retry::Failure;
use crate::text::{self, cut};

const KEYS: &[&str] = &["account", "token", "token_file", "from", "to", "url", "ca_file"];

pub const SMS: Entry = Entry {
    kind: ChannelType::Sms,
    word: "sms",
    keys: KEYS,
    problems,
    open: |config| read(config, "sms").map(|account| OneByOne::boxed(Texts(account))),
    ear: |config| Ok(Some(Box::new(Texts(read(config, "sms")?)))),
    give_up: CALL_GIVE_UP_SECONDS,
    posted: None,
    pictures: Pictures::None,
    follows: super::no,
    reaches: super::yes,
};

pub const VOICE: Entry = Entry {
    kind: ChannelType::Voice,
    word: "voice",
    keys: KEYS,
    problems,
    open: |config| read(config, "voice").map(|account| OneByOne::boxed(call::Calls(account))),
    // Keys that are pressed come to /a/TOKEN/keys.
    ear: deaf,
    give_up: CALL_GIVE_UP_SECONDS,
    posted: None,
    pictures: Pictures::None,
    follows: super::no,
    reaches: super::yes,
};

const USUAL: &str = "https://api.twilio.com";
/// What Twilio calls it when nobody can be reached by that number: it is none, it takes no texts, its owner has said STOP.
const OF_RECEIVER: [i64; 5] = [21_211, 21_214, 21_217, 21_610, 21_614];
/// Three parts of a long text at most: each costs.
const TEXT_MAX: usize = 450;

fn problems(channel: &ChannelConfig) -> Problems {
    let mut found = Problems::new();
    let is_account = |text: &String| {
        text.len() == 34 && text.starts_with("AC") && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    match &channel.account {
        None => found.push(("account", "this is missing: the SID of your account at Twilio, `AC…`".into())),
        Some(account) if !is_account(account) => {
            found.push(("account", "this is no SID of an account: `AC` and 32 more".into()))
        }
        Some(_) => {}
    }
    problems::token(channel, Some("the auth token of that account"), &mut found);
    let shape = "a number such as \"+491701234567\"";
    match &channel.from {
        None => {
            found.push(("from", format!("this is missing: the number at Twilio that it comes from, {shape}")))
        }
        Some(from) if !is_number(from) => {
            found.push(("from", format!("`{}` is not {shape}", from.escape_debug())))
        }
        Some(_) => {}
    }
    problems::url(channel, &mut found);
    problems::to(channel, is_number, shape, &mut found);
    found
}

/// E.164
pub(super) fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or_default();
    (7..=15).contains(&digits.len())
        && !digits.starts_with('0')
        && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Does a key come from where this channel calls? From Twilio, if it is signed; from a stand-in on this machine, which was
/// given an address of this machine, too: the token in that address is the proof, and nobody further away was given it.
pub fn is_from_there(channel: &ChannelConfig, url: &str, form: &[(String, String)], signature: &str) -> bool {
    let is_here = Url::parse(url).is_ok_and(|url| url.is_of_this_machine());
    if is_here && Place::new(channel, USUAL).is_of_this_machine() {
        return true;
    }
    let token = read_secret(&channel.token, &channel.token_file).ok().flatten();
    token.is_some_and(|token| is_signed(&token, url, form, signature))
}

/// Twilio signs the address that it asks and the fields of the form, in the order of their names. With or without the port:
/// it leaves it out of calls over TLS.
fn is_signed(token: &Secret, url: &str, form: &[(String, String)], signature: &str) -> bool {
    let mut fields = form.to_vec();
    fields.sort();
    let fields: String = fields.into_iter().map(|(key, value)| key + &value).collect();
    // Twilio's own choice.
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, token.reveal().as_bytes());
    let Ok(tag) = BASE64.decode(signature.trim()) else { return false };
    let is_of = |url: &str| hmac::verify(&key, format!("{url}{fields}").as_bytes(), &tag).is_ok();
    is_of(url) || without_port(url).is_some_and(|url| is_of(&url))
}

fn without_port(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let (authority, path) = rest.split_once('/')?;
    let (host, port) = authority.rsplit_once(':')?;
    port.bytes().all(|byte| byte.is_ascii_digit()).then(|| format!("{scheme}://{host}/{path}"))
}

struct Account {
    place: Place,
    sid: String,
    token: Secret,
    from: String,
    to: Vec<String>,
    /// What a contact calls its number for this, if it has another one than `phone`.
    way: &'static str,
}

/// Of a contact of the files, for both.
const PHONE: &str = "phone";

fn read(config: &ChannelConfig, way: &'static str) -> Result<Account, String> {
    Ok(Account {
        way,
        place: Place::new(config, USUAL),
        sid: config.account.clone().unwrap_or_default(),
        token: read_secret(&config.token, &config.token_file)?.unwrap_or_default(),
        from: config.from.clone().unwrap_or_default(),
        to: config.to.clone().unwrap_or_default(),
    })
}

impl Account {
    fn path(&self, rest: &str) -> String {
        format!("/2010-04-01/Accounts/{}/{rest}", self.sid)
    }

    fn signed(&self, mut request: http::Request) -> http::Request {
        let password = Password(self.token.reveal().to_owned());
        request.auth = Some(http::Auth::Basic { user: self.sid.clone(), password });
        request
    }

    fn judge(&self, answer: &http::Answer) -> Result<(), Failure> {
        let body = body_of(answer);
        let of_receiver = body["code"].as_i64().is_some_and(|code| OF_RECEIVER.contains(&code));
        // Twilio itself says 201; others who speak as it does, 200 or 202.
        let is_own = body["sid"].as_str().is_some_and(|sid| !sid.is_empty());
        judge_own(answer, is_own).map_err(|failure| failure.of_person(self.to.is_empty() && of_receiver))
    }

    fn recipients(&self, letter: &Letter) -> Result<Vec<String>, Failure> {
        let has_own = letter.waiting.page.message.ways.contains_key(self.way);
        super::recipients(letter, &self.to, if has_own { self.way } else { PHONE }, is_number)
    }
}

struct Texts(Account);

impl Provider for Texts {
    fn recipients(&self, letter: &Letter) -> Result<Vec<String>, Failure> {
        self.0.recipients(letter)
    }

    fn bundles(&self) -> bool {
        true
    }

    fn requests(
        &self,
        to: &str,
        letters: &[&Letter],
        post: &Post<'_>,
    ) -> Result<Vec<http::Request>, Failure> {
        let all: Vec<text::Said> =
            letters.iter().map(|letter| text::said(letter, post.settings, post.now)).collect();
        let body = match all.as_slice() {
            [one] => answers::one(letters[0], one),
            many => {
                let lines: Vec<&str> = many.iter().map(|said| said.headline.as_str()).collect();
                format!("{} notices:\n{}", many.len(), lines.join("\n"))
            }
        };
        let fields = [("To", to), ("From", &self.0.from), ("Body", &cut(&body, TEXT_MAX))];
        let request = self.0.place.form(&self.0.path("Messages.json"), &fields)?;
        Ok(vec![self.0.signed(request)])
    }

    /// An answer comes from the number that it went to.
    fn taken(&self, _answer: &http::Answer, to: &str, _letters: &[&Letter], _post: &Post<'_>) -> Sent {
        Sent::called(Some(to.to_owned()))
    }

    fn judge(&self, answer: &http::Answer) -> Result<(), Failure> {
        self.0.judge(answer)
    }
}

impl Asks for Texts {
    const EVERY: Duration = RECEIPTS_EVERY;
    const ENDS_WHEN_TAKEN: bool = true;

    async fn ask(&mut self, open: &[Handle], cursor: &str, post: &Post<'_>) -> Result<Heard, Failure> {
        let oldest = open.iter().map(|one| one.at).min().unwrap_or(post.now);
        let day = text::utc(oldest);
        let query = format!(
            "Messages.json?To={}&DateSent%3E={}&PageSize=50",
            text::encode(&self.0.from),
            day.split('T').next().unwrap_or_default()
        );
        let request = self.0.signed(self.0.place.get(&self.0.path(&query))?);
        Ok(answers::heard(&asked(&request, post).await?, open, cursor))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of Twilio's own documentation, and what differs from it in one place each.
    #[test]
    fn twilio_signs_address_and_form() {
        let form: Vec<(String, String)> = [
            ("To", "+18005551212"),
            ("CallSid", "CA1234567890ABCDE"),
            ("Caller", "+12349013030"),
            ("Digits", "1234"),
            ("From", "+12349013030"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
        let (url, right) = ("https://mycompany.com/myapp.php?foo=1&bar=2", "0/KCTR6DLpKmkAf8muzZqo1nDgQ=");
        let check = |token: &str, url: &str, form: &[(String, String)], signature: &str, wanted: bool| {
            let found = is_signed(&Secret::new(token), url, form, signature);
            assert_eq!(found, wanted, "{token} {url} {signature}");
        };
        check("12345", url, &form, right, true);
        check("12345", "https://mycompany.com:8443/myapp.php?foo=1&bar=2", &form, right, true);
        check("12346", url, &form, right, false);
        check("12345", "https://mycompany.com/myapp.php?foo=1&bar=3", &form, right, false);
        check("12345", url, &form[1..], right, false);
        check("12345", url, &form, "", false);
        check("12345", url, &form, "not base64!", false);
    }

    #[test]
    fn only_a_stand_in_of_this_machine_need_not_sign() {
        let (here, others) = ("http://127.0.0.1:8080/a/T/keys", "https://bell.example/a/T/keys");
        let check = |provider: &str, url: &str, wanted: bool| {
            let channel = format!("name = \"x\"\ntype = \"voice\"\ntoken = \"t\"\n{provider}");
            let channel: ChannelConfig = toml::from_str(&channel).unwrap();
            let found = is_from_there(&channel, url, &[], "");
            assert_eq!(found, wanted, "{provider:?} {url}");
            // A wrong signature is no worse than none, and no better.
            assert_eq!(is_from_there(&channel, url, &[], "AAAA"), wanted, "{provider:?} {url}");
        };
        let stand_in = "url = \"http://127.0.0.1:9000/twilio\"";
        check(stand_in, here, true);
        check("url = \"http://localhost:9000\"", "http://[::1]:8080/a/T/keys", true);
        check(stand_in, others, false);
        check("", here, false);
        check("url = \"https://api.twilio.com\"", here, false);
        check("url = \"http://127.0.0.1.example.org\"", here, false);
        check("url = \"http://twilio.example\"", others, false);
        check(stand_in, "http://127.0.0.1.example.org/a/T/keys", false);
        check(stand_in, "", false);
    }
}
