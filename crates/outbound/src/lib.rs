//! Calls to the outside: HTTP and plain connections, resolved, allowed, bounded in time and size.
//!
//! Comes in: where to, what to send, and the rules of what may be reached. Goes out: an answer of bounded size, or
//! why there is none. What never happens here: following a redirect or a name to an address that the rules forbid,
//! waiting without end, retries, knowing what is asked and why, and secrets (passwords, tokens, paths of URLs) in
//! what is said of a failure.
//!
//! | module | holds |
//! |---|---|
//! | [`rules`] | which addresses may be called; pure |
//! | [`egress`] | the rules, and what all calls share: whom we trust, room for look-ups |
//! | [`connection`] | a name looked up, judged, connected to; bounded reads; TLS on top, at once or later |
//! | [`http`] | one call with its redirects |
//! | [`websocket`] | a connection on which both sides speak |
//! | [`tls`], [`certificate`] | whom to trust, what the other side showed |

pub mod certificate;
pub mod config;
pub mod connection;
pub mod deadline;
pub mod egress;
pub mod failure;
pub mod http;
pub mod limits;
pub mod rules;
pub mod tls;
pub mod url;
pub mod websocket;

pub use config::EgressConfig;
pub use connection::Connection;
pub use deadline::Deadline;
pub use egress::Egress;
pub use failure::{Failure, Kind};
pub use rules::Rules;
pub use url::Url;
pub use vocabulary::secret::{HIDDEN, Secret};
