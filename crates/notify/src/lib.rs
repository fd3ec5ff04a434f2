//! Sends a page: one module per channel, an outbox on the disk, retries.
//!
//! Comes in: pages, and the time. Goes out: what became of each. What never happens here: deciding who is told.
