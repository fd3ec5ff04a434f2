//! How much of what strangers send is in memory at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::answers::Refusal;
use super::limits::HELD_BYTES;

/// Shared by all requests.
#[derive(Debug, Default)]
pub struct Room(AtomicUsize);

/// What one request holds of it, until it is dropped.
#[derive(Debug)]
pub struct Held {
    room: Arc<Room>,
    bytes: usize,
}

impl Room {
    pub fn hold(self: &Arc<Room>) -> Held {
        Held { room: self.clone(), bytes: 0 }
    }

    pub fn held_bytes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Held {
    pub fn grow(&mut self, bytes: usize) -> Result<(), Refusal> {
        let before = self.room.0.fetch_add(bytes, Ordering::Relaxed);
        self.bytes += bytes;
        match before + bytes > HELD_BYTES {
            true => Err(Refusal::busy("too much is being sent at once")),
            false => Ok(()),
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.room.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_given_back() {
        let room = Arc::new(Room::default());
        let mut one = room.hold();
        assert!(one.grow(HELD_BYTES).is_ok());
        let mut other = room.hold();
        assert!(other.grow(1).is_err());
        drop(one);
        assert_eq!(room.held_bytes(), 1);
        drop(other);
        assert_eq!(room.held_bytes(), 0);
        assert!(room.hold().grow(1).is_ok());
    }
}
