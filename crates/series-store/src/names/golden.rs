//! The answers that graphite-web 1.1.10 gave, see `scenarios/names/record_graphite_web.py`.

use vocabulary::ValueKind;
use vocabulary::ports::{
    FindQuery, Node, Scope, StoreError, TagExpression, TagListQuery, TagOperator, TagQuery,
};

use super::limits::BLOCK_NAMES;
use super::tests::{NOW, names};
use super::*;

const RECORDED: &str = include_str!("golden/graphite-web.txt");

fn section(title: &str) -> Vec<&'static str> {
    let from = RECORDED.lines().skip_while(|line| *line != format!("[{title}]")).skip(1);
    from.take_while(|line| !line.starts_with('[')).collect()
}

/// Questions, each with the lines of its answer.
fn questions(title: &str) -> Vec<(&'static str, Vec<&'static str>)> {
    let mut questions: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in section(title) {
        match line.strip_prefix("? ") {
            Some(question) => questions.push((question, Vec::new())),
            None => questions.last_mut().unwrap().1.push(line),
        }
    }
    questions
}

/// The same names at all stages of their way into the indexes: `indexed` of them are, the rest is new.
/// Names of the other kind make up the numbers.
fn at_stage(list: &[&str], indexed: usize) -> Names {
    let all = names(&list[..indexed]);
    if indexed > 0 {
        for at in 0..2 * BLOCK_NAMES {
            all.create(format!("other.{at}").as_bytes(), ValueKind::Sketch, NOW).unwrap();
        }
        while all.maintain(&|| true) {}
        assert!(all.memory().tries > 0 && all.memory().tags > 0 || !list[..indexed].concat().contains(';'));
    }
    for name in &list[indexed..] {
        all.create(name.as_bytes(), ValueKind::Number, NOW).unwrap();
    }
    all
}

fn for_each_stage(list: &[&str], check: impl Fn(&Names)) {
    for indexed in [0, list.len() / 2, list.len()] {
        check(&at_stage(list, indexed));
    }
}

#[test]
fn globs() {
    let questions = questions("globs");
    assert!(questions.len() > 700);
    for_each_stage(&section("names"), |names| {
        for (pattern, wanted) in &questions {
            assert_eq!(find(names, pattern), *wanted, "{pattern}");
        }
    });
}

fn find(names: &Names, pattern: &str) -> Vec<String> {
    let scope = Scope::everything();
    let query = FindQuery { pattern, kind: ValueKind::Number, scope: &scope, limit: 1_000 };
    let text = |node| match node {
        Node::Branch { path } => format!("branch {path}"),
        Node::Leaf(found) => format!("leaf {}", found.name),
    };
    names.find(&query).unwrap().into_iter().map(text).collect()
}

fn expression(text: &str) -> TagExpression {
    let at = text.find(['=', '!']).unwrap();
    let operators = [
        ("!=~", TagOperator::NotMatch),
        ("=~", TagOperator::Match),
        ("!=", TagOperator::NotEqual),
        ("=", TagOperator::Equal),
    ];
    let (sign, operator) = operators.into_iter().find(|(sign, _)| text[at..].starts_with(sign)).unwrap();
    TagExpression { tag: text[..at].into(), operator, value: text[at + sign.len()..].into() }
}

#[test]
fn tag_expressions() {
    let questions = questions("expressions");
    assert!(questions.len() > 500);
    for_each_stage(&section("tagged"), |names| {
        for (question, wanted) in &questions {
            let expressions: Vec<TagExpression> = question.split(' ').map(expression).collect();
            assert_eq!(find_tagged(names, &expressions), *wanted, "{question}");
        }
    });
}

fn find_tagged(names: &Names, expressions: &[TagExpression]) -> Vec<String> {
    let scope = Scope::everything();
    let query = TagQuery { expressions, kind: ValueKind::Number, scope: &scope, limit: 1_000 };
    match names.find_tagged(&query) {
        Ok(found) => found.into_iter().map(|found| format!("series {}", found.name)).collect(),
        Err(StoreError::BadQuery(_)) => vec!["bad".into()],
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn tag_lists() {
    for_each_stage(&section("tagged"), |names| {
        for (question, wanted) in questions("lists") {
            let words: Vec<&str> = question.split(' ').collect();
            let filter = |text: &'static str| Some(text).filter(|text| !text.is_empty());
            let got = match words[..] {
                ["tags", text] => tags(names, &[], "", filter(text)),
                ["values", tag, text] => values(names, tag, &[], "", filter(text), 1_000, true),
                ["complete", prefix, ref rest @ ..] => tags(names, rest, prefix.trim_matches('-'), None),
                ["complete-values", tag, prefix, ref rest @ ..] => {
                    values(names, tag, rest, prefix.trim_matches('-'), None, 3, false)
                }
                _ => panic!("{question}"),
            };
            assert_eq!(got, wanted, "{question}");
        }
    });
}

fn tags(names: &Names, expressions: &[&str], prefix: &str, filter: Option<&str>) -> Vec<String> {
    let expressions: Vec<TagExpression> = expressions.iter().map(|text| expression(text)).collect();
    let scope = Scope::everything();
    let query = TagListQuery { expressions: &expressions, prefix, filter, scope: &scope, limit: 100 };
    names.tags(&query).unwrap().into_iter().map(|tag| format!("tag {tag}")).collect()
}

fn values(
    names: &Names,
    tag: &str,
    expressions: &[&str],
    prefix: &str,
    filter: Option<&str>,
    limit: usize,
    with_counts: bool,
) -> Vec<String> {
    let expressions: Vec<TagExpression> = expressions.iter().map(|text| expression(text)).collect();
    let scope = Scope::everything();
    let query = TagListQuery { expressions: &expressions, prefix, filter, scope: &scope, limit };
    let text = |(value, count)| {
        if with_counts { format!("value {count} {value}") } else { format!("value {value}") }
    };
    names.tag_values(tag, &query).unwrap().into_iter().map(text).collect()
}
