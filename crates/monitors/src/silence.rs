//! Silences: until then nobody is paged for what matches. They hold back what is sent, never what is known.

pub mod labels;

use std::cell::OnceCell;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use state_store::{StateError, StateStore, Transaction};
use vocabulary::Timestamp;

use self::labels::{LabelMatcher, LabelTest, Labels};
use crate::limits::{MAX_LABEL_BYTES, MAX_LABELS_OF_SILENCE};
use crate::services::pattern::Glob;

/// What a silence is about; every key that is there has to match.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Matcher {
    /// Name or glob of a monitor or a check.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monitor: Option<String>,
    /// Name or glob of an instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// Name or glob of a host: itself, and the checks on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Of an instance whose name carries labels: all of them have to fit.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<LabelMatcher>,
}

impl Matcher {
    /// Would hold back everything.
    pub fn is_empty(&self) -> bool {
        *self == Matcher::default()
    }

    /// Of its labels.
    pub fn tests(&self) -> Result<Vec<LabelTest>, String> {
        self.labels.iter().map(LabelMatcher::test).collect()
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Silence {
    pub id: i64,
    pub matchers: Vec<Matcher>,
    pub from: i64,
    pub until: i64,
    pub reason: String,
    pub author: String,
}

impl Silence {
    pub fn labels(&self) -> impl Iterator<Item = &LabelMatcher> {
        self.matchers.iter().flat_map(|matcher| &matcher.labels)
    }

    /// Labels with regular expressions.
    pub fn patterns(&self) -> usize {
        self.labels().filter(|label| label.is_regex).count()
    }

    /// What is wrong with its labels.
    pub fn wrong_labels(&self) -> Option<String> {
        if self.labels().count() > MAX_LABELS_OF_SILENCE {
            return Some(format!(
                "a silence names {MAX_LABELS_OF_SILENCE} labels at most: make several of it"
            ));
        }
        let is_long = |text: &str| text.len() > MAX_LABEL_BYTES;
        if self.labels().any(|label| is_long(&label.name) || is_long(&label.value)) {
            return Some(format!("a label has {MAX_LABEL_BYTES} bytes at most: write a shorter pattern"));
        }
        self.matchers.iter().find_map(|matcher| matcher.tests().err())
    }

    pub fn holds_at(&self, now: Timestamp) -> bool {
        self.from <= now.0 && now.0 < self.until
    }
}

/// Whom it could be about.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// Of a host: nothing.
    pub monitor: Option<&'a str>,
    pub instance: &'a str,
    pub host: Option<&'a str>,
}

/// Those that have not ended, ready to be asked.
#[derive(Clone, Default)]
pub struct Silences(Vec<(Arc<Silence>, Vec<Patterns>)>);

#[derive(Clone)]
struct Patterns {
    monitor: Option<Glob>,
    instance: Option<Glob>,
    host: Option<Glob>,
    /// `None`: they cannot be read, and fit nothing.
    labels: Option<Vec<LabelTest>>,
}

impl Silences {
    pub fn load(state: &StateStore, now: Timestamp) -> Result<Silences, StateError> {
        let sql = "SELECT id, body FROM monitor_silence WHERE until > ?1 ORDER BY id";
        let rows = state.query(sql, &[now.0.into()])?;
        let mut all = Silences::default();
        for row in &rows {
            if let Ok(silence) = serde_json::from_str::<Silence>(row.text(1)) {
                all.add(Silence { id: row.integer(0), ..silence });
            }
        }
        Ok(all)
    }

    pub fn add(&mut self, silence: Silence) {
        let glob = |pattern: &Option<String>| pattern.as_deref().map(Glob::new);
        let patterns = silence.matchers.iter().map(|matcher| Patterns {
            monitor: glob(&matcher.monitor),
            instance: glob(&matcher.instance),
            host: glob(&matcher.host),
            labels: matcher.tests().ok(),
        });
        let patterns = patterns.collect();
        self.0.push((Arc::new(silence), patterns));
    }

    pub fn remove(&mut self, id: i64) -> bool {
        let before = self.0.len();
        self.0.retain(|(silence, _)| silence.id != id);
        self.0.len() < before
    }

    pub fn forget_ended(&mut self, now: Timestamp) {
        self.0.retain(|(silence, _)| silence.until > now.0);
    }

    pub fn all(&self) -> impl ExactSizeIterator<Item = &Arc<Silence>> {
        self.0.iter().map(|(silence, _)| silence)
    }

    /// The first that holds it back now.
    pub fn of(&self, about: About<'_>, now: Timestamp) -> Option<&Arc<Silence>> {
        self.matching(about).find(|silence| silence.holds_at(now))
    }

