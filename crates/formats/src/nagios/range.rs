//! A threshold as the plugin guidelines write it: `[@][start:][end]`.

/// The value is bad outside of `start..=end`, or inside with `@`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    pub start: f64,
    pub end: f64,
    pub inside: bool,
}

impl Range {
    /// Nothing where it is no range: empty, words, a start above its end.
    pub fn parse(text: &str) -> Option<Range> {
        let (inside, bounds) = match text.strip_prefix('@') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (start, end) = bounds.split_once(':').unwrap_or(("", bounds));
        if start.is_empty() && end.is_empty() {
            return None;
        }
        let range = Range {
            start: match start {
                "" => 0.0,
                "~" => f64::NEG_INFINITY,
                number => plain_number(number)?,
            },
            end: match end {
                "" => f64::INFINITY,
                number => plain_number(number)?,
            },
            inside,
        };
        (range.start <= range.end).then_some(range)
    }

    pub fn alerts(&self, value: f64) -> bool {
        (self.start..=self.end).contains(&value) == self.inside
    }
}

/// Digits with at most one point, a sign before them and an exponent after; not `inf`, `nan` or `0x10`.
pub(super) fn plain_number(text: &str) -> Option<f64> {
    let plain = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | 'e' | 'E');
    if !text.chars().all(plain) {
        return None;
    }
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

#[cfg(test)]
mod tests {
    use super::Range;

    #[test]
    fn ranges() {
        for (range, bad, good) in [
            ("10", &[-1.0, 10.1][..], &[0.0, 5.0, 10.0][..]),
            ("10:", &[9.9, -20.0], &[10.0, 1e9]),
            ("~:10", &[10.1], &[-1e9, 10.0]),
            ("10:20", &[9.0, 21.0], &[10.0, 20.0]),
            ("@10:20", &[10.0, 15.0, 20.0], &[9.0, 21.0]),
            (":10", &[-1.0, 11.0], &[0.0, 10.0]),
            ("~:", &[], &[-1e300, 0.0, 1e300]),
            ("@~:0", &[-1.0, 0.0], &[1.0]),
            ("@5", &[0.0, 5.0], &[-1.0, 6.0]),
            ("1.5e3:", &[1499.0], &[1500.0]),
            ("-5:-2", &[-6.0, -1.0, 0.0], &[-5.0, -2.0]),
            (".5", &[0.6], &[0.5]),
        ] {
            let parsed = Range::parse(range).unwrap();
            assert!(bad.iter().all(|value| parsed.alerts(*value)), "{range}");
            assert!(!good.iter().any(|value| parsed.alerts(*value)), "{range}");
        }
        for invalid in
            ["10:5", "", ":", "@", "@:", "~", "x", "10%", "1:2:3", "1,5", "nan", "inf", "10:~", "--1"]
        {
            assert_eq!(Range::parse(invalid), None, "{invalid}");
        }
    }
}
