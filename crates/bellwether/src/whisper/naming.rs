//! From the path of a whisper file to the name of its series, and back.
//!
//! Directories are the nodes of a name. Tagged series lie in `_tagged/HHH/HHH/`, where `HHH` are the first two
//! groups of three digits of the SHA-256 of the name: there the file is called after the name with `.` written
//! `_DOT_`, or, as carbon is delivered, after the whole hash. What such a hash stands for is known only to
//! whoever has the names: a list, or the series that came in live.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

const TAGGED: &str = "_tagged";
const DOT: &str = "_DOT_";
const EXTENSION: &str = ".wsp";

/// Names of tagged series by their hash.
#[derive(Debug, Default)]
pub struct TaggedNames(HashMap<[u8; 32], String>);

/// What a path says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    Name(String),
    /// Only the hash of its name is known.
    Hash([u8; 32]),
    /// It cannot be a series; why.
    Not(String),
}

impl TaggedNames {
    pub fn add(&mut self, name: &str) {
        self.0.insert(hash(name), name.to_owned());
        // Whoever wrote the list may have had the tags in another order than carbon's.
        if let Ok(canonical) = vocabulary::series::canonical(name) {
            self.0.insert(hash(&canonical), canonical.into_owned());
        }
    }

    /// A list as people have it: a name in each line, or what `/tags/findSeries` answers, an array of JSON.
    pub fn add_list(&mut self, text: &str) -> Result<(), String> {
        if text.trim_start().starts_with('[') {
            let names: Vec<String> = serde_json::from_str(text)
                .map_err(|error| format!("is no list of names as JSON: {error}"))?;
            names.iter().for_each(|name| self.add(name));
            return Ok(());
        }
        text.lines().map(str::trim).filter(|line| !line.is_empty()).for_each(|line| self.add(line));
        Ok(())
    }

    pub fn get(&self, hash: &[u8; 32]) -> Option<&str> {
        self.0.get(hash).map(String::as_str)
    }
}

fn hash(name: &str) -> [u8; 32] {
    Sha256::digest(name.as_bytes()).into()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hexadecimal(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    if digits.len() != 64 || !digits.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
    }
    Some(bytes)
}

/// The name of the file at a path below the tree.
pub fn name_of(relative: &Path) -> Named {
    let Some(text) = relative.to_str() else { return Named::Not("its path is not UTF-8".into()) };
    let Some(stem) = text.strip_suffix(EXTENSION) else { return Named::Not("it is no .wsp".into()) };
    if let Some(tagged) = stem.strip_prefix(TAGGED).and_then(|rest| rest.strip_prefix('/')) {
        return tagged_name(tagged);
    }
    if stem.rsplit('/').next().is_some_and(str::is_empty) {
        return Named::Not("its name is empty".into());
    }
    Named::Name(stem.replace('/', "."))
}

/// `HHH/HHH/…`, without the extension.
fn tagged_name(path: &str) -> Named {
    let mut parts = path.splitn(3, '/');
    let (Some(first), Some(second), Some(stem)) = (parts.next(), parts.next(), parts.next()) else {
        return Named::Not("tagged series lie in _tagged/HHH/HHH/".into());
    };
    let place = format!("{first}{second}");
    let lies_here = |hash: &[u8; 32]| hexadecimal(&hash[..3]) == place;
    if let Some(hash) = from_hexadecimal(stem).filter(lies_here) {
        return Named::Hash(hash);
    }
    // A name may hold `_DOT_` itself: the place tells which is right.
    let candidates = [stem.replace(DOT, "."), stem.to_owned()];
    match candidates.into_iter().find(|name| lies_here(&hash(name))) {
        Some(name) => Named::Name(name),
        None => Named::Not(format!("its name does not belong into {TAGGED}/{first}/{second}")),
    }
}

/// Where carbon, as it is delivered, keeps a series: tagged ones under their hash.
pub fn path_of(name: &str) -> Result<PathBuf, String> {
    if name.contains(';') {
        let digits = hexadecimal(&hash(name));
        return Ok([TAGGED, &digits[..3], &digits[3..6], &(digits.clone() + EXTENSION)].iter().collect());
    }
    if name.contains('/') {
        return Err("its name holds a `/`, which whisper would take for a directory".into());
    }
    Ok(PathBuf::from(name.replace('.', "/") + EXTENSION))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(path: &str) -> Named {
        name_of(Path::new(path))
    }

    #[test]
    fn directories_are_nodes() {
        let name = |text: &str| Named::Name(text.into());
        assert_eq!(named("a/b/c.wsp"), name("a.b.c"));
        assert_eq!(named("zähler/größe mit blank.wsp"), name("zähler.größe mit blank"));
        assert_eq!(named("a.wsp/b.wsp"), name("a.wsp.b"));
        assert!(matches!(named("a/.wsp"), Named::Not(_)));
        assert_eq!(path_of("a.b.c"), Ok(PathBuf::from("a/b/c.wsp")));
        assert!(path_of("a/../b").is_err());
    }

    /// The paths that carbon's `TaggedSeries.encode` gives.
    #[test]
    fn tagged_names_lie_where_carbon_puts_them() {
        let name = "disk.used;datacenter=dc1;server=web01.a";
        let digits = hexadecimal(&hash(name));
        let place = format!("_tagged/{}/{}", &digits[..3], &digits[3..6]);
        assert_eq!(path_of(name), Ok(PathBuf::from(format!("{place}/{digits}.wsp"))));
        assert_eq!(named(&format!("{place}/{digits}.wsp")), Named::Hash(hash(name)));
        let readable = format!("{place}/disk_DOT_used;datacenter=dc1;server=web01_DOT_a.wsp");
        assert_eq!(named(&readable), Named::Name(name.into()));
        assert!(matches!(named(&format!("_tagged/000/000/{digits}.wsp")), Named::Not(_)));
        assert!(matches!(named("_tagged/a.wsp"), Named::Not(_)));
        let odd = "a_DOT_b;path=/var/log";
        let digits = hexadecimal(&hash(odd));
        let path = format!("_tagged/{}/{}/{odd}.wsp", &digits[..3], &digits[3..6]);
        assert_eq!(named(&path), Named::Name(odd.into()));
    }

    #[test]
    fn lists_of_names_are_read_as_lines_or_json() {
        let wanted = "a;b=1;c=2";
        for list in ["a;c=2;b=1\nother;x=y\n", "\n a;b=1;c=2 \r\n", "[\"a;b=1;c=2\"]"] {
            let mut names = TaggedNames::default();
            names.add_list(list).unwrap();
            assert_eq!(names.get(&hash(wanted)), Some(wanted), "{list}");
        }
        assert!(TaggedNames::default().add_list("[1, 2]").is_err());
    }
}
