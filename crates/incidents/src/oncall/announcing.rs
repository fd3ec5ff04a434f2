//! Words that wake nobody: whose turn begins soon, who asks for cover, who covers. They go by the contact's quiet channels
//! (mail, chats), in the morning if it is night, and once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::tz::TimeZone;
use state_store::{StateError, StateStore, Transaction};
use vocabulary::Timestamp;
use vocabulary::state::State;

use super::cover::Cover;
use super::policy::seconds;
use super::roster::{Known, Roster};
use crate::book::Ways;
use crate::core::Incidents;
use crate::desk::{Desk, Inner};
use crate::page::{About, Detour, Message, PageKind};

/// Turns are looked at so often.
const LOOK_SECONDS: i64 = 60;

/// Leave begins when it is read, should it run already: whoever stands in is told though that is past.
const LATE_SECONDS: i64 = 2 * LOOK_SECONDS;

/// A turn of which somebody was told: schedule, person, start.
type Turn = (Arc<str>, Arc<str>, i64);

/// What has been told already, and when that was looked at.
#[derive(Debug, Default)]
pub(crate) struct Announced {
    told: BTreeSet<Turn>,
    looked: i64,
}

impl Announced {
    pub fn load(store: &StateStore) -> Result<Announced, StateError> {
        let rows = store.query("SELECT schedule, person, start FROM oncall_told", &[])?;
        let told = rows.iter().map(|row| (row.text(0).into(), row.text(1).into(), row.integer(2)));
        Ok(Announced { told: told.collect(), looked: i64::MIN })
    }
}

impl Desk {
    /// A word for one contact that wakes nobody.
    pub fn tell_quietly(
        &self,
        contact: &Arc<str>,
        title: String,
        text: String,
        now: Timestamp,
    ) -> Result<(), StateError> {
        let mut batch = self.batch();
        batch.inner.incidents.announce(contact, &plain(contact, title, text, now), now);
        batch.commit_alone()
    }

    /// Whoever is on call soon is told so, `[incidents] told_before` before their turn begins.
    pub(crate) fn announce_turns(&self, now: Timestamp) -> Result<(), StateError> {
        let mut batch = self.batch();
        let Inner { incidents, announced, .. } = &mut *batch.inner;
        let before = seconds(incidents.book.config.told_before);
        if before == 0 || (announced.looked..announced.looked.saturating_add(LOOK_SECONDS)).contains(&now.0) {
            return Ok(());
        }
        announced.looked = now.0;
        let roster = incidents.roster.clone();
        let mut due: Vec<(Turn, Message)> = Vec::new();
        for (name, known) in &roster.schedules {
            for (person, start) in turns(known, now, before) {
                let turn = (name.clone(), person, start.0);
                if !announced.told.contains(&turn) && !incidents.sleeps_until(&turn.1, start, now) {
                    let message = of_turn(name, start, &incidents.zone_of(&turn.1), now);
                    due.push((turn, message));
                }
            }
        }
        if due.is_empty() {
            return Ok(());
        }
        for ((_, person, _), message) in &due {
            incidents.announce(person, message, now);
        }
        announced.told.retain(|(_, _, start)| *start > now.0 - LATE_SECONDS);
        announced.told.extend(due.into_iter().map(|(turn, _)| turn));
        let told = announced.told.clone();
        batch.write(|tx, _| save(tx, &told))?;
        batch.committed();
        Ok(())
    }
}

/// Turns that begin within that time, or have become somebody's just now since another one is away; of those who were not
/// on call for as long before them: whoever has a turn each day knows so.
fn turns(known: &Known, now: Timestamp, before: i64) -> Vec<(Arc<str>, Timestamp)> {
    let mut last_ends: BTreeMap<Arc<str>, Timestamp> = BTreeMap::new();
    let mut turns = Vec::new();
    for shift in known.schedule.shifts(now.minus(before), now.plus(before + 1)) {
        let Some(person) = shift.duty.person else { continue };
        let last = last_ends.insert(person.clone(), shift.end);
        let stands_in = shift.duty.override_id.is_none() && shift.duty.instead_of.is_some();
        let late = if stands_in { LATE_SECONDS } else { 0 };
        if shift.start > now.minus(late) && last.is_none_or(|end| shift.start.since(end) >= before) {
            turns.push((person, shift.start));
        }
    }
    turns
}

