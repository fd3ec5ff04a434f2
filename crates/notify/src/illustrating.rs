//! The task that sends graphs after their pages. It has a queue of its own: a graph that cannot be drawn, or is taken
//! slowly, delays no page.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use crate::channels::pictures::{Illustrator, Shown};
use crate::channels::{Letter, Post};
use crate::limits::PICTURE_BYTES;
use crate::sender::{Settings, Shared};

/// A page that was taken.
pub(crate) struct Told {
    pub letter: Letter,
    pub handle: Option<String>,
}

pub(crate) struct Illustrating {
    pub name: String,
    pub illustrator: Box<dyn Illustrator>,
    pub settings: Arc<Settings>,
    pub shared: Arc<Shared>,
    pub told: mpsc::Receiver<Told>,
}

impl Illustrating {
    pub async fn run(mut self, mut stopped: watch::Receiver<bool>) {
        while !*stopped.borrow_and_update() {
            let told = tokio::select! {
                told = self.told.recv() => told,
                _ = stopped.changed() => None,
            };
            let Some(told) = told else { return };
            tokio::select! {
                () = self.show(told) => {}
                // A graph is worth no delay of the stop.
                _ = stopped.changed() => return,
            }
        }
    }

    async fn show(&self, told: Told) {
        let Some(token) = told.letter.token.clone() else { return };
        let shared = self.shared.clone();
        let drawn = tokio::task::spawn_blocking(move || shared.surroundings.picture(&token));
        // Nothing is measured of it, or a task that panicked has said so.
        let Ok(Some(picture)) = drawn.await else { return };
        let Told { letter, handle } = told;
        let page = letter.waiting.page.id;
        if picture.len() > PICTURE_BYTES {
            tracing::warn!(channel = self.name, page, "a page went without its graph: it is too large");
            return;
        }
        let shown = Shown { letter, handle, picture };
        let now = self.shared.clock.now().0;
        let surroundings = &self.shared.surroundings;
        let gone = |contact: &str, kind: &str, address: &str| surroundings.gone(contact, kind, address);
        let (settings, egress) = (&self.settings, &self.shared.egress);
        let post = Post { settings, egress, now, since: now, gone: &gone };
        if let Err(failure) = self.illustrator.show(&shown, &post).await {
            tracing::warn!(channel = self.name, page, why = failure.why(), "a page went without its graph");
        }
    }
}
