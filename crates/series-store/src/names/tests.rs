use std::collections::{BTreeMap, BTreeSet};

use vocabulary::ports::{
    FindQuery, Node, Scope, StoreError, Successor, TagExpression, TagListQuery, TagOperator, TagQuery,
};
use vocabulary::series::NameError;
use vocabulary::{PointBatch, SeriesRef, Timestamp, ValueKind};

use super::limits::{BLOCK_NAMES, DEPTH_MAX, OFFENDERS_MAX};
use super::*;
use crate::codec::tests::{Random, rounds};

pub(super) const NOW: Timestamp = Timestamp(1_700_000_000);
const NUMBER: ValueKind = ValueKind::Number;

pub(super) fn names(list: &[&str]) -> Names {
    let names = Names::new(GuardLimits::default());
    for name in list {
        add(&names, name);
    }
    names
}

fn add(names: &Names, name: &str) -> u32 {
    names.create(name.as_bytes(), NUMBER, NOW).unwrap().id
}

fn maintain(names: &Names) {
    while names.maintain(&|| true) {}
}

fn resolved(names: &Names, list: &[&str], hint: &mut Successor) -> Vec<Option<u32>> {
    let (mut batch, mut out) = (PointBatch::default(), Vec::new());
    for name in list {
        batch.push(name.as_bytes(), NOW, 1.0);
    }
    names.resolve(&batch, NUMBER, hint, &mut out);
    let id = |resolved| match resolved {
        Resolved::Known(id) => Some(id),
        Resolved::Unknown => None,
    };
    out.into_iter().map(id).collect()
}

fn text(node: Node) -> String {
    match node {
        Node::Branch { path } => path + "/",
        Node::Leaf(found) => found.name.to_string(),
    }
}

fn find(names: &Names, pattern: &str, scope: &Scope, limit: usize) -> Result<Vec<String>, StoreError> {
    let nodes = names.find(&FindQuery { pattern, kind: NUMBER, scope, limit })?;
    Ok(nodes.into_iter().map(text).collect())
}

fn found(names: &Names, pattern: &str) -> Vec<String> {
    find(names, pattern, &Scope::everything(), 100_000).unwrap()
}

#[test]
fn names_resolve_whether_predicted_or_not() {
    let names = names(&["a.a", "a.b", "a.c"]);
    let mut hint = Successor::default();
    for _ in 0..3 {
        let got = resolved(&names, &["a.a", "a.b", "x", "a.c"], &mut hint);
        assert_eq!(got, [Some(0), Some(1), None, Some(2)]);
        assert_eq!(hint.0, Some(SeriesRef(2)));
    }
    // A hint of another store, or of a series that is gone, does no harm.
    for hint in [5, 1 << 20, u64::from(u32::MAX), u64::MAX] {
        assert_eq!(resolved(&names, &["a.b"], &mut Successor(Some(SeriesRef(hint)))), [Some(1)]);
    }
}

/// Random changes, each time with the same answers as a map gives.
#[test]
fn names_are_what_a_map_of_them_would_be() {
    let mut random = Random::seeded();
    let names = Names::new(GuardLimits::default());
    let mut model: BTreeMap<String, u32> = BTreeMap::new();
    let mut next_id = 0;
    let mut hint = Successor::default();
    for step in 0..rounds(6_000) {
        let name = format!("n{}.m{}.{}", random.below(3), random.below(20), random.below(60));
        let name = if random.below(4) == 0 { name.rsplit_once('.').unwrap().0.to_owned() } else { name };
        match random.below(20) {
            0..10 => {
                let created = names.create(name.as_bytes(), NUMBER, NOW).unwrap();
                assert_eq!(created.new, !model.contains_key(&name), "step {step}");
                if created.new {
                    assert_eq!(created.id, next_id);
                    next_id += 1;
                }
                assert_eq!(*model.entry(name).or_insert(created.id), created.id);
            }
            10..15 => {
                let id = model.remove(&name);
                assert_eq!(id.and_then(|id| names.remove(id)), id.map(|_| name));
            }
            15..18 => {
                let asked: Vec<&str> =
                    model.keys().map(String::as_str).skip(random.below(40) as usize).take(50).collect();
                let wanted: Vec<Option<u32>> = asked.iter().map(|name| model.get(*name).copied()).collect();
                assert_eq!(resolved(&names, &asked, &mut hint), wanted, "step {step}");
            }
            18 => {
                names.maintain(&|| true);
            }
            _ => assert_eq!(found(&names, "**"), tree_of(&model), "step {step}"),
        }
    }
    maintain(&names);
    assert_eq!(found(&names, "**"), tree_of(&model));
    assert_eq!(names.len(), model.len());
    let (widest, children) = (names.widest_nodes(5), children_of(&model));
    let mut counts: Vec<u32> = children.values().copied().collect();
    counts.sort_unstable();
    assert!(widest.iter().map(|node| node.children).eq(counts.into_iter().rev().take(5)));
    assert!(widest.iter().all(|node| children[&node.path] == node.children));
    for (name, id) in &model {
        assert_eq!(names.name(*id).as_deref(), Some(name.as_str()));
    }
}

