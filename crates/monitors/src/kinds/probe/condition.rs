//! Conditions on a JSON body: `$.status == "ok"`, `$.queue.length < 100`, `$.workers[0].alive`, `version =~ "^4\\."`.
//!
//! Paths are the part of JSONPath that everybody knows: names, `['a name']`, `[0]`, `[-1]`. `length` at the end of a
//! list, a text or an object that has no such name is how long it is. A path alone is true when it is there and is
//! neither false nor null.

use regex::Regex;
use serde_json::Value;

use super::keys::regex;

#[derive(Clone, Debug)]
pub struct Condition {
    path: Path,
    test: Test,
    text: String,
}

#[derive(Clone, Debug)]
enum Test {
    IsThere,
    Compare(Sign, Value),
    Matches(Regex),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    Equal,
    Unequal,
    Less,
    AtMost,
    More,
    AtLeast,
}

/// Longer ones first: `<` is the beginning of `<=`.
const SIGNS: [(&str, Option<Sign>); 7] = [
    ("=~", None),
    ("==", Some(Sign::Equal)),
    ("!=", Some(Sign::Unequal)),
    ("<=", Some(Sign::AtMost)),
    (">=", Some(Sign::AtLeast)),
    ("<", Some(Sign::Less)),
    (">", Some(Sign::More)),
];

impl Condition {
    pub fn parse(text: &str) -> Result<Condition, String> {
        let text = text.trim();
        let found = outside_of_names(text).find_map(|at| {
            let sign = SIGNS.iter().find(|(sign, _)| text[at..].starts_with(sign))?;
            Some((at, sign))
        });
        let Some((at, (sign, kind))) = found else {
            return Ok(Condition { path: Path::parse(text)?, test: Test::IsThere, text: text.into() });
        };
        let right = text[at + sign.len()..].trim();
        if right.is_empty() {
            return Err(format!("`{text}` compares with nothing: write a value behind {sign}"));
        }
        // Words without quotes are texts.
        let value: Value = serde_json::from_str(right).unwrap_or_else(|_| Value::String(right.into()));
        let test = match kind {
            Some(kind) => Test::Compare(*kind, value),
            None => Test::Matches(regex(&shown(&value))?),
        };
        Ok(Condition { path: Path::parse(text[..at].trim())?, test, text: text.into() })
    }

    /// What is wrong with a body.
    pub fn breach(&self, body: &Value) -> Option<String> {
        let path = &self.path.text;
        let Some(found) = self.path.find(body) else {
            return Some(format!("{path} is missing in the answer"));
        };
        let holds = match &self.test {
            Test::IsThere => !matches!(found, Value::Null | Value::Bool(false)),
            Test::Matches(pattern) => pattern.is_match(&shown(&found)),
            Test::Compare(sign, value) => compare(*sign, &found, value),
        };
        (!holds).then(|| format!("{path} is {}, expected {}", short(&found), self.text))
    }
}

/// Places where an operator may begin: not in quotes or brackets.
fn outside_of_names(text: &str) -> impl Iterator<Item = usize> + '_ {
    let mut depth = 0;
    text.char_indices().filter_map(move |(at, letter)| {
        match letter {
            '[' => depth += 1,
            ']' => depth -= 1,
            _ => {}
        }
        (depth == 0).then_some(at)
    })
}

fn compare(sign: Sign, found: &Value, wanted: &Value) -> bool {
    match sign {
        Sign::Equal => is_equal(found, wanted),
        Sign::Unequal => !is_equal(found, wanted),
        _ => {
            let (Some(found), Some(wanted)) = (number(found), number(wanted)) else { return false };
            match sign {
                Sign::Less => found < wanted,
                Sign::AtMost => found <= wanted,
                Sign::More => found > wanted,
                _ => found >= wanted,
            }
        }
    }
}

/// `3` and `"3"` and `3.0` are one: bodies differ in whether they quote numbers.
fn is_equal(found: &Value, wanted: &Value) -> bool {
    match (number(found), number(wanted)) {
        (Some(found), Some(wanted)) => found == wanted,
        _ => found == wanted,
    }
}

pub fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
        _ => None,
    }
}

/// A text without its quotes, anything else as JSON.
pub fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn short(value: &Value) -> String {
    super::text::excerpt(value.to_string().as_bytes())
}

#[derive(Clone, Debug)]
pub struct Path {
    steps: Vec<Step>,
    text: String,
}

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Name(String),
    Index(i64),
}

