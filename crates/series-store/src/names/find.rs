//! Answers to patterns.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use vocabulary::ports::{FindQuery, Node, Scope, SeriesMatch, StoreError};
use vocabulary::{SeriesRef, ValueKind};

use super::Names;
use super::arena::Snapshot;
use super::glob::{NodePattern, Pattern, Wild};
use super::spelling;
use super::trie::Trie;
use super::walk::{Answer, Positions, tree_order};

impl Names {
    /// Nodes that match a pattern, as `vocabulary::ports::SeriesSource::find` says: in the order of the
    /// tree, a branch before the leaf of the same name.
    pub fn find(&self, query: &FindQuery<'_>) -> Result<Vec<Node>, StoreError> {
        if query.pattern.contains(';') {
            return Ok(self.find_exact(query).into_iter().collect());
        }
        let pattern = Pattern::compile(query.pattern)?;
        let mut hits = Hits::new(query);
        let state = self.state.read();
        let forest = state.space(query.kind).forest.clone();
        let names = state.arena.snapshot(forest.end());
        drop(state);
        for (id, name) in names.names_from(forest.end(), query.kind) {
            hits.take_from(&pattern, id, name)?;
        }
        let by_name = hits.nodes.len();
        for trie in forest.tries.iter() {
            TrieWalk::new(trie, &pattern, &names, &mut hits).run()?;
        }
        let in_order = by_name == 0 && forest.tries.len() == 1;
        hits.finish(&pattern, in_order)
    }

    fn find_exact(&self, query: &FindQuery<'_>) -> Option<Node> {
        let name = spelling::canonical(query.pattern.as_bytes()).ok()?;
        let id = self.id(name.as_bytes(), query.kind).filter(|_| query.scope.sees(&name))?;
        Some(leaf(id, &name))
    }

    /// Hands every visible name of a kind over, untagged and tagged, in no particular order. Nobody
    /// waits for it.
    pub fn for_each(&self, kind: ValueKind, scope: &Scope, mut take: impl FnMut(u32, &str)) {
        for (id, name) in self.snapshot(0).names_from(0, kind).filter(|(_, name)| scope.sees(name)) {
            take(id, name);
        }
    }

    /// What is known now; of names before `id` perhaps not the text.
    pub(super) fn snapshot(&self, id: u32) -> Snapshot {
        self.state.read().arena.snapshot(id)
    }
}

fn leaf(id: u32, name: &str) -> Node {
    Node::Leaf(SeriesMatch { series: SeriesRef(id.into()), name: name.into() })
}

fn branch(path: &str) -> Node {
    Node::Branch { path: path.to_owned() }
}

fn path(node: &Node) -> &str {
    match node {
        Node::Branch { path } => path,
        Node::Leaf(found) => &found.name,
    }
}

fn is_leaf(node: &Node) -> bool {
    matches!(node, Node::Leaf(_))
}

/// What was found so far.
struct Hits<'q> {
    nodes: Vec<Node>,
    /// Branches that single names led to.
    branches: HashSet<String>,
    scope: &'q Scope,
    limit: usize,
    /// Where the nodes of the source at hand start: within one source no node comes twice.
    source: usize,
}

