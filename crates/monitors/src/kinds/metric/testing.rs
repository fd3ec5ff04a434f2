//! What tests of metric monitors and of replays share: series in memory.

use std::collections::BTreeMap;
use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, Ordering};

use vocabulary::ports::{
    FetchRequest, FindQuery, Node, Row, SearchQuery, SeriesInfo, SeriesMatch, StoreError, TagListQuery,
    TagQuery,
};
use vocabulary::retention::{Aggregation, Archives, Policy};
use vocabulary::{SeriesRef, SeriesSource, Sketch, Timestamp, ValueKind};

use crate::config::MonitorConfig;

/// A round hour, so that steps of any length begin there.
pub const BEGIN: i64 = 1_700_002_800;

/// Series in memory, each with slots of one length.
pub struct Stored {
    archives: &'static str,
    series: RwLock<Vec<(String, BTreeMap<i64, f64>)>>,
    fails: AtomicBool,
}

impl Default for Stored {
    fn default() -> Stored {
        Stored::with_archives("1s:30d")
    }
}

impl Stored {
    pub fn with_archives(archives: &'static str) -> Stored {
        Stored { archives, series: RwLock::default(), fails: AtomicBool::new(false) }
    }

    /// Points cannot be read.
    pub fn fail(&self, fails: bool) {
        self.fails.store(fails, Ordering::Relaxed);
    }

    pub fn put(&self, name: &str, at: i64, value: f64) {
        let mut all = self.series.write().unwrap();
        let place = all.iter().position(|(known, ..)| known == name).unwrap_or_else(|| {
            all.push((name.to_owned(), BTreeMap::new()));
            all.len() - 1
        });
        all[place].1.insert(at, value);
    }
}

impl SeriesSource for Stored {
    fn find(&self, query: &FindQuery<'_>) -> Result<Vec<Node>, StoreError> {
        let fits = |name: &str| {
            let parts: Vec<&str> = query.pattern.split('.').collect();
            parts == ["**"]
                || name.split('.').count() == parts.len()
                    && name.split('.').zip(parts).all(|(node, part)| part == "*" || part == node)
        };
        let all = self.series.read().unwrap();
        let found = all.iter().enumerate().filter(|(_, (name, ..))| fits(name));
        Ok(found
            .map(|(index, (name, ..))| {
                Node::Leaf(SeriesMatch { series: SeriesRef(index as u64), name: name.as_str().into() })
            })
            .collect())
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

    fn describe(&self, series: SeriesRef) -> Option<SeriesInfo> {
        let all = self.series.read().unwrap();
        let (name, points) = all.get(series.0 as usize)?;
        let policy = Policy {
            archives: self.archives.parse().unwrap(),
            aggregation: Aggregation::Average,
            x_files_factor: 0.5,
        };
        Some(SeriesInfo {
            name: name.as_str().into(),
            kind: ValueKind::Number,
            policy: policy.into(),
            created: Timestamp(0),
            last_point: points.last_key_value().map(|(at, _)| Timestamp(*at)),
            late: 0,
        })
    }

    fn fetch(&self, request: &FetchRequest<'_>) -> Result<Vec<Row<f64>>, StoreError> {
        if self.fails.load(Ordering::Relaxed) {
            return Err(StoreError::Disk("reading: Input/output error".into()));
        }
        let all = self.series.read().unwrap();
        let archives: Archives = self.archives.parse().unwrap();
        let step = archives.serving(request.from, request.now).step;
        let first = request.from.floor(step).0 + step.seconds();
        let times: Vec<i64> = (first..=request.until.0).step_by(step.seconds() as usize).collect();
        let row = |series: &SeriesRef| {
            let slot = |time: &i64| all[series.0 as usize].1.get(time).copied().unwrap_or(f64::NAN);
            Row { start: Timestamp(first), step, slots: times.iter().map(slot).collect() }
        };
        Ok(request.series.iter().map(row).collect())
    }

    fn fetch_sketches(&self, _: &FetchRequest<'_>) -> Result<Vec<Row<Option<Sketch>>>, StoreError> {
        Ok(Vec::new())
    }
}

pub fn monitor(keys: &str) -> MonitorConfig {
    toml::from_str(&format!("name = \"m\"\n{keys}")).unwrap()
}
