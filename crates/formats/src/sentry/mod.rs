//! What Sentry's SDKs send: bytes to nouns. Nothing here decides what an event means.
//!
//! | module | reads |
//! |---|---|
//! | [`json`] | JSON as SDKs write it, leniently, borrowed where it can be; writes it too |
//! | [`auth`], [`dsn`] | who sends, in every form that there ever was |
//! | [`envelope`] | what travels together: a header, and items |
//! | [`store_body`] | the one event of the oldest clients |
//! | [`security`] | what browsers report: CSP and its kin |
//! | [`check_in`], [`sessions`], [`client_report`], [`user_report`] | the other items that are used |
//! | [`transaction`] | how long one piece of work took |
//! | [`bundle`], [`zip`] | what sentry-cli uploads: source maps and what belongs to them |
//! | [`export`] | projects and keys of another installation |
//! | [`item`] | the kinds of those, and the categories that rates are limited by |
//! | [`when`] | points in time: seconds, or RFC 3339 |
//! | [`limits`] | how long each may be |

pub mod auth;
pub mod bundle;
pub mod check_in;
pub mod client_report;
pub mod dsn;
pub mod envelope;
pub mod export;
pub mod item;
pub mod json;
pub mod limits;
mod query;
pub mod security;
pub mod sessions;
pub mod store_body;
pub mod transaction;
pub mod user_report;
pub mod when;
pub mod zip;

pub use item::{Category, ItemKind};
pub use json::{Malformed, Tree};

/// No more bytes than these, and no half letter.
fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}
