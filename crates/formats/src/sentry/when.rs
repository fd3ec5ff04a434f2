//! Points in time: seconds since 1970, or RFC 3339 as SDKs write it.

use super::json::Tree;

/// Seconds since 1970. Without a zone it is UTC, as old clients mean it.
pub fn read(tree: &Tree<'_>) -> Option<f64> {
    match tree {
        Tree::Number(_) => tree.number(),
        Tree::Text(text) => tree.number().or_else(|| spelled(text.trim())),
        _ => None,
    }
}

/// `2024-02-29T12:00:00.5+01:00`; the space of Python's `str()` instead of the `T`, too.
fn spelled(text: &str) -> Option<f64> {
    let (date, time) = text.split_once(['T', 't', ' '])?;
    let mut parts = date.splitn(3, '-').map(str::parse::<i64>);
    let mut part = || parts.next()?.ok();
    let days = days(part()?, part()?, part()?)?;
    let zone = time.find(['Z', 'z', '+', '-']).unwrap_or(time.len());
    let (time, zone) = time.split_at(zone);
    let seconds = time_of_day(time)? - offset(zone)?;
    Some(days as f64 * 86_400.0 + seconds)
}

/// From 1970-01-01 on, in the calendar that had no other before.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(0..=9_999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Years from March on, so that a leap day is the last of its year.
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    Some(365 * year + leap_days + day_of_year - 719_468)
}

fn time_of_day(text: &str) -> Option<f64> {
    let mut parts = text.trim().splitn(3, ':');
    let hours: u32 = parts.next()?.parse().ok().filter(|hours| *hours < 24)?;
    let minutes: u32 = parts.next()?.parse().ok().filter(|minutes| *minutes < 60)?;
    // A leap second is the second before.
    let seconds = parts.next().map_or(Some(0.0), |text| text.parse().ok());
    let seconds = seconds.filter(|seconds| (0.0..61.0).contains(seconds))?;
    Some(f64::from(hours * 3_600 + minutes * 60) + f64::min(seconds, 59.999_999))
}

/// `Z`, `+01:00`, `-0330`, or nothing.
fn offset(text: &str) -> Option<f64> {
    let sign = match text.chars().next() {
        None | Some('Z' | 'z') => return (text.len() <= 1).then_some(0.0),
        Some('-') => -1.0,
        Some(_) => 1.0,
    };
    let digits: String = text[1..].chars().filter(|letter| *letter != ':').collect();
    let number: u32 = digits.parse().ok()?;
    let (hours, minutes) = if digits.len() <= 2 { (number, 0) } else { (number / 100, number % 100) };
    (hours < 24 && minutes < 60).then(|| sign * f64::from(hours * 3_600 + minutes * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_in_time_are_read() {
        let at = |text: &str| read(&Tree::owned_text(text));
        assert_eq!(at("1970-01-01T00:00:00Z"), Some(0.0));
        assert_eq!(at("2024-02-29T12:00:00.5+01:00"), Some(1_709_204_400.5));
        assert_eq!(at("2024-02-29 11:00:00"), Some(1_709_204_400.0));
        assert_eq!(at("2024-02-29T07:30-0330"), Some(1_709_204_400.0));
        assert_eq!(at("2000-03-01T00:00:00z"), Some(951_868_800.0));
        assert_eq!(at("1709204400.25"), Some(1_709_204_400.25));
        assert_eq!(at("1969-12-31T23:59:60Z").map(f64::round), Some(0.0));
        assert_eq!(read(&Tree::Number("1.5".into())), Some(1.5));
    }

    #[test]
    fn what_is_none_is_none() {
        for text in [
            "",
            "x",
            "2024-13-01T00:00:00Z",
            "2024-01-01T25:00:00Z",
            "2024-01-01T00:00:00+99",
            "2024-01-01",
            "NaN",
        ] {
            assert_eq!(read(&Tree::owned_text(text)), None, "{text}");
        }
        assert_eq!(read(&Tree::Bool(true)), None);
    }
}
