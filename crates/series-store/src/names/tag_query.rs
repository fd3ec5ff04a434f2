//! Tag expressions as graphite-web 1.1.10's tag database on SQLite understands them.
//!
//! An expression that the empty string fulfils also takes series without the tag; the others demand it.
//! At least one must demand. Each series has the tag `name`, which is its metric.

use std::sync::atomic::{AtomicBool, Ordering};

use formats::python_regex::Pattern;
use vocabulary::ports::{StoreError, TagExpression, TagOperator};
use vocabulary::series;

pub(super) const NAME_TAG: &str = "name";

/// All expressions of a query, compiled.
pub(super) struct Tests {
    /// A series must carry the tag and pass.
    pub(super) demands: Vec<Test>,
    /// A series without the tag passes.
    pub(super) filters: Vec<Test>,
}

pub(super) struct Test {
    pub(super) tag: String,
    pub(super) wanted: Wanted,
    /// `!=` and `!=~`.
    pub(super) negated: bool,
}

pub(super) enum Wanted {
    Text(String),
    Regex(Regex),
}

/// A regular expression of Python's. One with look-around or back-references may need more steps for a value than
/// it is given: that value does not match, and the query ends with an error.
pub(super) struct Regex {
    pattern: Pattern,
    gave_up: AtomicBool,
}

impl Regex {
    pub(super) fn is_match(&self, text: &str) -> bool {
        self.pattern.is_in(text).unwrap_or_else(|_| {
            self.gave_up.store(true, Ordering::Relaxed);
            false
        })
    }

    /// To be asked at the end of a query.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        match self.gave_up.load(Ordering::Relaxed) {
            false => Ok(()),
            true => Err(StoreError::BadQuery("the regular expression takes too many steps".into())),
        }
    }
}

impl Wanted {
    pub(super) fn matches(&self, value: &str) -> bool {
        match self {
            Wanted::Text(text) => text == value,
            Wanted::Regex(regex) => regex.is_match(value),
        }
    }
}

impl Test {
    /// Does this value of the tag pass?
    pub(super) fn passes(&self, value: &str) -> bool {
        self.wanted.matches(value) != self.negated
    }
}

impl Tests {
    pub(super) fn compile(expressions: &[TagExpression]) -> Result<Tests, StoreError> {
        let mut tests = Tests { demands: Vec::new(), filters: Vec::new() };
        for expression in expressions {
            tests.add(expression)?;
        }
        if tests.demands.is_empty() {
            return Err(StoreError::BadQuery("At least one tagspec must not match the empty string".into()));
        }
        Ok(tests)
    }

    fn add(&mut self, expression: &TagExpression) -> Result<(), StoreError> {
        let TagExpression { tag, operator, value } = expression;
        let negated = matches!(operator, TagOperator::NotEqual | TagOperator::NotMatch);
        let (wanted, takes_empty) = match operator {
            TagOperator::Equal | TagOperator::NotEqual => (Wanted::Text(value.clone()), value.is_empty()),
            TagOperator::Match | TagOperator::NotMatch => {
                // The database searches for the text with an anchor, the filter matches from the start:
                // this differs only for patterns such as `^a|b`.
                let from_start = regex(&format!("^(?:{})", with_anchor(value)))?;
                let takes_empty = from_start.is_match("");
                let demands = takes_empty == negated;
                let used = if demands { regex(&with_anchor(value))? } else { from_start };
                (Wanted::Regex(used), takes_empty)
            }
        };
        let test = Test { tag: tag.clone(), wanted, negated };
        if takes_empty == negated {
            self.demands.push(test)
        } else {
            self.filters.push(test)
        }
        Ok(())
    }

    pub(super) fn pass(&self, name: &str) -> bool {
        self.demands.iter().all(|test| tag_of(name, &test.tag).is_some_and(|value| test.passes(value)))
            && self.filters.iter().all(|test| test.passes(tag_of(name, &test.tag).unwrap_or_default()))
    }

    /// To be asked at the end of a query: was every value really looked at?
    pub(super) fn check(&self) -> Result<(), StoreError> {
        self.demands.iter().chain(&self.filters).try_for_each(|test| match &test.wanted {
            Wanted::Text(_) => Ok(()),
            Wanted::Regex(regex) => regex.check(),
        })
    }

    /// Only tagged series can pass: another tag than `name` is demanded.
    pub(super) fn demand_tags(&self) -> bool {
        self.demands.iter().any(|test| test.tag != NAME_TAG)
    }
}

/// graphite-web's way to anchor an expression at the start.
fn with_anchor(text: &str) -> String {
    if text.starts_with('^') { text.to_owned() } else { format!("^({text})") }
}

fn regex(text: &str) -> Result<Regex, StoreError> {
    let pattern = Pattern::new(text);
    let pattern =
        pattern.map_err(|why| StoreError::BadQuery(format!("invalid regular expression: {why}")))?;
    Ok(Regex { pattern, gave_up: AtomicBool::new(false) })
}

/// `filter` of the tag lists: anchored like an expression, then searched for.
pub(super) fn list_filter(filter: Option<&str>) -> Result<Option<Regex>, StoreError> {
    filter.filter(|text| !text.is_empty()).map(|text| regex(&with_anchor(text))).transpose()
}

/// The value of one tag of a canonical name.
pub(super) fn tag_of<'n>(name: &'n str, tag: &str) -> Option<&'n str> {
    if tag == NAME_TAG {
        return Some(metric_of(name));
    }
    series::tags(name).find(|(key, _)| *key == tag).map(|(_, value)| value)
}

/// What the tag `name` holds. A leading `~` is not a value's, see `vocabulary::series::canonical`.
pub(super) fn metric_of(name: &str) -> &str {
    series::split(name).0.trim_start_matches('~')
}
