//! Whom incidents of the past would have told: by whom they tell now, the shifts of then, and how long people took. The proof
//! and whoever tries one rule ask the same.

use std::sync::Arc;

use incidents::incident::Key;
use incidents::oncall::{Past as CalledPast, Scene};
use monitors::Definitions;
use monitors::config::MonitorConfig;
use monitors::kinds::metric::Look;
use monitors::proof::{Bad, Calls, Telling};
use monitors::replay::{Past, Replayed};
use vocabulary::Timestamp;

use super::answered::Answered;
use super::reasons::Reasons;
use crate::answer::{Answer, Problem};
use crate::services::Services;

const DAY: i64 = 86_400;

pub struct Pager<'s> {
    services: &'s Services,
    scene: Scene,
    answered: Answered,
    contacts: Vec<String>,
    page_warnings: bool,
}

impl<'s> Pager<'s> {
    pub fn of(
        services: &'s Services,
        definitions: &Definitions,
        from: Timestamp,
        until: Timestamp,
    ) -> Answer<Pager<'s>> {
        let reasons = Reasons::of(definitions);
        // Of what opened shortly before, too.
        let record = services.desk.what_happened(from.minus(DAY).0, until.0 + 1)?;
        let (contacts, page_warnings) = services.desk.by_default();
        Ok(Pager {
            scene: services.desk.scene(services.clock.now()),
            answered: Answered::of(&record.cases, |reason| reasons.rule(reason)),
            services,
            contacts,
            page_warnings,
        })
    }

    pub fn page_warnings(&self) -> bool {
        self.page_warnings
    }

    pub fn with<T>(&self, ask: impl FnOnce(Telling<'_>) -> T) -> T {
        let pages =
            |host: bool, name: &str, instance: &str| self.services.desk.environment(host, name, instance).1;
        let called = |bad: &Bad<'_>| self.called(bad);
        let contacts = self.contacts.clone();
        ask(Telling { contacts, page_warnings: self.page_warnings, pages: &pages, called: &called })
    }

    /// A rule over the past, whether it is defined so, otherwise, or not at all.
    pub fn tried(
        &mut self,
        rule: &MonitorConfig,
        definitions: &Definitions,
        look: &Look<'_>,
        past: &Past,
    ) -> Result<Replayed, String> {
        let names = rule.contacts.iter().flatten().map(|name| Arc::from(name.as_str()));
        self.scene.watch(&rule.name, names.collect(), rule.escalation_policy.as_deref());
        self.with(|telling| telling.tried(rule, definitions, look, past))
    }

    fn called(&self, bad: &Bad<'_>) -> Option<Calls> {
        let key = Key { host: bad.host, monitor: bad.name.into(), instance: bad.instance.into() };
        let (at, until) = (Timestamp(bad.at), Timestamp(self.answered.until(bad)));
        let past = CalledPast { key, state: bad.state, at, until, before: bad.before };
        let calls = self.scene.called(&past)?;
        let made = calls.made.into_iter().map(|(at, contact)| (at.0, contact.to_string())).collect();
        Some(Calls { made, goes_on: calls.goes_on })
    }
}

/// One rule over the past.
pub fn tried(
    services: &Services,
    rule: &MonitorConfig,
    definitions: &Definitions,
    look: &Look<'_>,
    past: &Past,
) -> Answer<Replayed> {
    let mut pager = Pager::of(services, definitions, past.from, past.until)?;
    pager.tried(rule, definitions, look, past).map_err(Problem::bad_request)
}