fn branches_of(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices('.').map(|(at, _)| &name[..at])
}

/// None of the names has a character below a dot, so that plain order is that of the tree.
fn tree_of(model: &BTreeMap<String, u32>) -> Vec<String> {
    let branches = model.keys().flat_map(|name| branches_of(name)).map(|path| (path.to_owned(), false));
    let all: BTreeSet<(String, bool)> =
        branches.chain(model.keys().map(|name| (name.clone(), true))).collect();
    all.into_iter().map(|(path, is_leaf)| if is_leaf { path } else { path + "/" }).collect()
}

/// How many each branch has.
fn children_of(model: &BTreeMap<String, u32>) -> BTreeMap<String, u32> {
    let paths: BTreeSet<String> =
        tree_of(model).iter().map(|path| path.trim_end_matches('/').to_owned()).collect();
    let mut children = BTreeMap::new();
    for path in paths {
        let (parent, _) = path.rsplit_once('.').unwrap_or_default();
        *children.entry(parent.to_owned()).or_default() += 1;
    }
    children
}

#[test]
fn spellings_lead_to_the_one_name() {
    let names = names(&[]);
    let check = |spelling: &str, canonical: &str| {
        let created = names.create(spelling.as_bytes(), NUMBER, NOW).unwrap();
        assert_eq!((&*created.name, names.id(spelling.as_bytes(), NUMBER)), (canonical, Some(created.id)));
        assert_eq!(
            resolved(&names, &[spelling, canonical], &mut Successor::default()),
            [Some(created.id); 2]
        );
        created
    };
    assert!(check("m;b=2;a=1", "m;a=1;b=2").new);
    assert!(!check("m;a=1;b=2", "m;a=1;b=2").new);
    assert!(!check("m{b=\"2\",a=\"1\"}", "m;a=1;b=2").new);
    assert!(check(".x..y.", "x.y").new);
    assert!(!check("x.y", "x.y").new);
    // Of a new series, when the old one is gone.
    let old = check("m;b=2;a=1", "m;a=1;b=2").id;
    names.remove(old);
    assert_eq!(resolved(&names, &["m;b=2;a=1", "m;a=1;b=2"], &mut Successor::default()), [None, None]);
    assert!(check("m;b=2;a=1", "m;a=1;b=2").id > old);
}

#[test]
fn kinds_have_names_of_their_own() {
    let names = names(&["a.b"]);
    let sketch = names.create(b"a.b", ValueKind::Sketch, NOW).unwrap();
    assert_eq!((sketch.id, sketch.new, names.len()), (1, true, 2));
    assert_eq!((names.kind(0), names.kind(1), names.kind(2)), (Some(NUMBER), Some(ValueKind::Sketch), None));
    maintain(&names);
    assert_eq!(found(&names, "a.*"), ["a.b"]);
    names.remove(0);
    assert!(found(&names, "**").is_empty());
    assert_eq!(names.id(b"a.b", ValueKind::Sketch), Some(1));
}

