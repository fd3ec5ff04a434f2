//! What to look at and do when something fires: written together in Markdown, read at night.
//!
//! `playbook` of a monitor, check, host or service is an address elsewhere, the name of a playbook that is kept here
//! (`uploads`, or `uploads#Disk is full`), or the text itself. What says nothing has the playbook of its own name, so that
//! one that is missing can be written where it is missed.

pub mod markdown;
pub mod store;
#[cfg(test)]
mod tests;
mod ticks;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::book::Subject;
use crate::core::Incidents;
use crate::incident::{Incident, Key};
use crate::limits::{MAX_PLAYBOOK_NAME, MAX_TEXT, STEPS_TOLD, cut};

/// One that is kept here, as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Playbook {
    pub name: Arc<str>,
    pub text: Arc<str>,
    pub version: i64,
    pub by: String,
    pub at: i64,
}

/// What is to be done about one incident.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guide {
    /// Of one that is kept here.
    pub name: Option<String>,
    /// 0: it stands in the definition.
    pub version: i64,
    /// It is elsewhere.
    pub url: Option<String>,
    pub title: String,
    /// The section that is meant, else all of it.
    pub text: String,
    pub steps: Vec<Step>,
    /// Why there is none, or not the section that was meant.
    pub problem: Option<String>,
    /// Written under this name, it would be found.
    pub missing: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub text: String,
    pub ticked: Option<Tick>,
}

/// Somebody has done it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tick {
    pub by: String,
    pub at: i64,
}

/// What a definition says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meant<'d> {
    Address(&'d str),
    Named { name: &'d str, section: Option<&'d str> },
    Text(&'d str),
}

/// Those that are kept, by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Playbooks(pub(crate) BTreeMap<Arc<str>, Playbook>);

impl Playbooks {
    /// As if there were no other.
    fn only(name: &str, text: &str) -> Playbooks {
        let name: Arc<str> = name.into();
        let one = Playbook { name: name.clone(), text: text.into(), version: 0, by: String::new(), at: 0 };
        Playbooks(BTreeMap::from([(name, one)]))
    }

    /// One word is a name, whether it is written or not; of several, if it is.
    fn meant<'d>(&self, said: &'d str) -> Meant<'d> {
        let said = said.trim();
        let one_word = |text: &str| !text.contains(char::is_whitespace);
        if one_word(said) && (said.starts_with("https://") || said.starts_with("http://")) {
            return Meant::Address(said);
        }
        let (name, section) =
            said.split_once('#').map_or((said, ""), |(name, section)| (name.trim(), section.trim()));
        let is_name = self.0.contains_key(name)
            || one_word(name)
                && !name.is_empty()
                && name.len() <= MAX_PLAYBOOK_NAME
                && !section.contains('\n');
        match is_name {
            true => Meant::Named { name, section: Some(section).filter(|section| !section.is_empty()) },
            false => Meant::Text(said),
        }
    }

    /// What is defined says it itself, else there is one of its name, else its service says it.
    fn meant_of<'d>(&self, name: &'d str, subject: &'d Subject) -> Option<Meant<'d>> {
        let said = |said: &'d Option<String>| said.as_deref().map(|said| self.meant(said));
        let own = || self.0.contains_key(name).then_some(Meant::Named { name, section: None });
        said(&subject.playbook).or_else(own).or_else(|| said(&subject.playbook_of_service))
    }

    /// Is there anything to read? A name alone is nothing.
    pub(crate) fn has(&self, name: &str, subject: &Subject) -> bool {
        match self.meant_of(name, subject) {
            Some(Meant::Named { name, .. }) => self.0.contains_key(name),
            said => said.is_some(),
        }
    }

    /// The section of the first of these names that it has is shown, unless the definition says which.
    fn guide(&self, meant: Meant<'_>, names: &[&str]) -> Guide {
        let (name, section) = match meant {
            Meant::Address(url) => {
                return Guide { url: Some(url.to_owned()), title: url.to_owned(), ..Guide::default() };
            }
            Meant::Text(text) => return Guide::of_text(text, "", names),
            Meant::Named { name, section } => (name, section),
        };
        let Some(kept) = self.0.get(name) else {
            let problem = format!("there is no playbook `{name}` yet");
            return Guide { problem: Some(problem), missing: Some(name.to_owned()), ..Guide::default() };
        };
        let names: &[&str] = section.as_ref().map_or(names, std::slice::from_ref);
        let lacking = section.filter(|section| markdown::section(&kept.text, section).is_none());
        let problem = lacking.map(|section| {
            let titles: Vec<&str> = markdown::titles(&kept.text).take(SECTIONS_NAMED).collect();
            let there = if titles.is_empty() { "no section at all".to_owned() } else { titles.join(", ") };
            format!("the playbook `{name}` has no section `{section}`: it has {there}")
        });
        let name = Some(name.to_owned());
        Guide { name, version: kept.version, problem, ..Guide::of_text(&kept.text, &kept.name, names) }
    }
}

