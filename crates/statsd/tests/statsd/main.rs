//! Packets in, flushes and answers out.

mod admin;
mod bounds;
mod flush;
mod import;
mod receivers;
mod restart;
mod support;
