//! What bounds this room, and why these figures.

use std::time::Duration;

use vocabulary::time::HumanDuration;

/// Points carry whole seconds.
pub const INTERVAL_MIN: HumanDuration = HumanDuration::from_secs(1);

/// Rarer than this nobody would call it monitoring.
pub const INTERVAL_MAX: HumanDuration = HumanDuration::from_secs(3600);

/// A file of /proc that is longer is not read further: 4,096 cores or as many disks.
pub const FILE_BYTES_MAX: usize = 1024 * 1024;

/// Things of one kind (disks, file systems, network interfaces) that get series of their own. A host that makes a
/// network interface per container must not make series without end.
pub const THINGS_MAX: usize = 256;

/// A mount whose server is gone can hold whoever asks for ever. After this long it is taken for such.
pub const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

/// Threads that may be lost to such mounts; beyond, no file system is asked until one comes back.
pub const PROBES_STUCK_MAX: usize = 4;

/// Counting the processes costs about a microsecond each.
pub const COUNT_PROCESSES_EVERY: Duration = Duration::from_secs(5);

/// A file that was not there may come with a module or a kernel setting.
pub const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(60);
