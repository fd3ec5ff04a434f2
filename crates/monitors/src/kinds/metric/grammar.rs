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

use formats::nagios::range::Range;
use vocabulary::time::HumanDuration;

use super::condition::{Clause, Condition, FUNCTIONS, Function, Measure, Name, Operator, Test, TestKind};
use crate::limits::{MAX_CONDITION_BYTES, MAX_CONDITION_CLAUSES, MAX_CONDITION_DEPTH, MAX_WINDOW_SECONDS};

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

struct Token<'a> {
    text: &'a str,
    start: usize,
}

/// Words and numbers with what sticks to them; brackets, comparisons and signs for themselves.
fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        let Some(first) = rest.chars().next() else { return tokens };
        let length = match first {
            '>' | '<' | '=' | '!' => 1 + usize::from(rest[1..].starts_with('=')),
            '(' | ')' | '±' | '≥' | '≤' => first.len_utf8(),
            _ => {
                let ends = |c: char| c.is_whitespace() || "()<>=!±≥≤".contains(c);
                rest.find(ends).unwrap_or(rest.len())
            }
        };
        tokens.push(Token { text: &rest[..length], start: text.len() - rest.len() });
        rest = &rest[length..];
    }
}

struct Parser<'a> {
    tokens: Vec<Token<'a>>,
    at: usize,
    text: &'a str,
    names: &'a [&'a str],
    depth: usize,
    clauses: usize,
}

