//! What can be read and is hardly meant: told as warnings, as the other half of it may be made in the UI.

use incidents::oncall::Target;
use monitors::config::CheckConfig;
use monitors::services::Services;

use super::Config;

/// Each with the key of its table.
fn of<'c>(
    list: &'static str,
    policies: impl Iterator<Item = &'c Option<String>>,
) -> impl Iterator<Item = (String, &'c Option<String>)> {
    policies.enumerate().map(move |(index, policy)| (format!("{list}.{index}"), policy))
}

impl Config {
    /// As (key, what will come of it and how to mend it).
    pub(super) fn doubtful(&self) -> Vec<(String, String)> {
        let mut doubts = self.definitions().doubts();
        doubts.extend(self.policies_elsewhere());
        doubts.extend(self.people_elsewhere());
        doubts.extend(self.members_elsewhere());
        doubts.extend(self.without_address());
        doubts.extend(self.services_of_checks());
        let unreadable = notify::secret::unreadable(&self.channel).into_iter();
        doubts.extend(unreadable.map(|(index, key, why)| {
            let why = format!("{why}: unless it can be read by then, no page goes by this channel");
            (format!("channel.{index}.{key}"), why)
        }));
        doubts
    }

    /// Contacts with a channel by which they are not reached, since it goes by an address that they have not.
    fn without_address(&self) -> Vec<(String, String)> {
        let needs = notify::config::needs(&self.channels());
        let mut doubts = Vec::new();
        for (index, contact) in self.contact.iter().enumerate() {
            let known = crate::book::of_contact(contact);
            let has = |way: &str| match way {
                "email" => known.email.is_some(),
                way => known.ways.contains_key(way),
            };
            for channel in &contact.channels {
                let Some(ways) = needs.get(channel.as_str()) else { continue };
                if !ways.iter().any(|way| has(way)) {
                    let why = format!(
                        "`{}` is not reached by `{channel}`: the contact has no `{}`, and the channel has no `to`",
                        contact.name,
                        ways.last().unwrap_or(&"")
                    );
                    doubts.push((format!("contact.{index}.channels"), why));
                }
            }
        }
        doubts
    }

    /// Of a check `service` is what Nagios calls it, and makes it no part of a [[service]].
    fn services_of_checks(&self) -> Vec<(String, String)> {
        let services = Services::new(&self.service, http_api::place);
        let meant = |check: &'_ CheckConfig| -> Option<String> {
            let name = check.service.as_ref().filter(|_| check.host.is_empty())?;
            let is_one = services.all.iter().any(|one| one.name == *name);
            let is_part = services.of_watched(&check.name, None).next().is_some();
            (is_one && !is_part).then(|| name.clone())
        };
        let named =
            self.check.iter().enumerate().filter_map(|(index, check)| Some((index, check, meant(check)?)));
        let said = named.map(|(index, check, name)| {
            let why = format!(
                "of a check this is what Nagios calls it: the [[service]] `{name}` has it as a part once it stands there, as availability = [\"{}\"]",
                check.name
            );
            (format!("check.{index}.service"), why)
        });
        said.collect()
    }

    /// Policies that are named and stand in no file.
    fn policies_elsewhere(&self) -> Vec<(String, String)> {
        let all = of("monitor", self.monitor.iter().map(|one| &one.escalation_policy))
            .chain(of("check", self.check.iter().map(|one| &one.escalation_policy)))
            .chain(of("host", self.host.iter().map(|one| &one.escalation_policy)))
            .chain(of("team", self.team.iter().map(|one| &one.escalation_policy)))
            .chain([("incidents".to_owned(), &self.incidents.escalation_policy)]);
        let named = all.filter_map(|(key, policy)| Some((key, policy.as_ref()?)));
        let unknown = named.filter(|(_, name)| !self.escalation_policy.iter().any(|one| one.name == **name));
        let told = unknown.map(|(key, name)| {
            let why = format!(
                "there is no [[escalation_policy]] `{name}`: unless it is made in the UI, people are told as if none were named"
            );
            (format!("{key}.escalation_policy"), why)
        });
        told.collect()
    }

    /// Whom a policy tells.
    fn people_elsewhere(&self) -> Vec<(String, String)> {
        let mut doubts = Vec::new();
        for (index, policy) in self.escalation_policy.iter().enumerate() {
            for (step, config) in policy.step.iter().enumerate() {
                let unknown = config.targets().into_iter().filter(|target| !self.is_written(target));
                doubts.extend(unknown.map(|target| {
                    let why =
                        format!("there is no {target} here: unless it is made in the UI, nobody is told");
                    (format!("escalation_policy.{index}.step.{step}.notify"), why)
                }));
            }
        }
        doubts
    }

    /// Schedules and channels that are not there are problems.
    fn is_written(&self, target: &Target) -> bool {
        match target {
            Target::Person(name) => self.contact.iter().any(|contact| contact.name == **name),
            Target::Team(name) => self.team.iter().any(|team| team.name == **name),
            Target::Schedule(_) | Target::Channel(_) => true,
        }
    }

    /// Members of a team of whom no page can be sent but to their own ways.
    fn members_elsewhere(&self) -> Vec<(String, String)> {
        let is_contact = |name: &String| self.contact.iter().any(|contact| contact.name == *name);
        let of_team = |(index, team): (usize, &accounts::TeamConfig)| {
            let unknown: Vec<String> = team
                .members
                .iter()
                .filter(|name| !is_contact(name))
                .map(|name| format!("`{name}`"))
                .collect();
            (!unknown.is_empty()).then(|| {
                let why = format!(
                    "no [[contact]]: {}; each is reached only if somebody of that name signs in and has ways of their own",
                    unknown.join(", ")
                );
                (format!("team.{index}.members"), why)
            })
        };
        self.team.iter().enumerate().filter_map(of_team).collect()
    }
}
