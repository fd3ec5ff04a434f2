//! The sections `[http]`, `[auth]` of the configuration.

use std::path::PathBuf;

use axum::http::HeaderName;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vocabulary::settings::Listen;
use vocabulary::time::HumanDuration;

use crate::accounts::Role;
use crate::accounts::oidc::OidcConfig;

/// `[http]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpConfig {
    /// One address, or a list of them.
    #[serde(with = "one_or_many")]
    pub listen: Vec<Listen>,
    /// How people reach this server from outside, for links in messages.
    pub public_url: String,
    /// Hosts whose pages may read Graphite's paths; when `auth.mode` is "none" also the names besides loopback ones under
    /// which browsers may ask.
    pub allowed_hosts: Vec<String>,
    /// PEM files; both or none.
    pub tls_certificate: Option<PathBuf>,
    pub tls_key: Option<PathBuf>,
    /// Connections beyond this wait in the kernel's queue. One source gets an eighth of them, unless it is this machine or in
    /// `auth.trusted_proxies`; further ones of it are closed at once.
    pub max_connections: usize,
    /// A query that takes longer is ended with status 503.
    pub query_timeout: HumanDuration,
    /// Series that one query may touch.
    pub max_query_series: usize,
    /// Points that one query may read.
    pub max_query_points: usize,
    /// Bytes that one query may hold in memory, its answer included.
    pub max_query_bytes: usize,
    /// Bytes that recent answers of `/render` may take; 0 = none are kept.
    pub answer_cache_bytes: usize,
    /// Longest request body, in bytes.
    pub max_body_bytes: usize,
}

impl Default for HttpConfig {
    fn default() -> Self {
        HttpConfig {
            listen: vec![Listen::On(([127, 0, 0, 1], 8080).into())],
            public_url: String::new(),
            allowed_hosts: Vec::new(),
            tls_certificate: None,
            tls_key: None,
            max_connections: 1024,
            query_timeout: HumanDuration::from_secs(60),
            max_query_series: 100_000,
            max_query_points: 50_000_000,
            max_query_bytes: 512 << 20,
            answer_cache_bytes: 64 << 20,
            max_body_bytes: 16 << 20,
        }
    }
}

impl HttpConfig {
    pub fn problems(&self, auth: &AuthConfig) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        let open =
            self.listen.iter().find(|listen| listen.address().is_some_and(|at| !at.ip().is_loopback()));
        if let (Some(open), AuthMode::None) = (open, self.mode(auth)) {
            problems.push((
                "http.listen",
                format!(
                    "{open} can be reached from other machines, so `auth.mode` must be \"required\" \
                     (or listen on a loopback address such as \"127.0.0.1:8080\")"
                ),
            ));
        }
        if self.tls_certificate.is_some() != self.tls_key.is_some() {
            problems.push((
                "http.tls_certificate",
                "`tls_certificate` and `tls_key` go together; set both".into(),
            ));
        }
        if let (Err(why), true) = (crate::server::tls(self), problems.is_empty()) {
            problems.push(("http.tls_certificate", why));
        }
        let counts = [
            ("http.max_connections", self.max_connections),
            ("http.max_query_series", self.max_query_series),
            ("http.max_query_points", self.max_query_points),
            ("http.max_query_bytes", self.max_query_bytes),
            ("http.max_body_bytes", self.max_body_bytes),
        ];
        let none = counts.into_iter().filter(|(_, count)| *count == 0);
        problems.extend(none.map(|(key, _)| (key, "must be at least 1".to_owned())));
        if self.query_timeout.0.is_zero() {
            problems.push(("http.query_timeout", "must be more than 0s".into()));
        }
        let is_url = ["http://", "https://"].iter().any(|scheme| {
            self.public_url
                .strip_prefix(scheme)
                .is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
        });
        if !self.public_url.is_empty() && !is_url {
            let why =
                format!("`{}` is not a URL: write one such as \"https://metrics.example\"", self.public_url);
            problems.push(("http.public_url", why));
        }
        problems
    }

    pub fn mode(&self, auth: &AuthConfig) -> AuthMode {
        auth.mode.unwrap_or(AuthMode::None)
    }

    pub fn uses_tls(&self) -> bool {
        self.tls_certificate.is_some()
    }
}