type Read<T> = Result<T, Mistake>;

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a str> {
        self.tokens.get(self.at).map(|token| token.text)
    }

    fn next(&mut self) -> Option<&'a str> {
        let token = self.peek();
        self.at += usize::from(token.is_some());
        token
    }

    fn is(&self, word: &str) -> bool {
        self.peek().is_some_and(|token| token.eq_ignore_ascii_case(word))
    }

    fn take(&mut self, word: &str) -> bool {
        let taken = self.is(word);
        self.at += usize::from(taken);
        taken
    }

    fn expect(&mut self, word: &str, example: &str) -> Read<()> {
        match self.take(word) {
            true => Ok(()),
            false => Err(self.mistake(format!("`{word}` is missing here: write it as in `{example}`"))),
        }
    }

    /// About the token that is next.
    fn mistake(&self, message: impl Into<String>) -> Mistake {
        let (start, end) = match self.tokens.get(self.at) {
            Some(token) => (token.start, token.start + token.text.len()),
            None => (self.text.len(), self.text.len()),
        };
        let characters = |byte: usize| self.text.get(..byte).map_or(0, |before| before.chars().count());
        Mistake { message: message.into(), start: characters(start), end: characters(end) }
    }

    /// About the token that was just taken.
    fn mistake_before(&mut self, message: impl Into<String>) -> Mistake {
        self.at = self.at.saturating_sub(1);
        self.mistake(message)
    }

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

    fn mistake_at_end(&self, message: &str) -> Mistake {
        let end = self.at.saturating_sub(1);
        let token = &self.tokens[end.min(self.tokens.len() - 1)];
        let characters = |byte: usize| self.text.get(..byte).map_or(0, |before| before.chars().count());
        Mistake {
            message: message.into(),
            start: characters(token.start),
            end: characters(token.start + token.text.len()),
        }
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

    fn measure(&mut self) -> Read<Measure> {
        let mut measure = self.term()?;
        let operator = match self.peek() {
            Some("+") => Some(Operator::Plus),
            Some("-") => Some(Operator::Minus),
            Some("/") => Some(Operator::Over),
            _ => None,
        };
        if let Some(operator) = operator {
            self.at += 1;
            let right = self.term()?;
            measure = Measure::Combined(Box::new(measure), operator, Box::new(right));
        }
        if self.take("against") {
            let earlier = self.duration()?;
            if matches!(measure, Measure::Against { .. }) {
                return Err(self.mistake_before("this is compared with an earlier value already"));
            }
            measure = Measure::Against { measure: Box::new(measure), earlier };
        }
        Ok(measure)
    }

    /// Is the next word a function, though a series may be called the same?
    fn calls(&self) -> bool {
        let behind = self.tokens.get(self.at + 1).map(|token| token.text);
        let function = self.peek().is_some_and(|word| function_named(word).is_some());
        function && behind.is_some_and(|word| word == "(" || word.eq_ignore_ascii_case("over"))
    }

    fn term(&mut self) -> Read<Measure> {
        let calls = self.calls();
        let Some(word) = self.next() else {
            return Err(self.mistake("what is compared is missing here: write `value`, `avg over 5m`, …"));
        };
        if let Some(name) = self.name_of(word).filter(|_| !calls) {
            return Ok(Measure::Value(name));
        }
        let change = word.eq_ignore_ascii_case("change");
        let function = function_named(word);
        if function.is_none() && !change {
            return Err(self.unknown(word));
        }
        let mut of = Name::default();
        if self.take("(") {
            of = self.name()?;
            if !self.take(")") {
                return Err(self.mistake("a `)` is missing behind the name of the series"));
            }
        }
        if !self.is("over") {
            return Err(self.mistake(format!("over how long? Write it as in `{word} over 5m`")));
        }
        self.at += 1;
        let seconds = self.duration()?;
        Ok(match function {
            Some(function) => Measure::Window { function, of, seconds },
            None => Measure::Against { measure: Box::new(Measure::Value(of)), earlier: seconds },
        })
    }

    fn unknown(&mut self, word: &str) -> Mistake {
        let message = match self.names {
            [] => format!(
                "`{word}` is not known here: write a comparison such as `> 300`, or `avg over 5m > 300`, `no point for 60s`; other series must be named in the monitor's `series`"
            ),
            names => format!("there is no series `{word}`: the monitor has {}", names.join(", ")),
        };
        self.mistake_before(message)
    }

    /// The series that a word names.
    fn name_of(&self, word: &str) -> Option<Name> {
        if word.eq_ignore_ascii_case("value") {
            return Some(Name::default());
        }
        self.names.iter().find(|name| **name == word).map(|name| Name((*name).to_owned()))
    }

    fn name(&mut self) -> Read<Name> {
        match self.next() {
            None => Err(self.mistake("the name of a series is missing here")),
            Some(word) => match self.name_of(word) {
                Some(name) => Ok(name),
                None => Err(self.unknown(word)),
            },
        }
    }

    fn duration(&mut self) -> Read<i64> {
        const HINT: &str = "write a number and a unit (s, min, h, d, w), such as `5m`";
        let Some(word) = self.next() else { return Err(self.mistake(format!("how long? {HINT}"))) };
        let Ok(duration) = word.parse::<HumanDuration>() else {
            return Err(self.mistake_before(format!("`{word}` is not a duration: {HINT}")));
        };
        let seconds = duration.0.as_secs();
        if seconds == 0 || duration.0.subsec_nanos() != 0 {
            return Err(self.mistake_before(format!("`{word}` must be whole seconds, one at least")));
        }
        match i64::try_from(seconds).ok().filter(|seconds| *seconds <= MAX_WINDOW_SECONDS) {
            Some(seconds) => Ok(seconds),
            None => {
                let most = HumanDuration::from_secs(MAX_WINDOW_SECONDS as u64);
                Err(self.mistake_before(format!("`{word}` is longer than {most}, the longest there is")))
            }
        }
    }

    fn starts_test(&self) -> bool {
        let Some(word) = self.peek() else { return false };
        let number = word.starts_with(|c: char| c.is_ascii_digit() || "-+.@~:".contains(c));
        number || is_comparison(word) || self.is("outside") || self.is("inside")
    }

    fn test(&mut self) -> Read<Test> {
        if self.is("outside") || self.is("inside") {
            let outside = self.take("outside");
            self.at += usize::from(!outside);
            let (low, high) = self.interval()?;
            let (a, b) = (low.number, high.number);
            let kind = if outside { TestKind::Outside(a, b) } else { TestKind::Inside(a, b) };
            return Ok(Test { kind, percent: low.percent, per: low.per });
        }
        let Some(word) = self.next() else {
            return Err(self.mistake("a comparison is missing here: write one such as `> 300`"));
        };
        if !is_comparison(word) {
            return match nagios_range(word) {
                Some(kind) => Ok(Test::plain(kind)),
                None => Err(self.mistake_before(format!(
                    "`{word}` is not a comparison: write `> 300`, `outside 10..20`, or a range such as `10:20`"
                ))),
            };
        }
        let either_way = self.take("±") || self.take("+-");
        let bound = self.bound()?;
        let number = bound.number;
        let kind = match word {
            ">" | "≥" | ">=" if either_way => TestKind::Outside(-number.abs(), number.abs()),
            _ if either_way => return Err(self.mistake_before("`±` goes with `>`: `change over 1h > ±20%`")),
            ">" => TestKind::Above(number),
            ">=" | "≥" => TestKind::AtLeast(number),
            "<" => TestKind::Below(number),
            "<=" | "≤" => TestKind::AtMost(number),
            "=" | "==" => TestKind::Equal(number),
            _ => TestKind::Other(number),
        };
        Ok(Test { kind, percent: bound.percent, per: bound.per })
    }

    /// `10..20`, also with blanks around the dots.
    fn interval(&mut self) -> Read<(Bound, Bound)> {
        const HINT: &str = "write two numbers with two dots between, such as `10..20`";
        let start = self.at;
        let mut text = String::new();
        while let Some(word) = self.peek() {
            let complete = text.split_once("..").is_some_and(|(_, high)| !high.is_empty());
            if complete || is_comparison(word) || word == "(" || word == ")" {
                break;
            }
            text.push_str(word);
            self.at += 1;
        }
        let bounds = text.split_once("..").and_then(|(low, high)| Some((bound(low)?, bound(high)?)));
        match bounds {
            None => {
                self.at = start;
                Err(self.mistake(format!("this is not an interval: {HINT}")))
            }
            Some((low, high)) if low.number > high.number => {
                self.at = start;
                Err(self.mistake(format!(
                    "{} lies above {}: the lower bound comes first",
                    low.number, high.number
                )))
            }
            Some((low, high)) if (low.percent, low.per) != (high.percent, high.per) => {
                self.at = start;
                Err(self.mistake("both bounds must have the same unit"))
            }
            Some(bounds) => Ok(bounds),
        }
    }

    fn bound(&mut self) -> Read<Bound> {
        let Some(word) = self.next() else {
            return Err(self.mistake("a number is missing here, such as `300`"));
        };
        match bound(word) {
            Some(bound) => Ok(bound),
            None => Err(self.mistake_before(format!(
                "`{word}` is not a number: write one such as `300`, `1.5e6`, `20%` or `5/min`"
            ))),
        }
    }
}

