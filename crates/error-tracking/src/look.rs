//! What people and the API ask of groups. What waits to be counted is written first, so that a list never lags behind.

use std::collections::HashMap;

use state_store::{Row, StateError, Value};
use vocabulary::Timestamp;

use crate::event::{HashValue, Level};
use crate::group::{self, Group};
use crate::limits::{MAX_LISTED, MAX_SLOTS};
use crate::pending::{STEPS, WHOLE};
use crate::store::number;
use crate::tracker::Tracker;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    #[default]
    LastSeen,
    FirstSeen,
    Count,
    Users,
}

/// Which groups. What is None is not asked for.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub project: Option<u64>,
    pub status: Option<String>,
    /// Only those that came back after they were resolved, and of which nobody has said anything since.
    pub is_back: bool,
    pub level: Option<Level>,
    pub environment: Option<String>,
    pub release: Option<String>,
    /// Seen in it before any other.
    pub first_release: Option<String>,
    pub assigned: Option<String>,
    /// Whether it is anybody's.
    pub is_assigned: Option<bool>,
    pub platform: Option<String>,
    /// In the title or the culprit, in any case.
    pub text: Option<String>,
    /// Patterns in small letters, of `*`, which the title with `: ` behind it is like.
    pub titles: Vec<String>,
    pub seen_since: Option<Timestamp>,
    pub seen_until: Option<Timestamp>,
    pub first_seen_since: Option<Timestamp>,
    pub first_seen_until: Option<Timestamp>,
    pub count_least: Option<u64>,
    pub count_most: Option<u64>,
    /// It has each of these tags with that value, though perhaps not in one event.
    pub tags: Vec<(String, String)>,
    /// It has each of these with some value.
    pub has_tags: Vec<String>,
    pub order: Order,
    pub limit: usize,
    pub offset: usize,
}

/// What events are found by that are of this group, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptHash {
    pub hash: String,
    pub version: u32,
    pub count: u64,
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
    /// A tree of `{name, value, counts, hint, parts}`.
    pub why: serde_json::Value,
}

/// How the events of a group divide by a tag, beside how all events of the project do.
#[derive(Clone, Debug, PartialEq)]
pub struct TagShares {
    pub key: String,
    pub values: Vec<TagShare>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct TagShare {
    pub value: String,
    pub count: u64,
    pub last_seen: Timestamp,
    /// Of the group's events that have the tag.
    pub share: f64,
    /// Of the project's.
    pub usual: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    Release,
    Environment,
}

/// Which counts over time.
#[derive(Clone, Debug)]
pub struct Span {
    pub project: u64,
    /// None: all of the project.
    pub group: Option<u64>,
    /// One of 60, 3600, 86400.
    pub step: i64,
    pub from: Timestamp,
    pub until: Timestamp,
    pub by: Option<By>,
    pub environment: Option<String>,
    pub release: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    pub at: Timestamp,
    /// Of what it is divided by; empty for what says of none.
    pub name: String,
    pub count: u64,
}

/// When the events of a release came, to the hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    pub first: Timestamp,
    pub last: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activity {
    pub at: Timestamp,
    /// Empty: it happened by itself.
    pub who: String,
    pub kind: String,
    pub text: String,
}

impl Span {
    pub fn problem(&self) -> Option<String> {
        if !STEPS.contains(&self.step) {
            return Some("the step is 60, 3600 or 86400 seconds".to_owned());
        }
        let slots = self.until.since(self.from) / self.step;
        let is_good = (0..=MAX_SLOTS).contains(&slots);
        (!is_good).then(|| format!("it begins before it ends, and has {MAX_SLOTS} slots at most"))
    }
}

impl Tracker {
    pub fn list(&self, wanted: &Wanted, now: Timestamp) -> Result<Vec<Group>, StateError> {
        self.tick(now)?;
        let (conditions, mut values) = wanted.conditions(now);
        let order = match wanted.order {
            Order::LastSeen => "last_seen",
            Order::FirstSeen => "first_seen",
            Order::Count => "count",
            Order::Users => "users",
        };
        values.push(number(wanted.limit.min(MAX_LISTED) as u64));
        values.push(number(wanted.offset as u64));
        let (limit, offset) = (values.len() - 1, values.len());
        let sql = format!(
            "SELECT {} FROM error_group WHERE merged_into IS NULL{conditions} ORDER BY {order} DESC, id DESC LIMIT ?{limit} OFFSET ?{offset}",
            group::COLUMNS
        );
        Ok(self.store.query(&sql, &values)?.iter().filter_map(group::of_row).collect())
    }

