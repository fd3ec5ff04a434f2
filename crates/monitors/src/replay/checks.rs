//! Checks and hosts over their past: imported archives, then the results that were kept here. What would have been
//! told, and beside it what was.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::tz::TimeZone;
use serde::Serialize;
use state_store::{StateError, StateStore};
use vocabulary::Timestamp;
use vocabulary::state::{InstanceId, NoticeKind, State};

use super::doubt::Doubt;
use super::metric::Replayed;
use super::past::{Rerun, Told};
use super::story::Story;
use crate::config::Definitions;
use crate::limits::{MAX_FIRINGS, MAX_LISTED, MAX_REPLAYED_EVENTS};
use crate::look::instance_id;
use crate::machine::ObjectName;
use crate::monitors::Monitors;
use crate::past::{self, PastEvent, PastWhat};

/// Nothing was known of it for so long that something may have happened.
const GAP_SECONDS: i64 = 3_600;

/// Why nothing came of it.
pub const ENDED: &str = "it was ended before all rules were replayed: ask for a shorter time";

/// One notice, sent or not.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Page {
    pub at: i64,
    /// A check's name, or `host:` and a host's.
    pub name: String,
    pub kind: NoticeKind,
    pub state: State,
    pub contact: String,
}

/// What was really told in the window, and what these rules would tell: the same minute, object, kind, state, contact.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Beside {
    pub sent: u64,
    pub same: u64,
    pub missed: Vec<Page>,
    pub more: Vec<Page>,
    pub missed_left_out: u64,
    pub more_left_out: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ReplayedChecks {
    #[serde(flatten)]
    pub replay: Replayed,
    pub notices: Vec<Page>,
    pub notices_left_out: u64,
    pub beside: Beside,
    /// All that would be told, and all that was: for whoever counts.
    #[serde(skip)]
    pub would: Vec<Page>,
    #[serde(skip)]
    pub sent: Vec<Page>,
}

/// What is asked: these objects, by these definitions, in this window.
pub struct Question<'q> {
    pub definitions: &'q Definitions,
    pub names: &'q BTreeSet<ObjectName>,
    pub from: Timestamp,
    pub until: Timestamp,
}

/// For whoever reads it: with as many firings as an answer holds. `store` holds the archives, `monitors` what was kept
/// here. Nothing comes of it once `go_on` says no.
pub fn replay(
    question: &Question<'_>,
    store: &StateStore,
    monitors: &Monitors,
    zone: &TimeZone,
    go_on: &dyn Fn() -> bool,
) -> Result<ReplayedChecks, String> {
    let mut answer = whole(question, store, monitors, zone, go_on)?;
    answer.replay.cut();
    Ok(answer)
}

/// For whoever counts: with all firings. Nothing comes of it once `go_on` says no.
pub fn whole(
    question: &Question<'_>,
    store: &StateStore,
    monitors: &Monitors,
    zone: &TimeZone,
    go_on: &dyn Fn() -> bool,
) -> Result<ReplayedChecks, String> {
    let around = around(question.definitions, question.names);
    let part = part_of(question.definitions, &around);
    let mut rerun = Rerun::new(&part, zone.clone())
        .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))?;
    let failed = |error: StateError| error.to_string();
    let mut gathering =
        Gathering { question, around: &around, sent: Vec::new(), archive: None, kept_from: None };
    let whole = past::each(store, question.until.0, MAX_REPLAYED_EVENTS, |event| {
        gathering.event(&mut rerun, event);
        go_on()
    })
    .map_err(failed)?;
    gathering.own(&mut rerun, store, monitors, go_on).map_err(failed)?;
    let doubts = gathering.doubts(&rerun, whole);
    let Gathering { mut sent, archive, kept_from, .. } = gathering;
    let told = rerun.finish(question.names, question.until, go_on);
    if !go_on() {
        return Err(ENDED.to_owned());
    }
    let mut answer = answer(question, &told);
    answer.replay.doubts = doubts;
    answer.replay.known_from = archive.map(|(first, _)| first).into_iter().chain(kept_from).min();
    sort(&mut sent);
    let would: Vec<Page> = pages(question, &told);
    answer.beside = beside(&sent, &would);
    answer.notices_left_out = would.len().saturating_sub(MAX_FIRINGS) as u64;
    answer.notices = would.iter().take(MAX_FIRINGS).cloned().collect();
    (answer.would, answer.sent) = (would, sent);
    Ok(answer)
}

