//! What people write beside an object. One place for all of them, so that it is known which have changed since they
//! were written down last.

use std::collections::{BTreeMap, BTreeSet};

use super::commands::Comment;

#[derive(Debug, Default)]
pub(super) struct Comments {
    pub by_id: BTreeMap<u64, Comment>,
    pub next_id: u64,
    /// Came, went or changed.
    pub changed: BTreeSet<u64>,
}

impl Comments {
    /// Under the next number.
    pub fn add(&mut self, mut comment: Comment) -> u64 {
        let id = self.next_id.max(1);
        comment.id = id;
        self.insert(comment);
        id
    }

    pub fn insert(&mut self, comment: Comment) {
        self.next_id = self.next_id.max(comment.id + 1);
        self.changed.insert(comment.id);
        self.by_id.insert(comment.id, comment);
    }

    pub fn remove(&mut self, id: u64) -> Option<Comment> {
        let comment = self.by_id.remove(&id)?;
        self.changed.insert(id);
        Some(comment)
    }

    /// True if any went.
    pub fn remove_where(&mut self, goes: impl Fn(&Comment) -> bool) -> bool {
        let gone: Vec<u64> =
            self.by_id.values().filter(|comment| goes(comment)).map(|comment| comment.id).collect();
        gone.iter().for_each(|id| drop(self.remove(*id)));
        !gone.is_empty()
    }
}
