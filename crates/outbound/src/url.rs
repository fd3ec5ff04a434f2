//! `http://` and `https://` addresses, and where a redirect leads.

use std::fmt;
use std::net::IpAddr;

use hyper::Uri;

use crate::limits::URL_BYTES_MAX;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url(Uri);

impl Url {
    pub fn parse(text: &str) -> Result<Url, String> {
        if text.len() > URL_BYTES_MAX {
            return Err(format!("the URL is longer than {URL_BYTES_MAX} bytes"));
        }
        let wrong = || "not a URL such as \"https://example.org/health\"".to_owned();
        let uri: Uri = text.split('#').next().unwrap_or_default().parse().map_err(|_| wrong())?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none_or(str::is_empty) {
            return Err(wrong());
        }
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        if authority.contains('@') {
            return Err(
                "a URL with a user's name in it: write that name and the password in keys of their own"
                    .into(),
            );
        }
        // `http://host:/` is allowed by the grammar and means the usual port.
        let colon = authority.rsplit_once(':').filter(|(_, port)| !port.ends_with(']'));
        if colon.is_some_and(|(_, port)| !port.is_empty() && port.parse::<u16>().is_err()) {
            return Err(wrong());
        }
        Ok(Url(uri))
    }

    /// Of `wss://…`, by the scheme that its connection begins with.
    pub fn of_websocket(text: &str) -> Result<Url, String> {
        match text.split_once("://") {
            Some(("wss", rest)) => Url::parse(&format!("https://{rest}")),
            Some(("ws", rest)) => Url::parse(&format!("http://{rest}")),
            _ => Err("not a URL such as \"wss://example.org/link\"".into()),
        }
    }

    pub fn is_encrypted(&self) -> bool {
        self.0.scheme_str() == Some("https")
    }

    /// A name or an address, without brackets.
    pub fn host(&self) -> &str {
        self.0.host().unwrap_or_default().trim_matches(['[', ']'])
    }

    /// Nobody else gets there. By what is written: what a name leads to is not asked.
    pub fn is_of_this_machine(&self) -> bool {
        let address = self.host().parse::<IpAddr>();
        self.host().eq_ignore_ascii_case("localhost")
            || address.is_ok_and(|it| it.is_loopback() || it.is_unspecified())
    }

    pub fn port(&self) -> u16 {
        self.0.port_u16().unwrap_or(if self.is_encrypted() { 443 } else { 80 })
    }

    /// `host` or `host:port`, as the header `Host` wants it.
    pub fn authority(&self) -> String {
        let host = self.0.host().unwrap_or_default();
        let usual = if self.is_encrypted() { 443 } else { 80 };
        if self.port() == usual { host.to_owned() } else { format!("{host}:{}", self.port()) }
    }

    /// Scheme, host and port: what may be shown.
    pub fn origin(&self) -> String {
        format!("{}://{}", self.0.scheme_str().unwrap_or_default(), self.authority())
    }

    pub fn path_and_query(&self) -> String {
        match self.0.query() {
            Some(query) => format!("{}?{query}", self.0.path()),
            None => self.0.path().to_owned(),
        }
    }

    pub fn is_same_origin(&self, other: &Url) -> bool {
        self.origin().eq_ignore_ascii_case(&other.origin())
    }

    /// Where `Location: …` of an answer from here leads.
    pub fn join(&self, location: &[u8]) -> Result<Url, String> {
        let location = escaped(location);
        let scheme = self.0.scheme_str().unwrap_or_default();
        let base = || format!("{scheme}://{}", self.authority());
        if has_scheme(&location) {
            return Url::parse(&location);
        }
        if let Some(rest) = location.strip_prefix("//") {
            return Url::parse(&format!("{scheme}://{rest}"));
        }
        if location.starts_with('/') {
            return Url::parse(&format!("{}{}", base(), without_dots(&location)));
        }
        let path = self.0.path();
        if location.is_empty() || location.starts_with('#') {
            return Ok(self.clone());
        }
        if location.starts_with('?') {
            return Url::parse(&format!("{}{path}{location}", base()));
        }
        let folder = &path[..path.rfind('/').map_or(0, |slash| slash + 1)];
        Url::parse(&format!("{}{}", base(), without_dots(&format!("{folder}{location}"))))
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin(), self.path_and_query())
    }
}

fn has_scheme(location: &str) -> bool {
    let end = location.find([':', '/', '?', '#']).filter(|end| location[*end..].starts_with(':'));
    end.is_some_and(|end| {
        end > 0 && location[..end].bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    })
}