/// `[auth]`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuthConfig {
    /// Not set: "none", which is refused unless every listener is on loopback.
    pub mode: Option<AuthMode>,
    /// Proxies whose `X-Forwarded-*` headers are believed (only with "required"): addresses and networks.
    #[serde(with = "networks")]
    pub trusted_proxies: Vec<IpNet>,
    /// The header in which these proxies, and nobody else, say who signed in with them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_header: Option<String>,
    /// Of those who come by that header for the first time; none: only people who are here already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_default_role: Option<Role>,
    /// The header in which they say in which groups somebody is, with commas between: teams of these names are theirs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_groups_header: Option<String>,
    /// A sign-in provider, beside the passwords.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oidc: Option<OidcConfig>,
}

/// What other headers mean is not for a proxy to say in their place.
const TAKEN_HEADERS: [&str; 6] =
    ["authorization", "cookie", "host", "origin", "forwarded", "x-forwarded-for"];
/// A proxy is a machine or a few of them: larger networks have people in them, who could say they are anybody.
const SMALLEST_PREFIXES: (u8, u8) = (16, 32);

impl AuthConfig {
    /// What is wrong with it, each with its key and the cure.
    pub fn problems(&self, http: &HttpConfig) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        let mut found = |key: &str, why: &str| problems.push((format!("auth.{key}"), why.to_owned()));
        let required = http.mode(self) == AuthMode::Required;
        if let Some(header) = &self.proxy_header {
            if !may_be_the_proxys(header) {
                found(
                    "proxy_header",
                    "write the name of a header that means nothing else, such as \"X-Remote-User\"",
                );
            }
            if self.trusted_proxies.is_empty() {
                found(
                    "trusted_proxies",
                    "with `proxy_header` write the proxy's address, such as [\"10.0.0.5\"]: nobody else is believed",
                );
            }
            if !required {
                found(
                    "mode",
                    "with `proxy_header` write \"required\": with \"none\" nobody is asked who they are",
                );
            }
            let wide = |network: &IpNet| match network {
                IpNet::V4(network) => network.prefix_len() < SMALLEST_PREFIXES.0,
                IpNet::V6(network) => network.prefix_len() < SMALLEST_PREFIXES.1,
            };
            if self.trusted_proxies.iter().any(wide) {
                found(
                    "trusted_proxies",
                    "is too wide for `proxy_header`: everybody in it could say they are anybody; name the proxy itself",
                );
            }
        }
        if self.proxy_default_role.is_some() && self.proxy_header.is_none() {
            found("proxy_default_role", "goes with `proxy_header`: set that too, or leave it out");
        }
        match (&self.proxy_groups_header, &self.proxy_header) {
            (Some(groups), Some(name)) if !may_be_the_proxys(groups) || groups.eq_ignore_ascii_case(name) => {
                found(
                    "proxy_groups_header",
                    "write the name of a header of its own that means nothing else, such as \"X-Remote-Groups\"",
                )
            }
            (Some(_), None) => {
                found("proxy_groups_header", "goes with `proxy_header`: set that too, or leave it out");
            }
            _ => {}
        }
        let Some(oidc) = &self.oidc else { return problems };
        if !required {
            found(
                "oidc",
                "with a sign-in provider write auth.mode = \"required\": with \"none\" nobody signs in",
            );
        }
        if http.public_url.is_empty() {
            found(
                "oidc",
                "set http.public_url: the provider sends people back there, to its /signin/callback",
            );
        }
        problems.extend(oidc.problems().into_iter().map(|(key, why)| (format!("auth.oidc.{key}"), why)));
        problems
    }
}

