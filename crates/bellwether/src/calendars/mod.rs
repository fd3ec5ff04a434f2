//! Calendars that others keep: when people are away, and whose turn it is in layers that have one. Each is looked up each hour,
//! and at once when another one is configured. While one cannot be read, what was known of it holds.
//!
//! | module | holds |
//! |---|---|
//! | [`reading`] | the text of a calendar, from a server or a file |
//! | [`occurring`] | when events come |
//! | [`recurring`] | on which days an event comes again |
//! | [`absences`] | when somebody is away by them |
//! | [`shifts`] | whose turn it is by them |
//! | [`kinds`] | what each calendar is for: whose it is, where what it says goes, who hears of trouble |
//! | [`standing`] | how they are, for health |

mod absences;
mod kinds;
mod occurring;
mod reading;
mod recurring;
mod shifts;
mod standing;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinSet;
use vocabulary::Timestamp;

use crate::house::{House, Phase};

use kinds::{Of, Wanted};

pub use standing::parts;

const LOOK_EVERY: Duration = Duration::from_secs(1);
const FETCH_EVERY: Duration = Duration::from_secs(3_600);
/// A calendar that cannot be read is tried again sooner.
const RETRY_AFTER: Duration = Duration::from_secs(300);
/// What a server calls the same is read anew all the same: rules go on, and who looks ahead sees more of them.
const WHOLE_EVERY: Duration = Duration::from_secs(86_400);
/// After so long those hear of it who have a calendar that cannot be read.
const TELL_AFTER_SECONDS: i64 = 86_400;
/// So many calendars are looked at at the same time.
const AT_ONCE: usize = 8;

/// How the last look at each calendar went; for health.
pub type Looks = BTreeMap<Of, Look>;

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
    /// Absences or turns that are not over.
    pub ahead: usize,
    /// What of it was not understood.
    pub unread: BTreeSet<String>,
    /// Of shifts: who is named and is none of the layer's people, and how often.
    pub strangers: BTreeMap<String, usize>,
}

/// The version that was read, and until when that is believed.
type Tag = (String, Instant);

struct Due {
    wanted: Wanted,
    at: Instant,
    tag: Option<Tag>,
}

pub async fn run(house: Arc<House>, mut stopped: watch::Receiver<bool>) {
    let mut due: BTreeMap<Of, Due> = BTreeMap::new();
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
async fn look_at_those_due(house: &Arc<House>, due: &mut BTreeMap<Of, Due>) {
    let asked = house.clone();
    // Off the runtime, as the desk may wait for the disk.
    let asked = tokio::task::spawn_blocking(move || (kinds::wanted(&asked), kinds::known(&asked)));
    let Ok((wanted, known)) = asked.await else { return };
    let named = known.keys().chain(due.keys()).cloned();
    let gone: BTreeSet<Of> = named.filter(|of| !wanted.contains_key(of)).collect();
    for of in gone {
        forget(house, &of, due).await;
    }
    let mut looks = JoinSet::new();
    for (of, wanted) in wanted {
        let before = due.get(&of).filter(|due| due.wanted == wanted);
        if before.is_some_and(|due| due.at > Instant::now()) {
            continue;
        }
        let tag = before.and_then(|due| due.tag.clone()).filter(|(_, until)| Instant::now() < *until);
        if looks.len() >= AT_ONCE
            && let Some(Ok((of, next))) = looks.join_next().await
        {
            due.insert(of, next);
        }
        let last = known.get(&of).copied();
        looks.spawn(look(house.clone(), of, wanted, tag, last));
    }
    while let Some(looked) = looks.join_next().await {
        // One that panicked has said so, and is looked at again.
        due.extend(looked.ok());
    }
}

/// What it said holds no more, also if it was taken out while this server was down.
async fn forget(house: &Arc<House>, of: &Of, due: &mut BTreeMap<Of, Due>) {
    let gone = of.clone();
    match off_runtime(house, move |house, now| kinds::forget(house, &gone, now)).await {
        Ok(()) => {
            due.remove(of);
            house.calendars.lock().remove(of);
        }
        // It is tried again in the next second.
        Err(why) => tracing::warn!(calendar = %of, why, "that a calendar is gone cannot be kept"),
    }
}

/// Returns when it is looked at again. `last`: when it was read, by this process or the one before it.
async fn look(
    house: Arc<House>,
    of: Of,
    wanted: Wanted,
    tag: Option<Tag>,
    last: Option<Timestamp>,
) -> (Of, Due) {
    let before = house.calendars.lock().get(&of).cloned();
    let before = Look { read: last, ..before.unwrap_or_default() };
    let (look, next) = match read(&house, &of, &wanted, tag, &before).await {
        Ok((look, tag)) => (look, Due { wanted, at: Instant::now() + FETCH_EVERY, tag }),
        Err(why) => {
            tracing::warn!(calendar = %of, why, "a calendar cannot be read: what was known of it holds");
            let failed = before.failed(why, house.clock.now());
            let failed = tell_in_time(&house, &of, &wanted, failed).await;
            (failed, Due { wanted, at: Instant::now() + RETRY_AFTER, tag: None })
        }
    };
    note(&house, &of, look).await;
    (of, next)
}

/// For health, and for the page of who is on call.
async fn note(house: &Arc<House>, of: &Of, look: Look) {
    house.calendars.lock().insert(of.clone(), look.clone());
    let noted = of.clone();
    let done = off_runtime(house, move |house, now| {
        kinds::doubt(house, &noted, &look, now);
        Ok(())
    });
    if let Err(why) = done.await {
        tracing::warn!(calendar = %of, why, "what is wrong with a calendar could not be noted");
    }
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
async fn tell_in_time(house: &Arc<House>, of: &Of, wanted: &Wanted, mut look: Look) -> Look {
    if !look.is_to_be_told(house.clock.now()) {
        return look;
    }
    let (meant, wanted, why) = (of.clone(), wanted.clone(), look.failed.clone().unwrap_or_default());
    match off_runtime(house, move |house, now| kinds::tell(house, &meant, &wanted, &why, now)).await {
        Ok(()) => look.told = true,
        Err(why) => {
            tracing::warn!(calendar = %of, why, "that a calendar cannot be read could not be told")
        }
    }
    look
}

async fn read(
    house: &Arc<House>,
    of: &Of,
    wanted: &Wanted,
    tag: Option<Tag>,
    before: &Look,
) -> Result<(Look, Option<Tag>), String> {
    let known = tag.as_ref().map(|(tag, _)| tag.as_str());
    let (text, of) = (reading::text_of(&house.egress, &wanted.place.0, known).await?, of.clone());
    let Some(reading::Text { text, tag: new }) = text else {
        let read = off_runtime(house, move |house, now| {
            kinds::is_the_same(house, &of, now)?;
            Ok(now)
        });
        let Look { ahead, unread, strangers, .. } = before.clone();
        let look = Look { read: Some(read.await?), ahead, unread, strangers, ..Look::default() };
        return Ok((look, tag));
    };
    let wanted = wanted.clone();
    let look = off_runtime(house, move |house, now| kinds::take(house, &of, &wanted, &text, now)).await?;
    Ok((look, new.map(|tag| (tag, Instant::now() + WHOLE_EVERY))))
}

/// Long work, and what waits for the disk.
async fn off_runtime<T: Send + 'static>(
    house: &Arc<House>,
    work: impl FnOnce(&House, Timestamp) -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    let house = house.clone();
    let done = tokio::task::spawn_blocking(move || work(&house, house.clock.now()));
    done.await.map_err(|error| error.to_string())?
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
}
