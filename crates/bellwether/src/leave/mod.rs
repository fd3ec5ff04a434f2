//! People's own calendars, of those who have one: when they are away is looked up each hour, and at once when another one is
//! configured.
//!
//! | module | holds |
//! |---|---|
//! | [`reading`] | the text of a calendar, from a server or a file |
//! | [`absences`] | when somebody is away by it |
//! | [`recurring`] | on which days an event comes again |

mod absences;
mod reading;
mod recurring;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use http_api::control::{Part, State};
use jiff::tz::TimeZone;
use outbound::Secret;
use tokio::sync::watch;
use tokio::task::JoinSet;
use vocabulary::Timestamp;

use crate::health::part;
use crate::house::{House, Phase};

use absences::Found;

const LOOK_EVERY: Duration = Duration::from_secs(1);
const FETCH_EVERY: Duration = Duration::from_secs(3_600);
/// A calendar that cannot be read is tried again sooner.
const RETRY_AFTER: Duration = Duration::from_secs(300);
/// What a server calls the same is read anew all the same: rules go on, and who looks ahead sees more of them.
const WHOLE_EVERY: Duration = Duration::from_secs(86_400);
/// After so long whoever has a calendar that cannot be read hears of it.
const TELL_AFTER_SECONDS: i64 = 86_400;
/// So many calendars are looked at at the same time.
const AT_ONCE: usize = 8;
/// So many are named in health.
const NAMED: usize = 3;

/// How the last look at each calendar went, by contact; for health.
pub type Looks = BTreeMap<Arc<str>, Look>;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Why it could not be read.
    pub failed: Option<String>,
    /// Since when it cannot be read.
    pub failing_since: Option<Timestamp>,
    /// Whoever has it knows so.
    pub told: bool,
    /// When it was read for the last time, since it is configured.
    pub read: Option<Timestamp>,
    pub leave: usize,
    /// What of it was not understood.
    pub unread: BTreeSet<String>,
}

/// What is configured of one contact.
#[derive(Clone, PartialEq)]
struct Wanted {
    place: Secret,
    zone: TimeZone,
}

/// The version that was read, and until when that is believed.
type Tag = (String, Instant);

struct Due {
    wanted: Wanted,
    at: Instant,
    tag: Option<Tag>,
}

