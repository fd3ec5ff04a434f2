//! Answers to tag expressions.

use std::collections::{BTreeMap, BTreeSet};

use vocabulary::ports::{SeriesMatch, StoreError, TagListQuery, TagQuery};
use vocabulary::series;
use vocabulary::{SeriesRef, ValueKind};

use super::Names;
use super::tag_query::{NAME_TAG, Tests, list_filter, tag_of};

impl Names {
    /// Series that fulfil all expressions, in the order of their names (bytes).
    pub fn find_tagged(&self, query: &TagQuery<'_>) -> Result<Vec<SeriesMatch>, StoreError> {
        let tests = Tests::compile(query.expressions)?;
        let mut found = Vec::new();
        self.for_each(query.kind, query.scope, |id, name| {
            if found.len() <= query.limit && tests.pass(name) {
                found.push(SeriesMatch { series: SeriesRef(id.into()), name: name.into() });
            }
        });
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
        let mut found = BTreeSet::new();
        self.for_each(ValueKind::Number, query.scope, |_, name| {
            if tests.as_ref().is_none_or(|tests| tests.pass(name)) {
                found.extend(
                    [NAME_TAG]
                        .into_iter()
                        .chain(series::tags(name).map(|(tag, _)| tag))
                        .filter(|tag| {
                            tag.starts_with(query.prefix)
                                && filter.as_ref().is_none_or(|filter| filter.is_match(tag))
                                && !query.expressions.iter().any(|expression| expression.tag == *tag)
                        })
                        .map(str::to_owned),
                );
            }
        });
        Ok(found.into_iter().take(query.limit).collect())
    }

    /// The first `limit` values of a tag in order, each with the number of its series.
    pub fn tag_values(&self, tag: &str, query: &TagListQuery<'_>) -> Result<Vec<(String, u64)>, StoreError> {
        let filter = list_filter(query.filter)?;
        let tests = tests_of(query)?;
        let mut found: BTreeMap<String, u64> = BTreeMap::new();
        self.for_each(ValueKind::Number, query.scope, |_, name| {
            let value = tag_of(name, tag).filter(|value| value.starts_with(query.prefix));
            let value = value.filter(|value| filter.as_ref().is_none_or(|filter| filter.is_match(value)));
            if let Some(value) = value.filter(|_| tests.as_ref().is_none_or(|tests| tests.pass(name))) {
                *found.entry(value.to_owned()).or_default() += 1;
            }
        });
        Ok(found.into_iter().take(query.limit).collect())
    }
}

fn tests_of(query: &TagListQuery<'_>) -> Result<Option<Tests>, StoreError> {
    (!query.expressions.is_empty()).then(|| Tests::compile(query.expressions)).transpose()
}
