//! Which tagged series carry which tag with which value.
//!
//! Covers the ids up to one; names with later ones are looked at one by one. Untagged series,
//! whose only tag is `name`, are not in here: there are millions of them, and the id table knows them.

use std::collections::BTreeMap;
use std::collections::btree_map::Range as BTreeRange;
use std::ops::Bound;

use roaring::RoaringBitmap;
use vocabulary::series;

use super::tag_query::{NAME_TAG, Test, Tests, Wanted, metric_of};

#[derive(Default)]
pub(super) struct TagIndex {
    /// Names with ids before this one are in.
    pub(super) end: u32,
    tags: BTreeMap<Box<str>, Values>,
    size: Size,
}

/// What is in the index, counted as it comes and goes.
#[derive(Default)]
struct Size {
    values: usize,
    value_bytes: usize,
    postings: usize,
}

#[derive(Default)]
struct Values {
    postings: BTreeMap<Box<str>, Postings>,
}

/// Most values of a tag such as `host` have some hundred series; of one such as `request`, one.
enum Postings {
    One(u32),
    Many(Box<RoaringBitmap>),
}

impl Postings {
    fn insert(&mut self, id: u32) {
        match self {
            Postings::One(first) => *self = Postings::Many(Box::new(RoaringBitmap::from_iter([*first, id]))),
            Postings::Many(ids) => {
                ids.insert(id);
            }
        }
    }

    fn contains(&self, id: u32) -> bool {
        match self {
            Postings::One(only) => *only == id,
            Postings::Many(ids) => ids.contains(id),
        }
    }

    /// Returns whether none is left.
    fn remove(&mut self, id: u32) -> bool {
        match self {
            Postings::One(only) => *only == id,
            Postings::Many(ids) => {
                ids.remove(id);
                ids.is_empty()
            }
        }
    }

    fn add_to(&self, set: &mut RoaringBitmap) {
        match self {
            Postings::One(id) => {
                set.insert(*id);
            }
            Postings::Many(ids) => *set |= &**ids,
        }
    }

    fn len(&self) -> u64 {
        match self {
            Postings::One(_) => 1,
            Postings::Many(ids) => ids.len(),
        }
    }

    fn common(&self, set: &RoaringBitmap) -> u64 {
        match self {
            Postings::One(id) => u64::from(set.contains(*id)),
            Postings::Many(ids) => ids.intersection_len(set),
        }
    }
}

/// Tags of a tagged name, `name` among them.
fn tags_of(name: &str) -> impl Iterator<Item = (&str, &str)> {
    std::iter::once((NAME_TAG, metric_of(name))).chain(series::tags(name))
}

impl TagIndex {
    pub(super) fn insert(&mut self, id: u32, name: &str) {
        for (tag, value) in tags_of(name) {
            if !self.tags.contains_key(tag) {
                self.tags.insert(tag.into(), Values::default());
            }
            let Some(Values { postings }) = self.tags.get_mut(tag) else { continue };
            match postings.get_mut(value) {
                Some(ids) => ids.insert(id),
                None => {
                    postings.insert(value.into(), Postings::One(id));
                    self.size.values += 1;
                    self.size.value_bytes += value.len();
                }
            }
            self.size.postings += 1;
        }
    }

    pub(super) fn remove(&mut self, id: u32, name: &str) {
        for (tag, value) in tags_of(name) {
            let Some(Values { postings }) = self.tags.get_mut(tag) else { continue };
            let Some(ids) = postings.get_mut(value).filter(|ids| ids.contains(id)) else { continue };
            self.size.postings -= 1;
            if ids.remove(id) {
                postings.remove(value);
                self.size.values -= 1;
                self.size.value_bytes -= value.len();
            }
            if postings.is_empty() {
                self.tags.remove(tag);
            }
        }
    }

    /// Series that fulfil all expressions.
    pub(super) fn select(&self, tests: &Tests) -> RoaringBitmap {
        let mut selected: Option<RoaringBitmap> = None;
        for test in &tests.demands {
            let passing = self.passing(test);
            selected = Some(selected.map_or_else(|| passing.clone(), |selected| selected & &passing));
        }
        let mut selected = selected.unwrap_or_default();
        for test in &tests.filters {
            if selected.is_empty() {
                break;
            }
            selected -= self.failing(test);
        }
        selected
    }

    /// Series that carry the tag with a value that passes.
    fn passing(&self, test: &Test) -> RoaringBitmap {
        match &test.wanted {
            Wanted::Text(text) if !test.negated => self.with_value(&test.tag, text),
            _ => self.with_values(&test.tag, |value| test.passes(value)),
        }
    }

    /// Series that carry the tag with a value that does not pass.
    fn failing(&self, test: &Test) -> RoaringBitmap {
        match &test.wanted {
            Wanted::Text(text) if test.negated => self.with_value(&test.tag, text),
            _ => self.with_values(&test.tag, |value| !test.passes(value)),
        }
    }

    fn with_value(&self, tag: &str, value: &str) -> RoaringBitmap {
        let mut set = RoaringBitmap::new();
        if let Some(ids) = self.tags.get(tag).and_then(|values| values.postings.get(value)) {
            ids.add_to(&mut set);
        }
        set
    }

    fn with_values(&self, tag: &str, wanted: impl Fn(&str) -> bool) -> RoaringBitmap {
        let mut set = RoaringBitmap::new();
        for (value, ids) in self.values(tag, "") {
            if wanted(value) {
                ids.add_to(&mut set);
            }
        }
        set
    }

    fn values<'a>(&'a self, tag: &str, prefix: &str) -> impl Iterator<Item = (&'a str, &'a Postings)> {
        let from = (Bound::Included(prefix), Bound::Unbounded);
        let values = self.tags.get(tag).map(|values| values.postings.range::<str, _>(from));
        let values = values.into_iter().flat_map(|values: BTreeRange<'a, _, _>| values);
        let prefix = prefix.to_owned();
        values.map(|(value, ids)| (&**value, ids)).take_while(move |(value, _)| value.starts_with(&prefix))
    }

    /// Values of a tag that start so, in order, with the number of their series, or of those in `among`.
    pub(super) fn counts<'a>(
        &'a self,
        tag: &str,
        prefix: &str,
        among: Option<&'a RoaringBitmap>,
    ) -> impl Iterator<Item = (&'a str, u64)> {
        let count = move |ids: &Postings| among.map_or_else(|| ids.len(), |set| ids.common(set));
        self.values(tag, prefix).map(move |(value, ids)| (value, count(ids))).filter(|(_, count)| *count > 0)
    }

    /// Tags in order; those that a series in `among` carries.
    pub(super) fn tags<'a>(&'a self, among: Option<&'a RoaringBitmap>) -> impl Iterator<Item = &'a str> {
        let carried = move |values: &Values| {
            among.is_none_or(|set| values.postings.values().any(|ids| ids.common(set) > 0))
        };
        self.tags.iter().filter(move |(_, values)| carried(values)).map(|(tag, _)| &**tag)
    }

    /// All series that are in here.
    pub(super) fn all(&self) -> RoaringBitmap {
        self.with_values(NAME_TAG, |_| true)
    }

    /// Bytes that it takes, about: a node of a B-tree is two thirds full, a set of ids takes 2 bytes an id
    /// and some 60 of its own, if there is more than one.
    pub(super) fn bytes(&self) -> usize {
        let Size { values, value_bytes, postings } = self.size;
        let entries = values * (size_of::<Box<str>>() + size_of::<Postings>()) * 3 / 2;
        entries + value_bytes + (postings - values) * 2 + (postings - values).min(values) * 60
    }
}
