//! Answers to patterns.

use std::collections::HashSet;
use std::sync::Arc;

use vocabulary::ports::{FindQuery, Node, Scope, SeriesMatch, StoreError};
use vocabulary::{SeriesRef, ValueKind};

use super::Names;
use super::arena::Closed;
use super::glob::Pattern;
use super::limits::BLOCK_NAMES;
use super::spelling;
use super::walk::{Answer, tree_order};

impl Names {
    /// Nodes that match a pattern, as `vocabulary::ports::SeriesSource::find` says: in the order of the
    /// tree, a branch before the leaf of the same name.
    pub fn find(&self, query: &FindQuery<'_>) -> Result<Vec<Node>, StoreError> {
        if query.pattern.contains(';') {
            return Ok(self.find_exact(query).into_iter().collect());
        }
        let pattern = Pattern::compile(query.pattern)?;
        let mut hits =
            Hits { nodes: Vec::new(), branches: HashSet::new(), scope: query.scope, limit: query.limit };
        let state = self.state.read();
        for (id, name) in state.arena.open_names(query.kind) {
            hits.take_from(&pattern, id, name)?;
        }
        let closed = state.arena.closed().clone();
        drop(state);
        for_closed_names(&closed, query.kind, |id, name| hits.take_from(&pattern, id, name))?;
        Ok(hits.in_order(&pattern))
    }

    fn find_exact(&self, query: &FindQuery<'_>) -> Option<Node> {
        let name = spelling::canonical(query.pattern.as_bytes()).ok()?;
        let id = self.id(name.as_bytes(), query.kind).filter(|_| query.scope.sees(&name))?;
        Some(leaf(id, &name))
    }

    /// Hands every visible name of a kind over, untagged and tagged, in no particular order.
    pub fn for_each(&self, kind: ValueKind, scope: &Scope, mut take: impl FnMut(u32, &str)) {
        let state = self.state.read();
        for (id, name) in state.arena.open_names(kind).filter(|(_, name)| scope.sees(name)) {
            take(id, name);
        }
        let closed = state.arena.closed().clone();
        drop(state);
        let all: Result<(), std::convert::Infallible> = for_closed_names(&closed, kind, |id, name| {
            if scope.sees(name) {
                take(id, name);
            }
            Ok(())
        });
        let Ok(()) = all;
    }
}

pub(super) fn for_closed_names<E>(
    closed: &Closed,
    kind: ValueKind,
    mut take: impl FnMut(u32, &str) -> Result<(), E>,
) -> Result<(), E> {
    for (index, block) in closed.iter().enumerate() {
        for (at, name) in block.names(kind) {
            take((index * BLOCK_NAMES + at) as u32, name)?;
        }
    }
    Ok(())
}

fn leaf(id: u32, name: &str) -> Node {
    Node::Leaf(SeriesMatch { series: SeriesRef(id.into()), name: name.into() })
}

fn path(node: &Node) -> &str {
    match node {
        Node::Branch { path } => path,
        Node::Leaf(found) => &found.name,
    }
}

struct Hits<'q> {
    nodes: Vec<Node>,
    branches: HashSet<String>,
    scope: &'q Scope,
    limit: usize,
}

impl Hits<'_> {
    fn take_from(&mut self, pattern: &Pattern, id: u32, name: &str) -> Result<(), StoreError> {
        if name.contains(';') {
            return Ok(());
        }
        pattern.walk_name(name, |answer| match answer {
            _ if !self.scope.sees(name) => {}
            Answer::Leaf => self.nodes.push(leaf(id, name)),
            Answer::Branch(path) => {
                if !self.branches.contains(path) {
                    self.branches.insert(path.to_owned());
                    self.nodes.push(Node::Branch { path: path.to_owned() });
                }
            }
        });
        if self.nodes.len() > self.limit {
            return Err(StoreError::TooMuch { what: "nodes", limit: self.limit });
        }
        Ok(())
    }

    fn in_order(self, pattern: &Pattern) -> Vec<Node> {
        let mut nodes = self.nodes;
        let is_leaf = |node: &Node| matches!(node, Node::Leaf(_));
        nodes.sort_unstable_by(|a, b| tree_order(path(a), path(b)).then(is_leaf(a).cmp(&is_leaf(b))));
        if !pattern.escaped.is_empty() {
            rename_escaped(&mut nodes, pattern);
        }
        nodes
    }
}

/// Where the pattern has `\*`, graphite-web answers with the pattern's own text for that node, whatever
/// it was that matched. Of several series under one such name the one that is really called so is it.
fn rename_escaped(nodes: &mut Vec<Node>, pattern: &Pattern) {
    let mut seen: Vec<(String, bool, bool)> = Vec::new();
    let mut kept: Vec<Node> = Vec::new();
    for node in nodes.drain(..) {
        let real = path(&node).to_owned();
        let mut parts: Vec<&str> = real.split('.').collect();
        for (at, text) in &pattern.escaped {
            if let Some(part) = parts.get_mut(*at) {
                *part = text;
            }
        }
        let shown = parts.join(".");
        let (is_leaf, exact) = (matches!(node, Node::Leaf(_)), shown == real);
        let renamed = match node {
            Node::Branch { .. } => Node::Branch { path: shown.clone() },
            Node::Leaf(found) => {
                Node::Leaf(SeriesMatch { series: found.series, name: Arc::from(shown.as_str()) })
            }
        };
        match seen.iter().position(|(path, leaf, _)| *path == shown && *leaf == is_leaf) {
            None => {
                seen.push((shown, is_leaf, exact));
                kept.push(renamed);
            }
            Some(at) if exact && !seen[at].2 => kept[at] = renamed,
            Some(_) => {}
        }
    }
    *nodes = kept;
}
