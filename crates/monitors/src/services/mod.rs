//! What the site is made of: services with their conditions and what they need, and what arrives unwatched.
//!
//! Comes in: `[[service]]`, how everything that is watched is, names of series. Goes out: one state for each
//! service that says which condition makes it, how much of the time it was available, and what nobody watches. What never happens here: reading the
//! series, the clock.

pub mod availability;
mod coverage;
pub mod inventory;
mod objective;
pub mod pattern;
mod problems;
mod rollup;

use std::collections::HashMap;

use crate::config::ServiceConfig;
pub use coverage::Coverage;
pub use objective::Objective;
pub use problems::problems;
pub use rollup::{ConditionState, Member, ServiceState, Watched};

use coverage::Belonging;
use inventory::Place;
use pattern::Glob;

/// In what way a service can be in trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Condition {
    /// It is down.
    Availability,
    /// It is too slow.
    Latency,
    /// It is partly broken.
    Function,
}

pub const CONDITIONS: [Condition; 3] = [Condition::Availability, Condition::Latency, Condition::Function];

/// The defined services, made ready to be asked what belongs to which.
#[derive(Debug, Default)]
pub struct Services {
    pub all: Vec<ServiceConfig>,
    by_name: HashMap<String, usize>,
    /// What watches a service: names without wildcards, and the others.
    literals: HashMap<String, Vec<(usize, Condition)>>,
    globs: Vec<(Glob, usize, Condition)>,
    belonging: Vec<Belonging>,
}

impl Services {
    /// `place` tells where a pattern of names of series belongs.
    pub fn new(all: &[ServiceConfig], place: fn(&str) -> Option<Place<'_>>) -> Services {
        let mut services = Services { all: all.to_vec(), ..Services::default() };
        for (index, service) in all.iter().enumerate() {
            services.by_name.insert(service.name.clone(), index);
            services.belonging.push(Belonging::new(&service.hosts, &service.series, place));
            let lists = [&service.availability, &service.latency, &service.function];
            for (condition, patterns) in CONDITIONS.into_iter().zip(lists) {
                for pattern in patterns {
                    services.watch(Glob::new(pattern), index, condition);
                }
            }
        }
        services
    }

    fn watch(&mut self, glob: Glob, service: usize, condition: Condition) {
        match glob.literal() {
            Some(name) => self.literals.entry(name).or_default().push((service, condition)),
            None => self.globs.push((glob, service, condition)),
        }
    }

    pub fn named(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// The services that this check or monitor watches, each with one condition: the first of those that name it.
    fn watched_by(&self, name: &str, says_itself: Option<&str>) -> Vec<(usize, Condition)> {
        let mut found: Vec<(usize, Condition)> = self.literals.get(name).cloned().unwrap_or_default();
        let globs = self.globs.iter().filter(|(glob, ..)| glob.matches(name));
        found.extend(globs.map(|(_, service, condition)| (*service, *condition)));
        let itself = says_itself.and_then(|service| self.named(service));
        found.extend(itself.map(|service| (service, Condition::Function)));
        found.sort_unstable();
        found.dedup_by_key(|(service, _)| *service);
        found
    }

    /// The places of the services that this check, host or monitor watches.
    pub fn of_watched(&self, name: &str, says_itself: Option<&str>) -> impl Iterator<Item = usize> {
        self.watched_by(name, says_itself).into_iter().map(|(service, _)| service)
    }

    /// The names of the services that this host belongs to.
    pub fn of_host(&self, host: &str) -> Vec<&str> {
        self.where_belonging(|belonging| belonging.host(host))
    }

    /// The names of the services to which any of these series belong.
    pub fn of_title(&self, title: &str) -> Vec<&str> {
        self.where_belonging(|belonging| belonging.title(title))
    }

    fn where_belonging(&self, holds: impl Fn(&Belonging) -> bool) -> Vec<&str> {
        let named = self.all.iter().zip(&self.belonging).filter(|(_, belonging)| holds(belonging));
        named.map(|(service, _)| service.name.as_str()).collect()
    }
}
