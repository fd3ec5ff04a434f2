//! Guessing passwords is made slow: each source has a handful of tries a minute for each name and some more for
//! all names, all sources together some more.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use axum::http::StatusCode;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use vocabulary::Timestamp;

use crate::answer::Problem;

const TRIES_PER_NAME: u32 = 5;
/// One source alone must not be able to fill the table and lock everybody out.
const TRIES_PER_SOURCE: u32 = 20;
/// Bounds the table, and the time that Argon2 may take, when many sources guess at once.
const TRIES_PER_MINUTE: usize = 100;

/// Passwords that are checked at the same time: each takes 19 MiB, and so few cannot use up a name's tries while
/// all of them are right (a dashboard that asks twenty questions at once).
const CHECKED_AT_ONCE: usize = 2;

pub struct Attempts {
    minute: Mutex<Minute>,
    turns: Arc<Semaphore>,
}

impl Default for Attempts {
    fn default() -> Attempts {
        Attempts { minute: Mutex::default(), turns: Arc::new(Semaphore::new(CHECKED_AT_ONCE)) }
    }
}

const _: () = assert!(CHECKED_AT_ONCE < TRIES_PER_NAME as usize);

#[derive(Default)]
struct Minute {
    number: i64,
    tries: HashMap<(IpAddr, String), u32>,
}

impl Attempts {
    /// To be held while a password is checked.
    pub async fn turn(&self) -> Result<OwnedSemaphorePermit, Problem> {
        self.turns.clone().acquire_owned().await.map_err(Problem::internal)
    }

    pub fn allow(&self, source: IpAddr, name: &str, now: Timestamp) -> Result<(), Problem> {
        let source = network(source);
        let mut minute = self.minute.lock();
        if minute.number != now.0 / 60 {
            *minute = Minute { number: now.0 / 60, tries: HashMap::new() };
        }
        let tries = &mut minute.tries;
        let key = key(source, name);
        let of_source: u32 =
            tries.iter().filter(|((each, _), _)| *each == source).map(|(_, count)| count).sum();
        let full = tries.len() >= TRIES_PER_MINUTE && !tries.contains_key(&key);
        let count = tries.get(&key).copied().unwrap_or(0);
        if full || of_source >= TRIES_PER_SOURCE || count >= TRIES_PER_NAME {
            return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "too many tries to sign in")
                .hint("wait a minute and try again"));
        }
        tries.insert(key, count + 1);
        Ok(())
    }

    pub fn succeeded(&self, source: IpAddr, name: &str) {
        self.minute.lock().tries.remove(&key(source, name));
    }
}

fn key(source: IpAddr, name: &str) -> (IpAddr, String) {
    (network(source), name.chars().take(100).collect())
}

/// Whoever has one address of IPv6 has all 2^64 of its network: they are one source.
fn network(source: IpAddr) -> IpAddr {
    match source {
        IpAddr::V4(_) => source,
        IpAddr::V6(address) => std::net::Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const THERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    #[test]
    fn tries_run_out_and_come_back() {
        let attempts = Attempts::default();
        let now = Timestamp(600);
        for _ in 0..TRIES_PER_NAME {
            attempts.allow(HERE, "ana", now).unwrap();
        }
        assert!(attempts.allow(HERE, "ana", now).is_err());
        attempts.allow(THERE, "ana", now).unwrap();
        attempts.allow(HERE, "ana", now.plus(60)).unwrap();
    }

    #[test]
    fn one_source_cannot_lock_the_others_out() {
        let attempts = Attempts::default();
        let allowed =
            (0..500).filter(|n| attempts.allow(HERE, &format!("n{n}"), Timestamp(0)).is_ok()).count();
        assert_eq!(allowed, TRIES_PER_SOURCE as usize);
        attempts.allow(THERE, "ana", Timestamp(0)).unwrap();
    }

    #[test]
    fn a_network_of_ipv6_is_one_source() {
        let attempts = Attempts::default();
        let at = |text: &str| text.parse::<IpAddr>().unwrap();
        let allowed = (0..100)
            .filter(|n| attempts.allow(at(&format!("2001:db8:0:1::{n:x}")), "ana", Timestamp(0)).is_ok());
        assert_eq!(allowed.count(), TRIES_PER_NAME as usize);
        attempts.allow(at("2001:db8:0:2::1"), "ana", Timestamp(0)).unwrap();
        attempts.succeeded(at("2001:db8:0:1::ffff"), "ana");
        attempts.allow(at("2001:db8:0:1::1"), "ana", Timestamp(0)).unwrap();
    }

    #[test]
    fn success_forgives() {
        let attempts = Attempts::default();
        for _ in 0..20 {
            attempts.allow(HERE, "ana", Timestamp(0)).unwrap();
            attempts.succeeded(HERE, "ana");
        }
    }
}
