//! What people deal with: what is wrong, since when, who was told of it.
//!
//! Comes in: changes of state and notices of [`monitors`](vocabulary::state), what people do, what became of
//! pages, and the time. Goes out: pages for `notify`. What never happens here: channels, HTTP, the real clock.
//!
//! One incident stands for one reason: a monitor (with all its instances), a check, a host that is down (with
//! the checks on it), an error, or an alert that somebody else sends. Suppression holds back what is told, never what is known: what is bad while it is held back
//! is remembered, and told when that lifts. Whoever was told of a problem is told of its end.
//!
//! | module | holds |
//! |---|---|
//! | [`answers`] | what comes back from channels, and who follows what people do |
//! | [`book`] | what incidents know of what is watched and of contacts; the binary makes it from the definitions |
//! | [`config`] | `[incidents]`, `[[environment]]` |
//! | [`comments`] | what people say of a monitor, a panel, an error group, a playbook |
//! | [`error_groups`] | what is told of errors: the way in for those who keep them |
//! | [`incident`] | an incident, the troubles in it, its timeline |
//! | [`page`] | one attempt to reach one contact by one channel, and what it says |
//! | [`core`] | [`Incidents`]: how an incident changes; plain code, time passed in |
//! | `entering` | what goes bad enters the incident that it belongs to |
//! | `notices` | what a check's own rules told |
//! | `people` | acknowledge, resolve, note, snooze |
//! | [`deeds`] | take, hand over, escalate, say how bad it is, declare |
//! | [`owning`] | by which policy people are called, and why |
//! | `reasons` | for which reason something is bad |
//! | `again` | an incident opens again |
//! | `entries` | what is written down of it |
//! | `alerts` | what others send: each key is a reason of its own |
//! | `grouping` | what goes bad together and belongs together is one incident |
//! | `kin` | what is bad, by what it has in common with others |
//! | `newcomers` | more of the same, later than what people were told |
//! | `joining` | two incidents become one, or one two |
//! | `mentions` | `@name` in a note |
//! | [`night`] | what does not ring at night |
//! | [`nights`] | whose night a moment of the past lies in |
//! | `telling` | who is told of what |
//! | [`rooms`] | who is told in a chat only is not reached |
//! | `worse` | those who know less than it is by now |
//! | `words` | what they are told |
//! | `time` | what held back the word lifts, a snooze ends, a definition is gone |
//! | `clock` | a clock that was ahead is set back |
//! | `leaving` | what was in the hands of whoever is removed |
//! | `ending` | how it ends, and who is told so |
//! | [`last_words`] | how the last word to a contact, and by a channel, went |
//! | `trouble` | one of those that are, or were, bad in it |
//! | [`trying`] | "send a test now", and codes |
//! | `token` | what a link that acknowledges holds |
//! | [`oncall`] | schedules: who is on call when |
//! | [`playbooks`] | what to look at and do when something fires, and what of it is done |
//! | `part` | what of incidents those see whose scope is a part of all names |
//! | [`outbox`] | pages that wait, and what became of each |
//! | [`unreached`] | ways that lead to one person no more |
//! | [`untold`] | what nobody is told of |
//! | [`letters`] | mail that is about no trouble |
//! | [`desk`] | [`Desk`]: all of it over the state database, shared by threads |
//! | `delivery` | what became of pages, and other ways for those that were not delivered |
//! | `detour` | which way such a page goes, and who stands in |
//! | `lost` | who has not heard of it, since what they were sent did not arrive |
//! | [`learning`] | post-mortems and what is to be done |
//! | [`reports`] | what the record comes to: how long, how often, who was woken |
//! | `store`, `unsaved` | the tables, and what is still to be written to them |
//! | [`limits`] | bounds, each with its reason |

mod again;
mod alerts;
pub mod answers;
pub mod book;
mod clock;
pub mod comments;
pub mod config;
pub mod core;
pub mod deeds;
mod delivery;
pub mod desk;
mod detour;
mod ending;
mod entering;
mod entries;
pub mod error_groups;
mod grouping;
pub mod incident;
mod joining;
mod kin;
pub mod last_words;
pub mod learning;
mod leaving;
pub mod letters;
mod limited;
pub mod limits;
mod lost;
mod mentions;
mod missed;
mod newcomers;
pub mod night;
pub mod nights;
pub mod noise;
mod notices;
pub mod oncall;
pub mod outbox;
pub mod owning;
pub mod page;
mod part;
mod people;
pub mod playbooks;
mod reasons;
pub mod reports;
pub mod rooms;
mod store;
mod telling;
#[cfg(test)]
mod tests;
mod time;
mod token;
pub mod told;
mod trouble;
pub mod trying;
pub mod unreached;
mod unsaved;
pub mod untold;
mod words;
mod worse;

pub use answers::{Answer, Handle, What};
pub use book::{Book, Contact, Subject};
pub use config::{EnvironmentConfig, IncidentsConfig};
pub use core::{Estate, Incidents};
pub use deeds::{Declaration, OUTSIDE};
pub use desk::{Desk, Seen};
pub use error_groups::{Condition, ErrorTrouble};
pub use incident::{Entry, Incident, Phase, Trouble};
pub use letters::Letter;
pub use page::{Page, PageKind};
pub use part::between;
pub use people::{Deed, Refusal};
pub use store::{KeptEntry, KeptPage, MIGRATIONS, Wanted};
