//! Downtimes and comments: a row each, by the numbers that people know them by.

use state_store::{Row, StateError, StateStore, Transaction};

use super::to_json;
use crate::machine::{Kept, KeptChanges};

/// Downtimes and comments that came, went or changed.
pub fn keep(tx: &Transaction<'_>, kept: &KeptChanges) -> Result<(), StateError> {
    for (id, saved) in &kept.downtimes {
        write_kept(tx, "monitor_downtime", *id, saved.as_ref().map(to_json))?;
    }
    for (id, saved) in &kept.comments {
        write_kept(tx, "monitor_comment", *id, saved.as_ref().map(to_json))?;
    }
    for (what, id) in [("downtime", kept.next_downtime), ("comment", kept.next_comment)] {
        let sql =
            "INSERT INTO monitor_next (what, id) VALUES (?1, ?2) ON CONFLICT (what) DO UPDATE SET id = ?2";
        tx.execute(sql, &[what.into(), (id as i64).into()])?;
    }
    Ok(())
}

fn write_kept(tx: &Transaction<'_>, table: &str, id: u64, body: Option<String>) -> Result<(), StateError> {
    let id = id as i64;
    match body {
        Some(body) => {
            let sql = format!(
                "INSERT INTO {table} (id, body) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET body = ?2"
            );
            tx.execute(&sql, &[id.into(), body.as_str().into()])?;
        }
        None => drop(tx.execute(&format!("DELETE FROM {table} WHERE id = ?1"), &[id.into()])?),
    }
    Ok(())
}

/// All downtimes and comments, and what of them cannot be read.
pub fn kept(state: &StateStore) -> Result<(Kept, Vec<String>), StateError> {
    let mut wrong = Vec::new();
    let mut kept = Kept {
        downtimes: bodies(state, "monitor_downtime", "downtime", &mut wrong)?,
        comments: bodies(state, "monitor_comment", "comment", &mut wrong)?,
        ..Kept::default()
    };
    for row in state.query("SELECT what, id FROM monitor_next", &[])? {
        match row.text(0) {
            "downtime" => kept.next_downtime = row.integer(1).unsigned_abs(),
            _ => kept.next_comment = row.integer(1).unsigned_abs(),
        }
    }
    Ok((kept, wrong))
}

fn bodies<T: serde::de::DeserializeOwned>(
    state: &StateStore,
    table: &str,
    what: &str,
    wrong: &mut Vec<String>,
) -> Result<Vec<T>, StateError> {
    let rows = state.query(&format!("SELECT id, body FROM {table} ORDER BY id"), &[])?;
    let read = |row: &Row| match serde_json::from_str(row.text(1)) {
        Ok(saved) => Some(saved),
        Err(error) => {
            wrong.push(format!("{what} {}: {error}", row.integer(0)));
            None
        }
    };
    Ok(rows.iter().filter_map(read).collect())
}
