//! What arrives, and what of it nobody watches.

use std::collections::{BTreeMap, HashMap};

use graphite::target::{Call, Expression, Literal};
use vocabulary::SeriesRef;

use super::coverage::plain;
use super::pattern::{Glob, alternatives};

/// Different hosts, and different first nodes, that are told apart; beyond them they are only counted.
pub const MOST_THINGS: usize = 20_000;
/// Parts of one prefix that are told apart.
pub const MOST_PARTS: usize = 64;
/// Series of a thing that are asked for their newest point: one alone may have stopped.
const MOST_EXAMPLES: usize = 4;
/// Monitors that are named for what they watch.
const MOST_WATCHERS: usize = 3;

/// Where a name, or a pattern of names, belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place<'n> {
    Host {
        name: &'n str,
        source: &'static str,
    },
    /// The first node that people chose, and the one after it.
    Prefix {
        title: &'n str,
        part: &'n str,
    },
}

/// A host, or a part of a prefix.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Thing {
    pub series: u64,
    pub examples: Vec<SeriesRef>,
    /// What brings it.
    pub sources: Vec<&'static str>,
}

impl Thing {
    fn take(&mut self, series: SeriesRef, source: &'static str) {
        self.series += 1;
        if self.examples.len() < MOST_EXAMPLES {
            self.examples.push(series);
        }
        if !source.is_empty() && !self.sources.contains(&source) {
            self.sources.push(source);
        }
    }
}

/// Everything that arrives, by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inventory {
    pub hosts: BTreeMap<String, Thing>,
    pub prefixes: BTreeMap<String, Prefix>,
    /// Series that belong to hosts or prefixes beyond the limit.
    pub beyond: u64,
    pub names: u64,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prefix {
    pub series: u64,
    pub parts: BTreeMap<String, Thing>,
    /// Series whose part is beyond the limit.
    pub beyond: u64,
}

impl Inventory {
    pub fn take(&mut self, series: SeriesRef, place: Place<'_>) {
        match place {
            Place::Host { name, source } => match room_for(&mut self.hosts, name, MOST_THINGS) {
                Some(host) => host.take(series, source),
                None => self.beyond += 1,
            },
            Place::Prefix { title, part } => match room_for(&mut self.prefixes, title, MOST_THINGS) {
                Some(prefix) => {
                    prefix.series += 1;
                    match room_for(&mut prefix.parts, part, MOST_PARTS) {
                        Some(thing) => thing.take(series, ""),
                        None => prefix.beyond += 1,
                    }
                }
                None => self.beyond += 1,
            },
        }
    }
}

fn room_for<'m, T: Default>(all: &'m mut BTreeMap<String, T>, name: &str, most: usize) -> Option<&'m mut T> {
    if !all.contains_key(name) {
        if all.len() >= most {
            return None;
        }
        all.insert(name.to_owned(), T::default());
    }
    all.get_mut(name)
}

/// What the targets of monitors read, and which hosts are checked.
#[derive(Debug, Default)]
pub struct Watchers {
    names: Vec<String>,
    hosts: Patterns,
    titles: Patterns,
}

/// Those without wildcards are found by name.
#[derive(Debug, Default)]
struct Patterns {
    literals: HashMap<String, Vec<(Option<Glob>, usize)>>,
    globs: Vec<(Glob, Option<Glob>, usize)>,
}

impl Patterns {
    fn put(&mut self, pattern: &str, part: Option<Glob>, watcher: usize) {
        let glob = Glob::new(pattern);
        match glob.literal() {
            Some(name) => self.literals.entry(name).or_default().push((part, watcher)),
            None => self.globs.push((glob, part, watcher)),
        }
    }

    /// Who watches this? Without `part`: who watches any of it.
    fn of(&self, name: &str, part: Option<&str>) -> Vec<usize> {
        let fits = |wanted: &Option<Glob>| match (wanted, part) {
            (Some(glob), Some(part)) => glob.matches(part),
            _ => true,
        };
        let literals = self.literals.get(name).into_iter().flatten();
        let literals = literals.filter(|(part, _)| fits(part)).map(|(_, watcher)| *watcher);
        let globs = self.globs.iter().filter(|(glob, part, _)| glob.matches(name) && fits(part));
        let mut found: Vec<usize> = literals.chain(globs.map(|(_, _, watcher)| *watcher)).collect();
        found.sort_unstable();
        found.dedup();
        found.truncate(MOST_WATCHERS);
        found
    }
}

impl Watchers {
    /// A host that has a check of its own, or checks on it.
    pub fn host(&mut self, host: &str, watcher: &str) {
        let index = self.named(watcher);
        self.hosts.put(&plain(host), None, index);
    }

    /// All that a target reads; `place` is told where a pattern of names belongs.
    pub fn target(&mut self, target: &str, watcher: &str, place: fn(&str) -> Option<Place<'_>>) {
        let Ok(expression) = graphite::parse::parse(target) else { return };
        let index = self.named(watcher);
        let reads = reads(&expression);
        for path in reads.names.iter().flat_map(|path| alternatives(path)) {
            match place(&path) {
                Some(Place::Host { name, .. }) => self.hosts.put(name, None, index),
                Some(Place::Prefix { title, part }) => self.titles.put(title, Some(Glob::new(part)), index),
                None => {}
            }
        }
        for host in reads.hosts {
            self.hosts.put(&plain(&host), None, index);
        }
    }

