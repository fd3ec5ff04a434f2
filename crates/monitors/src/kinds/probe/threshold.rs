//! When a value is bad: a range as plugins write it (`10:20`, `@5:`, `~:300`), or what people say: `> 300`, `< 3 d`.
//!
//! Both become ranges, since that is what performance data carries: `> 300` is `~:300`, `>= 300` is `@300:`.

use formats::nagios::range::Range;

#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    pub range: Range,
    /// As performance data has it.
    pub text: String,
}

/// What a number may be followed by in a comparison, and what one of it is in the value's own unit (s, B, 1).
const UNITS: [(&str, f64); 17] = [
    ("ms", 0.001),
    ("s", 1.0),
    ("min", 60.0),
    ("m", 60.0),
    ("h", 3_600.0),
    ("d", 86_400.0),
    ("w", 604_800.0),
    ("%", 1.0),
    ("B", 1.0),
    ("KB", 1e3),
    ("MB", 1e6),
    ("GB", 1e9),
    ("TB", 1e12),
    ("KiB", 1024.0),
    ("MiB", 1_048_576.0),
    ("GiB", 1_073_741_824.0),
    ("TiB", 1_099_511_627_776.0),
];

impl Threshold {
    pub fn parse(text: &str) -> Result<Threshold, String> {
        let trimmed = text.trim();
        let text = match ["<=", ">=", "!=", "==", "<", ">"].into_iter().find(|sign| trimmed.starts_with(sign))
        {
            Some(sign) => comparison(sign, &trimmed[sign.len()..]).ok_or_else(|| wrong(text))?,
            None => trimmed.to_owned(),
        };
        let range = Range::parse(&text).ok_or_else(|| wrong(&text))?;
        Ok(Threshold { range, text })
    }

    /// `is above 300`
    pub fn breach(&self, value: f64) -> Option<String> {
        if !self.range.alerts(value) {
            return None;
        }
        let Range { start, end, inside } = self.range;
        Some(match (inside, start.is_finite(), end.is_finite()) {
            (false, ..) if value > end => format!("is above {end}"),
            (false, ..) => format!("is below {start}"),
            (true, true, false) => format!("is not below {start}"),
            (true, false, _) => format!("is not above {end}"),
            (true, true, true) if start == end => format!("is {start}"),
            (true, ..) => format!("is within {start} to {end}"),
        })
    }
}

fn comparison(sign: &str, rest: &str) -> Option<String> {
    let number = number(rest.trim())?;
    Some(match sign {
        ">" => format!("~:{number}"),
        ">=" => format!("@{number}:"),
        "<" => format!("{number}:"),
        "<=" => format!("@~:{number}"),
        "==" => format!("@{number}:{number}"),
        _ => format!("{number}:{number}"),
    })
}

fn number(text: &str) -> Option<f64> {
    let end = text.find(|c: char| !c.is_ascii_digit() && !"+-.eE".contains(c)).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let factor = match unit.trim() {
        "" => 1.0,
        unit => UNITS.iter().find(|(name, _)| *name == unit)?.1,
    };
    let number = number.trim().parse::<f64>().ok()? * factor;
    number.is_finite().then_some(number)
}

fn wrong(text: &str) -> String {
    format!(
        "`{text}` is no threshold: write a comparison that is true when it is bad, such as \"> 300\" or \"< 3 d\", or a \
         plugin's range, such as \"10:20\""
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparisons_and_ranges_are_one() {
        let check = |text: &str, range: &str, bad: &[f64], good: &[f64]| {
            let threshold = Threshold::parse(text).unwrap();
            assert_eq!(threshold.text, range, "{text}");
            assert!(bad.iter().all(|value| threshold.breach(*value).is_some()), "{text}");
            assert!(good.iter().all(|value| threshold.breach(*value).is_none()), "{text}");
        };
        check("> 300", "~:300", &[300.1], &[300.0, -5.0]);
        check(">=300", "@300:", &[300.0, 1e9], &[299.9]);
        check("< 14", "14:", &[13.9, -1.0], &[14.0]);
        check("<= 14", "@~:14", &[14.0, -1e9], &[14.1]);
        check("== 0", "@0:0", &[0.0], &[1.0, -1.0]);
        check("!= 3", "3:3", &[2.0, 4.0], &[3.0]);
        check("> 500ms", "~:0.5", &[0.6], &[0.5]);
        check("> 2 h", "~:7200", &[7201.0], &[7200.0]);
        check("> 1 GiB", "~:1073741824", &[2e9], &[1e9]);
        check("> 80%", "~:80", &[81.0], &[80.0]);
        check("> -1e3", "~:-1000", &[0.0], &[-2000.0]);
        check("10:20", "10:20", &[9.0, 21.0], &[15.0]);
        check("@10:20", "@10:20", &[15.0], &[9.0]);
        check("5", "5", &[6.0, -1.0], &[0.0]);
    }

    #[test]
    fn what_is_neither_is_told() {
        for bad in ["", ">", "> x", "> 5 parsecs", "20:10", "about 5", "> 1e999", "> nan", "=> 5"] {
            assert!(Threshold::parse(bad).unwrap_err().contains("is no threshold"), "{bad}");
        }
    }

    #[test]
    fn breaches_are_said_in_words() {
        let check = |text: &str, value: f64, words: &str| {
            assert_eq!(Threshold::parse(text).unwrap().breach(value).unwrap(), words);
        };
        check("> 300", 301.0, "is above 300");
        check("< 14", 3.0, "is below 14");
        check(">= 5", 5.0, "is not below 5");
        check("<= 5", 5.0, "is not above 5");
        check("== 0", 0.0, "is 0");
        check("@1:2", 1.5, "is within 1 to 2");
        check("1:2", 3.0, "is above 2");
    }
}
