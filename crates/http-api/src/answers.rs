//! Recent answers of `/render`, given again as long as they would come out the same.
//!
//! Never stale: an answer is kept with the moment before it was read, and the store says whether anything that it
//! rests on has changed since. So an answer about the past stays until a late point, a new series or a deletion
//! touches it, and one about now until the next points come in: then it serves those who look at the same board
//! in the same second.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use graphite::{Answer, Grounds, Window};
use parking_lot::Mutex;
use vocabulary::ports::{FetchRequest, QueryLimits, Scope};
use vocabulary::{SeriesRef, SeriesSource, Timestamp};

use crate::parameters::Parameters;

/// Series that an answer may rest on to be kept: each is looked at before it is given again.
const MAX_SERIES: usize = 20_000;

/// Of the whole budget, what one answer may take.
const LARGEST_SHARE: usize = 8;

#[derive(Debug, Default)]
pub struct Answers {
    kept: Mutex<Kept>,
    pub hits: AtomicU64,
    pub misses: AtomicU64,
    /// Given up to make room.
    pub evicted: AtomicU64,
}

#[derive(Debug, Default)]
struct Kept {
    by_question: HashMap<Question, Entry>,
    bytes: usize,
    /// Counts uses, so that the one not used for longest can be told.
    uses: u64,
}

#[derive(Debug)]
struct Entry {
    answer: KeptAnswer,
    grounds: Arc<Grounds>,
    moment: u64,
    now: Timestamp,
    made: Instant,
    bytes: usize,
    used: u64,
}

/// An answer whose bytes are shared.
#[derive(Clone, Debug)]
pub struct KeptAnswer {
    pub content_type: &'static str,
    pub headers: Vec<(&'static str, String)>,
    pub body: Bytes,
}

impl From<Answer> for KeptAnswer {
    fn from(answer: Answer) -> KeptAnswer {
        let Answer { content_type, headers, body } = answer;
        // Without the room that it had to grow into, which would be kept uncounted.
        KeptAnswer { content_type, headers, body: body.into_boxed_slice().into() }
    }
}

/// All that decides an answer besides the data: parameters in their order, times worked out, what may be seen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Question {
    parameters: Vec<(String, String)>,
    window: (i64, i64),
    scope: Scope,
}

/// Those that say which moment is meant, or whether an answer may be kept. (`cacheTimeout` decides a header.)
const NOT_OF_THE_QUESTION: [&str; 4] = ["from", "until", "now", "noCache"];

impl Question {
    pub fn new(parameters: &Parameters, window: Window, scope: &Scope) -> Question {
        // Pages add `_salt` and the like to get around caches.
        let counts = |name: &str| !(name.starts_with('_') || NOT_OF_THE_QUESTION.contains(&name));
        let parameters = parameters.0.iter().filter(|(name, _)| counts(name)).cloned().collect();
        Question { parameters, window: (window.from.0, window.until.0), scope: scope.clone() }
    }

    fn bytes(&self) -> usize {
        self.parameters.iter().map(|(name, value)| name.len() + value.len() + 64).sum()
    }
}

/// May the answer to these parameters be taken from memory, and how old may it be? As in graphite-web, `noCache` and
/// `cacheTimeout=0` mean no, and `cacheTimeout` is the oldest.
pub fn longest_age(parameters: &Parameters) -> Option<Duration> {
    if parameters.last("noCache").is_some() {
        return None;
    }
    match parameters.last("cacheTimeout").and_then(|text| text.trim().parse::<i64>().ok()) {
        None => Some(Duration::MAX),
        Some(seconds) => u64::try_from(seconds).ok().filter(|seconds| *seconds > 0).map(Duration::from_secs),
    }
}

impl Answers {
    /// The answer, if it would come out the same now.
    pub fn get(
        &self,
        question: &Question,
        source: &dyn SeriesSource,
        now: Timestamp,
        longest_age: Duration,
    ) -> Option<KeptAnswer> {
        let found = self.look(question, source, now, longest_age);
        let counter = if found.is_some() { &self.hits } else { &self.misses };
        counter.fetch_add(1, Ordering::Relaxed);
        found
    }