struct Bound {
    number: f64,
    percent: bool,
    per: i64,
}

fn bound(text: &str) -> Option<Bound> {
    const PER: [(&str, i64); 4] = [("/s", 1), ("/min", 60), ("/h", 3_600), ("/d", 86_400)];
    let (text, percent) = text.strip_suffix('%').map_or((text, false), |text| (text, true));
    let (text, per) = PER
        .iter()
        .find_map(|(suffix, seconds)| Some((text.strip_suffix(suffix)?, *seconds)))
        .unwrap_or((text, 1));
    if percent && per != 1 {
        return None;
    }
    // `inf` and `nan` are numbers to Rust.
    let digits = text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
    let number = text.parse::<f64>().ok().filter(|number| digits && number.is_finite())?;
    Some(Bound { number, percent, per })
}

fn is_comparison(word: &str) -> bool {
    matches!(word, ">" | ">=" | "<" | "<=" | "=" | "==" | "!=" | "≥" | "≤")
}

fn function_named(word: &str) -> Option<Function> {
    let word = word.to_ascii_lowercase();
    if let Some((_, function)) = FUNCTIONS.iter().find(|(name, _)| *name == word) {
        return Some(*function);
    }
    let digits = word.strip_prefix('p').filter(|digits| digits.starts_with(|c: char| c.is_ascii_digit()))?;
    let percent: f64 = digits.parse().ok()?;
    let tenths = (percent * 10.0).round();
    (0.0..=1000.0).contains(&tenths).then_some(Function::Percentile(tenths as u16))
}

/// A range as plugins take it: bad outside of it, with `@` inside.
fn nagios_range(text: &str) -> Option<TestKind> {
    let Range { start, end, inside } = Range::parse(text)?;
    Some(match (inside, start == f64::NEG_INFINITY, end == f64::INFINITY) {
        (true, _, true) => TestKind::AtLeast(start),
        (true, true, _) => TestKind::AtMost(end),
        (true, ..) => TestKind::Inside(start, end),
        (false, true, _) => TestKind::Above(end),
        (false, _, true) => TestKind::Below(start),
        (false, ..) => TestKind::Outside(start, end),
    })
}
