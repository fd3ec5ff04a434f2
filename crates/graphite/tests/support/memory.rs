//! A store in memory that answers as whisper does: for tests, and for comparing with the original.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use regex::Regex;
use vocabulary::ports::{
    FetchRequest, FindQuery, Node, Row, SearchQuery, SeriesInfo, SeriesMatch, SeriesSource, StoreError,
    TagExpression, TagListQuery, TagOperator, TagQuery,
};
use vocabulary::retention::{Aggregation, Archive, Archives, Policy};
use vocabulary::{SeriesRef, Sketch, Timestamp, ValueKind, series};

#[derive(Default)]
pub struct Memory {
    stored: Vec<Stored>,
}

struct Stored {
    name: Arc<str>,
    policy: Arc<Policy>,
    /// Points of each archive, finest first.
    archives: Vec<(Archive, Points)>,
}

enum Points {
    Numbers(BTreeMap<i64, f64>),
    Sketches(BTreeMap<i64, Sketch>),
}

impl Points {
    fn kind(&self) -> ValueKind {
        match self {
            Points::Numbers(_) => ValueKind::Number,
            Points::Sketches(_) => ValueKind::Sketch,
        }
    }
}

pub type ArchivePoints<V> = (Archive, Vec<(i64, V)>);

impl Memory {
    /// The archives come finest first, each with all points that it holds.
    pub fn add(&mut self, name: &str, archives: Vec<ArchivePoints<f64>>) {
        let archives = archives.into_iter();
        self.store(
            name,
            archives.map(|(archive, points)| (archive, Points::Numbers(aligned(archive, points)))),
        );
    }

    pub fn add_sketches(&mut self, name: &str, archives: Vec<ArchivePoints<Sketch>>) {
        let archives = archives.into_iter();
        self.store(
            name,
            archives.map(|(archive, points)| (archive, Points::Sketches(aligned(archive, points)))),
        );
    }

    fn store(&mut self, name: &str, archives: impl Iterator<Item = (Archive, Points)>) {
        let archives: Vec<(Archive, Points)> = archives.collect();
        let list = Archives::new(archives.iter().map(|(archive, _)| *archive).collect())
            .expect("the archives fit each other");
        let policy = Policy { archives: list, aggregation: Aggregation::Average, x_files_factor: 0.5 };
        self.stored.push(Stored { name: name.into(), policy: Arc::new(policy), archives });
    }

    fn of_kind(&self, kind: ValueKind) -> impl Iterator<Item = (SeriesRef, &Stored)> {
        let numbered = self.stored.iter().enumerate();
        let wanted = numbered.filter(move |(_, stored)| stored.archives[0].1.kind() == kind);
        wanted.map(|(index, stored)| (SeriesRef(index as u64), stored))
    }

    fn rows<V>(
        &self,
        request: &FetchRequest<'_>,
        slot: impl Fn(&Points, i64) -> V,
    ) -> Result<Vec<Row<V>>, StoreError> {
        let mut budget = request.limits.max_points;
        let mut rows = Vec::new();
        for reference in request.series {
            let row = row(&self.stored[reference.0 as usize], request, &slot);
            let limit = request.limits.max_points;
            let left = budget.checked_sub(row.slots.len());
            budget = left.ok_or(StoreError::TooMuch { what: "points", limit })?;
            rows.push(row);
        }
        Ok(rows)
    }
}

fn aligned<V>(archive: Archive, points: Vec<(i64, V)>) -> BTreeMap<i64, V> {
    points.into_iter().map(|(time, value)| (Timestamp(time).floor(archive.step).0, value)).collect()
}

/// Whisper's `file_fetch`; an empty row where that has no answer.
fn row<V>(stored: &Stored, request: &FetchRequest<'_>, slot: impl Fn(&Points, i64) -> V) -> Row<V> {
    let now = request.now;
    let oldest = now.minus(stored.policy.archives.longest_retention_seconds());
    let finest = stored.policy.archives.finest().step;
    if request.from > now || request.until < oldest {
        return Row { start: request.from, step: finest, slots: Vec::new() };
    }
    let (from, until) = (request.from.max(oldest), request.until.min(now));
    let archive = stored.policy.archives.serving(from, now);
    let step = archive.step.seconds();
    let start = from.floor(archive.step).plus(step);
    let mut end = until.floor(archive.step).plus(step);
    if start == end {
        end = end.plus(step);
    }
    let (_, points) = stored
        .archives
        .iter()
        .find(|(other, _)| *other == archive)
        .expect("the policy is that of the archives");
    let slots = (start.0..end.0).step_by(step as usize).map(|time| slot(points, time)).collect();
    Row { start, step: archive.step, slots }
}

