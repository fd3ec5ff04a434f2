//! Placeholder of the room; see its Cargo.toml.
