//! When something is bad: a condition as a tree, and as text again.
//!
//! What [`parse`](super::grammar::parse) reads, [`Display`](std::fmt::Display) writes: the text is the form that
//! files hold and that the sentence of the page is made of.

use std::fmt::{self, Display};

use vocabulary::time::HumanDuration;

#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    /// The first counts only while the second holds.
    While(Box<Condition>, Box<Condition>),
    Is(Clause),
}

/// What has a value of its own to show.
#[derive(Clone, Debug, PartialEq)]
pub enum Clause {
    Compare {
        measure: Measure,
        test: Test,
    },
    /// There was no point for so many seconds. Neither zero nor OK.
    Absent {
        of: Name,
        seconds: i64,
    },
    /// Going on as lately, the level will be reached within so many seconds.
    Reaches {
        of: Name,
        level: f64,
        rising: bool,
        within: i64,
        /// How much of the past it is judged by.
        by: i64,
    },
}

/// Which series; the empty one is the monitor's target.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(pub String);

#[derive(Clone, Debug, PartialEq)]
pub enum Measure {
    Value(Name),
    Window {
        function: Function,
        of: Name,
        seconds: i64,
    },
    /// The place among all instances of the monitor, the greatest value having the first.
    Rank(Name),
    Combined(Box<Measure>, Operator, Box<Measure>),
    /// How it differs from what it was so many seconds earlier.
    Against {
        measure: Box<Measure>,
        earlier: i64,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operator {
    Plus,
    Minus,
    Over,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Function {
    Sum,
    /// A sum in which nothing at all is 0, once we have watched for the whole window.
    Total,
    Average,
    Min,
    Max,
    /// Points.
    Count,
    Last,
    Median,
    /// In tenths of a percent.
    Percentile(u16),
    /// The sum for each second.
    Rate,
    /// How often the value became another one.
    Changes,
    /// Of the straight line through the points, for each second.
    Slope,
}

impl Function {
    /// Less of a point makes its value less, and nothing else of it.
    pub fn adds_up(self) -> bool {
        matches!(self, Function::Sum | Function::Total | Function::Rate | Function::Count | Function::Max)
    }
}

pub const FUNCTIONS: [(&str, Function); 13] = [
    ("sum", Function::Sum),
    ("total", Function::Total),
    ("avg", Function::Average),
    ("average", Function::Average),
    ("mean", Function::Average),
    ("min", Function::Min),
    ("max", Function::Max),
    ("count", Function::Count),
    ("last", Function::Last),
    ("median", Function::Median),
    ("rate", Function::Rate),
    ("changes", Function::Changes),
    ("slope", Function::Slope),
];

/// What a number must be for the condition to hold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Test {
    pub kind: TestKind,
    /// The bounds are percentages: of a ratio, or of what was earlier.
    pub percent: bool,
    /// The bounds are for so many seconds: `5/min`.
    pub per: i64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TestKind {
    Above(f64),
    AtLeast(f64),
    Below(f64),
    AtMost(f64),
    Equal(f64),
    Other(f64),
    /// Below the first or above the second.
    Outside(f64, f64),
    /// Between both, both included.
    Inside(f64, f64),
}

impl Test {
    pub fn plain(kind: TestKind) -> Test {
        Test { kind, percent: false, per: 1 }
    }

    /// With bounds in the unit of the measure: shares instead of percentages, for each second.
    pub fn scaled(self) -> TestKind {
        let factor = if self.percent { 0.01 } else { 1.0 } / self.per as f64;
        // Numbers that need no scaling stay bit for bit as written.
        let scale = |bound: f64| if factor == 1.0 { bound } else { bound * factor };
        match self.kind {
            TestKind::Above(bound) => TestKind::Above(scale(bound)),
            TestKind::AtLeast(bound) => TestKind::AtLeast(scale(bound)),
            TestKind::Below(bound) => TestKind::Below(scale(bound)),
            TestKind::AtMost(bound) => TestKind::AtMost(scale(bound)),
            TestKind::Equal(bound) => TestKind::Equal(scale(bound)),
            TestKind::Other(bound) => TestKind::Other(scale(bound)),
            TestKind::Outside(low, high) => TestKind::Outside(scale(low), scale(high)),
            TestKind::Inside(low, high) => TestKind::Inside(scale(low), scale(high)),
        }
    }
}

impl TestKind {
    /// Does it hold wherever the other does?
    pub fn covers(self, other: TestKind) -> bool {
        use TestKind::{Above, AtLeast, AtMost, Below};
        match (self, other) {
            (Above(own), Above(its)) | (AtLeast(own), AtLeast(its) | Above(its)) => own <= its,
            (Above(own), AtLeast(its)) => own < its,
            (Below(own), Below(its)) | (AtMost(own), AtMost(its) | Below(its)) => own >= its,
            (Below(own), AtMost(its)) => own > its,
            _ => false,
        }
    }

    pub fn holds(self, value: f64) -> bool {
        match self {
            TestKind::Above(bound) => value > bound,
            TestKind::AtLeast(bound) => value >= bound,
            TestKind::Below(bound) => value < bound,
            TestKind::AtMost(bound) => value <= bound,
            TestKind::Equal(bound) => value == bound,
            TestKind::Other(bound) => value != bound,
            TestKind::Outside(low, high) => value < low || value > high,
            TestKind::Inside(low, high) => low <= value && value <= high,
        }
    }

    /// Once it holds, does it hold of every greater value too?
    pub fn upward(self) -> bool {
        matches!(self, TestKind::Above(_) | TestKind::AtLeast(_))
    }

    /// … of every smaller one?
    pub fn downward(self) -> bool {
        matches!(self, TestKind::Below(_) | TestKind::AtMost(_))
    }

    /// The lines that a graph shows.
    pub fn bounds(self) -> Vec<f64> {
        match self {
            TestKind::Above(bound)
            | TestKind::AtLeast(bound)
            | TestKind::Below(bound)
            | TestKind::AtMost(bound)
            | TestKind::Equal(bound)
            | TestKind::Other(bound) => vec![bound],
            TestKind::Outside(low, high) | TestKind::Inside(low, high) => vec![low, high],
        }
    }
}

impl Condition {
    /// All clauses, from left to right.
    pub fn clauses(&self) -> Vec<&Clause> {
        match self {
            Condition::All(parts) | Condition::Any(parts) => {
                parts.iter().flat_map(Condition::clauses).collect()
            }
            Condition::Not(part) => part.clauses(),
            Condition::While(part, other) => [part.clauses(), other.clauses()].concat(),
            Condition::Is(clause) => vec![clause],
        }
    }

    /// The lines that a graph of the target shows: bounds of the target's own value.
    pub fn lines(&self) -> Vec<f64> {
        let of_value = |clause: &Clause| match clause {
            Clause::Compare { measure: Measure::Value(name), test } if name.0.is_empty() => {
                test.scaled().bounds()
            }
            Clause::Compare { measure: Measure::Window { function, of, .. }, test }
                if of.0.is_empty() && function.keeps_the_scale() =>
            {
                test.scaled().bounds()
            }
            Clause::Reaches { of, level, .. } if of.0.is_empty() => vec![*level],
            _ => Vec::new(),
        };
        let mut lines: Vec<f64> = self.clauses().into_iter().flat_map(of_value).collect();
        lines.retain(|line| line.is_finite());
        lines
    }
}

impl Function {
    /// Is its result a number like those it was made of?
    fn keeps_the_scale(self) -> bool {
        use Function::*;
        matches!(self, Average | Min | Max | Last | Median | Percentile(_))
    }
}

impl Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Condition::While(part, other) => {
                write_within(part, 1, f)?;
                f.write_str(" while ")?;
                write_within(other, 1, f)
            }
            Condition::Any(parts) => write_joined(parts, " or ", 2, f),
            Condition::All(parts) => write_joined(parts, " and ", 3, f),
            Condition::Not(part) => {
                f.write_str("not ")?;
                write_within(part, 3, f)
            }
            Condition::Is(clause) => clause.fmt(f),
        }
    }
}

