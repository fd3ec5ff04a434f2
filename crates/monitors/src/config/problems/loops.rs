//! What goes round in a circle: parents, dependencies, periods that exclude each other.

use std::collections::{BTreeMap, HashSet};

/// Names of a circle that are told.
const NAMES_TOLD: usize = 10;

/// Edges are (from, to, key). Each loop is told once, at the edge that closes it.
pub(super) fn loops(edges: Vec<(&str, &str, String)>, word: &str) -> Vec<(String, String)> {
    let mut next: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
    for (from, to, key) in &edges {
        next.entry(from).or_default().push((to, key));
    }
    let mut done: HashSet<&str> = HashSet::new();
    let mut closed = Vec::new();
    for start in next.keys() {
        walk(start, &next, &mut done, &mut closed);
    }
    let told = |(key, round): (String, Vec<String>)| {
        let more = round.len().saturating_sub(NAMES_TOLD);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        let names = round[..round.len().min(NAMES_TOLD)].join(&format!("` {word} `"));
        (key, format!("goes round in a circle: `{names}`{more}; take one of them out"))
    };
    closed.into_iter().map(told).collect()
}

/// Depth first, without recursion: chains may be as long as the list.
fn walk<'e>(
    start: &'e str,
    next: &BTreeMap<&'e str, Vec<(&'e str, &'e str)>>,
    done: &mut HashSet<&'e str>,
    closed: &mut Vec<(String, Vec<String>)>,
) {
    let mut path: Vec<(&str, usize)> = vec![(start, 0)];
    let mut on_path: HashSet<&str> = HashSet::from([start]);
    while let Some((node, position)) = path.last_mut() {
        let node: &'e str = node;
        let edge = next.get(node).and_then(|edges| edges.get(*position)).copied();
        *position += 1;
        match edge {
            None => {
                done.insert(node);
                on_path.remove(node);
                path.pop();
            }
            Some((to, key)) if on_path.contains(to) => {
                let from = path.iter().position(|(name, _)| *name == to).unwrap_or(0);
                let round = path[from..].iter().map(|(name, _)| *name).chain([to]).map(str::to_owned);
                closed.push((key.to_owned(), round.collect()));
            }
            Some((to, _)) if !done.contains(to) => {
                on_path.insert(to);
                path.push((to, 0));
            }
            Some(_) => {}
        }
    }
}
