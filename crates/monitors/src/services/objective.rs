//! What a service is to reach: `99.9 % over 30d`.

use std::fmt;
use std::str::FromStr;

use vocabulary::time::HumanDuration;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Objective {
    pub percent: f64,
    pub over: HumanDuration,
}

const HINT: &str = "write a share and a length of time, such as \"99.9 % over 30d\"";

impl Objective {
    /// How long it may be in trouble.
    pub fn allowed_seconds(&self) -> f64 {
        self.over.0.as_secs_f64() * (100.0 - self.percent) / 100.0
    }
}

impl FromStr for Objective {
    type Err = String;

    fn from_str(text: &str) -> Result<Objective, String> {
        let wrong = || format!("`{text}` is not an objective: {HINT}");
        let (share, over) = text.split_once("over").ok_or_else(wrong)?;
        let share = share.trim().strip_suffix('%').ok_or_else(wrong)?.trim_end();
        let percent: f64 = share.parse().map_err(|_| wrong())?;
        if !(percent > 0.0 && percent < 100.0) {
            return Err(format!("`{text}`: the share lies between 0 and 100 %, both left out; {HINT}"));
        }
        let over: HumanDuration = over.parse().map_err(|why| format!("`{text}`: {why}"))?;
        if over.0.is_zero() {
            return Err(format!("`{text}`: the length of time is zero; {HINT}"));
        }
        Ok(Objective { percent, over })
    }
}

impl fmt::Display for Objective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} % over {}", self.percent, self.over)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objectives() {
        let objective: Objective = "99.9% over 30d".parse().unwrap();
        assert_eq!(objective.to_string(), "99.9 % over 30d");
        assert_eq!(objective.allowed_seconds().round(), 2592.0);
        for wrong in
            ["99.9", "99.9 %", "100 % over 30d", "nan % over 1d", "99 % over 0s", "99 % over a month"]
        {
            assert!(wrong.parse::<Objective>().is_err(), "{wrong}");
        }
    }
}