impl ReplayedChecks {
    /// One line of plain words.
    pub fn sentence(&self) -> String {
        let Beside { sent, same, missed, more, missed_left_out, more_left_out } = &self.beside;
        let own = self.replay.sentence();
        if *sent == 0 {
            return own;
        }
        let share = *same as f64 * 100.0 / *sent as f64;
        format!(
            "{own} Of {sent} notices that were sent these rules send {share:.1} % in the same minute to the same contact; \
             {} they do not send, {} they send besides.",
            missed.len() as u64 + missed_left_out,
            more.len() as u64 + more_left_out
        )
    }
}

struct Gathering<'g> {
    question: &'g Question<'g>,
    around: &'g BTreeSet<ObjectName>,
    sent: Vec<Page>,
    /// The first and the last moment that is known of them out of archives.
    archive: Option<(i64, i64)>,
    kept_from: Option<i64>,
}

impl Gathering<'_> {
    fn event(&mut self, rerun: &mut Rerun, event: PastEvent) {
        let name = match event.object.as_str() {
            "host" => Some(ObjectName::Host(event.name.clone())),
            "check" => Some(ObjectName::Check(event.name.clone())),
            _ => None,
        };
        if name.as_ref().is_some_and(|name| !self.around.contains(name)) {
            return;
        }
        let (first, _) = *self.archive.get_or_insert((event.at, event.at));
        self.archive = Some((first, event.at));
        if let (Some(name), PastWhat::Notice { notice, state, contact, .. }) = (&name, &event.what) {
            self.sent(name, event.at, *notice, *state, contact);
        }
        rerun.event(event);
    }

    fn sent(&mut self, name: &ObjectName, at: i64, kind: NoticeKind, state: State, contact: &str) {
        if self.question.names.contains(name) && at >= self.question.from.0 && at <= self.question.until.0 {
            let name = instance_id(name).monitor.to_string();
            self.sent.push(Page { at, name, kind, state, contact: contact.to_owned() });
        }
    }

    /// Results, notices and planned times that were kept here.
    fn own(
        &mut self,
        rerun: &mut Rerun,
        store: &StateStore,
        monitors: &Monitors,
        go_on: &dyn Fn() -> bool,
    ) -> Result<(), StateError> {
        let until = self.question.until.0;
        let planned = crate::planned::between(store, 0, until)?;
        for name in self.around.iter().take_while(|_| go_on()) {
            // An object that is asked about but only now defined has none.
            let Ok((runs, _)) = monitors.history(name, 0, until, Some(MAX_LISTED)) else { continue };
            if let Some(first) = runs.first() {
                self.kept_from = Some(self.kept_from.map_or(first.began, |kept| kept.min(first.began)));
                rerun.kept(name, &runs);
            }
            for (began, ended) in planned.get(name).into_iter().flatten() {
                rerun.planned(name, *began, *ended);
            }
            for notice in monitors.notices(&crate::look::Told::Of(name.clone()), None).unwrap_or_default() {
                if notice.kind == NoticeKind::Acknowledgement {
                    rerun.acknowledged(name, notice.at, notice.author.clone(), notice.comment.clone());
                }
                self.sent(name, notice.at, notice.kind, notice.state, &notice.recipient);
            }
        }
        Ok(())
    }

    fn doubts(&self, rerun: &Rerun, whole: bool) -> Vec<Doubt> {
        let (from, until) = (self.question.from.0, self.question.until.0);
        let mut doubts = Vec::new();
        let mut doubt = |from: i64, until: i64, cannot_tell: bool, reason: &str| {
            if from < until {
                doubts.push(Doubt { from, until, step: 0, cannot_tell, reason: reason.to_owned() });
            }
        };
        let first = self.archive.map(|(first, _)| first).into_iter().chain(self.kept_from).min();
        doubt(from, first.unwrap_or(until).min(until), true, "cannot tell: nothing is known of that time");
        if let Some((first, last)) = self.archive {
            let (first, end) = (first.max(from), last.min(self.kept_from.unwrap_or(last)));
            doubt(
                first,
                end,
                false,
                "out of archives, which hold changes: results that said the same are put in as often as the check runs",
            );
            let (tries, commands) = rerun.knows();
            if !tries {
                doubt(
                    first,
                    end,
                    false,
                    "the archives hold no SOFT tries (log_service_retries, log_host_retries): they are put in at the retry interval",
                );
            }
            if !commands {
                doubt(
                    first,
                    end,
                    false,
                    "the archives hold no commands (log_external_commands): of acknowledgements and downtimes only what was told is known",
                );
            }
            let next = self.kept_from.unwrap_or(until);
            if next - last > GAP_SECONDS {
                doubt(
                    last.max(from),
                    next.min(until),
                    true,
                    "cannot tell: nothing is known between the archives' end and the first result here",
                );
            }
        }
        if self.kept_from.is_some() {
            doubt(
                self.kept_from.unwrap_or(until).max(from),
                until,
                false,
                "acknowledgements of that time are known where somebody was told of them",
            );
        }
        if !whole {
            doubt(
                from,
                until,
                true,
                "cannot tell: the archives hold more events than are looked at at once: ask for fewer checks or a shorter time",
            );
        }
        doubts
    }
}

