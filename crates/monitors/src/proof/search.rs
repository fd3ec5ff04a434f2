//! Changes are sought for the noisiest rules, replayed, and in the end replayed together.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::changes::{self, Change, Kind, OfMany};
use super::ground::{self, Ground, Outcome, metric_monitors, monitor_rule};
use super::propose::{Board, Tried};
use super::{MAX_NOISY, Sent, weigh};
use crate::config::{CheckConfig, Definitions, DependencyConfig, HostConfig, MonitorConfig};
use crate::machine::ObjectName;

/// A master explains a page if it was bad shortly before.
const FOLLOWS_SECONDS: i64 = 600;
/// … so many of them, that it is no accident.
const FOLLOWS_SHARE: f64 = 0.8;
/// So much is done when all are chosen, and are replayed together.
const CHOSEN_SHARE: f64 = 0.95;

/// What is proposed, as a definition.
#[derive(Clone, Debug)]
pub(super) enum New {
    Monitor(Box<MonitorConfig>),
    Check(Box<CheckConfig>),
    Host(Box<HostConfig>),
    Dependency(DependencyConfig),
}

pub(super) struct Chosen {
    pub rule: String,
    pub kind: Kind,
    pub what: String,
    pub new: New,
    pub before: Vec<Sent>,
    pub after: Vec<Sent>,
}

/// Rule by rule, the noisiest first; what has been chosen holds for those after it. Whether all were tried.
pub(super) fn propose(
    all: &Definitions,
    ground: &Ground<'_>,
    mut board: Board,
    base: &Outcome,
    go_on: &(dyn Fn(f64) -> bool + Sync),
) -> (Vec<Chosen>, bool) {
    let can_change = |rule: &String| !base.as_sent.holds(rule);
    let noisy: Vec<String> = board.noisiest().into_iter().filter(can_change).take(MAX_NOISY).collect();
    let mut of_objects = of_objects(all, ground, &noisy, base, go_on);
    let mut chosen = Vec::new();
    for (number, rule) in noisy.iter().enumerate() {
        let share = 0.6 + (CHOSEN_SHARE - 0.6) * number as f64 / noisy.len() as f64;
        if !go_on(share) {
            break;
        }
        let found = match metric_monitors(all).find(|monitor| monitor_rule(&monitor.name) == *rule) {
            Some(monitor) => board.choose(rule, of_monitor(all, ground, monitor, &|| go_on(share))),
            None => board.choose(rule, of_objects.remove(rule).unwrap_or_default().into_iter()),
        };
        let Some(Tried { change: (what, new), kind, pages }) = found else { continue };
        let before = board.of(rule).to_vec();
        board.set(rule, pages.clone());
        chosen.push(Chosen { rule: rule.clone(), kind, what, new, before, after: pages });
    }
    (chosen, go_on(CHOSEN_SHARE))
}

type Candidate = Tried<(String, New)>;

/// One by one, as each is replayed only when it is asked for.
fn of_monitor<'a>(
    all: &'a Definitions,
    ground: &'a Ground<'_>,
    rule: &MonitorConfig,
    go_on: &'a dyn Fn() -> bool,
) -> impl Iterator<Item = Candidate> + 'a {
    let in_time = changes::of_monitor(rule).into_iter().take_while(move |_| go_on());
    in_time.filter_map(move |Change { kind, what, new }| {
        let pages = match new.shadow {
            true => Vec::new(),
            false => ground.monitor(&new, all).ok()?.would,
        };
        Some(Tried { kind, pages, change: (what, New::Monitor(Box::new(new))) })
    })
}

