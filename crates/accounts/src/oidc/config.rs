//! `[auth.oidc]`

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use vocabulary::settings::Secret;
use vocabulary::time::HumanDuration;

use crate::Role;
use crate::limits::{LONGEST_NAME, MAX_MAPPED_ROLES};

/// Whose word is taken for who somebody is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OidcConfig {
    /// As people call it: the button says "Sign in with …".
    pub name: String,
    /// As the provider writes itself, to the letter.
    pub issuer: String,
    pub client_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret_file: Option<PathBuf>,
    pub scopes: Vec<String>,
    /// What people are called here.
    pub name_claim: String,
    /// What roles follow from, such as `groups`; a dot leads into an object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role_claim: Option<String>,
    /// By the values of that claim; of several the highest role.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub role_map: BTreeMap<String, Role>,
    /// Of those for whom nothing else says one; none: they are refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_role: Option<Role>,
    /// What they are in there, such as `groups`: each time they sign in they join the teams that are called so, and leave those
    /// that it was said of before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups_claim: Option<String>,
    /// Of verified mail addresses; empty: anybody whom the provider lets in.
    pub allowed_domains: Vec<String>,
    /// Somebody who has a password here is the one of the same name there.
    pub join_existing: bool,
    /// Whoever signs out here is sent to sign out there, too, if it has a place for that.
    pub sign_out_there: bool,
    /// Tokens and pages of whoever has not signed in for so long rest until they do; 0s: never.
    pub forget_after: HumanDuration,
}

impl Default for OidcConfig {
    fn default() -> Self {
        OidcConfig {
            name: "your organisation".into(),
            issuer: String::new(),
            client_id: String::new(),
            client_secret: None,
            client_secret_file: None,
            scopes: ["openid", "profile", "email"].map(str::to_owned).into(),
            name_claim: "preferred_username".into(),
            role_claim: None,
            role_map: BTreeMap::new(),
            default_role: None,
            groups_claim: None,
            allowed_domains: Vec::new(),
            join_existing: false,
            sign_out_there: true,
            forget_after: HumanDuration::from_secs(30 * 86_400),
        }
    }
}

impl OidcConfig {
    /// Who has not come by whose word for how many seconds is suspended.
    pub fn unseen(&self) -> Option<(&str, i64)> {
        let seconds = self.forget_after.0.as_secs().cast_signed();
        (seconds > 0).then_some((self.issuer.as_str(), seconds))
    }

    /// What is wrong with it, each with its key and the cure.
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        let mut found = |key: &'static str, why: String| problems.push((key, why));
        if !crate::config::is_name(&self.name) {
            found("name", format!("write what people call it, in 1 to {LONGEST_NAME} characters"));
        }
        if let Err(why) = check_issuer(&self.issuer) {
            found("issuer", why);
        }
        if self.client_id.is_empty() || self.client_id.chars().any(char::is_control) {
            found("client_id", "write the id under which the provider knows this server".into());
        }
        if self.client_secret.is_some() && self.client_secret_file.is_some() {
            found("client_secret_file", "`client_secret` is set too: leave one of the two out".into());
        }
        if !self.scopes.iter().any(|scope| scope == "openid") {
            found("scopes", "`openid` is missing: without it the provider does not say who signed in".into());
        }
        if self.scopes.iter().any(|scope| scope.is_empty() || scope.contains(char::is_whitespace)) {
            found("scopes", "write each scope as an entry of its own, without blanks".into());
        }
        if !is_name_of_claim(&self.name_claim) {
            found("name_claim", "name a claim, such as \"preferred_username\" or \"email\"".into());
        }
        match (&self.role_claim, self.role_map.is_empty()) {
            (Some(claim), _) if !is_name_of_claim(claim) => {
                found("role_claim", "name a claim, such as \"groups\", or leave the key out".into());
            }
            (Some(_), true) => {
                found("role_map", "say which role follows from which value of `role_claim`".into())
            }
            (None, false) => found("role_claim", "name the claim whose values `role_map` lists".into()),
            (None, true) if self.default_role.is_none() => found(
                "default_role",
                "nobody would get in: set `default_role`, or `role_claim` and `role_map`".into(),
            ),
            _ => {}
        }
        if self.groups_claim.as_deref().is_some_and(|claim| !is_name_of_claim(claim)) {
            found("groups_claim", "name a claim, such as \"groups\", or leave the key out".into());
        }
        if (1..86_400).contains(&self.forget_after.0.as_secs()) {
            found("forget_after", "write 1d or more, as sessions last a day; \"0s\": never".into());
        }
        if self.role_map.len() > MAX_MAPPED_ROLES {
            found("role_map", format!("write at most {MAX_MAPPED_ROLES} entries"));
        }
        if self.allowed_domains.iter().any(|domain| domain.is_empty() || domain.contains(['@', ' '])) {
            found("allowed_domains", "write what stands behind the @, such as \"example.com\"".into());
        }
        problems
    }
}

pub fn is_name_of_claim(name: &str) -> bool {
    crate::config::is_name(name) && !name.split('.').any(str::is_empty)
}

/// Everything rests on its answers, so they come encrypted, unless it is a stand-in on this machine.
fn check_issuer(issuer: &str) -> Result<(), String> {
    let host = match issuer.split_once("://") {
        Some(("https", rest)) if !rest.is_empty() => return check_rest(issuer, rest),
        Some(("http", rest)) => rest,
        _ => return Err("write the provider's own URL, such as \"https://login.example.com\"".into()),
    };
    let name = host.split('/').next().unwrap_or_default();
    let name = name.rsplit_once(':').map_or(name, |(name, _)| name);
    match ["localhost", "127.0.0.1", "[::1]"].contains(&name) {
        true => check_rest(issuer, host),
        false => {
            Err("has to be an https:// URL: whoever can change its answers can sign in as anybody".into())
        }
    }
}

fn check_rest(issuer: &str, rest: &str) -> Result<(), String> {
    match rest.contains(['?', '#', '@']) || issuer.contains(|c: char| c.is_whitespace() || c.is_control()) {
        true => Err("is the provider's own URL, without `?`, `#`, `@` and blanks".into()),
        false => Ok(()),
    }
}
