//! Series by words that their names hold.

use std::collections::BTreeSet;
use std::sync::Arc;

use memchr::memmem;
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
        let words = Words::new(query.words);
        self.names.for_each(ValueKind::Number, query.scope, |id, name| {
            let beaten = best.last().is_some_and(|(length, last, _)| (*length, &**last) < (name.len(), name));
            if best.len() >= query.limit && beaten || !words.are_in(name) {
                return;
            }
            best.insert((name.len(), name.into(), id));
            if best.len() > query.limit {
                best.pop_last();
            }
        });
        best.into_iter().map(|(_, name, id)| SeriesMatch { series: series(id), name }).collect()
    }
}

/// Words in lower case, prepared to be looked for in many names.
struct Words<'w> {
    texts: &'w [String],
    finders: Vec<memmem::Finder<'w>>,
}

impl<'w> Words<'w> {
    fn new(texts: &'w [String]) -> Words<'w> {
        Words { texts, finders: texts.iter().map(|word| memmem::Finder::new(word.as_bytes())).collect() }
    }

    /// Nearly all names are plain lower case; only the others are worth folding.
    fn are_in(&self, name: &str) -> bool {
        if name.bytes().any(|byte| byte.is_ascii_uppercase() || !byte.is_ascii()) {
            let lower = name.to_lowercase();
            return self.texts.iter().all(|word| lower.contains(word.as_str()));
        }
        self.finders.iter().all(|finder| finder.find(name.as_bytes()).is_some())
    }
}

fn series(id: u32) -> SeriesRef {
    SeriesRef(u64::from(id))
}
