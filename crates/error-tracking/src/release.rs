//! Which release is later than which. Two versions of one package are compared by their numbers; any other two by which was seen
//! first. It is decided for each pair: one odd name in a project changes nothing for the others.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};

use vocabulary::Timestamp;

use crate::flood::Today;
use crate::limits::{MAX_NEW_RELEASES_PER_DAY, MAX_RELEASES};

/// Those of one project, in the order in which they were first seen.
#[derive(Clone, Debug, Default)]
pub struct Releases {
    numbers: HashMap<String, u64>,
    versions: BTreeMap<u64, (String, Timestamp)>,
    next: u64,
    /// How many were new on which day.
    today: Today,
}

/// One that was noted, or that had to go for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    pub version: String,
    pub number: u64,
    pub at: Timestamp,
    pub gone: Option<String>,
}

impl Releases {
    /// As it was kept by a process that is gone.
    pub(crate) fn know(&mut self, version: String, number: u64, at: Timestamp) {
        self.restore(version, number, at);
        self.today.began(at);
    }

    fn restore(&mut self, version: String, number: u64, at: Timestamp) {
        self.next = self.next.max(number + 1);
        self.numbers.insert(version.clone(), number);
        self.versions.insert(number, (version, at));
    }

    pub fn contains(&self, version: &str) -> bool {
        self.numbers.contains_key(version)
    }

    /// The first time that it is seen, or said to be made. None: it is known, or there are too many new ones today.
    pub fn note(&mut self, version: &str, now: Timestamp) -> Option<Noted> {
        if self.contains(version) || !self.today.may_begin(MAX_NEW_RELEASES_PER_DAY, now) {
            return None;
        }
        let gone = match self.versions.len() >= MAX_RELEASES {
            true => self.versions.pop_first().map(|(_, (version, _))| version),
            false => None,
        };
        if let Some(gone) = &gone {
            self.numbers.remove(gone);
        }
        let number = self.next;
        self.restore(version.to_owned(), number, now);
        Some(Noted { version: version.to_owned(), number, at: now, gone })
    }

    /// What has not been seen yet comes after all that has.
    pub fn is_later(&self, one: &str, than: &str) -> bool {
        let by_version = compare(one, than).unwrap_or(Ordering::Equal);
        let number = |version: &str| self.numbers.get(version).copied().unwrap_or(u64::MAX);
        by_version.then_with(|| number(one).cmp(&number(than))) == Ordering::Greater
    }

    pub fn newest(&self) -> Option<&str> {
        let versions = self.versions.values().map(|(version, _)| &**version);
        versions.reduce(|newest, version| if self.is_later(version, newest) { version } else { newest })
    }

    /// The last to be seen for the first time comes first.
    pub fn latest(&self, limit: usize) -> Vec<(String, Timestamp)> {
        self.versions.values().rev().take(limit).cloned().collect()
    }
}

/// Of one package, or both of none; None: they cannot be compared by their numbers.
fn compare(one: &str, other: &str) -> Option<Ordering> {
    let (one, other) = (Version::read(one)?, Version::read(other)?);
    (one.package == other.package).then(|| one.cmp_numbers(&other))
}

/// `package@1.2.3-rc.1+build`
struct Version<'v> {
    package: &'v str,
    numbers: [u64; 3],
    /// What comes before the release proper.
    before: Option<&'v str>,
}

impl<'v> Version<'v> {
    fn read(text: &'v str) -> Option<Version<'v>> {
        let (package, version) = text.rsplit_once('@').unwrap_or(("", text));
        let version = version.split_once('+').map_or(version, |(version, _)| version);
        let (numbers, before) = match version.split_once('-') {
            Some((numbers, before)) => (numbers, Some(before)),
            None => (version, None),
        };
        let mut parts = numbers.split('.');
        let mut part =
            || parts.next().filter(|part| part.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok();
        let numbers = [part()?, part()?, part()?];
        parts.next().is_none().then_some(Version { package, numbers, before })
    }

    fn cmp_numbers(&self, other: &Version<'_>) -> Ordering {
        self.numbers.cmp(&other.numbers).then_with(|| match (self.before, other.before) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (Some(one), Some(other)) => cmp_before(one, other),
        })
    }
}

/// Numbers by their size and before words, words by their letters; who has more parts is later.
fn cmp_before(one: &str, other: &str) -> Ordering {
    let (mut ours, mut theirs) = (one.split('.'), other.split('.'));
    loop {
        let (one, other) = match (ours.next(), theirs.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(one), Some(other)) => (one, other),
        };
        let order = match (one.parse::<u64>(), other.parse::<u64>()) {
            (Ok(one), Ok(other)) => one.cmp(&other),
            (Ok(_), Err(_)) => Ordering::Less,
            (Err(_), Ok(_)) => Ordering::Greater,
            (Err(_), Err(_)) => one.cmp(other),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn releases(seen: &[&str]) -> Releases {
        let mut releases = Releases::default();
        for (at, version) in seen.iter().enumerate() {
            releases.note(version, Timestamp(at as i64));
        }
        releases
    }

    #[test]
    fn each_pair_is_compared_by_what_the_two_have_in_common() {
        let releases =
            releases(&["web@1.10.0", "web@1.9.0", "web@1.10.0-rc.2", "abc123", "2.0.0", "api@0.1.0"]);
        let check = |one: &str, than: &str, later: bool| {
            assert_eq!(releases.is_later(one, than), later, "{one} later than {than}");
        };
        check("web@1.10.0", "web@1.9.0", true);
        check("web@1.9.0", "web@1.10.0", false);
        check("web@1.10.0", "web@1.10.0-rc.2", true);
        check("web@1.10.0-rc.10", "web@1.10.0-rc.2", true);
        check("web@1.10.0", "web@1.10.0", false);
        // Nothing in common: by which was seen first.
        check("abc123", "web@1.10.0", true);
        check("2.0.0", "abc123", true);
        check("api@0.1.0", "web@1.10.0", true);
        check("web@1.10.0", "2.0.0", false);
        check("never seen", "api@0.1.0", true);
        check("api@0.1.0", "never seen", false);
        check("1.2", "abc123", true);
        assert_eq!(releases.newest(), Some("api@0.1.0"));
    }

    #[test]
    fn a_build_for_each_request_does_not_fill_the_disk() {
        let mut releases = Releases::default();
        let noted = (0..2_000).filter(|n| releases.note(&format!("b{n}"), Timestamp(0)).is_some()).count();
        assert_eq!(noted, MAX_NEW_RELEASES_PER_DAY);
        assert!(releases.note("tomorrow", Timestamp(86_400)).is_some());
        for day in 2..30 {
            (0..500).for_each(|n| drop(releases.note(&format!("{day}-{n}"), Timestamp(day * 86_400))));
        }
        assert_eq!(releases.numbers.len(), MAX_RELEASES);
        assert_eq!(releases.versions.len(), MAX_RELEASES);
    }
}
