//! What leads nowhere without a schedule, a policy, a person or a team: said before one is taken out.

use std::collections::BTreeSet;
use std::sync::Arc;

use vocabulary::Timestamp;

use super::policy::{StepConfig, Target};
use super::roster::{Known, Origin, Roster};
use crate::desk::Desk;
use crate::limits::GAPS_AHEAD_SECONDS;

impl Desk {
    /// Schedules in which this person has a turn within a month.
    pub fn turns_of(&self, person: &str, now: Timestamp) -> BTreeSet<Arc<str>> {
        let roster = self.roster(now);
        let has_turn = |known: &Known| {
            let shifts = known.schedule.shifts(now, now.plus(GAPS_AHEAD_SECONDS));
            shifts.iter().any(|shift| shift.duty.person.as_deref() == Some(person))
        };
        roster.schedules.iter().filter(|(_, known)| has_turn(known)).map(|(name, _)| name.clone()).collect()
    }

    /// Of one that can be removed: of what stands in a file nobody asks.
    pub fn who_needs_schedule(&self, name: &str, now: Timestamp) -> Vec<String> {
        let roster = self.roster(now);
        let is_made =
            roster.schedules.get(name).is_some_and(|known| matches!(known.origin, Origin::Made { .. }));
        if is_made { by_policies(&roster, &Target::Schedule(name.into())) } else { Vec::new() }
    }

    pub fn who_needs_policy(&self, name: &str, now: Timestamp) -> Vec<String> {
        let roster = self.roster(now);
        let is_made =
            roster.policies.get(name).is_some_and(|known| matches!(known.origin, Origin::Made { .. }));
        if !is_made {
            return Vec::new();
        }
        let inner = self.inner.lock();
        let book = inner.incidents.book();
        let is_it = |policy: Option<&str>| policy == Some(name);
        let watched = book.subjects.iter().filter(|(_, one)| is_it(one.escalation_policy.as_deref()));
        let teams = book.owning.iter().filter(|one| is_it(one.policy.as_deref()));
        let mut all: Vec<String> = watched.map(|(key, _)| watched_name(key)).collect();
        all.extend(teams.map(|one| format!("team `{}`", one.team)));
        if is_it(book.config.escalation_policy.as_deref()) {
            all.push("[incidents] escalation_policy".to_owned());
        }
        all.sort();
        all
    }

    pub fn who_needs_person(&self, name: &str, now: Timestamp) -> Vec<String> {
        let turns = self.turns_of(name, now);
        let roster = self.roster(now);
        let mut all: Vec<String> = turns.iter().map(|schedule| format!("schedule `{schedule}`")).collect();
        all.extend(by_policies(&roster, &Target::Person(name.into())));
        let inner = self.inner.lock();
        let book = inner.incidents.book();
        let watched = book.subjects.iter().filter(|(_, one)| one.contacts.iter().any(|told| **told == *name));
        let mut watched: Vec<String> = watched.map(|(key, _)| watched_name(key)).collect();
        watched.sort();
        all.extend(watched);
        if book.config.contacts.iter().any(|told| told == name) {
            all.push("[incidents] contacts (told of what names nobody)".to_owned());
        }
        all
    }

    /// Of one that can be removed, too: who calls it, and what is called for by its policy.
    pub fn who_needs_team(&self, name: &str, now: Timestamp) -> Vec<String> {
        let roster = self.roster(now);
        let mut all = by_policies(&roster, &Target::Team(name.into()));
        let inner = self.inner.lock();
        let book = inner.incidents.book();
        let Some(team) = book.owning.iter().find(|one| *one.team == *name && one.policy.is_some()) else {
            return all;
        };
        let owned = book.subjects.iter().filter(|(_, one)| one.owner.as_deref() == Some(name));
        let mut owned: Vec<String> = owned.map(|(key, _)| watched_name(key)).collect();
        owned.sort();
        all.extend(owned);
        all.extend(team.prefixes.iter().map(|prefix| format!("what begins with `{prefix}`")));
        all.extend(team.projects.iter().map(|project| format!("the errors of `{project}`")));
        all
    }
}

fn watched_name((host, name): &(bool, Arc<str>)) -> String {
    if *host { format!("host `{name}`") } else { format!("`{name}`") }
}

fn by_policies(roster: &Roster, wanted: &Target) -> Vec<String> {
    let names =
        |steps: &[StepConfig]| steps.iter().flat_map(StepConfig::targets).any(|target| target == *wanted);
    let policies = roster.policies.iter().filter(|(_, known)| names(&known.config.step));
    policies.map(|(name, _)| format!("policy `{name}`")).collect()
}
