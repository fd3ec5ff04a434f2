//! All schedules as they are known now: those of files, those made by the API, their past and what lies on top of them.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use jiff::tz::TimeZone;
use vocabulary::Timestamp;
use vocabulary::reach::ReachRule;

use super::config::ScheduleConfig;
use super::policy::{PolicyConfig, StepConfig, Target};
use super::schedule::{Duty, Gone, Schedule, Version};
use super::store::{Kept, KeptVersion, News};
use crate::book::Book;

/// Where something is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// `file:line`
    File(String),
    Made {
        by: String,
        at: i64,
    },
}

#[derive(Clone, Debug)]
pub struct Known {
    pub config: ScheduleConfig,
    pub origin: Origin,
    pub schedule: Schedule,
}

#[derive(Clone, Debug)]
pub struct KnownPolicy {
    pub config: Arc<PolicyConfig>,
    pub origin: Origin,
}

#[derive(Clone, Debug, Default)]
pub struct Roster {
    pub schedules: BTreeMap<Arc<str>, Known>,
    pub policies: BTreeMap<Arc<str>, KnownPolicy>,
    pub gone: Arc<Gone>,
    /// Where people live, as their layers say.
    pub zones: BTreeMap<Arc<str>, TimeZone>,
    /// People's own rules, as they have made them.
    pub rules: BTreeMap<Arc<str>, Vec<ReachRule>>,
    /// What is left out, and why.
    pub warnings: Vec<String>,
    /// Of these: what names somebody or something that is not there, so that fewer are reached than was meant.
    pub leads_nowhere: Vec<String>,
}

impl Roster {
    /// By whom and what policies reach people, in one number. Who is on call by a schedule is another matter: that changes
    /// with the time.
    pub(crate) fn people(&self) -> u64 {
        let mut all = DefaultHasher::new();
        for known in self.policies.values() {
            format!("{:?}", known.config).hash(&mut all);
        }
        for (name, known) in &self.schedules {
            (name, format!("{:?} {:?}", known.config, known.schedule.overrides)).hash(&mut all);
        }
        format!("{:?}", self.rules).hash(&mut all);
        all.finish()
    }

    /// Nobody, also if there is no such schedule.
    pub fn duty(&self, schedule: &str, at: Timestamp) -> Duty {
        self.schedules.get(schedule).map(|known| known.schedule.duty(at)).unwrap_or_default()
    }

    pub(crate) fn new(files: &[(ScheduleConfig, String)], kept: &Kept, usual: &TimeZone) -> Roster {
        let gone = Arc::new(kept.gone.clone());
        let mut roster = Roster { gone, rules: kept.rules.clone(), ..Roster::default() };
        let (defined, warnings) = defined(files, kept);
        roster.warnings = warnings;
        for (name, (config, origin)) in defined {
            let schedule = roster.schedule(&name, kept, usual);
            roster.leads_nowhere.extend(roster.people_gone(&config));
            roster.enter_zones(&config);
            roster.warnings.extend(kept.plans.warnings_of(&config));
            roster.schedules.insert(name, Known { config, origin, schedule });
        }
        roster
    }

    fn schedule(&mut self, name: &Arc<str>, kept: &Kept, usual: &TimeZone) -> Schedule {
        let mut versions = Vec::new();
        for version in kept.versions.iter().filter(|version| version.schedule == *name) {
            let Some(config) = &version.definition else {
                versions.push(Version::none(version.since));
                continue;
            };
            match Version::new(version.since, config, usual) {
                Ok(version) => versions.push(version.planned(|layer| kept.plans.of(name, layer))),
                Err(why) => self.warnings.push(format!("a past of schedule `{name}` is left out: {why}")),
            }
        }
        let overrides = kept.overrides.iter().filter(|over| over.schedule == *name).cloned().collect();
        let away = kept.calendars.away.clone();
        Schedule { versions, overrides, gone: self.gone.clone(), away }
    }

    /// Those of files go before those made by the API.
    pub(crate) fn add_policies(&mut self, files: &[(PolicyConfig, String)], kept: &Kept) {
        for made in &kept.policies {
            let origin = Origin::Made { by: made.by.clone(), at: made.at };
            self.add_policy(&made.config, origin);
        }
        for (config, place) in files {
            if let Some(Origin::Made { by, .. }) = self.add_policy(config, Origin::File(place.clone())) {
                let name = &config.name;
                self.warnings.push(format!("policy `{name}` of {place} goes before the one that {by} made"));
            }
        }
    }

    fn add_policy(&mut self, config: &PolicyConfig, origin: Origin) -> Option<Origin> {
        let known = KnownPolicy { config: Arc::new(config.clone()), origin };
        self.policies.insert(config.name.as_str().into(), known).map(|before| before.origin)
    }