/// How strongly the outermost word binds.
fn strength(condition: &Condition) -> u8 {
    match condition {
        Condition::While(..) => 0,
        Condition::Any(_) => 1,
        Condition::All(_) => 2,
        Condition::Not(_) | Condition::Is(_) => 3,
    }
}

fn write_within(condition: &Condition, least: u8, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if strength(condition) < least { write!(f, "({condition})") } else { condition.fmt(f) }
}

fn write_joined(parts: &[Condition], word: &str, least: u8, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (index, part) in parts.iter().enumerate() {
        f.write_str(if index > 0 { word } else { "" })?;
        write_within(part, least, f)?;
    }
    Ok(())
}

pub fn duration(seconds: i64) -> HumanDuration {
    HumanDuration::from_secs(seconds.max(0) as u64)
}

impl Display for Clause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Clause::Compare { measure: Measure::Value(name), test } if name.0.is_empty() => test.fmt(f),
            Clause::Compare { measure: Measure::Rank(name), test } => match test.kind {
                TestKind::AtMost(places) if name.0.is_empty() => write!(f, "top {places}"),
                TestKind::AtMost(places) => write!(f, "top {places} of {}", name.0),
                _ => write!(f, "rank {test}"),
            },
            Clause::Compare { measure, test } => write!(f, "{measure} {test}"),
            Clause::Absent { of, seconds } => {
                let of = if of.0.is_empty() { String::new() } else { format!("of {} ", of.0) };
                write!(f, "no point {of}for {}", duration(*seconds))
            }
            Clause::Reaches { of, level, rising, within, by } => {
                let space = if of.0.is_empty() { "" } else { " " };
                let word = if *rising { "reaches" } else { "falls to" };
                let (within, by) = (duration(*within), duration(*by));
                write!(f, "{}{space}{word} {level} within {within} judged by {by}", of.0)
            }
        }
    }
}

