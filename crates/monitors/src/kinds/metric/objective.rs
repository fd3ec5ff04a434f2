//! Service objectives: how fast the budget of errors is used up, over two windows at a time.
//!
//! The burn rate is the share of bad events over the share that the objective allows. It pages when 2 % of the
//! budget of a period went within an hour or 5 % within six, and is worth a ticket at 10 % within a day or three;
//! a short window beside each long one ends the alarm soon after the errors end ("The Site Reliability Workbook",
//! O'Reilly 2018, chapter 5). Too few events say nothing: below `minimum_events` in the short window nothing fires.

use crate::config::MonitorConfig;

pub struct Conditions {
    pub critical: String,
    pub warning: String,
}

/// Share of the budget, long window, short window; seconds.
const PAGE: [(f64, i64, i64); 2] = [(0.02, 3_600, 300), (0.05, 21_600, 1_800)];
const TICKET: [(f64, i64, i64); 2] = [(0.1, 86_400, 7_200), (0.1, 259_200, 21_600)];

const PERIOD_SECONDS: i64 = 30 * 86_400;
const MINIMUM_EVENTS: f64 = 10.0;

/// The objective as conditions on the series `good` or `bad`, and `total`.
pub fn conditions(config: &MonitorConfig, objective: &str) -> Result<Conditions, (&'static str, String)> {
    let percent = objective.trim().strip_suffix('%').and_then(|text| text.trim().parse::<f64>().ok());
    let Some(percent) = percent.filter(|percent| *percent > 0.0 && *percent < 100.0) else {
        return Err((
            "objective",
            format!("`{objective}` is not an objective: write a share below 100 %, such as \"99.9%\""),
        ));
    };
    let has = |name: &str| config.series.contains_key(name);
    if !has("total") || has("good") == has("bad") {
        let message = "an objective is a share of events: name the series `total`, and either `good` or `bad`, in the monitor's `series`";
        return Err(("series", message.into()));
    }
    let period = config.objective_period.map_or(PERIOD_SECONDS, |period| period.0.as_secs() as i64);
    if period < 86_400 {
        return Err((
            "objective_period",
            "the period of an objective is a day at least, such as \"30d\"".into(),
        ));
    }
    let floor = config.minimum_events.unwrap_or(MINIMUM_EVENTS);
    if !(floor >= 0.0 && floor.is_finite()) {
        return Err(("minimum_events", "write how many events must have been there, such as 10".into()));
    }
    let budget = 1.0 - percent / 100.0;
    let burns = |windows: &[(f64, i64, i64)]| {
        let pair = |(share, long, short): &(f64, i64, i64)| {
            let factor = share * period as f64 / *long as f64;
            // More than everything cannot be bad.
            let bad = (budget * factor * 100.0).min(99.999);
            let test = if has("bad") {
                format!("> {}%", rounded(bad))
            } else {
                format!("< {}%", rounded(100.0 - bad))
            };
            let of = if has("bad") { "bad" } else { "good" };
            format!(
                "(total({of}) over {long}s / sum(total) over {long}s {test} and total({of}) over {short}s / sum(total) over {short}s {test} and total(total) over {short}s >= {floor})"
            )
        };
        windows.iter().map(pair).collect::<Vec<_>>().join(" or ")
    };
    Ok(Conditions { critical: burns(&PAGE), warning: burns(&TICKET) })
}

/// Nobody reads more digits; the rest is error of rounding.
fn rounded(percent: f64) -> f64 {
    (percent * 1e6).round() / 1e6
}