impl<'q> Hits<'q> {
    fn new(query: &FindQuery<'q>) -> Hits<'q> {
        let FindQuery { scope, limit, .. } = *query;
        Hits { nodes: Vec::new(), branches: HashSet::new(), scope, limit, source: 0 }
    }

    fn push(&mut self, node: Node) -> Result<(), StoreError> {
        self.nodes.push(node);
        if self.nodes.len() - self.source > self.limit { Err(self.too_much()) } else { Ok(()) }
    }

    fn too_much(&self) -> StoreError {
        StoreError::TooMuch { what: "nodes", limit: self.limit }
    }

    fn take_from(&mut self, pattern: &Pattern, id: u32, name: &str) -> Result<(), StoreError> {
        if name.contains(';') || !self.scope.sees(name) {
            return Ok(());
        }
        let mut taken = Ok(());
        pattern.walk_name(name, |answer| {
            let new = match answer {
                Answer::Leaf => self.push(leaf(id, name)),
                Answer::Branch(path) if self.branches.contains(path) => Ok(()),
                Answer::Branch(path) => {
                    self.branches.insert(path.to_owned());
                    self.push(branch(path))
                }
            };
            if taken.is_ok() {
                taken = new;
            }
        });
        taken
    }

    /// Gives escaped nodes their names, sorts, and drops branches that several sources know.
    fn finish(self, pattern: &Pattern, in_order: bool) -> Result<Vec<Node>, StoreError> {
        let too_much = self.too_much();
        let (mut nodes, limit) = (self.nodes, self.limit);
        if !pattern.escaped.is_empty() {
            nodes = rename_escaped(nodes, pattern);
        }
        if !in_order || !pattern.escaped.is_empty() {
            nodes.sort_by(|a, b| tree_order(path(a), path(b)).then(is_leaf(a).cmp(&is_leaf(b))));
            nodes.dedup_by(|next, kept| !is_leaf(next) && next == kept);
        }
        if nodes.len() > limit { Err(too_much) } else { Ok(nodes) }
    }
}

/// Where the pattern has `\*`, graphite-web answers with the pattern's own text for that node, whatever
/// it was that matched. Of several series under one such name the one that is really called so is it.
fn rename_escaped(nodes: Vec<Node>, pattern: &Pattern) -> Vec<Node> {
    let mut kept: Vec<(Node, bool)> = Vec::new();
    for node in nodes {
        let mut parts: Vec<&str> = path(&node).split('.').collect();
        for (at, text) in &pattern.escaped {
            if let Some(part) = parts.get_mut(*at) {
                *part = text;
            }
        }
        let shown = parts.join(".");
        let is_exact = shown == path(&node);
        let renamed = match &node {
            Node::Branch { .. } => branch(&shown),
            Node::Leaf(found) => {
                Node::Leaf(SeriesMatch { series: found.series, name: Arc::from(shown.as_str()) })
            }
        };
        let same = |(other, _): &&mut (Node, bool)| is_leaf(other) == is_leaf(&node) && path(other) == shown;
        match kept.iter_mut().find(same) {
            None => kept.push((renamed, is_exact)),
            Some(other) if is_exact && !other.1 => *other = (renamed, true),
            Some(_) => {}
        }
    }
    kept.into_iter().map(|(node, _)| node).collect()
}

/// One pattern on its way through one trie.
struct TrieWalk<'a, 'q> {
    trie: &'a Trie,
    pattern: &'a Pattern,
    names: &'a Snapshot,
    /// For each node of the pattern, what it says about the labels of this trie.
    selectors: Vec<Selector<'a>>,
    path: String,
    hits: &'a mut Hits<'q>,
}

/// A node of a pattern in terms of label numbers.
struct Selector<'a> {
    texts: Vec<u32>,
    wilds: Vec<(Range<u32>, &'a Wild)>,
    any_depth: bool,
}

impl<'a> Selector<'a> {
    fn new(trie: &Trie, node: &'a NodePattern) -> Selector<'a> {
        Selector {
            texts: node.texts.iter().filter_map(|text| trie.labels().find(text)).collect(),
            wilds: node.wilds.iter().map(|wild| (trie.labels().with_prefix(&wild.prefix), wild)).collect(),
            any_depth: node.any_depth,
        }
    }

    fn takes(&self, label: u32, trie: &Trie) -> bool {
        self.texts.binary_search(&label).is_ok()
            || self.wilds.iter().any(|(range, wild)| range.contains(&label) && takes(wild, label, trie))
    }
}

/// For a label that has the prefix of the wildcard.
fn takes(wild: &Wild, label: u32, trie: &Trie) -> bool {
    wild.is_prefix_only() || wild.matches(trie.labels().get(label))
}

impl<'a, 'q> TrieWalk<'a, 'q> {
    fn new(
        trie: &'a Trie,
        pattern: &'a Pattern,
        names: &'a Snapshot,
        hits: &'a mut Hits<'q>,
    ) -> TrieWalk<'a, 'q> {
        hits.source = hits.nodes.len();
        let selectors = pattern.nodes.iter().map(|node| Selector::new(trie, node)).collect();
        TrieWalk { trie, pattern, names, selectors, path: String::new(), hits }
    }

