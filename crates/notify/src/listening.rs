//! The task that asks a channel's provider what people did there, while there is anything to answer.

use std::sync::Arc;
use std::time::Duration;

use incidents::{Answer, Handle, What};
use tokio::sync::watch;

use crate::channels::{Ear, Heard, Post, Said, Whose};
use crate::limits::LOOK_EVERY;
use crate::retry::pause;
use crate::sender::{Settings, Shared};

pub(crate) struct Listening {
    pub name: String,
    pub ear: Box<dyn Ear>,
    pub settings: Arc<Settings>,
    pub shared: Arc<Shared>,
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
            if open.is_empty() {
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
        let post = Post { settings: &self.settings, egress: &self.shared.egress, now };
        match self.ear.listen(open, cursor, &post).await {
            Ok(heard) => {
                *failures = 0;
                self.carry(heard).await;
                self.ear.every()
            }
            Err(failure) => {
                let after = failure.after().unwrap_or_default();
                let wait = pause(*failures, open[0].page).max(after).max(self.ear.every());
                *failures += 1;
                tracing::warn!(channel = self.name, why = failure.why(), "nobody could be asked who has it");
                wait
            }
        }
    }

    async fn carry(&self, heard: Heard) {
        let Heard { said, cursor } = heard;
        if said.is_empty() && cursor.is_none() {
            return;
        }
        // The question may have taken a while, and pages that were delivered meanwhile may be answered already.
        let (open, _) = self.look().await;
        let answers: Vec<Answer> = said.into_iter().filter_map(|said| self.answer(&open, said)).collect();
        let (shared, name) = (self.shared.clone(), self.name.clone());
        let done = tokio::task::spawn_blocking(move || {
            if !answers.iter().all(|answer| shared.surroundings.answered(answer)) {
                return;
            }
            // After the deeds: what is read twice is done once, what is not read is lost.
            let kept = cursor.map(|cursor| shared.desk.set_cursor(&name, &cursor));
            if let Some(Err(error)) = kept {
                tracing::error!(%error, channel = name, "how far answers were read could not be written");
            }
        });
        // A task that panicked has said so.
        let _ = done.await;
    }

    /// Whose deed it is. What is of nobody here, or of an incident that somebody has, is none.
    fn answer(&self, open: &[Handle], said: Said) -> Option<Answer> {
        let by_page = |page: i64| open.iter().find(|one| one.page == page);
        let (incident, contact) = match &said.whose {
            Whose::Page(page) => by_page(*page).map(|one| (one.incident, one.contact.clone()))?,
            Whose::PageCalled(page, handle) => by_page(*page)
                .filter(|one| one.handle == *handle)
                .map(|one| (one.incident, one.contact.clone()))?,
            Whose::Token(token) => {
                let (incident, contact) = self.shared.desk.read_token(token)?;
                (incident, contact.into())
            }
        };
        let of_incident = open.iter().find(|one| one.incident == incident)?;
        let is_new = said.what != What::Acknowledge || !of_incident.acknowledged;
        is_new.then_some(Answer { incident, contact, what: said.what, how: said.how })
    }
}
