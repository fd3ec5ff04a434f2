//! How much a project may send: so many in five minutes. What is beyond is refused before it is read.

use std::collections::HashMap;
use std::hash::Hash;

use parking_lot::Mutex;
use vocabulary::Timestamp;

const WINDOW_SECONDS: i64 = 300;

/// What each project, or each key, has sent in the present five minutes.
#[derive(Debug)]
pub struct Quota<K = u64>(Mutex<Windows<K>>);

#[derive(Debug)]
struct Windows<K> {
    began: i64,
    sent: HashMap<K, u64>,
}

/// Derived, it would ask the same of the keys.
impl<K> Default for Quota<K> {
    fn default() -> Quota<K> {
        Quota(Mutex::new(Windows { began: 0, sent: HashMap::new() }))
    }
}

/// Beyond what it may send; it may again in so many seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beyond {
    pub retry_after_seconds: u64,
}

impl<K: Eq + Hash> Quota<K> {
    /// One more. `most`: 0 for no limit.
    pub fn admit(&self, of: K, most: u64, now: Timestamp) -> Result<(), Beyond> {
        self.admit_many(of, 1, most, now)
    }

    /// All of it or nothing. `most`: 0 for no limit.
    pub fn admit_many(&self, of: K, amount: u64, most: u64, now: Timestamp) -> Result<(), Beyond> {
        if most == 0 {
            return Ok(());
        }
        let mut windows = self.0.lock();
        let began = now.0 - now.0.rem_euclid(WINDOW_SECONDS);
        if windows.began != began {
            *windows = Windows { began, sent: HashMap::new() };
        }
        let sent = windows.sent.entry(of).or_default();
        if sent.saturating_add(amount) > most {
            let left = began + WINDOW_SECONDS - now.0;
            return Err(Beyond { retry_after_seconds: left.max(1).unsigned_abs() });
        }
        *sent += amount;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_beyond_waits_for_the_next_five_minutes() {
        let quota = Quota::default();
        let admit = |project, at| quota.admit(project, 2, Timestamp(at));
        assert_eq!((admit(1, 600), admit(1, 601)), (Ok(()), Ok(())));
        assert_eq!(admit(1, 610), Err(Beyond { retry_after_seconds: 290 }));
        assert_eq!(admit(2, 610), Ok(()), "another project's is its own");
        assert_eq!(admit(1, 900), Ok(()));
        assert_eq!(quota.admit(1, 0, Timestamp(900)), Ok(()), "no limit");
    }

    #[test]
    fn what_does_not_fit_as_a_whole_takes_nothing() {
        let quota = Quota::default();
        let admit = |amount| quota.admit_many(1, amount, 10, Timestamp(600));
        assert_eq!((admit(7), admit(4), admit(3), admit(1)), (Ok(()), BEYOND, Ok(()), BEYOND));
        assert_eq!(quota.admit_many(1, u64::MAX, 10, Timestamp(600)), BEYOND);
    }

    #[test]
    fn keys_have_their_own() {
        let quota: Quota<String> = Quota::default();
        let admit = |key: &str| quota.admit(key.to_owned(), 1, Timestamp(600));
        assert_eq!((admit("a"), admit("a"), admit("b")), (Ok(()), BEYOND, Ok(())));
    }

    const BEYOND: Result<(), Beyond> = Err(Beyond { retry_after_seconds: 300 });
}