impl SeriesSource for Memory {
    fn find(&self, query: &FindQuery<'_>) -> Result<Vec<Node>, StoreError> {
        // The real store has its own bounds, which its own tests look at.
        if query.pattern.len() > 1_000 || query.pattern.matches('{').count() > 4 {
            return Err(StoreError::BadQuery("the pattern is too long".into()));
        }
        let pattern: Vec<&str> = query.pattern.split('.').collect();
        let mut branches = BTreeSet::new();
        let mut leaves = BTreeMap::new();
        for (reference, stored) in self.of_kind(query.kind) {
            if !query.scope.sees(&stored.name) {
                continue;
            }
            let found = SeriesMatch { series: reference, name: stored.name.clone() };
            if stored.name.contains(';') {
                if stored.name.as_ref() == query.pattern {
                    leaves.insert(stored.name.to_string(), found);
                }
                continue;
            }
            let parts: Vec<&str> = stored.name.split('.').collect();
            for length in 1..parts.len() {
                if path_fits(&parts[..length], &pattern) {
                    branches.insert(parts[..length].join("."));
                }
            }
            if path_fits(&parts, &pattern) {
                leaves.insert(stored.name.to_string(), found);
            }
        }
        let branches = branches.into_iter().map(|path| (path.clone(), 0, Node::Branch { path }));
        let leaves = leaves.into_iter().map(|(path, found)| (path, 1, Node::Leaf(found)));
        let mut nodes: Vec<(String, i32, Node)> = branches.chain(leaves).collect();
        nodes.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
        if nodes.len() > query.limit {
            return Err(StoreError::TooMuch { what: "series", limit: query.limit });
        }
        Ok(nodes.into_iter().map(|(_, _, node)| node).collect())
    }

    fn search(&self, query: &SearchQuery<'_>) -> Result<Vec<SeriesMatch>, StoreError> {
        let fits = |name: &str| query.words.iter().all(|word| name.to_lowercase().contains(word.as_str()));
        let found = self.of_kind(ValueKind::Number).filter(|(_, stored)| fits(&stored.name));
        let found = found.map(|(series, stored)| SeriesMatch { series, name: stored.name.clone() });
        Ok(found.take(query.limit).collect())
    }

    fn find_tagged(&self, query: &TagQuery<'_>) -> Result<Vec<SeriesMatch>, StoreError> {
        let mut found = Vec::new();
        for (reference, stored) in self.of_kind(query.kind) {
            let mut fits = query.scope.sees(&stored.name);
            for expression in query.expressions {
                fits = fits && fulfils(&stored.name, expression)?;
            }
            if fits {
                found.push(SeriesMatch { series: reference, name: stored.name.clone() });
            }
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    fn tags(&self, query: &TagListQuery<'_>) -> Result<Vec<String>, StoreError> {
        let names = self.stored.iter().flat_map(|stored| series::tags(&stored.name).map(|(tag, _)| tag));
        let tags: BTreeSet<&str> =
            names.chain(["name"]).filter(|tag| tag.starts_with(query.prefix)).collect();
        Ok(tags.into_iter().map(str::to_owned).collect())
    }

    fn tag_values(&self, tag: &str, query: &TagListQuery<'_>) -> Result<Vec<(String, u64)>, StoreError> {
        let mut values = BTreeMap::new();
        for stored in &self.stored {
            let value = value_of(&stored.name, tag);
            if !value.is_empty() && value.starts_with(query.prefix) {
                *values.entry(value.to_owned()).or_insert(0) += 1;
            }
        }
        Ok(values.into_iter().collect())
    }

    fn describe(&self, series: SeriesRef) -> Option<SeriesInfo> {
        let stored = self.stored.get(series.0 as usize)?;
        let last = match &stored.archives[0].1 {
            Points::Numbers(points) => points.keys().next_back().copied(),
            Points::Sketches(points) => points.keys().next_back().copied(),
        };
        Some(SeriesInfo {
            name: stored.name.clone(),
            kind: stored.archives[0].1.kind(),
            policy: stored.policy.clone(),
            created: Timestamp(0),
            last_point: last.map(Timestamp),
            late: 0,
        })
    }

    fn fetch(&self, request: &FetchRequest<'_>) -> Result<Vec<Row<f64>>, StoreError> {
        self.rows(request, |points, time| match points {
            Points::Numbers(points) => points.get(&time).copied().unwrap_or(f64::NAN),
            Points::Sketches(_) => f64::NAN,
        })
    }

    fn fetch_sketches(&self, request: &FetchRequest<'_>) -> Result<Vec<Row<Option<Sketch>>>, StoreError> {
        self.rows(request, |points, time| match points {
            Points::Numbers(_) => None,
            Points::Sketches(points) => points.get(&time).cloned(),
        })
    }
}

fn value_of<'s>(name: &'s str, tag: &str) -> &'s str {
    if tag == "name" {
        return series::split(name).0;
    }
    series::tags(name).find(|(known, _)| *known == tag).map_or("", |(_, value)| value)
}

