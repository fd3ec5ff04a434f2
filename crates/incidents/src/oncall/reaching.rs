//! How one person's own rule goes: by which way they are told at once, by which others while nobody has it. Each word of
//! trouble begins the rule again; whoever acknowledges ends it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use vocabulary::Timestamp;
use vocabulary::reach::{MAX_RULE_SECONDS, ReachRule, rule_for};
use vocabulary::state::State;

use super::policy::seconds;
use crate::core::{Estate, Incidents};
use crate::incident::{Entry, Incident, IncidentId, Phase, Told};
use crate::page::{Message, PageKind};

/// A tick that is late by no more than this takes no time from what follows.
pub(super) const USUAL_LATENESS: i64 = 5;

/// How far one contact's rule has come in an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reaching {
    /// How bad it was when the contact was told, by which the rule is chosen.
    pub state: State,
    pub began: i64,
    /// The step that comes next; as many as there are: the last one again.
    pub step: usize,
    pub next_at: i64,
}

impl Incidents {
    fn rules_of(&self, contact: &str) -> &[ReachRule] {
        let of_file = self.book.contacts.get(contact).map(|contact| &contact.rules[..]).unwrap_or_default();
        match of_file.is_empty() {
            true => self.roster.rules.get(contact).map(|rules| &rules[..]).unwrap_or_default(),
            false => of_file,
        }
    }

    /// The ways of the contact's rule for what is so bad, as far as they are among these: (seconds, channel).
    fn way(&self, contact: &str, state: State, channels: &[Arc<str>]) -> Option<(Way, Option<i64>)> {
        let rule = rule_for(self.rules_of(contact), state)?;
        let steps = rule.steps.iter().filter_map(|step| {
            let channel = channels.iter().find(|channel| ***channel == *step.channel)?;
            Some((seconds(step.after), channel.clone()))
        });
        let steps: Way = steps.collect();
        (!steps.is_empty()).then(|| (steps, rule.repeat_every.map(seconds)))
    }

    /// By which of its channels somebody hears of what need not ring.
    pub(crate) fn first_ways(&self, contact: &str) -> Vec<Arc<str>> {
        let all = self.channels_of(contact);
        match self.way(contact, State::Ok, &all) {
            Some((steps, _)) => at_once(&steps),
            None => all,
        }
    }

    /// All ways of the contact's rule at once: for a word after which no further one would come.
    pub(crate) fn all_ways(&self, contact: &str, state: State, channels: &[Arc<str>]) -> Vec<Arc<str>> {
        let Some((steps, _)) = self.way(contact, state, channels) else { return channels.to_vec() };
        let mut ways: Vec<Arc<str>> = Vec::new();
        for (_, channel) in steps {
            if !ways.contains(&channel) {
                ways.push(channel);
            }
        }
        ways
    }

    /// Would a rule that begins now come to its further ways?
    pub(crate) fn rule_goes_on(&self, id: IncidentId, contact: &str, now: Timestamp) -> bool {
        let Some(incident) = self.live.get(&id) else { return false };
        let host = incident.tellable().is_some_and(|(key, _)| key.host);
        let runs = incident.phase == Phase::Open && self.may_run(incident);
        runs && self.may_tell(incident, contact, host, now)
    }

    /// A word of trouble to one contact, by the contact's own rule if there is one.
    pub(crate) fn tell_by_rule(
        &mut self,
        id: IncidentId,
        kind: PageKind,
        contact: &Arc<str>,
        channels: &[Arc<str>],
        message: &Message,
        now: Timestamp,
    ) {
        let channels = self.begin_rule(id, contact, message.state, channels, now);
        self.tell(id, kind, contact, &channels, message, now);
    }

    /// The channels that are to be used now; of those that come later a note is made.
    pub(crate) fn begin_rule(
        &mut self,
        id: IncidentId,
        contact: &Arc<str>,
        state: State,
        channels: &[Arc<str>],
        now: Timestamp,
    ) -> Vec<Arc<str>> {
        let way = self.way(contact, state, channels);
        let Some(incident) = self.live.get_mut(&id).filter(|incident| !incident.is_closed()) else {
            return channels.to_vec();
        };
        let open = incident.phase == Phase::Open;
        let told = incident.detail.told.entry(contact.to_string()).or_default();
        let was_running = told.rule.take().is_some();
        self.unsaved.incident(id);
        let Some((steps, repeat)) = way else { return channels.to_vec() };
        let first = at_once(&steps);
        let next = steps.get(first.len()).map(|(after, _)| *after).or(repeat).filter(|_| open);
        told.rule =
            next.map(|next| Reaching { state, began: now.0, step: first.len(), next_at: now.0 + next });
        if told.rule.is_some() && !was_running {
            let text = format!("{contact}'s own rule: {}", words(&steps, repeat));
            self.write(id, Entry { at: now, kind: "page", who: contact.to_string(), text });
        }
        first
    }

