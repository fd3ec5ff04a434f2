//! Packets in, flushes and answers out.

mod admin;
mod bounds;
mod flush;
mod fuzz;
mod import;
mod receivers;
mod restart;
mod support;
