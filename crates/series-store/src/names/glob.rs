//! Graphite's patterns, read as graphite-web 1.1.10 reads them.
//!
//! A pattern is split at dots; then in each node braces are expanded from the inside out, and what comes
//! out is plain text, `**` (any number of levels, none too) or a wildcard in the manner of Python's
//! `fnmatch`: `*`, `?`, `[abc]`, `[a-z]`, `[!a]`. Backslashes are dropped first: they escape nothing
//! here, they only make the answer carry the pattern's own text (see [`Pattern::escaped`]).

use std::collections::BTreeSet;

use vocabulary::ports::StoreError;

use super::limits::{BRACE_BYTES_MAX, DEPTH_MAX, PATTERN_BYTES_MAX};

#[derive(Debug, PartialEq)]
pub(super) struct Pattern {
    pub(super) nodes: Vec<NodePattern>,
    /// Nodes whose text in the answer is the pattern's: those in which `*`, `?`, `[` or `{` had a
    /// backslash before it.
    pub(super) escaped: Vec<(usize, String)>,
}

/// What one node must look like: like any of these.
#[derive(Debug, Default, PartialEq)]
pub(super) struct NodePattern {
    /// In order.
    pub(super) texts: Vec<String>,
    pub(super) wilds: Vec<Wild>,
    /// `**`: this and all levels below.
    pub(super) any_depth: bool,
    /// Nothing between two dots: the level itself, as a doubled slash in a path.
    pub(super) here: bool,
}

/// A compiled wildcard: what stands before the first, and the rest.
#[derive(Debug, PartialEq)]
pub(super) struct Wild {
    pub(super) prefix: String,
    tokens: Vec<Token>,
}

#[derive(Debug, PartialEq)]
enum Token {
    Star,
    Any,
    One(char),
    Set { negated: bool, ranges: Vec<(char, char)> },
}

impl Pattern {
    pub(super) fn compile(text: &str) -> Result<Pattern, StoreError> {
        if text.len() > PATTERN_BYTES_MAX {
            return Err(StoreError::TooMuch { what: "bytes of pattern", limit: PATTERN_BYTES_MAX });
        }
        let mut nodes = Vec::new();
        let mut escaped = Vec::new();
        for (at, raw) in text.split('.').enumerate() {
            let clean = raw.replace('\\', "");
            nodes.push(NodePattern::compile(&clean)?);
            if is_escaped(raw) {
                escaped.push((at, clean));
            }
        }
        // No name is deeper, but `**` and empty nodes match no level of their own.
        if nodes.len() > 2 * DEPTH_MAX {
            return Err(StoreError::TooMuch { what: "nodes in a pattern", limit: 2 * DEPTH_MAX });
        }
        Ok(Pattern { nodes, escaped })
    }
}

/// graphite-web looks at the first of each symbol only.
fn is_escaped(raw: &str) -> bool {
    ['*', '?', '[', '{'].iter().any(|symbol| raw.find(*symbol).is_some_and(|at| raw[..at].ends_with('\\')))
}

impl NodePattern {
    fn compile(text: &str) -> Result<NodePattern, StoreError> {
        let mut node = NodePattern::default();
        for text in expand_braces(text)? {
            match text.as_str() {
                "**" => node.any_depth = true,
                "" => node.here = true,
                wild if wild.contains(['*', '?', '[']) => node.wilds.push(Wild::compile(wild)),
                _ => node.texts.push(text),
            }
        }
        node.texts.sort_unstable();
        Ok(node)
    }

    /// Does a node called `label` match, apart from `**`?
    pub(super) fn matches(&self, label: &str) -> bool {
        self.wilds.iter().any(|wild| wild.matches(label))
            || self.texts.binary_search_by(|text| text.as_str().cmp(label)).is_ok()
    }
}

/// `x{a,b}` is `xa` and `xb`. The innermost braces go first; braces without a partner stay as they are.
fn expand_braces(text: &str) -> Result<BTreeSet<String>, StoreError> {
    let mut done = BTreeSet::new();
    let mut open = vec![text.to_owned()];
    let mut made = 0;
    while let Some(text) = open.pop() {
        let Some((start, end)) = innermost_braces(&text) else {
            done.insert(text);
            continue;
        };
        for choice in text[start + 1..end].split(',') {
            let chosen = [&text[..start], choice, &text[end + 1..]].concat();
            made += chosen.len();
            if made > BRACE_BYTES_MAX {
                return Err(StoreError::TooMuch { what: "bytes of expanded braces", limit: BRACE_BYTES_MAX });
            }
            open.push(chosen);
        }
    }
    Ok(done)
}

/// The first `{` that is followed by a `}` without another brace between.
fn innermost_braces(text: &str) -> Option<(usize, usize)> {
    let mut start = None;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => start = Some(at),
            b'}' => {
                if let Some(start) = start {
                    return Some((start, at));
                }
            }
            _ => {}
        }
    }
    None
}

