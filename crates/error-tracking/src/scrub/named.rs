//! Secrets within texts that are told by their name: of forms, query strings and command lines, of JSON, and as Python, Ruby,
//! Rust and others write values down.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::secret::secret_in;
use super::{FILTERED, Scrubber};

type Scrubbed = Option<(String, &'static str)>;

const RULE: &str = "field";

fn pattern(pattern: &str) -> Regex {
    Regex::new(pattern).expect("it is read by a test")
}

/// `token=x`, of a form, a query string, a line of a log.
static PAIR: LazyLock<Regex> = LazyLock::new(|| pattern(r"([A-Za-z0-9_.%\[\]-]{1,100})=([^&;,\s\x22']+)"));
/// `"token": "x"`, `'token': 1`, `token="x"`, `:token => 'x'`, `token: Some("x")`, and as these stand within texts. Without quotes
/// a value ends at what may not be in a number or a word, and only a name in quotes has such.
static QUOTED: LazyLock<Regex> = LazyLock::new(|| {
    let name = r"([A-Za-z0-9_.-]{1,100})";
    let between = r"\s{0,4}(?:=>|=|:)\s{0,4}(?:Some\()?";
    let text = r#"[bru]{0,2}(?:\\"[^"\\]*(?:\\")?|"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?)"#;
    let bare = r#"[^\s,;&"'\\()\[\]{}]+"#;
    pattern(&format!(r#"(?s){name}(?:\\?["']{between}({text}|{bare})|({between})({text}))"#))
});
/// `--password x`
static FLAG: LazyLock<Regex> = LazyLock::new(|| pattern(r"(--[A-Za-z0-9_-]{1,100}) +([^\s-]\S*)"));
/// A field of `multipart/form-data`, up to the end of its first line.
static PART: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?i)form-data; {0,4}name="?([^";\r\n]{1,100})"?[^\r\n]*\r?\n(?:[^\r\n]+\r?\n){0,10}\r?\n([^\r\n]+)"#,
    )
});

/// Most texts have no name of a secret, and that is told sooner than where it would be.
pub(super) fn may_name(scrubber: &Scrubber, text: &str) -> bool {
    !scrubber.fields.is_empty() || secret_in(text).is_some()
}

pub(super) fn pairs(scrubber: &Scrubber, text: &str) -> Scrubbed {
    // `=>` has been looked at as what it is.
    replaced(&PAIR, text, |name, value| value != ">" && scrubber.rule_of(name).is_some())
}

pub(super) fn quoted(scrubber: &Scrubber, text: &str) -> Scrubbed {
    let (mut scrubbed, mut done, mut at) = (String::new(), 0, 0);
    while let Some(found) = QUOTED.captures_at(text, at) {
        let value = found.get(2).or_else(|| found.get(4)).filter(|_| is_secret(scrubber, text, &found));
        match value {
            Some(value) => {
                scrubbed.push_str(&text[done..value.start()]);
                scrubbed.push_str(&in_the_place_of(value.as_str()));
                (done, at) = (value.end(), value.end());
            }
            // A value may hold names of its own.
            None => at = found.get(1).map_or(text.len(), |name| name.end()),
        }
    }
    (done > 0).then(|| (scrubbed + &text[done..], RULE))
}

pub(super) fn flags(scrubber: &Scrubber, text: &str) -> Scrubbed {
    replaced(&FLAG, text, |name, _| scrubber.rule_of(name).is_some())
}

pub(super) fn parts(scrubber: &Scrubber, text: &str) -> Scrubbed {
    replaced(&PART, text, |name, _| scrubber.rule_of(name).is_some())
}

/// Is this what comes before a secret on a command line?
pub(super) fn is_flag(scrubber: &Scrubber, text: &str) -> bool {
    text.starts_with('-') && !text.contains([' ', '=']) && scrubber.rule_of(text).is_some()
}

fn is_secret(scrubber: &Scrubber, text: &str, found: &Captures<'_>) -> bool {
    let value = found.get(2).or_else(|| found.get(4)).map_or("", |value| value.as_str());
    let is_nothing = ["null", "None", "nil", "undefined"].contains(&value);
    let is_there = value.trim_matches(['"', '\'', '\\', 'b', 'r', 'u']) != FILTERED && !is_nothing;
    // `Unexpected token: '<'` is a sentence, `User { token: "x" }` is none.
    let is_said = || {
        let before = text[..found.get(0).map_or(0, |whole| whole.start())].trim_end_matches([' ', '\t']);
        let colon = found.get(3).is_some_and(|between| between.as_str().trim_start().starts_with(':'));
        colon && !before.is_empty() && !before.ends_with(['{', '(', '[', ',', ';', '\n'])
    };
    is_there && scrubber.rule_of(&found[1]).is_some() && !is_said()
}

