//! Groups that may be the same: those that are found by much the same parts, such as the type and most frames.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;
use state_store::StateError;
use vocabulary::Timestamp;

use crate::group::Group;
use crate::limits::MAX_COMPARED;
use crate::store::number;
use crate::tracker::Tracker;

/// Less in common than half is by chance: a type, a module and a word.
const ALIKE_FROM: f64 = 0.5;

impl Tracker {
    /// Of those of the project that were seen last; the most alike first, each with the share of what both have.
    pub fn similar(
        &self,
        group: &Group,
        limit: usize,
        now: Timestamp,
    ) -> Result<Vec<(Group, f64)>, StateError> {
        self.tick(now)?;
        let ours = self.hashes(group.id, now)?;
        let ours: Vec<BTreeSet<String>> = ours.iter().map(|hash| parts(&hash.why)).collect();
        let sql = "SELECT grp, why FROM error_hash WHERE grp <> ?2 AND grp IN
            (SELECT id FROM error_group WHERE project = ?1 AND merged_into IS NULL ORDER BY last_seen DESC LIMIT ?3)";
        let values = [number(group.project), number(group.id), number(MAX_COMPARED)];
        let mut alike = HashMap::<u64, f64>::new();
        for row in self.store.query(sql, &values)? {
            let theirs = parts(&serde_json::from_str(row.text(1)).unwrap_or_default());
            let best = ours.iter().map(|ours| likeness(ours, &theirs)).fold(0.0, f64::max);
            let known = alike.entry(row.integer(0).unsigned_abs()).or_default();
            *known = known.max(best);
        }
        let mut alike: Vec<(u64, f64)> =
            alike.into_iter().filter(|(_, likeness)| *likeness >= ALIKE_FROM).collect();
        alike.sort_by(|one, other| other.1.total_cmp(&one.1).then(other.0.cmp(&one.0)));
        alike.truncate(limit);
        let mut found = Vec::new();
        for (id, likeness) in alike {
            found.extend(self.one(id)?.map(|group| (group, likeness)));
        }
        Ok(found)
    }
}

/// What counts of a tree of reasons, each with what it is.
fn parts(why: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    collect(why, &mut found);
    found
}

fn collect(why: &Value, found: &mut BTreeSet<String>) {
    if why["counts"] != Value::Bool(true) {
        return;
    }
    if let (Some(name), Some(value)) = (why["name"].as_str(), why["value"].as_str()) {
        found.insert(format!("{name}={value}"));
    }
    why["parts"].as_array().into_iter().flatten().for_each(|part| collect(part, found));
}

fn likeness(ours: &BTreeSet<String>, theirs: &BTreeSet<String>) -> f64 {
    let both = ours.intersection(theirs).count();
    let all = ours.len() + theirs.len() - both;
    both as f64 / all.max(1) as f64
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_counts_is_compared() {
        let tree = |function: &str, counts: bool| {
            json!({"name": "exception", "counts": true, "parts": [
                {"name": "type", "value": "E", "counts": true},
                {"name": "value", "value": "x 17", "counts": false},
                {"name": "function", "value": function, "counts": counts}]})
        };
        let alike = |one: &Value, other: &Value| likeness(&parts(one), &parts(other));
        assert_eq!(alike(&tree("pay", true), &tree("pay", true)), 1.0);
        assert_eq!(alike(&tree("pay", true), &tree("send", true)), 1.0 / 3.0);
        assert_eq!(alike(&tree("pay", true), &tree("pay", false)), 0.5);
        assert_eq!(alike(&json!({}), &json!(null)), 0.0);
    }
}
