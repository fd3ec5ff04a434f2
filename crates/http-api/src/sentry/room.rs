//! How much of what strangers send is in memory at a time: all of them, and each of them.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ipnet::IpNet;

use super::answers::Refusal;
use super::limits::{FREE_BYTES, HELD_BYTES, HELD_BYTES_OF_SOURCE};
use crate::sources::{Share, Shares};

/// Shared by all requests.
#[derive(Debug)]
pub struct Room {
    held: AtomicUsize,
    shares: Arc<Shares>,
}

/// What one request holds of it, until it is dropped.
#[derive(Debug)]
pub struct Held {
    room: Arc<Room>,
    share: Share,
    /// Of what was sent and of what came out of it; the first of them need no room.
    bytes: usize,
    held: usize,
}

impl Default for Room {
    fn default() -> Room {
        Room { held: AtomicUsize::new(0), shares: Arc::new(Shares::new(HELD_BYTES_OF_SOURCE)) }
    }
}

impl Room {
    /// Nothing as yet.
    pub fn hold(self: &Arc<Room>, source: IpAddr, proxies: &[IpNet]) -> Held {
        Held { room: self.clone(), share: self.shares.of(source, proxies), bytes: 0, held: 0 }
    }

    pub fn held_bytes(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }
}

impl Held {
    /// For so much more that came. Whoever sends slowly holds it long, and often needs no key for it: so each source has its
    /// own bound.
    pub fn receive(&mut self, bytes: usize) -> Result<(), Refusal> {
        let more = self.beyond_free(bytes);
        match self.share.take(more) {
            true => self.take(more),
            false => Err(Refusal::busy("too much is being sent at once from this address")),
        }
    }

    /// For so much more that what came was unpacked to. That takes a moment, and few do so at a time.
    pub fn unpack(&mut self, bytes: usize) -> Result<(), Refusal> {
        let more = self.beyond_free(bytes);
        self.take(more)
    }

    fn beyond_free(&mut self, bytes: usize) -> usize {
        self.bytes += bytes;
        self.bytes.saturating_sub(FREE_BYTES).saturating_sub(self.held)
    }

    fn take(&mut self, more: usize) -> Result<(), Refusal> {
        let before = self.room.held.fetch_add(more, Ordering::Relaxed);
        self.held += more;
        match more > 0 && before + more > HELD_BYTES {
            true => Err(Refusal::busy("too much is being sent at once")),
            false => Ok(()),
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.room.held.fetch_sub(self.held, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn hold(room: &Arc<Room>, last: u8) -> Held {
        room.hold(Ipv4Addr::new(192, 0, 2, last).into(), &[])
    }

    #[test]
    fn room_is_given_back() {
        let room = Arc::new(Room::default());
        let mut one = hold(&room, 1);
        assert!(one.unpack(FREE_BYTES + HELD_BYTES).is_ok());
        let mut other = hold(&room, 2);
        assert!(other.receive(FREE_BYTES).is_ok(), "a check-in finds room");
        assert!(other.receive(1).is_err());
        drop(one);
        assert_eq!(room.held_bytes(), 1);
        drop(other);
        assert_eq!(room.held_bytes(), 0);
        assert!(hold(&room, 2).receive(FREE_BYTES + 1).is_ok());
    }

    #[test]
    fn one_source_leaves_room_for_the_next() {
        let room = Arc::new(Room::default());
        let half = FREE_BYTES + HELD_BYTES_OF_SOURCE / 2;
        let mut held: Vec<Held> = (0..2).map(|_| hold(&room, 1)).collect();
        assert!(held.iter_mut().all(|held| held.receive(half).is_ok()));
        let mut third = hold(&room, 1);
        assert!(third.receive(FREE_BYTES).is_ok() && third.receive(1).is_err());
        assert_eq!(room.held_bytes(), HELD_BYTES_OF_SOURCE, "what is refused holds nothing");
        assert!(hold(&room, 2).receive(half).is_ok());
        assert!(held[0].unpack(HELD_BYTES_OF_SOURCE).is_ok(), "what comes out of a body is no part of it");
        drop(held);
        assert!(third.receive(1).is_ok());
        let proxies: [IpNet; 1] = ["198.51.100.0/24".parse().unwrap()];
        let mut many = room.hold(Ipv4Addr::new(198, 51, 100, 7).into(), &proxies);
        assert!(many.receive(2 * HELD_BYTES_OF_SOURCE).is_ok(), "everybody may be behind a proxy");
    }
}
