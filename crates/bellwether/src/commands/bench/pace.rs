//! So many a second, for so long.

use std::time::{Duration, Instant};

use crate::failure::Failure;

/// How often a load is topped up: at 50,000 a second in steps of 50, which any receive buffer takes.
const STEP: Duration = Duration::from_millis(1);
/// Sent between two looks at the clock, so that a sender that cannot keep up ends in time all the same.
const AT_ONCE: u64 = 1_000;

#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// 0 = as fast as it goes.
    pub rate: u64,
    pub duration: Duration,
}

/// What a sender says after each piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    More,
    /// There is nothing left to send.
    Done,
}

impl Pace {
    /// This one's part when several send.
    pub fn share(self, index: u64, of: u64) -> Pace {
        let extra = u64::from(index < self.rate % of);
        // A share of nothing would be as fast as it goes.
        let rate = if self.rate == 0 { 0 } else { (self.rate / of + extra).max(1) };
        Pace { rate, ..self }
    }

    /// How many may go now.
    fn due(self, elapsed: Duration, sent: u64) -> u64 {
        let due = match self.rate {
            0 => u64::MAX,
            rate => (elapsed.as_secs_f64() * rate as f64) as u64,
        };
        due.saturating_sub(sent).min(AT_ONCE)
    }

    /// Calls `send` with how many are due; it says how many went and whether there are more.
    pub fn run(self, mut send: impl FnMut(u64) -> Result<(u64, Next), Failure>) -> Result<u64, Failure> {
        let begun = Instant::now();
        let mut sent = 0;
        loop {
            let elapsed = begun.elapsed();
            if elapsed >= self.duration {
                return Ok(sent);
            }
            match self.due(elapsed, sent) {
                0 => std::thread::sleep(STEP),
                due => {
                    let (went, next) = send(due)?;
                    sent += went;
                    if next == Next::Done {
                        return Ok(sent);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due() {
        let check = |rate, milliseconds, sent, expected| {
            let pace = Pace { rate, duration: Duration::from_secs(10) };
            assert_eq!(
                pace.due(Duration::from_millis(milliseconds), sent),
                expected,
                "{rate} {milliseconds}"
            );
        };
        check(50_000, 0, 0, 0);
        check(50_000, 10, 0, 500);
        check(50_000, 10, 500, 0);
        check(50_000, 10, 600, 0);
        // Behind: a bounded piece, then a look at the clock.
        check(50_000, 9_000, 0, AT_ONCE);
        check(0, 0, 0, AT_ONCE);
    }

    #[test]
    fn shares_add_up() {
        let pace = Pace { rate: 10, duration: Duration::ZERO };
        let shares: Vec<u64> = (0..4).map(|index| pace.share(index, 4).rate).collect();
        assert_eq!(shares, [3, 3, 2, 2]);
        assert_eq!(Pace { rate: 0, ..pace }.share(1, 4).rate, 0);
        assert_eq!(Pace { rate: 1, ..pace }.share(1, 4).rate, 1);
    }

    #[test]
    fn ends_when_the_sender_is_done_or_the_time_is_over() {
        let pace = Pace { rate: 0, duration: Duration::from_secs(600) };
        let mut left = 2_500;
        let sent = pace.run(|due| {
            let went = due.min(left);
            left -= went;
            Ok((went, if left == 0 { Next::Done } else { Next::More }))
        });
        assert_eq!(sent.ok(), Some(2_500));
        let over = Pace { rate: 0, duration: Duration::ZERO };
        assert_eq!(over.run(|due| Ok((due, Next::More))).ok(), Some(0));
    }
}
