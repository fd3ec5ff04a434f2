//! What was counted of some events of a group goes to another one: what one has more, the other has less.

use std::collections::{BTreeMap, HashMap};

use state_store::{StateError, Transaction, Value};

use crate::group::Mark;
use crate::pending::{OTHER, STEPS};
use crate::people;
use crate::store::number;

/// From one group to another one.
pub(crate) struct Way {
    pub project: u64,
    pub from: u64,
    pub to: u64,
}

impl Way {
    fn ids(&self) -> [Value; 3] {
        [number(self.project), number(self.from), number(self.to)]
    }

    /// The other one is new, and has nothing yet.
    pub fn all(&self, tx: &Transaction<'_>) -> Result<(), StateError> {
        ["error_count", "error_tag", "error_people"].into_iter().try_for_each(|table| {
            let sql = format!("UPDATE {table} SET grp = ?3 WHERE project = ?1 AND grp = ?2");
            tx.execute(&sql, &self.ids()).map(drop)
        })
    }

    /// What was counted of `moving`. `left`: what is kept of those that stay.
    pub fn these(&self, tx: &Transaction<'_>, moving: &[Mark], left: &[Mark]) -> Result<(), StateError> {
        self.counts(tx, moving)?;
        self.tags(tx, moving, left)?;
        // After the counts, which say whether all that is left is known.
        people::part(tx, self.project, (self.from, self.to), moving, left)
    }

    fn counts(&self, tx: &Transaction<'_>, moving: &[Mark]) -> Result<(), StateError> {
        let mut wanted: BTreeMap<(i64, i64, &str, &str), u64> = BTreeMap::new();
        for mark in moving {
            let [release, environment] =
                [&mark.release, &mark.environment].map(|name| name.as_deref().unwrap_or_default());
            for step in STEPS {
                let at = mark.at.0 - mark.at.0.rem_euclid(step);
                *wanted.entry((step, at, release, environment)).or_default() += 1;
            }
        }
        for ((step, at, release, environment), mut n) in wanted {
            // A name that was one too many is counted as one of the others.
            let other = |name: &'static str, of: &str| if of.is_empty() { "" } else { name };
            let (others, elsewhere) = (other(OTHER, release), other(OTHER, environment));
            for names in
                [(release, environment), (others, environment), (release, elsewhere), (others, elsewhere)]
            {
                n -= self.take_counts(tx, (step, at), names, n)?;
            }
        }
        Ok(())
    }

    /// As many as there are. Fine ones go with time.
    fn take_counts(
        &self,
        tx: &Transaction<'_>,
        (step, at): (i64, i64),
        (release, environment): (&str, &str),
        wanted: u64,
    ) -> Result<u64, StateError> {
        let place = |group: u64| -> [Value; 6] {
            [number(self.project), number(group), step.into(), at.into(), release.into(), environment.into()]
        };
        let here =
            "WHERE project = ?1 AND grp = ?2 AND step = ?3 AND at = ?4 AND release = ?5 AND environment = ?6";
        let rows = tx.query(&format!("SELECT n FROM error_count {here}"), &place(self.from))?;
        let there = rows.first().map_or(0, |row| row.integer(0).unsigned_abs());
        let n = there.min(wanted);
        if n == 0 {
            return Ok(0);
        }
        let with = |group: u64, n: u64| [&place(group)[..], &[number(n)]].concat();
        match there == n {
            true => tx.execute(&format!("DELETE FROM error_count {here}"), &place(self.from))?,
            false => tx.execute(&format!("UPDATE error_count SET n = n - ?7 {here}"), &with(self.from, n))?,
        };
        let add = "INSERT INTO error_count (project, grp, step, at, release, environment, n) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
            ON CONFLICT DO UPDATE SET n = n + excluded.n";
        tx.execute(add, &with(self.to, n))?;
        Ok(n)
    }

    fn tags(&self, tx: &Transaction<'_>, moving: &[Mark], left: &[Mark]) -> Result<(), StateError> {
        let sql = "SELECT key, value, n, last_seen FROM error_tag WHERE project = ?1 AND grp = ?2";
        let rows = tx.query(sql, &self.ids()[..2])?;
        let mut there: HashMap<(&str, &str), Counted> = HashMap::new();
        for row in &rows {
            let counted = Counted { n: row.integer(2).unsigned_abs(), last: row.integer(3) };
            there.insert((row.text(0), row.text(1)), counted);
        }
        let mut moved: BTreeMap<(&str, &str), Counted> = BTreeMap::new();
        for (mark, key, value) in each_tag(moving) {
            // A value that was one too many is counted as one of the others.
            let place = [(key, value), (key, OTHER)].into_iter().find(|place| has_some(&there, place));
            let Some(place) = place else { continue };
            if let Some(counted) = there.get_mut(&place) {
                counted.n -= 1;
            }
            moved.entry(place).or_default().add(mark);
        }
        let mut last_left: HashMap<(&str, &str), Counted> = HashMap::new();
        for (mark, key, value) in each_tag(left) {
            last_left.entry((key, value)).or_default().add(mark);
        }
        for (place, went) in moved {
            let rest = there.get(&place).copied().unwrap_or_default();
            let last = match last_left.get(&place) {
                Some(known) if rest.last <= went.last => known.last,
                _ => rest.last,
            };
            self.save_tag(tx, place, went, Counted { n: rest.n, last })?;
        }
        Ok(())
    }

    fn save_tag(
        &self,
        tx: &Transaction<'_>,
        (key, value): (&str, &str),
        went: Counted,
        rest: Counted,
    ) -> Result<(), StateError> {
        let with = |group: u64, counted: Counted| -> [Value; 6] {
            [
                number(self.project),
                number(group),
                key.into(),
                value.into(),
                number(counted.n),
                counted.last.into(),
            ]
        };
        let here = "WHERE project = ?1 AND grp = ?2 AND key = ?3 AND value = ?4";
        match rest.n {
            0 => tx.execute(&format!("DELETE FROM error_tag {here}"), &with(self.from, rest)[..4])?,
            _ => tx.execute(
                &format!("UPDATE error_tag SET n = ?5, last_seen = ?6 {here}"),
                &with(self.from, rest),
            )?,
        };
        let add =
            "INSERT INTO error_tag (project, grp, key, value, n, last_seen) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
            ON CONFLICT DO UPDATE SET n = n + excluded.n, last_seen = max(last_seen, excluded.last_seen)";
        tx.execute(add, &with(self.to, went)).map(drop)
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    n: u64,
    last: i64,
}

impl Counted {
    fn add(&mut self, mark: &Mark) {
        self.n += 1;
        self.last = self.last.max(mark.at.0);
    }
}

fn has_some(there: &HashMap<(&str, &str), Counted>, place: &(&str, &str)) -> bool {
    there.get(place).is_some_and(|counted| counted.n > 0)
}

fn each_tag(marks: &[Mark]) -> impl Iterator<Item = (&Mark, &str, &str)> {
    marks.iter().flat_map(|mark| mark.tags.iter().map(move |(key, value)| (mark, &key[..], &value[..])))
}
