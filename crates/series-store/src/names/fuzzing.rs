//! Entries for fuzzers. Nothing in here may panic, whatever the bytes.

use std::sync::LazyLock;

use vocabulary::ports::{FindQuery, Scope, Successor, TagExpression, TagListQuery, TagOperator, TagQuery};
use vocabulary::{PointBatch, Timestamp, ValueKind};

use super::{GuardLimits, Names, Resolved};

static SOME: LazyLock<Names> = LazyLock::new(|| {
    let names = Names::new(GuardLimits { max_series: 10_000, ..GuardLimits::default() });
    for at in 0..600 {
        let name = match at % 4 {
            0 => format!("a.b{}.c{}", at % 7, at),
            1 => format!("a.{}.[x].*{{y}}", at),
            2 => format!("t{};x={};y=z{}", at % 3, at % 10, at),
            _ => format!("\u{e9}{}.{}", at % 9, at),
        };
        names.create(name.as_bytes(), ValueKind::Number, Timestamp(0)).expect("there is room for 600");
        if at == 400 {
            while names.maintain(&|| true) {}
        }
    }
    names
});

/// A glob.
pub fn pattern(data: &[u8]) {
    let pattern = String::from_utf8_lossy(data);
    let scope = Scope::prefixes(vec!["a.".into(), "t1".into()]);
    for scope in [&Scope::everything(), &scope] {
        let query = FindQuery { pattern: &pattern, kind: ValueKind::Number, scope, limit: 500 };
        let _ = SOME.find(&query);
    }
}

/// A name as a sender spells it.
pub fn name(data: &[u8]) {
    let Ok(created) = SOME.create(data, ValueKind::Sketch, Timestamp(0)) else { return };
    assert_eq!(SOME.name(created.id).as_deref(), Some(&*created.name));
    let (mut batch, mut out) = (PointBatch::default(), Vec::new());
    batch.push(data, Timestamp(0), 0.0);
    batch.push(created.name.as_bytes(), Timestamp(0), 0.0);
    SOME.resolve(&batch, ValueKind::Sketch, &mut Successor::default(), &mut out);
    assert_eq!(out, [Resolved::Known(created.id); 2]);
    assert!(!SOME.create(data, ValueKind::Sketch, Timestamp(0)).is_ok_and(|again| again.new));
    SOME.remove(created.id);
}

/// Tag expressions: tag, a byte that chooses the operator, and value, with zeros between.
pub fn tags(data: &[u8]) {
    let texts: Vec<String> =
        data.split(|byte| *byte == 0).map(|text| String::from_utf8_lossy(text).into()).collect();
    let operators = [TagOperator::Equal, TagOperator::NotEqual, TagOperator::Match, TagOperator::NotMatch];
    let expression = |parts: &[String]| TagExpression {
        tag: parts[0].clone(),
        operator: operators[parts[1].len() % operators.len()],
        value: parts[2].clone(),
    };
    let expressions: Vec<TagExpression> = texts.chunks_exact(3).map(expression).collect();
    let scope = Scope::everything();
    let kind = ValueKind::Number;
    let _ = SOME.find_tagged(&TagQuery { expressions: &expressions, kind, scope: &scope, limit: 1_000 });
    let filter = texts.last().map(String::as_str);
    let query = TagListQuery { expressions: &expressions, prefix: "", filter, scope: &scope, limit: 10 };
    let _ = SOME.tags(&query);
    let _ = SOME.tag_values(&texts[0], &query);
}
