//! The store from outside.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test, helpers included")]

mod support;

mod basics;
mod faults;
mod golden;
