//! Nagios's object configuration, resolved as Nagios resolves it.
//!
//! Comes in: the text of object files ([`lines::read`]) and of nagios.cfg ([`main_config`]); whoever calls reads
//! files and directories. Goes out: an [`Estate`], in which templates, groups and lists are gone: every service has
//! one host, every escalation and dependency one of each side, and everything knows where it was written.
//!
//! In the order of Nagios: templates, groups of contacts and hosts, services of each host, groups of services,
//! what services take from their hosts, escalations and dependencies.

mod groups;
pub mod kinds;
pub mod lines;
pub mod main_config;
mod names;
mod order;
mod relations;
mod services;
mod templates;

use std::collections::{BTreeMap, BTreeSet};

use groups::{Groups, Membership};
use kinds::Kind;
pub use lines::{Definition, Place, Problem, Value};
pub use main_config::MainConfig;
pub use names::Name;
use order::HostOrder;
pub use services::ServiceName;

#[derive(Clone, Debug)]
pub struct Dependency<N> {
    pub master: N,
    pub dependent: N,
    pub definition: Definition,
}

/// Everything that is defined, each by its name. Values that are not there have Nagios's default.
#[derive(Debug, Default)]
pub struct Estate {
    pub hosts: BTreeMap<Name, Definition>,
    pub services: BTreeMap<ServiceName, Definition>,
    pub contacts: BTreeMap<Name, Definition>,
    pub commands: BTreeMap<Name, Definition>,
    pub time_periods: BTreeMap<Name, Definition>,
    pub contact_groups: Groups,
    pub host_groups: Groups,
    pub service_groups: BTreeMap<Name, BTreeSet<ServiceName>>,
    pub host_escalations: Vec<(Name, Definition)>,
    pub service_escalations: Vec<(ServiceName, Definition)>,
    pub host_dependencies: Vec<Dependency<Name>>,
    pub service_dependencies: Vec<Dependency<ServiceName>>,
    /// What Nagios would refuse too, or warn of.
    pub problems: Vec<Problem>,
    /// As written, templates too.
    pub written: Vec<Definition>,
    matching: names::Matching,
    /// The order of their definitions.
    host_order: BTreeMap<Name, usize>,
    descriptions: BTreeMap<Name, Vec<Name>>,
}

/// Definitions that are more than templates, of the kinds that are taken apart.
#[derive(Default)]
struct Raw {
    host_escalations: Vec<Definition>,
    service_escalations: Vec<Definition>,
    host_dependencies: Vec<Definition>,
    service_dependencies: Vec<Definition>,
}

