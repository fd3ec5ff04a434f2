//! Silences: until then nobody is paged for what matches. They hold back what is sent, never what is known.

pub mod labels;

use std::cell::OnceCell;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use state_store::{StateError, StateStore, Transaction};
use vocabulary::Timestamp;

use self::labels::{LabelMatcher, LabelTest, Labels};
pub use crate::limits::MAX_GLOB_BYTES;
use crate::limits::{
    MAX_AUTHOR_BYTES, MAX_GLOB_BYTES_OF_SILENCES, MAX_LABEL_BYTES, MAX_LABELS_OF_SILENCE,
    MAX_MATCHERS_OF_SILENCE, MAX_REASON_BYTES,
};
use crate::services::pattern::{Glob, alternatives};

/// What a name or glob takes beside its letters, in these.
const GLOB_OVERHEAD: usize = 8;

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

    fn globs(&self) -> impl Iterator<Item = &String> {
        [&self.monitor, &self.instance, &self.host].into_iter().flatten()
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

    /// Bytes of its names and globs, each alternative in braces for itself. To be asked of what is not wrong.
    pub fn glob_bytes(&self) -> usize {
        let all = self.matchers.iter().flat_map(Matcher::globs).flat_map(|glob| alternatives(glob));
        all.map(|one| one.len() + GLOB_OVERHEAD).sum()
    }

    /// What is too much of it, or wrong with its labels. To be asked before any pattern is read.
    pub fn wrong(&self) -> Option<String> {
        self.too_much().or_else(|| self.wrong_labels())
    }

    fn too_much(&self) -> Option<String> {
        let mut globs = self.matchers.iter().flat_map(Matcher::globs);
        if self.matchers.len() > MAX_MATCHERS_OF_SILENCE {
            Some(format!(
                "a silence has {MAX_MATCHERS_OF_SILENCE} matchers at most: write globs, or make several of it"
            ))
        } else if globs.any(|glob| glob.len() > MAX_GLOB_BYTES) {
            Some(format!(
                "`monitor`, `instance` and `host` have {MAX_GLOB_BYTES} bytes at most: write a shorter glob"
            ))
        } else if self.reason.len() > MAX_REASON_BYTES {
            Some(format!("the reason has {MAX_REASON_BYTES} bytes at most: say it in fewer words"))
        } else if self.author.len() > MAX_AUTHOR_BYTES {
            Some(format!("the author has {MAX_AUTHOR_BYTES} bytes at most: write a name"))
        } else {
            None
        }
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
pub struct Silences(Vec<Ready>);

/// One with its patterns read, which is done before others wait for it.
#[derive(Clone)]
pub struct Ready {
    silence: Arc<Silence>,
    patterns: Vec<Patterns>,
    glob_bytes: usize,
}

#[derive(Clone)]
struct Patterns {
    monitor: Option<Glob>,
    instance: Option<Glob>,
    host: Option<Glob>,
    /// `None`: they cannot be read, and fit nothing.
    labels: Option<Vec<LabelTest>>,
}

impl Ready {
    /// Of one that is not wrong.
    pub fn new(silence: Silence) -> Ready {
        let glob = |pattern: &Option<String>| pattern.as_deref().map(Glob::new);
        let patterns = silence.matchers.iter().map(|matcher| Patterns {
            monitor: glob(&matcher.monitor),
            instance: glob(&matcher.instance),
            host: glob(&matcher.host),
            labels: matcher.tests().ok(),
        });
        Ready { patterns: patterns.collect(), glob_bytes: silence.glob_bytes(), silence: Arc::new(silence) }
    }
}

impl Silences {
    /// All that were kept, and what of them does not hold: what cannot be read, or is more than may be.
    pub fn load(state: &StateStore, now: Timestamp) -> Result<(Silences, Vec<String>), StateError> {
        let sql = "SELECT id, body FROM monitor_silence WHERE until > ?1 ORDER BY id";
        let (mut all, mut left_out) = (Silences::default(), Vec::new());
        for row in &state.query(sql, &[now.0.into()])? {
            let id = row.integer(0);
            let read = serde_json::from_str::<Silence>(row.text(1)).map_err(|error| error.to_string());
            let ready = read.and_then(|silence| all.fitting(Silence { id, ..silence }));
            match ready {
                Ok(ready) => all.add(ready),
                Err(why) => {
                    tracing::error!(id, why, "a silence that was kept does not hold");
                    left_out.push(format!("silence {id}: {why}"));
                }
            }
        }
        Ok((all, left_out))
    }

    fn fitting(&self, silence: Silence) -> Result<Ready, String> {
        if let Some(why) = silence.wrong() {
            return Err(why);
        }
        if silence.glob_bytes() + self.glob_bytes() > MAX_GLOB_BYTES_OF_SILENCES {
            return Err(Silences::full());
        }
        Ok(Ready::new(silence))
    }

    pub fn full() -> String {
        format!(
            "silences name {MAX_GLOB_BYTES_OF_SILENCES} bytes of monitors, instances and hosts at most: end some, or write globs"
        )
    }

    /// Of all of them.
    pub fn glob_bytes(&self) -> usize {
        self.0.iter().map(|ready| ready.glob_bytes).sum()
    }

    pub fn add(&mut self, ready: Ready) {
        self.0.push(ready);
    }

    pub fn remove(&mut self, id: i64) -> bool {
        let before = self.0.len();
        self.0.retain(|ready| ready.silence.id != id);
        self.0.len() < before
    }

    pub fn forget_ended(&mut self, now: Timestamp) {
        self.0.retain(|ready| ready.silence.until > now.0);
    }

    pub fn all(&self) -> impl ExactSizeIterator<Item = &Arc<Silence>> {
        self.0.iter().map(|ready| &ready.silence)
    }

    /// The first that holds it back now.
    pub fn of(&self, about: About<'_>, now: Timestamp) -> Option<&Arc<Silence>> {
        self.matching(about).find(|silence| silence.holds_at(now))
    }

    /// All that are about it, at whatever time.
    pub fn matching<'s>(&'s self, about: About<'_>) -> impl Iterator<Item = &'s Arc<Silence>> {
        // Read once, and only if one of them asks.
        let labels = OnceCell::new();
        let about_it =
            move |ready: &&Ready| ready.patterns.iter().any(|patterns| patterns.match_with(about, &labels));
        self.0.iter().filter(about_it).map(|ready| &ready.silence)
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
                all.add(Ready::new(silence(matcher.clone())));
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
        let (mut all, _) = Silences::load(&state, Timestamp(150)).unwrap();
        assert_eq!(all.all().next().map(|found| found.id), Some(id));
        let about = About { monitor: Some("a"), instance: "", host: None };
        for (now, held) in [(99, false), (100, true), (199, true), (200, false)] {
            assert_eq!(all.of(about, Timestamp(now)).is_some(), held, "{now}");
        }
        all.forget_ended(Timestamp(200));
        assert_eq!(all.all().len(), 0);
        state.transaction(|tx| end(tx, id)).unwrap();
        assert_eq!(Silences::load(&state, Timestamp(150)).unwrap().0.all().len(), 0);
    }

    #[test]
    fn what_is_too_much_is_refused_before_it_is_read_and_left_out_when_it_is_kept() {
        let named = |name: String| Matcher { monitor: Some(name), ..Matcher::default() };
        let sixty: Vec<String> = (0..60).map(|n| format!("a{n}")).collect();
        let wide = |length: usize| named(format!("{{{}}}{}", sixty.join(","), "x".repeat(length)));
        let many = Silence { matchers: vec![named("a".into()); 1_001], ..silence(Matcher::default()) };
        let wordy = Silence { reason: "r".repeat(16_385), ..silence(named("a".into())) };
        let authored = Silence { author: "r".repeat(256), ..silence(named("a".into())) };
        let cases = [
            (silence(wide(1_000_000)), "512 bytes at most"),
            (silence(Matcher { host: Some("h".repeat(513)), ..Matcher::default() }), "512 bytes at most"),
            (many, "1000 matchers at most"),
            (wordy, "the reason has 16384 bytes at most"),
            (authored, "the author has 255 bytes at most"),
        ];
        let directory = tempfile::tempdir().unwrap();
        let state = StateStore::open(&directory.path().join("s.db"), &[crate::store::MIGRATIONS]).unwrap();
        for (one, why) in &cases {
            assert!(one.wrong().is_some_and(|found| found.contains(why)), "{why}");
            state.transaction(|tx| write(tx, one)).unwrap();
        }
        // Each of these is fine; of the last there is no room for its sixty names.
        let full = Silence { matchers: vec![wide(200); 100], ..silence(Matcher::default()) };
        for _ in 0..2 {
            assert_eq!(full.wrong(), None);
            state.transaction(|tx| write(tx, &full)).unwrap();
        }
        let (all, left_out) = Silences::load(&state, Timestamp(150)).unwrap();
        assert_eq!((all.all().len(), left_out.len()), (1, cases.len() + 1), "{left_out:?}");
        assert!(all.glob_bytes() <= MAX_GLOB_BYTES_OF_SILENCES);
    }
}
