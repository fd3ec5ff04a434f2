//! `query`: Sentry's words for what is searched, as far as there is the like here. The rest is refused: a script that counts would
//! else find nothing where there is something.

use error_tracking::look::Wanted;
use vocabulary::Timestamp;
use vocabulary::time::HumanDuration;

use super::issues::status;
use crate::answer::{Answer, Problem};

const HINT: &str = "is:, assigned:, environment:, release:, first-release:, age:-24h, lastSeen:+24h, timesSeen:>10, has:tag, message:, title:, error.type:, error.value:, error.handled:, platform:, user.id:, tag:value, tags[tag]:value, text, values with white space in quotes; GET /api/v1/errors/groups can more";
/// More than anybody writes. Each is looked for in every group, while nobody else gets at the state database.
const MAX_TERMS: usize = 20;
/// What Sentry knows of an event and is no tag here. Tags that are called so are found as `tags[NAME]`.
const NO_TAGS: [&str; 14] = [
    "bookmarks",
    "date",
    "id",
    "issue",
    "location",
    "project",
    "regressed_in_release",
    "subscribed",
    "suggested",
    "assigned_or_suggested",
    "timestamp",
    "trace",
    "type",
    "user",
];
/// The same, of all that begins so.
const NO_TAGS_BELOW: [&str; 18] = [
    "app.",
    "device.",
    "error.",
    "event.",
    "geo.",
    "group.",
    "http.",
    "issue.",
    "os.",
    "platform.",
    "project.",
    "release.",
    "sdk.",
    "stack.",
    "thread.",
    "trace.",
    "unreal.",
    "user.",
];

/// A word of a query.
#[derive(Debug, Default, PartialEq, Eq)]
struct Term {
    /// As it is written, for whoever is told of it.
    word: String,
    key: Option<String>,
    value: String,
    /// Nothing of a quoted value is a sign.
    is_quoted: bool,
}

/// Quotes hold white space and colons together.
fn terms(query: &str) -> Answer<Vec<Term>> {
    let mut terms = Vec::new();
    let mut term = Term::default();
    let mut letters = query.chars();
    let mut is_open = false;
    while let Some(letter) = letters.next() {
        if letter.is_whitespace() && !is_open {
            terms.push(std::mem::take(&mut term));
            continue;
        }
        term.word.push(letter);
        match letter {
            '"' => {
                is_open = !is_open;
                term.is_quoted = true;
            }
            '\\' if is_open => {
                let meant = letters.next();
                term.word.extend(meant);
                term.value.extend(meant);
            }
            ':' if !is_open && term.key.is_none() && !term.value.is_empty() => {
                term.key = Some(std::mem::take(&mut term.value));
                term.is_quoted = false;
            }
            letter => term.value.push(letter),
        }
    }
    if is_open {
        return Err(Problem::bad_request(format!("`{query}` has a quote that is not closed")).hint(HINT));
    }
    terms.push(term);
    terms.retain(|term| !term.word.is_empty());
    Ok(terms)
}

pub(super) fn search(wanted: &mut Wanted, query: &str, now: Timestamp) -> Answer<()> {
    let mut texts: Vec<String> = Vec::new();
    let terms = terms(query)?;
    let keyed_terms = terms.iter().filter(|term| term.key.is_some()).count();
    if keyed_terms > MAX_TERMS {
        let why = format!("a query of {keyed_terms} terms: at most {MAX_TERMS} are searched for at a time");
        return Err(Problem::bad_request(why));
    }
    for term in terms {
        match &term.key {
            Some(_) if term.value.is_empty() => return Err(term.refusal()),
            Some(key) => keyed(wanted, key, &term, now)?,
            None if !term.is_quoted && ["AND", "OR"].contains(&term.value.as_str()) => {
                return Err(term.refusal());
            }
            None => texts.push(term.value),
        }
    }
    let text = texts.join(" ");
    match text.contains('*') {
        true => wanted.titles.push(format!("*{}*", glob(&text))),
        false => wanted.text = Some(text).filter(|text| !text.is_empty()),
    }
    Ok(())
}

fn keyed(wanted: &mut Wanted, key: &str, term: &Term, now: Timestamp) -> Answer<()> {
    match key {
        "message" => wanted.titles.push(format!("*{}*", glob(&term.value))),
        "title" => wanted.titles.push(format!("{}: ", glob(&term.value))),
        // A title is `TYPE: VALUE`, and is compared with `: ` behind it.
        "error.type" => wanted.titles.push(format!("{}: *", glob(&term.value))),
        "error.value" => wanted.titles.push(format!("*: {}: ", glob(&term.value))),
        "age" | "firstSeen" => {
            let (since, until) = term.times(now)?;
            wanted.first_seen_since = since.or(wanted.first_seen_since);
            wanted.first_seen_until = until.or(wanted.first_seen_until);
        }
        "lastSeen" => {
            let (since, until) = term.times(now)?;
            wanted.seen_since = since.or(wanted.seen_since);
            wanted.seen_until = until.or(wanted.seen_until);
        }
        "timesSeen" => {
            let (least, most) = term.counts()?;
            wanted.count_least = least.or(wanted.count_least);
            wanted.count_most = most.or(wanted.count_most);
        }
        _ => plain(wanted, key, term)?,
    }
    Ok(())
}

