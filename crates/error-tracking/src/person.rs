//! Who had an error: what they are counted by, and how their events are found again when they are to go.

use std::borrow::Cow;
use std::collections::BTreeSet;

use formats::sentry::{Tree, json};
use regex::bytes::{Regex, RegexBuilder};
use sha2::{Digest, Sha256};

use crate::limits::{MAX_TAG_VALUE, cut};
use crate::project::Project;
use crate::read::text_at;
use crate::scrub::FILTERED;

const EMAIL: &str = "email";
const ADDRESS: &str = "ip_address";
/// The first that an event has is what its person is counted by.
pub const IDENTITIES: [&str; 4] = ["id", EMAIL, "username", ADDRESS];

/// What the one who had it is counted by. It is made before scrubbing, so that they are found by what was scrubbed.
pub(crate) fn hash_in(project: &Project, event: &Tree<'_>) -> Option<u64> {
    let mut keys = IDENTITIES.iter().filter(|key| **key != ADDRESS || !project.settings.remove_addresses);
    let (key, value) = keys.find_map(|key| Some((*key, text_at(event, &["user", *key])?)))?;
    Some(hash_of_user(project.id, key, value))
}

pub(crate) fn label(event: &Tree<'_>) -> Option<String> {
    IDENTITIES.iter().find_map(|key| Some(format!("{key}:{}", text_at(event, &["user", *key])?)))
}

/// `key` is one of [`IDENTITIES`].
pub fn hash_of_user(project: u64, key: &str, value: &str) -> u64 {
    let mut hasher = Sha256::new();
    hasher.update(project.to_le_bytes());
    hasher.update(key);
    hasher.update([0]);
    hasher.update(folded(key, value).as_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&hasher.finalize()[..8]);
    u64::from_le_bytes(first)
}

/// Addresses of mail are the same in either case.
fn folded<'v>(key: &str, value: &'v str) -> Cow<'v, str> {
    if key == EMAIL { Cow::Owned(value.to_lowercase()) } else { Cow::Borrowed(value) }
}

/// Somebody of one project whose events are looked for, by whichever of the identities they are asked for.
pub struct Person {
    key: &'static str,
    value: String,
    hash: u64,
    /// The value as it stands in a body: most have none, and that is told sooner than by reading them.
    written: Regex,
    names: BTreeSet<(&'static str, String)>,
}

impl Person {
    /// None: nobody is known by such a key, or by nothing.
    pub fn new(project: u64, key: &str, value: &str) -> Option<Person> {
        let key = *IDENTITIES.iter().find(|one| **one == key)?;
        let value = cut(value.trim(), MAX_TAG_VALUE);
        if value.is_empty() {
            return None;
        }
        let written = Tree::Text(Cow::Borrowed(value)).to_bytes();
        let pattern = regex::escape(&String::from_utf8_lossy(&written));
        let written = RegexBuilder::new(&pattern).case_insensitive(true).build();
        Some(Person {
            key,
            value: folded(key, value).into_owned(),
            hash: hash_of_user(project, key, value),
            written: written.expect("an escaped text of bounded length is a pattern"),
            names: BTreeSet::from([(key, value.to_owned())]),
        })
    }

    /// Is this event theirs? `counted_by`: what was made of it as it came; no `body`: it cannot be read.
    pub fn had(&mut self, counted_by: Option<u64>, body: Option<&[u8]>) -> bool {
        let is_counted = counted_by == Some(self.hash);
        let body = body.filter(|body| is_counted || self.written.is_match(body));
        let Some(event) = body.and_then(|body| json::read(body, &json::Limits::default()).ok()) else {
            return is_counted;
        };
        let said = text_at(&event, &["user", self.key]);
        let is_theirs = is_counted || said.is_some_and(|said| folded(self.key, said) == self.value);
        if is_theirs {
            self.note_names(&event);
        }
        is_theirs
    }

    /// The one that was asked for, and all that they are called in the events that were found: these stand in tags, too.
    pub fn names(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.names.iter().map(|(key, value)| (*key, &**value))
    }

    /// Many people have one address.
    fn note_names(&mut self, event: &Tree<'_>) {
        if self.key == ADDRESS {
            return;
        }
        for key in IDENTITIES.into_iter().filter(|key| *key != ADDRESS) {
            let name = text_at(event, &["user", key]).filter(|name| *name != FILTERED);
            self.names.extend(name.map(|name| (key, name.to_owned())));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Person, hash_of_user};

    const KIM: &[u8] =
        br#"{"user":{"id":"42","email":"Kim@X.de","username":"a \"b\"","ip_address":"192.0.2.7"}}"#;

    #[test]
    fn somebody_is_found_by_each_of_their_identities() {
        let by_id = Some(hash_of_user(1, "id", "42"));
        let had = |key: &str, value: &str| Person::new(1, key, value).unwrap().had(by_id, Some(KIM));
        for (key, value) in
            [("id", "42"), ("email", " kim@x.DE "), ("username", "a \"b\""), ("ip_address", "192.0.2.7")]
        {
            assert!(had(key, value), "{key}");
        }
        for (key, value) in [("id", "4"), ("email", "im@x.de"), ("username", "A \"B\""), ("id", "Kim@X.de")] {
            assert!(!had(key, value), "{key} {value}");
        }
        assert!(Person::new(1, "shoe_size", "42").is_none() && Person::new(1, "id", " ").is_none());
    }

    #[test]
    fn what_cannot_be_read_or_was_scrubbed_is_found_by_what_it_was_counted_by() {
        let by_mail = Some(hash_of_user(1, "email", "Kim@x.de"));
        let mut kim = Person::new(1, "email", "kim@x.de").unwrap();
        assert!(kim.had(by_mail, None));
        assert!(kim.had(by_mail, Some(br#"{"user":{"email":"[Filtered]"}}"#)));
        assert!(!kim.had(None, Some(br#"{"user":{"email":"[Filtered]"}}"#)) && !kim.had(Some(1), None));
        assert!(!kim.had(None, Some(br#"{"extra":{"seen":"kim@x.de"}}"#)), "another one's event");
        assert_eq!(kim.names().collect::<Vec<_>>(), [("email", "kim@x.de")]);
    }

    #[test]
    fn the_names_beside_the_one_that_was_asked_for_are_told() {
        let names = |key: &str, value: &str| {
            let mut person = Person::new(1, key, value).unwrap();
            assert!(person.had(None, Some(KIM)));
            person.names().map(|(key, name)| format!("{key} {name}")).collect::<Vec<_>>()
        };
        assert_eq!(
            names("email", "kim@x.de"),
            ["email Kim@X.de", "email kim@x.de", "id 42", "username a \"b\""]
        );
        assert_eq!(names("ip_address", "192.0.2.7"), ["ip_address 192.0.2.7"]);
    }
}
