//! Names that say that something is secret. Nearly all fields of an event have other names, and that is told by their letters,
//! sooner than by the pattern.

use std::sync::LazyLock;

use regex::Regex;

/// Sentry's own list; a field is secret whose name contains one of them.
const NAMES: [&str; 12] = [
    "password",
    "secret",
    "passwd",
    "api_key",
    "apikey",
    "auth",
    "credentials",
    "mysql_pwd",
    "privatekey",
    "private_key",
    "token",
    "bearer",
];
/// The letters of each.
const LETTERS: [u32; NAMES.len()] = {
    let mut all = [0; NAMES.len()];
    let mut at = 0;
    while at < NAMES.len() {
        all[at] = letters(NAMES[at].as_bytes());
        at += 1;
    }
    all
};
/// Beside the letters: something that is not ASCII, and may stand for a letter in the other case, as `ſ` does for `S`.
const FOREIGN: u32 = 1 << 26;

static PATTERN: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(&format!("(?i){}", NAMES.join("|"))).expect("it is read by a test"));

/// The first of the names in it, as it stands there.
pub(super) fn secret_in(text: &str) -> Option<&str> {
    let there = letters(text.as_bytes());
    let may_be = there & FOREIGN != 0 || LETTERS.iter().any(|name| there & name == *name);
    may_be.then(|| PATTERN.find(text))?.map(|found| found.as_str())
}

/// One bit for each that is in it, in either case.
const fn letters(text: &[u8]) -> u32 {
    let mut letters = 0;
    let mut at = 0;
    while at < text.len() {
        letters |= match text[at] | 0x20 {
            letter @ b'a'..=b'z' => 1 << (letter - b'a'),
            0x80.. => FOREIGN,
            _ => 0,
        };
        at += 1;
    }
    letters
}

#[cfg(test)]
mod tests {
    use super::{NAMES, PATTERN, secret_in};

    #[test]
    fn what_the_pattern_finds_is_found() {
        let around = ["", "x", "my_", "ÄÖ", "KEY"];
        for (name, with) in NAMES.iter().flat_map(|name| around.map(|with| (name, with))) {
            for text in [format!("{with}{name}{with}"), format!("{with}{}", name.to_uppercase())] {
                assert_eq!(secret_in(&text), PATTERN.find(&text).map(|found| found.as_str()), "{text}");
                assert!(secret_in(&text).is_some(), "{text}");
            }
        }
        assert_eq!(secret_in("Authorization"), Some("Auth"));
        assert_eq!(secret_in("paſſword and to\u{212a}en"), Some("paſſword"));
        assert_eq!(secret_in("to\u{212a}en"), Some("to\u{212a}en"));
        for text in ["", "self", "request", "count", "items", "drowssap", "a_p_i_k_e_y"] {
            assert_eq!(secret_in(text), None, "{text}");
        }
    }
}
