//! `[[emergency]]`: who may call for help, and the key in their link.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize, Serializer};
use sha2::{Digest, Sha256};

const KEY_LENGTHS: std::ops::RangeInclusive<usize> = 16..=100;
/// It is part of titles, which telephones show.
const MAX_NAME: usize = 100;
/// More links than these are a support desk.
const MAX_DOORS: usize = 1_000;

/// `[[emergency]]`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EmergencyConfig {
    /// Who has the link, as the incident is to say.
    pub name: String,
    /// What stands in `/911/<key>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_file: Option<PathBuf>,
    /// Told beside those of `[incidents]`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<String>,
}

/// The key of a link. What is kept is its hash, and not even that is shown.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Key([u8; 32]);

impl Key {
    fn of(text: &str) -> Key {
        Key(Sha256::digest(text.as_bytes()).into())
    }

    /// Takes as long for every other key.
    fn is(&self, other: &Key) -> bool {
        self.0.iter().zip(other.0).fold(0, |different, (a, b)| different | (a ^ b)) == 0
    }
}

impl TryFrom<String> for Key {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Key, Self::Error> {
        let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        match plain && KEY_LENGTHS.contains(&text.len()) {
            true => Ok(Key::of(&text)),
            false => Err(
                "the key of an emergency link has 16 to 100 letters, digits, `-` and `_`, since whoever knows it wakes people: \
                 make one with `openssl rand -hex 16`",
            ),
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("hidden")
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("(hidden)")
    }
}

/// One that is open: its key has been read, wherever it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Door {
    pub name: String,
    pub key: Key,
    pub contacts: Vec<String>,
}

/// All are looked at, each to its end, so that the time it takes tells nothing.
pub fn find<'d>(doors: &'d [Door], key: &str) -> Option<&'d Door> {
    let asked = Key::of(key);
    doors.iter().fold(None, |found, door| if door.key.is(&asked) { Some(door) } else { found })
}

/// Of all `[[emergency]]`, with keys such as `emergency.0.name`.
pub fn problems(all: &[EmergencyConfig]) -> Vec<(String, String)> {
    let mut problems = Vec::new();
    if all.len() > MAX_DOORS {
        problems.push(("emergency".to_owned(), format!("there are more than {MAX_DOORS} emergency links")));
    }
    for (index, one) in all.iter().enumerate() {
        let mut found = |key: &str, why: String| problems.push((format!("emergency.{index}.{key}"), why));
        if one.name.trim().is_empty() || one.name.len() > MAX_NAME || one.name.chars().any(char::is_control) {
            found("name", format!("say who has the link, in 1 to {MAX_NAME} characters of one line"));
        }
        if all[..index].iter().any(|other| other.name == one.name) {
            found("name", format!("there is an emergency `{}` already: give each its own name", one.name));
        }
        match (&one.key, &one.key_file) {
            (None, None) => {
                found("key", "write a `key`, such as `openssl rand -hex 16` makes, or a `key_file`".into());
            }
            (Some(_), Some(_)) => found("key_file", "`key` is set too: leave one of the two out".into()),
            _ => {}
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "0123456789abcdef";

    fn key(text: &str) -> Option<Key> {
        Key::try_from(text.to_owned()).ok()
    }

    #[test]
    fn a_key_is_long_plain_and_never_shown() {
        for wrong in ["", "0123456789abcde", "0123456789abcdef/", "0123456789abcdeü", &"a".repeat(101)] {
            assert!(key(wrong).is_none(), "{wrong}");
        }
        let key = key(KEY).unwrap();
        assert_eq!(
            (format!("{key:?}"), serde_json::to_string(&key).unwrap()),
            ("hidden".into(), "\"(hidden)\"".into())
        );
    }

    #[test]
    fn a_door_is_found_by_its_whole_key() {
        let door =
            |name: &str, text: &str| Door { name: name.into(), key: key(text).unwrap(), contacts: vec![] };
        let doors = [door("a", KEY), door("b", "fedcba9876543210")];
        let check = |text: &str, name: Option<&str>| {
            assert_eq!(find(&doors, text).map(|door| door.name.as_str()), name, "{text}");
        };
        check(KEY, Some("a"));
        check("fedcba9876543210", Some("b"));
        check("0123456789abcdee", None);
        check("", None);
        check("0123456789abcdef0", None);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let one = |name: &str, key: Option<Key>, file: Option<&str>| EmergencyConfig {
            name: name.into(),
            key,
            key_file: file.map(PathBuf::from),
            contacts: vec![],
        };
        let all = [
            one("a", key(KEY), None),
            one("a", None, Some("k")),
            one(" ", None, None),
            one("b", key(KEY), Some("k")),
        ];
        let places: Vec<String> = problems(&all).into_iter().map(|(place, _)| place).collect();
        let expected = ["emergency.1.name", "emergency.2.name", "emergency.2.key", "emergency.3.key_file"];
        assert_eq!(places, expected);
    }
}