/// With the quotes that it had.
fn in_the_place_of(value: &str) -> String {
    let Some(quote) = value.find(['"', '\'']) else { return format!("\"{FILTERED}\"") };
    let begins = &value[..=quote];
    format!("{begins}{FILTERED}{}", begins.trim_start_matches(['b', 'r', 'u']))
}

/// The second group of each place whose two are a secret's.
fn replaced(pattern: &Regex, text: &str, is_secret: impl Fn(&str, &str) -> bool) -> Scrubbed {
    let (mut scrubbed, mut done) = (String::new(), 0);
    for found in pattern.captures_iter(text) {
        let (Some(name), Some(value)) = (found.get(1), found.get(2)) else { continue };
        if value.as_str() != FILTERED && is_secret(name.as_str(), value.as_str()) {
            scrubbed.push_str(&text[done..value.start()]);
            scrubbed.push_str(FILTERED);
            done = value.end();
        }
    }
    (done > 0).then(|| (scrubbed + &text[done..], RULE))
}

#[cfg(test)]
mod tests {
    use super::{FILTERED, flags, pairs, parts, quoted};
    use crate::project::Settings;
    use crate::scrub::Scrubber;

    fn scrubber() -> Scrubber {
        Scrubber::new(&Settings { safe_fields: vec!["token_count".into()], ..Settings::default() })
    }

    #[test]
    fn values_behind_names_of_secrets_in_every_form_they_are_written_in() {
        let check = |text: &str, expected: &str| {
            let expected = expected.replace('#', FILTERED);
            let scrubbed = quoted(&scrubber(), text).map(|(text, _)| text);
            assert_eq!(scrubbed.as_deref().unwrap_or(text), expected, "{text}");
            assert_eq!(quoted(&scrubber(), &expected), None, "not twice: {text}");
        };
        check(
            r#"{"user": {"password" : "hunter2"}, "token": 123"#,
            r##"{"user": {"password" : "#"}, "token": "#""##,
        );
        check("{'password': 'hunter2', 'a': 1}", "{'password': '#', 'a': 1}");
        check(r"User(name='a', password='it\'s')", "User(name='a', password='#')");
        check(
            r#"Config { password: "x", api_key: Some("y") }"#,
            r##"Config { password: "#", api_key: Some("#") }"##,
        );
        check(r#"{:password=>"x", "api-key" => 'y'}"#, r##"{:password=>"#", "api-key" => '#'}"##);
        check(r#"b'{"password": "x"}'"#, r##"b'{"password": "#"}'"##);
        check(r#"{"body":"{\"token\":\"x\"}"}"#, r##"{"body":"{\"token\":\"#\"}"}"##);
        check(r#"{'msg': 'password="x"'}"#, r##"{'msg': 'password="#"'}"##);
        check(r#"{"password":"cut off"#, r##"{"password":"#""##);
        for stays in [
            "Unexpected token: '<'",
            r#"{"token": null, "token_count": 5, "tokens": ["a"]}"#,
            "it's a secret: don't tell",
            r#"{"count": "secret"}"#,
        ] {
            check(stays, stays);
        }
    }

    #[test]
    fn fields_of_forms_and_of_command_lines() {
        let text = |scrubbed: Option<(String, &str)>| scrubbed.map(|(text, _)| text);
        let scrubber = scrubber();
        assert_eq!(text(pairs(&scrubber, "a=1&password=x;b")), Some("a=1&password=[Filtered];b".into()));
        assert_eq!(text(pairs(&scrubber, r#":token=>"x" token_count=5"#)), None);
        let form = |value: &str| {
            format!("--b\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\n{value}\r\n--b--")
        };
        assert_eq!(text(parts(&scrubber, &form("x y"))), Some(form(FILTERED)));
        assert_eq!(text(parts(&scrubber, &form(FILTERED))), None);
        let run = "curl --retry 3 --password hunter2 --token-file /etc/x";
        let kept = "curl --retry 3 --password [Filtered] --token-file [Filtered]";
        assert_eq!(text(flags(&scrubber, run)).as_deref(), Some(kept));
        assert_eq!(text(flags(&scrubber, "token -- a, --password --user")), None);
    }
}