/// Of checks and hosts, many together: one replay for each way to change them.
fn of_objects(
    all: &Definitions,
    ground: &Ground<'_>,
    noisy: &[String],
    base: &Outcome,
    go_on: &(dyn Fn(f64) -> bool + Sync),
) -> BTreeMap<String, Vec<Candidate>> {
    let mut tried: BTreeMap<String, Vec<Candidate>> = BTreeMap::new();
    let names: BTreeSet<ObjectName> = noisy.iter().filter_map(|rule| object_name(rule)).collect();
    if names.is_empty() {
        return tried;
    }
    let mut ways: Vec<Vec<(String, Change<New>)>> = vec![dependencies(all, noisy, base)];
    ways.extend(changes::of_many().into_iter().map(|how| of_way(all, noisy, how)));
    for way in ways.into_iter().filter(|way| !way.is_empty()) {
        if !go_on(0.55) {
            break;
        }
        let changed = with(all, way.iter().map(|(_, change)| &change.new));
        let Ok(outcome) = ground.objects(&changed, &names) else { continue };
        for (rule, Change { kind, what, new }) in way {
            let pages = outcome.would.iter().filter(|page| page.rule == rule).cloned().collect();
            tried.entry(rule).or_default().push(Tried { kind, pages, change: (what, new) });
        }
    }
    tried
}

fn object_name(rule: &str) -> Option<ObjectName> {
    match rule.split_once(':')? {
        ("check", name) => Some(ObjectName::Check(name.to_owned())),
        ("host", name) => Some(ObjectName::Host(name.to_owned())),
        _ => None,
    }
}

fn of_way(all: &Definitions, noisy: &[String], how: OfMany) -> Vec<(String, Change<New>)> {
    let of = |rule: &String| {
        let change = match object_name(rule)? {
            ObjectName::Check(name) => {
                let check = all.checks.iter().find(|check| check.name == name)?;
                changes::of_check(check, how)?.map(|check| New::Check(Box::new(check)))
            }
            ObjectName::Host(name) => {
                let host = all.hosts.iter().find(|host| host.name == name)?;
                changes::of_host(host, how)?.map(|host| New::Host(Box::new(host)))
            }
            ObjectName::Instance(..) => return None,
        };
        Some((rule.clone(), change))
    };
    noisy.iter().filter_map(of).collect()
}

impl<T> Change<T> {
    fn map<U>(self, make: impl FnOnce(T) -> U) -> Change<U> {
        Change { kind: self.kind, what: self.what, new: make(self.new) }
    }
}

/// A check whose pages nearly all come while one and the same other check is bad depends on it.
fn dependencies(all: &Definitions, noisy: &[String], base: &Outcome) -> Vec<(String, Change<New>)> {
    let checks: HashSet<&str> = all.checks.iter().map(|check| check.name.as_str()).collect();
    let is_check = |rule: &str| rule.strip_prefix("check:").is_some_and(|name| checks.contains(name));
    let masters: Vec<(&String, &Vec<(i64, i64)>)> =
        base.bad.iter().filter(|(rule, _)| is_check(rule)).collect();
    let mut found: Vec<(String, Change<New>)> = Vec::new();
    for rule in noisy.iter().filter(|rule| is_check(rule)) {
        let pages: Vec<i64> =
            base.would.iter().filter(|page| page.rule == *rule).map(|page| page.at).collect();
        let share = |times: &[(i64, i64)]| {
            pages.iter().filter(|at| follows(**at, times)).count() as f64 / pages.len().max(1) as f64
        };
        // Two that always fail together do not depend on each other: the one that is bad for less is behind.
        let own: i64 = base.bad.get(rule).into_iter().flatten().map(|(from, until)| until - from).sum();
        let taken = |master: &str| found.iter().any(|(dependent, _)| dependent == master);
        let longer = |times: &[(i64, i64)]| times.iter().map(|(from, until)| until - from).sum::<i64>() > own;
        let fits =
            masters.iter().filter(|(master, times)| *master != rule && longer(times) && !taken(master));
        let shares = fits.map(|(master, times)| (share(times), *master));
        let best = shares.max_by(|a, b| a.0.total_cmp(&b.0)).filter(|(share, _)| *share >= FOLLOWS_SHARE);
        let names =
            best.and_then(|(_, master)| Some((master.strip_prefix("check:")?, rule.strip_prefix("check:")?)));
        if let Some((master, dependent)) = names {
            found.push((rule.clone(), changes::dependency(master, dependent).map(New::Dependency)));
        }
    }
    found
}

