//! The task that asks a channel's provider what people did there, while there is anything to answer.

use std::sync::Arc;
use std::time::Duration;

use incidents::{Answer, Desk, Handle, What};
use tokio::sync::watch;

use crate::channels::{Ear, Heard, Outcome, Post, Said, Whose};
use crate::limits::{CLOCKS_DIFFER_SECONDS, LOOK_EVERY, RETRY_AFTER_MAX};
use crate::retry::pause;
use crate::sender::{Settings, Shared};

pub(crate) struct Listening {
    pub name: String,
    pub ear: Box<dyn Ear>,
    pub settings: Arc<Settings>,
    pub shared: Arc<Shared>,
    /// All that was said before this second has been heard.
    pub heard_until: i64,
}

impl Listening {
    pub async fn run(mut self, mut stopped: watch::Receiver<bool>) {
        let mut failures = 0;
        while !*stopped.borrow_and_update() {
            let woken = self.shared.woken.clone();
            let woken = woken.notified();
            tokio::pin!(woken);
            woken.as_mut().enable();
            let (open, cursor) = self.look().await;
            if open.is_empty() && !self.ear.is_always_open() {
                tokio::select! {
                    () = tokio::time::sleep(LOOK_EVERY) => {}
                    () = woken => {}
                    _ = stopped.changed() => {}
                }
                continue;
            }
            let wait = tokio::select! {
                wait = self.round(&open, &cursor, &mut failures) => wait,
                // What was not heard is asked for again.
                _ = stopped.changed() => continue,
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                _ = stopped.changed() => {}
            }
        }
    }

    /// What can be answered, and how far was read.
    async fn look(&self) -> (Vec<Handle>, String) {
        let (shared, name) = (self.shared.clone(), self.name.clone());
        let looked = tokio::task::spawn_blocking(move || {
            let open = shared.desk.answerable(&name);
            let open = open.inspect_err(|error| tracing::error!(%error, "pages that may be answered"));
            let cursor = shared.desk.cursor(&name).unwrap_or_default();
            (open.unwrap_or_default(), cursor)
        });
        looked.await.unwrap_or_default()
    }

    /// How long there is nothing to do.
    async fn round(&mut self, open: &[Handle], cursor: &str, failures: &mut u32) -> Duration {
        let now = self.shared.clock.now().0;
        let (settings, shared) = (self.settings.clone(), self.shared.clone());
        let surroundings = &shared.surroundings;
        let gone = |contact: &str, kind: &str, address: &str| surroundings.gone(contact, kind, address);
        let post = Post { settings: &settings, egress: &shared.egress, now, since: now, gone: &gone };
        match self.ear.listen(open, cursor, &post).await {
            Ok(heard) => {
                *failures = 0;
                let is_all = heard.is_all;
                let (came, is_done) = self.carry(heard).await;
                if is_all && is_done {
                    self.heard_until = now;
                }
                self.ear.tell(&came, &post).await;
                self.ear.every()
            }
            Err(failure) => {
                let after = failure.after().unwrap_or_default().min(RETRY_AFTER_MAX);
                let wait =
                    pause(*failures, open.first().map_or(0, |one| one.page)).max(after).max(self.ear.every());
                *failures += 1;
                // Once is enough until it works again.
                match *failures {
                    1 => tracing::warn!(
                        channel = self.name,
                        why = failure.why(),
                        "nobody could be asked who has it"
                    ),
                    _ => tracing::debug!(
                        channel = self.name,
                        why = failure.why(),
                        "nor can anybody be asked now"
                    ),
                }
                wait
            }
        }
    }

    /// What came of each; and whether none of it is heard again.
    async fn carry(&self, heard: Heard) -> (Vec<(Said, Outcome)>, bool) {
        let Heard { said, cursor, .. } = heard;
        if said.is_empty() && cursor.is_none() {
            return (Vec::new(), true);
        }
        // The question may have taken a while, and pages that were delivered meanwhile may be answered already.
        let (open, _) = self.look().await;
        let (shared, name, heard_until) = (self.shared.clone(), self.name.clone(), self.heard_until);
        let done = tokio::task::spawn_blocking(move || {
            let came: Vec<(Said, Outcome)> =
                said.into_iter().map(|said| carry_out(&shared, &open, said, heard_until)).collect();
            if came.iter().any(|(_, outcome)| *outcome == Outcome::NotNow) {
                return (came, false);
            }
            // After the deeds: what is read twice is done once, what is not read is lost.
            let kept = cursor.map(|cursor| shared.desk.set_cursor(&name, &cursor));
            if let Some(Err(error)) = &kept {
                tracing::error!(%error, channel = name, "how far answers were read could not be written");
            }
            (came, !matches!(kept, Some(Err(_))))
        });
        // A task that panicked has said so.
        done.await.unwrap_or_default()
    }
}

fn carry_out(shared: &Shared, open: &[Handle], said: Said, heard_until: i64) -> (Said, Outcome) {
    let outcome = match answer(&shared.desk, open, &said, heard_until) {
        Ok(answer) if shared.surroundings.answered(&answer) => Outcome::Done,
        Ok(_) => Outcome::NotNow,
        Err(outcome) => outcome,
    };
    (said, outcome)
}

