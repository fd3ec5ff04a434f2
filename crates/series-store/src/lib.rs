//! Placeholder of the room; see its Cargo.toml.

pub mod codec;
pub mod names;