/// Was it bad then, or shortly before? One object's times are in order and apart from each other.
fn follows(at: i64, times: &[(i64, i64)]) -> bool {
    let begun = times.partition_point(|(from, _)| *from <= at);
    times[..begun].last().is_some_and(|(_, until)| at <= until + FOLLOWS_SECONDS)
}

/// The definitions with these in the place of those of the same name.
fn with<'n>(all: &Definitions, new: impl Iterator<Item = &'n New>) -> Definitions {
    let mut changed = all.clone();
    for one in new {
        match one {
            New::Monitor(new) => put(&mut changed.monitors, (**new).clone(), |one| &one.name),
            New::Check(new) => put(&mut changed.checks, (**new).clone(), |one| &one.name),
            New::Host(new) => put(&mut changed.hosts, (**new).clone(), |one| &one.name),
            New::Dependency(new) => changed.dependencies.push(new.clone()),
        }
    }
    changed
}

fn put<T>(all: &mut [T], new: T, name: impl Fn(&T) -> &String) {
    if let Some(old) = all.iter_mut().find(|old| name(old) == name(&new)) {
        *old = new;
    }
}

/// All that is proposed, replayed together. What would miss an outage after all is not proposed, and neither is what there
/// was no time to replay: of checks and hosts, as each has a say in others. Whether there was.
pub(super) fn confirm(
    all: &Definitions,
    ground: &Ground<'_>,
    board: &Board,
    chosen: &mut Vec<Chosen>,
    base: &Outcome,
    go_on: &(dyn Fn(f64) -> bool + Sync),
) -> Result<(Vec<Sent>, bool), String> {
    let mut whole = true;
    loop {
        if !go_on(CHOSEN_SHARE) {
            let before = chosen.len();
            chosen.retain(|one| matches!(one.new, New::Monitor(_)));
            whole &= chosen.len() == before;
        }
        let pages = match with_chosen(all, ground, chosen, base) {
            Err(_) if !go_on(CHOSEN_SHARE) => continue,
            pages => pages?,
        };
        let Some(missed) = board.missed_by(&pages).first().map(|label| (*label).clone()) else {
            return Ok((pages, whole));
        };
        let told = |one: &Chosen| weigh::caught(&missed, &one.before).is_some();
        match chosen.iter().rposition(told) {
            Some(guilty) => drop(chosen.remove(guilty)),
            // Only together do they miss it: none of them by itself is to blame.
            None if chosen.pop().is_none() => return Ok((pages, whole)),
            None => {}
        }
    }
}

fn with_chosen(
    all: &Definitions,
    ground: &Ground<'_>,
    chosen: &[Chosen],
    base: &Outcome,
) -> Result<Vec<Sent>, String> {
    let of_object = |page: &&Sent| !page.rule.starts_with("monitor:");
    let is_changed = |rule: &str| chosen.iter().any(|one| one.rule == rule);
    let of_monitors = base
        .would
        .iter()
        .filter(|page| page.rule.starts_with("monitor:") && !is_changed(&page.rule))
        .cloned();
    let mut pages: Vec<Sent> = of_monitors.collect();
    pages.extend(
        chosen.iter().filter(|one| matches!(one.new, New::Monitor(_))).flat_map(|one| one.after.clone()),
    );
    if chosen.iter().all(|one| matches!(one.new, New::Monitor(_))) {
        pages.extend(base.would.iter().filter(of_object).cloned());
    } else {
        let changed = with(all, chosen.iter().map(|one| &one.new));
        let would = ground.objects(&changed, &ground::objects_of(&changed))?.would;
        pages.extend(would.into_iter().filter(|page| !base.as_sent.holds(&page.rule)));
    }
    pages.extend(base.as_sent.pages.iter().cloned());
    Ok(pages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_closely_is_explained() {
        let times = [(1_000, 1_100), (1_500, 5_000), (9_000, 9_001)];
        for at in (0..12_000).step_by(50) {
            let plain = times.iter().any(|(from, until)| *from <= at && at <= until + FOLLOWS_SECONDS);
            assert_eq!(follows(at, &times), plain, "{at}");
        }
        assert!(!follows(5, &[]));
    }
}
