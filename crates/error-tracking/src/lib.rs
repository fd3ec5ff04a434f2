//! Errors: one event becomes a body that is kept, hashes that it is found by, and a mark in its group; groups live and are counted.
//!
//! Comes in: trees of [`formats::sentry`], what people do with groups, and the time. Goes out: bodies for the event log, and what
//! is news: a group that is new, or came back. What never happens here: sockets, HTTP, the log itself, rules on errors, people,
//! the real clock.
//!
//! Counts are exact and for ever, whatever the log keeps. What is unbounded at its source (releases, tags, users) is bounded
//! here; the rest is counted as `other`.
//!
//! | module | holds |
//! |---|---|
//! | [`projects`], [`project`] | what a DSN belongs to, its keys and settings |
//! | [`quota`], [`spike`] | how much a project may send; how much is far more than usual |
//! | [`browser`] | what browsers report of their own, as events |
//! | [`digest`] | what becomes of an event, step by step |
//! | `normal` | one form of what clients send in many |
//! | [`scrub`] | what must not be kept |
//! | [`symbols`] | source maps: names in the place of what a build tool made of them |
//! | `in_app` | which frames are the program's own code |
//! | [`grouping`] | which events have the same cause, and why |
//! | [`dependency`] | the service that failed, as far as an event tells |
//! | `title`, `tags` | what an error is known by, and counted by |
//! | [`event`] | what digesting makes |
//! | [`tracker`] | groups over the state database, in batches |
//! | [`group`], [`life`], [`release`] | one group; what an event does to one that is resolved; which release is later |
//! | [`runs`] | how runs of programs go, by release |
//! | [`links`] | addresses of source and of new issues, as a project writes them |
//! | [`shipped`] | what is said of releases: commits, deploys |
//! | `memory`, `pending`, `store` | what is held, what waits to be written, the tables |
//! | [`deeds`] | resolve, ignore, assign, merge |
//! | [`split`], [`parting`], `carry` | one group becomes two; which of its kept events go along, and what was counted of them |
//! | [`moved`] | groups of the Sentry that a project comes from |
//! | [`look`] | lists, shares, counts over time |
//! | `similar` | groups that may be the same |
//! | [`facet`] | what events of a group differ in, by any field |
//! | [`common`] | what the latest events have in common |
//! | `flood` | more kinds of errors than a day may have |
//! | [`trial`] | how kept events would be grouped by other settings |
//! | [`users`], `people` | how many different people, and over time |
//! | `person` | who had an error, and which events are theirs |
//! | [`config`] | `[errors]` |
//! | [`limits`] | bounds, each with its reason |

pub mod browser;
mod carry;
pub mod common;
pub mod config;
pub mod deeds;
pub mod dependency;
pub mod digest;
pub mod event;
pub mod facet;
mod flood;
pub mod group;
pub mod grouping;
mod in_app;
pub mod life;
pub mod limits;
pub mod links;
pub mod look;
mod memory;
pub mod moved;
mod normal;
pub mod parting;
mod pending;
mod people;
mod person;
pub mod project;
pub mod projects;
pub mod quota;
mod read;
pub mod release;
pub mod runs;
pub mod scrub;
pub mod shipped;
mod similar;
pub mod spike;
pub mod split;
mod store;
pub mod symbols;
mod tags;
#[cfg(test)]
mod tests;
mod title;
pub mod tracker;
pub mod trial;
pub mod users;

pub use config::ErrorsConfig;
pub use deeds::{Deed, Refusal};
pub use digest::{LINES, NoSymbols, Symbols, digest, digest_stored};
pub use event::{Digested, Hash, HashValue, Invalid, Kind, Level, Received, UserMark};
pub use group::Group;
pub use life::{Life, News, Until};
pub use moved::{MovedGroup, MovedIn};
pub use parting::Parting;
pub use person::{Person, hash_of_user};
pub use project::{Project, Settings};
pub use projects::{NewProject, ProjectError, Projects};
pub use quota::Quota;
pub use spike::Spikes;
pub use split::Split;
pub use store::MIGRATIONS;
pub use tracker::{Batch, Taken, Tracker};
