//! How often one address, and one key, may call for help: enough for everybody in need, too little to guess keys or to
//! flood those on call.

use std::collections::HashMap;
use std::net::IpAddr;

use parking_lot::Mutex;
use vocabulary::Timestamp;

use crate::sources::network;

pub const WINDOW_SECONDS: i64 = 600;
/// Wrong keys and calls of one address in a window.
const MOST_OF_ADDRESS: u32 = 20;
/// Calls by one key in a window, from everywhere: a whole company may have the link.
const MOST_OF_KEY: u32 = 30;
/// Bounds the table. An address that finds it full is not held back: whoever fills it must not keep others out.
const MOST_ADDRESSES: usize = 10_000;

/// In a window.
#[derive(Clone, Copy)]
pub struct Most {
    pub of_address: u32,
    pub of_key: u32,
}

const OF_CALLS: Most = Most { of_address: MOST_OF_ADDRESS, of_key: MOST_OF_KEY };

#[derive(Default)]
pub struct Pace(Mutex<Window>);

#[derive(Default)]
struct Window {
    number: i64,
    addresses: HashMap<IpAddr, u32>,
    keys: HashMap<String, u32>,
}

impl Pace {
    /// Has this address tries left?
    pub fn is_open(&self, address: IpAddr, now: Timestamp) -> bool {
        self.with(now, |window| window.of(address) < MOST_OF_ADDRESS)
    }

    /// It came with a key that is none.
    pub fn guessed(&self, address: IpAddr, now: Timestamp) {
        self.with(now, |window| window.count(address));
    }

    /// Whether one more call is taken; counted if so. The names are those of doors, which are few.
    pub fn report(&self, address: IpAddr, door: &str, now: Timestamp) -> bool {
        self.report_of(OF_CALLS, address, door, now)
    }

    /// The same for what is asked for more often, or less.
    pub fn report_of(&self, most: Most, address: IpAddr, door: &str, now: Timestamp) -> bool {
        self.with(now, |window| {
            let of_key = window.keys.get(door).copied().unwrap_or(0);
            if window.of(address) >= most.of_address || of_key >= most.of_key {
                return false;
            }
            window.count(address);
            window.keys.insert(door.to_owned(), of_key + 1);
            true
        })
    }

    fn with<T>(&self, now: Timestamp, work: impl FnOnce(&mut Window) -> T) -> T {
        let mut window = self.0.lock();
        let number = now.0.div_euclid(WINDOW_SECONDS);
        if window.number != number {
            *window = Window { number, ..Window::default() };
        }
        work(&mut window)
    }
}

impl Window {
    fn of(&self, address: IpAddr) -> u32 {
        self.addresses.get(&network(address)).copied().unwrap_or(0)
    }

    fn count(&mut self, address: IpAddr) {
        let address = network(address);
        if self.addresses.len() < MOST_ADDRESSES || self.addresses.contains_key(&address) {
            *self.addresses.entry(address).or_default() += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u16) -> IpAddr {
        format!("2001:db8:{last:x}::1").parse().unwrap()
    }

    #[test]
    fn guesses_of_one_address_run_out_and_come_back() {
        let (pace, now) = (Pace::default(), Timestamp(1_200));
        for n in 0..MOST_OF_ADDRESS {
            assert!(pace.is_open(address(1), now), "{n}");
            pace.guessed(format!("2001:db8:1::{n:x}").parse().unwrap(), now);
        }
        assert!(!pace.is_open(address(1), now) && !pace.report(address(1), "a", now));
        assert!(pace.is_open(address(2), now) && pace.is_open(address(1), now.plus(WINDOW_SECONDS)));
    }

    #[test]
    fn one_key_holds_back_no_other() {
        let (pace, now) = (Pace::default(), Timestamp(0));
        let taken = (0..100).filter(|n| pace.report(address(*n), "a", now)).count();
        assert_eq!(taken, MOST_OF_KEY as usize);
        assert!(pace.report(address(1), "b", now));
    }

    #[test]
    fn one_address_leaves_room_for_others() {
        let (pace, now) = (Pace::default(), Timestamp(0));
        let most = Most { of_address: 3, of_key: 10 };
        let taken = (0..100).filter(|_| pace.report_of(most, address(1), "a", now)).count();
        assert_eq!(taken, 3);
        assert!(pace.report_of(most, address(2), "a", now));
        let taken = (3..100).filter(|n| pace.report_of(most, address(*n), "a", now)).count();
        assert_eq!(taken, 6, "ten in all");
    }

    #[test]
    fn whoever_fills_the_table_keeps_nobody_out() {
        let (pace, now) = (Pace::default(), Timestamp(0));
        (0..=u16::MAX).for_each(|n| pace.guessed(address(n), now));
        assert_eq!(pace.0.lock().addresses.len(), MOST_ADDRESSES);
        assert!(pace.report(address(u16::MAX), "a", now));
    }
}
