//! What is done with schedules at the [`Desk`]: definitions change, somebody stands in.

use std::sync::Arc;

use jiff::tz::TimeZone;
use vocabulary::Timestamp;

use super::config::{self, ScheduleConfig};
use super::policy::{PolicyConfig, StepConfig};
use super::roster::{self, Roster};
use super::schedule::{Override, Schedule, Version};
use super::store::{self, Made};
use crate::desk::{Desk, Failed, Inner};
use crate::limits::{MAX_AUTHOR, MAX_MADE, MAX_NOTE, MAX_SHIFTS_SECONDS};
use crate::people::Refusal;

fn bad<T>(why: impl Into<String>) -> Result<T, Failed> {
    Err(Failed::Refused(Refusal::Bad(why.into())))
}

impl Inner {
    /// Definitions or people have changed since the roster was made.
    pub(crate) fn roster_is_old(&mut self) {
        self.roster_is_old = true;
    }

    /// An override that is on the disk.
    pub(super) fn stands_in(&mut self, over: Override) {
        self.oncall.overrides.push(over);
        self.oncall.forget_old_overrides();
        self.build_roster();
    }

    pub(super) fn build_roster(&mut self) {
        let book = self.incidents.book();
        let zone = book.zone.clone().unwrap_or(TimeZone::UTC);
        let mut roster = Roster::new(&book.schedules, &self.oncall, &zone);
        roster.add_policies(&book.policies, &self.oncall);
        roster.warn_of_policies(book);
        for warning in roster.warnings.iter().filter(|it| !self.incidents.roster().warnings.contains(it)) {
            tracing::warn!("{warning}");
        }
        self.incidents.set_roster(Arc::new(roster));
    }
}

impl Desk {
    /// Who is on call when, by what is known now.
    pub fn roster(&self, now: Timestamp) -> Arc<Roster> {
        let mut inner = self.inner.lock();
        self.refresh_roster(&mut inner, now);
        inner.incidents.roster().clone()
    }

    /// A version of what has changed is kept, so that the past stays as it was.
    pub(crate) fn refresh_roster(&self, inner: &mut Inner, now: Timestamp) {
        if !std::mem::take(&mut inner.roster_is_old) {
            return;
        }
        let book = inner.incidents.book();
        let is_known = |name: &str| book.contacts.contains_key(name);
        let news = roster::news(&book.schedules, &inner.oncall, is_known, now);
        if !news.is_empty() {
            let saved = self.store.transaction(|tx| store::save_news(tx, &news));
            if let Err(error) = saved {
                tracing::warn!(%error, "a version of a schedule could not be kept; it is tried again");
                inner.roster_is_old = true;
            }
            inner.oncall.take(news);
        }
        inner.build_roster();
    }

    /// Made by the API, or changed. What stands in a file is changed there.
    pub fn put_schedule(&self, config: ScheduleConfig, by: &str, now: Timestamp) -> Result<(), Failed> {
        check_author(by)?;
        let mut inner = self.inner.lock();
        // Before what is wrong with it: nobody mends here what stands in a file.
        refuse_file(&inner, &config.name)?;
        refuse_wrong_schedule(&config)?;
        let others = inner.oncall.made.iter().filter(|made| made.config.name != config.name).count();
        if others >= MAX_MADE {
            return bad(format!("there are {MAX_MADE} schedules already: remove one first"));
        }
        refuse_unknown_people(&inner, &config)?;
        let made = Made { config, by: by.to_owned(), at: now.0 };
        self.store.transaction(|tx| store::save_made(tx, "schedule", &made.config.name, &made))?;
        inner.oncall.made.retain(|other| other.config.name != made.config.name);
        inner.oncall.made.push(made);
        inner.roster_is_old();
        self.refresh_roster(&mut inner, now);
        Ok(())
    }

    /// Who would be on call if it were defined so: overrides and leave lie on top of it as they do now.
    pub fn would_be(&self, config: &ScheduleConfig, now: Timestamp) -> Result<Schedule, Failed> {
        refuse_wrong_schedule(config)?;
        let mut inner = self.inner.lock();
        self.refresh_roster(&mut inner, now);
        refuse_unknown_people(&inner, config)?;
        let usual = inner.incidents.book().zone.clone().unwrap_or(TimeZone::UTC);
        let version = Version::new(now, config, &usual).or_else(bad)?;
        let on_top = inner.oncall.overrides.iter().filter(|over| *over.schedule == *config.name);
        Ok(Schedule {
            versions: vec![version],
            overrides: on_top.cloned().collect(),
            gone: inner.incidents.roster().gone.clone(),
            away: inner.oncall.calendars.away.clone(),
        })
    }

