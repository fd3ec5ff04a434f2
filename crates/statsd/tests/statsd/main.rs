//! Packets in, flushes and answers out.

mod admin;
mod flush;
mod import;
mod support;
