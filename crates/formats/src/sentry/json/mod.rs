//! JSON as SDKs write it. Lenient where a strict reader would lose an event: lone surrogates and bad UTF-8 become U+FFFD, NUL stays out,
//! NaN and the infinities are null, of doubled keys the last holds, and what lies too deep is said to.

mod read;
mod scan;
#[cfg(test)]
mod tests;
mod write;

use std::borrow::Cow;
use std::fmt;

pub use read::{read, read_but, read_within, room_for};

use super::limits::{JSON_DEPTH, JSON_NODES};

/// Stands where containers lay deeper than [`Limits::depth`].
pub const TOO_DEEP: &str = "[too deep]";

/// A document. Borrowed from its bytes wherever these needed no change.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Tree<'a> {
    #[default]
    Null,
    Bool(bool),
    /// As it was written: ids of 64 bits keep all their digits.
    Number(Cow<'a, str>),
    Text(Cow<'a, str>),
    List(Vec<Tree<'a>>),
    /// In the order of the document.
    Map(Vec<(Cow<'a, str>, Tree<'a>)>),
    /// A list of texts as it was written, which nobody needs to know more of ([`read_but`]).
    Unread(Cow<'a, str>),
}

#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub depth: usize,
    pub nodes: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { depth: JSON_DEPTH, nodes: JSON_NODES }
    }
}

/// What cannot be read: where, and why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// In bytes from the beginning of what was given to the reader.
    pub at: usize,
    pub why: String,
}

impl Malformed {
    pub fn new(at: usize, why: impl Into<String>) -> Malformed {
        Malformed { at, why: why.into() }
    }

    /// `what` it was that could not be read, which begins at `offset` of the whole.
    pub(super) fn within(self, offset: usize, what: &str) -> Malformed {
        Malformed { at: self.at + offset, why: format!("{what}: {}", self.why) }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at byte {})", self.why, self.at)
    }
}

impl std::error::Error for Malformed {}

impl<'a> Tree<'a> {
    pub fn owned_text(text: impl Into<String>) -> Tree<'static> {
        Tree::Text(Cow::Owned(text.into()))
    }

    /// Of a map.
    pub fn get(&self, key: &str) -> Option<&Tree<'a>> {
        self.entries().iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    pub fn get_mut(&mut self, key: &str) -> Option<&mut Tree<'a>> {
        let Tree::Map(entries) = self else { return None };
        entries.iter_mut().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The same, for maps within maps.
    pub fn at(&self, path: &[&str]) -> Option<&Tree<'a>> {
        path.iter().try_fold(self, |tree, key| tree.get(key))
    }

    /// Out of a map: it is not in there afterwards.
    pub fn take(&mut self, key: &str) -> Option<Tree<'a>> {
        let Tree::Map(entries) = self else { return None };
        let at = entries.iter().position(|(name, _)| name == key)?;
        Some(entries.remove(at).1)
    }

    /// Into a map, in the place of what was there under the key. Does nothing to what is no map.
    pub fn set(&mut self, key: &'static str, value: Tree<'a>) {
        match self.get_mut(key) {
            Some(there) => *there = value,
            None => {
                if let Tree::Map(entries) = self {
                    entries.push((Cow::Borrowed(key), value));
                }
            }
        }
    }

    /// Of a map; none of anything else.
    pub fn entries(&self) -> &[(Cow<'a, str>, Tree<'a>)] {
        if let Tree::Map(entries) = self { entries } else { &[] }
    }

    /// Of a list; none of anything else.
    pub fn list(&self) -> &[Tree<'a>] {
        if let Tree::List(values) = self { values } else { &[] }
    }

    pub fn is_null(&self) -> bool {
        matches!(self, Tree::Null)
    }

    pub fn text(&self) -> Option<&str> {
        if let Tree::Text(text) = self { Some(text) } else { None }
    }

    pub fn bool(&self) -> Option<bool> {
        if let Tree::Bool(value) = self { Some(*value) } else { None }
    }

    /// A finite number, also one that was written as a text.
    pub fn number(&self) -> Option<f64> {
        let (Tree::Number(digits) | Tree::Text(digits)) = self else { return None };
        digits.trim().parse().ok().filter(|value: &f64| value.is_finite())
    }

    /// A whole number that is not negative, also one that was written as a text or as `1.0`.
    pub fn count(&self) -> Option<u64> {
        let (Tree::Number(digits) | Tree::Text(digits)) = self else { return None };
        let whole = || self.number().filter(|value| value.fract() == 0.0 && (0.0..1.8e19).contains(value));
        digits.trim().parse().ok().or_else(|| whole().map(|value| value as u64))
    }

    /// What is no container, as people would write it: of a tag, say.
    pub fn spelled(&self) -> Option<Cow<'_, str>> {
        match self {
            Tree::Text(text) | Tree::Number(text) => Some(Cow::Borrowed(text)),
            Tree::Bool(value) => Some(Cow::Borrowed(if *value { "true" } else { "false" })),
            Tree::Null | Tree::List(_) | Tree::Map(_) | Tree::Unread(_) => None,
        }
    }

    /// What was not taken apart is so now.
    pub fn read_through(&mut self) {
        if let Tree::Unread(written) = self {
            // It was looked through: it is a list.
            let list = read(written.as_bytes(), &Limits::default()).map(Tree::into_owned);
            *self = list.unwrap_or_default();
        }
    }

    pub fn into_owned(self) -> Tree<'static> {
        let owned = |text: Cow<'a, str>| Cow::Owned(text.into_owned());
        match self {
            Tree::Null => Tree::Null,
            Tree::Bool(value) => Tree::Bool(value),
            Tree::Number(digits) => Tree::Number(owned(digits)),
            Tree::Text(text) => Tree::Text(owned(text)),
            Tree::Unread(written) => Tree::Unread(owned(written)),
            Tree::List(values) => Tree::List(values.into_iter().map(Tree::into_owned).collect()),
            Tree::Map(entries) => {
                Tree::Map(entries.into_iter().map(|(key, value)| (owned(key), value.into_owned())).collect())
            }
        }
    }
}