fn fulfils(name: &str, expression: &TagExpression) -> Result<bool, StoreError> {
    let value = value_of(name, &expression.tag);
    let matches = || {
        let regex = Regex::new(&format!("^(?:{})", expression.value));
        regex.map(|regex| regex.is_match(value)).map_err(|error| StoreError::BadQuery(error.to_string()))
    };
    match expression.operator {
        TagOperator::Equal => Ok(value == expression.value),
        TagOperator::NotEqual => Ok(value != expression.value),
        TagOperator::Match => matches(),
        TagOperator::NotMatch => matches().map(|fits| !fits),
    }
}

/// `**` stands for any number of nodes; at the end, for at least one.
fn path_fits(parts: &[&str], pattern: &[&str]) -> bool {
    match (pattern, parts) {
        ([], []) => true,
        (["**"], parts) => !parts.is_empty(),
        (["**", rest @ ..], parts) => (0..=parts.len()).any(|skip| path_fits(&parts[skip..], rest)),
        ([first, pattern @ ..], [part, parts @ ..]) => {
            alternatives(first).iter().any(|glob| fits(part, glob)) && path_fits(parts, pattern)
        }
        _ => false,
    }
}

/// `{a,b}` written out.
fn alternatives(glob: &str) -> Vec<String> {
    let close = glob.find('}');
    let open = close.and_then(|close| glob[..close].rfind('{'));
    let (Some(open), Some(close)) = (open, close) else { return vec![glob.to_owned()] };
    let (before, after) = (&glob[..open], &glob[close + 1..]);
    let one = |part: &str| alternatives(&format!("{before}{part}{after}"));
    glob[open + 1..close].split(',').flat_map(one).collect()
}

thread_local! {
    /// Globs that were met: to compile one takes a hundred times as long as to use it.
    static GLOBS: RefCell<HashMap<String, Option<Regex>>> = RefCell::default();
}

fn fits(text: &str, glob: &str) -> bool {
    if !glob.contains(['*', '?', '[']) {
        return text == glob;
    }
    GLOBS.with_borrow_mut(|globs| {
        let known = globs.contains_key(glob);
        let regex = if known { &globs[glob] } else { globs.entry(glob.to_owned()).or_insert(compiled(glob)) };
        regex.as_ref().is_some_and(|regex| regex.is_match(text))
    })
}

/// `*`, `?`, `[a-z]`, `[!a]`
fn compiled(glob: &str) -> Option<Regex> {
    let mut regex = String::from("^(?s:");
    let mut rest = glob.chars();
    while let Some(character) = rest.next() {
        let class = (character == '[').then(|| rest.as_str().get(1..)?.find(']').map(|at| at + 1)).flatten();
        match (character, class) {
            ('*', _) => regex.push_str(".*"),
            ('?', _) => regex.push('.'),
            ('[', Some(end)) => {
                let inside =
                    rest.as_str()[..end].replacen('!', "^", usize::from(rest.as_str().starts_with('!')));
                regex += &format!("[{inside}]");
                rest = rest.as_str()[end + 1..].chars();
            }
            (other, _) => regex.push_str(&regex::escape(&other.to_string())),
        }
    }
    regex.push_str(")$");
    Regex::new(&regex).ok()
}

/// `10s:1h`
pub fn archive(text: &str) -> Archive {
    text.parse().expect("an archive")
}
