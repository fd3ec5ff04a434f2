use vocabulary::ports::{FindQuery, Node, Scope, Successor};
use vocabulary::{PointBatch, Timestamp, ValueKind};

use super::*;

pub(super) const NOW: Timestamp = Timestamp(1_700_000_000);

pub(super) fn names(list: &[&str]) -> Names {
    let names = Names::new(GuardLimits::default());
    for name in list {
        names.create(name.as_bytes(), ValueKind::Number, NOW).unwrap();
    }
    names
}

fn batch(list: &[&str]) -> PointBatch {
    let mut batch = PointBatch::default();
    for name in list {
        batch.push(name.as_bytes(), NOW, 1.0);
    }
    batch
}

fn found(names: &Names, pattern: &str) -> Vec<String> {
    let scope = Scope::everything();
    let query = FindQuery { pattern, kind: ValueKind::Number, scope: &scope, limit: 1000 };
    let nodes = names.find(&query).unwrap();
    nodes
        .into_iter()
        .map(|node| match node {
            Node::Branch { path } => path + "/",
            Node::Leaf(found) => found.name.to_string(),
        })
        .collect()
}

#[test]
fn names_resolve_whether_predicted_or_not() {
    let names = names(&["a.a", "a.b", "a.c"]);
    let mut hint = Successor::default();
    let mut out = Vec::new();
    for _ in 0..3 {
        out.clear();
        names.resolve(&batch(&["a.a", "a.b", "x", "a.c"]), ValueKind::Number, &mut hint, &mut out);
        assert_eq!(out, [Resolved::Known(0), Resolved::Known(1), Resolved::Unknown, Resolved::Known(2)]);
    }
}

#[test]
fn patterns_find_branches_and_leaves() {
    let names = names(&["a.b.c", "a.b", "a.bc.d", "b;x=1"]);
    assert_eq!(found(&names, "a.*"), ["a.b/", "a.b", "a.bc/"]);
    assert_eq!(found(&names, "*"), ["a/"]);
    assert_eq!(found(&names, "b;x=1"), ["b;x=1"]);
    for i in 0..10_000 {
        names.create(format!("z{}.{i}", i % 7).as_bytes(), ValueKind::Number, NOW).unwrap();
    }
    while names.maintain(&|| true) {}
    assert_eq!(found(&names, "a.*"), ["a.b/", "a.b", "a.bc/"]);
    assert_eq!(found(&names, "z?.5"), ["z5.5"]);
    assert_eq!(found(&names, "**.77"), ["z0.77"]);
}
