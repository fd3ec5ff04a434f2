//! Which schedules answer for what somebody sees: those that are named by the policies by which it goes.

use std::collections::BTreeMap;
use std::sync::Arc;

use vocabulary::Timestamp;
use vocabulary::ports::Scope;

use super::policy::{PolicyConfig, StepConfig, Target};
use super::roster::Roster;
use crate::book::Book;
use crate::desk::Desk;
use crate::incident::Key;

/// For whose sake somebody of a schedule is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answering {
    /// For nothing but what they see.
    ToThem,
    /// For what others see, too.
    ToOthersToo,
}

impl Desk {
    /// Those that answer for what is in this scope by its own name; others are left out.
    pub fn answering(&self, scope: &Scope, now: Timestamp) -> BTreeMap<Arc<str>, Answering> {
        let mut inner = self.inner.lock();
        self.refresh_roster(&mut inner, now);
        answering(inner.incidents.book(), inner.incidents.roster(), scope)
    }
}

impl Roster {
    /// By which policy this goes, if by one that is defined.
    fn policy_of(&self, key: &Key, book: &Book) -> Option<&Arc<PolicyConfig>> {
        let mut routes = book.routes(key).into_iter();
        routes.find_map(|route| self.policies.get(&route.policy)).map(|known| &known.config)
    }

    fn schedules_of(&self, policy: &PolicyConfig) -> Vec<Arc<str>> {
        let schedule = |target| match target {
            Target::Schedule(name) => Some(name),
            _ => None,
        };
        let named = policy.step.iter().flat_map(StepConfig::targets).filter_map(schedule);
        named.filter(|name| self.schedules.contains_key(name)).collect()
    }
}

fn answering(book: &Book, roster: &Roster, scope: &Scope) -> BTreeMap<Arc<str>, Answering> {
    if scope.is_everything() {
        return roster.schedules.keys().map(|name| (name.clone(), Answering::ToThem)).collect();
    }
    let (mut to_them, mut to_others) = (BTreeMap::new(), BTreeMap::new());
    let subjects = book.subjects.keys().map(|(host, name)| (scope.sees(name), *host, name.clone()));
    // What nothing is written of, such as what people declare, is everybody's.
    for (is_theirs, host, monitor) in subjects.chain([(false, false, "".into())]) {
        let key = Key { host, monitor, instance: "".into() };
        let Some(policy) = roster.policy_of(&key, book) else { continue };
        let side = if is_theirs { &mut to_them } else { &mut to_others };
        side.entry(policy.name.as_str()).or_insert(policy);
    }
    let others: Vec<Arc<str>> = to_others.values().flat_map(|policy| roster.schedules_of(policy)).collect();
    let theirs = to_them.values().flat_map(|policy| roster.schedules_of(policy));
    let with_whom = |name: Arc<str>| match others.contains(&name) {
        true => (name, Answering::ToOthersToo),
        false => (name, Answering::ToThem),
    };
    theirs.map(with_whom).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::Subject;
    use crate::oncall::ScheduleConfig;
    use crate::oncall::roster::{Known, KnownPolicy, Origin};
    use crate::oncall::schedule::Schedule;

    fn policy(name: &str, notify: &[&str]) -> (Arc<str>, KnownPolicy) {
        let step = StepConfig {
            notify: notify.iter().map(|target| (*target).to_owned()).collect(),
            ..StepConfig::default()
        };
        let config = PolicyConfig { name: name.into(), step: vec![step], ..PolicyConfig::default() };
        (name.into(), KnownPolicy { config: Arc::new(config), origin: Origin::File("a.toml:1".into()) })
    }

    fn schedule(name: &str) -> (Arc<str>, Known) {
        let config = ScheduleConfig { name: name.into(), ..ScheduleConfig::default() };
        let origin = Origin::File("a.toml:1".into());
        (name.into(), Known { config, origin, schedule: Schedule::default() })
    }

    fn subject(name: &str, policy: Option<&str>) -> ((bool, Arc<str>), Subject) {
        let subject = Subject { escalation_policy: policy.map(Arc::from), ..Subject::default() };
        ((false, name.into()), subject)
    }

    #[test]
    fn a_schedule_is_seen_by_those_for_whose_it_answers() {
        let roster = Roster {
            schedules: ["shop", "mail", "both", "rest", "idle"].map(schedule).into(),
            policies: [
                policy("shop", &["schedule:shop", "ana", "schedule:both", "schedule:gone"]),
                policy("mail", &["schedule:mail", "schedule:both"]),
                policy("rest", &["schedule:rest"]),
                policy("idle", &["schedule:idle"]),
            ]
            .into(),
            ..Roster::default()
        };
        let mut book = Book::default();
        book.subjects.extend([
            subject("shop.http", Some("shop")),
            subject("mail.smtp", Some("mail")),
            subject("disk", None),
        ]);
        let seen = |book: &Book, prefixes: &[&str]| -> Vec<(String, Answering)> {
            let scope = Scope::prefixes(prefixes.iter().map(|prefix| (*prefix).to_owned()).collect());
            answering(book, &roster, &scope)
                .into_iter()
                .map(|(name, whose)| (name.to_string(), whose))
                .collect()
        };
        let is = |name: &str, whose| (name.to_owned(), whose);
        assert_eq!(
            seen(&book, &["shop."]),
            [is("both", Answering::ToOthersToo), is("shop", Answering::ToThem)]
        );
        assert_eq!(
            seen(&book, &["shop.", "mail."]),
            ["both", "mail", "shop"].map(|name| is(name, Answering::ToThem))
        );
        assert!(seen(&book, &["none."]).is_empty());
        assert_eq!(seen(&book, &[]).len(), 5);
        // What names no policy goes by the default, which is everybody's.
        book.config.escalation_policy = Some("rest".into());
        book.subjects.extend([subject("shop.cart", None)]);
        assert!(seen(&book, &["shop."]).contains(&is("rest", Answering::ToOthersToo)));
        assert_eq!(seen(&book, &["mail."]).len(), 2);
    }
}
