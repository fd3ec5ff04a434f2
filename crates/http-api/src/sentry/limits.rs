//! Bounds of what strangers with a public key may put on us, each with its reason. How long each thing may be that SDKs send is
//! in `formats::sentry::limits`.

use std::time::Duration;

/// Bodies of all requests together, packed and unpacked: one of 100 MiB, or hundreds of usual ones. Beyond it: 503.
pub const HELD_BYTES: usize = 256 << 20;
/// As one source sends them, which often needs no key: it takes the room of nobody else.
pub const HELD_BYTES_OF_SOURCE: usize = HELD_BYTES / 8;
/// The beginning of each needs no room, so that check-ins and small events always find some. There are no more of them than
/// connections.
pub const FREE_BYTES: usize = 4 << 10;
/// 20 MiB come over a line of 350 KiB a second in this time.
pub const WHOLE_WITHIN: Duration = Duration::from_secs(60);
/// Unpacked so much at a time.
pub const CHUNK_BYTES: usize = 64 << 10;
/// An event is packed to about a tenth: so much room is made at once for what comes out of a body, up to a bound, beyond which it
/// grows with what does come out.
pub const USUALLY_PACKED: usize = 12;
pub const USUAL_BYTES: usize = 512 << 10;
/// The window that a sender of zstd may ask us to hold: 8 MiB, as RFC 8878 recommends.
pub const ZSTD_WINDOW_LOG: u32 = 23;
/// Told beside 503: the queue is empty again within moments.
pub const BUSY_SECONDS: u64 = 5;
/// What is never used here need not be sent; SDKs ask again after so long.
pub const UNUSED_SECONDS: u64 = 86_400;
/// Of what is said in X-Sentry-Error: clients put it into one line of their log.
pub const ERROR_CHARS: usize = 200;

/// An event as it is kept: the log takes no longer ones. Of what is no UTF-8 each byte becomes three.
pub const BODY_BYTES: usize = 4 << 20;

/// An attachment that is kept; longer ones are counted and dropped.
pub const ATTACHMENT_BYTES: usize = 1 << 20;
/// A minidump that is kept.
pub const MINIDUMP_BYTES: usize = 16 << 20;
/// Attachments of a project in five minutes: four minidumps, or hundreds of logs. All of them go through the state database.
pub const ATTACHED_BYTES: u64 = 64 << 20;
/// Attachments of a project that are kept, and of one event; the oldest go.
pub const PROJECT_ATTACHMENTS_BYTES: u64 = 256 << 20;
pub const EVENT_ATTACHMENTS: usize = 10;
/// What people said about errors of one project; the oldest go.
pub const PROJECT_REPORTS: u64 = 10_000;
/// … of which the event is not here: SDKs and pages send both within moments, in any order.
pub const EARLY_REPORTS: u64 = 100;
/// Of a file's name and type.
pub const NAME_BYTES: usize = 200;

/// Names of transactions of one project that are told apart: each is five series.
pub const TIMED_NAMES: usize = 200;
/// Releases of one project and day whose runs are series of their own: each is three series for ever.
pub const RELEASES_RUN: usize = 50;
/// Of such a name, as a part of a series' name.
pub const TIMED_NAME_BYTES: usize = 100;
/// Lengths of time that are held before they become a part of a sketch.
pub const TIMED_AT_ONCE: usize = 4_096;

/// Heartbeats that the check-ins of one project may make: a public key can be read in every page that has it.
pub const MADE_HEARTBEATS: usize = 200;
/// … and how often in five minutes they may make or change one, which writes a version and looks at all monitors anew.
pub const DEFINED_HEARTBEATS: u64 = 100;
