//! `tag=value` and its three relatives, as `seriesByTag` and the `/tags` pages take them.

use formats::python_regex::Pattern;
use vocabulary::ports::{StoreError, TagExpression, TagOperator};

use crate::error::EvaluationError;
use crate::parse;
use crate::target::{Expression, Literal};

/// The expressions of a `seriesByTag(...)`; `None` if the text is a pattern of names.
pub fn of_call(source: &str) -> Option<Result<Vec<TagExpression>, EvaluationError>> {
    let rest = READERS.iter().find_map(|name| source.strip_prefix(name))?;
    rest.trim_start().starts_with('(').then(|| read_call(source))
}

/// The functions whose calls stand for stored series, as paths do.
pub const READERS: [&str; 2] = ["seriesByTag", "seriesByRegex"];

/// Does a call of this function stand for stored series?
pub fn is_reader(function: &str) -> bool {
    READERS.contains(&function)
}

fn read_call(source: &str) -> Result<Vec<TagExpression>, EvaluationError> {
    let Expression::Call(call) = parse::parse(source)? else { return Ok(Vec::new()) };
    let texts = call.arguments.iter().filter_map(|argument| match argument {
        Expression::Literal(Literal::Text(text)) => Some(text.as_str()),
        _ => None,
    });
    if call.function == "seriesByRegex" {
        let texts: Vec<&str> = texts.collect();
        return match (texts.as_slice(), call.arguments.len() + call.keywords.len()) {
            ([pattern], 1) => by_regex(pattern),
            _ => Err(EvaluationError::input("seriesByRegex takes one regular expression in quotes")),
        };
    }
    // Status 500 in the original, where `/tags` answers 400 for the same.
    parse_all(texts).map_err(|error| EvaluationError::Failed(error.to_string()))
}

pub(crate) const NOT_NARROW: &str = "At least one tagspec must not match the empty string";

/// Names in which the expression is found. The store looks from the start of a name on.
fn by_regex(pattern: &str) -> Result<Vec<TagExpression>, EvaluationError> {
    if pattern.is_empty() {
        return Err(EvaluationError::input("seriesByRegex: an empty expression fits every name; write one"));
    }
    let at_start = pattern.strip_prefix('^').filter(|rest| !rest.contains('|'));
    let value = at_start.map_or_else(|| format!("(?s:.*?)(?:{pattern})"), |rest| format!("(?:{rest})"));
    Ok(vec![TagExpression { tag: "name".to_owned(), operator: TagOperator::Match, value }])
}

/// At least one of them must ask for a tag that is there, or the answer would be everything else.
pub fn parse_all<'a>(texts: impl Iterator<Item = &'a str>) -> Result<Vec<TagExpression>, StoreError> {
    let expressions = texts.map(parse_one).collect::<Result<Vec<_>, _>>()?;
    let mut narrow = false;
    for expression in &expressions {
        narrow |= !matches_empty(expression)?;
    }
    if !narrow {
        return Err(StoreError::BadQuery(NOT_NARROW.into()));
    }
    Ok(expressions)
}

/// `tag`, one of `=`, `!=`, `=~`, `!=~`, `value`.
pub fn parse_one(text: &str) -> Result<TagExpression, StoreError> {
    let invalid = || StoreError::BadQuery(format!("Invalid tagspec {text}"));
    let at = text.find([';', '!', '=']).filter(|at| *at > 0).ok_or_else(invalid)?;
    let (tag, rest) = text.split_at(at);
    let operators = [
        ("!=~", TagOperator::NotMatch),
        ("=~", TagOperator::Match),
        ("!=", TagOperator::NotEqual),
        ("=", TagOperator::Equal),
    ];
    let found = operators.iter().find_map(|(sign, operator)| Some((rest.strip_prefix(sign)?, *operator)));
    let (value, operator) = found.filter(|(value, _)| !value.contains(';')).ok_or_else(invalid)?;
    Ok(TagExpression { tag: tag.to_owned(), operator, value: value.to_owned() })
}

/// Would a series without the tag fulfil it?
pub(crate) fn matches_empty(expression: &TagExpression) -> Result<bool, StoreError> {
    let value = &expression.value;
    let fits = || match Pattern::new(value).and_then(|pattern| pattern.matches_start("")) {
        Ok(fits) => Ok(fits),
        Err(why) => Err(StoreError::BadQuery(why)),
    };
    Ok(match expression.operator {
        TagOperator::Equal => value.is_empty(),
        TagOperator::NotEqual => !value.is_empty(),
        TagOperator::Match => fits()?,
        TagOperator::NotMatch => !fits()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions() {
        let check = |text: &str, tag: &str, operator: TagOperator, value: &str| {
            let wanted = TagExpression { tag: tag.into(), operator, value: value.into() };
            assert_eq!(parse_one(text), Ok(wanted), "{text}");
        };
        check("dc=ams", "dc", TagOperator::Equal, "ams");
        check("dc!=a=b", "dc", TagOperator::NotEqual, "a=b");
        check("name=~^a.*", "name", TagOperator::Match, "^a.*");
        check("dc!=~x|y", "dc", TagOperator::NotMatch, "x|y");
        check("dc=", "dc", TagOperator::Equal, "");
        for bad in ["", "dc", "=x", "!=x", "dc!x", "dc=a;b"] {
            assert!(parse_one(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn one_must_be_narrow() {
        let check = |texts: &[&str], fine: bool| {
            assert_eq!(parse_all(texts.iter().copied()).is_ok(), fine, "{texts:?}");
        };
        check(&["a=b"], true);
        check(&["a!="], true);
        check(&["a=~b|c"], true);
        check(&["a!=b"], false);
        check(&["a=~.*", "a!=~b"], false);
        check(&[], false);
    }
}
