//! What the collectors tell about themselves.

use std::time::Duration;

use vocabulary::Timestamp;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HostStats {
    pub samples: u64,
    pub points: u64,
    pub last_sample: Option<Timestamp>,
    /// How long the last look took.
    pub last_took: Duration,
    /// Mounts and sensors that hang.
    pub unresponsive: usize,
}