/// Those that are one value.
fn plain(wanted: &mut Wanted, key: &str, term: &Term) -> Answer<()> {
    let value = term.plain()?;
    match key {
        "is" => is(wanted, &value)?,
        "environment" => wanted.environment = Some(value),
        "release" | "first-release" | "firstRelease" if value == "latest" => return Err(term.refusal()),
        "release" => wanted.release = Some(value),
        "first-release" | "firstRelease" => wanted.first_release = Some(value),
        "assigned" => match value.as_str() {
            "me" | "my_teams" => return Err(term.refusal()),
            "none" => wanted.is_assigned = Some(false),
            _ => wanted.assigned = Some(value),
        },
        "platform" => wanted.platform = Some(value),
        "has" => wanted.has_tags.push(value),
        "error.handled" | "error.unhandled" => {
            let is_handled = match value.as_str() {
                "true" | "1" => key == "error.handled",
                "false" | "0" => key == "error.unhandled",
                _ => return Err(term.refusal()),
            };
            wanted.tags.push(("handled".to_owned(), if is_handled { "yes" } else { "no" }.to_owned()));
        }
        "user.id" => wanted.tags.push(("user".to_owned(), value)),
        // `user:id:7` is how Sentry writes the tag.
        "user" if value.starts_with("id:") => {
            wanted.tags.push(("user".to_owned(), value.trim_start_matches("id:").to_owned()));
        }
        _ => wanted.tags.push((term.tag(key)?, value)),
    }
    Ok(())
}

fn is(wanted: &mut Wanted, word: &str) -> Answer<()> {
    match word {
        "assigned" => wanted.is_assigned = Some(true),
        "unassigned" => wanted.is_assigned = Some(false),
        "regressed" => {
            wanted.is_back = true;
            wanted.status = Some("unresolved".to_owned());
        }
        _ => wanted.status = Some(status(word)?.to_owned()),
    }
    Ok(())
}

impl Term {
    fn refusal(&self) -> Problem {
        Problem::bad_request(format!("`{}` cannot be searched here", self.word)).hint(HINT)
    }

    /// Without signs of comparison, lists and patterns, unless they are quoted.
    fn plain(&self) -> Answer<String> {
        let has_signs = self.value.starts_with(['>', '<', '[']) || self.value.contains('*');
        match has_signs && !self.is_quoted {
            true => Err(self.refusal()),
            false => Ok(self.value.clone()),
        }
    }

    fn tag(&self, key: &str) -> Answer<String> {
        if let Some(name) = key.strip_prefix("tags[").and_then(|name| name.strip_suffix(']')) {
            return Ok(name.to_owned());
        }
        let is_no_tag = key.starts_with(['!', '(']) || NO_TAGS.contains(&key);
        match is_no_tag || NO_TAGS_BELOW.iter().any(|prefix| key.starts_with(prefix)) {
            true => Err(self.refusal()),
            false => Ok(key.to_owned()),
        }
    }

    /// `-24h`: since a day ago; `+24h`: until then.
    fn times(&self, now: Timestamp) -> Answer<(Option<Timestamp>, Option<Timestamp>)> {
        let ago = |length: &str| {
            let length: Option<HumanDuration> = length.parse().ok();
            let seconds = length.and_then(|length| i64::try_from(length.0.as_secs()).ok());
            seconds.map(|seconds| now.minus(seconds))
        };
        let read = match (self.value.strip_prefix('-'), self.value.strip_prefix('+')) {
            (Some(length), _) => ago(length).map(|since| (Some(since), None)),
            (_, Some(length)) => ago(length).map(|until| (None, Some(until))),
            _ => None,
        };
        read.ok_or_else(|| {
            Problem::bad_request(format!("`{}` cannot be searched here", self.word))
                .hint("write -24h for since a day ago, +24h for before that; nothing else is known of times")
        })
    }

