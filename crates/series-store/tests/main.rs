//! The store from outside.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test, helpers included")]

mod support;

mod basics;
mod conformance;
mod durable;
mod faults;
mod golden;
mod import;
mod lifecycle;
mod retold;