    fn run(mut self) -> Result<(), StoreError> {
        let (root, start) = (self.trie.root(), self.pattern.start());
        if self.pattern.ends_here(start) && self.shows_below(root.clone()) {
            self.hits.push(branch(""))?;
        }
        self.visit(root, start)
    }

    fn visit(&mut self, siblings: Range<usize>, positions: Positions) -> Result<(), StoreError> {
        match positions.single().map(|at| (at, &self.selectors[at])) {
            Some((_, Selector { any_depth: false, texts, wilds })) if wilds.is_empty() => {
                for label in texts.clone() {
                    for node in self.trie.among(siblings.clone(), &(label..label + 1)) {
                        self.visit_node(node, positions)?;
                    }
                }
            }
            Some((_, Selector { any_depth: false, texts, wilds }))
                if texts.is_empty() && wilds.len() == 1 =>
            {
                let (range, _) = &wilds[0];
                for node in self.trie.among(siblings, range) {
                    self.visit_node(node, positions)?;
                }
            }
            _ => {
                for node in siblings {
                    self.visit_node(node, positions)?;
                }
            }
        }
        Ok(())
    }

    fn visit_node(&mut self, node: usize, positions: Positions) -> Result<(), StoreError> {
        let label = self.trie.label(node);
        let step = self.pattern.step(positions, |at, _| self.selectors[at].takes(label, self.trie));
        let children = self.trie.children(node);
        let goes_on = !step.below.is_empty() && !children.is_empty();
        if !step.accepted && !goes_on {
            return Ok(());
        }
        let before = self.path.len();
        if before > 0 {
            self.path.push('.');
        }
        self.path.push_str(self.trie.labels().get(label));
        let done = self.visit_path(node, children, step.accepted, step.below);
        self.path.truncate(before);
        done
    }

    /// The path of the node is in `path`.
    fn visit_path(
        &mut self,
        node: usize,
        children: Range<usize>,
        accepted: bool,
        below: Positions,
    ) -> Result<(), StoreError> {
        if accepted && self.shows_below(children.clone()) {
            self.hits.push(branch(&self.path))?;
        }
        if accepted && let Some(id) = self.trie.leaf(node).filter(|id| self.shows(*id)) {
            self.hits.push(leaf(id, &self.path))?;
        }
        if children.is_empty() || below.is_empty() {
            return Ok(());
        }
        if self.pattern.ends_here(below) && self.shows_below(children.clone()) {
            self.hits.push(branch(&(self.path.clone() + ".")))?;
        }
        self.visit(children, below)
    }

    /// For the leaf whose path is in `path`.
    fn shows(&self, id: u32) -> bool {
        self.hits.scope.sees(&self.path) && self.names.is_alive(id)
    }

    /// Is there a series below the node in `path` that is alive and may be seen?
    fn shows_below(&mut self, children: Range<usize>) -> bool {
        if children.is_empty() {
            return false;
        }
        let before = self.path.len();
        if before > 0 {
            self.path.push('.');
        }
        let dotted = self.path.len();
        let mut shows = false;
        if self.hits.scope.sees_below(&self.path) {
            for child in children {
                self.path.push_str(self.trie.labels().get(self.trie.label(child)));
                shows = self.trie.leaf(child).is_some_and(|id| self.shows(id))
                    || self.shows_below(self.trie.children(child));
                self.path.truncate(dotted);
                if shows {
                    break;
                }
            }
        }
        self.path.truncate(before);
        shows
    }
}
