//! What the events of a group differ in: any tag, extra or other field of theirs, as far as their bodies are kept.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use formats::sentry::json::{self, Limits};
use vocabulary::Timestamp;
use vocabulary::error::{EventId, StoredEvent};

use crate::limits::{MAX_FACET_DEPTH, MAX_FACET_KEYS, MAX_FACET_VALUE, MAX_FACET_VALUES, MAX_TAG_KEY, cut};
use crate::read::Tree;
use crate::users::Users;

/// Where programs put what they know, and we do not.
const SECTIONS: [&str; 4] = ["extra", "contexts", "user", "request"];

/// One field, over the events that were looked at.
#[derive(Debug, Default)]
pub struct Facet {
    pub events: u64,
    /// Of them those that do not have it.
    pub without: u64,
    /// What has a value too many.
    pub other: u64,
    values: HashMap<String, Counted>,
}

#[derive(Debug)]
struct Counted {
    count: u64,
    users: Users,
    last_seen: Timestamp,
    event: EventId,
}

#[derive(Clone, Debug, PartialEq)]
pub struct FacetValue {
    pub value: String,
    pub count: u64,
    pub users: u64,
    pub last_seen: Timestamp,
    /// The newest that has it, to be looked at.
    pub event: EventId,
}

impl Facet {
    pub fn add(&mut self, path: &str, stored: &StoredEvent) {
        self.events += 1;
        let values = values_at(&tree(stored), path);
        self.without += u64::from(values.is_empty());
        for value in values {
            if self.values.len() >= MAX_FACET_VALUES && !self.values.contains_key(&value) {
                self.other += 1;
                continue;
            }
            self.values.entry(value).or_insert_with(|| Counted::of(stored)).add(stored);
        }
    }

    /// The most frequent first.
    pub fn values(&self) -> Vec<FacetValue> {
        let value = |(value, counted): (&String, &Counted)| FacetValue {
            value: value.clone(),
            count: counted.count,
            users: counted.users.count(),
            last_seen: counted.last_seen,
            event: counted.event,
        };
        let mut values: Vec<FacetValue> = self.values.iter().map(value).collect();
        values.sort_by(|one, other| other.count.cmp(&one.count).then_with(|| one.value.cmp(&other.value)));
        values
    }
}

impl Counted {
    fn of(stored: &StoredEvent) -> Counted {
        Counted { count: 0, users: Users::default(), last_seen: stored.key.at, event: stored.key.id }
    }

    fn add(&mut self, stored: &StoredEvent) {
        self.count += 1;
        if let Some(user) = stored.user {
            self.users.add(user);
        }
        if stored.key.at > self.last_seen {
            (self.last_seen, self.event) = (stored.key.at, stored.key.id);
        }
    }
}

/// What events can be divided by, found by looking at some: each path with how many have it, and its different values.
#[derive(Debug, Default)]
pub struct Keys(BTreeMap<String, (u64, BTreeSet<String>)>);

impl Keys {
    pub fn add(&mut self, stored: &StoredEvent) {
        let event = tree(stored);
        for section in SECTIONS {
            if let Some(found) = event.get(section) {
                self.walk(section, found, MAX_FACET_DEPTH);
            }
        }
    }

    fn walk(&mut self, path: &str, tree: &Tree<'_>, depth: usize) {
        for (key, below) in tree.entries() {
            let path = format!("{path}.{key}");
            if path.len() > MAX_TAG_KEY {
                continue;
            }
            match below {
                Tree::Map(_) if depth > 0 => self.walk(&path, below, depth - 1),
                _ => self.note(path, values_of(below)),
            }
        }
    }

    fn note(&mut self, path: String, values: BTreeSet<String>) {
        let has_room = self.0.len() < MAX_FACET_KEYS || self.0.contains_key(&path);
        if has_room && !values.is_empty() {
            let (events, known) = self.0.entry(path).or_default();
            *events += 1;
            if known.len() < MAX_FACET_VALUES {
                known.extend(values);
            }
        }
    }

    /// Each with how many of the events have it, and how many values it has in them.
    pub fn all(&self) -> impl Iterator<Item = (&str, u64, u64)> {
        self.0.iter().map(|(path, (events, values))| (path.as_str(), *events, values.len() as u64))
    }
}

/// Whether a project may have it counted as a tag.
pub(crate) fn problem(path: &str) -> Option<String> {
    let below = SECTIONS.iter().find_map(|section| path.strip_prefix(section)?.strip_prefix('.'));
    let is_good = below.is_some_and(|below| !below.is_empty()) && path.len() <= MAX_TAG_KEY;
    (!is_good).then(|| {
        format!("`{path}` is no field of events: extra.NAME, contexts.NAME.KEY, user.KEY or request.KEY")
    })
}

/// What lies there; of a list each.
pub(crate) fn values_at(event: &Tree<'_>, path: &str) -> BTreeSet<String> {
    find(event, path).map(values_of).unwrap_or_default()
}

