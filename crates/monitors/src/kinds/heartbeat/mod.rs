//! Heartbeats: something that runs on a schedule pings us, and is bad when its ping does not come. The way of pinging is
//! Healthchecks', which thousands of cron jobs speak.
//!
//! Comes in: pings, definitions, the time. Goes out: outcomes, OK or CRITICAL. A ping is answered after it is on the
//! disk; all that wait are written with one transaction.
//!
//! | module | holds |
//! |---|---|
//! | [`ask`] | what the path of a ping says |
//! | [`heart`] | one heartbeat: what pings and the passing of time mean; pure |
//! | [`schedule`] | when a ping is expected |
//! | [`cron`], [`oncalendar`] | the two ways of writing that; [`calendar`] is what they share |
//! | [`config`] | keys of `[[monitor]] kind = "heartbeat"`, `[heartbeats]` |
//! | [`beats`] | [`Heartbeats`]: all of them, and the queue to the disk |
//! | [`store`] | the tables |
//! | [`limits`] | bounds |

pub mod ask;
pub mod beats;
pub mod calendar;
pub mod config;
pub mod cron;
pub mod heart;
mod hearts;
pub mod limits;
pub mod oncalendar;
pub mod schedule;
pub mod store;
#[cfg(test)]
mod tests;

pub use beats::{Beat, Heartbeats, Known};
pub use config::HeartbeatsConfig;
pub use store::MIGRATIONS;
