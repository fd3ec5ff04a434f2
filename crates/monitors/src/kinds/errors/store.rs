//! What was told of and has not ended, as it is kept.

use state_store::{Migrations, Row, StateError, StateStore, Transaction, Value};

use super::watched::{Place, Standing};

pub const MIGRATIONS: Migrations = Migrations {
    room: "monitors-errors",
    // Of no environment is the empty one: in a key, nothing is not the same as nothing.
    steps: &[
        "CREATE TABLE monitor_error (rule TEXT NOT NULL, project INTEGER NOT NULL, grp INTEGER NOT NULL,
            environment TEXT NOT NULL, standing TEXT NOT NULL,
            PRIMARY KEY (rule, project, grp, environment)) STRICT, WITHOUT ROWID;",
    ],
};

pub fn load(store: &StateStore) -> Result<Vec<(Place, Standing)>, StateError> {
    let rows = store.query("SELECT rule, project, grp, environment, standing FROM monitor_error", &[])?;
    Ok(rows.iter().filter_map(read).collect())
}

fn read(row: &Row) -> Option<(Place, Standing)> {
    let place = Place {
        rule: row.text(0).into(),
        project: row.integer(1).unsigned_abs(),
        group: row.integer(2).unsigned_abs(),
        environment: Some(row.text(3).to_owned()).filter(|name| !name.is_empty()),
    };
    let standing = serde_json::from_str(row.text(4));
    // The table is ours, so something else has written it.
    let standing = standing.inspect_err(
        |error| tracing::warn!(%error, rule = &*place.rule, "what was told of an error cannot be read: it is left out"),
    );
    Some((place, standing.ok()?))
}

/// None: it has ended.
pub fn save(tx: &Transaction<'_>, place: &Place, standing: Option<&Standing>) -> Result<(), StateError> {
    let key: [Value; 4] = [
        (&*place.rule).into(),
        number(place.project),
        number(place.group),
        place.environment.as_deref().unwrap_or_default().into(),
    ];
    let Some(standing) = standing else {
        let sql =
            "DELETE FROM monitor_error WHERE rule = ?1 AND project = ?2 AND grp = ?3 AND environment = ?4";
        return tx.execute(sql, &key).map(drop);
    };
    let sql = "INSERT OR REPLACE INTO monitor_error (rule, project, grp, environment, standing) VALUES (?1, ?2, ?3, ?4, ?5)";
    // Texts and numbers: there is nothing in them that JSON has no form for.
    let standing = serde_json::to_string(standing).unwrap_or_default();
    let [rule, project, group, environment] = key;
    tx.execute(sql, &[rule, project, group, environment, standing.into()]).map(drop)
}

/// Ids are far below what an integer of the table holds.
fn number(id: u64) -> Value {
    Value::Integer(i64::try_from(id).unwrap_or(i64::MAX))
}
