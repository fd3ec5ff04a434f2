//! A question at a fixed pace: how most answers are heard.

use std::time::Duration;

use incidents::Handle;

use super::{Ear, Heard, Outcome, Post, Said, Work};
use crate::retry::Failure;

/// Knows how to ask what people did.
pub trait Asks: Send + Sync {
    /// Between two questions.
    const EVERY: Duration;
    /// Nothing but an acknowledgement comes back: when somebody has all that is open nothing is asked.
    const ENDS_WHEN_TAKEN: bool = false;
    const ALWAYS_OPEN: bool = false;

    fn ask(
        &mut self,
        open: &[Handle],
        cursor: &str,
        post: &Post<'_>,
    ) -> impl Future<Output = Result<Heard, Failure>> + Send;

    /// What came of all that was heard last.
    fn told(&mut self, _came: &[(Said, Outcome)], _post: &Post<'_>) -> impl Future<Output = ()> + Send {
        async {}
    }
}

impl<A: Asks> Ear for A {
    fn every(&self) -> Duration {
        A::EVERY
    }

    fn is_always_open(&self) -> bool {
        A::ALWAYS_OPEN
    }

    fn listen<'w>(
        &'w mut self,
        open: &'w [Handle],
        cursor: &'w str,
        post: &'w Post<'w>,
    ) -> Work<'w, Result<Heard, Failure>> {
        if A::ENDS_WHEN_TAKEN && open.iter().all(|one| one.acknowledged) {
            return Box::pin(async { Ok(Heard::default()) });
        }
        Box::pin(self.ask(open, cursor, post))
    }

    fn tell<'w>(&'w mut self, came: &'w [(Said, Outcome)], post: &'w Post<'w>) -> Work<'w, ()> {
        Box::pin(self.told(came, post))
    }
}