fn save(tx: &Transaction<'_>, told: &BTreeSet<Turn>) -> Result<(), StateError> {
    tx.execute("DELETE FROM oncall_told", &[])?;
    for (schedule, person, start) in told {
        tx.execute(
            "INSERT INTO oncall_told (schedule, person, start) VALUES (?1, ?2, ?3)",
            &[(&**schedule).into(), (&**person).into(), (*start).into()],
        )?;
    }
    Ok(())
}

impl Incidents {
    /// Is it night for them, and over before it begins?
    fn sleeps_until(&self, contact: &str, start: Timestamp, now: Timestamp) -> bool {
        self.night_of(contact, now).is_some_and(|(until, _)| until <= start)
    }

    /// By the channels that ring for trouble only. Who has none is told nothing.
    pub(crate) fn announce(&mut self, contact: &Arc<str>, message: &Message, now: Timestamp) {
        let mut channels = self.channels_of(contact);
        channels.retain(|channel| self.book.quiet.contains(channel));
        self.page(None, PageKind::OnCall, contact, &channels, message, now);
    }

    /// Those who could cover: all others of the schedule.
    pub(crate) fn announce_cover_wanted(&mut self, cover: &Cover, now: Timestamp) {
        let roster = self.roster.clone();
        for person in others_of(&roster, cover) {
            let when = span(cover.from, cover.until, &self.zone_of(&person));
            let title = format!("{} asks for cover in `{}`, {when}", cover.person, cover.schedule);
            let text = format!(
                "Whoever accepts first has it: POST /api/v1/cover/{}/accept, or the page On call.",
                cover.id
            );
            self.announce(&person, &message(&cover.schedule, title, text, cover, now), now);
        }
    }

    /// Who asked hears who covers.
    pub(crate) fn announce_cover(&mut self, cover: &Cover, by: &str, now: Timestamp) {
        let when = span(cover.from, cover.until, &self.zone_of(&cover.person));
        let title = format!("{by} covers for you in `{}`, {when}", cover.schedule);
        self.announce(&cover.person, &message(&cover.schedule, title, String::new(), cover, now), now);
    }
}

fn others_of(roster: &Roster, cover: &Cover) -> BTreeSet<Arc<str>> {
    let known = roster.schedules.get(&cover.schedule);
    let layers = known.into_iter().flat_map(|known| &known.config.layer);
    let people = layers.flat_map(|layer| &layer.people).map(|name| Arc::from(name.as_str()));
    people.filter(|name| *name != cover.person).collect()
}

fn clock(at: Timestamp, zone: &TimeZone) -> String {
    match jiff::Timestamp::from_second(at.0) {
        Ok(at) => at.to_zoned(zone.clone()).strftime("%a %d %b %H:%M").to_string(),
        Err(_) => at.0.to_string(),
    }
}

fn span(from: Timestamp, until: Timestamp, zone: &TimeZone) -> String {
    format!("{} to {}", clock(from, zone), clock(until, zone))
}

fn of_turn(schedule: &Arc<str>, start: Timestamp, zone: &TimeZone, now: Timestamp) -> Message {
    let title = format!("you are on call for `{schedule}` from {}", clock(start, zone));
    let text = "If you cannot: ask for cover on the page On call (POST /api/v1/cover).".to_owned();
    plain(schedule, title, text, now)
}

fn message(schedule: &Arc<str>, title: String, text: String, cover: &Cover, now: Timestamp) -> Message {
    Message { comment: cover.note.clone(), ..plain(schedule, title, text, now) }
}

pub(crate) fn plain(schedule: &Arc<str>, title: String, text: String, now: Timestamp) -> Message {
    Message {
        title,
        state: State::Ok,
        since: now.0,
        until: None,
        value: None,
        warning: None,
        critical: None,
        text,
        instances: Vec::new(),
        bad: 0,
        description: None,
        playbook: None,
        about: About::Schedule,
        name: schedule.to_string(),
        instance: String::new(),
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