    /// All that are about it, at whatever time.
    pub fn matching<'s>(&'s self, about: About<'_>) -> impl Iterator<Item = &'s Arc<Silence>> {
        // Read once, and only if one of them asks.
        let labels = OnceCell::new();
        let about_it = move |patterns: &Vec<Patterns>| {
            patterns.iter().any(|patterns| patterns.match_with(about, &labels))
        };
        self.0.iter().filter(move |(_, patterns)| about_it(patterns)).map(|(silence, _)| silence)
    }
}

impl Patterns {
    fn match_with(&self, about: About<'_>, labels: &OnceCell<Labels>) -> bool {
        let fits = |glob: &Option<Glob>, name: Option<&str>| {
            glob.as_ref().is_none_or(|glob| name.is_some_and(|name| glob.matches(name)))
        };
        fits(&self.monitor, about.monitor)
            && fits(&self.instance, Some(about.instance))
            && fits(&self.host, about.host)
            && self.labels.as_ref().is_some_and(|tests| has_labels(tests, about.instance, labels))
    }
}

/// What has no instances has no labels either.
fn has_labels(tests: &[LabelTest], instance: &str, labels: &OnceCell<Labels>) -> bool {
    if tests.is_empty() {
        return true;
    }
    let labels = labels.get_or_init(|| labels::labels(instance));
    !instance.is_empty() && tests.iter().all(|test| test.fits(labels))
}

/// Gives it its id.
pub fn write(tx: &Transaction<'_>, silence: &Silence) -> Result<i64, StateError> {
    let body = crate::store::to_json(silence);
    let sql = "INSERT INTO monitor_silence (body, until) VALUES (?1, ?2)";
    tx.execute(sql, &[body.into(), silence.until.into()])?;
    Ok(tx.inserted_id())
}

pub fn end(tx: &Transaction<'_>, id: i64) -> Result<(), StateError> {
    tx.execute("DELETE FROM monitor_silence WHERE id = ?1", &[id.into()])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn silence(matcher: Matcher) -> Silence {
        Silence {
            id: 1,
            matchers: vec![matcher],
            from: 100,
            until: 200,
            reason: "moving".into(),
            author: "ana".into(),
        }
    }

    #[test]
    fn all_keys_of_a_matcher_have_to_match() {
        let name = |name: &str| Some(name.to_owned());
        let check =
            |matcher: Matcher, monitor: Option<&str>, instance: &str, host: Option<&str>, held: bool| {
                let mut all = Silences::default();
                all.add(silence(matcher.clone()));
                let found = all.of(About { monitor, instance, host }, Timestamp(150)).is_some();
                assert_eq!(found, held, "{matcher:?} {monitor:?} {instance} {host:?}");
            };
        let monitor = Matcher { monitor: name("api-*"), ..Matcher::default() };
        check(monitor.clone(), Some("api-latency"), "a.b", None, true);
        check(monitor.clone(), Some("web"), "", None, false);
        check(monitor.clone(), None, "", Some("api-1"), false);
        let instance = Matcher { instance: name("a.{b,c}"), ..monitor };
        check(instance.clone(), Some("api-latency"), "a.c", None, true);
        check(instance, Some("api-latency"), "a.d", None, false);
        let job = |is_equal: bool| LabelMatcher {
            name: "job".into(),
            value: "api".into(),
            is_regex: false,
            is_equal,
        };
        let labelled = Matcher { monitor: name("prom"), labels: vec![job(true)], ..Matcher::default() };
        check(labelled.clone(), Some("prom"), "Down;job=api", None, true);
        check(labelled.clone(), Some("prom"), "Down;job=apis", None, false);
        check(labelled.clone(), Some("other"), "Down;job=api", None, false);
        let another = Matcher { labels: vec![job(false)], ..labelled };
        check(another.clone(), Some("prom"), "Down", None, true);
        check(another, Some("prom"), "", None, false);
        let host = Matcher { host: name("web?"), ..Matcher::default() };
        check(host.clone(), None, "", Some("web1"), true);
        check(host.clone(), Some("web1/http"), "", Some("web1"), true);
        check(host, Some("web1/http"), "", None, false);
    }

    #[test]
    fn labels_are_few_and_short() {
        let label = |value: &str| LabelMatcher {
            name: "job".into(),
            value: value.into(),
            is_regex: true,
            is_equal: true,
        };
        let of = |labels: Vec<LabelMatcher>| silence(Matcher { labels, ..Matcher::default() });
        let check = |labels: Vec<LabelMatcher>, wrong: Option<&str>| {
            let found = of(labels).wrong_labels();
            assert_eq!(found.is_some(), wrong.is_some(), "{found:?}");
            assert!(found.unwrap_or_default().contains(wrong.unwrap_or_default()));
        };
        check(vec![label("a|b"); MAX_LABELS_OF_SILENCE], None);
        check(vec![label("a|b"); MAX_LABELS_OF_SILENCE + 1], Some("32 labels at most"));
        check(vec![label(&"a".repeat(MAX_LABEL_BYTES + 1))], Some("1000 bytes at most"));
        check(vec![label("(")], Some("no regular expression"));
        assert_eq!(of(vec![label("a"), LabelMatcher { is_regex: false, ..label("a") }]).patterns(), 1);
    }

    #[test]
    fn they_hold_in_their_time_and_are_kept() {
        let directory = tempfile::tempdir().unwrap();
        let state = StateStore::open(&directory.path().join("s.db"), &[crate::store::MIGRATIONS]).unwrap();
        let one = silence(Matcher { monitor: Some("a".into()), ..Matcher::default() });
        let id = state.transaction(|tx| write(tx, &one)).unwrap();
        let mut all = Silences::load(&state, Timestamp(150)).unwrap();
        assert_eq!(all.all().next().map(|found| found.id), Some(id));
        let about = About { monitor: Some("a"), instance: "", host: None };
        for (now, held) in [(99, false), (100, true), (199, true), (200, false)] {
            assert_eq!(all.of(about, Timestamp(now)).is_some(), held, "{now}");
        }
        all.forget_ended(Timestamp(200));
        assert_eq!(all.all().len(), 0);
        state.transaction(|tx| end(tx, id)).unwrap();
        assert_eq!(Silences::load(&state, Timestamp(150)).unwrap().all().len(), 0);
    }
}