/// Whose deed it is. What is of nobody here, or of an incident that somebody has, is none. `heard_until`: it was said no
/// sooner than this.
pub(crate) fn answer(desk: &Desk, open: &[Handle], said: &Said, heard_until: i64) -> Result<Answer, Outcome> {
    let by_page = |page: i64| open.iter().find(|one| one.page == page).ok_or(Outcome::Over);
    let (incident, contact) = match &said.whose {
        Whose::Page(page) => by_page(*page).map(|one| (one.incident, one.contact.clone()))?,
        Whose::PageCalled(page, handle) => {
            let one = by_page(*page)?;
            let is_of_page = one.handle == *handle;
            // It may have waited since before that, unless all that waited was heard since then.
            let said_after = one.made.max(heard_until.saturating_sub(1));
            if is_of_page && desk.ran_out_at(one.incident).is_some_and(|out| said_after < out) {
                return Err(Outcome::Older);
            }
            is_of_page.then(|| (one.incident, one.contact.clone())).ok_or(Outcome::Stranger)?
        }
        Whose::Token { token, at } => {
            let (incident, contact) = desk.read_token(token).ok_or(Outcome::Stranger)?;
            if desk.ran_out_at(incident).is_some_and(|out| *at < out - CLOCKS_DIFFER_SECONDS) {
                return Err(Outcome::Older);
            }
            (incident, contact.into())
        }
        Whose::Person { incident, way, at } => {
            (*incident, desk.contact_reached(way, at).ok_or(Outcome::Stranger)?)
        }
    };
    // Of the incident, not of its pages: whoever is quick presses before it is noted what the page is called there.
    let taken = desk.is_taken(incident, said.what);
    let taken = taken.inspect_err(|error| tracing::error!(%error, "an answer to a page"));
    match taken.map_err(|_| Outcome::NotNow)? {
        None => return Err(Outcome::Over),
        Some(true) if said.what == What::Acknowledge => return Err(Outcome::Taken),
        Some(_) => {}
    }
    Ok(Answer { incident, contact, what: said.what, how: said.how.clone() })
}

#[cfg(test)]
mod tests {
    use incidents::book::{Book, Contact, Kind, Subject};
    use incidents::desk::Attempt;
    use incidents::{Deed, IncidentsConfig};
    use state_store::StateStore;
    use vocabulary::Timestamp;
    use vocabulary::state::{InstanceId, State, StateChange, StateType};

    use super::*;

    fn desk(directory: &tempfile::TempDir) -> Desk {
        let migrations = [incidents::MIGRATIONS, incidents::oncall::MIGRATIONS];
        let store = StateStore::open(&directory.path().join("state.db"), &migrations).unwrap();
        let config = IncidentsConfig { night: "off".into(), ..IncidentsConfig::default() };
        let mut book = Book { config, ..Book::default() };
        book.contacts
            .insert("ana".into(), Contact { channels: vec!["telegram".into()], ..Contact::default() });
        let subject = Subject { kind: Kind::Monitor, contacts: vec!["ana".into()], ..Subject::default() };
        book.subjects.insert((false, "latency".into()), subject);
        Desk::open(Arc::new(store), book, b"secret").unwrap()
    }

    fn is_shown(desk: &Desk, handle: &str, now: i64) -> i64 {
        let page = desk.due("telegram", i64::MAX, 1).pop().unwrap().page;
        let taken = Attempt::Taken { handle: handle.to_owned() };
        desk.record("telegram", &[(page.id, taken)], Timestamp(now)).unwrap();
        page.id
    }

    #[test]
    fn what_was_pressed_before_it_opened_again_acknowledges_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let desk = desk(&directory);
        let bad = StateChange {
            id: InstanceId { monitor: "latency".into(), instance: "".into() },
            at: Timestamp(1_000),
            from: State::Ok,
            from_type: StateType::Hard,
            to: State::Critical,
            to_type: StateType::Hard,
            attempt: 1,
            value: None,
            text: "slow".into(),
            withheld: None,
            since: None,
            of_sender: None,
        };
        desk.take(&[bad], &[], Timestamp(1_000)).unwrap();
        let first = is_shown(&desk, "-5/3", 1_001);
        let said = |whose: Whose| Said { whose, what: What::Acknowledge, how: String::new() };
        let token = |at| said(Whose::Token { token: desk.acknowledge_token(1, "ana"), at });
        let button = |page, handle: &str| said(Whose::PageCalled(page, handle.into()));
        let answer_after = |second, said: Said| {
            let open = desk.answerable("telegram").unwrap();
            answer(&desk, &open, &said, second).map(|it| it.incident)
        };
        let answers = |said: Said| answer_after(i64::MIN, said);
        assert_eq!(answers(token(1_100)), Ok(1));
        assert_eq!(answers(button(first, "-5/3")), Ok(1));
        let comment = String::new;
        desk.act(1, "bea", &Deed::Resolve { comment: comment(), helped: comment() }, Timestamp(1_500))
            .unwrap();
        is_shown(&desk, "-5/4", 1_501);
        desk.act(1, "bea", &Deed::Reopen { comment: comment(), back: Vec::new() }, Timestamp(2_000)).unwrap();
        let again = is_shown(&desk, "-5/5", 2_001);
        assert_eq!(answers(token(1_600)), Err(Outcome::Older));
        assert_eq!(answers(token(2_100)), Ok(1));
        assert_eq!(answers(button(first, "-5/3")), Err(Outcome::Older));
        assert_eq!(answer_after(2_000, button(first, "-5/3")), Err(Outcome::Older));
        assert_eq!(answer_after(2_001, button(first, "-5/3")), Ok(1), "all of before was heard since then");
        assert_eq!(answers(button(again, "-5/5")), Ok(1));
        assert_eq!(answers(button(again, "-5/3")), Err(Outcome::Stranger));
    }
}
