//! Cases are text: keys of a monitor, points second by second, and what an instance comes to.
//!
//! ```text
//! == what is shown
//! critical = "> 300"
//! ---
//! value: 1 400*3 - 1            one value each second (or each `step:` seconds); `-`: no point; `*3`: three times
//! blind: 4..6                   we were away; `4..6..10`: and the interval in which we were back ended at 10
//! expect: 0 OK, 1 CRITICAL, 5 OK      when it became what; `OK>WARNING`: about to
//! ```

use vocabulary::Timestamp;
use vocabulary::time::HumanDuration;

use super::condition::Condition;
use super::grammar::parse;
use super::rule::{Rule, doubts, problems};
use super::testing::BEGIN;
use super::track::{Away, FINE, Standing, Track};
use super::window::Point;
use crate::config::MonitorConfig;

struct Case<'t> {
    title: &'t str,
    config: MonitorConfig,
    step: i64,
    values: Vec<(&'t str, Vec<Option<f64>>)>,
    blind: Vec<Away>,
    expect: String,
}

fn cases(text: &str) -> impl Iterator<Item = Case<'_>> {
    text.split("\n== ").skip(1).map(|case| {
        let (title, rest) = case.split_once('\n').unwrap();
        let (keys, lines) = rest.split_once("\n---\n").unwrap_or_else(|| panic!("{title}: no `---`"));
        let target = if ["series", "target", "funnel"].iter().any(|key| keys.contains(key)) {
            ""
        } else {
            "target = \"t\"\n"
        };
        let config = toml::from_str(&format!("name = \"m\"\n{target}{keys}"));
        let config = config.unwrap_or_else(|error| panic!("{title}: {error}"));
        let mut case =
            Case { title, config, step: 1, values: Vec::new(), blind: Vec::new(), expect: String::new() };
        for line in lines.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
            let (key, value) = line.split_once(':').unwrap_or_else(|| panic!("{title}: {line}"));
            match key {
                "step" => case.step = value.trim().parse().unwrap(),
                "blind" => {
                    let mut seconds = value.trim().split("..").map(|at| BEGIN + at.parse::<i64>().unwrap());
                    let (from, until) = (seconds.next().unwrap(), seconds.next().unwrap());
                    case.blind.push(Away { from, until, whole: seconds.next().unwrap_or(until) });
                }
                "expect" => case.expect = value.trim().to_owned(),
                series => case.values.push((series, points(value))),
            }
        }
        case
    })
}

/// `7` `-` `7*3`, and `1..5` for 1 2 3 4 5.
fn points(text: &str) -> Vec<Option<f64>> {
    let mut all = Vec::new();
    for word in text.split_whitespace() {
        let (value, times) =
            word.split_once('*').map_or((word, 1), |(value, times)| (value, times.parse().unwrap()));
        for _ in 0..times {
            match value.split_once("..") {
                Some((from, until)) => {
                    let (from, until): (i64, i64) = (from.parse().unwrap(), until.parse().unwrap());
                    all.extend((from..=until).map(|number| Some(number as f64)));
                }
                None => all.push((value != "-").then(|| value.parse().unwrap())),
            }
        }
    }
    all
}

fn shown(standing: Standing) -> String {
    match standing.pending {
        None => standing.state.to_string(),
        Some(pending) => format!("{}>{pending}", standing.state),
    }
}

fn run(case: &Case<'_>) -> String {
    let rule = Rule::new(&case.config).unwrap_or_else(|problems| panic!("{}: {problems:?}", case.title));
    let mut track = Track::new(&rule, Timestamp(BEGIN), case.blind.clone().into());
    track.step(case.step);
    track.expect();
    let length = case.values.iter().map(|(_, values)| values.len()).max().unwrap_or(0) as i64;
    let mut told = vec![format!("0 {}", shown(FINE))];
    let mut before = FINE;
    for slot in 0..length {
        let point = |input: &super::rule::Input| {
            let target = &rule.targets[input.target].name.0;
            let name = if target.is_empty() { "value" } else { target };
            let (_, values) = case.values.iter().find(|(series, _)| *series == name)?;
            let index = usize::try_from(slot - input.earlier / case.step).ok()?;
            let value = values.get(index).copied().flatten()?;
            Some(Point { at: Timestamp(BEGIN + slot * case.step), value, weight: 1.0 })
        };
        let points: Vec<Option<Point>> = rule.inputs.iter().map(point).collect();
        let standing = track.slot(&rule, Timestamp(BEGIN + slot * case.step), &points);
        if standing != before {
            told.push(format!("{} {}", slot * case.step, shown(standing)));
        }
        before = standing;
    }
    told.join(", ")
}