/// Of a playbook whose section is looked for in vain.
const SECTIONS_NAMED: usize = 20;

impl Guide {
    fn of_text(text: &str, name: &str, sections: &[&str]) -> Guide {
        let section = sections.iter().find_map(|name| markdown::section(text, name));
        let text = section.unwrap_or(text);
        let step = |text: String| Step { text, ticked: None };
        Guide {
            title: markdown::title(text).unwrap_or(name).to_owned(),
            text: text.to_owned(),
            steps: markdown::steps(text).into_iter().map(step).collect(),
            ..Guide::default()
        }
    }

    fn nothing(problem: &str, missing: Option<String>) -> Guide {
        Guide { problem: Some(problem.to_owned()), missing, ..Guide::default() }
    }

    /// As a message has it: what it is called, and how it begins.
    fn told(&self) -> String {
        if let Some(url) = &self.url {
            return url.clone();
        }
        let Some(name) = &self.name else { return self.problem.clone().unwrap_or_else(|| self.text.clone()) };
        let title = if self.title == *name { String::new() } else { format!(", {}", self.title) };
        let steps = self.steps.iter().map(|step| step.text.clone()).take(STEPS_TOLD);
        let (lines, more) = match self.steps.len() {
            0 => markdown::first_lines(&self.text, STEPS_TOLD),
            count => (
                steps.enumerate().map(|(index, step)| format!("{}. {step}", index + 1)).collect(),
                count > STEPS_TOLD,
            ),
        };
        let more = if more { "\n… and more on the incident's page" } else { "" };
        format!("playbook {name}{title}\n{}{more}", lines.join("\n"))
    }
}

/// Of the worst that says one: whoever sends an alert may say what is to be done.
fn runbook(incident: &Incident) -> Option<Meant<'_>> {
    let said = incident.troubles.values().filter_map(|trouble| Some((trouble, trouble.runbook()?)));
    let worst = said.max_by_key(|(trouble, _)| (trouble.state.badness(), std::cmp::Reverse(trouble.since)));
    worst.map(|(_, address)| Meant::Address(address))
}

/// How a monitor, check or host is called where both are listed.
fn label(host: bool, name: &str) -> String {
    if host { format!("host:{name}") } else { name.to_owned() }
}

impl Incidents {
    /// What is to be done about it. Its troubles must have been read.
    pub(crate) fn guide_of(&self, incident: &Incident) -> Guide {
        self.guide_from(&self.playbooks, incident)
    }

