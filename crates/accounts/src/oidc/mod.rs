//! Signing in by another's word (OpenID Connect, authorization code with PKCE): what to ask a provider, and whether to
//! believe what it says. The calls themselves are made by whoever has a network.
//!
//! | file | holds |
//! |---|---|
//! | `config.rs` | `[auth.oidc]` |
//! | `discovery.rs` | where the provider is asked what |
//! | `attempt.rs` | one sign-in from its begin to the code that came back |
//! | `id_token.rs` | signature and claims of what the provider says |
//! | `claims.rs` | who that is here, with which role |

mod attempt;
mod claims;
mod config;
mod discovery;
mod id_token;

#[cfg(test)]
mod tests;

pub use attempt::{ATTEMPT_SECONDS, Attempt, AttemptKey, CodeQuestion, Tokens};
pub use claims::{Claims, Newcomer};
pub use config::{OidcConfig, is_name_of_claim};
pub use discovery::{Discovery, discovery_url};
pub use id_token::{Keys, Unbelievable, verify};