fn check(text: &str) {
    let mut wrong = Vec::new();
    let mut count = 0;
    for case in cases(text) {
        count += 1;
        let found = run(&case);
        if found != case.expect {
            wrong.push(format!("{}\n   found: {found}\n  wanted: {}", case.title, case.expect));
        }
    }
    assert!(wrong.is_empty() && count > 0, "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn thresholds() {
    check(include_str!("cases/thresholds.txt"));
}

#[test]
fn windows() {
    check(include_str!("cases/windows.txt"));
}

#[test]
fn absence() {
    check(include_str!("cases/absence.txt"));
}

#[test]
fn composites() {
    check(include_str!("cases/composites.txt"));
}

#[test]
fn conditions_are_read_and_written() {
    for line in
        include_str!("cases/grammar.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let (text, wanted) = line.split_once(" => ").unwrap_or_else(|| panic!("{line}"));
        let read = parse(text, &["builds", "pushes", "max"]);
        let found = match &read {
            Ok(condition) => condition.to_string(),
            Err(mistake) => format!("! {}: {}", mistake.start, mistake.message),
        };
        assert!(
            found == wanted || wanted.ends_with('…') && found.starts_with(wanted.trim_end_matches('…')),
            "{text}\n found: {found}\nwanted: {wanted}"
        );
        if let Ok(condition) = read {
            let again: Condition =
                parse(&found, &["builds", "pushes", "max"]).unwrap_or_else(|m| panic!("{found}: {m}"));
            assert_eq!(again, condition, "{text} -> {found}");
        }
    }
}

#[test]
fn a_warning_that_is_always_critical_is_doubted() {
    let check = |warning: &str, critical: &str, doubted: bool| {
        let config = MonitorConfig {
            name: "m".into(),
            target: Some("a.b".into()),
            warning: Some(warning.into()),
            critical: Some(critical.into()),
            ..MonitorConfig::default()
        };
        assert!(problems(&config).is_empty(), "{warning} {critical}");
        let found = doubts(&config);
        assert_eq!(found.len(), usize::from(doubted), "{warning} {critical}: {found:?}");
    };
    check("> 5", "> 1", true);
    check("> 5", "> 5", true);
    check("> 1", "> 5", false);
    check(">= 5", "> 5", false);
    check("> 5", ">= 5", true);
    check("< 10", "< 20", true);
    check("< 20", "< 10", false);
    check("> 5", "< 1", false);
    check("avg over 5m > 5", "avg over 5m > 1", true);
    check("avg over 5m > 5", "max over 5m > 1", false);
}

#[test]
fn what_is_wrong_is_told_with_its_key() {
    let of = |change: fn(&mut MonitorConfig)| {
        let mut config =
            MonitorConfig { name: "m".into(), target: Some("a.b".into()), ..MonitorConfig::default() };
        config.critical = Some("> 1".into());
        change(&mut config);
        problems(&config).into_iter().map(|(key, why)| format!("{key}: {why}")).collect::<Vec<_>>().join("\n")
    };
    let check = |change: fn(&mut MonitorConfig), wanted: &str| {
        let found = of(change);
        assert!(
            found.contains(wanted) && (wanted.is_empty() == found.is_empty()),
            "{found}\nwanted: {wanted}"
        );
    };
    check(|_| {}, "");
    check(|config| config.critical = None, "critical: nothing says when it is bad");
    check(|config| config.target = None, "target: what is watched is missing");
    check(|config| config.target = Some("sum(a".into()), "target: `sum(a` is not a target");
    check(
        |config| config.target = Some("scale(nosuch(a), 2)".into()),
        "target: there is no function `nosuch`",
    );
    check(|config| config.target = Some("seriesByTag('a=b')|scale(2)".into()), "");
    check(|config| config.critical = Some("> x".into()), "critical: `> x`: `x` is not a number");
    check(|config| config.warning_recover = Some("< 1".into()), "warning_recover: there is no `warning`");
    check(
        |config| config.lasting = Some(HumanDuration::from_millis(1500)),
        "for: `1500ms` is not in whole seconds",
    );
    check(|config| config.lasting = Some(HumanDuration::from_secs(1 << 40)), "for: `");
    check(
        |config| drop(config.series.insert("over".into(), "a".into())),
        "series: `over` cannot be the name",
    );
    check(|config| config.objective = Some("100%".into()), "objective: `100%` is not an objective");
    check(|config| config.objective = Some("99%".into()), "series: an objective is a share");
    check(|config| config.minimum_events = Some(5.0), "minimum_events: this belongs to an `objective`");
    check(|config| config.funnel = Some("a.**".into()), "funnel: a funnel finds its series itself");
}

#[test]
fn queues_are_known_by_their_counters() {
    let names = [
        "stats.counters.jobs.mail.enqueued.count",
        "stats.counters.jobs.mail.enqueued.rate",
        "stats.counters.jobs.mail.completed.count",
        "stats.counters.jobs.mail.given_up.count",
        "stats.counters.jobs.started.import.count",
        "stats.counters.jobs.queued.import.count",
        "stats.counters.web.requests.count",
        "resque.enqueued;queue=low",
        "resque.processed;queue=low",
    ];
    let queues = super::funnel::recognise(names);
    let shown: Vec<String> = queues
        .iter()
        .map(|(queue, funnel)| {
            format!("{queue} {}", funnel.stages.iter().filter(|stage| stage.is_some()).count())
        })
        .collect();
    assert_eq!(shown, ["resque;queue=low 2", "stats.counters.jobs.import 2", "stats.counters.jobs.mail 3"]);
    assert_eq!(queues["stats.counters.jobs.mail"].stages[0].as_deref(), Some(names[0]));
    let target = |queue: &str| super::funnel::target_of(&queues[queue]);
    assert_eq!(
        target("stats.counters.jobs.mail"),
        "stats.counters.jobs.mail.{completed,enqueued,given_up}.count"
    );
    assert_eq!(target("stats.counters.jobs.import"), "stats.counters.jobs.{queued,started}.import.count");
    let tagged = "seriesByTag('name=~^(resque\\.enqueued|resque\\.processed)$', 'queue=low')";
    assert_eq!(target("resque;queue=low"), tagged);
}

/// Seeded changes of good conditions: pieces are taken out, doubled, exchanged with those of others.
#[test]
fn whatever_is_written_is_read_or_refused() {
    let good: Vec<&str> = include_str!("cases/grammar.txt")
        .lines()
        .filter_map(|line| line.split_once(" => "))
        .map(|(text, _)| text)
        .collect();
    let rounds = if std::env::var_os("BELLWETHER_LONG").is_some() { 600_000 } else { 30_000 };
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut below = |limit: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random % limit.max(1) as u64) as usize
    };
    for _ in 0..rounds {
        let mut text = good[below(good.len())].as_bytes().to_vec();
        for _ in 0..1 + below(4) {
            let other = good[below(good.len())].as_bytes();
            let (from, length) = (below(other.len()), 1 + below(12));
            let piece = &other[from..other.len().min(from + length)];
            let at = below(text.len() + 1);
            match below(4) {
                0 => drop(text.splice(at..at, piece.iter().copied())),
                1 => drop(text.drain(at..(at + length).min(text.len()))),
                2 => text.insert(at, below(256) as u8),
                _ => text = [&text[..at], b" and ", piece].concat(),
            }
        }
        crate::fuzzing::condition(&text);
    }
    crate::fuzzing::condition("(".repeat(4_000).as_bytes());
    crate::fuzzing::condition("not ".repeat(1_000).as_bytes());
    crate::fuzzing::condition("> 1 and ".repeat(500).as_bytes());
}
