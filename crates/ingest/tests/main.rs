//! Real sockets on loopback, with a sink that remembers.

// Helpers of tests fail the test with the place, which is what is wanted of them.
#![allow(clippy::unwrap_used)]

mod carbon;
mod collectd;
mod nsca;
mod relay;
mod statsd;
mod support;
