//! What a DSN belongs to: its keys, and how its events are treated.

use std::sync::Arc;

use formats::sentry::dsn::Dsn;
use serde::{Deserialize, Serialize};
use vocabulary::Timestamp;

use crate::facet;
use crate::grouping;
use crate::grouping::rules::{Rule, Rules};
use crate::limits::{MAX_FACETS, MAX_FIELDS, MAX_KEYS, MAX_NAME, MAX_RULES, MAX_SAID};
use crate::links;
use crate::scrub::{ScrubRule, Scrubber};

#[derive(Clone, Debug)]
pub struct Project {
    pub id: u64,
    /// sentry-cli's slug.
    pub name: String,
    pub public_keys: Vec<Key>,
    pub settings: Settings,
    pub created: Timestamp,
    /// Made of the settings, once: patterns are costly to read.
    pub(crate) made: Arc<Made>,
}

#[derive(Debug)]
pub(crate) struct Made {
    pub scrubber: Scrubber,
    pub rules: Rules,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// 32 lower-case hexadecimal digits.
    pub key: String,
    pub enabled: bool,
    #[serde(default)]
    pub label: String,
    pub created: i64,
    /// What may be sent with it in five minutes, by itself; 0 or none: what the project may.
    #[serde(default)]
    pub max_events_per_5m: Option<u64>,
}

impl Key {
    pub fn new(key: &str, label: &str, now: Timestamp) -> Key {
        Key {
            key: key.to_owned(),
            enabled: true,
            label: label.to_owned(),
            created: now.0,
            max_events_per_5m: None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Fields with well-known names of secrets, card numbers, passwords in URLs.
    pub scrub_defaults: bool,
    /// Their values are scrubbed too, wherever such a field is.
    pub scrub_fields: Vec<String>,
    /// These never are.
    pub safe_fields: Vec<String>,
    pub scrub_rules: Vec<ScrubRule>,
    pub remove_addresses: bool,
    /// None: as the configuration says.
    pub retention_days: Option<u32>,
    pub max_events_per_5m: Option<u64>,
    /// Timings of work, and items of sessions: each is counted by itself.
    pub max_transactions_per_5m: Option<u64>,
    pub max_sessions_per_5m: Option<u64>,
    /// So many times the usual is a spike, of which the rest is refused. None: ten times; 0: nothing is.
    pub spike_factor: Option<u32>,
    pub grouping_version: u32,
    /// The version before, whose hashes events are found by until then, so that an upgrade opens nothing anew.
    pub grouping_before: Option<Before>,
    pub rules: Vec<Rule>,
    /// Who is assigned what is new: the first that matches.
    pub owners: Vec<OwnerRule>,
    /// Fields of events that are counted as tags are, such as `extra.file`.
    pub facets: Vec<String>,
    /// Where a line of source is seen: `https://git.example/shop/blob/{commit}/{path}#L{line}`.
    pub source_url: Option<String>,
    /// What paths of frames begin with that is not of the repository: `/srv/app/`.
    pub source_root: String,
    /// Where an issue is begun: `https://git.example/shop/issues/new?title={title}&body={body}`.
    pub issue_url: Option<String>,
    /// After a move: what is seen for the first time before then is not told of as new.
    pub baseline_until: Option<i64>,
    /// The DSN of the Sentry that it comes from: what its programs send goes there too.
    pub tee: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    pub version: u32,
    pub until: i64,
}

/// Files, modules, URLs or tags, and whose they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnerRule {
    pub when: Vec<grouping::rules::Matcher>,
    pub owner: String,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            scrub_defaults: true,
            scrub_fields: Vec::new(),
            safe_fields: Vec::new(),
            scrub_rules: Vec::new(),
            remove_addresses: false,
            retention_days: None,
            max_events_per_5m: None,
            max_transactions_per_5m: None,
            max_sessions_per_5m: None,
            spike_factor: None,
            grouping_version: grouping::NEWEST,
            grouping_before: None,
            rules: Vec::new(),
            owners: Vec::new(),
            facets: Vec::new(),
            source_url: None,
            source_root: String::new(),
            issue_url: None,
            baseline_until: None,
            tee: None,
        }
    }
}

