//! Where results come from.

pub mod check;
pub mod metric;
pub mod probe;