fn values_of(found: &Tree<'_>) -> BTreeSet<String> {
    let all = match found {
        Tree::List(values) => &values[..],
        one => std::slice::from_ref(one),
    };
    let texts = all.iter().filter_map(|value| value.spelled());
    let texts = texts.map(|text| cut(&text, MAX_FACET_VALUE).to_owned());
    texts.filter(|text| !text.is_empty()).collect()
}

/// Keys may have dots in them: the longest one that is there is meant.
fn find<'t, 'a>(mut tree: &'t Tree<'a>, mut path: &str) -> Option<&'t Tree<'a>> {
    loop {
        if let Some(found) = tree.get(path) {
            return Some(found);
        }
        let here = tree;
        let step = path.rmatch_indices('.').find_map(move |(at, _)| Some((at, here.get(&path[..at])?)));
        let (at, below) = step?;
        (tree, path) = (below, &path[at + 1..]);
    }
}

/// What cannot be read has nothing in it: it is ours, so something else has written it.
fn tree(stored: &StoredEvent) -> Tree<'_> {
    json::read(&stored.body, &Limits::default()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use vocabulary::error::EventKey;

    use super::*;

    fn stored(number: u8, user: u64, body: &str) -> StoredEvent {
        let key = EventKey {
            project: 1,
            group: 1,
            at: Timestamp(1_000 + i64::from(number)),
            id: EventId([number; 16]),
        };
        StoredEvent { number: u64::from(number), key, user: Some(user), body: body.into() }
    }

    fn of_file(number: u8, user: u64, file: &str) -> StoredEvent {
        stored(number, user, &format!(r#"{{"extra":{{"import":{{"file":"{file}"}}}}}}"#))
    }

    #[test]
    fn c135_files_of_an_import_with_their_counts() {
        let mut facet = Facet::default();
        for (number, file) in ["b.csv", "a.csv", "b.csv"].into_iter().enumerate() {
            facet.add("extra.import.file", &of_file(number as u8, number as u64, file));
        }
        facet.add("extra.import.file", &stored(9, 1, "{}"));
        facet.add("extra.import.file", &stored(10, 1, "damaged"));
        let values = facet.values();
        let told: Vec<_> = values.iter().map(|one| (one.value.as_str(), one.count, one.users)).collect();
        assert_eq!(told, [("b.csv", 2, 2), ("a.csv", 1, 1)]);
        assert_eq!((facet.events, facet.without, facet.other), (5, 2, 0));
        assert_eq!((values[0].last_seen, values[0].event), (Timestamp(1_002), EventId([2; 16])));
    }

    #[test]
    fn paths_lead_to_keys_with_dots_and_into_lists() {
        let body = r#"{"extra":{"a.b":{"c":1},"list":["x","y","x",{"z":1}],"no":null},"user":{"id":7}}"#;
        let event = stored(1, 1, body);
        let check = |path: &str, expected: &[&str]| {
            let found = values_at(&tree(&event), path);
            assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), expected, "{path}");
        };
        check("extra.a.b.c", &["1"]);
        check("extra.list", &["x", "y"]);
        check("extra.no", &[]);
        check("extra.a", &[]);
        check("extra", &[]);
        check("user.id", &["7"]);
        check("", &[]);
        check("...", &[]);
        let mut keys = Keys::default();
        keys.add(&event);
        keys.add(&of_file(2, 1, "a.csv"));
        let all: Vec<_> = keys.all().collect();
        let expected =
            [("extra.a.b.c", 1, 1), ("extra.import.file", 1, 1), ("extra.list", 1, 2), ("user.id", 1, 1)];
        assert_eq!(all, expected);
    }

    #[test]
    fn what_is_unbounded_is_bounded() {
        let mut facet = Facet::default();
        let many: Vec<String> = (0..MAX_FACET_VALUES + 5).map(|n| n.to_string()).collect();
        facet.add("extra.n", &stored(1, 1, &format!(r#"{{"extra":{{"n":[{}]}}}}"#, many.join(","))));
        assert_eq!((facet.values().len(), facet.other), (MAX_FACET_VALUES, 5));
        let mut keys = Keys::default();
        let fields: Vec<String> = (0..MAX_FACET_KEYS + 5).map(|n| format!("\"{n}\":1")).collect();
        keys.add(&stored(1, 1, &format!(r#"{{"extra":{{{}}}}}"#, fields.join(","))));
        assert_eq!(keys.all().count(), MAX_FACET_KEYS);
    }

    #[test]
    fn only_fields_of_events_are_counted_as_tags() {
        assert_eq!(problem("extra.file"), None);
        for wrong in ["", "file", "extra", "extra.", "extras.file", "tags.file"] {
            assert!(problem(wrong).is_some_and(|why| why.contains("extra.NAME")), "{wrong}");
        }
    }
}
