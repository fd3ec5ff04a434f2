//! Guessing passwords is made slow: each source has a handful of tries a minute for each name and some more for all
//! names. Nobody's guessing uses up what another has: what is counted is counted by source, in tables that are as large
//! with a million sources as with one.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::Arc;

use axum::http::StatusCode;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use vocabulary::Timestamp;

use crate::answer::Problem;
use crate::sources::network;

const TRIES_PER_NAME: u8 = 5;
const TRIES_PER_SOURCE: u8 = 20;
/// Cells of each row, a byte each. Ten thousand sources that guess as much as they may make one honest try in
/// fifty wait for the next minute.
const CELLS: usize = 1 << 18;

/// Passwords that are checked at the same time: each takes 19 MiB, and so few cannot use up a name's tries while
/// all of them are right (a dashboard that asks twenty questions at once).
const CHECKED_AT_ONCE: usize = 2;
/// Of those whose source failed in this minute: they wait for each other, and nobody else for them.
const CHECKED_AGAIN_AT_ONCE: usize = 1;

pub struct Attempts {
    minute: Mutex<Minute>,
    turns: Arc<Semaphore>,
    turns_again: Arc<Semaphore>,
}

impl Default for Attempts {
    fn default() -> Attempts {
        Attempts {
            minute: Mutex::new(Minute::new(0)),
            turns: Arc::new(Semaphore::new(CHECKED_AT_ONCE)),
            turns_again: Arc::new(Semaphore::new(CHECKED_AGAIN_AT_ONCE)),
        }
    }
}

const _: () = assert!(CHECKED_AT_ONCE + CHECKED_AGAIN_AT_ONCE < TRIES_PER_NAME as usize);

/// What failed, or is being looked at, in one minute.
struct Minute {
    number: i64,
    /// Another for each minute: who meets whom in a cell cannot be arranged.
    hasher: RandomState,
    pairs: Sketch,
    sources: Sketch,
}

impl Minute {
    fn new(number: i64) -> Minute {
        Minute { number, hasher: RandomState::new(), pairs: Sketch::default(), sources: Sketch::default() }
    }

    fn keys(&self, source: IpAddr, name: &str) -> (u64, u64) {
        let source = network(source);
        (self.hasher.hash_one((source, name)), self.hasher.hash_one(source))
    }
}

/// Counts of how often a key came: never less than it was, and seldom more.
struct Sketch([Box<[u8]>; 2]);

impl Default for Sketch {
    fn default() -> Sketch {
        Sketch([vec![0; CELLS].into(), vec![0; CELLS].into()])
    }
}

impl Sketch {
    /// Each half of the hash chooses a cell of one row.
    fn cells(&mut self, key: u64) -> [&mut u8; 2] {
        let [first, second] = &mut self.0;
        [&mut first[key as u32 as usize % CELLS], &mut second[(key >> 32) as usize % CELLS]]
    }

    fn count(&self, key: u64) -> u8 {
        let [first, second] = &self.0;
        first[key as u32 as usize % CELLS].min(second[(key >> 32) as usize % CELLS])
    }

    fn add(&mut self, key: u64) {
        self.cells(key).into_iter().for_each(|cell| *cell = cell.saturating_add(1));
    }

    fn take_back(&mut self, key: u64, count: u8) {
        self.cells(key).into_iter().for_each(|cell| *cell = cell.saturating_sub(count));
    }
}

impl Attempts {
    /// To be held while a password is checked.
    pub async fn turn(&self, source: IpAddr) -> Result<OwnedSemaphorePermit, Problem> {
        let has_failed = {
            let minute = self.minute.lock();
            minute.sources.count(minute.keys(source, "").1) > 0
        };
        let turns = if has_failed { &self.turns_again } else { &self.turns };
        turns.clone().acquire_owned().await.map_err(Problem::internal)
    }

    pub fn allow(&self, source: IpAddr, name: &str, now: Timestamp) -> Result<(), Problem> {
        let mut minute = self.minute.lock();
        if minute.number != now.0 / 60 {
            *minute = Minute::new(now.0 / 60);
        }
        let (pair, source) = minute.keys(source, name);
        if minute.pairs.count(pair) >= TRIES_PER_NAME || minute.sources.count(source) >= TRIES_PER_SOURCE {
            return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "too many tries to sign in")
                .hint("wait a minute and try again"));
        }
        minute.pairs.add(pair);
        minute.sources.add(source);
        Ok(())
    }

    /// What went before it is forgiven.
    pub fn succeeded(&self, source: IpAddr, name: &str) {
        let mut minute = self.minute.lock();
        let (pair, source) = minute.keys(source, name);
        let tries = minute.pairs.count(pair);
        minute.pairs.take_back(pair, tries);
        minute.sources.take_back(source, tries);
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
    fn many_sources_cannot_either() {
        let attempts = Attempts::default();
        let allow =
            |from: u32, name: &str| attempts.allow(IpAddr::V4(from.into()), name, Timestamp(0)).is_ok();
        for from in 1..=1_000 {
            let allowed = (0..50).filter(|n| allow(from, &format!("n{n}"))).count();
            assert!(allowed <= TRIES_PER_SOURCE as usize);
        }
        let honest = (2_000..2_100).filter(|from| allow(*from, "ana")).count();
        assert_eq!(honest, 100);
    }

    #[tokio::test]
    async fn who_guesses_waits_for_who_guesses() {
        let attempts = Attempts::default();
        attempts.allow(THERE, "ana", Timestamp(0)).unwrap();
        let _guessing = attempts.turn(THERE).await.unwrap();
        let mut next = std::pin::pin!(attempts.turn(THERE));
        let waits = tokio::select! {
            biased;
            _ = &mut next => false,
            () = std::future::ready(()) => true,
        };
        assert!(waits);
        let _honest = attempts.turn(HERE).await.unwrap();
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