pub async fn run(house: Arc<House>, mut stopped: watch::Receiver<bool>) {
    let mut due: BTreeMap<Arc<str>, Due> = BTreeMap::new();
    while !*stopped.borrow_and_update() {
        let turn = async {
            if *house.phase.lock() == Phase::Running {
                look_at_those_due(&house, &mut due).await;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        };
        tokio::select! {
            () = turn => {}
            _ = stopped.changed() => {}
        }
    }
}

/// A few at the same time, so that some that do not answer hold nobody up for long.
async fn look_at_those_due(house: &Arc<House>, due: &mut BTreeMap<Arc<str>, Due>) {
    let asked = house.clone();
    // Off the runtime, as the desk may wait for the disk.
    let asked = tokio::task::spawn_blocking(move || (wanted(&asked), asked.desk.calendars_read()));
    let Ok((wanted, known)) = asked.await else { return };
    let named = known.keys().chain(due.keys()).cloned();
    let gone: BTreeSet<Arc<str>> = named.filter(|name| !wanted.contains_key(name)).collect();
    for name in gone {
        forget(house, &name, due).await;
    }
    let mut looks = JoinSet::new();
    for (name, wanted) in wanted {
        let before = due.get(&name).filter(|due| due.wanted == wanted);
        if before.is_some_and(|due| due.at > Instant::now()) {
            continue;
        }
        let tag = before.and_then(|due| due.tag.clone()).filter(|(_, until)| Instant::now() < *until);
        if looks.len() >= AT_ONCE
            && let Some(Ok((name, next))) = looks.join_next().await
        {
            due.insert(name, next);
        }
        looks.spawn(look(house.clone(), name.clone(), wanted, tag, known.get(&name).copied()));
    }
    while let Some(looked) = looks.join_next().await {
        // One that panicked has said so, and is looked at again.
        due.extend(looked.ok());
    }
}

/// By contact. Whole days are where the person lives: as the contact says, a schedule with them in it, or this machine.
fn wanted(house: &House) -> BTreeMap<Arc<str>, Wanted> {
    let config = house.config.load();
    let with_calendar: Vec<_> =
        config.contact.iter().filter_map(|contact| Some((contact, contact.calendar.clone()?))).collect();
    if with_calendar.is_empty() {
        return BTreeMap::new();
    }
    let roster = house.desk.roster(house.clock.now());
    let one = |(contact, place): (&monitors::config::ContactConfig, Secret)| {
        let own = contact.time_zone.as_deref().and_then(|name| TimeZone::get(name).ok());
        let zone = own.or_else(|| roster.zones.get(contact.name.as_str()).cloned());
        (
            Arc::<str>::from(contact.name.as_str()),
            Wanted { place, zone: zone.unwrap_or_else(TimeZone::system) },
        )
    };
    with_calendar.into_iter().map(one).collect()
}

/// Who has no calendar any more is not away any more, also if it was taken out while this server was down.
async fn forget(house: &Arc<House>, name: &Arc<str>, due: &mut BTreeMap<Arc<str>, Due>) {
    let person = name.clone();
    match kept(house, move |house, now| house.desk.forget_calendar(&person, now)).await {
        Ok(()) => {
            due.remove(name);
            house.calendars.lock().remove(name);
        }
        // It is tried again in the next second.
        Err(why) => tracing::warn!(contact = &**name, why, "that a calendar is gone cannot be kept"),
    }
}

/// Returns when it is looked at again. `last`: when it was read, by this process or the one before it.
async fn look(
    house: Arc<House>,
    name: Arc<str>,
    wanted: Wanted,
    tag: Option<Tag>,
    last: Option<Timestamp>,
) -> (Arc<str>, Due) {
    let before = house.calendars.lock().get(&name).cloned();
    let before = Look { read: last, ..before.unwrap_or_default() };
    let next = match read(&house, &name, &wanted, tag, &before).await {
        Ok((look, tag)) => {
            house.calendars.lock().insert(name.clone(), look);
            Due { wanted, at: Instant::now() + FETCH_EVERY, tag }
        }
        Err(why) => {
            tracing::warn!(
                contact = &*name,
                why,
                "a calendar cannot be read: who is away is as it was known before"
            );
            let failed = tell_in_time(&house, &name, before.failed(why, house.clock.now())).await;
            house.calendars.lock().insert(name.clone(), failed);
            Due { wanted, at: Instant::now() + RETRY_AFTER, tag: None }
        }
    };
    (name, next)
}

impl Look {
    fn failed(self, why: String, now: Timestamp) -> Look {
        let since = self.failing_since.or(self.read).unwrap_or(now);
        Look { failed: Some(why), failing_since: Some(since), ..self }
    }

    fn is_to_be_told(&self, now: Timestamp) -> bool {
        !self.told && self.failing_since.is_some_and(|since| now.since(since) >= TELL_AFTER_SECONDS)
    }
}

/// Whoever has it can mend it, and does not look at health.
async fn tell_in_time(house: &Arc<House>, name: &Arc<str>, mut look: Look) -> Look {
    if !look.is_to_be_told(house.clock.now()) {
        return look;
    }
    let (person, why) = (name.clone(), look.failed.clone().unwrap_or_default());
    let told = kept(house, move |house, now| {
        let title = "your calendar of absences has not been read for a day".to_owned();
        let text =
            format!("{why}. Until it is mended you are away when it said so before, and at no other times.");
        house.desk.tell_quietly(&person, title, text, now)
    });
    match told.await {
        Ok(()) => look.told = true,
        Err(why) => {
            tracing::warn!(contact = &**name, why, "that a calendar cannot be read could not be told")
        }
    }
    look
}

async fn read(
    house: &Arc<House>,
    name: &Arc<str>,
    wanted: &Wanted,
    tag: Option<Tag>,
    before: &Look,
) -> Result<(Look, Option<Tag>), String> {
    let known = tag.as_ref().map(|(tag, _)| tag.as_str());
    let person = name.clone();
    let Some(text) = reading::text_of(&house.egress, &wanted.place.0, known).await? else {
        let read = kept(house, move |house, now| {
            house.desk.leave_is_the_same(&person, now)?;
            Ok(now)
        });
        let Look { leave, unread, .. } = before.clone();
        return Ok((Look { read: Some(read.await?), leave, unread, ..Look::default() }, tag));
    };
    let (calendar, zone, now) = (text.text, wanted.zone.clone(), house.clock.now());
    let found = tokio::task::spawn_blocking(move || absences::found(&calendar, &zone, now));
    let Found { leave, unread } = found.await.map_err(|error| error.to_string())??;
    let count = leave.len();
    let read = kept(house, move |house, now| {
        house.desk.set_leave(&person, leave, now)?;
        Ok(now)
    });
    let look = Look { read: Some(read.await?), leave: count, unread, ..Look::default() };
    Ok((look, text.tag.map(|tag| (tag, Instant::now() + WHOLE_EVERY))))
}

/// Off the runtime, as it waits for the disk.
async fn kept<T: Send + 'static>(
    house: &Arc<House>,
    work: impl FnOnce(&House, Timestamp) -> Result<T, state_store::StateError> + Send + 'static,
) -> Result<T, String> {
    let house = house.clone();
    let done = tokio::task::spawn_blocking(move || work(&house, house.clock.now()));
    done.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
}