    /// Its past stays.
    pub fn remove_schedule(&self, name: &str, now: Timestamp) -> Result<(), Failed> {
        let mut inner = self.inner.lock();
        refuse_file(&inner, name)?;
        if !inner.oncall.made.iter().any(|made| made.config.name == name) {
            return Err(Failed::Refused(Refusal::Unknown));
        }
        self.store.transaction(|tx| store::remove_made(tx, "schedule", name))?;
        inner.oncall.made.retain(|made| made.config.name != name);
        inner.roster_is_old();
        self.refresh_roster(&mut inner, now);
        Ok(())
    }

    /// Made by the API, or changed. What stands in a file is changed there.
    pub fn put_policy(&self, config: PolicyConfig, by: &str, now: Timestamp) -> Result<(), Failed> {
        check_author(by)?;
        let problems = config.problems().into_iter();
        refuse_wrong(problems.map(|(key, why)| format!("{}: {why}", config::place_of(&key, |_| None))))?;
        let mut inner = self.inner.lock();
        self.refresh_roster(&mut inner, now);
        refuse_policy_of_file(&inner, &config.name)?;
        check_names(&inner, &config, now)?;
        if inner.oncall.policies.iter().filter(|made| made.config.name != config.name).count() >= MAX_MADE {
            return bad(format!("there are {MAX_MADE} policies already: remove one first"));
        }
        let made = Made { config, by: by.to_owned(), at: now.0 };
        self.store.transaction(|tx| store::save_made(tx, "policy", &made.config.name, &made))?;
        inner.oncall.policies.retain(|other| other.config.name != made.config.name);
        inner.oncall.policies.push(made);
        inner.build_roster();
        Ok(())
    }

    /// Incidents that go by it go to those who are told of what names nobody.
    pub fn remove_policy(&self, name: &str) -> Result<(), Failed> {
        let mut inner = self.inner.lock();
        refuse_policy_of_file(&inner, name)?;
        if !inner.oncall.policies.iter().any(|made| made.config.name == name) {
            return Err(Failed::Refused(Refusal::Unknown));
        }
        self.store.transaction(|tx| store::remove_made(tx, "policy", name))?;
        inner.oncall.policies.retain(|made| made.config.name != name);
        inner.build_roster();
        Ok(())
    }

    /// Somebody stands in. Returns the override with its number.
    pub fn stand_in(&self, mut over: Override) -> Result<Override, Failed> {
        check_author(&over.by)?;
        let mut inner = self.inner.lock();
        self.refresh_roster(&mut inner, over.at);
        check_override(&inner, &over)?;
        over.id = self.store.transaction(|tx| store::save_override(tx, &over))?;
        inner.stands_in(over.clone());
        Ok(over)
    }

    /// From now on it is as if there were none; what was stays.
    pub fn end_override(&self, id: i64, now: Timestamp) -> Result<(), Failed> {
        let mut inner = self.inner.lock();
        if !inner.oncall.overrides.iter().any(|over| over.id == id && over.until > now) {
            return Err(Failed::Refused(Refusal::Unknown));
        }
        self.store.transaction(|tx| store::end_override(tx, id, now))?;
        inner.oncall.overrides.retain(|over| over.id != id || over.start < now);
        if let Some(over) = inner.oncall.overrides.iter_mut().find(|over| over.id == id) {
            over.until = now;
        }
        inner.build_roster();
        Ok(())
    }

    /// Those that end after this.
    pub fn overrides(&self, after: Timestamp) -> Vec<Override> {
        let inner = self.inner.lock();
        inner.oncall.overrides.iter().filter(|over| over.until > after).cloned().collect()
    }
}

/// All that is wrong at once: who mends it one by one has to send it as often.
fn refuse_wrong(problems: impl Iterator<Item = String>) -> Result<(), Failed> {
    let problems: Vec<String> = problems.collect();
    match problems.is_empty() {
        true => Ok(()),
        false => bad(problems.join("; ")),
    }
}

