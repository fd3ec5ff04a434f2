//! Other people's bytes, parsed without sockets, files or time.
//!
//! What comes in: byte slices as they were received. What goes out: borrowed samples, points and rules, or
//! an error that says why not. What never happens here: sockets, files, clocks, and memory in proportion to
//! what a sender merely claims.
//!
//! | module | reads |
//! |---|---|
//! | [`agent_batch`] | what an agent sends to a server; writes it too |
//! | [`carbon_line`] | Carbon's plaintext protocol, over TCP and UDP |
//! | [`carbon_conf`] | storage-schemas.conf and storage-aggregation.conf |
//! | [`carbon_rules`] | relay-rules.conf, aggregation-rules.conf, rewrite-rules.conf, blacklist.conf, whitelist.conf |
//! | [`collectd`] | collectd's binary packets |
//! | [`grafana`] | Grafana's dashboards |
//! | [`ical`] | calendars, as far as absences need it |
//! | [`nagios`] | Nagios: what plugins print, its files |
//! | [`nrpe`] | what check_nrpe and nrpe say to each other; writes queries |
//! | [`nsca`] | what send_nsca sends |
//! | [`pickle`] | Python pickles of Carbon points |
//! | [`python_float`] | numbers as Python's `float()` reads them |
//! | [`python_regex`] | Python's regular expressions and what they put in place of matches |
//! | [`sentry`] | what Sentry's SDKs send |
//! | [`statsd`] | StatsD's datagrams and lines |
//! | [`statsd_config`] | StatsD's config.js, into the keys of `[statsd]` |
//! | [`js_literal`] | object literals of JavaScript |
//! | [`js_number`] | numbers as JavaScript's `Number()` reads them |
//! | [`whisper`] | Whisper's files: header, rings of points |

pub mod agent_batch;
pub mod carbon_conf;
pub mod carbon_line;
pub mod carbon_rules;
pub mod collectd;
#[doc(hidden)]
pub mod fuzzing;
pub mod grafana;
pub mod ical;
pub mod js_literal;
pub mod js_number;
pub mod nagios;
pub mod nrpe;
pub mod nsca;
pub mod pickle;
pub mod python_float;
pub mod python_regex;
pub mod sentry;
pub mod statsd;
pub mod statsd_config;
mod statsd_dog;
pub mod whisper;
