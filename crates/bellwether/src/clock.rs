//! The real clock. Everybody else is handed this one, or a test's.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use vocabulary::Clock;

pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the machine for the time")]
    fn since_epoch(&self) -> Duration {
        // A machine set to before 1970 has no time worth telling.
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }
}