pub(super) fn check_author(by: &str) -> Result<(), Failed> {
    match by.len() > MAX_AUTHOR {
        true => bad(format!("`author` is longer than {MAX_AUTHOR} bytes")),
        false => Ok(()),
    }
}

/// Of an address that is a secret: what is made here is kept and shown as it is.
const IN_FILES: &str = "turns that stand in a calendar are for schedules of files, since its address is a secret: write the schedule there";

fn refuse_wrong_schedule(config: &ScheduleConfig) -> Result<(), Failed> {
    let calendars =
        config.with_calendars().map(|(index, _)| (format!("layer.{index}.calendar"), IN_FILES.to_owned()));
    let problems = config.problems().into_iter().chain(calendars);
    refuse_wrong(problems.map(|(key, why)| format!("{}: {why}", config.place_of(&key))))
}

fn refuse_unknown_people(inner: &Inner, config: &ScheduleConfig) -> Result<(), Failed> {
    let known = &inner.incidents.book().contacts;
    let people = config.layer.iter().enumerate().flat_map(|(index, layer)| {
        layer.people.iter().enumerate().map(move |(place, name)| (index, place, name))
    });
    let unknown = people.filter(|(_, _, name)| !known.contains_key(name.as_str()));
    refuse_wrong(unknown.map(|(index, place, name)| {
        let place = config.place_of(&format!("layer.{index}.people.{place}"));
        format!("{place}: there is no contact `{name}`: define it as a [[contact]], or invite the person")
    }))
}

fn refuse_file(inner: &Inner, name: &str) -> Result<(), Failed> {
    let mut in_files = inner.incidents.book().schedules.iter();
    match in_files.find(|(config, _)| config.name == name) {
        Some(_) => Err(Failed::Refused(Refusal::No("the schedule stands in a file: change it there"))),
        None => Ok(()),
    }
}

fn refuse_policy_of_file(inner: &Inner, name: &str) -> Result<(), Failed> {
    let mut in_files = inner.incidents.book().policies.iter();
    match in_files.find(|(config, _)| config.name == name) {
        Some(_) => Err(Failed::Refused(Refusal::No("the policy stands in a file: change it there"))),
        None => Ok(()),
    }
}

/// Whom and what a policy names is there.
fn check_names(inner: &Inner, config: &PolicyConfig, now: Timestamp) -> Result<(), Failed> {
    let (book, schedules) = (inner.incidents.book(), &inner.incidents.roster().schedules);
    let unknown = config.unknown(
        |name| schedules.contains_key(name),
        |name| book.has_channel(name),
        |name| book.is_in_period(name, now).is_some(),
    );
    let targets = config.step.iter().flat_map(StepConfig::targets);
    let nobody = targets.filter(|target| !target.is_channel() && !book.knows(target));
    let nobody =
        nobody.map(|target| ("step".to_owned(), format!("there is no contact or team of the name {target}")));
    match unknown.into_iter().chain(nobody).next() {
        Some((key, why)) => bad(format!("{key}: {why}")),
        None => Ok(()),
    }
}

pub(super) fn check_override(inner: &Inner, over: &Override) -> Result<(), Failed> {
    if !inner.incidents.roster().schedules.contains_key(&over.schedule) {
        return bad(format!("there is no schedule `{}`: GET /api/v1/schedules lists them", over.schedule));
    }
    let known = &inner.incidents.book().contacts;
    let named = [Some(&over.person), over.in_place_of.as_ref()];
    if let Some(name) = named.into_iter().flatten().find(|name| !known.contains_key(*name)) {
        return bad(format!(
            "there is no contact `{name}`: define it as a [[contact]], or invite the person"
        ));
    }
    if over.until <= over.start {
        return bad("it ends before it begins: `until` lies behind `start`");
    }
    if over.until <= over.at {
        return bad("it is over already: `until` lies in the future");
    }
    if over.until.since(over.at) > MAX_SHIFTS_SECONDS {
        let days = MAX_SHIFTS_SECONDS / 86_400;
        return bad(format!("it ends in more than {days} days: change the schedule for what lasts longer"));
    }
    if over.note.len() > MAX_NOTE {
        return bad(format!("`note` is longer than {MAX_NOTE} bytes"));
    }
    Ok(())
}
