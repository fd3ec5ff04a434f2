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

    /// The same, or later; also by another spelling: `1.0` is `1.0.0`.
    pub fn is_since(&self, one: &str, than: &str) -> bool {
        one == than || compare(one, than) == Some(Ordering::Equal) || self.is_later(one, than)
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

/// `package@1.2.3-rc.1+build`, and what there is of it: one to four numbers, a `v` before them, `rc1` directly behind them.
struct Version<'v> {
    package: &'v str,
    numbers: [u64; 4],
    /// What comes before the release proper.
    before: Option<&'v str>,
    build: Option<&'v str>,
}

/// Of the only number there is: longer ones may be hashes of commits.
const BUILD_DIGITS: usize = 6;

impl<'v> Version<'v> {
    fn read(text: &'v str) -> Option<Version<'v>> {
        let (package, version) = text.rsplit_once('@').unwrap_or(("", text));
        let version = version.strip_prefix(['v', 'V']).unwrap_or(version);
        let (version, build) = split(version, '+');
        let (written, before) = match split(version, '-') {
            (version, None) => numbers_and_word(version),
            parts => parts,
        };
        let (mut numbers, mut count) = ([0; 4], 0);
        for part in written.split('.') {
            if !part.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            *numbers.get_mut(count)? = part.parse().ok()?;
            count += 1;
        }
        // A number alone is a version only of something.
        let is_version =
            count > 1 || (!package.is_empty() && before.is_none() && written.len() <= BUILD_DIGITS);
        is_version.then_some(Version { package, numbers, before, build })
    }

    fn cmp_numbers(&self, other: &Version<'_>) -> Ordering {
        let before = || match (self.before, other.before) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (Some(one), Some(other)) => cmp_before(one, other),
        };
        self.numbers.cmp(&other.numbers).then_with(before).then_with(|| cmp_builds(self.build, other.build))
    }
}

fn split(text: &str, at: char) -> (&str, Option<&str>) {
    text.split_once(at).map_or((text, None), |(text, rest)| (text, Some(rest)))
}

/// `1.0rc1`
fn numbers_and_word(version: &str) -> (&str, Option<&str>) {
    match version.find(|letter: char| letter.is_ascii_alphabetic()) {
        Some(at) => (&version[..at], Some(&version[at..])),
        None => (version, None),
    }
}

/// Those that are numbers, by their size; of others, as are hashes of commits, none is later.
fn cmp_builds(one: Option<&str>, other: Option<&str>) -> Ordering {
    let numbers = |build: Option<&str>| {
        build
            .map_or(Some(Vec::new()), |build| build.split('.').map(|part| part.parse::<u64>().ok()).collect())
    };
    match (numbers(one), numbers(other)) {
        (Some(one), Some(other)) => one.cmp(&other),
        _ => Ordering::Equal,
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
            (Err(_), Err(_)) => word_and_number(one).cmp(&word_and_number(other)),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// `rc10` comes after `rc2`.
fn word_and_number(part: &str) -> (&str, u64) {
    let word = part.trim_end_matches(|letter: char| letter.is_ascii_digit());
    (word, part[word.len()..].parse().unwrap_or(0))
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
    fn versions_are_read_however_they_are_written() {
        // All in the wrong order, so that only their numbers tell.
        let check = |earlier: &str, later: &str| {
            let releases = releases(&[later, earlier]);
            assert!(releases.is_later(later, earlier), "{later} later than {earlier}");
            assert!(!releases.is_later(earlier, later), "{earlier} not later than {later}");
            assert!(releases.is_since(later, earlier) && !releases.is_since(earlier, later));
        };
        check("shop@0.9", "shop@1.0");
        check("1.9", "1.10");
        check("v1.9.0", "v1.10.0");
        check("w@v1.9.0", "w@1.10.0");
        check("w@1.9.0.9", "w@1.10.0.1");
        check("w@9", "w@10");
        check("com.shop.app@2.0.0+150", "com.shop.app@2.0.0+200");
        check("w@1.1.0", "w@1.1.0+5");
        check("w@1.1.0+5", "w@1.1.0+5.1");
        check("w@1.0rc2", "w@1.0rc10");
        check("w@1.0rc10", "w@1.0");
        check("w@1.0.0-beta2", "w@1.0.0-rc1");
        // By which was seen first.
        let odd =
            [("9", "10"), ("w@9f3a2b1", "w@4ab12cd"), ("w@7654321", "w@1234567"), ("w@1.0+ffe", "w@1.0+abc")];
        for (first, second) in odd {
            assert!(releases(&[first, second]).is_later(second, first), "{second} later than {first}");
        }
        assert!(releases(&["w@1.0", "w@1.0.0"]).is_since("w@1.0", "w@1.0.0"));
        assert!(Releases::default().is_since("w@1.1.0+abc", "w@1.1.0"));
        assert!(Version::read("1.2.3.4.5").is_none() && Version::read("w@1..2").is_none());
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
