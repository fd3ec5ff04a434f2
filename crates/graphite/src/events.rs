//! The port to annotations, for the function `events`.

use vocabulary::Timestamp;

pub trait Events: Send + Sync {
    /// The moments of all events in from..=until, in order, that carry all of the tags (without tags: of all).
    fn moments(&self, from: Timestamp, until: Timestamp, tags: &[String]) -> Vec<Timestamp>;
}

/// For those who have no events.
pub struct NoEvents;

impl Events for NoEvents {
    fn moments(&self, _: Timestamp, _: Timestamp, _: &[String]) -> Vec<Timestamp> {
        Vec::new()
    }
}
