//! The text of a condition -> [`Condition`].
//!
//! ```text
//! condition = either [ ["only"] "while" either ]
//! either    = all { "or" all }
//! all       = part { "and" part }
//! part      = "not" part | "(" condition ")" | clause
//! clause    = "no" "point" [ "of" name ] "for" duration
//!           | "top" count [ "of" name ]
//!           | name "active" "within" duration                        the greatest value over the duration is above 0
//!           | [ name ] ("reaches" | "falls" "to") number "within" duration [ "judged" "by" duration ]
//!           | [ measure ] test
//! measure   = term [ ("+" | "-" | "/") term ] [ "against" duration ]
//! term      = function [ "(" name ")" ] "over" duration | "change" [ "(" name ")" ] "over" duration | name | "value"
//! test      = (">" | ">=" | "<" | "<=" | "=" | "!=") bound | ">" "±" bound
//!           | ("outside" | "inside") bound ".." bound | a range as Nagios's plugins take it, such as 10:20 or @10:20
//! bound     = number [ "%" | "/s" | "/min" | "/h" | "/d" ]
//! ```
//!
//! Words may be in any case; names of series are those that the monitor gives its series.

mod measures;
mod words;

use super::condition::{Clause, Condition, Function, Measure, Name, Operator, Test, TestKind};
use crate::limits::{MAX_CONDITION_BYTES, MAX_CONDITION_CLAUSES, MAX_CONDITION_DEPTH};
use words::{Parser, Read, tokens};

/// What is wrong with the text of a condition, where, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    pub message: String,
    /// Characters of the text.
    pub start: usize,
    pub end: usize,
}

impl std::fmt::Display for Mistake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (at character {})", self.message, self.start + 1)
    }
}

impl std::error::Error for Mistake {}

/// `names`: what the monitor calls its series, besides its target.
pub fn parse(text: &str, names: &[&str]) -> Result<Condition, Mistake> {
    if text.len() > MAX_CONDITION_BYTES {
        let message = format!("the condition is longer than {MAX_CONDITION_BYTES} bytes");
        return Err(Mistake { message, start: 0, end: 0 });
    }
    let mut parser = Parser { tokens: tokens(text), at: 0, text, names, depth: 0, clauses: 0 };
    if parser.tokens.is_empty() {
        return Err(parser.mistake("the condition is empty: write when it is bad, such as `> 300`"));
    }
    let condition = parser.condition()?;
    match parser.peek() {
        None => Ok(condition),
        Some(rest) => {
            let rest = rest.to_owned();
            Err(parser.mistake(format!(
                "`{rest}` does not belong here: join conditions with `and`, `or` or `while`"
            )))
        }
    }
}

impl Parser<'_> {
    fn condition(&mut self) -> Read<Condition> {
        let what = self.either()?;
        let only = self.take("only");
        if self.take("while") {
            let when = self.either()?;
            return Ok(Condition::While(Box::new(what), Box::new(when)));
        }
        match only {
            true => Err(self.mistake("`only` goes with `while`: write `… only while …`")),
            false => Ok(what),
        }
    }

    fn either(&mut self) -> Read<Condition> {
        let mut parts = vec![self.all()?];
        while self.take("or") {
            parts.push(self.all()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Condition::Any(parts) })
    }

    fn all(&mut self) -> Read<Condition> {
        let mut parts = vec![self.part()?];
        while self.take("and") {
            parts.push(self.part()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Condition::All(parts) })
    }

    fn part(&mut self) -> Read<Condition> {
        self.depth += 1;
        if self.depth > MAX_CONDITION_DEPTH {
            return Err(self.mistake("the condition is nested too deeply: make monitors of its parts"));
        }
        let part = if self.take("not") {
            Condition::Not(Box::new(self.part()?))
        } else if self.take("(") {
            let inner = self.condition()?;
            if !self.take(")") {
                return Err(self.mistake("a `)` is missing here"));
            }
            inner
        } else {
            self.clauses += 1;
            if self.clauses > MAX_CONDITION_CLAUSES {
                let message =
                    format!("more than {MAX_CONDITION_CLAUSES} comparisons: make monitors of its parts");
                return Err(self.mistake(message));
            }
            Condition::Is(self.clause()?)
        };
        self.depth -= 1;
        Ok(part)
    }

    fn clause(&mut self) -> Read<Clause> {
        if self.take("no") {
            return self.absent();
        }
        if self.take("top") {
            return self.top();
        }
        let named = self.peek().filter(|_| !self.calls()).and_then(|word| self.name_of(word));
        if let Some(name) = &named {
            self.at += 1;
            if self.take("active") {
                self.expect("within", "pushes active within 30m")?;
                let (function, seconds) = (Function::Max, self.duration()?);
                let measure = Measure::Window { function, of: name.clone(), seconds };
                return Ok(Clause::Compare { measure, test: Test::plain(TestKind::Above(0.0)) });
            }
            if !self.is("reaches") && !self.is("falls") {
                self.at -= 1;
            }
        }
        if self.is("reaches") || self.is("falls") {
            return self.reaches(named.unwrap_or_default());
        }
        let measure = match self.starts_test() {
            true => Measure::Value(Name::default()),
            false => self.measure()?,
        };
        let test = self.test()?;
        self.compare(measure, test)
    }

    fn compare(&self, measure: Measure, test: Test) -> Read<Clause> {
        let shares = matches!(measure, Measure::Against { .. } | Measure::Combined(_, Operator::Over, _));
        if test.percent && !shares {
            return Err(self.mistake_at_end(
                "a percentage is of something: of an earlier value (`value against 1h > 20%`) or of another series (`errors / requests > 5%`)",
            ));
        }
        Ok(Clause::Compare { measure, test })
    }

    fn absent(&mut self) -> Read<Clause> {
        const EXAMPLE: &str = "no point for 60s";
        if !self.take("points") && !self.take("data") {
            self.expect("point", EXAMPLE)?;
        }
        let of = if self.take("of") { self.name()? } else { Name::default() };
        self.expect("for", EXAMPLE)?;
        Ok(Clause::Absent { of, seconds: self.duration()? })
    }

    fn top(&mut self) -> Read<Clause> {
        let places = self.next().and_then(|word| word.parse::<u32>().ok()).filter(|places| *places > 0);
        let Some(places) = places else {
            return Err(self.mistake_before("how many are at the top? Write a number, as in `top 3`"));
        };
        let of = if self.take("of") { self.name()? } else { Name::default() };
        let test = Test::plain(TestKind::AtMost(places.into()));
        Ok(Clause::Compare { measure: Measure::Rank(of), test })
    }

    fn reaches(&mut self, of: Name) -> Read<Clause> {
        const EXAMPLE: &str = "reaches 95 within 24h";
        let rising = self.take("reaches");
        if !rising {
            self.take("falls");
            self.expect("to", "falls to 0 within 24h")?;
        }
        let level = self.bound()?;
        if level.percent || level.per != 1 {
            return Err(self.mistake_before("a level is a plain number, in the unit of the series"));
        }
        let level = level.number;
        self.expect("within", EXAMPLE)?;
        let within = self.duration()?;
        let by = match self.take("judged") {
            true => {
                self.expect("by", "reaches 95 within 24h judged by 6h")?;
                self.duration()?
            }
            false => within.clamp(600, 86_400),
        };
        Ok(Clause::Reaches { of, level, rising, within, by })
    }
}
