//! Which level a series has: rules that people set, then the guess.

use serde::{Deserialize, Serialize};
use state_store::{Migrations, Row, StateError, StateStore};
use utoipa::ToSchema;

use crate::guess::{self, Level};

pub const MIGRATIONS: Migrations = Migrations {
    room: "levels",
    steps: &[
        "CREATE TABLE level_rule (position INTEGER PRIMARY KEY, pattern TEXT NOT NULL, level TEXT NOT NULL) STRICT;",
    ],
};

pub const MAX_RULES: usize = 1_000;

/// `*` stands for anything within a node, `**` for anything across nodes. The first match wins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LevelRule {
    #[schema(example = "shop.orders.**")]
    pub pattern: String,
    pub level: Level,
}

const ALL: &str = "SELECT pattern, level FROM level_rule ORDER BY position";

pub fn load(state: &StateStore) -> Result<Vec<LevelRule>, StateError> {
    Ok(read(&state.query(ALL, &[])?))
}

fn read(rows: &[Row]) -> Vec<LevelRule> {
    let rule = |row: &Row| LevelRule { pattern: row.text(0).to_owned(), level: parse(row.text(1)) };
    rows.iter().map(rule).collect()
}

/// What `new` makes of those of now, which nobody changes meanwhile. Where it refuses nothing is changed.
pub fn change<E>(
    state: &StateStore,
    new: impl FnOnce(Vec<LevelRule>) -> Result<Vec<LevelRule>, E>,
) -> Result<Result<Vec<LevelRule>, E>, StateError> {
    state.transaction(|tx| {
        let rules = match new(read(&tx.query(ALL, &[])?)) {
            Ok(rules) => rules,
            Err(refused) => return Ok(Err(refused)),
        };
        tx.execute("DELETE FROM level_rule", &[])?;
        for (position, rule) in rules.iter().enumerate() {
            tx.execute(
                "INSERT INTO level_rule (position, pattern, level) VALUES (?1, ?2, ?3)",
                &[(position as i64).into(), rule.pattern.as_str().into(), name(rule.level).into()],
            )?;
        }
        Ok(Ok(rules))
    })
}

/// The rules in effect, made ready to be asked about many series.
pub struct Levels(Vec<(Vec<Piece>, Level)>);

impl Levels {
    pub fn load(state: &StateStore) -> Result<Levels, StateError> {
        Ok(Levels::of_rules(&load(state)?))
    }

    fn of_rules(rules: &[LevelRule]) -> Levels {
        Levels(rules.iter().map(|rule| (pieces(&rule.pattern), rule.level)).collect())
    }

    pub fn of(&self, series: &str) -> Level {
        let rule = self.0.iter().find(|(pattern, _)| matches(pattern, series));
        rule.map_or_else(|| guess::level(series), |(_, level)| *level)
    }
}

fn name(level: Level) -> &'static str {
    match level {
        Level::Business => "business",
        Level::Feature => "feature",
        Level::System => "system",
    }
}

fn parse(text: &str) -> Level {
    match text {
        "business" => Level::Business,
        "system" => Level::System,
        _ => Level::Feature,
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Piece {
    Letter(char),
    WithinNode,
    AcrossNodes,
}

fn pieces(pattern: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for letter in pattern.chars() {
        match (letter, pieces.last_mut()) {
            ('*', Some(last @ Piece::WithinNode)) => *last = Piece::AcrossNodes,
            ('*', Some(Piece::AcrossNodes)) => {}
            ('*', _) => pieces.push(Piece::WithinNode),
            (letter, _) => pieces.push(Piece::Letter(letter)),
        }
    }
    pieces
}

/// Follows all ways through the pattern at once, so that no pattern takes longer than its length times
/// that of the text.
fn matches(pieces: &[Piece], text: &str) -> bool {
    // reached[i]: the first i pieces can stand for what was read so far.
    let mut reached = vec![false; pieces.len() + 1];
    let mut next = reached.clone();
    reached[0] = true;
    skip_stars(pieces, &mut reached);
    for letter in text.chars() {
        next.fill(false);
        for (index, piece) in pieces.iter().enumerate().filter(|(index, _)| reached[*index]) {
            match piece {
                Piece::Letter(wanted) => next[index + 1] |= *wanted == letter,
                Piece::WithinNode => next[index] |= letter != '.',
                Piece::AcrossNodes => next[index] = true,
            }
        }
        skip_stars(pieces, &mut next);
        std::mem::swap(&mut reached, &mut next);
        // Most rules are ruled out by their first letters.
        if !reached.contains(&true) {
            return false;
        }
    }
    reached[pieces.len()]
}

/// A star may stand for nothing.
fn skip_stars(pieces: &[Piece], reached: &mut [bool]) {
    for (index, piece) in pieces.iter().enumerate() {
        if reached[index] && !matches!(piece, Piece::Letter(_)) {
            reached[index + 1] = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        let check = |pattern: &str, text: &str, wanted: bool| {
            assert_eq!(matches(&pieces(pattern), text), wanted, "{pattern} {text}");
        };
        check("a.b", "a.b", true);
        check("a.*", "a.b", true);
        check("a.*", "a.b.c", false);
        check("a.**", "a.b.c", true);
        check("**.failed", "stats.x.failed", true);
        check("a*c", "abc", true);
        check("a*c", "a.c", false);
        check("", "a", false);
    }

    #[test]
    fn rules_come_before_the_guess_and_are_kept() {
        let directory = tempfile::tempdir().unwrap();
        let state = StateStore::open(&directory.path().join("state.db"), &[MIGRATIONS]).unwrap();
        let rules = [LevelRule { pattern: "host.**".into(), level: Level::Business }];
        let set = |new: Vec<LevelRule>| change(&state, |_| Ok::<_, ()>(new)).unwrap().unwrap();
        set(rules.to_vec());
        let kept = change(&state, |before| {
            assert_eq!(before, rules, "those of now");
            Err::<Vec<LevelRule>, _>("refused")
        });
        assert_eq!(kept.unwrap(), Err("refused"));
        let loaded = load(&state).unwrap();
        assert_eq!(loaded, rules);
        let levels = Levels::load(&state).unwrap();
        assert_eq!(levels.of("host.web1.load"), Level::Business);
        assert_eq!(levels.of("bellwether.x"), Level::System);
    }
}