    /// The same without being counted.
    pub fn look(
        &self,
        question: &Question,
        source: &dyn SeriesSource,
        now: Timestamp,
        longest_age: Duration,
    ) -> Option<KeptAnswer> {
        // The store is asked without the lock: a question of thousands of series takes it a while.
        let (grounds, moment, then, made) = {
            let kept = self.kept.lock();
            let entry = kept.by_question.get(question)?;
            (entry.grounds.clone(), entry.moment, entry.now, entry.made)
        };
        let good =
            made.elapsed() <= longest_age && holds(&grounds, moment, then, &question.scope, source, now);
        let mut kept = self.kept.lock();
        kept.uses += 1;
        let uses = kept.uses;
        let entry = kept.by_question.get_mut(question).filter(|entry| entry.moment == moment)?;
        if good {
            entry.used = uses;
            return Some(entry.answer.clone());
        }
        if made.elapsed() <= longest_age {
            kept.remove(question);
        }
        None
    }

    /// `moment` was taken before anything of the answer was read.
    pub fn keep(
        &self,
        question: Question,
        answer: KeptAnswer,
        grounds: Grounds,
        (moment, now): (u64, Timestamp),
        budget: usize,
    ) {
        let series: usize = grounds.reads.iter().map(|(_, series)| series.len()).sum();
        let headers: usize = answer.headers.iter().map(|(_, value)| value.len() + 40).sum();
        let bytes = answer.body.len()
            + headers
            + question.bytes()
            + series * size_of::<SeriesRef>()
            + grounds.reads.capacity() * size_of::<(Window, Arc<[SeriesRef]>)>()
            + size_of::<Entry>();
        if grounds.passing || series > MAX_SERIES || bytes > budget / LARGEST_SHARE {
            return;
        }
        let mut kept = self.kept.lock();
        kept.remove(&question);
        while kept.bytes + bytes > budget {
            let oldest = kept.by_question.iter().min_by_key(|(_, entry)| entry.used);
            let Some(oldest) = oldest.map(|(question, _)| question.clone()) else { break };
            kept.remove(&oldest);
            self.evicted.fetch_add(1, Ordering::Relaxed);
        }
        kept.uses += 1;
        let (used, made) = (kept.uses, Instant::now());
        kept.bytes += bytes;
        kept.by_question
            .insert(question, Entry { answer, grounds: Arc::new(grounds), moment, now, made, bytes, used });
    }

    pub fn bytes(&self) -> usize {
        self.kept.lock().bytes
    }

    pub fn count(&self) -> usize {
        self.kept.lock().by_question.len()
    }
}

impl Kept {
    fn remove(&mut self, question: &Question) {
        if let Some(entry) = self.by_question.remove(question) {
            self.bytes -= entry.bytes;
        }
    }
}