    /// As it is by now; of a merged one the whole.
    pub fn one(&self, id: u64) -> Result<Option<Group>, StateError> {
        let mut memory = self.memory.lock();
        let id = memory.bring(&self.store, id)?;
        Ok(id.and_then(|id| memory.group(id)).cloned())
    }

    /// By the name that people say: `WEB-12`.
    pub fn numbered(&self, project: u64, group: u64, now: Timestamp) -> Result<Option<Group>, StateError> {
        self.tick(now)?;
        let sql = "SELECT id FROM error_group WHERE project = ?1 AND number = ?2";
        let rows = self.store.query(sql, &[number(project), number(group)])?;
        rows.first().map_or(Ok(None), |row| self.one(row.integer(0).unsigned_abs()))
    }

    /// The group that a hash leads to.
    pub fn led_by(&self, project: u64, hash: HashValue) -> Result<Option<Group>, StateError> {
        let mut memory = self.memory.lock();
        let Some(group) = memory.led(&self.store, (project, hash))? else { return Ok(None) };
        let id = memory.bring(&self.store, group)?;
        Ok(id.and_then(|id| memory.group(id)).cloned())
    }

    /// The most frequent first.
    pub fn hashes(&self, group: u64, now: Timestamp) -> Result<Vec<KeptHash>, StateError> {
        self.tick(now)?;
        let sql = "SELECT hash, version, n, first_seen, last_seen, why FROM error_hash WHERE grp = ?1 ORDER BY n DESC, hash";
        let kept = |row: &Row| KeptHash {
            hash: row.bytes(0).iter().map(|byte| format!("{byte:02x}")).collect(),
            version: u32::try_from(row.integer(1)).unwrap_or_default(),
            count: row.integer(2).unsigned_abs(),
            first_seen: Timestamp(row.integer(3)),
            last_seen: Timestamp(row.integer(4)),
            why: serde_json::from_str(row.text(5)).unwrap_or_default(),
        };
        Ok(self.store.query(sql, &[number(group)])?.iter().map(kept).collect())
    }

    /// The values of each tag, the most frequent first.
    pub fn tags(&self, project: u64, group: u64, now: Timestamp) -> Result<Vec<TagShares>, StateError> {
        self.tick(now)?;
        // Shares are of all events that have the tag.
        let sql = "SELECT mine.key, mine.value, mine.n, mine.last_seen, coalesce(usual.n, 0),
                (SELECT sum(n) FROM error_tag WHERE project = ?1 AND grp = ?2 AND key = mine.key),
                (SELECT sum(n) FROM error_tag WHERE project = ?1 AND grp = ?3 AND key = mine.key)
            FROM error_tag AS mine LEFT JOIN error_tag AS usual
                ON usual.project = ?1 AND usual.grp = ?3 AND usual.key = mine.key AND usual.value = mine.value
            WHERE mine.project = ?1 AND mine.grp = ?2 ORDER BY mine.key, mine.n DESC, mine.value";
        let mut shares: Vec<TagShares> = Vec::new();
        for row in self.store.query(sql, &[number(project), number(group), number(WHOLE)])? {
            let share = TagShare {
                value: row.text(1).to_owned(),
                count: row.integer(2).unsigned_abs(),
                last_seen: Timestamp(row.integer(3)),
                share: part(row.integer(2), row.integer(5)),
                usual: part(row.integer(4), row.integer(6)),
            };
            match shares.last_mut() {
                Some(last) if last.key == row.text(0) => last.values.push(share),
                _ => shares.push(TagShares { key: row.text(0).to_owned(), values: vec![share] }),
            }
        }
        Ok(shares)
    }

