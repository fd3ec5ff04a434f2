//! Bodies and parameters, and what is wrong with them in the words of whoever wrote them: those that a reader of JSON has
//! are of its own types.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde::de::{Deserializer, IgnoredAny, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};

use super::{Answer, Problem};

/// Where all that may be written is described.
const DESCRIBED: &str = "/api/v1/openapi.json says what may stand here";

pub fn read<'b, T: Deserialize<'b>>(bytes: &'b [u8]) -> Answer<T> {
    let wanted = Wanted::of::<T>();
    let begins = bytes.trim_ascii_start().first();
    if wanted != Wanted::Other && begins != Some(&b'{') {
        return Err(no_object(begins.is_none(), wanted));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let read = serde_path_to_error::deserialize(&mut reader).map_err(|error| match wanted {
        Wanted::OneOf(names) => none_of(bytes, names).unwrap_or_else(|| unreadable(&error)),
        _ => unreadable(&error),
    })?;
    reader.end().map_err(|error| no_json(&error))?;
    Ok(read)
}

fn no_object(is_empty: bool, wanted: Wanted) -> Problem {
    let example = match wanted {
        Wanted::OneOf(names) => one_of_example(names),
        _ => "{\"key\": value, …}".to_owned(),
    };
    // A list would be read by the place of each word.
    let why = if is_empty { "the body is empty" } else { "the body is no JSON object" };
    Problem::bad_request(why).hint(format!("write {example}; {DESCRIBED}"))
}

fn one_of_example(names: &[&str]) -> String {
    let forms: Vec<String> = names.iter().map(|name| format!("{{\"{name}\": {{…}}}}")).collect();
    forms.join(" or ")
}

/// An object that has to have one of several keys, and has none of them, or more than one.
fn none_of(bytes: &[u8], names: &[&str]) -> Option<Problem> {
    let keys: BTreeMap<String, IgnoredAny> = serde_json::from_slice(bytes).ok()?;
    let known: Vec<&str> = names.iter().copied().filter(|name| keys.contains_key(*name)).collect();
    if known.len() == 1 && keys.len() == 1 {
        return None;
    }
    let why = match known.as_slice() {
        [] => format!("{} is missing", listed(names, "or")),
        [name] => format!("something stands beside `{name}`"),
        more => format!("{} stand in one body", listed(more, "and")),
    };
    Some(Problem::bad_request(why).hint(format!("write {}", one_of_example(names))))
}

fn unreadable(error: &serde_path_to_error::Error<serde_json::Error>) -> Problem {
    let inner = error.inner();
    if !inner.is_data() {
        return no_json(inner);
    }
    let text = inner.to_string();
    let where_ = format!(" at line {} column {}", inner.line(), inner.column());
    let path = error.path().to_string();
    let place = if path == "." { "" } else { &path };
    told(StatusCode::UNPROCESSABLE_ENTITY, place, text.strip_suffix(&where_).unwrap_or(&text))
}

fn no_json(error: &serde_json::Error) -> Problem {
    Problem::bad_request(format!("the body is no JSON: {error}"))
        .hint("texts and keys stand in double quotes, and nothing follows the last bracket")
}

/// Of a query string: `text` is what axum says of it.
pub fn unreadable_query(status: StatusCode, text: &str) -> Problem {
    let text = text.strip_prefix("Failed to deserialize query string: ").unwrap_or(text);
    match text.split_once(": ") {
        Some((key, why)) if !key.contains([' ', '`']) => told(status, key, why),
        _ => told(status, "", text),
    }
}

/// Of a number in a path.
pub fn unreadable_id(status: StatusCode, text: &str) -> Problem {
    let why = match text.split('`').nth(1) {
        Some(written) if text.contains("Cannot parse") => format!("`{written}` is no number of a thing"),
        _ => text.to_owned(),
    };
    Problem::new(status, why).hint("the number of each thing is its `id` in the list")
}

/// What the reader says of what stands at `place`.
fn told(status: StatusCode, place: &str, message: &str) -> Problem {
    let said = Said::of(place, message);
    Problem::new(status, said.what).hint(said.cure)
}

struct Said {
    what: String,
    cure: String,
}

impl Said {
    fn new(what: String, cure: impl Into<String>) -> Said {
        Said { what, cure: cure.into() }
    }

    fn of(place: &str, message: &str) -> Said {
        let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
        let (name, known) = quoted.split_first().map_or(("", &[][..]), |(name, known)| (*name, known));
        if message.starts_with("missing field ") {
            return Said::new(format!("{}`{name}` is missing", inside(place, "")), DESCRIBED);
        }
        if message.starts_with("unknown field ") {
            return Said::unknown(place, name, known);
        }
        if message.starts_with("duplicate field ") {
            return Said::new(format!("{}`{name}` is there twice", inside(place, name)), "write it once");
        }
        if message.starts_with("unknown variant ") {
            let what = format!("{} is `{name}`", subject(place));
            return Said::new(what, format!("write {}", listed(known, "or")));
        }
        Said::of_value(place, message)
    }

    fn unknown(place: &str, name: &str, known: &[&str]) -> Said {
        let what = format!("{}there is no key `{name}`", inside(place, name));
        match nearest(name, known.iter().copied()) {
            Some(meant) => Said::new(what, format!("did you mean `{meant}`?")),
            None if known.is_empty() => Said::new(what, "nothing can be written here"),
            None => Said::new(what, format!("known here are {}", listed(known, "and"))),
        }
    }

    fn of_value(place: &str, message: &str) -> Said {
        let both = message.strip_prefix("invalid ").and_then(|rest| rest.split_once(": "));
        let both = both.and_then(|(_, rest)| rest.rsplit_once(", expected "));
        if let Some((found, wanted)) = both {
            let what = format!("{} is {}", subject(place), in_words(found));
            return Said::new(what, format!("write {}", due(wanted)));
        }
        let of_text = match message {
            "invalid digit found in string" | "cannot parse integer from empty string" => "a whole number",
            "number too large to fit in target type" => "a smaller number",
            "number too small to fit in target type" => "a larger number",
            "invalid float literal" | "cannot parse float from empty string" => "a number",
            "provided string was not `true` or `false`" => "true or false",
            // A type of ours has said what is wrong.
            _ => return Said::new(format!("{}: {message}", subject(place)), DESCRIBED),
        };
        Said::new(format!("{} cannot be read", subject(place)), format!("write {of_text}"))
    }
}

fn subject(place: &str) -> String {
    if place.is_empty() { "the body".to_owned() } else { format!("`{place}`") }
}

/// Where a key stands, whose own name may be the end of the place.
fn inside(place: &str, name: &str) -> String {
    let above = place.strip_suffix(name).unwrap_or(place).trim_end_matches('.');
    if above.is_empty() { String::new() } else { format!("in `{above}`: ") }
}

/// `a`, `b` or `c`
fn listed(names: &[&str], last: &str) -> String {
    let mut quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    let Some(end) = quoted.pop() else { return String::new() };
    if quoted.is_empty() { end } else { format!("{} {last} {end}", quoted.join(", ")) }
}

/// What stands there, as the reader calls it.
fn in_words(found: &str) -> String {
    let number = found.strip_prefix("integer ").or_else(|| found.strip_prefix("floating point "));
    match found {
        "sequence" => "a list".to_owned(),
        "map" => "an object".to_owned(),
        "unit value" => "null".to_owned(),
        _ => match (number, found.strip_prefix("string ")) {
            (Some(number), _) => format!("the number {}", number.trim_matches('`')),
            (_, Some(text)) => format!("the text {text}"),
            _ => found.trim_start_matches("boolean ").to_owned(),
        },
    }
}

/// What the reader would have taken.
fn due(wanted: &str) -> &str {
    match wanted {
        "a string" | "a borrowed string" | "str" => "a text in quotes",
        "a boolean" => "true or false",
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" | "u64" | "usize" => "a whole number from 0",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "unit" => "null",
        "a map" | "string or map" => "an object: {\"key\": value, …}",
        _ if wanted.starts_with("a sequence") => "a list: [ …, … ]",
        _ if wanted.contains("struct ") || wanted.contains("enum ") => "an object: {\"key\": value, …}",
        // A type of ours says it.
        _ => wanted,
    }
}

/// The name that was probably meant.
pub fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let name = name.to_lowercase();
    let likeness = |known: &&str| (strsim::jaro_winkler(&known.to_lowercase(), &name) * 1000.0) as u32;
    known.max_by_key(likeness).filter(|known| likeness(known) > 800)
}

