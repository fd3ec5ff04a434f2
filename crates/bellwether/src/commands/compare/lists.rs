//! What both answer when they are asked for names: the functions, and some branches of the tree in each round.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Comparison;
use super::names::Names;
use super::original::{Kind as AnswerKind, Trouble};
use super::report::{Difference, Kind};
use super::sides::{self, Which};
use crate::client::encode;

/// Branches of one round: others each time.
const BRANCHES: usize = 20;

type List = BTreeSet<String>;
type Reader = fn(&Value) -> List;

impl Comparison {
    pub async fn lists(&mut self, names: &Names) -> Result<(), Trouble> {
        self.functions().await?;
        for branch in branches(names, self.round.number as usize) {
            let query = encode(&format!("{branch}.*"));
            self.list(&format!("/metrics/find?format=treejson&query={query}"), nodes).await?;
            self.list(&format!("/metrics/expand?query={query}"), results).await?;
        }
        Ok(())
    }

    async fn functions(&mut self) -> Result<(), Trouble> {
        let Some((theirs, ours)) = self.both("/functions", keys).await? else { return Ok(()) };
        for missing in theirs.difference(&ours) {
            let cause = "a function of theirs (a plugin?) that is not known here";
            self.see(Difference::about(missing, Kind::NotAnsweredHere, cause))?;
        }
        Ok(())
    }

    async fn list(&mut self, path: &str, read: Reader) -> Result<(), Trouble> {
        let Some((theirs, ours)) = self.both(path, read).await? else { return Ok(()) };
        if theirs == ours {
            return Ok(());
        }
        let only = |a: &List, b| a.difference(b).next().cloned().map_or(Value::Null, Value::from);
        self.see(Difference {
            theirs: only(&theirs, &ours),
            ours: only(&ours, &theirs),
            ..Difference::about(path, Kind::Answer, "another list of names")
        })
    }

    /// Nothing to compare if graphite-web refuses to answer; if only Bellwether does, that is a difference.
    async fn both(&mut self, path: &str, read: Reader) -> Result<Option<(List, List)>, Trouble> {
        self.round.queries += 1;
        let theirs = match self.sides.ask(Which::Theirs, path, None, AnswerKind::Json).await {
            Err(Trouble::Refused { .. } | Trouble::TooMuch(_)) => return Ok(None),
            body => sides::json(&body?)?,
        };
        match self.sides.ask(Which::Ours, path, None, AnswerKind::Json).await {
            Err(trouble @ Trouble::Refused { .. }) => {
                self.see(Difference::about(path, Kind::NotAnsweredHere, trouble.to_string()))?;
                Ok(None)
            }
            body => Ok(Some((read(&theirs), read(&sides::json(&body?)?)))),
        }
    }
}

/// Branches in which both have the same names.
fn branches(names: &Names, round: usize) -> Vec<&str> {
    let parents: BTreeSet<&str> = names
        .both
        .iter()
        .filter(|name| !name.contains(';'))
        .filter_map(|name| Some(name.rsplit_once('.')?.0))
        .collect();
    let one_sided = |parent: &str| {
        let inside = |name: &String| name.strip_prefix(parent).is_some_and(|rest| rest.starts_with('.'));
        names.only_here.iter().chain(&names.only_there).any(inside)
    };
    let every = parents.len().div_ceil(BRANCHES).max(1);
    let chosen = parents.into_iter().skip(round % every).step_by(every);
    chosen.filter(|parent| !one_sided(parent)).collect()
}

fn keys(json: &Value) -> BTreeSet<String> {
    json.as_object().map(|functions| functions.keys().cloned().collect()).unwrap_or_default()
}

/// Each with what it is: a leaf, a branch.
fn nodes(json: &Value) -> BTreeSet<String> {
    let node = |node: &Value| {
        let is = |field: &str| node[field].as_i64().unwrap_or(0) > 0;
        let kind = if is("leaf") { "series" } else { "branch" };
        Some(format!("{} ({kind})", node["id"].as_str()?))
    };
    json.as_array().into_iter().flatten().filter_map(node).collect()
}

fn results(json: &Value) -> BTreeSet<String> {
    json["results"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_with_names_of_one_side_are_left_out() {
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let names = Names {
            both: list(&["a.b.c", "a.b.d", "e.f", "ab.c", "t;x=y.z", "plain"]),
            only_there: list(&["a.b.e"]),
            only_here: list(&["abc.x"]),
            left_out: Vec::new(),
        };
        assert_eq!(branches(&names, 1), ["ab", "e"]);
        let many = Names {
            both: (0..1_000).map(|n| format!("p{n:03}.x")).collect(),
            only_there: vec![],
            only_here: vec![],
            left_out: vec![],
        };
        let (first, second) = (branches(&many, 0), branches(&many, 1));
        assert_eq!((first.len(), first[0], second[0]), (BRANCHES, "p000", "p001"));
    }
}
