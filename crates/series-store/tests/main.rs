//! The store from outside.

mod support;

mod basics;
mod conformance;
mod faults;
