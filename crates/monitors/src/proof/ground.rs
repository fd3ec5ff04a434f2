//! Rules over the past: the pages that would have been sent.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use jiff::tz::TimeZone;
use state_store::StateStore;
use vocabulary::state::{NoticeKind, State};

use super::Sent;
use super::as_sent::AsSent;
use crate::Monitors;
use crate::config::{Definitions, MonitorConfig, MonitorKind};
use crate::kinds::metric::Look;
use crate::machine::ObjectName;
use crate::replay::checks::{self, ReplayedChecks};
use crate::replay::{self, Doubt, Firing, Past, Replayed};

/// Whom incidents tell, and of what.
pub struct Telling<'t> {
    /// Of what names no contacts.
    pub contacts: Vec<String>,
    pub page_warnings: bool,
    /// Does what happens in this instance of this monitor, check or host page at all?
    pub pages: &'t (dyn Fn(bool, &str, &str) -> bool + Sync),
    /// Whom its incident would have told; none: its own rules tell, or nothing is known of it.
    pub called: Called<'t>,
}

pub type Called<'t> = &'t (dyn Fn(&Bad<'_>) -> Option<Calls> + Sync);

#[derive(Clone, Debug, Default)]
pub struct Calls {
    /// When, and whom.
    pub made: Vec<(i64, String)>,
    /// There would have been more than are looked at.
    pub goes_on: bool,
}

impl From<Vec<(i64, String)>> for Calls {
    fn from(made: Vec<(i64, String)>) -> Calls {
        Calls { made, goes_on: false }
    }
}

/// Something that would have gone bad.
#[derive(Clone, Copy, Debug)]
pub struct Bad<'b> {
    pub host: bool,
    pub name: &'b str,
    pub instance: &'b str,
    pub state: State,
    pub at: i64,
    pub over: i64,
    /// How many of the same rule there were before it: what goes round has gone on.
    pub before: u64,
}

/// An incident of a rule that would have been.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The first of it.
    pub instance: String,
    /// When, and whom; somebody without a name where nobody would have got the page.
    pub calls: Calls,
}

impl Telling<'_> {
    /// A rule over the past for whoever reads it: whom the pager would have told, and not what each instance by itself comes to.
    pub fn tried(
        &self,
        rule: &MonitorConfig,
        all: &Definitions,
        look: &Look<'_>,
        past: &Past,
    ) -> Result<Replayed, String> {
        let mut replayed = replay::whole(rule, all, look, past)?;
        let opened = self.incidents(rule, &replayed, &|| look.limits.over().is_none())?;
        let mut firings = std::mem::take(&mut replayed.firings);
        firings.iter_mut().for_each(|firing| firing.told = self.tells_of(rule, firing));
        replayed.firings = firings;
        replayed.told_by(&opened);
        replayed.cut();
        Ok(replayed)
    }

    /// An incident of a monitor is about all of its instances: it pages when the first of them is bad enough, and not again
    /// before all have been good.
    fn incidents(
        &self,
        rule: &MonitorConfig,
        replayed: &Replayed,
        in_time: &dyn Fn() -> bool,
    ) -> Result<Vec<Opened>, String> {
        let told = replayed.firings.iter().filter(|firing| self.tells_of(rule, firing));
        let mut times: Vec<(i64, i64, &Firing)> = told
            .filter_map(|firing| Some((firing.fired?, firing.ended.unwrap_or(replayed.until), firing)))
            .collect();
        times.sort_unstable_by_key(|(from, end, _)| (*from, *end));
        let mut all = Vec::new();
        for (before, (at, over, firing)) in (0..).zip(joined(times)) {
            if !in_time() {
                return Err(checks::ENDED.to_owned());
            }
            let (name, instance) = (&*rule.name, &*firing.instance);
            let bad = Bad { host: false, name, instance, state: firing.state, at, over, before };
            let called = match (self.called)(&bad) {
                Some(called) => called,
                None => at_once(at, self.contacts_of(rule.contacts.as_deref())),
            };
            all.push(Opened { instance: firing.instance.clone(), calls: or_nobody(at, called) });
        }
        Ok(all)
    }

    /// Nothing holds it back, it is bad enough to page, and what happens there pages at all.
    fn tells_of(&self, rule: &MonitorConfig, firing: &Firing) -> bool {
        let severe = firing.state == State::Critical || self.page_warnings;
        firing.told && severe && (self.pages)(false, &rule.name, &firing.instance)
    }

    fn contacts_of(&self, own: Option<&[String]>) -> Vec<String> {
        let named = own.filter(|own| !own.is_empty()).unwrap_or(&self.contacts);
        named.to_vec()
    }
}