    /// Whom nobody knows: a step that names them reaches fewer than was meant.
    pub(crate) fn warn_of_policies(&mut self, book: &Book) {
        let mut warnings = Vec::new();
        for (name, known) in &self.policies {
            let targets = known.config.step.iter().flat_map(StepConfig::targets);
            let unknown = targets.filter(|target| match target {
                Target::Schedule(schedule) => !self.schedules.contains_key(schedule),
                target => !book.knows(target),
            });
            warnings.extend(unknown.map(|target| format!("policy `{name}`: there is no {target}")));
        }
        for ((_, name), subject) in &book.subjects {
            let unknown = subject.contacts.iter().filter(|contact| !book.contacts.contains_key(*contact));
            warnings.extend(unknown.map(|contact| {
                format!("{name} names `{contact}`, who is no contact: {}", book.who_instead(subject))
            }));
            let policy = subject.escalation_policy.as_ref();
            if let Some(policy) = policy.filter(|policy| !self.policies.contains_key(*policy)) {
                warnings.push(format!(
                    "{name} names the policy `{policy}`, which is not defined: contacts are told, its own or those of [incidents]"
                ));
            }
        }
        for one in &book.owning {
            if let Some(policy) = one.policy.as_ref().filter(|policy| !self.policies.contains_key(*policy)) {
                warnings.push(format!(
                    "team {} names the policy `{policy}`, which is not defined: what is its goes by [incidents]",
                    one.team
                ));
            }
        }
        let default = book.config.escalation_policy.as_deref();
        if let Some(name) = default.filter(|name| !self.policies.contains_key(*name)) {
            warnings.push(format!(
                "[incidents] names the policy `{name}`, which is not defined: [incidents] contacts are told"
            ));
        }
        warnings.extend(self.people_out_of_reach(book));
        warnings.sort();
        self.leads_nowhere.extend(warnings);
        self.warnings.extend(self.leads_nowhere.iter().cloned());
    }

    /// Contacts whom a step or a schedule names, and whom nothing leads to.
    fn people_out_of_reach(&self, book: &Book) -> Vec<String> {
        let targets = self.policies.values().flat_map(|known| {
            known.config.step.iter().flat_map(StepConfig::targets).filter_map(|target| match target {
                Target::Person(name) => Some(name),
                _ => None,
            })
        });
        // Whoever is of a schedule has a zone by it.
        let named: BTreeSet<Arc<str>> = targets.chain(self.zones.keys().cloned()).collect();
        let lost = named
            .into_iter()
            .filter(|name| book.contacts.get(name).is_some_and(|contact| !book.is_reached(contact)));
        lost.map(|name| {
            let channels = book.contacts.get(&name).map(|contact| &contact.channels[..]).unwrap_or_default();
            let why: Vec<String> =
                channels.iter().filter_map(|channel| book.why_nobody(&name, channel)).collect();
            let why = if why.is_empty() { "they have no channel".to_owned() } else { why.join(", ") };
            format!("`{name}` is to be called and is reached by nothing: {why}")
        })
        .collect()
    }

    /// The first layer that says where it is knows best where its people live.
    fn enter_zones(&mut self, config: &ScheduleConfig) {
        for layer in &config.layer {
            let zone = layer.time_zone.as_deref().unwrap_or(&config.time_zone);
            let Ok(zone) = TimeZone::get(zone) else { continue };
            for person in &layer.people {
                self.zones.entry(person.as_str().into()).or_insert_with(|| zone.clone());
            }
        }
    }

    fn people_gone(&self, config: &ScheduleConfig) -> Vec<String> {
        let people: BTreeSet<&String> = config.layer.iter().flat_map(|layer| &layer.people).collect();
        let gone = people.into_iter().filter(|name| self.gone.contains_key(name.as_str()));
        let word = |name: &String| {
            format!(
                "schedule `{}`: `{name}` is no contact: these turns go to the next in the list",
                config.name
            )
        };
        gone.map(word).collect()
    }
}

type Defined = BTreeMap<Arc<str>, (ScheduleConfig, Origin)>;

/// Files go before what was made by the API.
pub(crate) fn defined(files: &[(ScheduleConfig, String)], kept: &Kept) -> (Defined, Vec<String>) {
    let mut warnings = Vec::new();
    let mut all: Defined = BTreeMap::new();
    for made in &kept.made {
        let origin = Origin::Made { by: made.by.clone(), at: made.at };
        all.insert(made.config.name.as_str().into(), (made.config.clone(), origin));
    }
    for (config, place) in files {
        let name: Arc<str> = config.name.as_str().into();
        if let Some((_, Origin::Made { by, .. })) =
            all.insert(name, (config.clone(), Origin::File(place.clone())))
        {
            warnings
                .push(format!("schedule `{}` of {place} goes before the one that {by} made", config.name));
        }
    }
    (all, warnings)
}

/// What the disk does not know yet: other definitions, and people who have gone or come back.
pub(crate) fn news(
    files: &[(ScheduleConfig, String)],
    kept: &Kept,
    is_known: impl Fn(&str) -> bool,
    now: Timestamp,
) -> News {
    let mut news = News::default();
    let (defined, _) = defined(files, kept);
    let mut newest: BTreeMap<&Arc<str>, &Option<ScheduleConfig>> = BTreeMap::new();
    for version in &kept.versions {
        newest.insert(&version.schedule, &version.definition);
    }
    for (name, (config, _)) in &defined {
        // The first that is ever known of holds for all that was before.
        let since = if newest.contains_key(name) { now } else { Timestamp(0) };
        if newest.get(name).and_then(|newest| newest.as_ref()) != Some(config) {
            let definition = Some(config.clone());
            news.versions.push(KeptVersion { schedule: name.clone(), since, definition });
        }
    }
    for name in newest.iter().filter(|(name, last)| last.is_some() && !defined.contains_key(**name)) {
        news.versions.push(KeptVersion { schedule: (*name.0).clone(), since: now, definition: None });
    }
    let layers = defined.values().flat_map(|(config, _)| &config.layer);
    let people = layers.flat_map(|layer| layer.people.iter().map(String::as_str));
    let people = people.chain(kept.overrides.iter().map(|over| &*over.person));
    let people: BTreeSet<&str> = people.collect();
    for name in &people {
        match (is_known(name), kept.gone.contains_key(*name)) {
            (false, false) => news.gone.push((Arc::from(*name), Some(now))),
            (true, true) => news.gone.push((Arc::from(*name), None)),
            _ => {}
        }
    }
    news
}
