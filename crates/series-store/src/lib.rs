//! Placeholder of the room; see its Cargo.toml.

pub mod names;
