//! Series that belong together by their names: what a site is made of, guessed in one look at all names.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use parking_lot::Mutex;
use vocabulary::ports::Scope;
use vocabulary::{SeriesRef, Timestamp};

use crate::control::Control;
use crate::guess::{is_business, is_statsd_itself};

/// Groups that are told; those with most worth seeing first.
const MAX_GROUPS: usize = 24;
/// Different first nodes that are counted; a site with more of them is not named by them.
const MAX_CANDIDATES: usize = 10_000;
/// Graphs of a group.
const MAX_BEST: usize = 3;
/// Different things that are told apart in a group; few sites have more than a dozen in one.
const MAX_SHAPES: usize = 32;
/// A look at a million names takes some tenths of a second, so the answer is kept, longer where there are more.
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

/// Names that tell of machines, of ourselves, and of results of checks, not of the site; StatsD's about itself come on
/// top.
const NOT_THE_SITE: [&str; 4] = ["host.", "bellwether.", "carbon.", "checks."];

pub fn is_not_the_site(name: &str) -> bool {
    NOT_THE_SITE.iter().any(|prefix| name.starts_with(prefix)) || is_statsd_itself(name)
}

/// What stands in front of people's own names.
pub fn statsd_root(name: &str) -> &'static str {
    STATSD_ROOTS.iter().find(|root| name.starts_with(**root)).map_or("", |root| *root)
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct NameGroup {
    pub title: String,
    /// What the first of its names begins with, up to the title.
    pub prefix: String,
    pub series: u64,
    /// Is there anything in it by which people are served?
    pub business: bool,
    /// The most telling first.
    pub best: Vec<Telling>,
}

/// Series that tell the same of several things: `stats.uploads.*.failed`.
#[derive(Clone, Debug, PartialEq)]
pub struct Telling {
    /// Together, as one graph.
    pub target: String,
    /// One of them.
    pub example: String,
    pub series: SeriesRef,
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
    groups: BTreeMap<String, Candidate>,
}

/// A group in the making.
#[derive(Default)]
struct Candidate {
    prefix: String,
    series: u64,
    business: bool,
    shapes: Vec<Shape>,
}

/// Names that differ only in what stands between the group's title and the last node, or in their tags.
struct Shape {
    /// Before the title, with its dot.
    root: String,
    last: String,
    nodes: usize,
    worth: u32,
    names: u64,
    example: String,
    series: SeriesRef,
}

impl Gathering {
    fn take(&mut self, series: SeriesRef, name: &str) {
        self.names += 1;
        if is_not_the_site(name) {
            return;
        }
        let root = statsd_root(name);
        let metric = vocabulary::series::split(name).0;
        let Some(title) = metric[root.len()..].split('.').next().filter(|title| !title.is_empty()) else {
            return;
        };
        if !self.groups.contains_key(title) {
            if self.groups.len() == MAX_CANDIDATES {
                return;
            }
            let prefix = metric[..root.len() + title.len()].to_owned();
            self.groups.insert(title.to_owned(), Candidate { prefix, ..Candidate::default() });
        }
        if let Some(group) = self.groups.get_mut(title) {
            group.take(series, root, name);
        }
    }

    fn groups(self) -> Vec<NameGroup> {
        let mut groups: Vec<NameGroup> =
            self.groups.into_iter().map(|(title, group)| group.finished(title)).collect();
        groups.sort_by_key(|group| Reverse((group.business, group.series)));
        groups.truncate(MAX_GROUPS);
        groups
    }
}

impl Candidate {
    fn take(&mut self, series: SeriesRef, root: &str, name: &str) {
        self.series += 1;
        let metric = vocabulary::series::split(name).0;
        let nodes = metric.matches('.').count();
        let last = match metric.rsplit('.').next().unwrap_or_default() {
            // `response.200`, `response.503`: many of one thing.
            number if number.bytes().all(|byte| byte.is_ascii_digit()) => "*",
            last => last,
        };
        let same = |shape: &&mut Shape| shape.nodes == nodes && shape.last == last && shape.root == root;
        if let Some(shape) = self.shapes.iter_mut().find(same) {
            shape.names += 1;
            return;
        }
        if self.shapes.len() == MAX_SHAPES {
            return;
        }
        self.business |= is_business(name);
        let worth = worth(name);
        let (root, last, example) = (root.to_owned(), last.to_owned(), name.to_owned());
        self.shapes.push(Shape { root, last, nodes, worth, names: 1, example, series });
    }