fn may_be_the_proxys(header: &str) -> bool {
    let name = HeaderName::from_bytes(header.to_ascii_lowercase().as_bytes());
    name.is_ok_and(|name| !TAKEN_HEADERS.contains(&name.as_str()))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AuthMode {
    None,
    Required,
}

/// Networks, and addresses as the networks of one that they are.
mod networks {
    use std::net::IpAddr;

    use ipnet::IpNet;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
        let written = Vec::<String>::deserialize(deserializer)?;
        written.iter().map(|text| network(text).map_err(D::Error::custom)).collect()
    }

    fn network(text: &str) -> Result<IpNet, String> {
        let address = text.parse::<IpAddr>().map(|address| IpNet::from(address.to_canonical()));
        address.or_else(|_| text.parse::<IpNet>()).map_err(|_| {
            format!(
                "`{text}` is no address and no network: write one such as \"10.0.0.5\" or \"10.0.0.0/24\""
            )
        })
    }

    pub fn serialize<S: Serializer>(networks: &[IpNet], serializer: S) -> Result<S::Ok, S::Error> {
        networks.serialize(serializer)
    }
}

mod one_or_many {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use vocabulary::settings::Listen;

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Listen>, D::Error> {
        struct Either;
        impl<'de> serde::de::Visitor<'de> for Either {
            type Value = Vec<Listen>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an address such as \"127.0.0.1:8080\", or a list of addresses")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Vec<Listen>, E> {
                text.parse().map(|listen| vec![listen]).map_err(E::custom)
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, items: A) -> Result<Vec<Listen>, A::Error> {
                Vec::deserialize(serde::de::value::SeqAccessDeserializer::new(items))
            }
        }
        deserializer.deserialize_any(Either)
    }

    pub fn serialize<S: Serializer>(listen: &[Listen], serializer: S) -> Result<S::Ok, S::Error> {
        match listen {
            [one] => one.serialize(serializer),
            many => many.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_an_address_or_a_network() {
        let read = |written: &str| {
            let auth =
                serde_json::from_value::<AuthConfig>(serde_json::json!({"trusted_proxies": [written]}));
            auth.map(|auth| auth.trusted_proxies[0].to_string()).map_err(|error| error.to_string())
        };
        assert_eq!(read("127.0.0.1").unwrap(), "127.0.0.1/32");
        assert_eq!(read("::1").unwrap(), "::1/128");
        assert_eq!(read("::ffff:10.0.0.5").unwrap(), "10.0.0.5/32");
        assert_eq!(read("10.0.0.0/28").unwrap(), "10.0.0.0/28");
        for wrong in ["", "proxy.example", "10.0.0.5/33", "10.0.0", "10.0.0.5:80", "0.0.0.0/0/0"] {
            assert!(read(wrong).unwrap_err().contains("no address and no network"), "{wrong}");
        }
    }
    #[test]
    fn a_header_with_groups_goes_with_one_for_the_name() {
        let check = |name: Option<&str>, groups: &str, fine: bool| {
            let auth = AuthConfig {
                mode: Some(AuthMode::Required),
                trusted_proxies: vec!["10.0.0.5/32".parse().unwrap()],
                proxy_header: name.map(str::to_owned),
                proxy_groups_header: Some(groups.into()),
                ..AuthConfig::default()
            };
            let problems = auth.problems(&HttpConfig::default());
            let keys: Vec<&str> = problems.iter().map(|(key, _)| key.as_str()).collect();
            let wanted: &[&str] = if fine { &[] } else { &["auth.proxy_groups_header"] };
            assert_eq!(keys, wanted, "{name:?} {groups}");
        };
        check(Some("X-Remote-User"), "X-Remote-Groups", true);
        check(Some("X-Remote-User"), "x-remote-user", false);
        check(Some("X-Remote-User"), "Cookie", false);
        check(Some("X-Remote-User"), "no header", false);
        check(None, "X-Remote-Groups", false);
    }
}
