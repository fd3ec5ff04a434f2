//! Names that say that something is secret.

use std::sync::LazyLock;

use regex::Regex;

use super::signs::Signs;

/// Sentry's own list; a field is secret whose name contains one of them. For a `_` there may be a `-`, a space or nothing.
const NAMES: [&str; 10] = [
    "password",
    "secret",
    "passwd",
    "api_key",
    "auth",
    "credentials",
    "mysql_pwd",
    "private_key",
    "token",
    "bearer",
];
/// Of each.
const SIGNS: [Signs; NAMES.len()] = {
    let mut all = [Signs::of(""); NAMES.len()];
    let mut at = 0;
    while at < NAMES.len() {
        all[at] = Signs::of(NAMES[at]);
        at += 1;
    }
    all
};

static PATTERN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(&format!("(?i){}", NAMES.join("|").replace('_', "[-_ ]?"))).expect("it is read by a test")
});

/// The first of the names in it, as it stands there.
pub(super) fn secret_in(text: &str) -> Option<&str> {
    let signs = Signs::of(text);
    let may_be = signs.have_foreign() || SIGNS.iter().any(|name| signs.have(*name));
    may_be.then(|| PATTERN.find(text))?.map(|found| found.as_str())
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
        for (name, secret) in [("X-Api-Key", "Api-Key"), ("apiKey", "apiKey"), ("api key", "api key")] {
            assert_eq!(secret_in(name), Some(secret));
        }
        assert_eq!(secret_in("privateKey"), Some("privateKey"));
        assert_eq!(secret_in("paſſword and to\u{212a}en"), Some("paſſword"));
        assert_eq!(secret_in("to\u{212a}en"), Some("to\u{212a}en"));
        for text in ["", "self", "request", "count", "items", "drowssap", "a_p_i_k_e_y"] {
            assert_eq!(secret_in(text), None, "{text}");
        }
    }
}
