//! Where many names are. Looks at all of them, some 50 ns each, without holding anybody up.

use std::collections::HashMap;

use vocabulary::ValueKind;
use vocabulary::series;

use super::Names;
use super::guard::first_two_nodes;

/// Prefixes that are counted at the same time.
const CANDIDATES_MAX: usize = 8_192;

/// A branch of the name tree with many children.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WideNode {
    pub path: String,
    pub children: u32,
}

impl Names {
    /// The prefixes (first two nodes) with most series, tagged ones too, most first. One that less than one
    /// series in 8,192 has may be missed if there are more prefixes than that.
    pub fn largest_prefixes(&self, most: usize) -> Vec<(String, u64)> {
        let names = self.snapshot(0);
        let mut candidates = Candidates::default();
        for (_, name) in names.names_from(0, ValueKind::Number) {
            candidates.count(first_two_nodes(name));
        }
        let mut counts: HashMap<String, u64> =
            candidates.counts.into_keys().map(|prefix| (prefix, 0)).collect();
        for (_, name) in names.names_from(0, ValueKind::Number) {
            if let Some(count) = counts.get_mut(first_two_nodes(name)) {
                *count += 1;
            }
        }
        let mut counts: Vec<(String, u64)> = counts.into_iter().collect();
        counts.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        counts.truncate(most);
        counts
    }

    /// The branches with most children, most first. The root's path is empty.
    pub fn widest_nodes(&self, most: usize) -> Vec<WideNode> {
        let state = self.state.read();
        let mut wanted = state.space(ValueKind::Number).children.widest(most);
        let names = state.arena.snapshot(0);
        drop(state);
        // A branch is known by its hash only: its path is that of a name below it.
        let mut found = Vec::new();
        let mut before = "";
        for (_, name) in
            names.names_from(0, ValueKind::Number).filter(|(_, name)| series::split(name).1.is_empty())
        {
            if wanted.is_empty() {
                break;
            }
            let new_from = super::walk::common_bytes(before.as_bytes(), name.as_bytes());
            let dots = name.match_indices('.').map(|(at, _)| at).filter(|at| *at >= new_from);
            for end in dots.chain((before.is_empty()).then_some(0)) {
                if let Some(children) = wanted.remove(&self.hasher.hash(&name.as_bytes()[..end])) {
                    found.push(WideNode { path: name[..end].to_owned(), children });
                }
            }
            before = name;
        }
        found.sort_unstable_by(|a, b| b.children.cmp(&a.children).then_with(|| a.path.cmp(&b.path)));
        found
    }
}

/// Those that are more than one in so many of all are among the last ones standing (Misra and Gries 1982).
#[derive(Default)]
struct Candidates {
    counts: HashMap<String, u64>,
}

impl Candidates {
    fn count(&mut self, prefix: &str) {
        if let Some(count) = self.counts.get_mut(prefix) {
            *count += 1;
        } else if self.counts.len() < CANDIDATES_MAX {
            self.counts.insert(prefix.to_owned(), 1);
        } else {
            self.counts.retain(|_, count| {
                *count -= 1;
                *count > 0
            });
        }
    }
}
