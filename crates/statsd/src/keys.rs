//! From a name and tags as sent to the key that readings are summed under, `metric;tag=value;...`.
//!
//! In the dialect of the original a key is exactly the original's. In DogStatsD's the same rules hold for
//! each character, and the tags are put in the form that a series name must have: in order, each once,
//! each with a value. A bare tag is `true`, a tag without name or value is left out, and a tag called
//! `name`, which Graphite keeps for the metric, becomes `name_`.

use std::borrow::Cow;

use vocabulary::sample::Dialect;

use crate::js;
use crate::limits::LONGEST_NAME;

/// The key is longer than [`LONGEST_NAME`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyRules {
    pub dialect: Dialect,
    pub sanitize: bool,
}

impl KeyRules {
    pub fn key(self, name: &[u8], tags: &[u8]) -> Result<String, TooLong> {
        // Before any work on it: sanitising drops characters, but never most of an honest name.
        if name.len() + tags.len() > 4 * LONGEST_NAME {
            return Err(TooLong);
        }
        let (name, tags) = (String::from_utf8_lossy(name), String::from_utf8_lossy(tags));
        let key = match self.dialect {
            Dialect::StatsD => self.original(&name, &tags),
            Dialect::DogStatsD => self.tagged(&name, &tags),
        };
        if key.len() > LONGEST_NAME { Err(TooLong) } else { Ok(key) }
    }

    fn original(self, name: &str, tags: &str) -> String {
        let mut key = name.to_owned();
        if !tags.is_empty() {
            for tag in tags.split(',') {
                key.push(';');
                key.push_str(&tag.replacen(';', "_", 1).replacen(':', "=", 1));
            }
        }
        self.cleaned(&key).into_owned()
    }

    fn tagged(self, name: &str, tags: &str) -> String {
        let (metric, own_tags) = split_name(name);
        let mut key = self.cleaned(metric).into_owned();
        if own_tags.is_empty() && tags.is_empty() {
            return key;
        }
        let separator = if own_tags.starts_with(',') { ',' } else { ';' };
        let sent = tags.split(',').map(|tag| tag.replace(';', "_").replacen(':', "=", 1));
        let mut pairs: Vec<(String, String)> = Vec::new();
        for tag in own_tags.split(separator).map(str::to_owned).chain(sent) {
            let Some((name, value)) = self.pair(&tag) else { continue };
            pairs.retain(|(known, _)| *known != name);
            pairs.push((name, value));
        }
        let mut segments: Vec<String> =
            pairs.into_iter().map(|(name, value)| format!(";{name}={value}")).collect();
        segments.sort_unstable();
        key.extend(segments);
        key
    }

    /// One tag, clean; `None` if nothing is left of its name or value.
    fn pair(self, tag: &str) -> Option<(String, String)> {
        let tag = self.cleaned(tag);
        let (name, value) = tag.split_once('=').unwrap_or((&tag, "true"));
        let mut name = name.replace(['!', '^', ';'], "_");
        if name == "name" {
            name.push('_');
        }
        let value = value.trim_start_matches('~').replace(';', "_");
        (!name.is_empty() && !value.is_empty()).then_some((name, value))
    }

    fn cleaned(self, text: &str) -> Cow<'_, str> {
        if self.sanitize { sanitized(text) } else { Cow::Borrowed(text) }
    }
}

/// The metric, and the tags that the name itself carries, separator first: Graphite's `metric;tag=value` or
/// InfluxDB's `metric,tag=value`. A comma that is not followed by tags only is a character like others.
fn split_name(name: &str) -> (&str, &str) {
    if let Some(at) = name.find(';') {
        return name.split_at(at);
    }
    match name.find(',') {
        Some(at) if name[at + 1..].split(',').all(|tag| tag.find('=').is_some_and(|at| at > 0)) => {
            name.split_at(at)
        }
        _ => (name, ""),
    }
}

/// White space becomes `_`, a slash `-`, and what is none of `[a-zA-Z_\-0-9.;=]` goes.
pub fn sanitized(text: &str) -> Cow<'_, str> {
    let fine = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.;=".contains(&byte);
    if text.bytes().all(fine) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len());
    let mut after_space = false;
    for character in text.chars() {
        let space = js::is_space(character);
        match character {
            _ if space && after_space => {}
            _ if space => clean.push('_'),
            '/' => clean.push('-'),
            _ if character.is_ascii() && fine(character as u8) => clean.push(character),
            _ => {}
        }
        after_space = space;
    }
    Cow::Owned(clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(dialect: Dialect, sanitize: bool, name: &str, tags: &str) -> String {
        KeyRules { dialect, sanitize }.key(name.as_bytes(), tags.as_bytes()).unwrap()
    }

    #[test]
    fn keys_of_the_original() {
        let check = |name, tags, wanted| assert_eq!(key(Dialect::StatsD, true, name, tags), wanted);
        check("a.b", "", "a.b");
        check("a b/c\td", "", "a_b-c_d");
        check("a \t b", "", "a_b");
        check("\u{e9}a\u{a0}b$", "", "a_b");
        check("a", "x:1,y,z;q;r:2:3", "a;x=1;y;z_q;r=23");
        check("a", "x,", "a;x;");
        check("b;z=1;a=2", "", "b;z=1;a=2");
        check("a,k=v", "", "ak=v");
        assert_eq!(key(Dialect::StatsD, false, "a b/\u{e9}", "x:1"), "a b/\u{e9};x=1");
    }

    #[test]
    fn keys_of_dogstatsd() {
        let check = |name, tags, wanted| assert_eq!(key(Dialect::DogStatsD, true, name, tags), wanted);
        check("a b/c", "", "a_b-c");
        check("a", "z:1,b:2", "a;b=2;z=1");
        check("a", "bare", "a;bare=true");
        check("a", "url:/x/y z", "a;url=-x-y_z");
        check("a", "k:v:w,e=f", "a;e=f;k=vw");
        check("a", "k:1,k:2", "a;k=2");
        check("a", "k:,:v,,", "a");
        check("a", "name:x", "a;name_=x");
        check("a;z=1;b=2", "", "a;b=2;z=1");
        check("a;z=1", "b:2,z:3", "a;b=2;z=3");
        check("a,z=1,b=2", "", "a;b=2;z=1");
        check("a,z=1", "c:3", "a;c=3;z=1");
        check("a,b", "", "ab");
        check("a,z=1,b", "", "az=1b");
        check("a,=1", "", "a=1");
        check("a", "x;y:1", "a;x_y=1");
        assert_eq!(key(Dialect::DogStatsD, false, "a b", "k!:~v;w"), "a b;k_=v_w");
    }

    #[test]
    fn what_is_too_long_is_refused() {
        let rules = KeyRules { dialect: Dialect::DogStatsD, sanitize: true };
        assert!(rules.key(&[b'a'; LONGEST_NAME], b"").is_ok());
        assert_eq!(rules.key(&[b'a'; LONGEST_NAME + 1], b""), Err(TooLong));
        assert_eq!(rules.key(&[b'$'; 5 * LONGEST_NAME], b""), Err(TooLong));
    }
}
