//! Checks that are programs, or answers of NRPE: when they run, how they run, what came of it.
//!
//! [`schedule`] is plain: the caller passes the time and is told what to start. [`executor`] runs what it is given on
//! an async runtime and gives results back through a bounded queue. The loop that joins the two and asks the state
//! machine is in the binary:
//!
//! ```text
//! for start in scheduler.due(now, gate) { executor.start(job(start)) }      // what to run is expanded at this moment
//! for finished in executor.finished()   { machine.result(…); scheduler.finished(…, next_in, now) }
//! ```
//!
//! | module | does |
//! |---|---|
//! | [`checks`] | from definitions to jobs: the way in |
//! | [`config`] | `[checks]` |
//! | [`macros`] | `$HOSTADDRESS$` and the others |
//! | [`schedule`] | what is due: intervals, spread, how many at once, per host and in all |
//! | [`executor`] | runs jobs; a bounded queue of what came of them |
//! | [`plugin`] | one process: its group, its time, its output |
//! | [`perfdata`] | the numbers of a result: as they are shown, and as points |
//! | [`asker`], [`nrpe`] | what is asked without a process |
//! | [`freshness`] | results that did not come |
//! | [`judge`], `cure` | what a process that ended says of a check; what helps if it could not be started |

pub mod asker;
pub mod checks;
pub mod config;
mod cure;
pub mod executor;
pub mod freshness;
pub mod judge;
pub mod limits;
pub mod macros;
pub mod nrpe;
pub mod perfdata;
pub mod plugin;
pub mod schedule;

pub use asker::Asker;
pub use checks::{Blank, Checks, Estate, Prober};
pub use config::{ChecksConfig, problems};
pub use executor::{Executor, Finished, Job, Work};
pub use schedule::{Gate, Start, Subject};
