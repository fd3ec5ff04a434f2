//! Whose phone rings: who is on call when, and whom to reach after whom.
//!
//! A schedule is an ordered list of layers; the topmost one with somebody in it says who is on call, and overrides lie on
//! top of all. All arithmetic is that of wall clocks in the layer's zone, so that a handoff on Monday at 09:00 stays
//! there when the clocks are changed. Plain code with the time passed in.
//!
//! | module | holds |
//! |---|---|
//! | [`config`] | `[[schedule]]`, and what is wrong with one |
//! | `wall` | what clocks on the wall show, and when they do |
//! | `restriction` | the hours of a week in which a layer has somebody |
//! | `layer` | whose turn it is in one layer |
//! | [`schedule`] | all layers, versions and overrides of one schedule: shifts and gaps |
//! | [`policy`] | `[[escalation_policy]]`, and what is wrong with one |
//! | [`escalating`] | how an incident goes through its policy |
//! | `step` | whom one step of it reaches now |
//! | [`leave`] | who is away, by their own calendars |
//! | [`planned`] | turns that stand in a calendar, in the place of a rotation |
//! | [`own_rules`] | people say how they want to be reached |
//! | [`reaching`] | how one person's own rule goes: the next way when there is no answer |
//! | [`rehearsal`] | who would be woken |
//! | [`called`] | whom an incident of the past would have called |
//! | [`roster`] | all schedules and policies as they are known now |
//! | `ahead` | when nobody will be on call |
//! | `answering` | whose schedules are whose |
//! | `announcing` | whose turn begins soon, who asks for cover |
//! | [`calendar`] | shifts for people's own calendars |
//! | [`feeds`] | who may read these |
//! | [`revisions`] | which revision of an event these show |
//! | `counting` | whose turn it is in steps that go round, how many incidents there were |
//! | [`cover`] | somebody asks for cover, somebody accepts |
//! | `naming` | what leads nowhere without one of them |
//! | `doing` | definitions change, somebody stands in |
//! | `store` | the tables |

pub(crate) mod ahead;
pub(crate) mod announcing;
mod answering;
pub mod calendar;
pub mod called;
pub mod config;
pub(crate) mod counting;
pub mod cover;
mod doing;
pub mod escalating;
pub mod feeds;
mod layer;
pub mod leave;
mod naming;
pub mod own_rules;
pub mod planned;
pub mod policy;
pub mod reaching;
pub mod rehearsal;
pub(crate) mod restriction;
pub mod revisions;
pub mod roster;
pub mod schedule;
mod step;
pub(crate) mod store;
#[cfg(test)]
mod tests;
pub(crate) mod wall;

pub use ahead::Gap;
pub use answering::Answering;
pub use called::{Calls, Past, Scene};
pub use config::{LayerConfig, ScheduleConfig};
pub use escalating::Escalation;
pub use policy::{PolicyConfig, Target};
pub use reaching::Reaching;
pub use rehearsal::Rehearsal;
pub use roster::{Origin, Roster};
pub use schedule::{Override, Shift};
pub use store::MIGRATIONS;