/// Where the past is kept.
pub struct Ground<'g> {
    pub look: Look<'g>,
    pub past: Past,
    pub store: &'g StateStore,
    pub monitors: &'g Monitors,
    pub zone: &'g TimeZone,
    pub telling: Telling<'g>,
}

/// What some rules come to.
#[derive(Debug, Default)]
pub struct Outcome {
    pub would: Vec<Sent>,
    /// What was really sent, as far as it is kept beside the rules: of checks and hosts.
    pub sent: Vec<Sent>,
    pub known_from: Option<i64>,
    pub doubts: Vec<(String, Doubt)>,
    /// When each rule was bad, for what follows from what: from, until.
    pub bad: BTreeMap<String, Vec<(i64, i64)>>,
    /// Rules that could not be tried, and why.
    pub untried: Vec<(String, String)>,
    pub as_sent: AsSent,
}

impl Outcome {
    fn page(&mut self, rule: &str, calls: Calls) {
        let page = |(at, contact)| Sent { at, rule: rule.to_owned(), contact };
        self.would.extend(calls.made.into_iter().map(page));
        if calls.goes_on && !self.untried.iter().any(|(name, _)| name == rule) {
            let why = "somebody was called more often than is looked at: its pages are more than is said";
            self.untried.push((rule.to_owned(), why.to_owned()));
        }
    }
}

pub fn monitor_rule(name: &str) -> String {
    format!("monitor:{name}")
}

/// As pages of checks and hosts name them.
fn object_rule(name: &str) -> String {
    match name.strip_prefix("host:") {
        Some(host) => format!("host:{host}"),
        None => format!("check:{name}"),
    }
}

