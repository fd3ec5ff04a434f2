//! What bounds the running of checks, and why these figures.

use std::time::Duration;

/// Of a plugin's standard output. Nagios keeps 8 KB of text and performance data together; what plugins in the wild
/// write beyond that (tables of check_mk, lists of pods) fits in 64.
pub const OUTPUT_BYTES_MAX: usize = 64 * 1024;

/// Of its standard error, of which only the first line is ever shown.
pub const ERROR_OUTPUT_BYTES_MAX: usize = 4 * 1024;

/// What is beyond is read and thrown away, so that the plugin can go on to its end, at 64 KiB for each of these
/// pauses: some 6 MB/s. A plugin that never stops writing waits in its pipe most of the time instead of taking a core
/// of ours and one for itself.
pub const FLOOD_PAUSE: Duration = Duration::from_millis(10);

/// How long a plugin that has ended is listened to when something that it started still holds its output open. What it
/// wrote itself is in the pipe by then.
pub const AFTER_END: Duration = Duration::from_millis(200);

/// How long a killed process may take to go before nobody waits for it any more: one that sleeps in the kernel (a dead
/// NFS server) goes when it wakes, and is reaped then.
pub const AFTER_KILL: Duration = Duration::from_secs(1);

/// Of the checks that run at once, one host may have this share: a host that hangs cannot keep the others from theirs.
pub const HOST_SHARE: usize = 4;

/// … but never less than so many.
pub const PER_HOST_MIN: usize = 4;

/// After a start, checks whose time has passed begin one after the other with so much in between: 3,000 of them in a
/// minute, a handful at once.
pub const SPREAD_PER_CHECK: Duration = Duration::from_millis(20);

/// A start that takes this long would come back as a rush with each interval, if the checks were not given places of
/// their own in it.
pub const RUSH: Duration = Duration::from_secs(1);

/// A check that starts later than this after its time is counted as late.
pub const LATE_AFTER: Duration = Duration::from_secs(1);

/// What a result may be late where nothing is said: Nagios's `additional_freshness_latency`.
pub const ADDITIONAL_FRESHNESS_LATENCY: Duration = Duration::from_secs(15);

/// Nobody looked for so long: the server was away in between.
pub const ABSENCE: Duration = Duration::from_secs(10);

/// NRPE servers of which it is remembered what version they speak; beyond, all are found out anew.
pub const NRPE_SERVERS_MAX: usize = 100_000;