    /// In order of time; slots without events are left out. Whether the span can be is for the caller to ask first.
    pub fn counts(&self, span: &Span, now: Timestamp) -> Result<Vec<Slot>, StateError> {
        self.tick(now)?;
        let name = match span.by {
            None => "''",
            Some(By::Release) => "release",
            Some(By::Environment) => "environment",
        };
        let mut values: Vec<Value> = vec![
            number(span.project),
            number(span.group.unwrap_or(WHOLE)),
            span.step.into(),
            span.from.0.into(),
            span.until.0.into(),
        ];
        let mut conditions = String::new();
        for (column, wanted) in [("environment", &span.environment), ("release", &span.release)] {
            if let Some(wanted) = wanted {
                values.push(wanted.as_str().into());
                conditions.push_str(&format!(" AND {column} = ?{}", values.len()));
            }
        }
        let sql = format!(
            "SELECT at, {name}, sum(n) FROM error_count WHERE project = ?1 AND grp = ?2 AND step = ?3 AND at >= ?4 AND at < ?5{conditions}
                GROUP BY 1, 2 ORDER BY 1, 2"
        );
        let slot = |row: &Row| Slot {
            at: Timestamp(row.integer(0)),
            name: row.text(1).to_owned(),
            count: row.integer(2).unsigned_abs(),
        };
        Ok(self.store.query(&sql, &values)?.iter().map(slot).collect())
    }

    /// The newest first.
    pub fn activity(&self, group: u64, limit: usize, now: Timestamp) -> Result<Vec<Activity>, StateError> {
        self.tick(now)?;
        let sql = "SELECT at, who, kind, text FROM error_activity WHERE grp = ?1 ORDER BY id DESC LIMIT ?2";
        let activity = |row: &Row| Activity {
            at: Timestamp(row.integer(0)),
            who: row.text(1).to_owned(),
            kind: row.text(2).to_owned(),
            text: row.text(3).to_owned(),
        };
        let rows = self.store.query(sql, &[number(group), number(limit.min(MAX_LISTED) as u64)])?;
        Ok(rows.iter().map(activity).collect())
    }

    /// How many groups were seen in a release before any other.
    pub fn opened_by_release(
        &self,
        project: u64,
        now: Timestamp,
    ) -> Result<HashMap<String, u64>, StateError> {
        self.tick(now)?;
        let sql = "SELECT json_extract(detail, '$.first_release'), count(*) FROM error_group
            WHERE project = ?1 AND merged_into IS NULL AND json_extract(detail, '$.first_release') IS NOT NULL GROUP BY 1";
        let rows = self.store.query(sql, &[number(project)])?;
        Ok(rows.iter().map(|row| (row.text(0).to_owned(), row.integer(1).unsigned_abs())).collect())
    }

    /// Releases of which there were events, or of one whether; of one environment or all.
    pub fn seen_by_release(
        &self,
        project: u64,
        version: Option<&str>,
        environment: Option<&str>,
        now: Timestamp,
    ) -> Result<HashMap<String, Seen>, StateError> {
        self.tick(now)?;
        let mut values: Vec<Value> = vec![number(project), number(WHOLE), STEPS[1].into(), STEPS[2].into()];
        let mut conditions = String::new();
        for (column, wanted) in [("release", version), ("environment", environment)] {
            if let Some(wanted) = wanted {
                values.push(wanted.into());
                conditions.push_str(&format!(" AND {column} = ?{}", values.len()));
            }
        }
        // Days are kept longer than hours, and begin before the first event of theirs.
        let sql = format!(
            "SELECT release, coalesce(min(CASE WHEN step = ?3 THEN at END), min(at)), max(at), min(at) FROM error_count
                WHERE project = ?1 AND grp = ?2 AND step IN (?3, ?4) AND release <> ''{conditions} GROUP BY release"
        );
        let seen = |row: &Row| {
            let (hour, day) = (row.integer(1), row.integer(3));
            let is_of_that_day = hour.saturating_sub(day) < STEPS[2];
            let first = Timestamp(if is_of_that_day { hour } else { day });
            (row.text(0).to_owned(), Seen { first, last: Timestamp(row.integer(2)) })
        };
        Ok(self.store.query(&sql, &values)?.iter().map(seen).collect())
    }

    /// Projects that had events since the beginning of that day.
    pub fn active(&self, since: Timestamp) -> Result<Vec<u64>, StateError> {
        let day = STEPS[2];
        let from = since.0 - since.0.rem_euclid(day);
        let sql = "SELECT DISTINCT project FROM error_count WHERE step = ?1 AND at >= ?2";
        let rows = self.store.query(sql, &[day.into(), from.into()])?;
        Ok(rows.iter().map(|row| row.integer(0).unsigned_abs()).collect())
    }