impl Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Measure::Value(name) if name.0.is_empty() => f.write_str("value"),
            Measure::Value(name) => f.write_str(&name.0),
            Measure::Window { function, of, seconds } => {
                function.fmt(f)?;
                if !of.0.is_empty() {
                    write!(f, "({})", of.0)?;
                }
                write!(f, " over {}", duration(*seconds))
            }
            Measure::Rank(name) => write!(f, "rank({})", name.0),
            Measure::Combined(left, operator, right) => {
                let sign = match operator {
                    Operator::Plus => '+',
                    Operator::Minus => '-',
                    Operator::Over => '/',
                };
                write!(f, "{left} {sign} {right}")
            }
            Measure::Against { measure, earlier } => write!(f, "{measure} against {}", duration(*earlier)),
        }
    }
}

impl Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Function::Percentile(tenths) if tenths % 10 == 0 => write!(f, "p{}", tenths / 10),
            Function::Percentile(tenths) => write!(f, "p{}.{}", tenths / 10, tenths % 10),
            function => {
                let named = FUNCTIONS.iter().find(|(_, known)| known == function);
                f.write_str(named.map_or("", |(name, _)| name))
            }
        }
    }
}

impl Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match (self.percent, self.per) {
            (true, _) => "%".to_owned(),
            (false, 1) => String::new(),
            (false, 60) => "/min".to_owned(),
            (false, 3600) => "/h".to_owned(),
            (false, _) => "/d".to_owned(),
        };
        match self.kind {
            // Never and always, which only Nagios's ranges can say.
            TestKind::Above(f64::INFINITY) => f.write_str("~:"),
            TestKind::AtLeast(f64::NEG_INFINITY) => f.write_str("@~:"),
            TestKind::Above(bound) => write!(f, "> {bound}{unit}"),
            TestKind::AtLeast(bound) => write!(f, ">= {bound}{unit}"),
            TestKind::Below(bound) => write!(f, "< {bound}{unit}"),
            TestKind::AtMost(bound) => write!(f, "<= {bound}{unit}"),
            TestKind::Equal(bound) => write!(f, "= {bound}{unit}"),
            TestKind::Other(bound) => write!(f, "!= {bound}{unit}"),
            TestKind::Outside(low, high) => write!(f, "outside {low}{unit}..{high}{unit}"),
            TestKind::Inside(low, high) => write!(f, "inside {low}{unit}..{high}{unit}"),
        }
    }
}
