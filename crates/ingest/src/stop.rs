//! A word to a thread that may be asleep in the kernel.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{EventfdFlags, PollFd, PollFlags};

/// Set once, seen by everyone who asks or waits.
#[derive(Debug)]
pub struct Stop {
    requested: AtomicBool,
    event: OwnedFd,
}

impl Stop {
    pub fn new() -> io::Result<Stop> {
        let event = rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Stop { requested: AtomicBool::new(false), event })
    }

    pub fn request(&self) {
        self.requested.store(true, Ordering::Release);
        // Cannot fail: the counter only overflows at 2^64 - 1.
        let _ = rustix::io::write(&self.event, &1u64.to_ne_bytes());
    }

    pub fn requested(&self) -> bool {
        self.requested.load(Ordering::Acquire)
    }

    /// Until there is something to read or a stop is requested.
    pub fn wait_readable(&self, socket: BorrowedFd<'_>) {
        let mut watched = [PollFd::new(&socket, PollFlags::IN), PollFd::new(&self.event, PollFlags::IN)];
        // Interrupted by a signal, or out of memory: the caller looks again, and comes back here.
        let _ = rustix::event::poll(&mut watched, None);
    }
}

impl AsFd for Stop {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }
}
