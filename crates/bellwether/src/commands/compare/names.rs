//! Which series each side knows.

use std::collections::HashMap;

use axum::body::Bytes;

use super::original::{Kind as AnswerKind, Trouble};
use super::report::{Difference, Kind};
use super::sides::{Sides, Which, can_be_asked};
use crate::client::encode;

/// What only one of the two makes, about itself.
const OURS_ALONE: [&str; 5] =
    ["bellwether.", "host.", "stats.statsd.", "stats_counts.statsd.", "statsd.numStats"];
const THEIRS_ALONE: &str = "carbon.";

pub struct Names {
    pub both: Vec<String>,
    pub only_there: Vec<String>,
    pub only_here: Vec<String>,
    pub left_out: Vec<String>,
}

pub async fn names(sides: &mut Sides, only: &[String]) -> Result<Names, Trouble> {
    let mut left_out = Vec::new();
    let theirs = listed(sides, Which::Theirs, only, &mut left_out).await?;
    let ours = listed(sides, Which::Ours, only, &mut left_out).await?;
    let mut names = Names { both: Vec::new(), only_there: Vec::new(), only_here: Vec::new(), left_out };
    let mut here = ours.into_iter().peekable();
    for name in theirs {
        while let Some(before) = here.next_if(|ours| *ours < name) {
            names.only_here.push(before);
        }
        match here.next_if_eq(&name) {
            Some(_) => names.both.push(name),
            None => names.only_there.push(name),
        }
    }
    names.only_here.extend(here);
    let all = names.both.len();
    let example = names.both.iter().find(|name| !can_be_asked(name)).cloned();
    names.both.retain(|name| can_be_asked(name));
    if let Some(example) = example {
        let count = all - names.both.len();
        names
            .left_out
            .push(format!("{count} series whose names cannot be asked for exactly, such as {example}"));
    }
    Ok(names)
}

/// All names, in order; those with tags too, where the side keeps them.
async fn listed(
    sides: &mut Sides,
    which: Which,
    only: &[String],
    left_out: &mut Vec<String>,
) -> Result<Vec<String>, Trouble> {
    let read = |body: &[u8]| {
        let names: Result<Vec<String>, _> = serde_json::from_slice(body);
        names.map_err(|error| Trouble::Elsewhere(format!("the list of names cannot be read: {error}")))
    };
    let mut names = read(&index(sides, which).await?)?;
    // Where whisper keeps series with tags: their names are a sum of the tags there.
    names.retain(|name| !name.starts_with("_tagged."));
    let tagged = format!("/tags/findSeries?expr={}", encode("name=~."));
    match sides.ask(which, &tagged, None, AnswerKind::Json).await {
        Ok(body) => names.extend(read(&body)?),
        Err(Trouble::Refused { status, text }) => {
            left_out.push(format!("series with tags: {which:?} /tags/findSeries answers {status}: {text}"));
        }
        Err(trouble) => return Err(trouble),
    }
    if !only.is_empty() {
        names.retain(|name| only.iter().any(|prefix| name.starts_with(prefix.as_str())));
    }
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

async fn index(sides: &mut Sides, which: Which) -> Result<Bytes, Trouble> {
    let path = "/metrics/index.json";
    match sides.ask(which, path, None, AnswerKind::Json).await {
        // Every Graphite has it: where it is missing there is another program, or another path.
        Err(Trouble::Refused { status: status @ 404, text }) if which == Which::Theirs => {
            let asked = sides.theirs.shown();
            Err(Trouble::Elsewhere(format!(
                "{asked}{path} answers with status {status} ({text}): is {asked} where graphite-web is?"
            )))
        }
        other => other,
    }
}

/// Those that only Bellwether has.
pub fn only_here(names: &[String]) -> impl Iterator<Item = Difference> {
    names.iter().map(|name| match OURS_ALONE.iter().find(|prefix| name.starts_with(**prefix)) {
        Some(_) => Difference {
            expected: true,
            ..Difference::about(name, Kind::SeriesMissingThere, "Bellwether's own numbers")
        },
        None => Difference::about(
            name,
            Kind::SeriesMissingThere,
            "sent here only, or still waiting for its file (carbon's MAX_CREATES_PER_MINUTE)",
        ),
    })
}

/// What one archive of a series holds.
#[derive(Clone, Copy)]
pub struct Held {
    pub points: u64,
    pub first: i64,
    pub last: i64,
}

/// One that only graphite-web has.
pub fn only_there(name: &str, held: Option<Held>, alike: &Alike) -> Difference {
    let plain = |cause: &str, expected: bool| Difference {
        points: held.map_or(0, |held| held.points),
        times: held.map(|held| (held.first, held.last)),
        expected,
        ..Difference::about(name, Kind::SeriesMissingHere, cause)
    };
    if held.is_none() {
        return plain("a file without any point", true);
    }
    if name.starts_with(THEIRS_ALONE) {
        return plain("carbon's own numbers, which end with it", true);
    }
    if let Some(here) = alike.of(name) {
        let found = plain("the name is written otherwise here", false);
        return Difference { theirs: name.into(), ours: here.into(), ..found };
    }
    plain("not imported, and nothing sends it here", false)
}

/// Names of ours by their letters and digits alone: what differs only in the rest was cleaned in another way.
pub struct Alike(HashMap<String, String>);

impl Alike {
    pub fn new(only_here: &[String]) -> Alike {
        Alike(only_here.iter().map(|name| (bare(name), name.clone())).collect())
    }

    fn of(&self, name: &str) -> Option<&str> {
        self.0.get(&bare(name)).map(String::as_str)
    }
}

fn bare(name: &str) -> String {
    name.chars().filter(|character| character.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_one_side_only_have_their_reasons() {
        let alike = Alike::new(&["shop.a_b.c".into()]);
        let check = |name: &str, held, expected: bool, words: &str| {
            let difference = only_there(name, held, &alike);
            assert_eq!(difference.expected, expected, "{name}");
            assert!(difference.cause.contains(words), "{}", difference.cause);
        };
        check("shop.a b.c", Some(Held { points: 3, first: 1, last: 2 }), false, "written otherwise");
        check("shop.x", Some(Held { points: 3, first: 1, last: 2 }), false, "not imported");
        check("carbon.agents.a.cpuUsage", Some(Held { points: 3, first: 1, last: 2 }), true, "carbon's own");
        check("shop.x", None, true, "without any point");
        let here: Vec<_> = only_here(&["bellwether.x".into(), "a".into()]).map(|d| d.expected).collect();
        assert_eq!(here, [true, false]);
    }
}