/// These in the place of those of the same name. What stands about one check or host alone (escalations, what it depends
/// on) is replaced together.
pub fn changed(all: &Definitions, by: Definitions) -> Definitions {
    fn replace<T>(all: &mut Vec<T>, by: Vec<T>, key: impl Fn(&T) -> Option<String>) {
        let named: BTreeSet<Option<String>> = by.iter().map(&key).collect();
        all.retain(|one| !named.contains(&key(one)));
        all.extend(by);
    }
    let mut new = all.clone();
    replace(&mut new.checks, by.checks, |one| Some(one.name.clone()));
    replace(&mut new.hosts, by.hosts, |one| Some(one.name.clone()));
    replace(&mut new.contacts, by.contacts, |one| Some(one.name.clone()));
    replace(&mut new.time_periods, by.time_periods, |one| Some(one.name.clone()));
    replace(&mut new.escalations, by.escalations, |one| one.check.clone().or_else(|| one.host.clone()));
    replace(&mut new.dependencies, by.dependencies, |one| {
        one.dependent_check.clone().or_else(|| one.dependent_host.clone())
    });
    new
}

/// A check, else a host, by its name; `*` in it stands for any text, of checks and of hosts.
pub fn named(all: &Definitions, name: &str) -> BTreeSet<ObjectName> {
    if all.checks.iter().any(|check| check.name == name) {
        return BTreeSet::from([ObjectName::Check(name.to_owned())]);
    }
    if all.hosts.iter().any(|host| host.name == name) {
        return BTreeSet::from([ObjectName::Host(name.to_owned())]);
    }
    if !name.contains('*') {
        return BTreeSet::new();
    }
    let parts: Vec<&str> = name.split('*').collect();
    let checks = all.checks.iter().filter(|check| fits(&parts, &check.name));
    let hosts = all.hosts.iter().filter(|host| fits(&parts, &host.name));
    checks
        .map(|check| ObjectName::Check(check.name.clone()))
        .chain(hosts.map(|host| ObjectName::Host(host.name.clone())))
        .collect()
}