impl Settings {
    /// Each with its key, such as `rules[2].when[0].pattern`.
    pub fn problems(&self) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        let mut bounded = |key: &str, length: usize, bound: usize| {
            if length > bound {
                problems.push((key.to_owned(), format!("there are {length}, and {bound} at most")));
            }
        };
        bounded("scrub_fields", self.scrub_fields.len(), MAX_FIELDS);
        bounded("safe_fields", self.safe_fields.len(), MAX_FIELDS);
        bounded("scrub_rules", self.scrub_rules.len(), MAX_RULES);
        bounded("rules", self.rules.len(), MAX_RULES);
        bounded("owners", self.owners.len(), MAX_RULES);
        bounded("facets", self.facets.len(), MAX_FACETS);
        if self.retention_days == Some(0) {
            problems.push(("retention_days".into(), "it is a day at least".into()));
        }
        problems.extend(self.tee.as_deref().and_then(tee_problem).map(|why| ("tee".to_owned(), why)));
        let before = self.grouping_before.map(|before| before.version);
        for (key, version) in [("grouping_version", Some(self.grouping_version)), ("grouping_before", before)]
        {
            if version.is_some_and(|version| !(1..=grouping::NEWEST).contains(&version)) {
                let newest = grouping::NEWEST;
                problems.push((key.into(), format!("there are versions 1 to {newest}")));
            }
        }
        for (key, template, names) in [
            ("source_url", &self.source_url, &links::OF_SOURCE[..]),
            ("issue_url", &self.issue_url, &links::OF_ISSUE[..]),
        ] {
            let problem = template.as_deref().and_then(|template| links::problem(template, names));
            problems.extend(problem.map(|why| (key.to_owned(), why)));
        }
        if self.source_root.len() > MAX_SAID {
            problems.push(("source_root".into(), format!("it has {MAX_SAID} bytes at most")));
        }
        for (at, path) in self.facets.iter().enumerate() {
            problems.extend(facet::problem(path).map(|why| (format!("facets[{at}]"), why)));
        }
        for (at, rule) in self.scrub_rules.iter().enumerate() {
            problems.extend(rule.problem().map(|why| (format!("scrub_rules[{at}].pattern"), why)));
        }
        for (at, rule) in self.rules.iter().enumerate() {
            problems
                .extend(rule.problems().into_iter().map(|(key, why)| (format!("rules[{at}].{key}"), why)));
        }
        for (at, rule) in self.owners.iter().enumerate() {
            let conditions = grouping::rules::problems_of(&rule.when);
            problems.extend(conditions.into_iter().map(|(key, why)| (format!("owners[{at}].{key}"), why)));
            if rule.owner.is_empty() || rule.owner.len() > MAX_NAME {
                problems.push((format!("owners[{at}].owner"), "name a person or a team".into()));
            }
        }
        problems
    }

    pub(crate) fn make(&self) -> Made {
        Made { scrubber: Scrubber::new(self), rules: Rules::new(&self.rules, &self.owners) }
    }
}

impl Project {
    pub fn new(
        id: u64,
        name: &str,
        public_keys: Vec<Key>,
        settings: Settings,
        created: Timestamp,
    ) -> Project {
        let made = Arc::new(settings.make());
        Project { id, name: name.to_owned(), public_keys, settings, created, made }
    }

    /// What its groups are called by, before their number: `shop-web` has `SHOP-WEB-12`.
    pub fn prefix(&self) -> String {
        self.name.to_ascii_uppercase()
    }

    pub fn short(&self, number: u64) -> String {
        format!("{}-{number}", self.prefix())
    }

    /// What people and programs write, without what looks like a secret.
    pub fn scrubbed(&self, text: &str) -> String {
        self.made.scrubber.in_text(text).map_or_else(|| text.to_owned(), |(changed, _)| changed)
    }

    /// What is seen for the first time now is news.
    pub(crate) fn tells_of_new(&self, now: Timestamp) -> bool {
        self.settings.baseline_until.is_none_or(|until| now.0 >= until)
    }

    /// What may be sent with this key in five minutes; 0 for no limit.
    pub fn most_events_of(&self, key: &str) -> u64 {
        let of_key = self.public_keys.iter().find(|one| one.key == key);
        of_key.and_then(|one| one.max_events_per_5m).unwrap_or(0)
    }

    pub fn accepts(&self, key: &str) -> bool {
        self.public_keys.iter().any(|one| one.enabled && one.key == key)
    }
}

/// A slug: it stands in URLs, in names of series and before the numbers of groups.
pub fn name_problem(name: &str) -> Option<String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(fits) {
        return Some(format!(
            "`{name}` cannot be a project's name: letters, digits, `-` and `_`, such as shop-web"
        ));
    }
    None
}

/// Whoever sees the project sees it: a secret in it, which no client needs any more, is not for them.
fn tee_problem(text: &str) -> Option<String> {
    let keys = text.split_once("://").and_then(|(_, rest)| rest.split_once('@')).map(|(keys, _)| keys);
    match text.parse::<Dsn>() {
        Err(why) => Some(why),
        Ok(_) if text.len() > crate::limits::MAX_DSN => {
            Some(format!("it has {} bytes at most", crate::limits::MAX_DSN))
        }
        Ok(_) if keys.is_some_and(|keys| keys.contains(':')) => {
            Some("leave out the secret behind the public key: `https://PUBLICKEY@host/PROJECT`".to_owned())
        }
        Ok(_) => None,
    }
}

pub fn key_problem(key: &str) -> Option<String> {
    let is_hex = key.len() == 32 && key.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    (!is_hex).then(|| "a public key has 32 lower-case hexadecimal digits".to_owned())
}

pub(crate) fn keys_problem(keys: &[Key]) -> Option<String> {
    (keys.len() > MAX_KEYS).then(|| format!("a project has {MAX_KEYS} keys at most: take out old ones"))
}
