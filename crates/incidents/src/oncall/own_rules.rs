//! People's own rules, as they make them at the [`Desk`]. Those of files stand there.

use std::sync::Arc;

use state_store::StateError;
use vocabulary::Timestamp;
use vocabulary::reach::{self, MAX_RULES, ReachRule};

use super::store;
use crate::desk::{Desk, Failed};
use crate::people::Refusal;

/// How somebody is reached, and by what that is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnRules {
    pub rules: Vec<ReachRule>,
    /// They are changed there.
    pub of_file: bool,
    /// By which channels there are.
    pub channels: Vec<Arc<str>>,
}

impl Desk {
    /// None: there is no contact of this name.
    pub fn own_rules(&self, person: &str) -> Option<OwnRules> {
        let inner = self.inner.lock();
        let contact = inner.incidents.book().contacts.get(person)?;
        let made = inner.oncall.rules.get(person).cloned().unwrap_or_default();
        let of_file = !contact.rules.is_empty();
        let rules = if of_file { contact.rules.clone() } else { made };
        Some(OwnRules { rules, of_file, channels: contact.channels.clone() })
    }

    /// The person is no more: whoever is called so later makes rules of their own.
    pub fn forget_own_rules(&self, person: &str, now: Timestamp) -> Result<(), StateError> {
        let mut inner = self.inner.lock();
        self.store.transaction(|tx| store::save_rules(tx, person, &[], now))?;
        if inner.oncall.rules.remove(person).is_some() {
            inner.build_roster();
        }
        Ok(())
    }

    /// From the next word on. None of them: by all channels at once.
    pub fn put_own_rules(&self, person: &str, rules: Vec<ReachRule>, now: Timestamp) -> Result<(), Failed> {
        let refuse = |why| Err(Failed::Refused(why));
        let mut inner = self.inner.lock();
        let Some(contact) = inner.incidents.book().contacts.get(person) else {
            return refuse(Refusal::Unknown);
        };
        if !contact.rules.is_empty() {
            return refuse(Refusal::No("your rules stand in a file, as [[contact.rule]]: change them there"));
        }
        if rules.len() > MAX_RULES {
            return refuse(Refusal::Bad(format!("rules: there are {MAX_RULES} at most")));
        }
        let channels: Vec<String> = contact.channels.iter().map(ToString::to_string).collect();
        let problems = reach::problems(&rules, &channels).into_iter();
        let problems: Vec<String> = problems.map(|(key, why)| format!("rules.{key}: {why}")).collect();
        if !problems.is_empty() {
            return refuse(Refusal::Bad(problems.join("; ")));
        }
        self.store.transaction(|tx| store::save_rules(tx, person, &rules, now))?;
        match rules.is_empty() {
            true => drop(inner.oncall.rules.remove(person)),
            false => drop(inner.oncall.rules.insert(Arc::from(person), rules)),
        }
        inner.build_roster();
        Ok(())
    }
}
