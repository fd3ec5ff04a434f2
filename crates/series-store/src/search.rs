//! Series by words that their names hold.

use std::collections::BTreeSet;
use std::sync::Arc;

use vocabulary::ports::{SearchQuery, SeriesMatch};
use vocabulary::{SeriesRef, ValueKind};

use crate::store::Store;

impl Store {
    /// Without words the newest names, newest first; else short names first, and in order among equals.
    pub(crate) fn search_names(&self, query: &SearchQuery<'_>) -> Vec<SeriesMatch> {
        if query.words.is_empty() { self.newest_names(query) } else { self.names_with_words(query) }
    }

    fn newest_names(&self, query: &SearchQuery<'_>) -> Vec<SeriesMatch> {
        let newest = self.names.newest().into_iter();
        let seen = newest.filter(|new| {
            query.scope.sees(&new.name)
                && self.names.id(new.name.as_bytes(), ValueKind::Number) == Some(new.id)
        });
        seen.take(query.limit).map(|new| SeriesMatch { series: series(new.id), name: new.name }).collect()
    }

    fn names_with_words(&self, query: &SearchQuery<'_>) -> Vec<SeriesMatch> {
        // As many as are wanted, the best so far; all names go by once.
        let mut best: BTreeSet<(usize, Arc<str>, u32)> = BTreeSet::new();
        let mut lower = String::new();
        self.names.for_each(ValueKind::Number, query.scope, |id, name| {
            lower.clear();
            lower.extend(name.chars().flat_map(char::to_lowercase));
            if !query.words.iter().all(|word| lower.contains(word.as_str())) {
                return;
            }
            let longest = best.last().map_or(usize::MAX, |(length, ..)| *length);
            if best.len() < query.limit || name.len() <= longest {
                best.insert((name.len(), name.into(), id));
                if best.len() > query.limit {
                    best.pop_last();
                }
            }
        });
        best.into_iter().map(|(_, name, id)| SeriesMatch { series: series(id), name }).collect()
    }
}

fn series(id: u32) -> SeriesRef {
    SeriesRef(u64::from(id))
}
