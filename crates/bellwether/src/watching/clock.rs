//! Was the clock set?

use std::time::{Duration, Instant};

use vocabulary::Clock;

/// A wall clock that moved so much further than time did was set.
const CLOCK_STEP: Duration = Duration::from_secs(3);

/// The wall clock against time itself.
pub struct Seen {
    wall: Duration,
    at: Instant,
}

impl Seen {
    pub fn new(clock: &dyn Clock) -> Seen {
        Seen { wall: clock.since_epoch(), at: Instant::now() }
    }

    /// Was it set since it was looked at last?
    pub fn stepped(&mut self, clock: &dyn Clock) -> bool {
        let now = Seen::new(clock);
        let passed = now.at - self.at;
        let expected = self.wall + passed;
        let stepped = now.wall.abs_diff(expected) > CLOCK_STEP;
        *self = now;
        stepped
    }
}
