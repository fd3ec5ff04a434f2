//! What is compared, and with what.

use formats::nagios::range::Range;

use super::super::condition::{FUNCTIONS, Function, Measure, Name, Operator, Test, TestKind};
use super::words::{Parser, Read};

impl Parser<'_> {
    pub(super) fn measure(&mut self) -> Read<Measure> {
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
    pub(super) fn calls(&self) -> bool {
        let behind = self.tokens.get(self.at + 1).map(|token| token.text);
        let function = self.peek().is_some_and(|word| function_named(word).is_some());
        function && behind.is_some_and(|word| word == "(" || word.eq_ignore_ascii_case("over"))
    }

    pub(super) fn term(&mut self) -> Read<Measure> {
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

    pub(super) fn starts_test(&self) -> bool {
        let Some(word) = self.peek() else { return false };
        let number = word.starts_with(|c: char| c.is_ascii_digit() || "-+.@~:".contains(c));
        number || is_comparison(word) || self.is("outside") || self.is("inside")
    }

    pub(super) fn test(&mut self) -> Read<Test> {
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
    pub(super) fn interval(&mut self) -> Read<(Bound, Bound)> {
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

    pub(super) fn bound(&mut self) -> Read<Bound> {
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

pub(super) struct Bound {
    pub number: f64,
    pub percent: bool,
    pub per: i64,
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
