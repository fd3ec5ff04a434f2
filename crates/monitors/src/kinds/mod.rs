//! Where results come from.

pub mod check;
pub mod errors;
pub mod heartbeat;
pub mod metric;
pub mod probe;