    pub(crate) fn guide_from(&self, playbooks: &Playbooks, incident: &Incident) -> Guide {
        let key = incident.troubles.keys().find(|key| key.is_behind(&incident.reason));
        let subject = key.and_then(|key| self.book.about(key));
        let named = key.filter(|_| subject.is_some()).map_or("", |key| &*key.monitor);
        let meant = match subject {
            Some(subject) => playbooks.meant_of(named, subject),
            // It is not defined any more: as it was when it opened.
            None => incident.detail.playbook.as_deref().map(|said| playbooks.meant(said)),
        };
        let Some(meant) = meant.or_else(|| runbook(incident)) else {
            let missing = (!named.is_empty()).then(|| named.to_owned());
            return Guide::nothing("nobody has written down yet what to do", missing);
        };
        let mut members: Vec<_> = incident.troubles.iter().collect();
        members.sort_by_key(|(_, one)| (std::cmp::Reverse(one.state.badness()), one.since));
        let instances = members.iter().map(|(key, _)| &*key.instance).filter(|name| !name.is_empty());
        let monitors = members.iter().map(|(key, _)| &*key.monitor);
        let names: Vec<&str> = instances
            .take(MEMBERS_LOOKED_FOR)
            .chain([named])
            .chain(monitors.take(MEMBERS_LOOKED_FOR))
            .collect();
        let mut guide = playbooks.guide(meant, &names);
        for step in &mut guide.steps {
            step.ticked = incident.detail.ticks.get(&step.text).cloned();
        }
        guide
    }

    /// In a message about one that is bad.
    pub(crate) fn told_playbook(&self, key: &Key, subject: &Subject) -> Option<String> {
        let meant = self.playbooks.meant_of(&key.monitor, subject)?;
        let names = [&*key.instance, &*key.monitor];
        let names = if key.instance.is_empty() { &names[1..] } else { &names[..] };
        Some(cut(&self.playbooks.guide(meant, names).told(), MAX_TEXT).to_owned())
    }

    /// As it would be written in a definition.
    pub(crate) fn said_playbook(&self, host: bool, name: &str) -> Option<String> {
        let said = match self.playbooks.meant_of(name, self.book.subject(host, name)?)? {
            Meant::Address(text) | Meant::Text(text) | Meant::Named { name: text, section: None } => {
                text.to_owned()
            }
            Meant::Named { name, section: Some(section) } => format!("{name}#{section}"),
        };
        Some(said)
    }

    /// What is wrong with the playbook that something names.
    pub(crate) fn playbook_problem(&self, host: bool, name: &str) -> Option<String> {
        let subject = self.book.subject(host, name)?;
        let meant = self.playbooks.meant_of(name, subject)?;
        self.playbooks.guide(meant, &[]).problem
    }

    /// Who uses each that is kept.
    pub(crate) fn playbook_uses(&self) -> BTreeMap<String, Vec<String>> {
        let mut uses: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for ((host, name), subject) in &self.book.subjects {
            let meant = self.playbooks.meant_of(name, subject);
            if let Some(Meant::Named { name: playbook, .. }) = meant {
                uses.entry(playbook.to_owned()).or_default().push(label(*host, name));
            }
        }
        uses.values_mut().for_each(|names| names.sort());
        uses
    }

    /// What wakes somebody who then reads nothing.
    pub(crate) fn without_playbook(&self) -> Vec<String> {
        let by_default =
            !self.book.config.contacts.is_empty() || self.book.config.escalation_policy.is_some();
        let pages = |subject: &Subject| {
            let told = !subject.contacts.is_empty() || subject.escalation_policy.is_some() || by_default;
            told && !subject.shadow
        };
        let has_none = |name: &str, subject: &Subject| {
            let meant = self.playbooks.meant_of(name, subject);
            meant.is_none_or(|meant| self.playbooks.guide(meant, &[]).missing.is_some())
        };
        let subjects = self.book.subjects.iter();
        let mut names: Vec<String> = subjects
            .filter(|((_, name), subject)| pages(subject) && has_none(name, subject))
            .map(|((host, name), _)| label(*host, name))
            .collect();
        names.sort();
        names
    }
}

/// Members of an incident whose own sections are looked for, the worst first.
const MEMBERS_LOOKED_FOR: usize = 20;
