//! Nagios's bytes: what plugins print, and Nagios's own files.
//!
//! | module | reads |
//! |---|---|
//! | [`command`] | lines of the command pipe |
//! | [`archive`] | nagios.log and its archives: states, notices, downtimes of the past |
//! | [`objects`] | nagios.cfg, object files, resource.cfg: the configuration, resolved |
//! | [`plugin_output`] | a plugin's output and exit status, as Nagios 4.4 makes a result of them |
//! | [`perfdata`] | `label=value[unit];warn;crit;min;max`, and which threshold a value is beyond |
//! | [`range`] | thresholds such as `@10:20` |
//! | [`state_file`] | status.dat, retention.dat |
//!
//! A check that was run becomes a result in one call, its numbers in a second:
//!
//! ```ignore
//! let seen = plugin_output::result(&stdout, &stderr, Ended::Exit(2), Subject::Service { host: "db1", service: "disk" });
//! // seen.status, seen.text.output, seen.text.long_output, seen.text.perfdata
//! for item in perfdata::parse(&seen.text.perfdata).items { … item.label, item.value, item.breach() }
//! ```
//!
//! Results that others send (NSCA, NRPE, HTTP, the command pipe) bring a status and a text:
//! [`plugin_output::Text::of`] takes the text apart, [`plugin_output::Text::of_escaped`] one of the command pipe.

pub mod archive;
pub mod command;
pub mod objects;
pub(crate) mod packet;
pub mod perfdata;
pub mod plugin_output;
pub mod range;
pub mod state_file;
