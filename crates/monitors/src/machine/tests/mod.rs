//! The machine against what Nagios was seen to do, one behaviour a test.

mod support;

mod basics;
mod model;
mod ours;
mod schedules;
