//! What the latest events of a group have in common, and the project's others have not: the provider, the machine or the release
//! that it is about. For whoever is called, and has to know where to look.

use std::collections::BTreeMap;

use formats::sentry::json;
use state_store::StateError;
use vocabulary::error::StoredEvent;

use crate::pending::WHOLE;
use crate::read::text_at;
use crate::store::number;
use crate::tags::tags;
use crate::tracker::Tracker;

/// So many of the events have it …
const MIN_SHARE: f64 = 0.75;
/// … which is so much more than of the others.
const MIN_RISE: f64 = 0.25;
/// Fewer have everything in common.
const MIN_EVENTS: usize = 3;
/// The most unusual first.
const MAX_TOLD: usize = 3;
/// These are said of a group anyway, or are what makes it one.
const SAID: [&str; 6] = ["environment", "handled", "level", "logger", "mechanism", "transaction"];

#[derive(Clone, Debug, PartialEq)]
pub struct Common {
    pub key: String,
    pub value: String,
    /// Of the events.
    pub share: f64,
    /// Of the project's others.
    pub usual: f64,
}

/// For people. None: there is nothing to say.
pub fn words(common: &[Common]) -> Option<String> {
    let all: Vec<String> = common.iter().map(Common::words).collect();
    (!all.is_empty()).then(|| format!("in common: {}", all.join(", ")))
}

impl Common {
    fn words(&self) -> String {
        let percent = |share: f64| (share * 100.0).round();
        let Common { key, value, share, usual } = self;
        format!("{key} = {value} ({} %, normally {} %)", percent(*share), percent(*usual))
    }

    fn rise(&self) -> f64 {
        self.share - self.usual
    }
}

impl Tracker {
    /// Of these events, the latest of one group, those of `environment`. They stand for `count`, which are not of the others.
    ///
    /// Reads tables only: it may be called by whoever holds a batch.
    pub fn in_common(
        &self,
        project: u64,
        environment: Option<&str>,
        latest: &[StoredEvent],
        count: u64,
    ) -> Result<Vec<Common>, StateError> {
        let mut found = Vec::new();
        for (key, value, share) in shared(latest, environment) {
            if let Some(usual) =
                self.usual_share(project, (key.as_str(), value.as_str()), (count as f64, share))?
            {
                found.push(Common { key, value, share, usual });
            }
        }
        found.retain(|common| common.rise() >= MIN_RISE);
        found.sort_by(|a, b| b.rise().total_cmp(&a.rise()));
        found.truncate(MAX_TOLD);
        Ok(found)
    }

    /// None: no other event has such a tag.
    fn usual_share(
        &self,
        project: u64,
        (key, value): (&str, &str),
        (count, share): (f64, f64),
    ) -> Result<Option<f64>, StateError> {
        let sql = "SELECT coalesce(sum(CASE WHEN value = ?4 THEN n END), 0), coalesce(sum(n), 0)
            FROM error_tag WHERE project = ?1 AND grp = ?2 AND key = ?3";
        let rows = self.store.query(sql, &[number(project), number(WHOLE), key.into(), value.into()])?;
        let Some(row) = rows.first() else { return Ok(None) };
        let others = row.integer(1) as f64 - count;
        let having = (row.integer(0) as f64 - count * share).max(0.0);
        Ok((others >= 1.0).then(|| (having / others).min(1.0)))
    }
}

/// Each tag that most of them have.
fn shared(latest: &[StoredEvent], environment: Option<&str>) -> Vec<(String, String, f64)> {
    let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut events = 0;
    for event in latest {
        // What is damaged on the disk is told of elsewhere.
        let Ok(tree) = json::read(&event.body, &json::Limits::default()) else { continue };
        if text_at(&tree, &["environment"]) != environment {
            continue;
        }
        events += 1;
        for tag in tags(&tree, &[]) {
            *counts.entry(tag).or_default() += 1;
        }
    }
    if events < MIN_EVENTS {
        return Vec::new();
    }
    let shares = counts.into_iter().map(|((key, value), count)| (key, value, count as f64 / events as f64));
    shares.filter(|(key, _, share)| *share >= MIN_SHARE && !SAID.contains(&key.as_str())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_for_people() {
        let common = |key: &str, usual| Common { key: key.into(), value: "x".into(), share: 0.966, usual };
        assert_eq!(words(&[]), None);
        assert_eq!(
            words(&[common("drive", 0.2), common("release", 0.0)]).as_deref(),
            Some("in common: drive = x (97 %, normally 20 %), release = x (97 %, normally 0 %)")
        );
    }
}