    fn named(&mut self, watcher: &str) -> usize {
        if self.names.last().map(String::as_str) != Some(watcher) {
            self.names.push(watcher.to_owned());
        }
        self.names.len() - 1
    }

    pub fn of_host(&self, host: &str) -> Vec<&str> {
        self.told(self.hosts.of(&plain(host), None))
    }

    pub fn of_part(&self, title: &str, part: &str) -> Vec<&str> {
        self.told(self.titles.of(title, Some(part)))
    }

    fn told(&self, watchers: Vec<usize>) -> Vec<&str> {
        watchers.into_iter().map(|index| self.names[index].as_str()).collect()
    }
}

/// Tags that name a host.
pub const HOST_TAGS: [&str; 2] = ["host", "hostname"];

/// What an expression reads: patterns of names; of series by their tags, their name and their host.
#[derive(Default)]
struct Reads {
    names: Vec<String>,
    hosts: Vec<String>,
}

fn reads(expression: &Expression) -> Reads {
    let mut reads = Reads::default();
    let mut open = vec![expression];
    while let Some(expression) = open.pop() {
        match expression {
            Expression::Literal(_) => {}
            Expression::Path(path) => reads.names.push(path.text.clone()),
            Expression::Template(template) => open.push(&template.inner),
            Expression::Piped { base, calls } => {
                open.push(base);
                calls.iter().for_each(|call| reads.take(call, &mut open));
            }
            Expression::Call(call) => reads.take(call, &mut open),
        }
    }
    reads
}

impl Reads {
    fn take<'e>(&mut self, call: &'e Call, open: &mut Vec<&'e Expression>) {
        if call.function == "seriesByTag" {
            for argument in &call.arguments {
                let Expression::Literal(Literal::Text(text)) = argument else { continue };
                match text.split_once('=') {
                    Some(("name", name)) => self.names.push(name.to_owned()),
                    Some((tag, host)) if HOST_TAGS.contains(&tag) => self.hosts.push(host.to_owned()),
                    _ => {}
                }
            }
        }
        open.extend(call.arguments.iter().chain(call.keywords.iter().map(|(_, value)| value)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(name: &str) -> Option<Place<'_>> {
        if let Some(rest) = name.strip_prefix("host.") {
            return rest.split('.').next().map(|name| Place::Host { name, source: "host" });
        }
        let name = name.strip_prefix("stats.").unwrap_or(name);
        let (title, rest) = name.split_once('.')?;
        Some(Place::Prefix { title, part: rest.split('.').next().unwrap_or_default() })
    }

    #[test]
    fn what_arrives_is_told_by_host_and_by_prefix() {
        let mut inventory = Inventory::default();
        let names = [
            "host.web1.load.1m",
            "host.web1.cpu.user",
            "host.db1.load.1m",
            "stats.uploads.box.failed",
            "stats.uploads.gdrive.failed",
        ];
        for (index, name) in names.iter().enumerate() {
            inventory.take(SeriesRef(index as u64), place(name).unwrap());
        }
        let hosts: Vec<_> = inventory
            .hosts
            .iter()
            .map(|(name, host)| (name.as_str(), host.series, host.sources.clone()))
            .collect();
        assert_eq!(hosts, [("db1", 1, vec!["host"]), ("web1", 2, vec!["host"])]);
        assert_eq!(inventory.prefixes["uploads"].parts.keys().collect::<Vec<_>>(), ["box", "gdrive"]);
    }

    #[test]
    fn things_beyond_the_limits_are_counted() {
        let mut inventory = Inventory::default();
        for index in 0..MOST_THINGS + 5 {
            inventory.take(SeriesRef(0), Place::Host { name: &format!("h{index}"), source: "host" });
        }
        for index in 0..MOST_PARTS + 7 {
            inventory.take(SeriesRef(0), Place::Prefix { title: "ids", part: &format!("p{index}") });
        }
        assert_eq!((inventory.hosts.len(), inventory.beyond), (MOST_THINGS, 5));
        let ids = &inventory.prefixes["ids"];
        assert_eq!((ids.parts.len(), ids.beyond, ids.series), (MOST_PARTS, 7, MOST_PARTS as u64 + 7));
    }

    #[test]
    fn a_target_watches_what_it_reads() {
        let mut watchers = Watchers::default();
        watchers.target("movingAverage(host.web*.load.1m, 5)", "load", place);
        watchers.target(
            "divideSeries(stats.uploads.{box,gdrive}.failed, stats.uploads.*.all)",
            "uploads",
            place,
        );
        watchers.target("sumSeries(seriesByTag('name=stats.shop.orders', 'country=de'))", "orders", place);
        watchers.target("stats.jobs.mail.done|scale(2)", "mail", place);
        watchers.target("sumSeries(", "cannot be read", place);
        watchers.target("seriesByTag('name=calls', 'host=api1')", "calls", place);
        watchers.host("db1.example.com", "db1 ping");
        assert_eq!(watchers.of_host("api1"), ["calls"]);
        assert_eq!(watchers.of_host("web7"), ["load"]);
        assert_eq!(watchers.of_host("db1_example_com"), ["db1 ping"]);
        assert_eq!(watchers.of_host("mail1"), [""; 0]);
        assert_eq!(watchers.of_part("uploads", "dropbox"), ["uploads"]);
        assert_eq!(watchers.of_part("shop", "orders"), ["orders"]);
        assert_eq!(watchers.of_part("shop", "carts"), [""; 0]);
        assert_eq!(watchers.of_part("jobs", "mail"), ["mail"]);
    }
}
