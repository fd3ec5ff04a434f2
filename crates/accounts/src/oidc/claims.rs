//! What the provider says of somebody, and who that is here.

use serde_json::{Map, Value};

use super::OidcConfig;
use crate::Role;
use crate::config::is_name;

/// Longest `sub`; the standard's own limit.
const LONGEST_SUBJECT: usize = 255;

#[derive(Clone, Debug, PartialEq)]
pub struct Claims(pub(super) Map<String, Value>);

/// Whoever signed in with the provider.
#[derive(Clone, Debug, PartialEq)]
pub struct Newcomer {
    pub subject: String,
    pub name: String,
    pub display_name: String,
    pub role: Option<Role>,
    /// The provider says the role, each time; else it is that of somebody new, and an administrator may change it.
    pub role_is_said: bool,
    /// What they are in there; none: that is not asked.
    pub groups: Option<Vec<String>>,
}

impl Claims {
    pub(super) fn has(&self, name: &str) -> bool {
        self.at(name).is_some()
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.at(name)?.as_str()
    }

    pub(super) fn seconds(&self, name: &str) -> Option<f64> {
        self.at(name)?.as_f64()
    }

    /// One text, or a list of them.
    pub(super) fn texts(&self, name: &str) -> Vec<&str> {
        match self.at(name) {
            Some(Value::String(text)) => vec![text],
            Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// Names with dots may be names, such as `https://example.com/groups`, or lead into objects.
    fn at(&self, name: &str) -> Option<&Value> {
        if let Some(value) = self.0.get(name) {
            return Some(value);
        }
        let (first, rest) = name.split_once('.')?;
        rest.split('.').try_fold(self.0.get(first)?, |value, part| value.get(part))
    }

    pub fn subject(&self) -> Option<&str> {
        self.text("sub").filter(|subject| !subject.is_empty() && subject.len() <= LONGEST_SUBJECT)
    }

    /// Does it say all that is wanted, or is the rest to be asked for?
    pub fn suffice(&self, config: &OidcConfig) -> bool {
        let is_by_mail = config.name_claim == "email" || !config.allowed_domains.is_empty();
        // Some say the address in the ID token, and whether it is theirs only when they are asked.
        self.says_who(config) && (!is_by_mail || self.has("email") && self.has("email_verified"))
    }

    /// All but whether a mail address is theirs.
    pub fn says_who(&self, config: &OidcConfig) -> bool {
        self.has(&config.name_claim)
            && config.role_claim.as_ref().is_none_or(|claim| self.has(claim))
            && config.groups_claim.as_ref().is_none_or(|claim| self.has(claim))
    }

    /// With what the provider says when it is asked for more: of the same person only, and never against what it signed.
    pub fn with(mut self, more: &[u8]) -> Result<Claims, String> {
        let mut more: Map<String, Value> = serde_json::from_slice(more)
            .map_err(|_| "what it says of the person cannot be read".to_owned())?;
        if more.get("sub") != self.0.get("sub") {
            return Err("it speaks of another person than the one who signed in".into());
        }
        // Of another address than the signed one it says nothing of that one.
        if self.has("email") && more.get("email") != self.0.get("email") {
            more.remove("email_verified");
        }
        for (name, value) in more {
            self.0.entry(name).or_insert(value);
        }
        Ok(self)
    }

    /// Who that is here, or why they may not come in.
    pub fn newcomer(&self, config: &OidcConfig) -> Result<Newcomer, String> {
        self.check_domain(config)?;
        let subject = self.subject().ok_or("the provider does not say who signed in")?;
        let claim = &config.name_claim;
        let name = self.text(claim).filter(|name| is_name(name)).ok_or_else(|| {
            format!(
                "the provider says no `{claim}` that can be a name here: set auth.oidc.name_claim or scopes"
            )
        })?;
        // Whoever may write any address there could choose what they are called here.
        if claim == "email" && self.has("email_verified") && !self.is_mail_verified() {
            return Err(
                "people are called by their mail address here, and the provider says yours is not verified"
                    .into(),
            );
        }
        Ok(Newcomer {
            subject: subject.to_owned(),
            name: name.to_owned(),
            display_name: self.text("name").filter(|name| is_name(name)).unwrap_or_default().to_owned(),
            role: self.role(config),
            role_is_said: config.role_claim.is_some(),
            groups: config.groups_claim.as_deref().map(|claim| self.groups(claim)).transpose()?,
        })
    }

    /// To the letter, one by one: a text with commas is one group. Whoever is in too many for the word itself, is said of in
    /// another form or not at all, is refused: what the browser may have asked the provider to leave out is not "none".
    fn groups(&self, claim: &str) -> Result<Vec<String>, String> {
        if !matches!(self.at(claim), Some(Value::String(_) | Value::Array(_))) {
            return Err(format!(
                "the provider does not list your groups in `{claim}`: there have it list the groups that this server is given, an empty list for none, or set auth.oidc.groups_claim and scopes"
            ));
        }
        Ok(self.texts(claim).into_iter().map(str::to_owned).collect())
    }

    fn role(&self, config: &OidcConfig) -> Option<Role> {
        let said = config.role_claim.iter().flat_map(|claim| self.texts(claim));
        said.filter_map(|value| config.role_map.get(value)).max().copied().or(config.default_role)
    }

    fn is_mail_verified(&self) -> bool {
        match self.at("email_verified") {
            Some(Value::String(text)) => text == "true",
            said => said == Some(&Value::Bool(true)),
        }
    }

    fn check_domain(&self, config: &OidcConfig) -> Result<(), String> {
        if config.allowed_domains.is_empty() {
            return Ok(());
        }
        let verified = self.is_mail_verified();
        let domain =
            self.text("email").and_then(|address| address.rsplit_once('@')).map(|(_, domain)| domain);
        let allowed = domain.filter(|_| verified).is_some_and(|domain| {
            config.allowed_domains.iter().any(|allowed| allowed.eq_ignore_ascii_case(domain))
        });
        match allowed {
            true => Ok(()),
            false => Err("only people with a verified mail address of this organisation come in here".into()),
        }
    }
}