impl Path {
    pub fn parse(text: &str) -> Result<Path, String> {
        let wrong =
            || format!("`{text}` is no path in JSON: write one such as $.queue.length or $.checks['a b'][0]");
        let mut rest = text.trim();
        if let Some(after) = rest.strip_prefix('$') {
            rest = after;
        } else if !rest.starts_with(['[', '.']) && !rest.is_empty() {
            let (name, after) = plain_name(rest);
            return Path::steps(after, vec![Step::Name(name.into())], text).ok_or_else(wrong);
        } else {
            return Err(wrong());
        }
        Path::steps(rest, Vec::new(), text).ok_or_else(wrong)
    }

    fn steps(mut rest: &str, mut steps: Vec<Step>, text: &str) -> Option<Path> {
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix('.') {
                let (name, after) = plain_name(after);
                if name.is_empty() {
                    return None;
                }
                steps.push(Step::Name(name.into()));
                rest = after;
                continue;
            }
            let inner = rest.strip_prefix('[')?;
            let quote = inner.chars().next().filter(|letter| matches!(letter, '\'' | '"'));
            match quote {
                Some(quote) => {
                    let (name, after) = inner[1..].split_once(quote)?;
                    steps.push(Step::Name(name.into()));
                    rest = after.strip_prefix(']')?;
                }
                None => {
                    let (index, after) = inner.split_once(']')?;
                    steps.push(Step::Index(index.trim().parse().ok()?));
                    rest = after;
                }
            }
        }
        Some(Path { steps, text: text.into() })
    }

    pub fn find(&self, body: &Value) -> Option<Value> {
        let mut here = body;
        for (index, step) in self.steps.iter().enumerate() {
            let is_last = index + 1 == self.steps.len();
            match (step_into(here, step), step) {
                (Some(next), _) => here = next,
                (None, Step::Name(name)) if is_last && name == "length" => return length(here),
                _ => return None,
            }
        }
        Some(here.clone())
    }
}

fn plain_name(text: &str) -> (&str, &str) {
    text.split_at(text.find(['.', '[', ']']).unwrap_or(text.len()))
}

fn step_into<'v>(value: &'v Value, step: &Step) -> Option<&'v Value> {
    match (value, step) {
        (Value::Object(object), Step::Name(name)) => object.get(name),
        (Value::Array(list), Step::Index(index)) => {
            let from_end = if *index < 0 { list.len() as i64 } else { 0 };
            list.get(usize::try_from(index.checked_add(from_end)?).ok()?)
        }
        _ => None,
    }
}

fn length(value: &Value) -> Option<Value> {
    let length = match value {
        Value::Array(list) => list.len(),
        Value::Object(object) => object.len(),
        Value::String(text) => text.chars().count(),
        _ => return None,
    };
    Some(length.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = r#"{"status": "ok", "n": 3, "quoted": "3", "half": 0.5, "list": [1, {"a b": null}, []],
        "off": false, "version": "4.2.1", "a": {"length": 7, "x>y": 1}}"#;

    #[test]
    fn conditions_hold_or_say_why_not() {
        let body: Value = serde_json::from_str(BODY).unwrap();
        let holds = |text: &str| Condition::parse(text).unwrap().breach(&body).is_none();
        for good in [
            "$.status == \"ok\"",
            "status == ok",
            "$.n == 3",
            "$.n == 3.0",
            "$.quoted == 3",
            "$.quoted < 4",
            "$.n >= 3",
            "$.half<1",
            "$.list.length == 3",
            "list[0] == 1",
            "$.list[-1].length == 0",
            "$.list[1]['a b'] == null",
            "$.a.length == 7",
            "$.a['x>y'] == 1",
            "$.version =~ ^4\\.",
            "$.version =~ \"2.1$\"",
            "$.status != down",
            "$.status",
            "$.off == false",
            "$",
            "$['status'] == ok",
        ] {
            assert!(holds(good), "{good}");
        }
        for bad in [
            "$.status == down",
            "$.off",
            "$.list[1]['a b']",
            "$.nothing == 1",
            "$.n > 3",
            "$.status > 3",
            "$.n.length == 1",
            "$.list[9]",
            "$.list[-9]",
        ] {
            assert!(!holds(bad), "{bad}");
        }
        let told = Condition::parse("$.n < 3").unwrap().breach(&body).unwrap();
        assert_eq!(told, "$.n is 3, expected $.n < 3");
    }

    #[test]
    fn what_is_no_condition_is_told() {
        for bad in
            ["", "$.a ==", "$.a[", "$..a", "$.a[x]", "$.a =~ (", "== 3", "$.a['x] == 1", ".a == 1", "$x"]
        {
            assert!(Condition::parse(bad).is_err(), "{bad}");
        }
    }
}