    /// At least and at most so often.
    fn counts(&self) -> Answer<(Option<u64>, Option<u64>)> {
        let number = |text: &str| text.parse::<u64>().map_err(|_| self.refusal());
        let value = self.value.as_str();
        if let Some(least) = value.strip_prefix(">=") {
            return Ok((Some(number(least)?), None));
        }
        if let Some(most) = value.strip_prefix("<=") {
            return Ok((None, Some(number(most)?)));
        }
        if let Some(less) = value.strip_prefix('>') {
            return Ok((Some(number(less)?.saturating_add(1)), None));
        }
        if let Some(more) = value.strip_prefix('<') {
            return Ok((None, Some(number(more)?.checked_sub(1).ok_or_else(|| self.refusal())?)));
        }
        let exactly = Some(number(value)?);
        Ok((exactly, exactly))
    }
}

/// Only `*` is a sign.
fn glob(text: &str) -> String {
    text.replace('[', "[[]").replace('?', "[?]").to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(query: &str) -> Answer<Wanted> {
        let mut wanted = Wanted::default();
        search(&mut wanted, query, Timestamp(1_000_000)).map(|()| wanted)
    }

    #[test]
    fn quotes_hold_together() {
        let of = |query: &str| {
            let terms = terms(query).unwrap();
            terms.into_iter().map(|term| (term.key, term.value)).collect::<Vec<_>>()
        };
        let keyed = |key: &str, value: &str| (Some(key.to_owned()), value.to_owned());
        assert_eq!(
            of(r#"transaction:"GET /a" "sp ace":"v w""#),
            [keyed("transaction", "GET /a"), keyed("sp ace", "v w")]
        );
        assert_eq!(of(r#"a:"say \"b:c\"" "#), [keyed("a", "say \"b:c\"")]);
        assert_eq!(of(r#" "boom: 1"  :x"#), [(None, "boom: 1".to_owned()), (None, ":x".to_owned())]);
        assert!(terms("a:\"b").unwrap_err().error.contains("not closed"));
    }

    #[test]
    fn what_can_be_searched() {
        let of = |query: &str| wanted(query).unwrap_or_else(|problem| panic!("{query}: {}", problem.error));
        let tags = |query: &str| of(query).tags;
        let tag = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(tags("till:2 browser:\"Firefox 1\""), [tag("till", "2"), tag("browser", "Firefox 1")]);
        assert_eq!(
            tags("tags[user.email]:a@b user.id:7 user:id:8"),
            [tag("user.email", "a@b"), tag("user", "7"), tag("user", "8")]
        );
        assert_eq!(tags("error.unhandled:true"), [tag("handled", "no")]);
        assert_eq!(tags("till:\"[1\""), [tag("till", "[1")]);
        assert_eq!(of("title:KA* message:\"a [b\" error.type:KA").titles, ["ka*: ", "*a [[]b*", "ka: *"]);
        assert_eq!(
            (of("KA*").titles, of("KA boom").text),
            (vec!["*ka**".to_owned()], Some("KA boom".to_owned()))
        );
        let counts = |query: &str| (of(query).count_least, of(query).count_most);
        assert_eq!(counts("timesSeen:>2"), (Some(3), None));
        assert_eq!(counts("timesSeen:>=2 timesSeen:<5"), (Some(2), Some(4)));
        assert_eq!(counts("timesSeen:3"), (Some(3), Some(3)));
        assert_eq!(of("age:+1h").first_seen_until, Some(Timestamp(996_400)));
        assert_eq!(of("firstRelease:a@1").first_release.as_deref(), Some("a@1"));
        assert_eq!((of("is:unassigned").is_assigned, of("is:regressed").is_back), (Some(false), true));
        assert_eq!(
            (of("has:till").has_tags, of("platform:python").platform),
            (vec!["till".to_owned()], Some("python".to_owned()))
        );
    }

    #[test]
    fn so_many_terms_are_searched_for() {
        let most = "has:till ".repeat(MAX_TERMS);
        assert!(wanted(&format!("{most} and words as many as one likes {}", "a ".repeat(100))).is_ok());
        let refused = wanted(&format!("{most} a:b")).err().map(|problem| problem.error);
        assert_eq!(refused.as_deref(), Some("a query of 21 terms: at most 20 are searched for at a time"));
    }

    #[test]
    fn what_cannot_be_searched_is_told() {
        for query in [
            "!release:1",
            "!has:user",
            "release:latest",
            "release:web@1.*",
            "assigned:me",
            "project:web",
            "user.email:a@b",
            "event.type:error",
            "issue.category:error",
            "stack.filename:a.py",
            "till:[1,2]",
            "till:>2",
            "timesSeen:often",
            "timesSeen:<0",
            "age:24h",
            "a OR b",
            "bookmarks:me",
            "release:",
            "message:",
            "is:lost",
            "(a:1",
        ] {
            assert!(wanted(query).is_err(), "{query}");
        }
    }
}