impl Estate {
    pub fn resolve(main: &MainConfig, files: Vec<lines::File>) -> Estate {
        let expressions = main.flag("use_regexp_matching", false);
        let always = main.flag("use_true_regexp_matching", false);
        let mut estate = Estate { matching: names::Matching { expressions, always }, ..Estate::default() };
        let mut by_kind: BTreeMap<Kind, Vec<Definition>> = BTreeMap::new();
        for file in files {
            estate.problems.extend(file.problems);
            estate.written.extend(file.definitions.iter().cloned());
            file.definitions.into_iter().for_each(|one| by_kind.entry(one.kind).or_default().push(one));
        }
        let mut take = |kind: Kind| {
            let mut definitions = by_kind.remove(&kind).unwrap_or_default();
            templates::resolve(&mut definitions, &mut estate.problems);
            definitions.retain(Definition::is_registered);
            definitions
        };
        let (commands, periods) = (take(Kind::Command), take(Kind::TimePeriod));
        let (contacts, contact_groups) = (take(Kind::Contact), take(Kind::ContactGroup));
        let (hosts, host_groups) = (take(Kind::Host), take(Kind::HostGroup));
        let (services, service_groups) = (take(Kind::Service), take(Kind::ServiceGroup));
        let raw = Raw {
            host_escalations: take(Kind::HostEscalation),
            service_escalations: take(Kind::ServiceEscalation),
            host_dependencies: take(Kind::HostDependency),
            service_dependencies: take(Kind::ServiceDependency),
        };
        estate.contact_groups = Membership {
            matching: estate.matching,
            groups: &contact_groups,
            members: &contacts,
            joins: "contact_groups",
            nested: "contactgroup_members",
        }
        .resolve(&mut estate.problems);
        estate.host_groups = Membership {
            matching: estate.matching,
            groups: &host_groups,
            members: &hosts,
            joins: "hostgroups",
            nested: "hostgroup_members",
        }
        .resolve(&mut estate.problems);
        estate.host_order = hosts
            .iter()
            .enumerate()
            .filter_map(|(at, host)| Some((host.text("host_name")?.into(), at)))
            .collect();
        let duplicated = services::Duplicating {
            matching: estate.matching,
            hosts: &estate.host_order,
            host_groups: &estate.host_groups,
            order: HostOrder::new(
                estate.matching,
                (&hosts, &estate.host_order),
                (&host_groups, &estate.host_groups),
            ),
            empty_groups_are_fine: main.flag("allow_empty_hostgroup_assignment", false),
        }
        .services(&services, &mut estate.problems);
        for (host, service) in duplicated.services.keys() {
            estate.descriptions.entry(host.clone()).or_default().push(service.clone());
        }
        estate.service_groups =
            services::groups(&service_groups, &services, &duplicated, &mut estate.problems);
        estate.services = duplicated.services;
        estate.commands = estate.by_name(commands);
        estate.time_periods = estate.by_name(periods);
        estate.contacts = estate.by_name(contacts);
        estate.hosts = estate.by_name(hosts);
        estate.take_from_hosts();
        estate.expand_relations(&raw);
        estate
    }

    /// Of two with one name the later counts, as in Nagios's lists, and it is told.
    fn by_name(&mut self, definitions: Vec<Definition>) -> BTreeMap<Name, Definition> {
        let mut named: BTreeMap<Name, Definition> = BTreeMap::new();
        for definition in definitions {
            let key = definition.kind.name_key();
            let mut wrong =
                |message| self.problems.push(Problem { place: definition.place.clone(), message });
            let Some(name) = definition.text(key) else {
                wrong(format!("a {} needs a {key}", definition.kind.word()));
                continue;
            };
            let name: Name = name.into();
            if let Some(other) = named.get(&name) {
                wrong(format!(
                    "{} `{name}` is defined at {} too: this one counts",
                    definition.kind.word(),
                    other.place
                ));
            }
            named.insert(name, definition);
        }
        named
    }

    /// What a service lacks it has from its host: both kinds of contacts together, the interval, the period.
    fn take_from_hosts(&mut self) {
        for ((host, _), service) in &mut self.services {
            let Some(host) = self.hosts.get(host) else { continue };
            let with_people = !service.has("contacts") && !service.has("contact_groups");
            for key in ["contacts", "contact_groups", "notification_interval", "notification_period"] {
                let wanted = if key.starts_with("contact") { with_people } else { !service.has(key) };
                if let (true, Some(value)) = (wanted, host.values.get(key)) {
                    service.values.insert(key.into(), value.clone());
                }
            }
        }
    }

    /// Those that a definition names by `contacts` and `contact_groups`.
    pub fn contacts_of(&self, definition: &Definition) -> BTreeSet<Name> {
        let list = |key: &str| definition.text(key).unwrap_or_default().to_owned();
        let by_group = self.matching.choose(&list("contact_groups"), self.contact_groups.keys());
        let mut chosen = self.matching.choose(&list("contacts"), self.contacts.keys());
        for group in &by_group.yes {
            chosen.yes.extend(self.contact_groups[group].iter().cloned());
        }
        for group in &by_group.no {
            chosen.no.extend(self.contact_groups[group].iter().cloned());
        }
        chosen.without_excluded()
    }
}
