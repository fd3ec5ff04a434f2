//! Sends a page: one module per channel, an outbox on the disk, retries.
//!
//! Comes in: pages that [`incidents::Desk`] has on the disk, and the time. Goes out: what became of each, back to the
//! desk, and what people answered. What never happens here: deciding who is told.
//!
//! Each channel has a task of its own, so that a dead one delays no other. A page stays in the outbox until it is
//! delivered or given up; then the desk finds another way to tell it.
//!
//! | module | holds |
//! |---|---|
//! | [`config`] | `[[channel]]` |
//! | [`sender`] | the task of each channel |
//! | [`direct`] | what is sent beside the outbox |
//! | [`listening`] | the task that hears what comes back by a channel |
//! | [`incoming`] | what providers post to us; pure |
//! | [`illustrating`] | the task that sends graphs after their pages |
//! | [`secret`] | what is never shown |
//! | [`retry`] | when a page is tried again, and when it is given up; pure |
//! | [`readable`] | letters that turn a text round are seen; pure |
//! | [`text`] | what a page says, in words |
//! | `channels/` | one folder for each type: its form, its sender, its templates |
//! | [`limits`] | bounds, each with its reason |

pub mod channels;
pub mod config;
pub mod direct;
pub mod illustrating;
pub mod incoming;
pub mod limits;
pub mod listening;
pub mod readable;
pub mod retry;
pub mod secret;
pub mod sender;
pub mod text;

pub use config::{ChannelConfig, ChannelType};
pub use sender::{Mark, Sender, Settings, Surroundings};