impl Ground<'_> {
    pub fn monitor(&self, rule: &MonitorConfig, all: &Definitions) -> Result<Outcome, String> {
        let replayed = replay::whole(rule, all, &self.look, &self.past)?;
        let name = monitor_rule(&rule.name);
        let mut outcome = Outcome { known_from: replayed.known_from, ..Outcome::default() };
        for opened in self.telling.incidents(rule, &replayed, &|| self.goes_on())? {
            outcome.page(&name, opened.calls);
        }
        outcome.doubts = replayed.doubts.iter().map(|doubt| (name.clone(), doubt.clone())).collect();
        if replayed.instances_left_out > 0 {
            let why = format!(
                "{} series more than are looked at: its pages may be more than is said",
                replayed.instances_left_out
            );
            outcome.untried.push((name, why));
        }
        Ok(outcome)
    }

    fn goes_on(&self) -> bool {
        self.look.limits.over().is_none()
    }

    fn in_time(&self) -> Result<(), String> {
        if self.goes_on() { Ok(()) } else { Err(checks::ENDED.to_owned()) }
    }

    /// Checks and hosts together, as each has a say in whether others are told of.
    pub fn objects(&self, all: &Definitions, names: &BTreeSet<ObjectName>) -> Result<Outcome, String> {
        if names.is_empty() {
            return Ok(Outcome::default());
        }
        let question =
            checks::Question { definitions: all, names, from: self.past.from, until: self.past.until };
        let replayed = checks::whole(&question, self.store, self.monitors, self.zone, &|| self.goes_on())?;
        let problem = |page: &&checks::Page| page.kind == NoticeKind::Problem;
        let sent = |page: &checks::Page| Sent {
            at: page.at,
            rule: object_rule(&page.name),
            contact: page.contact.clone(),
        };
        let mut outcome = Outcome {
            would: replayed.would.iter().filter(problem).map(sent).collect(),
            sent: replayed.sent.iter().filter(problem).map(sent).collect(),
            known_from: replayed.replay.known_from,
            doubts: replayed.replay.doubts.iter().map(|doubt| ("checks".to_owned(), doubt.clone())).collect(),
            ..Outcome::default()
        };
        self.by_incidents(all, &replayed, &mut outcome)?;
        for firing in replayed.replay.firings.iter().filter(|firing| firing.fired.is_some()) {
            let until = firing.ended.unwrap_or(self.past.until.0);
            outcome.bad.entry(object_rule(&firing.instance)).or_default().push((firing.began, until));
        }
        Ok(outcome)
    }

    /// What names no contacts is told by its incident, and a policy calls people for what does.
    fn by_incidents(
        &self,
        all: &Definitions,
        replayed: &ReplayedChecks,
        outcome: &mut Outcome,
    ) -> Result<(), String> {
        let by_themselves = telling_themselves(all);
        let severe =
            |state: State| matches!(state, State::Critical | State::Down) || self.telling.page_warnings;
        let mut seen: BTreeMap<&str, u64> = BTreeMap::new();
        for firing in &replayed.replay.firings {
            self.in_time()?;
            let host = firing.instance.strip_prefix("host:");
            let paging = (self.telling.pages)(host.is_some(), host.unwrap_or(&firing.instance), "");
            let Some(at) =
                firing.fired.filter(|at| severe(firing.state) && paging && *at >= self.past.from.0)
            else {
                continue;
            };
            let name = host.unwrap_or(&firing.instance);
            let before = seen.entry(&firing.instance).or_default();
            let over = firing.ended.unwrap_or(self.past.until.0);
            let host = host.is_some();
            let bad = Bad { host, name, instance: "", state: firing.state, at, over, before: *before };
            *before += 1;
            let rule = object_rule(&firing.instance);
            let called = match ((self.telling.called)(&bad), by_themselves.contains(&rule)) {
                (Some(called), false) => or_nobody(at, called),
                (Some(called), true) => called,
                (None, true) => continue,
                (None, false) => or_nobody(at, at_once(at, self.telling.contacts_of(None))),
            };
            outcome.page(&rule, called);
        }
        Ok(())
    }
}

/// What overlaps is one, of the first that was bad: from, until.
fn joined(times: Vec<(i64, i64, &Firing)>) -> Vec<(i64, i64, &Firing)> {
    let mut all: Vec<(i64, i64, &Firing)> = Vec::new();
    for (at, over, firing) in times {
        match all.last_mut().filter(|last| at <= last.1) {
            Some(last) => last.1 = last.1.max(over),
            None => all.push((at, over, firing)),
        }
    }
    all
}

fn at_once(at: i64, contacts: Vec<String>) -> Calls {
    contacts.into_iter().map(|contact| (at, contact)).collect::<Vec<_>>().into()
}

/// It is a page all the same, and nobody gets it.
fn or_nobody(at: i64, called: Calls) -> Calls {
    if called.made.is_empty() { vec![(at, String::new())].into() } else { called }
}

/// Rules on numbers: heartbeats and rules on errors have no past that another rule could be tried on ([`super::as_sent`]).
pub fn metric_monitors(all: &Definitions) -> impl Iterator<Item = &MonitorConfig> {
    all.monitors.iter().filter(|monitor| monitor.kind == MonitorKind::Metric)
}

/// Checks and hosts with contacts tell these by their own rules, whatever their incidents do.
pub fn telling_themselves(all: &Definitions) -> HashSet<String> {
    let named = |contacts: &Option<Vec<String>>| contacts.as_ref().is_some_and(|names| !names.is_empty());
    let checks = all.checks.iter().filter(|check| named(&check.contacts));
    let hosts = all.hosts.iter().filter(|host| named(&host.contacts));
    let checks = checks.map(|check| format!("check:{}", check.name));
    checks.chain(hosts.map(|host| format!("host:{}", host.name))).collect()
}

pub fn objects_of(all: &Definitions) -> BTreeSet<ObjectName> {
    let checks = all.checks.iter().map(|check| ObjectName::Check(check.name.clone()));
    checks.chain(all.hosts.iter().map(|host| ObjectName::Host(host.name.clone()))).collect()
}
