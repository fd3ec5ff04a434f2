//! What bounds built-in checks, and why these figures.

use std::time::Duration;

/// Where a check says nothing else; as the plugins have it.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// A probe keeps to its time by itself, and says better what it waited for; it is ended this much later.
pub const GRACE: Duration = Duration::from_millis(500);

/// Of the line that people read.
pub const LINE_CHARS_MAX: usize = 1_000;

/// Values of one result; series are made of them.
pub const VALUES_MAX: usize = 500;

/// Sub-checks, each an instance of its own.
pub const PARTS_MAX: usize = 200;

/// Of a sub-check's name: it stands in titles.
pub const NAME_CHARS_MAX: usize = 200;

/// Bytes of a body that conditions are applied to.
pub const BODY_BYTES_MAX: usize = 1 << 20;

/// Of a banner or an answer on a plain connection.
pub const BANNER_BYTES_MAX: usize = 64 << 10;

/// Redirects that may be asked for.
pub const REDIRECTS_MAX: u8 = 20;

/// A file with a password or a token.
pub const SECRET_BYTES_MAX: u64 = 4 << 10;

/// Compiled regular expressions.
pub const REGEX_BYTES_MAX: usize = 1 << 20;

/// Entries of folders that one look at files goes through.
pub const FILES_MAX: usize = 20_000;

/// Threads that may be lost to file systems that do not answer.
pub const STUCK_MAX: usize = 8;

/// Restarts within this time make a crash loop.
pub const CRASH_LOOP_WINDOW: Duration = Duration::from_secs(3_600);

/// Checks whose restarts are remembered, at some 100 bytes each.
pub const HISTORIES_MAX: usize = 20_000;

/// Queues of one check that are looked at.
pub const QUEUES_MAX: usize = 200;

/// An answer of a server that is asked about itself.
pub const ANSWER_BYTES_MAX: usize = 4 << 20;
