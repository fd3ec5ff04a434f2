//! `[agent]`.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
pub use vocabulary::settings::Secret;
use vocabulary::time::HumanDuration;

use super::limits;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AgentConfig {
    /// Where the batches go: `https://host:port`, perhaps with a path below which the server stands.
    pub server: String,
    /// What `bellwether token create` printed there.
    pub token: Secret,
    /// A file that holds the token instead.
    pub token_file: Option<PathBuf>,
    /// PEM file: trust only certificates in it, and those that they have signed.
    pub ca_file: Option<PathBuf>,
    /// How often a batch is closed and sent.
    pub interval: HumanDuration,
    /// What waits for the server; without it `spool` in the data directory.
    pub spool_dir: Option<PathBuf>,
    /// Beyond this the oldest is dropped, and counted.
    pub spool_bytes: u64,
    /// How this machine's StatsD series are told from those of others.
    pub statsd_names: StatsdNames,
}

impl Default for AgentConfig {
    fn default() -> Self {
        AgentConfig {
            server: String::new(),
            token: Secret::default(),
            token_file: None,
            ca_file: None,
            interval: HumanDuration::from_secs(1),
            spool_dir: None,
            spool_bytes: 1 << 30,
            statsd_names: StatsdNames::Prefixed,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StatsdNames {
    /// `orders` becomes `HOST.orders`: `stats.timers.web1.orders.mean`.
    Prefixed,
    /// It gets a tag: `stats.timers.orders.mean;host=web1`.
    Tagged,
    /// As on the server itself: agents with the same names write over each other.
    Plain,
}

/// A token is a line of text; a longer file is another one.
const TOKEN_BYTES_MAX: u64 = 4_096;

impl AgentConfig {
    /// Is there a server to send to?
    pub fn is_set(&self) -> bool {
        !self.server.is_empty()
    }

    /// The token itself, wherever it stands.
    pub fn read_token(&self) -> Result<Secret, String> {
        let Some(path) = &self.token_file else { return Ok(self.token.clone()) };
        read_token(path).map_err(|why| format!("{}: {why}", path.display()))
    }

    /// What is wrong although each value by itself can be read.
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        if (self.interval.0 < limits::BATCH_INTERVAL_MIN) || (self.interval.0 > limits::BATCH_INTERVAL_MAX) {
            let (shortest, longest) = (limits::BATCH_INTERVAL_MIN, limits::BATCH_INTERVAL_MAX);
            problems.push((
                "interval",
                format!("must be between {}s and {}s", shortest.as_secs(), longest.as_secs()),
            ));
        }
        if self.spool_bytes < limits::SPOOL_BYTES_MIN {
            problems.push(("spool_bytes", format!("must be at least {}", limits::SPOOL_BYTES_MIN)));
        }
        if self.is_set() {
            problems.extend(self.problems_of_server());
        }
        problems
    }

    fn problems_of_server(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        if let Err(why) = check_url(&self.server) {
            problems.push(("server", why));
        }
        let is_plain = self.server.starts_with("http://");
        match (self.token.is_empty(), &self.token_file) {
            (false, Some(_)) => problems.push(("token_file", "`token` is set too; write one of them".into())),
            (true, None) if !is_plain => problems.push((
                "token",
                "missing: make one on the server with `bellwether token create NAME --role editor`, and write it \
                 here or into a file that token_file names"
                    .into(),
            )),
            _ => match self.read_token() {
                Ok(token) if !token.reveal().bytes().all(|byte| byte.is_ascii_graphic()) => {
                    problems.push(("token", "holds blanks or other characters that no token has".into()));
                }
                Ok(_) => {}
                Err(why) => problems.push(("token_file", why)),
            },
        }
        problems
    }
}

fn read_token(path: &Path) -> Result<Secret, String> {
    use std::io::Read;
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    file.take(TOKEN_BYTES_MAX + 1).read_to_string(&mut text).map_err(|error| error.to_string())?;
    match text.trim() {
        "" => Err("is empty; it should hold the token".into()),
        _ if text.len() as u64 > TOKEN_BYTES_MAX => Err("is too long to be a token".into()),
        token => Ok(Secret::new(token)),
    }
}

/// Unencrypted only to this machine, as the token goes along.
fn check_url(url: &str) -> Result<(), String> {
    let wrong = || format!("`{url}` is not a URL such as \"https://metrics.example:8080\"");
    let (scheme, rest) = url.split_once("://").ok_or_else(wrong)?;
    let authority = rest.split('/').next().unwrap_or_default();
    let is_odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '@' | '?' | '#');
    if authority.is_empty() || authority.starts_with(':') || rest.contains(is_odd) {
        return Err(wrong());
    }
    let host = match authority.strip_prefix('[') {
        Some(inner) => inner.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    let is_here =
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    match scheme {
        "https" => Ok(()),
        "http" if is_here => Ok(()),
        "http" => Err(format!(
            "token and points would travel to {host} in the clear: give that server a certificate \
             ([http] tls_certificate, tls_key) and write https://"
        )),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(server: &str, token: &str) -> AgentConfig {
        AgentConfig { server: server.into(), token: Secret::new(token), ..AgentConfig::default() }
    }

    #[test]
    fn urls() {
        for fine in [
            "https://metrics.example",
            "https://metrics.example:8080/below",
            "https://[2001:db8::1]:8080",
            "http://127.0.0.1:8080",
            "http://localhost",
            "http://[::1]:1",
        ] {
            assert_eq!(config(fine, "t").problems(), [], "{fine}");
        }
        for bad in [
            "metrics",
            "ftp://x",
            "https://",
            "https://:8080",
            "http://metrics.example",
            "https://a b",
            "https://u:p@x",
        ] {
            let problems = config(bad, "t").problems();
            assert_eq!(problems.iter().map(|(key, _)| *key).collect::<Vec<_>>(), ["server"], "{bad}");
        }
    }

    #[test]
    fn bounds_and_the_token() {
        assert_eq!(AgentConfig::default().problems(), []);
        let mut wrong = config("https://x", "");
        wrong.interval = HumanDuration::from_millis(10);
        wrong.spool_bytes = 1;
        let keys: Vec<_> = wrong.problems().into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["interval", "spool_bytes", "token"]);
        assert_eq!(config("https://x", "a b").problems()[0].0, "token");
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        let mut by_file = config("https://x", "");
        by_file.token_file = Some(path.clone());
        assert_eq!(by_file.problems()[0].0, "token_file");
        std::fs::write(&path, " \n").unwrap();
        assert!(by_file.problems()[0].1.contains("is empty"));
        std::fs::write(&path, "bw_12\n").unwrap();
        assert_eq!((by_file.problems(), by_file.read_token().unwrap().reveal()), (vec![], "bw_12"));
        by_file.token = Secret::new("x");
        assert_eq!(by_file.problems()[0].0, "token_file");
    }

    #[test]
    fn a_secret_is_not_shown() {
        let shown = format!("{:?}", config("https://x", "bw_12"));
        assert!(shown.contains("hidden") && !shown.contains("bw_12"), "{shown}");
    }
}