    fn finished(mut self, title: String) -> NameGroup {
        self.shapes.sort_by_key(|shape| Reverse((shape.worth, shape.names, Reverse(shape.nodes))));
        let telling = self.shapes.iter().take_while(|shape| shape.worth > 0).count().clamp(1, MAX_BEST);
        let best = self.shapes.iter().take(telling).map(|shape| shape.telling(&title)).collect();
        NameGroup { title, prefix: self.prefix, series: self.series, business: self.business, best }
    }
}

impl Shape {
    fn telling(&self, title: &str) -> Telling {
        Telling { target: self.target(title), example: self.example.clone(), series: self.series }
    }

    /// How many all together, or how long the slowest takes.
    fn target(&self, title: &str) -> String {
        if self.names == 1 {
            return self.example.clone();
        }
        let (metric, tags) = vocabulary::series::split(&self.example);
        let all = if tags.is_empty() {
            let below = metric[self.root.len() + title.len()..].split('.').count() - 1;
            let between = "*.".repeat(below.saturating_sub(1));
            format!("{}{title}.{between}{}", self.root, self.last)
        } else {
            format!("seriesByTag('name={metric}')")
        };
        let together = if is_number_of_timer(&self.example) { "maxSeries" } else { "sumSeries" };
        format!("{together}({all})")
    }
}

fn is_number_of_timer(name: &str) -> bool {
    name.contains(".timers.") && !vocabulary::series::split(name).0.ends_with(".count_ps")
}

fn fails(name: &str) -> bool {
    ["error", "fail", "exception", "5xx"].iter().any(|word| name.contains(word))
}

/// Numbers that another says better.
fn is_noise(name: &str) -> bool {
    const NOISE: [&str; 8] = ["sum_squares", "std", "lower", "median", "count_", "sum_", "mean_", "bin_"];
    let last = vocabulary::series::split(name).0.rsplit('.').next().unwrap_or_default();
    name.starts_with("stats_counts.") || NOISE.iter().any(|noise| last.starts_with(noise))
}

/// What a graph says something with: what people came for, then failures, then how long things take, then how
/// many there are.
fn worth(name: &str) -> u32 {
    let last = vocabulary::series::split(name).0.rsplit('.').next().unwrap_or_default();
    match last {
        _ if is_noise(name) => 0,
        _ if fails(name) && !name.contains(".timers.") => 5,
        _ if is_business(name) && !name.contains(".timers.") => 6,
        last if last.starts_with("upper_") || last.starts_with("p9") => 4,
        "rate" | "m1_rate" => 3,
        _ if !name.contains(".timers.") => 3,
        "count_ps" => 2,
        _ => 1,
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
        assert_eq!(
            targets(&groups[1]),
            ["stats.view.errors", "maxSeries(stats.timers.view.*.upper_90)", "stats.timers.view.home.mean"]
        );
    }

    fn targets(group: &NameGroup) -> Vec<&str> {
        group.best.iter().map(|telling| telling.target.as_str()).collect()
    }

    #[test]
    fn graphs_of_a_group_tell_of_all_things_in_it() {
        let names = [
            "stats.uploads.box.failed",
            "stats.uploads.gdrive.failed",
            "stats.uploads.box.completed",
            "stats.uploads.gdrive.completed",
            "stats_counts.uploads.box.completed",
            "stats_counts.uploads.gdrive.completed",
            "stats.response.200",
            "stats.response.503",
            "calls;host=a",
            "calls;host=b",
        ];
        let groups = groups(&names);
        let told: Vec<_> =
            groups.iter().map(|group| (group.title.as_str(), group.business, targets(group))).collect();
        let uploads = vec!["sumSeries(stats.uploads.*.completed)", "sumSeries(stats.uploads.*.failed)"];
        assert_eq!(
            told,
            [
                ("uploads", true, uploads),
                ("calls", false, vec!["sumSeries(seriesByTag('name=calls'))"]),
                ("response", false, vec!["sumSeries(stats.response.*)"]),
            ]
        );
    }

    #[test]
    fn many_first_nodes_are_bounded() {
        let names: Vec<String> = (0..MAX_CANDIDATES + 100).map(|index| format!("n{index}.x")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(groups(&names).len(), MAX_GROUPS);
    }
}