#[test]
fn names_that_cannot_be_are_refused() {
    let names = names(&[]);
    let check = |name: &[u8], fault: NameFault| {
        assert_eq!(names.create(name, NUMBER, NOW).unwrap_err(), Refused::Name(fault), "{name:?}");
        // From memory too.
        assert_eq!(
            names.create(name, NUMBER, NOW.plus(1_000)).unwrap_err(),
            Refused::Name(fault),
            "{name:?}"
        );
    };
    check(b"", NameFault::Form(NameError::Empty));
    check(b"..", NameFault::Form(NameError::Empty));
    check(b"a\xff", NameFault::Form(NameError::NotUtf8));
    check(b"a\nb", NameFault::Form(NameError::ControlCharacter));
    check("a\u{85}b".as_bytes(), NameFault::Form(NameError::ControlCharacter));
    check(b"a;b", NameFault::Form(NameError::BadTag));
    check(&[b'x'; 513], NameFault::TooLong);
    check("x.".repeat(DEPTH_MAX + 1).trim_end_matches('.').as_bytes(), NameFault::TooDeep);
    assert!(names.create(&[b'x'; 512], NUMBER, NOW).is_ok());
    assert!(names.create("x.".repeat(DEPTH_MAX).trim_end_matches('.').as_bytes(), NUMBER, NOW).is_ok());
    assert_eq!(names.refused_counts(), RefusedCounts { bad_name: 16, ..RefusedCounts::default() });
    assert!(names.offenders().is_empty());
    assert_eq!(names.refused_names().len(), 8);
    assert_eq!(names.refused_names()[1].name.chars().count(), 201);
}

