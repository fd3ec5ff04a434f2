//! One entry of `when`.

use vocabulary::time::HumanDuration;

use super::limits::{MAX_EVENTS, MAX_PEOPLE, MAX_WINDOW_SECONDS, MIN_WINDOW_SECONDS};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    New,
    Regressed,
    Spike,
    /// From so many on.
    Events {
        from: u64,
        within: i64,
    },
    Users {
        from: u64,
        within: i64,
    },
}

/// How a condition was met, for those who are told.
#[derive(Clone, Debug, PartialEq)]
pub enum Met {
    New,
    Back,
    Events { count: u64, from: u64, within: i64 },
    Users { count: u64, from: u64, within: i64 },
    Spike { count: u64, usual: f64, within: i64 },
}

impl Met {
    /// How much within how many seconds met it. None: a single event did.
    pub fn counted(&self) -> Option<(u64, i64)> {
        match *self {
            Met::New | Met::Back => None,
            Met::Events { count, within, .. }
            | Met::Users { count, within, .. }
            | Met::Spike { count, within, .. } => Some((count, within)),
        }
    }
}

const HINT: &str = "write \"new\", \"regressed\", \"spike\", \"events > 100 in 5m\" or \"users > 10 in 1h\"";

impl Condition {
    pub fn parse(text: &str) -> Result<Condition, String> {
        let words: Vec<String> = spaced(text).split_whitespace().map(str::to_lowercase).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words[..] {
            ["new"] => Ok(Condition::New),
            ["regressed"] => Ok(Condition::Regressed),
            ["spike"] => Ok(Condition::Spike),
            [what @ ("events" | "users"), sign @ (">" | ">="), count, "in", within] => {
                let most = if what == "events" { MAX_EVENTS } else { MAX_PEOPLE };
                let (from, within) = (from(text, sign, count, most)?, window(text, within)?);
                Ok(match what {
                    "events" => Condition::Events { from, within },
                    _ => Condition::Users { from, within },
                })
            }
            _ => Err(format!("`{text}` is no condition on errors: {HINT}")),
        }
    }
}

/// Signs need no spaces around them.
fn spaced(text: &str) -> String {
    text.replace(">=", " ≥ ").replace('>', " > ").replace('≥', ">=")
}

fn from(text: &str, sign: &str, count: &str, most: u64) -> Result<u64, String> {
    let from = count.parse::<u64>().ok().and_then(|count| count.checked_add(u64::from(sign == ">")));
    from.filter(|from| (1..=most).contains(from)).ok_or_else(|| {
        format!("`{count}` in `{text}` is not a number that can be reached: write 1 to {most}")
    })
}

fn window(text: &str, within: &str) -> Result<i64, String> {
    let within: HumanDuration = within.parse().map_err(|why| format!("in `{text}`, {why}"))?;
    let seconds = i64::try_from(within.0.as_secs()).unwrap_or(i64::MAX);
    match (MIN_WINDOW_SECONDS..=MAX_WINDOW_SECONDS).contains(&seconds) {
        true => Ok(seconds),
        false => Err(format!("`{within}` in `{text}` is no window of errors: write \"10s\" to \"2d\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::Condition::{self, Events, New, Regressed, Spike, Users};

    #[test]
    fn conditions_are_read_as_people_write_them() {
        let check =
            |text: &str, condition: Condition| assert_eq!(Condition::parse(text), Ok(condition), "{text}");
        check("new", New);
        check(" Regressed ", Regressed);
        check("spike", Spike);
        check("events > 100 in 5m", Events { from: 101, within: 300 });
        check("events>=100 in 5min", Events { from: 100, within: 300 });
        check("users > 10 in 1h", Users { from: 11, within: 3_600 });
    }

    #[test]
    fn what_cannot_be_met_is_said() {
        let check = |text: &str, why: &str| {
            let said = Condition::parse(text).unwrap_err();
            assert!(said.contains(why), "{text}: {said}");
        };
        check("", "is no condition on errors");
        check("newest", "write \"new\"");
        check("events > 100", "is no condition on errors");
        check("events < 100 in 5m", "is no condition on errors");
        check("events > -1 in 5m", "write 1 to 1000000000");
        check("events >= 0 in 5m", "write 1 to");
        check("users > 1000 in 5m", "write 1 to 1000");
        check("users > 18446744073709551615 in 5m", "write 1 to 1000");
        check("events > 5 in five", "is not a duration");
        check("events > 5 in 1s", "write \"10s\" to \"2d\"");
        check("events > 5 in 3d", "write \"10s\" to \"2d\"");
    }
}
