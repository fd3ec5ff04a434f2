//! Real sockets on loopback, with a sink that remembers.

mod carbon;
mod statsd;
mod support;