/// The parts between the stars, in order.
fn fits(parts: &[&str], name: &str) -> bool {
    let [first, middle @ .., last] = parts else { return false };
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    for part in middle {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// The objects, and all whose states have a say in who is told of them: hosts, their parents and checks, masters.
fn around(all: &Definitions, names: &BTreeSet<ObjectName>) -> BTreeSet<ObjectName> {
    let mut neighbours: HashMap<ObjectName, Vec<ObjectName>> = HashMap::new();
    let mut link = |of: ObjectName, other: ObjectName| neighbours.entry(of).or_default().push(other);
    for check in &all.checks {
        let (own, host) = (ObjectName::Check(check.name.clone()), ObjectName::Host(check.host.clone()));
        link(own.clone(), host.clone());
        // Results of a host's checks count in its flapping, and tell of it again.
        link(host, own);
    }
    for host in &all.hosts {
        for parent in &host.parents {
            link(ObjectName::Host(host.name.clone()), ObjectName::Host(parent.clone()));
        }
    }
    for one in &all.dependencies {
        if let (Some(check), Some(dependent)) = (&one.check, &one.dependent_check) {
            link(ObjectName::Check(dependent.clone()), ObjectName::Check(check.clone()));
        }
        if let (Some(host), Some(dependent)) = (&one.host, &one.dependent_host) {
            link(ObjectName::Host(dependent.clone()), ObjectName::Host(host.clone()));
        }
    }
    let mut found = names.clone();
    let mut open: Vec<ObjectName> = names.iter().cloned().collect();
    while let Some(name) = open.pop() {
        for other in neighbours.get(&name).into_iter().flatten() {
            if found.insert(other.clone()) {
                open.push(other.clone());
            }
        }
    }
    found
}

fn part_of(all: &Definitions, names: &BTreeSet<ObjectName>) -> Definitions {
    let has_check = |name: &Option<String>| {
        name.as_ref().is_some_and(|name| names.contains(&ObjectName::Check(name.clone())))
    };
    let has_host = |name: &Option<String>| {
        name.as_ref().is_some_and(|name| names.contains(&ObjectName::Host(name.clone())))
    };
    let mut part = Definitions {
        contacts: all.contacts.clone(),
        time_periods: all.time_periods.clone(),
        hosts: all.hosts.clone(),
        checks: all.checks.clone(),
        escalations: all.escalations.clone(),
        dependencies: all.dependencies.clone(),
        ..Definitions::default()
    };
    part.checks.retain(|check| names.contains(&ObjectName::Check(check.name.clone())));
    part.hosts.retain(|host| names.contains(&ObjectName::Host(host.name.clone())));
    part.escalations.retain(|one| has_check(&one.check) || has_host(&one.host));
    part.dependencies.retain(|one| has_check(&one.dependent_check) || has_host(&one.dependent_host));
    // A rule in shadow tells nobody, but what it would tell is the question.
    part.checks.iter_mut().for_each(|check| check.shadow = false);
    part
}

fn pages(question: &Question<'_>, told: &Told) -> Vec<Page> {
    let wanted: BTreeSet<InstanceId> = question.names.iter().map(instance_id).collect();
    let inside =
        told.notices.iter().filter(|notice| notice.at >= question.from && wanted.contains(&notice.id));
    let mut pages: Vec<Page> = inside
        .map(|notice| Page {
            at: notice.at.0,
            name: notice.id.monitor.to_string(),
            kind: notice.kind,
            state: notice.state,
            contact: notice.contact.to_string(),
        })
        .collect();
    sort(&mut pages);
    pages
}

fn sort(pages: &mut [Page]) {
    pages.sort_by(|one, other| {
        (one.at, &one.name, &one.contact).cmp(&(other.at, &other.name, &other.contact))
    });
}

fn beside(sent: &[Page], would: &[Page]) -> Beside {
    let minute = |page: &Page| Page { at: page.at.div_euclid(60), ..page.clone() };
    let mut counts: HashMap<Page, i64> = HashMap::new();
    would.iter().for_each(|page| *counts.entry(minute(page)).or_default() += 1);
    let mut take = |page: &&Page| match counts.get_mut(&minute(page)) {
        Some(count) if *count > 0 => {
            *count -= 1;
            true
        }
        _ => false,
    };
    let (same, mut missed): (Vec<&Page>, Vec<&Page>) = sent.iter().partition(&mut take);
    // What is left over of each is more than was sent.
    let mut left = |page: &&Page| {
        counts.get_mut(&minute(page)).is_some_and(|count| {
            *count -= 1;
            *count >= 0
        })
    };
    let mut more: Vec<&Page> = would.iter().filter(&mut left).collect();
    let over = |pages: &mut Vec<&Page>| {
        let over = pages.len().saturating_sub(MAX_FIRINGS) as u64;
        pages.truncate(MAX_FIRINGS);
        over
    };
    let (missed_left_out, more_left_out) = (over(&mut missed), over(&mut more));
    Beside {
        sent: sent.len() as u64,
        same: same.len() as u64,
        missed: missed.into_iter().cloned().collect(),
        more: more.into_iter().cloned().collect(),
        missed_left_out,
        more_left_out,
    }
}

fn answer(question: &Question<'_>, told: &Told) -> ReplayedChecks {
    let mut of: BTreeMap<InstanceId, Story> =
        question.names.iter().map(|name| (instance_id(name), Story::default())).collect();
    for change in &told.changes {
        if let Some(story) = of.get_mut(&change.id) {
            story.change(change);
        }
    }
    let mut replay = Replayed {
        from: question.from.0,
        until: question.until.0,
        slots: told.results,
        ..Replayed::default()
    };
    let inside = |at: i64| at >= question.from.0 && at <= question.until.0;
    for notice in
        told.notices.iter().filter(|notice| notice.kind == NoticeKind::Problem && inside(notice.at.0))
    {
        if let Some(story) = of.get_mut(&notice.id) {
            story.told.push(notice.at.0);
            *replay.pages.entry(notice.contact.to_string()).or_default() += 1;
        }
    }
    for (id, story) in of {
        story.finish(&id, question, &mut replay);
    }
    replay.sort();
    ReplayedChecks { replay, ..ReplayedChecks::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_any_text() {
        let check = |pattern: &str, name: &str, wanted: bool| {
            assert_eq!(fits(&pattern.split('*').collect::<Vec<_>>(), name), wanted, "{pattern} {name}");
        };
        check("*", "web1/disk", true);
        check("web*/disk", "web1/disk", true);
        check("web*/disk", "web1/disk 2", false);
        check("*a*a", "a", false);
        check("*a*a", "banana", true);
        check("b*n*n*", "banana", true);
    }
}
