//! `filter=` of `GET /api/v2/alerts`, as amtool writes it. Patterns are somebody's who may read: there are few, they are short, and
//! what they become is small.

use std::collections::BTreeMap;

use crate::answer::{Answer, Problem};

/// A question about one label each; alerts have fewer.
const MAX_FILTERS: usize = 32;
const MAX_BYTES: usize = 1_000;
/// Bytes of a compiled pattern, and of what is kept while it is looked for.
const MAX_PATTERN: usize = 1 << 20;

/// One label: `severity="critical"`, `job!=api`, `alertname=~"Disk.*"`.
#[derive(Debug)]
pub struct Filter {
    label: String,
    wanted: Wanted,
    is: bool,
}

#[derive(Debug)]
enum Wanted {
    Text(String),
    /// Of the whole value.
    Pattern(regex::Regex),
}

impl Filter {
    /// A label that is not there is an empty one.
    pub fn fits(&self, labels: &BTreeMap<String, String>) -> bool {
        let value = labels.get(&self.label).map_or("", String::as_str);
        let fits = match &self.wanted {
            Wanted::Text(text) => value == text,
            Wanted::Pattern(pattern) => pattern.is_match(value),
        };
        fits == self.is
    }

    fn read(text: &str) -> Answer<Filter> {
        if text.len() > MAX_BYTES {
            return Err(Problem::bad_request(format!("a `filter` has {} bytes", text.len()))
                .hint(format!("write it with {MAX_BYTES} at most")));
        }
        let wrong = || {
            Problem::bad_request(format!("`filter` is `{text}`")).hint(
                "write it as alertname=\"Down\", job!=\"api\", or with a pattern: alertname=~\"Disk.*\"",
            )
        };
        let at = text.find(['=', '!']).ok_or_else(wrong)?;
        let (label, rest) = text.split_at(at);
        let signs = [("=~", true, true), ("!~", false, true), ("!=", false, false), ("=", true, false)];
        let read =
            signs.iter().find_map(|(sign, is, pattern)| Some((rest.strip_prefix(sign)?, *is, *pattern)));
        let (value, is, is_pattern) = read.filter(|_| !label.trim().is_empty()).ok_or_else(wrong)?;
        let value = value.trim();
        let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
        let value = value.replace("\\\"", "\"").replace("\\\\", "\\");
        let wanted = match is_pattern {
            true => Wanted::Pattern(pattern(&value).map_err(|error| {
                match error {
                    regex::Error::CompiledTooBig(_) => {
                        Problem::bad_request(format!("the pattern of `filter` `{text}` becomes too large"))
                            .hint("repeat less in it: a{100} is a hundred times as large as a")
                    }
                    _ => wrong(),
                }
            })?),
            false => Wanted::Text(value),
        };
        Ok(Filter { label: label.trim().to_owned(), wanted, is })
    }
}

fn pattern(value: &str) -> Result<regex::Regex, regex::Error> {
    let whole = format!("^(?:{value})$");
    regex::RegexBuilder::new(&whole).size_limit(MAX_PATTERN).dfa_size_limit(MAX_PATTERN).build()
}

pub fn filters(query: &str) -> Answer<Vec<Filter>> {
    let asked = || form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "filter");
    if asked().count() > MAX_FILTERS {
        return Err(Problem::bad_request(format!("`filter` is there {} times", asked().count())).hint(
            format!("ask with {MAX_FILTERS} at most; a pattern can name several values: job=~\"api|web\""),
        ));
    }
    asked().map(|(_, text)| Filter::read(&text)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_read_as_amtool_writes_them() {
        let labels = BTreeMap::from([("alertname", "Down"), ("job", "a\"pi")]);
        let labels: BTreeMap<String, String> =
            labels.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        let fits = |text: &str| Filter::read(text).map(|filter| filter.fits(&labels)).ok();
        for (text, expected) in [
            ("alertname=\"Down\"", Some(true)),
            ("alertname=Down", Some(true)),
            ("alertname!=\"Down\"", Some(false)),
            ("job=\"a\\\"pi\"", Some(true)),
            ("severity=\"\"", Some(true)),
            ("severity!=critical", Some(true)),
            ("alertname=~\"Do.*\"", Some(true)),
            ("alertname=~\"Do\"", Some(false)),
            ("alertname!~\"Do.*\"", Some(false)),
            ("alertname=~\"(\"", None),
            ("alertname", None),
            ("=x", None),
        ] {
            assert_eq!(fits(text), expected, "{text}");
        }
        assert_eq!(filters("active=true&filter=a%3Db&filter=c%21%3Dd").unwrap().len(), 2);
    }

    #[test]
    fn filters_are_few_short_and_small() {
        let wrong = |query: &str| filters(query).err().map(|problem| problem.error);
        assert_eq!(wrong(&"filter=a%3Db&".repeat(32)), None);
        assert_eq!(wrong(&"filter=a%3Db&".repeat(33)).unwrap(), "`filter` is there 33 times");
        assert_eq!(wrong(&format!("filter=a=~{}", "x".repeat(997))), None);
        assert_eq!(wrong(&format!("filter=a=~{}", "x".repeat(998))).unwrap(), "a `filter` has 1001 bytes");
        let nested = wrong("filter=a=~((\\w{100}){100}){100}").unwrap();
        assert!(nested.ends_with("becomes too large"), "{nested}");
    }
}
