//! `https://PUBLICKEY[:SECRET]@host[:port][/path]/PROJECT`: where an SDK sends to, and as whom.

use std::fmt;
use std::str::FromStr;

use super::limits::KEY_DIGITS;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dsn {
    pub scheme: String,
    /// Lower-case hexadecimal digits. A secret beside it is obsolete and not kept.
    pub public_key: String,
    /// With its port, if one is said.
    pub host: String,
    /// In front of `/api/…`: empty, or with a `/` at its beginning and none at its end.
    pub path: String,
    pub project: u64,
}

/// Public keys as they are compared: hexadecimal digits, lower case, without dashes.
pub fn public_key(text: &str) -> Result<String, String> {
    let key: String = text.trim().chars().filter(|letter| *letter != '-').collect();
    if key.is_empty() || key.len() > KEY_DIGITS || !key.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(format!("a public key is up to {KEY_DIGITS} hexadecimal digits"));
    }
    Ok(key.to_ascii_lowercase())
}

impl FromStr for Dsn {
    type Err = String;

    fn from_str(text: &str) -> Result<Dsn, String> {
        const SHAPE: &str = "a DSN looks like https://PUBLICKEY@host/PROJECT";
        let (scheme, rest) = text.trim().split_once("://").ok_or(SHAPE)?;
        if !matches!(scheme, "http" | "https") {
            return Err(format!("{SHAPE}; `{scheme}` is neither http nor https"));
        }
        let (keys, rest) = rest.split_once('@').ok_or("a DSN has its public key before the `@`")?;
        let key = keys.split_once(':').map_or(keys, |(public, _)| public);
        let (place, project) = rest.trim_end_matches('/').rsplit_once('/').ok_or(SHAPE)?;
        let (host, path) = place.split_at(place.find('/').unwrap_or(place.len()));
        if host.is_empty() {
            return Err(SHAPE.into());
        }
        // Behind these begins something else of an address: what is asked would not be what is shown.
        let strange = |letter: char| {
            matches!(letter, '?' | '#' | '@' | '\\') || letter.is_whitespace() || letter.is_control()
        };
        if let Some(letter) = place.chars().find(|letter| strange(*letter)) {
            return Err(format!("{SHAPE}; there is no {letter:?} in its address"));
        }
        Ok(Dsn {
            scheme: scheme.into(),
            public_key: public_key(key)?,
            host: host.into(),
            path: path.trim_end_matches('/').into(),
            project: project.parse().map_err(|_| format!("`{project}`, the end of the DSN, is no number"))?,
        })
    }
}

impl fmt::Display for Dsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Dsn { scheme, public_key, host, path, project } = self;
        write!(f, "{scheme}://{public_key}@{host}{path}/{project}")
    }
}

#[cfg(test)]
mod tests {
    use super::Dsn;

    const KEY: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn dsns_are_read_and_written() {
        let dsn: Dsn = format!("https://{KEY}:secret@errors.example:8443/a/b/17/").parse().unwrap();
        assert_eq!((dsn.public_key.as_str(), dsn.host.as_str()), (KEY, "errors.example:8443"));
        assert_eq!((dsn.path.as_str(), dsn.project), ("/a/b", 17));
        assert_eq!(dsn.to_string(), format!("https://{KEY}@errors.example:8443/a/b/17"));
        assert_eq!(dsn.to_string().parse(), Ok(dsn));
        let upper: Dsn = format!("http://{}@[::1]:80/1", KEY.to_uppercase()).parse().unwrap();
        assert_eq!(upper.to_string(), format!("http://{KEY}@[::1]:80/1"));
    }

    #[test]
    fn what_is_no_dsn_is_refused() {
        for (text, why) in [
            ("", "looks like"),
            ("ftp://a@h/1", "neither"),
            ("https://h/1", "public key"),
            ("https://xyz@h/1", "hexadecimal"),
            ("https://ab@h", "looks like"),
            ("https://ab@/1", "looks like"),
            ("https://ab@h/shop", "no number"),
            ("https://ab@h/_admin?x=/1", "no '?'"),
            ("https://ab@h#/1", "no '#'"),
            ("https://ab@h@other/1", "no '@'"),
            ("https://ab@h /1", "no ' '"),
        ] {
            let error = text.parse::<Dsn>().expect_err(text);
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