impl Wild {
    fn compile(text: &str) -> Wild {
        let characters: Vec<char> = text.chars().collect();
        // Looked for once: else each of many `[` without a partner would look through all that follows it.
        let last_close = characters.iter().rposition(|character| *character == ']').unwrap_or(0);
        let mut tokens = Vec::new();
        let mut at = 0;
        while at < characters.len() {
            let (token, next) = token(&characters, at, last_close);
            at = next;
            if token != Token::Star || tokens.last() != Some(&Token::Star) {
                tokens.push(token);
            }
        }
        let plain = tokens.iter().take_while(|token| matches!(token, Token::One(_))).count();
        let prefix = tokens.drain(..plain).filter_map(|token| match token {
            Token::One(character) => Some(character),
            _ => None,
        });
        Wild { prefix: prefix.collect(), tokens }
    }

    pub(super) fn matches(&self, label: &str) -> bool {
        label.strip_prefix(self.prefix.as_str()).is_some_and(|rest| self.matches_rest(rest))
    }

    /// Does it match everything that has the prefix?
    pub(super) fn is_prefix_only(&self) -> bool {
        self.tokens == [Token::Star]
    }

    /// `rest` is what follows the prefix.
    pub(super) fn matches_rest(&self, rest: &str) -> bool {
        // The place to go back to: the token after the last star, and where it was tried last.
        let mut retry: Option<(usize, &str)> = None;
        let (mut token, mut text) = (0, rest);
        loop {
            if self.tokens.get(token) == Some(&Token::Star) {
                token += 1;
                retry = Some((token, text));
                if token == self.tokens.len() {
                    return true;
                }
                continue;
            }
            let mut characters = text.chars();
            let next = characters.next();
            match (self.tokens.get(token), next) {
                (None, None) => return true,
                (Some(wanted), Some(character)) if wanted.takes(character) => {
                    token += 1;
                    text = characters.as_str();
                }
                _ => {
                    let Some((after_star, from)) = retry else { return false };
                    let mut later = from.chars();
                    if later.next().is_none() {
                        return false;
                    }
                    (token, text) = (after_star, later.as_str());
                    retry = Some((after_star, text));
                }
            }
        }
    }
}

impl Token {
    fn takes(&self, character: char) -> bool {
        match self {
            Token::Star => false,
            Token::Any => true,
            Token::One(wanted) => *wanted == character,
            Token::Set { negated, ranges } => {
                ranges.iter().any(|(low, high)| (*low..=*high).contains(&character)) != *negated
            }
        }
    }
}

fn token(text: &[char], at: usize, last_close: usize) -> (Token, usize) {
    match text[at] {
        '*' => (Token::Star, at + 1),
        '?' => (Token::Any, at + 1),
        '[' if at < last_close => match end_of_set(text, at + 1) {
            Some(end) => (set(&text[at + 1..end]), end + 1),
            None => (Token::One('['), at + 1),
        },
        plain => (Token::One(plain), at + 1),
    }
}

/// Where the `]` is; one right after `[` or `[!` is a member, not the end.
fn end_of_set(text: &[char], start: usize) -> Option<usize> {
    let mut at = start;
    for first in ['!', ']'] {
        if text.get(at) == Some(&first) {
            at += 1;
        }
    }
    (at..text.len()).find(|at| text[*at] == ']')
}

/// The members of `[...]`, as Python 3.11 reads them: a range whose ends are the wrong way round is
/// empty, `[!]` cannot occur, and a hyphen at either end is itself.
fn set(members: &[char]) -> Token {
    let (negated, members) = match members {
        ['!', rest @ ..] => (true, rest),
        all => (false, all),
    };
    let mut ranges = Vec::new();
    let mut at = 0;
    while at < members.len() {
        match members[at..] {
            [low, '-', high, ..] => {
                if low <= high {
                    ranges.push((low, high));
                }
                at += 3;
            }
            [one, ..] => {
                ranges.push((one, one));
                at += 1;
            }
            [] => break,
        }
    }
    Token::Set { negated, ranges }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_without_a_partner_are_read_at_once() {
        // Looking for each one's partner anew would take minutes.
        let started = std::time::Instant::now();
        let open = "[".repeat(60_000);
        let pattern = Pattern::compile(&format!("{open}{{a,b}}{{a,b}}{{a,b}}{{a,b}}{{a,b}}")).unwrap();
        let wilds = &pattern.nodes[0].wilds;
        assert!(wilds.len() == 32 && wilds[0].prefix.starts_with(&open) && wilds[0].tokens.is_empty());
        assert!(started.elapsed().as_secs() < 20);
    }

    #[test]
    fn the_last_bracket_that_closes_counts() {
        for (pattern, label) in
            [("[a]]", "a]"), ("[]]", "]"), ("[[]", "["), ("[]", "[]"), ("a[b]c[", "abc["), ("[!]", "[!]")]
        {
            assert!(Wild::compile(pattern).matches(label), "{pattern}");
        }
    }
}
