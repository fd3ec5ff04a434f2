//! `filter=` as amtool and Grafana write it, one label each: `severity="critical"`, `job!=api`, `alertname=~"Disk.*"`. They are
//! somebody's who may read only: there are few, they are short, and what they become is small.

use std::collections::BTreeMap;

use monitors::silence::labels::{LabelMatcher, LabelTest};

use crate::answer::{Answer, Problem};

/// A question about one label each; alerts have fewer.
const MAX_FILTERS: usize = 32;
const MAX_BYTES: usize = 1_000;
const HOW: &str = "write it as alertname=\"Down\", job!=\"api\", or with a pattern: alertname=~\"Disk.*\"";

/// All of them, in their order.
pub fn matchers(query: &str) -> Answer<Vec<LabelMatcher>> {
    let asked = || form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "filter");
    if asked().count() > MAX_FILTERS {
        return Err(Problem::bad_request(format!("`filter` is there {} times", asked().count())).hint(
            format!("ask with {MAX_FILTERS} at most; a pattern can name several values: job=~\"api|web\""),
        ));
    }
    asked().map(|(_, text)| read(&text)).collect()
}

pub struct Filters(Vec<LabelTest>);

impl Filters {
    pub fn of_query(query: &str) -> Answer<Filters> {
        let tests = matchers(query)?.into_iter().map(|one| test(&one));
        Ok(Filters(tests.collect::<Answer<Vec<_>>>()?))
    }

    pub fn fit(&self, labels: &BTreeMap<String, String>) -> bool {
        self.0.iter().all(|test| test.fits(labels))
    }
}

fn test(matcher: &LabelMatcher) -> Answer<LabelTest> {
    matcher.test().map_err(|why| Problem::bad_request(why).hint(HOW))
}

fn read(text: &str) -> Answer<LabelMatcher> {
    if text.len() > MAX_BYTES {
        return Err(Problem::bad_request(format!("a `filter` has {} bytes", text.len()))
            .hint(format!("write it with {MAX_BYTES} at most")));
    }
    let wrong = || Problem::bad_request(format!("`filter` is `{text}`")).hint(HOW);
    let at = text.find(['=', '!']).ok_or_else(wrong)?;
    let (label, rest) = text.split_at(at);
    let signs = [("=~", true, true), ("!~", false, true), ("!=", false, false), ("=", true, false)];
    let read = signs.iter().find_map(|(sign, is, pattern)| Some((rest.strip_prefix(sign)?, *is, *pattern)));
    let (value, is_equal, is_regex) = read.filter(|_| !label.trim().is_empty()).ok_or_else(wrong)?;
    let value = value.trim();
    let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
    let value = value.replace("\\\"", "\"").replace("\\\\", "\\");
    Ok(LabelMatcher { name: label.trim().to_owned(), value, is_regex, is_equal })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_read_as_amtool_writes_them() {
        let labels = BTreeMap::from([("alertname", "Down"), ("job", "a\"pi")]);
        let labels: BTreeMap<String, String> =
            labels.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        let fits = |text: &str| read(text).and_then(|one| test(&one)).map(|one| one.fits(&labels)).ok();
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
        assert_eq!(matchers("active=true&filter=a%3Db&filter=c%21%3Dd").unwrap().len(), 2);
    }

    #[test]
    fn filters_are_few_short_and_small() {
        let wrong = |query: &str| Filters::of_query(query).err().map(|problem| problem.error);
        assert_eq!(wrong(&"filter=a%3Db&".repeat(32)), None);
        assert_eq!(wrong(&"filter=a%3Db&".repeat(33)).unwrap(), "`filter` is there 33 times");
        assert_eq!(wrong(&format!("filter=a=~{}", "x".repeat(997))), None);
        assert_eq!(wrong(&format!("filter=a=~{}", "x".repeat(998))).unwrap(), "a `filter` has 1001 bytes");
        let nested = wrong("filter=a=~((\\w{100}){100}){100}").unwrap();
        assert!(
            nested.ends_with(
                "becomes too large: repeat less in it, as a{100} is a hundred times as large as a"
            ),
            "{nested}"
        );
    }
}