/// None: nobody has a calendar.
pub fn calendars_part(house: &House) -> Option<Part> {
    let looks = house.calendars.lock().clone();
    (!looks.is_empty()).then(|| {
        let (state, text) = standing(&looks, &TimeZone::system());
        Part { state, text, ..part("calendars", "forward", "Calendars of absences") }
    })
}

fn standing(looks: &Looks, zone: &TimeZone) -> (State, String) {
    let failed = looks.iter().filter_map(|(name, look)| Some((name, look, look.failed.as_ref()?)));
    let failed: Vec<String> = failed
        .map(|(name, look, why)| {
            let known = match look.read {
                Some(at) => format!("what was known {} holds", clock(at, zone)),
                None => "nothing is known of it".to_owned(),
            };
            format!("{name}: {why}; {known}")
        })
        .collect();
    if !failed.is_empty() {
        let begin = if failed.len() == 1 { "a calendar cannot" } else { "calendars cannot" };
        return (State::Warning, format!("{begin} be read: {}", some_of(&failed)));
    }
    let leave: usize = looks.values().map(|look| look.leave).sum();
    let text = format!("calendars: {}, absences ahead: {leave}", looks.len());
    let unread: Vec<String> = looks
        .iter()
        .flat_map(|(name, look)| look.unread.iter().map(move |what| format!("{name}: {what}")))
        .collect();
    match unread.is_empty() {
        true => (State::Ok, text),
        false => (
            State::Warning,
            format!(
                "{text}; not understood, so that of a rule the first time alone is known and of a zone the person's \
                 own is taken: {}",
                some_of(&unread)
            ),
        ),
    }
}

fn some_of(all: &[String]) -> String {
    let named = all.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    match all.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named}, and {more} more"),
    }
}

fn clock(at: Timestamp, zone: &TimeZone) -> String {
    match jiff::Timestamp::from_second(at.0) {
        Ok(at) => at.to_zoned(zone.clone()).strftime("%a %d %b %H:%M").to_string(),
        Err(_) => at.0.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_has_it_is_told_once_after_a_day() {
        let (read, day) = (Timestamp(1_000), TELL_AFTER_SECONDS);
        let at = |look: Look, seconds: i64| look.failed("it is no calendar".into(), read.plus(seconds));
        let fine = Look { read: Some(read), ..Look::default() };
        let failed = at(at(fine, 3_600), 7_200);
        assert!(!failed.is_to_be_told(read.plus(day - 1)) && failed.is_to_be_told(read.plus(day)));
        assert!(!Look { told: true, ..failed }.is_to_be_told(read.plus(2 * day)));
        let never = at(Look::default(), 500);
        assert!(!never.is_to_be_told(read.plus(day)) && never.is_to_be_told(read.plus(day + 500)));
    }

    #[test]
    fn health_says_what_cannot_be_read_and_since_when() {
        let said = |look: Look| standing(&[("ana".into(), look)].into(), &TimeZone::UTC);
        let fine = Look { leave: 3, read: Some(Timestamp(0)), ..Look::default() };
        assert_eq!(said(fine.clone()), (State::Ok, "calendars: 1, absences ahead: 3".to_owned()));
        let failed = Look { failed: Some("it is no calendar".into()), ..fine.clone() };
        let (state, text) = said(failed.clone());
        let known = "what was known Thu 01 Jan 00:00 holds";
        assert_eq!(state, State::Warning);
        assert_eq!(text, format!("a calendar cannot be read: ana: it is no calendar; {known}"));
        let (_, text) = said(Look { read: None, ..failed });
        assert!(text.ends_with("nothing is known of it"), "{text}");
        let rules = ["a", "b", "c", "d"].map(str::to_owned);
        let (state, text) = said(Look { unread: rules.into(), ..fine });
        assert_eq!(state, State::Warning);
        assert!(text.ends_with("ana: a, ana: b, ana: c, and 1 more"), "{text}");
    }
}
