//! Series that belong together by their names: what a site is made of, guessed in one look at all names.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use vocabulary::ports::Scope;
use vocabulary::{SeriesRef, Timestamp};

use crate::control::Control;
use crate::guess::is_statsd_itself;

/// Groups that are told; those with most worth seeing first.
const MAX_GROUPS: usize = 24;
/// Different first nodes that are counted; a site with more of them is not named by them.
const MAX_CANDIDATES: usize = 10_000;
/// Sparklines of a group.
const MAX_BEST: usize = 3;
/// A look at a million names takes a tenth of a second, so the answer is kept, longer where there are more.
const KEPT_SECONDS: i64 = 2;
const NAMES_FOR_A_SECOND_MORE: u64 = 50_000;
/// Scopes whose groups are kept; tokens with prefixes of their own are few.
const MAX_SCOPES: usize = 16;

/// What StatsD puts in front of people's own names, longest first.
const STATSD_ROOTS: [&str; 7] = [
    "stats.timers.",
    "stats.gauges.",
    "stats.sets.",
    "stats.counters.",
    "stats_counts.",
    "stats.",
    "statsd.",
];

/// Names that tell of machines and of ourselves, not of the site; StatsD's about itself come on top.
const NOT_THE_SITE: [&str; 3] = ["host.", "bellwether.", "carbon."];

#[derive(Clone, Debug, PartialEq)]
pub struct NameGroup {
    pub title: String,
    /// What the names begin with, as far as it is the same for the first and the best.
    pub prefix: String,
    pub series: u64,
    /// The most telling series, best first.
    pub best: Vec<(SeriesRef, String)>,
}

#[derive(Default)]
pub struct Groups {
    kept: Mutex<BTreeMap<Vec<String>, Kept>>,
}

struct Kept {
    until: Timestamp,
    groups: Vec<NameGroup>,
}

impl Groups {
    pub fn of(&self, control: &dyn Control, scope: &Scope, now: Timestamp) -> Vec<NameGroup> {
        let key = scope.as_prefixes().to_vec();
        if let Some(kept) = self.kept.lock().get(&key).filter(|kept| now < kept.until) {
            return kept.groups.clone();
        }
        let mut gathering = Gathering::default();
        control.for_each_series(scope, &mut |series, name| gathering.take(series, name));
        let until = now.plus(KEPT_SECONDS + (gathering.names / NAMES_FOR_A_SECOND_MORE) as i64);
        let groups = gathering.groups();
        let mut kept = self.kept.lock();
        kept.retain(|_, kept| now < kept.until);
        if kept.len() < MAX_SCOPES {
            kept.insert(key, Kept { until, groups: groups.clone() });
        }
        groups
    }
}

#[derive(Default)]
struct Gathering {
    names: u64,
    groups: BTreeMap<String, NameGroup>,
}

impl Gathering {
    fn take(&mut self, series: SeriesRef, name: &str) {
        self.names += 1;
        if NOT_THE_SITE.iter().any(|prefix| name.starts_with(prefix)) || is_statsd_itself(name) {
            return;
        }
        let root = STATSD_ROOTS.iter().find(|root| name.starts_with(**root)).map_or(0, |root| root.len());
        let metric = vocabulary::series::split(name).0;
        let title = metric[root..].split('.').next().unwrap_or_default();
        if title.is_empty() {
            return;
        }
        if let Some(group) = self.groups.get_mut(title) {
            group.series += 1;
            group.consider(series, name);
        } else if self.groups.len() < MAX_CANDIDATES {
            let prefix = metric[..root + title.len()].to_owned();
            let best = vec![(series, name.to_owned())];
            self.groups
                .insert(title.to_owned(), NameGroup { title: title.to_owned(), prefix, series: 1, best });
        }
    }

    fn groups(self) -> Vec<NameGroup> {
        let mut groups: Vec<NameGroup> = self.groups.into_values().collect();
        groups.sort_by_key(|group| {
            std::cmp::Reverse((crate::guess::is_business(&group.best[0].1), group.series))
        });
        groups.truncate(MAX_GROUPS);
        groups
    }
}

impl NameGroup {
    /// One series for each thing, the most telling ones.
    fn consider(&mut self, series: SeriesRef, name: &str) {
        let rank = |name: &str| (worth(name), std::cmp::Reverse(name.len()));
        if self.best.len() == MAX_BEST && self.best.last().is_some_and(|(_, last)| rank(last) >= rank(name)) {
            return;
        }
        match self.best.iter_mut().find(|(_, known)| subject(known) == subject(name)) {
            Some(known) if rank(&known.1) >= rank(name) => return,
            Some(known) => *known = (series, name.to_owned()),
            None => self.best.push((series, name.to_owned())),
        }
        self.best.sort_by_key(|(_, name)| std::cmp::Reverse((worth(name), std::cmp::Reverse(name.len()))));
        self.best.truncate(MAX_BEST);
    }
}

/// What a sparkline says something with: failures first, then how long things take, then how many there are.
fn worth(name: &str) -> u32 {
    let last = vocabulary::series::split(name).0.rsplit('.').next().unwrap_or_default();
    const NOISE: [&str; 8] = ["sum_squares", "std", "lower", "median", "count_", "sum_", "mean_", "bin_"];
    if name.starts_with("stats_counts.") || NOISE.iter().any(|noise| last.starts_with(noise)) {
        return 0;
    }
    let fails = ["error", "fail", "exception", "5xx"].iter().any(|word| name.contains(word));
    match last {
        _ if fails && !name.contains(".timers.") => 5,
        last if last.starts_with("upper_") || last.starts_with("p9") => 4,
        "rate" | "m1_rate" => 3,
        _ if !name.contains(".timers.") => 3,
        "count_ps" => 2,
        _ => 1,
    }
}

/// The thing that a series is about, without which of its numbers it is.
fn subject(name: &str) -> &str {
    match name.contains(".timers.") {
        true => name.rsplit_once('.').map_or(name, |(thing, _)| thing),
        false => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(names: &[&str]) -> Vec<NameGroup> {
        let mut gathering = Gathering::default();
        for (index, name) in names.iter().enumerate() {
            gathering.take(SeriesRef(index as u64), name);
        }
        gathering.groups()
    }

    #[test]
    fn names_are_grouped_by_what_the_site_calls_them() {
        let groups = groups(&[
            "stats.timers.view.home.mean",
            "stats.timers.view.home.upper_90",
            "stats.timers.view.home.sum_squares",
            "stats.timers.view.search.upper_90",
            "stats.view.errors",
            "stats_counts.view.errors",
            "shop.orders",
            "host.web1.load.1m",
            "stats.statsd.packets_received",
            "stats.gauges.statsd.timestamp_lag",
            "tagged;a=b",
        ]);
        let told: Vec<_> = groups.iter().map(|group| (group.title.as_str(), group.series)).collect();
        assert_eq!(told, [("shop", 1), ("view", 6), ("tagged", 1)]);
        let best: Vec<_> = groups[1].best.iter().map(|(_, name)| name.as_str()).collect();
        assert_eq!(
            best,
            ["stats.view.errors", "stats.timers.view.home.upper_90", "stats.timers.view.search.upper_90"]
        );
    }

    #[test]
    fn many_first_nodes_are_bounded() {
        let names: Vec<String> = (0..MAX_CANDIDATES + 100).map(|index| format!("n{index}.x")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(groups(&names).len(), MAX_GROUPS);
    }
}
