//! Where results come from.

pub mod check;