/// Servers write spaces and letters of all languages where only `%XX` may stand; browsers take them.
fn escaped(location: &[u8]) -> String {
    let mut out = String::with_capacity(location.len());
    for byte in location.trim_ascii() {
        match byte {
            b'!'..=b'~' if !b"\"<>\\^`{|}".contains(byte) => out.push(*byte as char),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// `/a/../b/./c` is `/b/c`.
fn without_dots(path: &str) -> String {
    let (path, query) = match path.find(['?', '#']) {
        Some(end) => path.split_at(end),
        None => (path, ""),
    };
    let mut kept: Vec<&str> = Vec::new();
    let mut parts = path.split('/').skip(1).peekable();
    while let Some(part) = parts.next() {
        let last = parts.peek().is_none();
        match part {
            "." | ".." => {
                if part == ".." {
                    kept.pop();
                }
                if last {
                    kept.push("");
                }
            }
            part => kept.push(part),
        }
    }
    format!("/{}{query}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read() {
        let check = |text: &str, host: &str, port: u16, path: &str| {
            let url = Url::parse(text).unwrap();
            assert_eq!((url.host(), url.port(), &*url.path_and_query()), (host, port, path), "{text}");
        };
        check("http://example.org", "example.org", 80, "/");
        check("https://example.org/a?b=c#d", "example.org", 443, "/a?b=c");
        check("http://[::1]:8080/x", "::1", 8080, "/x");
        check("http://127.0.0.1:81?x", "127.0.0.1", 81, "/?x");
        for bad in [
            "",
            "example.org",
            "ftp://x/",
            "http://",
            "http:///x",
            "http://u:p@x/",
            "http://x:99999/",
            "http://a b/",
        ] {
            assert!(Url::parse(bad).is_err(), "{bad}");
        }
        assert!(Url::parse(&format!("http://x/{}", "a".repeat(9000))).is_err());
        assert!(!Url::parse("http://hooks.example/T0/secret").unwrap().origin().contains("secret"));
    }

    #[test]
    fn what_is_of_this_machine() {
        let check = |text: &str, wanted: bool| {
            assert_eq!(Url::parse(text).unwrap().is_of_this_machine(), wanted, "{text}");
        };
        for here in [
            "http://127.0.0.1:81/x",
            "http://127.1.2.3",
            "https://LocalHost",
            "http://[::1]:8080/x",
            "http://0.0.0.0:8080",
            "http://[::]",
        ] {
            check(here, true);
        }
        for elsewhere in [
            "https://api.twilio.com",
            "http://127.0.0.1.example.org",
            "http://localhost.example.org",
            "http://10.0.0.1",
            "http://[::ffff:127.0.0.1]",
            "http://example.org/127.0.0.1",
            "http://example.org/?localhost",
        ] {
            check(elsewhere, false);
        }
    }

    #[test]
    fn websockets_begin_as_http() {
        let check = |text: &str, wanted: Option<&str>| {
            assert_eq!(Url::of_websocket(text).ok().map(|url| url.to_string()).as_deref(), wanted, "{text}");
        };
        check("wss://example.org/link/?ticket=1", Some("https://example.org/link/?ticket=1"));
        check("ws://127.0.0.1:81/x", Some("http://127.0.0.1:81/x"));
        check("https://example.org/", None);
        check("", None);
    }

    #[test]
    fn redirects_lead_where_browsers_go() {
        let check = |from: &str, location: &str, to: &str| {
            assert_eq!(
                Url::parse(from).unwrap().join(location.as_bytes()).unwrap().to_string(),
                to,
                "{location}"
            );
        };
        let from = "http://a.example:81/x/y?q=1";
        check(from, "https://b.example/z", "https://b.example/z");
        check(from, "//b.example/z", "http://b.example/z");
        check(from, "/z", "http://a.example:81/z");
        check(from, "z", "http://a.example:81/x/z");
        check(from, "../z", "http://a.example:81/z");
        check(from, "./", "http://a.example:81/x/");
        check(from, "..", "http://a.example:81/");
        check(from, "/../../z?../y", "http://a.example:81/z?../y");
        check(from, "?w=2", "http://a.example:81/x/y?w=2");
        check(from, "", "http://a.example:81/x/y?q=1");
        check(from, "/a b/ü", "http://a.example:81/a%20b/%C3%BC");
        check("http://a.example", "z", "http://a.example/z");
        let url = Url::parse(from).unwrap();
        for bad in ["ftp://x/", "javascript:alert(1)", "file:///etc/passwd", "http://u@x/", "http://"] {
            assert!(url.join(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
