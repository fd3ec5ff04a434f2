//! The numbers of a result: as they are shown beside it, and as points of series.
//!
//! Series are `checks.HOST.SERVICE.LABEL`, where people look for them by hand: the host first, as in all that Graphite
//! users have from Icinga and Graphios, then the service, then the label. What is no letter, digit, `-` or `_` becomes
//! `_`. A unit is worked into the value and said at the end of the name, as with the host's own numbers: seconds
//! (`ms` and `us` too), bytes (`KB` is 1024 of them, as plugins mean it) and per cent. A host's own check stands below
//! `checks.HOST.host-check`, a check without a host below `checks.no-host`. What is known of the check itself lies one
//! level deeper, where no label comes: `….result.state`, `.duration_seconds` and `.latency_seconds`.

use std::collections::HashMap;

use formats::nagios::perfdata::{Breach, Item, parse};
use serde::Serialize;

use crate::Outcome;

/// One number, as PRODUCT.md shows it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Shown {
    pub label: String,
    /// Nothing for `U`: it could not be measured.
    pub value: Option<f64>,
    pub uom: String,
    /// As they were written.
    pub warn: Option<String>,
    pub crit: Option<String>,
    pub min: Option<f64>,
    pub max: Option<f64>,
    pub breach: &'static str,
}

/// The items of a perfdata text, and what in it is none.
pub fn shown(perfdata: &str) -> (Vec<Shown>, Vec<String>) {
    let parsed = parse(perfdata);
    let shown = |item: Item| {
        let breach = match item.breach() {
            Breach::None => "none",
            Breach::Warning => "warning",
            Breach::Critical => "critical",
        };
        let Item { label, value, uom, warn, crit, min, max } = item;
        Shown { label, value, uom, warn, crit, min, max, breach }
    };
    (parsed.items.into_iter().map(shown).collect(), parsed.skipped)
}

/// The points of a result: (series, value). `service` is empty for the host itself.
pub fn points(host: &str, service: &str, outcome: &Outcome, latency_seconds: f64) -> Vec<(String, f64)> {
    let place = place(host, service);
    let mut points = vec![(format!("{place}.result.state"), f64::from(outcome.status))];
    if outcome.active {
        points.push((format!("{place}.result.duration_seconds"), outcome.seconds));
        points.push((format!("{place}.result.latency_seconds"), latency_seconds));
    }
    let items = parse(&outcome.perfdata).items;
    let names = names(host, service, &items);
    let numbers =
        items.iter().zip(names).filter_map(|(item, name)| Some((name, item.value? * item.base_unit().1)));
    points.extend(numbers);
    points
}

/// The series of each of a result's numbers. The values of `item` are `base_unit().1` times as large there.
pub fn names(host: &str, service: &str, items: &[Item]) -> Vec<String> {
    let place = place(host, service);
    let mut taken: HashMap<String, usize> = HashMap::new();
    let name = |item: &Item| {
        let label = label(item);
        // Two labels that look alike as names: the second is told apart by its number.
        let alike = taken.entry(label.clone()).or_default();
        *alike += 1;
        if *alike == 1 { format!("{place}.{label}") } else { format!("{place}.{label}_{alike}") }
    };
    items.iter().map(name).collect()
}

fn place(host: &str, service: &str) -> String {
    let host = if host.is_empty() { "no-host".into() } else { node(host) };
    let service = if service.is_empty() { "host-check".into() } else { node(service) };
    format!("checks.{host}.{service}")
}

fn label(item: &Item) -> String {
    let unit = match item.base_unit().0 {
        "s" => "_seconds",
        "B" => "_bytes",
        "%" => "_percent",
        _ => "",
    };
    let label = node(&item.label);
    if label.ends_with(unit) { label } else { label + unit }
}

/// One part of a name between points.
fn node(text: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_') { c } else { '_' };
    text.chars().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_units() {
        let check = |perfdata: &str, expected: &[(&str, f64)]| {
            let outcome = Outcome { perfdata: perfdata.into(), ..Default::default() };
            let points = points("web1.example.org", "Disk /", &outcome, 0.0);
            let seen: Vec<_> = points.iter().skip(1).map(|(name, value)| (name.as_str(), *value)).collect();
            let place = "checks.web1_example_org.Disk__.";
            let expected: Vec<_> =
                expected.iter().map(|(name, value)| (format!("{place}{name}"), *value)).collect();
            assert_eq!(
                seen,
                expected.iter().map(|(name, value)| (name.as_str(), *value)).collect::<Vec<_>>()
            );
        };
        check("/=2KB;1;2 /var=1B", &[("__bytes", 2048.0), ("_var_bytes", 1.0)]);
        check(
            "time=12ms size=U load=0.5 cpu=7%",
            &[("time_seconds", 0.012), ("load", 0.5), ("cpu_percent", 7.0)],
        );
        check("up_seconds=5s packets=7c temp=20°C", &[("up_seconds", 5.0), ("packets", 7.0), ("temp", 20.0)]);
        check("/a=1 _a=2 .a=3", &[("_a", 1.0), ("_a_2", 2.0), ("_a_3", 3.0)]);
        check("'grüße x'=1", &[("grüße_x", 1.0)]);
    }

    #[test]
    fn of_the_check_itself() {
        let outcome = Outcome { status: 2, active: true, seconds: 0.25, ..Default::default() };
        let names = |host: &str, service: &str| points(host, service, &outcome, 0.5);
        let seen = names("h", "s");
        let expected = [
            ("checks.h.s.result.state", 2.0),
            ("checks.h.s.result.duration_seconds", 0.25),
            ("checks.h.s.result.latency_seconds", 0.5),
        ];
        assert_eq!(seen, expected.map(|(name, value)| (name.to_owned(), value)));
        assert_eq!(names("h", "")[0].0, "checks.h.host-check.result.state");
        assert_eq!(names("", "s")[0].0, "checks.no-host.s.result.state");
    }

    #[test]
    fn as_the_api_shows_them() {
        let (items, skipped) = shown("a=15;@10:20;~:100;0;200 junk b=U");
        assert_eq!(
            (items[0].breach, items[0].warn.as_deref(), items[1].value),
            ("warning", Some("@10:20"), None)
        );
        assert_eq!((items.len(), skipped), (2, vec!["junk".to_owned()]));
    }
}
