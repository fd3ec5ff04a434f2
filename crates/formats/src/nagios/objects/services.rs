//! One definition of a service becomes one service on each of its hosts; groups of services.

use std::collections::{BTreeMap, BTreeSet};

use super::groups::{Groups, members_of};
use super::lines::{Definition, Problem};
use super::names::{Matching, Name};
use super::order::HostOrder;

/// Host and description.
pub type ServiceName = (Name, Name);
pub type ServiceGroups = BTreeMap<Name, BTreeSet<ServiceName>>;

/// More are not believed to be meant.
const MAX_SERVICES: usize = 1_000_000;

/// Which of several definitions of one service counts, the smallest first, as seen on Nagios 4.4.6: a host that a
/// definition names stands above one that comes of a group; of each definition one host keeps the
/// original ([`HostOrder`]), and originals are looked at from the last to the first, copies the other way round.
type Precedence = (u8, isize);

pub struct Duplicated {
    pub services: BTreeMap<ServiceName, Definition>,
    /// Group, member, and the definition that says so. One that does not count itself still says in which groups
    /// its service is.
    pub in_groups: Vec<(Name, ServiceName, usize)>,
}

pub struct Duplicating<'a> {
    pub matching: Matching,
    pub hosts: &'a BTreeMap<Name, usize>,
    pub host_groups: &'a Groups,
    pub order: HostOrder<'a>,
    pub empty_groups_are_fine: bool,
}

impl Duplicating<'_> {
    pub fn services(&self, definitions: &[Definition], problems: &mut Vec<Problem>) -> Duplicated {
        let mut in_groups = Vec::new();
        let mut found: BTreeMap<ServiceName, (Precedence, usize)> = BTreeMap::new();
        for (index, definition) in definitions.iter().enumerate() {
            let mut wrong = |key: &str, message: String| {
                problems.push(Problem { place: definition.place_of(key), message });
            };
            let Some(description) = definition.text("service_description") else {
                wrong("", "a service needs a service_description".to_owned());
                continue;
            };
            let description: Name = description.into();
            let hosts = self.hosts_of(definition, &mut wrong);
            for (host, precedence) in hosts {
                if found.len() >= MAX_SERVICES {
                    wrong("", format!("more than {MAX_SERVICES} services: the rest is left out"));
                    break;
                }
                let precedence = match precedence {
                    Origin::Original => (1, -(index as isize)),
                    Origin::Named => (0, index as isize),
                    Origin::Group => (2, index as isize),
                };
                let name = (host.clone(), description.clone());
                in_groups.extend(
                    definition.list("servicegroups").map(|group| (group.into(), name.clone(), index)),
                );
                let other = found.get(&name).copied();
                if let Some((_, other)) = other {
                    let place = &definitions[other].place;
                    wrong(
                        "",
                        format!(
                            "service `{description}` on host `{host}` is defined at {place} too: one of them counts, as in Nagios"
                        ),
                    );
                }
                if other.is_none_or(|(theirs, _)| precedence < theirs) {
                    found.insert(name, (precedence, index));
                }
            }
        }
        let services =
            found.into_iter().map(|(name, (_, index))| (name, definitions[index].clone())).collect();
        Duplicated { services, in_groups }
    }

    fn hosts_of(&self, definition: &Definition, wrong: &mut dyn FnMut(&str, String)) -> Vec<(Name, Origin)> {
        let named = definition.text("host_name").unwrap_or_default();
        let groups = definition.text("hostgroup_name").unwrap_or_default();
        if named.is_empty() && groups.is_empty() {
            wrong("", "a service needs a host_name or a hostgroup_name".to_owned());
            return Vec::new();
        }
        let chosen = members_of(self.matching, (groups, self.host_groups), (named, self.hosts));
        for unknown in &chosen.unknown {
            wrong("host_name", format!("host or host group `{unknown}` of this service is not defined"));
        }
        let explicit = self.matching.choose(named, self.hosts.keys()).yes;
        let mut hosts: Vec<Name> = chosen.without_excluded().into_iter().collect();
        // Where exclusions left nobody, Nagios is content.
        let excluding = named.contains('!') || groups.contains('!');
        if hosts.is_empty() && !excluding && !self.empty_groups_are_fine {
            wrong("hostgroup_name", "no host is left for this service".to_owned());
        }
        hosts.sort_by_key(|host| self.hosts.get(host));
        let original = self.order.original(groups, named).filter(|host| hosts.contains(host));
        let origin = |host: &Name| match () {
            () if Some(host) == original.as_ref() => Origin::Original,
            () if explicit.contains(host) => Origin::Named,
            () => Origin::Group,
        };
        hosts.iter().map(|host| (host.clone(), origin(host))).collect()
    }
}

#[derive(Clone, Copy)]
enum Origin {
    Original,
    Named,
    Group,
}

/// By the group's own list of `host,service` pairs, by the services' own lists of groups, and groups in groups.
pub fn groups(
    definitions: &[Definition],
    written: &[Definition],
    Duplicated { services, in_groups: joined }: &Duplicated,
    problems: &mut Vec<Problem>,
) -> ServiceGroups {
    let mut groups: ServiceGroups = BTreeMap::new();
    for group in definitions {
        let Some(name) = group.text("servicegroup_name") else { continue };
        let members = groups.entry(name.into()).or_default();
        let pairs: Vec<&str> = group.list("members").collect();
        for pair in pairs.chunks(2) {
            let service = match pair {
                [host, service] => ((*host).into(), (*service).into()),
                _ => continue,
            };
            if services.contains_key(&service) {
                members.insert(service);
            } else {
                let message = format!(
                    "service `{}` on host `{}`, a member of `{name}`, is not defined",
                    pair[1], pair[0]
                );
                problems.push(Problem { place: group.place_of("members"), message });
            }
        }
    }
    for (group, service, index) in joined {
        match groups.get_mut(group) {
            Some(members) => drop(members.insert(service.clone())),
            None => {
                let message =
                    format!("service `{}` is to be in group `{group}`, which is not defined", service.1);
                problems.push(Problem { place: written[*index].place_of("servicegroups"), message });
            }
        }
    }
    within_each_other(definitions, groups)
}

fn within_each_other(definitions: &[Definition], groups: ServiceGroups) -> ServiceGroups {
    let inner: BTreeMap<&str, Vec<&str>> = definitions
        .iter()
        .filter_map(|group| {
            Some((group.text("servicegroup_name")?, group.list("servicegroup_members").collect()))
        })
        .collect();
    let whole = |start: &Name| {
        let (mut seen, mut waiting) = (BTreeSet::from([&**start]), vec![&**start]);
        let mut members = BTreeSet::new();
        while let Some(group) = waiting.pop() {
            members.extend(groups.get(group).into_iter().flatten().cloned());
            waiting
                .extend(inner.get(group).into_iter().flatten().copied().filter(|other| seen.insert(other)));
        }
        members
    };
    groups.keys().map(|name| (name.clone(), whole(name))).collect()
}