fn holds(
    grounds: &Grounds,
    moment: u64,
    then: Timestamp,
    scope: &Scope,
    source: &dyn SeriesSource,
    now: Timestamp,
) -> bool {
    let limits = QueryLimits::default();
    let same = |window: Window, series: &[SeriesRef]| {
        let request = FetchRequest {
            series,
            from: window.from,
            until: window.until,
            now: then,
            step: None,
            consolidation: Default::default(),
            scope,
            limits: &limits,
        };
        source.unchanged(moment, &request, now)
    };
    // A question that found no series rests on there being none.
    let nothing = Window { from: then, until: then };
    same(nothing, &[]) && grounds.reads.iter().all(|(window, series)| same(*window, series))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use vocabulary::ports::{
        FindQuery, Node, Row, SearchQuery, SeriesInfo, SeriesMatch, StoreError, TagListQuery, TagQuery,
    };

    use super::*;

    /// A store in which something changed, or not.
    #[derive(Default)]
    struct Changing(AtomicBool);

    impl SeriesSource for Changing {
        fn find(&self, _: &FindQuery<'_>) -> Result<Vec<Node>, StoreError> {
            Ok(Vec::new())
        }

        fn search(&self, _: &SearchQuery<'_>) -> Result<Vec<SeriesMatch>, StoreError> {
            Ok(Vec::new())
        }

        fn find_tagged(&self, _: &TagQuery<'_>) -> Result<Vec<SeriesMatch>, StoreError> {
            Ok(Vec::new())
        }

        fn tags(&self, _: &TagListQuery<'_>) -> Result<Vec<String>, StoreError> {
            Ok(Vec::new())
        }

        fn tag_values(&self, _: &str, _: &TagListQuery<'_>) -> Result<Vec<(String, u64)>, StoreError> {
            Ok(Vec::new())
        }

        fn describe(&self, _: SeriesRef) -> Option<SeriesInfo> {
            None
        }

        fn fetch(&self, _: &FetchRequest<'_>) -> Result<Vec<Row<f64>>, StoreError> {
            Ok(Vec::new())
        }

        fn fetch_sketches(
            &self,
            _: &FetchRequest<'_>,
        ) -> Result<Vec<Row<Option<vocabulary::Sketch>>>, StoreError> {
            Ok(Vec::new())
        }

        fn unchanged(&self, _: u64, _: &FetchRequest<'_>, _: Timestamp) -> bool {
            !self.0.load(Ordering::Relaxed)
        }
    }

    fn parameters(query: &str) -> Parameters {
        Parameters::of_query(query)
    }

    fn question(query: &str, scope: &Scope) -> Question {
        Question::new(&parameters(query), Window { from: Timestamp(1), until: Timestamp(2) }, scope)
    }

    fn answer(bytes: usize) -> KeptAnswer {
        Answer::new("text/plain", vec![b'x'; bytes]).into()
    }

    #[test]
    fn an_answer_is_given_again_until_something_changes() {
        let (answers, store, now) = (Answers::default(), Changing::default(), Timestamp(9));
        let (everything, mine) = (Scope::everything(), Scope::prefixes(vec!["mine.".into()]));
        let asked = question("target=a", &everything);
        let get = |question: &Question| answers.get(question, &store, now, Duration::MAX).is_some();
        assert!(!get(&asked));
        answers.keep(asked.clone(), answer(10), Grounds::default(), (1, now), 1 << 20);
        assert!(get(&asked) && get(&question("target=a&_salt=7&noCache=1", &everything)));
        for other in ["target=b", "target=a&target=a", "target=a&format=csv", "target=a&cacheTimeout=5"] {
            assert!(!get(&question(other, &everything)), "{other}");
        }
        assert!(!get(&question("target=a", &mine)), "what one token may see is not for another");
        store.0.store(true, Ordering::Relaxed);
        assert!(!get(&asked));
        store.0.store(false, Ordering::Relaxed);
        assert!(!get(&asked) && answers.bytes() == 0 && answers.count() == 0);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let (answers, store, now) = (Answers::default(), Changing::default(), Timestamp(9));
        let scope = Scope::everything();
        let asked = |number: usize| question(&format!("target=a{number}"), &scope);
        let keep = |number: usize, bytes: usize| {
            answers.keep(asked(number), answer(bytes), Grounds::default(), (1, now), 100_000);
        };
        let has = |number: usize| answers.look(&asked(number), &store, now, Duration::MAX).is_some();
        keep(0, 20_000);
        assert!(!has(0), "too large a share");
        for number in 1..=30 {
            keep(number, 10_000);
            assert!(has(1), "used, so kept");
            assert!(answers.bytes() <= 100_000);
        }
        assert!(has(30) && !has(2) && answers.evicted.load(Ordering::Relaxed) > 20);
        let passing = Grounds { passing: true, ..Grounds::default() };
        answers.keep(asked(99), answer(1), passing, (1, now), 100_000);
        assert!(!has(99));
    }

    #[test]
    fn who_asks_says_whether_memory_will_do() {
        let check = |query: &str, wanted| assert_eq!(longest_age(&parameters(query)), wanted, "{query}");
        check("target=a", Some(Duration::MAX));
        check("noCache=", None);
        check("cacheTimeout=0", None);
        check("cacheTimeout=-1", None);
        check("cacheTimeout=60", Some(Duration::from_secs(60)));
        check("cacheTimeout=foo", Some(Duration::MAX));
    }
}