/// What a type begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Object,
    /// An object with one of these keys.
    OneOf(&'static [&'static str]),
    Other,
}

impl Wanted {
    fn of<'b, T: Deserialize<'b>>() -> Wanted {
        let mut wanted = Wanted::Other;
        // It is given nothing, and so comes to nothing.
        let _ = T::deserialize(Question(&mut wanted));
        wanted
    }
}

/// Asks a type what it would read.
struct Question<'q>(&'q mut Wanted);

type Never = serde::de::value::Error;

fn nothing() -> Never {
    serde::de::Error::custom("nothing is there")
}

impl<'de> Deserializer<'de> for Question<'_> {
    type Error = Never;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Never> {
        Err(nothing())
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Never> {
        *self.0 = Wanted::Object;
        Err(nothing())
    }

    fn deserialize_map<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Never> {
        *self.0 = Wanted::Object;
        Err(nothing())
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        names: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Never> {
        *self.0 = Wanted::OneOf(names);
        Err(nothing())
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only what cannot be read is looked at")]
    struct Silence {
        matchers: Vec<Matcher>,
        until: i64,
        #[serde(default)]
        reason: String,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only what cannot be read is looked at")]
    struct Matcher {
        monitor: String,
        port: Option<u16>,
        kind: Option<Kind>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        Metric,
        Check,
        Heartbeat,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    #[expect(dead_code, reason = "only what cannot be read is looked at")]
    enum Definition {
        Monitor(Matcher),
        Check(Matcher),
    }

    fn refused<T: for<'b> Deserialize<'b> + std::fmt::Debug>(body: &str) -> (u16, String, String) {
        let problem = read::<T>(body.as_bytes()).unwrap_err();
        (problem.status.as_u16(), problem.error, problem.hint.unwrap_or_default())
    }

    #[test]
    fn what_cannot_be_read_is_told_in_the_words_of_who_wrote_it() {
        let check = |body: &str, status: u16, error: &str, hint: &str| {
            let told = refused::<Silence>(body);
            assert!(
                told.0 == status && told.1.starts_with(error) && told.2.contains(hint),
                "{body}: {told:?}"
            );
            let text = format!("{} {}", told.1, told.2);
            assert!(
                !["struct", "sequence", "variant", "field"].iter().any(|word| text.contains(word)),
                "{text}"
            );
        };
        check("[\"x\"]", 400, "the body is no JSON object", "write {\"key\": value");
        check("", 400, "the body is empty", "openapi.json");
        check("{\"until\": 5,}", 400, "the body is no JSON: ", "double quotes");
        check("{\"matchers\": [], \"until\": 5} x", 400, "the body is no JSON: ", "nothing follows");
        check("{\"matchers\": []}", 422, "`until` is missing", "openapi.json");
        check("{\"matchers\": [{}], \"until\": 5}", 422, "in `matchers[0]`: `monitor` is missing", "");
        check("{\"until\": \"5\"}", 422, "`until` is the text \"5\"", "write a whole number");
        check("{\"until\": 5.5}", 422, "`until` is the number 5.5", "write a whole number");
        check("{\"until\": true}", 422, "`until` is `true`", "");
        check("{\"until\": null}", 422, "`until` is null", "");
        check("{\"until\": {}}", 422, "`until` is an object", "");
        check("{\"matchers\": 5}", 422, "`matchers` is the number 5", "write a list");
        check("{\"matchers\": [5]}", 422, "`matchers[0]` is the number 5", "write an object");
        check("{\"untill\": 5}", 422, "there is no key `untill`", "did you mean `until`?");
        check(
            "{\"zzz\": 5}",
            422,
            "there is no key `zzz`",
            "known here are `matchers`, `until` and `reason`",
        );
        check("{\"until\": 5, \"until\": 6}", 422, "`until` is there twice", "write it once");
        check("{\"matchers\": [{\"zzz\": 1}]}", 422, "in `matchers[0]`: there is no key `zzz`", "`monitor`");
        let port = "{\"matchers\": [{\"monitor\": \"a\", \"port\": 70000}]}";
        check(port, 422, "`matchers[0].port` is the number 70000", "from 0 to 65535");
        let kind = "{\"matchers\": [{\"monitor\": \"a\", \"kind\": \"x\"}]}";
        check(kind, 422, "`matchers[0].kind` is `x`", "write `metric`, `check` or `heartbeat`");
    }

    #[test]
    fn a_body_with_one_of_several_keys_has_just_one() {
        let check = |body: &str, error: &str| {
            let (status, told, hint) = refused::<Definition>(body);
            assert!(status == 400 && told.starts_with(error), "{body}: {told}");
            assert!(hint.contains("{\"monitor\": {…}} or {\"check\": {…}}"), "{hint}");
        };
        check("{}", "`monitor` or `check` is missing");
        check("{\"monitr\": {}}", "`monitor` or `check` is missing");
        check(
            "{\"monitor\": {\"monitor\": \"a\"}, \"check\": {}}",
            "`monitor` and `check` stand in one body",
        );
        check("{\"monitor\": {\"monitor\": \"a\"}, \"x\": 1}", "something stands beside `monitor`");
        check("[{}]", "the body is no JSON object");
        let inside = refused::<Definition>("{\"check\": {\"monitor\": 5}}");
        assert_eq!((inside.0, inside.1.as_str()), (422, "`check.monitor` is the number 5"));
    }

    #[test]
    fn lists_stay_lists() {
        assert_eq!(read::<Vec<u8>>(b"[1, 2]").unwrap(), [1, 2]);
        assert_eq!(refused::<Vec<u8>>("{}").1, "the body is an object");
    }

    #[test]
    fn parameters_are_told_alike() {
        let told = |text: &str| {
            let problem = unreadable_query(StatusCode::BAD_REQUEST, text);
            (problem.error, problem.hint.unwrap_or_default())
        };
        let query = |why: &str| told(&format!("Failed to deserialize query string: {why}"));
        let (error, hint) = query("days: invalid digit found in string");
        assert_eq!((error.as_str(), hint.as_str()), ("`days` cannot be read", "write a whole number"));
        let (error, hint) = query("unknown field `dyas`, expected `days` or `limit`");
        assert_eq!((error.as_str(), hint.as_str()), ("there is no key `dyas`", "did you mean `days`?"));
        assert_eq!(query("missing field `instance`").0, "`instance` is missing");
        let id = unreadable_id(StatusCode::BAD_REQUEST, "Invalid URL: Cannot parse `first` to a `i64`");
        assert_eq!(id.error, "`first` is no number of a thing");
    }
}