fn refusal(names: &Names, name: &str, now: Timestamp) -> Option<Limit> {
    match names.create(name.as_bytes(), NUMBER, now) {
        Ok(_) => None,
        Err(Refused::Limit(limit)) => Some(limit),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn limits_hold_and_let_go() {
    let generous = GuardLimits { max_new_per_minute: 0, ..GuardLimits::default() };
    let names = Names::new(GuardLimits { max_series: 2, ..generous });
    assert_eq!(
        ["a", "b", "c", "a"].map(|name| refusal(&names, name, NOW)),
        [None, None, Some(Limit::MaxSeries), None]
    );
    names.remove(0);
    assert_eq!(refusal(&names, "c", NOW), Some(Limit::MaxSeries), "remembered for a second");
    assert_eq!(refusal(&names, "c", NOW.minus(3_600)), None, "but not if the clock is set back");
    assert_eq!(refusal(&names, "c", NOW.plus(1)), None);
    names.set_memory_is_short(true);
    names.set_limits(generous);
    assert_eq!(refusal(&names, "d", NOW), Some(Limit::Memory));
    names.set_memory_is_short(false);
    assert_eq!(refusal(&names, "d", NOW.plus(1)), None);
    let counts = RefusedCounts { max_series: 2, memory: 1, ..RefusedCounts::default() };
    assert_eq!(names.refused_counts(), counts);
    let newest: Vec<String> = names.newest().into_iter().map(|new| new.name.to_string()).collect();
    assert_eq!(newest, ["d", "c", "b", "a"]);
}

#[test]
fn rates_refill() {
    let names = Names::new(GuardLimits { max_new_per_minute: 60, ..GuardLimits::default() });
    let mut next = 0;
    let mut taken = |now: Timestamp, wanted: usize| {
        let fresh = |_: &usize| {
            next += 1;
            refusal(&names, &format!("n{next}"), now).is_none()
        };
        (0..wanted).filter(fresh).count()
    };
    assert_eq!(taken(NOW, 100), 60);
    assert_eq!(taken(NOW, 10), 0);
    assert_eq!(taken(NOW.plus(5), 10), 5);
    // A clock that is set back gives nothing for a minute at most, and takes nothing.
    assert_eq!(taken(NOW.minus(30), 10), 0);
    assert_eq!(taken(NOW.minus(1_000), 10), 0);
    assert_eq!(taken(NOW.minus(990), 20), 10);
    assert_eq!(taken(NOW.plus(100_000), 100), 60);
}

#[test]
fn prefixes_have_rates_of_their_own() {
    let names = Names::new(GuardLimits { max_new_per_prefix_per_minute: 60, ..GuardLimits::default() });
    let refused = |prefix: &str| {
        (0..100)
            .filter_map(|at| refusal(&names, &format!("{prefix}.{at}"), NOW))
            .inspect(|limit| {
                assert_eq!(*limit, Limit::NewPerPrefixPerMinute);
            })
            .count()
    };
    assert_eq!((refused("a.b"), refused("a.c"), refused("a.b.c"), refused("d;e=f")), (40, 40, 100, 40));
    let offenders: Vec<(String, u64)> =
        names.offenders().into_iter().map(|o| (o.prefix, o.refused)).collect();
    assert_eq!(offenders[0], ("a.b".into(), 140));
    assert_eq!(names.refused_counts().new_per_prefix_per_minute, 220);
}

#[test]
fn offenders_are_bounded_and_the_worst_stays() {
    let names = Names::new(GuardLimits { max_series: 0, ..GuardLimits::default() });
    for at in 0..5_000 {
        refusal(&names, &format!("noise.{at}.x"), NOW);
        refusal(&names, &format!("worst.of.all.{at}"), NOW);
    }
    let offenders = names.offenders();
    assert_eq!((offenders.len(), offenders[0].prefix.as_str()), (OFFENDERS_MAX, "worst.of"));
    assert!(offenders[0].refused - offenders[0].overcount <= 5_000 && offenders[0].refused >= 5_000);
}

#[test]
fn a_node_has_so_many_children_at_most() {
    let names = Names::new(GuardLimits { max_children: 3, ..GuardLimits::default() });
    let check = |name: &str, wanted: Option<Limit>| {
        assert_eq!(refusal(&names, name, NOW), wanted, "{name}");
    };
    for name in ["a.1", "a.2", "a.3.x", "a.3.y", "a.3"] {
        check(name, None);
    }
    check("a.4", Some(Limit::Children));
    check("a.4.x", Some(Limit::Children));
    // A branch that becomes a leaf, or a leaf a branch, is no new child.
    check("a.1.x", None);
    check("a.3.z", None);
    check("a.3.zz", Some(Limit::Children));
    check("a.5;tagged=1", None);
    let removals = [("a.3", false), ("a.3.x", false), ("a.3.y", false), ("a.3.z", true)];
    for (seconds, (name, has_room)) in (10..).step_by(10).zip(removals) {
        names.remove(names.id(name.as_bytes(), NUMBER).unwrap());
        assert_eq!(names.create(b"a.6", NUMBER, NOW.plus(seconds)).is_ok(), has_room, "without {name}");
    }
    assert_eq!(names.widest_nodes(1), [WideNode { path: "a".into(), children: 3 }]);
}

#[test]
fn loading_is_as_if_created_in_that_order() {
    let names = names(&[]);
    let mut loading = names.load(3);
    loading.add(2, NUMBER, "a.b").unwrap();
    loading.add(5, ValueKind::Sketch, "a.b").unwrap();
    assert_eq!(loading.add(5, NUMBER, "x"), Err(OutOfOrder { id: 5 }));
    assert_eq!(loading.add(6, NUMBER, "a.b"), Err(OutOfOrder { id: 6 }));
    loading.remove(2);
    loading.add(5_000, NUMBER, "a.b").unwrap();
    loading.reserve_ids(9_000);
    drop(loading);
    assert_eq!((names.len(), names.next_id()), (2, 9_000));
    assert_eq!((names.name(2), names.name(4), names.name(5_000).as_deref()), (None, None, Some("a.b")));
    maintain(&names);
    assert_eq!((found(&names, "**"), add(&names, "new")), (vec!["a/".into(), "a.b".into()], 9_000));
}

fn expression(tag: &str, operator: TagOperator, value: &str) -> TagExpression {
    TagExpression { tag: tag.into(), operator, value: value.into() }
}

#[test]
fn nobody_sees_beyond_the_scope() {
    let list =
        ["team.a.x", "team.ab.y", "team.b.z", "team", "other.a", "team.a;t=1", "team.b;t=2", "other;u=1"];
    for indexed in [false, true] {
        let names = names(&list);
        if indexed {
            maintain(&names);
        }
        let scope = Scope::prefixes(vec!["team.a".into(), "zzz".into()]);
        let find = |pattern| find(&names, pattern, &scope, 100).unwrap();
        assert_eq!(find("**"), ["team/", "team.a/", "team.a.x", "team.ab/", "team.ab.y"]);
        assert_eq!(find("*"), ["team/"]);
        assert_eq!((find("other.*"), find("team.b.z"), find("team.b;t=2")), (vec![], vec![], vec![]));
        assert_eq!(find("team.a;t=1"), ["team.a;t=1"]);
        let all = [expression("name", TagOperator::Match, ".*x?")];
        let demand = [expression("name", TagOperator::NotEqual, "")];
        let query = TagQuery { expressions: &demand, kind: NUMBER, scope: &scope, limit: 100 };
        let tagged: Vec<String> =
            names.find_tagged(&query).unwrap().into_iter().map(|s| s.name.to_string()).collect();
        assert_eq!(tagged, ["team.a.x", "team.a;t=1", "team.ab.y"]);
        assert!(matches!(
            names.find_tagged(&TagQuery { expressions: &all, ..query }),
            Err(StoreError::BadQuery(_))
        ));
        let list = TagListQuery { expressions: &[], prefix: "", filter: None, scope: &scope, limit: 100 };
        assert_eq!(names.tags(&list).unwrap(), ["name", "t"]);
        assert_eq!(names.tag_values("t", &list).unwrap(), [("1".to_owned(), 1)]);
        assert_eq!(names.tag_values("u", &list).unwrap(), []);
        let values: Vec<String> =
            names.tag_values("name", &list).unwrap().into_iter().map(|(value, _)| value).collect();
        assert_eq!(values, ["team.a", "team.a.x", "team.ab.y"]);
        let mut seen = 0;
        names.for_each(NUMBER, &scope, |_, name| seen += usize::from(scope.sees(name)));
        assert_eq!(seen, 3);
    }
}

#[test]
fn removed_tags_are_gone() {
    let names = names(&["a;t=1", "a;t=2", "b;t=1;u=1"]);
    let scope = Scope::everything();
    let list = TagListQuery { expressions: &[], prefix: "", filter: None, scope: &scope, limit: 100 };
    maintain(&names);
    add(&names, "c;t=1");
    names.remove(0);
    names.remove(3);
    assert_eq!(names.tag_values("t", &list).unwrap(), [("1".to_owned(), 1), ("2".to_owned(), 1)]);
    names.remove(2);
    assert_eq!(names.tags(&list).unwrap(), ["name", "t"]);
    names.remove(1);
    assert!(names.tags(&list).unwrap().is_empty());
    maintain(&names);
    assert_eq!(names.memory().tags, 0);
}

#[test]
fn too_much_is_said_not_cut() {
    let list: Vec<String> = (0..40).map(|at| format!("a.b{at}.c")).collect();
    let names = names(&list.iter().map(String::as_str).collect::<Vec<_>>());
    for _ in 0..2 {
        let scope = Scope::everything();
        assert_eq!(find(&names, "a.*", &scope, 40).unwrap().len(), 40);
        assert_eq!(find(&names, "a.*", &scope, 39), Err(StoreError::TooMuch { what: "nodes", limit: 39 }));
        let expressions = [expression("name", TagOperator::Match, "a")];
        let query = TagQuery { expressions: &expressions, kind: NUMBER, scope: &scope, limit: 39 };
        assert_eq!(names.find_tagged(&query), Err(StoreError::TooMuch { what: "series", limit: 39 }));
        let many = format!("{{{}}}", "a,".repeat(10));
        let bomb = many.repeat(30);
        assert!(matches!(find(&names, &bomb, &scope, 10), Err(StoreError::TooMuch { .. })));
        assert!(matches!(find(&names, &"*.".repeat(500), &scope, 10), Err(StoreError::TooMuch { .. })));
        maintain(&names);
    }
}

#[test]
fn largest_prefixes() {
    let names = names(&["a.b.c", "a.b.d", "a.b", "a.c.d", "x;y=1", "x;y=2"]);
    let wanted = [("a.b".to_owned(), 3), ("x".to_owned(), 2), ("a.c".to_owned(), 1)];
    assert_eq!(names.largest_prefixes(10), wanted);
    assert_eq!(names.largest_prefixes(1), wanted[..1]);
}

#[test]
fn names_take_little_memory_and_give_it_back() {
    const COUNT: usize = 40_000;
    let name = |at: usize| {
        format!("production.rack{:03}.host{:05}.network.instance{:02}.mean", at / 1_600, at / 100, at % 100)
    };
    let names = names(&[]);
    let mut ids = 0..0;
    let mut sizes = Vec::new();
    for round in 0..6 {
        let first = ids.end;
        for at in 0..COUNT {
            add(&names, &name(round * COUNT / 2 + at));
        }
        ids = first..names.next_id();
        maintain(&names);
        sizes.push(names.memory().total() / names.len());
        // Half of the names go, the next round brings as many.
        for at in round * COUNT / 2..(round + 1) * COUNT / 2 {
            names.remove(names.id(name(at).as_bytes(), NUMBER).unwrap());
        }
        maintain(&names);
    }
    assert!(sizes.iter().all(|size| *size <= 110), "{sizes:?}");
    assert_eq!(names.len(), COUNT / 2);
    // Six blocks' worth of ids that are gone for each that is alive cost next to nothing.
    assert!(names.memory().names / names.len() < 80, "{:?}", names.memory());
}

#[test]
fn threads_do_not_disturb_each_other() {
    let names = Names::new(GuardLimits::default());
    let list: Vec<String> =
        (0..3 * BLOCK_NAMES).map(|at| format!("t.{}.{at};k={}", at % 7, at % 3)).collect();
    let plain: Vec<&str> = list.iter().map(|name| name.split(';').next().unwrap()).collect();
    std::thread::scope(|scope| {
        for part in 0..2 {
            let (names, list, plain) = (&names, &list, &plain);
            scope.spawn(move || {
                for at in (part..list.len()).step_by(2) {
                    add(names, &list[at]);
                    add(names, plain[at]);
                }
            });
            scope.spawn(move || {
                let mut hint = Successor::default();
                while names.len() < 2 * list.len() {
                    let known = resolved(names, plain, &mut hint);
                    assert!(
                        known
                            .iter()
                            .zip(plain)
                            .all(|(id, name)| id.is_none_or(|id| names.name(id).as_deref() == Some(name)))
                    );
                    names.maintain(&|| part == 0);
                    assert!(found(names, "t.3.*").len() <= list.len() / 7 + 1);
                }
            });
        }
    });
    maintain(&names);
    assert_eq!(found(&names, "t.*.*").len(), list.len());
    assert!(resolved(&names, &plain, &mut Successor::default()).iter().all(Option::is_some));
}

/// Patterns, names and tag expressions with bytes changed: whatever the answer is, there is one.
#[test]
fn forged_texts_do_no_harm() {
    let samples: [&[u8]; 6] = [
        b"a.{b1,b[2-5]}.**.c?\\*",
        b"**.[!a-c]*.{x,{y,z}}",
        b"t1;x=1;y=z2",
        b"m{b=\"2\",a=\"1\\\"\"}",
        b"x\0==\0^[1-9]+(a|b)*$\0y\0=\0z\xc3\xa9\0.*",
        b"name\0==\0\0x\0=\0",
    ];
    let samples = samples.map(<[u8]>::to_vec);
    formats::fuzzing::mutate(&samples, 4_000, fuzzing::pattern);
    formats::fuzzing::mutate(&samples, 10_000, fuzzing::name);
    formats::fuzzing::mutate(&samples, 2_000, fuzzing::tags);
}
