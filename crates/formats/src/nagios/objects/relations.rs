//! Escalations and dependencies: a definition with lists becomes one for each host or service, or pair of them.

use std::collections::BTreeSet;

use super::groups::members_of;
use super::lines::{Definition, Problem};
use super::names::Name;
use super::services::ServiceName;
use super::{Dependency, Estate};

/// More are not believed to be meant: lists multiply.
const MAX_RELATIONS: usize = 1_000_000;

impl Estate {
    pub(super) fn expand_relations(&mut self, raw: &super::Raw) {
        let mut problems = Vec::new();
        let mut host_escalations = Vec::new();
        for definition in &raw.host_escalations {
            let hosts = self.hosts_in(definition, "host_name", "hostgroup_name", &mut problems);
            host_escalations.extend(hosts.into_iter().map(|host| (host, definition.clone())));
        }
        let mut service_escalations = Vec::new();
        for definition in &raw.service_escalations {
            let services = self.services_in(definition, &MASTER, &mut problems);
            service_escalations.extend(services.into_iter().map(|service| (service, definition.clone())));
        }
        for (host, escalation) in &mut host_escalations {
            let from = &self.hosts[host];
            take_over(escalation, from);
        }
        for (service, escalation) in &mut service_escalations {
            let from = &self.services[service];
            take_over(escalation, from);
        }
        (self.host_escalations, self.service_escalations) = (host_escalations, service_escalations);
        for definition in &raw.host_dependencies {
            self.host_dependency(definition, &mut problems);
        }
        for definition in &raw.service_dependencies {
            self.service_dependency(definition, &mut problems);
        }
        self.problems.append(&mut problems);
    }

    fn hosts_in(
        &self,
        definition: &Definition,
        hosts: &str,
        groups: &str,
        problems: &mut Vec<Problem>,
    ) -> BTreeSet<Name> {
        let lists = (definition.text(groups).unwrap_or_default(), definition.text(hosts).unwrap_or_default());
        let chosen = members_of(self.matching, (lists.0, &self.host_groups), (lists.1, &self.host_order));
        for unknown in &chosen.unknown {
            let message = format!("host or host group `{unknown}` is not defined");
            problems.push(Problem { place: definition.place_of(hosts), message });
        }
        chosen.without_excluded()
    }

    fn services_in(
        &self,
        definition: &Definition,
        keys: &Keys,
        problems: &mut Vec<Problem>,
    ) -> BTreeSet<ServiceName> {
        let hosts = self.hosts_in(definition, keys.host, keys.host_group, problems);
        let mut services = self.services_on(&hosts, definition, keys.service, problems);
        let by_group = self
            .matching
            .choose(definition.text(keys.service_group).unwrap_or_default(), self.service_groups.keys());
        for unknown in &by_group.unknown {
            let message = format!("service group `{unknown}` is not defined");
            problems.push(Problem { place: definition.place_of(keys.service_group), message });
        }
        services.extend(by_group.yes.iter().flat_map(|group| self.service_groups[group].iter().cloned()));
        services
            .retain(|service| !by_group.no.iter().any(|group| self.service_groups[group].contains(service)));
        services
    }

    fn services_on(
        &self,
        hosts: &BTreeSet<Name>,
        definition: &Definition,
        key: &str,
        problems: &mut Vec<Problem>,
    ) -> BTreeSet<ServiceName> {
        let mut services = BTreeSet::new();
        let Some(list) = definition.text(key) else { return services };
        for host in hosts {
            let known: Vec<&Name> = self.descriptions.get(host).into_iter().flatten().collect();
            let chosen = self.matching.choose(list, known.iter().copied());
            for unknown in &chosen.unknown {
                let message = format!("service `{unknown}` on host `{host}` is not defined");
                problems.push(Problem { place: definition.place_of(key), message });
            }
            services.extend(chosen.without_excluded().into_iter().map(|service| (host.clone(), service)));
        }
        services
    }

    fn host_dependency(&mut self, definition: &Definition, problems: &mut Vec<Problem>) {
        let masters = self.hosts_in(definition, "host_name", "hostgroup_name", problems);
        let dependents =
            self.hosts_in(definition, "dependent_host_name", "dependent_hostgroup_name", problems);
        let pairs =
            masters.iter().flat_map(|master| dependents.iter().map(move |dependent| (master, dependent)));
        let room = MAX_RELATIONS.saturating_sub(self.host_dependencies.len());
        let made = pairs.filter(|(master, dependent)| master != dependent).take(room);
        self.host_dependencies.extend(made.map(|(master, dependent)| Dependency {
            master: master.clone(),
            dependent: dependent.clone(),
            definition: definition.clone(),
        }));
    }

    /// Without a host of the dependent services they are those of the same host as the master.
    fn service_dependency(&mut self, definition: &Definition, problems: &mut Vec<Problem>) {
        let masters = self.services_in(definition, &MASTER, problems);
        let same_host = ![DEPENDENT.host, DEPENDENT.host_group, DEPENDENT.service_group]
            .iter()
            .any(|key| definition.has(key));
        let elsewhere =
            if same_host { BTreeSet::new() } else { self.services_in(definition, &DEPENDENT, problems) };
        for master in masters {
            let here = match same_host {
                true => self.services_on(
                    &BTreeSet::from([master.0.clone()]),
                    definition,
                    DEPENDENT.service,
                    problems,
                ),
                false => elsewhere.clone(),
            };
            for dependent in here.into_iter().filter(|dependent| *dependent != master) {
                if self.service_dependencies.len() < MAX_RELATIONS {
                    self.service_dependencies.push(Dependency {
                        master: master.clone(),
                        dependent,
                        definition: definition.clone(),
                    });
                }
            }
        }
    }
}

struct Keys {
    host: &'static str,
    host_group: &'static str,
    service: &'static str,
    service_group: &'static str,
}

const MASTER: Keys = Keys {
    host: "host_name",
    host_group: "hostgroup_name",
    service: "service_description",
    service_group: "servicegroup_name",
};
const DEPENDENT: Keys = Keys {
    host: "dependent_host_name",
    host_group: "dependent_hostgroup_name",
    service: "dependent_service_description",
    service_group: "dependent_servicegroup_name",
};

/// An escalation without contacts has those of what it is of; without an interval or a period, its.
fn take_over(escalation: &mut Definition, from: &Definition) {
    if !escalation.has("contacts") && !escalation.has("contact_groups") {
        for key in ["contacts", "contact_groups"] {
            if let Some(value) = from.values.get(key) {
                escalation.values.insert(key.into(), value.clone());
            }
        }
    }
    for (own, theirs) in
        [("notification_interval", "notification_interval"), ("escalation_period", "notification_period")]
    {
        if !escalation.has(own)
            && let Some(value) = from.values.get(theirs)
        {
            escalation.values.insert(own.into(), value.clone());
        }
    }
}
