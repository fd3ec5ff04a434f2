//! What a provider says of itself: where it is asked what.

use form_urlencoded::Serializer;
use serde::Deserialize;

use super::OidcConfig;

#[derive(Clone, Debug, Deserialize)]
pub struct Discovery {
    pub issuer: String,
    pub authorization_endpoint: String,
    pub token_endpoint: String,
    pub jwks_uri: String,
    pub userinfo_endpoint: Option<String>,
    /// Where browsers end their session there (OpenID Connect RP-Initiated Logout). One that is no address for it is none.
    pub end_session_endpoint: Option<String>,
    #[serde(default = "basic")]
    pub token_endpoint_auth_methods_supported: Vec<String>,
}

/// What holds where nothing is said.
fn basic() -> Vec<String> {
    vec!["client_secret_basic".into()]
}

pub fn discovery_url(issuer: &str) -> String {
    format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'))
}

/// An endpoint may have a query of its own.
pub(super) fn with_query(endpoint: &str, query: &str) -> String {
    let joint = if endpoint.contains('?') { '&' } else { '?' };
    format!("{endpoint}{joint}{query}")
}

impl Discovery {
    pub fn read(body: &[u8], config: &OidcConfig) -> Result<Discovery, String> {
        let mut read: Discovery = serde_json::from_slice(body)
            .map_err(|error| format!("what it says of itself cannot be read: {error}"))?;
        if read.issuer != config.issuer {
            return Err(format!(
                "it calls itself `{}`: write auth.oidc.issuer so, to the letter",
                read.issuer.escape_debug()
            ));
        }
        let encrypted = config.issuer.starts_with("https://");
        let is_right = |url: &str| {
            let scheme = url.split_once("://").map(|(scheme, _)| scheme);
            let right = scheme == Some("https") || (scheme == Some("http") && !encrypted);
            right && !url.contains(|c: char| c.is_whitespace() || c.is_control())
        };
        read.end_session_endpoint =
            read.end_session_endpoint.filter(|url| is_right(url) && !url.contains('#'));
        let all = [&read.authorization_endpoint, &read.token_endpoint, &read.jwks_uri];
        for url in all.into_iter().chain(&read.userinfo_endpoint) {
            if !is_right(url) {
                return Err(format!("it names an address that is not https://: {}", url.escape_debug()));
            }
        }
        Ok(read)
    }

    /// Where a browser ends its session there; it is sent back to `back` then, which the provider has to know.
    pub fn way_out(&self, config: &OidcConfig, back: &str) -> Option<String> {
        let endpoint = self.end_session_endpoint.as_ref().filter(|_| config.sign_out_there)?;
        let query = Serializer::new(String::new())
            .append_pair("client_id", &config.client_id)
            .append_pair("post_logout_redirect_uri", back)
            .finish();
        Some(with_query(endpoint, &query))
    }

    /// How the secret is sent: as RFC 6749 prefers, unless the provider only takes it in the form.
    pub fn takes_basic(&self) -> bool {
        let takes = |method: &str| self.token_endpoint_auth_methods_supported.iter().any(|one| one == method);
        takes("client_secret_basic") || !takes("client_secret_post")
    }
}
