//! What of an exception's text counts beside its frames. The line of source that failed tells more than any text. Where
//! there is none, or where a library failed below that line, one function fails in several ways that the text alone tells
//! apart: by its first words, without names and numbers, since what programs put into texts is such, or stands behind them.

use std::sync::LazyLock;

use regex::Regex;

use super::{Why, parameterised};

/// Of each clause so many words count: with fewer, what differs is not told; with more, what is data.
const WORDS: usize = 3;
/// `load session: dial tcp: connection refused` has three clauses; of longer ones the rest says nothing new.
const CLAUSES: usize = 4;
/// Raised by the language's runtime: what it quotes are names within the program.
const OF_RUNTIME: [&str; 5] =
    ["NullPointerException", "TypeError", "ReferenceError", "NoMethodError", "NameError"];

/// Where the innermost frame that counts is, and whether it failed there or in a library below.
#[derive(Clone, Copy, Debug)]
pub(super) struct Crash {
    pub has_line: bool,
    pub is_below: bool,
}

pub(super) fn beside_frames(kind: Option<&str>, text: &str, crash: Crash) -> Why {
    if crash.has_line && !crash.is_below {
        return Why::leaf("value", parameterised(text)).not("the line tells more");
    }
    let name = kind.and_then(|kind| kind.rsplit(['.', ':', '\\']).next()).unwrap_or_default();
    if !crash.has_line && OF_RUNTIME.contains(&name) {
        let common = of_engines(text).unwrap_or_else(|| parameterised(text));
        return Why::leaf("value", common).with_hint(Some("the runtime's own words"));
    }
    Why::leaf("value", first_words(text)).with_hint(Some("the first words of each clause"))
}

/// What browsers say of one error in words of their own.
static OF_ENGINES: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let said = [
        (
            r"^Cannot (?:read|set) propert(?:y|ies) of (?:undefined|null) \((?:reading|setting) '([^']*)'\)$",
            "a property of nothing: ",
        ),
        (r"^Cannot (?:read|set) property '([^']*)' of (?:undefined|null)$", "a property of nothing: "),
        (
            r"^(?:undefined|null) is not an object \(evaluating '(?:[^']*\.)?([^'.]*)'\)$",
            "a property of nothing: ",
        ),
        (r#"^can't access property "([^"]*)", .* is (?:undefined|null)$"#, "a property of nothing: "),
        (r"^(\S+) is not defined$", "an unknown name: "),
        (r"^Can't find variable: (\S+)$", "an unknown name: "),
        // Safari adds where.
        (r"^(\S+ is not a (?:function|constructor))\. \(In '.*$", ""),
    ];
    let read = |(pattern, name)| (Regex::new(pattern).expect("each pattern is read by a test"), name);
    said.into_iter().map(read).collect()
});

fn of_engines(text: &str) -> Option<String> {
    OF_ENGINES.iter().find_map(|(pattern, name)| {
        let found = pattern.captures(text.trim())?;
        Some(format!("{name}{}", &found[1]))
    })
}

static QUOTED: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#""[^"]*"|`[^`']*['`]|(^|\W)'[^']*'"#).expect("it is read by a test"));

fn first_words(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or_default();
    let named = parameterised(&QUOTED.replace_all(line, "${1}<quoted>"));
    let clauses = named.split(": ").take(CLAUSES).map(|clause| {
        let words = clause.split_whitespace().take(WORDS).enumerate();
        let words = words.map(|(at, word)| if is_data(word, at == 0) { "<data>" } else { word });
        words.collect::<Vec<_>>().join(" ")
    });
    clauses.collect::<Vec<_>>().join(": ")
}

/// It was named above, holds a number, or is written as names are: `Zugspitze`, `stadtwerke-nord`, `news/list`.
fn is_data(word: &str, is_first: bool) -> bool {
    let is_named = word.starts_with('<') || word.bytes().any(|byte| byte.is_ascii_digit());
    let inner = word.trim_matches(|sign: char| !sign.is_alphanumeric());
    let has_separator = inner.contains(['-', '.', '/', '\\', '_', '@']);
    let mut letters = inner.chars();
    let is_capital =
        letters.next().is_some_and(char::is_uppercase) && letters.next().is_some_and(char::is_lowercase);
    is_named || has_separator || (is_capital && !is_first)
}

#[cfg(test)]
mod tests {
    use super::{Crash, beside_frames, first_words, of_engines};

    #[test]
    fn the_first_words_of_each_clause_count_without_data() {
        let check = |text: &str, words: &str| assert_eq!(first_words(text), words, "{text}");
        check("no schema for tenant bergwerk", "no schema for");
        check(
            "load session 8f1c2a: dial tcp 10.4.0.8:6379: connection refused",
            "load session <data>: dial tcp <data>: connection refused",
        );
        check("row 14: column 'Strasse' is empty\nDetail: x", "row <data>: column <data> is");
        check("undefined unit \"kWh\"", "undefined unit <data>");
        check("it doesn't fit, isn't it", "it doesn't fit,");
        check("", "");
        check("a: b: c: d: e", "a: b: c: d");
        check("User Bob is gone", "User <data> is");
        check("ERROR: tenant stadtwerke-nord (new) is gone.", "ERROR: tenant <data> (new)");
    }

    #[test]
    fn browsers_say_the_same() {
        let check = |texts: &[&str], common: &str| {
            for text in texts {
                assert_eq!(of_engines(text).as_deref(), Some(common), "{text}");
            }
        };
        let weight = [
            "Cannot read properties of undefined (reading 'weight')",
            "Cannot read property 'weight' of null",
            "undefined is not an object (evaluating 'this.parcel.weight')",
            "can't access property \"weight\", parcel is undefined",
        ];
        check(&weight, "a property of nothing: weight");
        check(&["price is not defined", "Can't find variable: price"], "an unknown name: price");
        check(&["a.b is not a function. (In 'a.b(1)', 'a.b' is 5)"], "a.b is not a function");
        assert_eq!(of_engines("a.b is not a function"), None);
    }

    #[test]
    fn a_line_of_source_tells_more_unless_a_library_failed_below_it() {
        let counts = |has_line: bool, is_below: bool| {
            beside_frames(Some("E"), "text", Crash { has_line, is_below }).counts
        };
        assert!(!counts(true, false) && counts(true, true) && counts(false, false));
        let crash = Crash { has_line: false, is_below: false };
        let of_runtime = beside_frames(Some("java.lang.NullPointerException"), "\"a()\" is null", crash);
        assert_eq!(of_runtime.value.as_deref(), Some("\"a()\" is null"));
    }
}
