//! Where results come from.

pub mod check;
pub mod heartbeat;
pub mod metric;
pub mod probe;
