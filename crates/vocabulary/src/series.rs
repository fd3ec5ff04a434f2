//! Series: opaque references, and names with tags in canonical form.

use std::borrow::Cow;
use std::fmt;

/// What a store calls a series. Opaque: local stores count up, others hash the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesRef(pub u64);

/// What the slots of a series hold. Each kind has a name space of its own: the sketch of a timer
/// `stats.timers.api` is called just that and never shows up among the numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ValueKind {
    #[default]
    Number,
    Sketch,
}

/// Why a name cannot be a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    Empty,
    NotUtf8,
    ControlCharacter,
    NoMetric,
    BadTag,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NameError::Empty => "the name is empty",
            NameError::NotUtf8 => "the name is not UTF-8",
            NameError::ControlCharacter => "the name holds a control character",
            NameError::NoMetric => "there is no metric before the first `;`",
            NameError::BadTag => "a tag is not of the form `key=value` with a key",
        })
    }
}

impl std::error::Error for NameError {}

/// The canonical form of a name as carbon 1.1.10 makes it: `metric;tag=value;...` with the `tag=value`
/// texts in byte order, the last of equal tags winning, a tag called `name` giving way to the metric and
/// leading `~` of the metric dropped. `metric{tag="value",...}` is read too. Unlike carbon, which stores
/// a malformed tagged name under its raw text where no tag query finds it, this refuses.
pub fn canonical(name: &str) -> Result<Cow<'_, str>, NameError> {
    if name.is_empty() {
        return Err(NameError::Empty);
    }
    if name.ends_with("\"}") && name.contains('{') {
        return openmetrics(name).map(Cow::Owned);
    }
    if !name.contains(';') {
        return Ok(Cow::Borrowed(name));
    }
    let mut segments = name.split(';');
    let metric = segments.next().unwrap_or_default();
    let mut pairs = Vec::new();
    for segment in segments {
        let (tag, value) = segment.split_once('=').ok_or(NameError::BadTag)?;
        pairs.push((tag, Cow::Borrowed(value)));
    }
    let tagged = join(metric, pairs)?;
    Ok(if tagged == name { Cow::Borrowed(name) } else { Cow::Owned(tagged) })
}

fn openmetrics(name: &str) -> Result<String, NameError> {
    let (metric, rest) = name.split_once('{').ok_or(NameError::BadTag)?;
    let mut rest = rest.strip_suffix('}').ok_or(NameError::BadTag)?;
    let mut pairs = Vec::new();
    while !rest.is_empty() {
        let (tag, quoted) = rest.split_once("=\"").ok_or(NameError::BadTag)?;
        let mut value = String::new();
        let mut characters = quoted.char_indices();
        let end = loop {
            match characters.next().ok_or(NameError::BadTag)? {
                (at, '"') => break at + 1,
                (_, '\\') => match characters.next() {
                    Some((_, escaped @ ('"' | '\\'))) => value.push(escaped),
                    _ => return Err(NameError::BadTag),
                },
                (_, plain) => value.push(plain),
            }
        };
        pairs.push((tag, Cow::Owned(value)));
        rest = &quoted[end..];
        if !rest.is_empty() {
            rest = rest.strip_prefix(',').ok_or(NameError::BadTag)?;
        }
    }
    join(metric, pairs)
}

/// Put a metric and its tags together in canonical form.
pub fn join(metric: &str, tags: Vec<(&str, Cow<'_, str>)>) -> Result<String, NameError> {
    let metric = metric.trim_start_matches('~');
    if metric.is_empty() {
        return Err(NameError::NoMetric);
    }
    if !tags.iter().all(|(tag, value)| valid_tag(tag) && valid_tag_value(value)) {
        return Err(NameError::BadTag);
    }
    let mut segments: Vec<String> = Vec::with_capacity(tags.len());
    for (index, (tag, value)) in tags.iter().enumerate() {
        let overruled = tags[index + 1..].iter().any(|(later, _)| later == tag);
        if !overruled && *tag != "name" {
            segments.push(format!(";{tag}={value}"));
        }
    }
    segments.sort_unstable();
    Ok(metric.to_owned() + &segments.concat())
}

/// A tag is not empty and holds none of `; ! ^ =`.
pub fn valid_tag(tag: &str) -> bool {
    !tag.is_empty() && !tag.contains([';', '!', '^', '='])
}

/// A tag's value is not empty, holds no `;` and does not start with `~`.
pub fn valid_tag_value(value: &str) -> bool {
    !value.is_empty() && !value.contains(';') && !value.starts_with('~')
}

/// The metric and the text of the tags (without the first `;`), of a canonical name.
pub fn split(name: &str) -> (&str, &str) {
    name.split_once(';').unwrap_or((name, ""))
}

/// The tags of a canonical name in order, without `name`.
pub fn tags(name: &str) -> impl Iterator<Item = (&str, &str)> {
    split(name).1.split(';').filter_map(|segment| segment.split_once('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_names() {
        let check = |name: &str, wanted: Result<&str, NameError>| {
            assert_eq!(canonical(name).as_deref().map_err(|e| *e), wanted, "{name}");
        };
        check("a.b", Ok("a.b"));
        check("a;b=1;c=2", Ok("a;b=1;c=2"));
        check("a;c=2;b=1", Ok("a;b=1;c=2"));
        check("a;b=1;b=2", Ok("a;b=2"));
        check("a;b=x=y", Ok("a;b=x=y"));
        check("a;b=1;b.c=1", Ok("a;b.c=1;b=1"));
        check("a;name=x;b=1", Ok("a;b=1"));
        check("~~a;b=1", Ok("a;b=1"));
        check("a{c=\"2\",b=\"x\\\"y\"}", Ok("a;b=x\"y;c=2"));
        check("", Err(NameError::Empty));
        check(";b=1", Err(NameError::NoMetric));
        check("~;b=1", Err(NameError::NoMetric));
        for bad in ["a;b", "a;=1", "a;", "a;b=", "a;b=~1", "a;b!=1", "a{b=\"1}\"}x\"}", "a{b=\"\"}"] {
            check(bad, Err(NameError::BadTag));
        }
    }

    #[test]
    fn canonical_borrows_what_is_in_order() {
        assert!(matches!(canonical("a;b=1;c=2"), Ok(Cow::Borrowed(_))));
    }

    #[test]
    fn tags_of_a_name() {
        assert_eq!(tags("a.b").count(), 0);
        assert_eq!(tags("a;b=1;c=2=3").collect::<Vec<_>>(), [("b", "1"), ("c", "2=3")]);
        assert_eq!(split("a;b=1"), ("a", "b=1"));
    }
}
