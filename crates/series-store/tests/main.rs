//! The store from outside.

mod support;

mod basics;
