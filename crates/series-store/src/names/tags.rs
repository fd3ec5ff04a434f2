//! Answers to tag expressions.
//!
//! Three sources: the index of tagged series, names that are newer than it, and untagged series, which are
//! looked at one by one where an expression on `name` can concern them at all.

use std::collections::{BTreeMap, BTreeSet};

use roaring::RoaringBitmap;
use vocabulary::ports::{Scope, SeriesMatch, StoreError, TagListQuery, TagQuery};
use vocabulary::series;
use vocabulary::{SeriesRef, ValueKind};

use super::Names;
use super::tag_index::TagIndex;
use super::tag_query::{NAME_TAG, Regex, Tests, Wanted, list_filter, tag_of};

impl Names {
    /// Series that fulfil all expressions, in the order of their names (bytes).
    pub fn find_tagged(&self, query: &TagQuery<'_>) -> Result<Vec<SeriesMatch>, StoreError> {
        let tests = Tests::compile(query.expressions)?;
        let mut found = Vec::new();
        let mut take = |id: u32, name: &str| {
            if found.len() <= query.limit && query.scope.sees(name) {
                found.push(SeriesMatch { series: SeriesRef(id.into()), name: name.into() });
            }
        };
        let index = self.tags_of(query.kind).read();
        let (end, selected) = (index.end, index.select(&tests));
        drop(index);
        self.for_each_of(&selected, &mut take);
        let new = self.snapshot(end);
        for (id, name) in
            new.names_from(end, query.kind).filter(|(_, name)| is_tagged(name) && tests.pass(name))
        {
            take(id, name);
        }
        self.for_each_untagged(query.kind, Some(&tests), &mut take);
        tests.check()?;
        if found.len() > query.limit {
            return Err(StoreError::TooMuch { what: "series", limit: query.limit });
        }
        found.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    /// The first `limit` tags in order. With expressions, those that they name are left out, as
    /// graphite-web's completion does.
    pub fn tags(&self, query: &TagListQuery<'_>) -> Result<Vec<String>, StoreError> {
        let filter = list_filter(query.filter)?;
        let tests = tests_of(query)?;
        let wanted = |tag: &str| {
            tag.starts_with(query.prefix)
                && filter.as_ref().is_none_or(|filter| filter.is_match(tag))
                && !query.expressions.iter().any(|expression| expression.tag == tag)
        };
        let mut found: BTreeSet<String> = BTreeSet::new();
        let index = self.tags_of(ValueKind::Number).read();
        let among = self.among(&index, tests.as_ref(), query.scope);
        found.extend(index.tags(among.as_ref()).filter(|tag| wanted(tag)).map(str::to_owned));
        let end = index.end;
        drop(index);
        self.for_each_new_tagged(end, tests.as_ref(), query.scope, |name| {
            found.extend(series::tags(name).map(|(tag, _)| tag).filter(|tag| wanted(tag)).map(str::to_owned));
            found.extend(Some(NAME_TAG).filter(|tag| wanted(tag)).map(str::to_owned));
        });
        if tests.is_none() && *query.scope == Scope::everything() {
            // Every series has a name.
            let any = self.state.read().space(ValueKind::Number).table.len() > 0;
            found.extend(Some(NAME_TAG).filter(|tag| any && wanted(tag)).map(str::to_owned));
        } else if wanted(NAME_TAG) && !found.contains(NAME_TAG) {
            self.for_each_untagged(ValueKind::Number, tests.as_ref(), &mut |_, name| {
                if query.scope.sees(name) {
                    found.insert(NAME_TAG.to_owned());
                }
            });
        }
        check(tests.as_ref(), filter.as_ref())?;
        Ok(found.into_iter().take(query.limit).collect())
    }

    /// The first `limit` values of a tag in order, each with the number of its series.
    pub fn tag_values(&self, tag: &str, query: &TagListQuery<'_>) -> Result<Vec<(String, u64)>, StoreError> {
        let filter = list_filter(query.filter)?;
        let tests = tests_of(query)?;
        let wanted = |value: &str| {
            value.starts_with(query.prefix) && filter.as_ref().is_none_or(|f| f.is_match(value))
        };
        let mut found = First::new(query.limit);
        let index = self.tags_of(ValueKind::Number).read();
        let among = self.among(&index, tests.as_ref(), query.scope);
        for (value, count) in
            index.counts(tag, query.prefix, among.as_ref()).filter(|(value, _)| wanted(value))
        {
            found.add(value, count);
        }
        let end = index.end;
        drop(index);
        self.for_each_new_tagged(end, tests.as_ref(), query.scope, |name| {
            if let Some(value) = tag_of(name, tag).filter(|value| wanted(value)) {
                found.add(value, 1);
            }
        });
        if tag == NAME_TAG {
            self.for_each_untagged(ValueKind::Number, tests.as_ref(), &mut |_, name| {
                if let Some(value) = tag_of(name, tag).filter(|value| wanted(value) && query.scope.sees(name))
                {
                    found.add(value, 1);
                }
            });
        }
        check(tests.as_ref(), filter.as_ref())?;
        Ok(found.in_order())
    }

    /// Series of the index that fulfil expressions and may be seen; `None` is all.
    fn among(&self, index: &TagIndex, tests: Option<&Tests>, scope: &Scope) -> Option<RoaringBitmap> {
        let selected = tests.map(|tests| index.select(tests));
        if *scope == Scope::everything() {
            return selected;
        }
        let mut seen = RoaringBitmap::new();
        self.for_each_of(&selected.unwrap_or_else(|| index.all()), &mut |id, name| {
            if scope.sees(name) {
                seen.insert(id);
            }
        });
        Some(seen)
    }

    /// Tagged series that the index does not have yet.
    fn for_each_new_tagged(
        &self,
        first: u32,
        tests: Option<&Tests>,
        scope: &Scope,
        mut take: impl FnMut(&str),
    ) {
        for (_, name) in self.snapshot(first).names_from(first, ValueKind::Number) {
            if is_tagged(name) && scope.sees(name) && tests.is_none_or(|tests| tests.pass(name)) {
                take(name);
            }
        }
    }

    fn for_each_untagged(&self, kind: ValueKind, tests: Option<&Tests>, take: &mut dyn FnMut(u32, &str)) {
        if let Some(tests) = tests {
            if tests.demand_tags() {
                return;
            }
            if let Some(name) = tests.only_name() {
                let id = self.state.read().find(self.hasher.hash(name.as_bytes()), name.as_bytes(), kind);
                if let Some(id) = id.filter(|_| !is_tagged(name) && tests.pass(name)) {
                    take(id, name);
                }
                return;
            }
        }
        for (id, name) in self.snapshot(0).names_from(0, kind) {
            if !is_tagged(name) && tests.is_none_or(|tests| tests.pass(name)) {
                take(id, name);
            }
        }
    }

    /// Names of some ids; those that are gone are left out.
    fn for_each_of(&self, ids: &RoaringBitmap, take: &mut dyn FnMut(u32, &str)) {
        const UNDER_ONE_LOCK: usize = 1_024;
        let mut ids = ids.iter().peekable();
        while ids.peek().is_some() {
            let state = self.state.read();
            for id in ids.by_ref().take(UNDER_ONE_LOCK) {
                if let Some(name) = state.arena.name(id) {
                    take(id, name);
                }
            }
        }
    }
}

fn is_tagged(name: &str) -> bool {
    name.contains(';')
}

fn tests_of(query: &TagListQuery<'_>) -> Result<Option<Tests>, StoreError> {
    (!query.expressions.is_empty()).then(|| Tests::compile(query.expressions)).transpose()
}

/// Was every value really looked at?
fn check(tests: Option<&Tests>, filter: Option<&Regex>) -> Result<(), StoreError> {
    tests.map_or(Ok(()), Tests::check)?;
    filter.map_or(Ok(()), Regex::check)
}

impl Tests {
    /// The one name that can pass, if an expression demands it.
    fn only_name(&self) -> Option<&str> {
        self.demands.iter().find_map(|test| match &test.wanted {
            Wanted::Text(text) if test.tag == NAME_TAG && !test.negated => Some(text.as_str()),
            _ => None,
        })
    }
}

/// The first values in order of however many are added, with the sum of their counts.
struct First {
    limit: usize,
    counts: BTreeMap<String, u64>,
}

impl First {
    fn new(limit: usize) -> First {
        First { limit, counts: BTreeMap::new() }
    }

    fn add(&mut self, value: &str, count: u64) {
        if let Some(sum) = self.counts.get_mut(value) {
            *sum += count;
            return;
        }
        if self.counts.len() < self.limit {
            self.counts.insert(value.to_owned(), count);
        } else if self.counts.last_entry().is_some_and(|last| value < last.key().as_str()) {
            self.counts.pop_last();
            self.counts.insert(value.to_owned(), count);
        }
    }

    fn in_order(self) -> Vec<(String, u64)> {
        self.counts.into_iter().collect()
    }
}