    /// When the newest event of a project came, of those that are counted already.
    pub fn newest_event(&self, project: u64) -> Result<Option<Timestamp>, StateError> {
        let sql = "SELECT last_seen FROM error_group WHERE project = ?1 ORDER BY last_seen DESC LIMIT 1";
        let rows = self.store.query(sql, &[number(project)])?;
        Ok(rows.first().map(|row| Timestamp(row.integer(0))))
    }

    /// In the order of their names.
    pub fn environments(&self, project: u64) -> Result<Vec<String>, StateError> {
        let mut memory = self.memory.lock();
        memory.know(&self.store, project)?;
        Ok(memory.environments(project))
    }

    /// With when each was first seen, the latest first.
    pub fn releases(&self, project: u64, limit: usize) -> Result<Vec<(String, Timestamp)>, StateError> {
        let mut memory = self.memory.lock();
        memory.know(&self.store, project)?;
        Ok(memory.releases(project).latest(limit))
    }
}

fn part(of: i64, all: i64) -> f64 {
    if all > 0 { of as f64 / all as f64 } else { 0.0 }
}

impl Wanted {
    /// Each begins with ` AND`; and the values of their places, in order.
    fn conditions(&self, now: Timestamp) -> (String, Vec<Value>) {
        let mut values: Vec<Value> = Vec::new();
        let mut conditions = String::new();
        if self.is_back {
            conditions.push_str(" AND json_extract(detail, '$.regressed_at') IS NOT NULL");
        }
        match self.is_assigned {
            Some(true) => conditions.push_str(" AND coalesce(assigned, '') <> ''"),
            Some(false) => conditions.push_str(" AND coalesce(assigned, '') = ''"),
            None => {}
        }
        let mut add = |condition: &str, wanted: Option<Value>| {
            if let Some(wanted) = wanted {
                values.push(wanted);
                conditions.push_str(" AND ");
                conditions.push_str(&condition.replace('?', &format!("?{}", values.len())));
            }
        };
        let text = |text: &Option<String>| text.as_deref().map(Value::from);
        let time = |at: Option<Timestamp>| at.map(|at| Value::from(at.0));
        // A group has few days, and the key of the table begins so.
        let counted = |column: &str| {
            format!(
                "EXISTS (SELECT 1 FROM error_count WHERE project = error_group.project AND grp = error_group.id AND step = 86400 AND {column} = ?)"
            )
        };
        add("project = ?", self.project.map(number));
        let status = format!(
            "CASE WHEN status = 'ignored' AND ignored_until <= {} THEN 'unresolved' ELSE status END = ?",
            now.0
        );
        add(&status, text(&self.status));
        add("level = ?", self.level.map(|level| Value::from(level as i64)));
        add("assigned = ?", text(&self.assigned));
        add(&counted("environment"), text(&self.environment));
        add(&counted("release"), text(&self.release));
        add("json_extract(detail, '$.first_release') = ?", text(&self.first_release));
        add("last_seen >= ?", time(self.seen_since));
        add("last_seen <= ?", time(self.seen_until));
        add("first_seen >= ?", time(self.first_seen_since));
        add("first_seen <= ?", time(self.first_seen_until));
        add("count >= ?", self.count_least.map(number));
        add("count <= ?", self.count_most.map(number));
        add("json_extract(detail, '$.platform') = ?", text(&self.platform));
        let sought = self.text.as_ref().map(|text| Value::from(text.to_lowercase()));
        add("instr(lower(title || char(10) || culprit), ?) > 0", sought);
        for title in &self.titles {
            add("lower(title) || ': ' GLOB ?", Some(title.as_str().into()));
        }
        for key in &self.has_tags {
            let has = "EXISTS (SELECT 1 FROM error_tag WHERE project = error_group.project AND grp = error_group.id AND key = ?)";
            add(has, Some(key.as_str().into()));
        }
        for (key, value) in &self.tags {
            let tagged =
                "(project, id) IN (SELECT project, grp FROM error_tag WHERE key || char(10) || value = ?)";
            add(tagged, Some(Value::from(format!("{key}\n{value}"))));
        }
        (conditions, values)
    }
}