    /// Ways whose time has come; in somebody's hands, or snoozed, nobody is reached by another one.
    pub(crate) fn reach_on(&mut self, estate: &dyn Estate, now: Timestamp) {
        let (mut due, mut over) = (Vec::new(), Vec::new());
        for incident in self.live.values() {
            let runs = incident.phase == Phase::Open && incident.detail.snoozed_until.is_none();
            let rules =
                incident.detail.told.iter().filter_map(|(name, told)| Some((name, told.rule.as_ref()?)));
            for (name, rule) in rules {
                match runs {
                    false => over.push((incident.id, name.clone())),
                    true if rule.next_at <= now.0 => due.push((incident.id, Arc::<str>::from(name.as_str()))),
                    true => {}
                }
            }
        }
        for (id, contact) in over {
            self.keep_rule(id, &contact, None);
        }
        for (id, contact) in due {
            self.mute(id, estate);
            self.reach_one_on(id, &contact, now);
        }
    }

    fn reach_one_on(&mut self, id: IncidentId, contact: &Arc<str>, now: Timestamp) {
        let Some(incident) = self.live.get(&id) else { return };
        let host = incident.tellable().is_some_and(|(key, _)| key.host);
        let told = incident.detail.told.get(&**contact);
        // What a check's own rules tell need not be bad enough to page.
        let by_notices = told.is_some_and(|told| !told.by_notices_of.is_empty());
        let runs = self.may_run(incident) || (by_notices && incident.tellable().is_some());
        if !runs || !self.may_tell(incident, contact, host, now) {
            // It goes on when that lifts.
            return;
        }
        let Some(mut rule) = told.and_then(|told| told.rule.clone()) else { return };
        let mut all = self.channels_of(contact);
        all.retain(|channel| incident.reason.strip_prefix("channel:") != Some(&**channel));
        let way = self.way(contact, rule.state, &all);
        let Some((steps, repeat)) = way else { return self.keep_rule(id, contact, None) };
        let mut channels: Vec<Arc<str>> = Vec::new();
        let again = rule.step >= steps.len();
        let kept = loop {
            if rule.next_at > now.0 {
                break Some(rule);
            }
            let Some((_, channel)) = steps.get(rule.step).or(steps.last()) else { break None };
            if !channels.contains(channel) {
                channels.push(channel.clone());
            }
            rule.step += 1;
            // Of a second that came late the ways that are due come at once, and the last one once.
            let base = if now.0 - rule.next_at <= USUAL_LATENESS { rule.next_at } else { now.0 };
            rule.next_at = match (steps.get(rule.step), repeat) {
                (Some((after, _)), _) => rule.began + after,
                (None, Some(repeat)) => base + repeat,
                (None, None) => break None,
            };
        };
        let kept = kept
            .filter(|rule| rule.next_at - rule.began <= i64::try_from(MAX_RULE_SECONDS).unwrap_or(i64::MAX));
        let ends = kept.is_none() && repeat.is_some();
        self.keep_rule(id, contact, kept);
        if let Some((kind, mut message)) = self.word_of_step(id, contact) {
            message.detour.again = again;
            self.tell(id, kind, contact, &channels, &message, now);
        }
        if ends {
            let text = format!("{contact} has not answered for a day: {contact}'s own rule ends");
            self.write(id, Entry { at: now, kind: "page", who: contact.to_string(), text });
        }
    }

    fn keep_rule(&mut self, id: IncidentId, contact: &str, rule: Option<Reaching>) {
        let incident: Option<&mut Incident> = self.live.get_mut(&id);
        let told: Option<&mut Told> = incident.and_then(|incident| incident.detail.told.get_mut(contact));
        if let Some(told) = told {
            told.rule = rule;
            self.unsaved.incident(id);
        }
    }
}

/// Each way with the seconds after which it comes.
type Way = Vec<(i64, Arc<str>)>;

fn at_once(steps: &[(i64, Arc<str>)]) -> Vec<Arc<str>> {
    let first = steps.first().map_or(0, |(after, _)| *after);
    steps.iter().take_while(|(after, _)| *after == first).map(|(_, channel)| channel.clone()).collect()
}

fn words(steps: &[(i64, Arc<str>)], repeat: Option<i64>) -> String {
    let duration = |seconds: i64| vocabulary::time::HumanDuration::from_secs(seconds.unsigned_abs());
    let word = |(after, channel): &(i64, Arc<str>)| match after {
        0 => channel.to_string(),
        after => format!("{channel} after {}", duration(*after)),
    };
    let steps: Vec<String> = steps.iter().map(word).collect();
    let again = repeat.map(|repeat| format!(", again every {}", duration(repeat))).unwrap_or_default();
    format!("{}{again}, until somebody has it", steps.join(", "))
}
