//! What a page says, before a channel gives it its form.

use std::sync::Arc;

use vocabulary::Timestamp;

use crate::book::{Kind, Subject, Ways};
use crate::core::Incidents;
use crate::deeds::DECLARED;
use crate::incident::{Incident, Key, Trouble};
use crate::limits::MAX_NAMED;
use crate::page::{About, Detour, Message, Named};

impl Incidents {
    pub(crate) fn message(
        &self,
        incident: &Incident,
        key: &Key,
        trouble: &Trouble,
        about: Option<&Subject>,
    ) -> Message {
        let mut message = self.message_about(key, trouble, about);
        message.state = incident.said(trouble.state);
        let mut bad: Vec<_> = incident.bad().collect();
        message.bad = bad.len();
        message.since = incident.since().min(trouble.began());
        self.keep_name(incident, key, &mut message);
        message.nobodys_since = incident.nobodys_since();
        if bad.len() > 1 || !key.instance.is_empty() || key.monitor.starts_with(DECLARED) {
            message.title = incident.title.clone();
            bad.sort_by_key(|(_, trouble)| std::cmp::Reverse(trouble.state.badness()));
            message.instances = bad.into_iter().take(MAX_NAMED).map(named).collect();
        }
        message
    }

    pub(crate) fn message_of_end(&self, incident: &Incident, now: Timestamp) -> Message {
        let worst = incident.troubles.iter().max_by_key(|(_, trouble)| trouble.until.unwrap_or(i64::MAX));
        let fine = Trouble::of(incident.severity_now(), incident.opened.0, "");
        let (key, trouble) = match worst {
            Some((key, trouble)) => (key.clone(), trouble.clone()),
            None => (
                Key { host: false, monitor: Arc::from(incident.title.as_str()), instance: Arc::from("") },
                fine,
            ),
        };
        let mut message = self.message_about(&key, &trouble, self.book.about(&key));
        message.title = incident.title.clone();
        self.keep_name(incident, &key, &mut message);
        message.since = incident.since();
        message.until = Some(incident.ended().unwrap_or(now.0));
        message.bad = incident.bad().count();
        message.author = incident.detail.resolved_by.clone().unwrap_or_default();
        message
    }

    /// What somebody says is not over is named as before: by that mail programs keep its pages together.
    fn keep_name(&self, incident: &Incident, key: &Key, message: &mut Message) {
        if !key.monitor.starts_with(DECLARED) || incident.reason.starts_with(DECLARED) {
            return;
        }
        let watched = incident.troubles.keys().find(|known| self.reason(known) == incident.reason);
        if let Some(known) = watched {
            message.about = about(known, self.book.about(known));
            message.name = known.monitor.to_string();
        }
    }

    pub(crate) fn message_about(&self, key: &Key, trouble: &Trouble, subject: Option<&Subject>) -> Message {
        let described = trouble.of_sender.as_ref().and_then(|said| said.description.clone());
        let playbook = subject.and_then(|subject| self.told_playbook(key, subject));
        Message {
            title: trouble.called(key),
            state: trouble.state,
            since: trouble.began(),
            until: trouble.ended(),
            value: trouble.value,
            warning: subject.and_then(|subject| subject.warning.clone()),
            critical: subject.and_then(|subject| subject.critical.clone()),
            text: trouble.text.clone(),
            instances: Vec::new(),
            bad: usize::from(!trouble.is_over()),
            description: described.or_else(|| subject.and_then(|subject| subject.description.clone())),
            playbook: playbook.or_else(|| trouble.runbook().map(str::to_owned)),
            about: about(key, subject),
            name: key.monitor.to_string(),
            instance: key.instance.to_string(),
            author: String::new(),
            comment: String::new(),
            number: None,
            instead_of: None,
            email: None,
            ways: Ways::new(),
            tried: Vec::new(),
            detour: Detour::default(),
            rerouted: false,
            otherwise: Default::default(),
            nobodys_since: None,
            unsubscribe: None,
        }
    }
}

fn about(key: &Key, subject: Option<&Subject>) -> About {
    match subject.map(|subject| subject.kind) {
        _ if key.monitor.starts_with("channel:") => About::Channel,
        _ if key.monitor.starts_with(DECLARED) => About::Declared,
        _ if key.host => About::Host,
        Some(Kind::Check | Kind::Alerts) => About::Check,
        Some(Kind::Errors) => About::Errors,
        _ => About::Monitor,
    }
}

fn named((key, trouble): (&Key, &Trouble)) -> Named {
    let instance = if key.instance.is_empty() { &key.monitor } else { &key.instance };
    let instance = trouble.title.clone().unwrap_or_else(|| instance.to_string());
    Named { instance, state: trouble.state, text: trouble.text.clone() }
}
