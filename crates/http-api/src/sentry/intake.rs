//! The door to what keeps events: the binary stands behind it.

use std::sync::Arc;

use error_tracking::{Digested, News, Project};
use tokio::sync::oneshot;

/// An event, ready to be kept.
pub struct Incoming {
    pub project: Arc<Project>,
    pub event: Digested,
}

/// What became of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Kept {
        group: u64,
        short: String,
        news: Option<News>,
    },
    /// It was there already.
    Doubled,
}

/// Nothing of it is kept, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotKept(pub String);

/// Too many wait already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy;

pub type Answered = oneshot::Receiver<Result<Vec<Outcome>, NotKept>>;

pub trait ErrorIntake: Send + Sync {
    /// Does not wait itself. What is answered is kept: with the kernel, and on the disk if it opened or reopened a group.
    fn take(&self, events: Vec<Incoming>) -> Result<Answered, Busy>;
}
