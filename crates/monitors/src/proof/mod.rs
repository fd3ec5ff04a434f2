//! The pager proved on its own past: what was sent, what these rules would have sent, which labelled outages that caught,
//! and for the noisiest rules a change that has been replayed before it is proposed.
//!
//! Comes in: definitions, stored series, kept results and archives, the pages that were sent, outages that people know
//! of. Goes out: one report of plain numbers and words. What never happens here: a rule that is changed, and a proposal
//! by which a labelled outage would be missed.
//!
//! | module | holds |
//! |---|---|
//! | [`label`] | outages that people know of, out of CSV |
//! | [`ground`] | rules over the past: the pages that would have been |
//! | `as_sent` | what no rule can be tried on: it counts as it was |
//! | [`weigh`] | pages counted: by contact, at night; outages caught earlier, later, missed |
//! | [`changes`] | what might be changed about a rule, the gentlest first |
//! | [`propose`] | which change is worth proposing |
//! | `search` | changes of the noisiest rules, replayed one by one and together |
//! | [`report`] | all of it together |
//! | `shown` | a proposal as a text, without secrets |

mod as_sent;
pub mod changes;
pub mod ground;
pub mod label;
pub mod propose;
pub mod report;
mod search;
mod shown;
#[cfg(test)]
mod tests;
pub mod weigh;

use serde::{Deserialize, Serialize};

pub use ground::{Bad, Called, Calls, Ground, Telling};
pub use label::Label;
pub use report::{Proof, Question, prove};
pub use shown::without_secrets;
pub use weigh::Nights;

/// One word of trouble to one contact; nobody is named by the empty one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Sent {
    pub at: i64,
    /// `monitor:NAME`, `check:NAME`, `host:NAME`; of what others send to a check `check:NAME@KEY`; else what it was about, such
    /// as `errors:NAME/GROUP`, `declared`, `911`.
    pub rule: String,
    pub contact: String,
}

/// Rules that are looked at for a change, the noisiest.
pub const MAX_NOISY: usize = 30;
/// A rule that sent fewer pages is not worth a change.
pub const MIN_PAGES: usize = 4;
/// Labels of one question.
pub const MAX_LABELS: usize = 2_000;
/// Sooner there is nothing to learn from.
pub const EARLIEST_SECONDS: i64 = 7 * 86_400;
