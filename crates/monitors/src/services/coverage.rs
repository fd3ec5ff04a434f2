//! How much of a service is watched.

use super::inventory::{Inventory, Place, Watchers};
use super::pattern::{Glob, alternatives};
use super::{ServiceState, Services};

/// Unwatched things that are named.
const MOST_NAMED: usize = 50;

/// Things of a service: hosts, parts of the prefixes of its series, and the services that it needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    pub watched: usize,
    pub of: usize,
    pub unwatched: Vec<String>,
}

impl Coverage {
    /// Whole percents, rounded down: 100 is said of all only. `None`: there is nothing to watch.
    pub fn percent(&self) -> Option<u32> {
        (self.of > 0).then(|| (self.watched * 100 / self.of) as u32)
    }

    fn take(&mut self, name: String, watched: bool) {
        self.of += 1;
        if watched {
            self.watched += 1;
        } else if self.unwatched.len() < MOST_NAMED {
            self.unwatched.push(name);
        }
    }
}

/// Which series and hosts belong to a service.
#[derive(Debug, Default)]
pub(super) struct Belonging {
    hosts: Vec<Glob>,
    /// Title and part; without a part: all of the title.
    parts: Vec<(Glob, Option<Glob>)>,
}

impl Belonging {
    pub fn new(hosts: &[String], series: &[String], place: fn(&str) -> Option<Place<'_>>) -> Belonging {
        let mut all = Belonging {
            hosts: hosts.iter().map(|host| Glob::new(&plain(host))).collect(),
            parts: Vec::new(),
        };
        for pattern in series.iter().flat_map(|pattern| alternatives(pattern)) {
            match place(&pattern) {
                Some(Place::Host { name, .. }) => all.hosts.push(Glob::new(name)),
                Some(Place::Prefix { title, part }) => {
                    all.parts.push((Glob::new(title), (!part.is_empty()).then(|| Glob::new(part))));
                }
                None => {}
            }
        }
        all
    }

    pub fn host(&self, name: &str) -> bool {
        self.hosts.iter().any(|glob| glob.matches(&plain(name)))
    }

    pub fn title(&self, title: &str) -> bool {
        self.parts.iter().any(|(glob, _)| glob.matches(title))
    }

    fn part(&self, title: &str, name: &str) -> bool {
        let fits = |part: &Option<Glob>| part.as_ref().is_none_or(|glob| glob.matches(name));
        self.parts.iter().any(|(glob, part)| glob.matches(title) && fits(part))
    }
}

/// Hosts as names of series spell them: a dot would begin another node.
pub(super) fn plain(host: &str) -> String {
    host.replace('.', "_")
}

impl Services {
    pub fn coverage(
        &self,
        service: usize,
        inventory: &Inventory,
        watchers: &Watchers,
        states: &[ServiceState],
    ) -> Coverage {
        let mut coverage = Coverage::default();
        let belonging = &self.belonging[service];
        for host in inventory.hosts.keys().filter(|host| belonging.host(host)) {
            coverage.take(host.clone(), !watchers.of_host(host).is_empty());
        }
        for (title, prefix) in inventory.prefixes.iter().filter(|(title, _)| belonging.title(title)) {
            for part in prefix.parts.keys().filter(|part| belonging.part(title, part)) {
                let name = if part.is_empty() { title.clone() } else { format!("{title}.{part}") };
                coverage.take(name, !watchers.of_part(title, part).is_empty());
            }
        }
        for needed in self.all[service].dependencies.iter().filter_map(|name| self.named(name)) {
            coverage.take(self.all[needed].name.clone(), states[needed].members_in_all > 0);
        }
        coverage
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ServiceConfig;
    use vocabulary::SeriesRef;
    use vocabulary::state::State;

    fn place(name: &str) -> Option<Place<'_>> {
        if let Some(name) = name.strip_prefix("host.") {
            return Some(Place::Host { name, source: "host" });
        }
        let (title, part) = name.split_once('.').unwrap_or((name, ""));
        Some(Place::Prefix { title, part })
    }

    #[test]
    fn hosts_parts_and_what_is_needed_count_each() {
        let services = Services::new(
            &[
                ServiceConfig {
                    name: "Uploads".into(),
                    hosts: vec!["web1.example.com".into()],
                    series: vec!["uploads".into(), "jobs.up*".into(), "host.db*".into()],
                    dependencies: vec!["Drive".into()],
                    ..ServiceConfig::default()
                },
                ServiceConfig { name: "Drive".into(), external: true, ..ServiceConfig::default() },
            ],
            place,
        );
        let mut inventory = Inventory::default();
        for name in [
            "host.web1_example_com",
            "host.db1",
            "host.mail",
            "uploads.box",
            "uploads.gdrive",
            "jobs.upload",
            "jobs.mail",
        ] {
            inventory.take(SeriesRef(1), place(name).unwrap());
        }
        let mut watchers = Watchers::default();
        watchers.target("uploads.g*", "gdrive", place);
        watchers.host("db1", "ping");
        let mut states = services.rollup(std::iter::empty());
        let coverage = services.coverage(0, &inventory, &watchers, &states);
        assert_eq!((coverage.watched, coverage.of, coverage.percent()), (2, 6, Some(33)));
        assert_eq!(coverage.unwatched, ["web1_example_com", "jobs.upload", "uploads.box", "Drive"]);
        states[1].state = Some(State::Ok);
        states[1].members_in_all = 1;
        assert_eq!(services.coverage(0, &inventory, &watchers, &states).watched, 3);
        assert_eq!(services.coverage(1, &inventory, &watchers, &states).percent(), None);
    }
}
