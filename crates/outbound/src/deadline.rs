//! Every wait ends.

use std::time::Duration;

use tokio::time::Instant;

use crate::failure::{Failure, Kind};

/// A moment after which nothing is waited for, and how long that was at the start.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    at: Instant,
    patience: Duration,
}

impl Deadline {
    pub fn after(patience: Duration) -> Deadline {
        Deadline { at: Instant::now() + patience, patience }
    }

    /// This one, or so long from now if that is earlier.
    pub fn or_after(self, patience: Duration) -> Deadline {
        let other = Deadline::after(patience);
        if other.at < self.at { other } else { self }
    }

    pub fn left(self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }

    pub async fn within<T>(
        self,
        doing: &str,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        match tokio::time::timeout_at(self.at, work).await {
            Ok(done) => done,
            Err(_) => {
                // What is left of a second after a look-up is said as people would.
                let seconds = (self.patience.as_secs_f64() * 100.0).round() / 100.0;
                Err(Failure::new(Kind::Late, format!("{doing}: no answer within {seconds} s")))
            }
        }
    }
}
