//! Ways by which a person is reached: said by that person, and used once a code that was sent through it has come back.

mod codes;

#[cfg(test)]
mod tests;

use state_store::{Row, StateError, StateStore, Transaction};
use vocabulary::Timestamp;

pub use codes::{Typed, confirm_way, is_phone, may_send, new_code};

use crate::AccountError;
use crate::config::is_name;
use crate::limits::{LONGEST_WAY, MAX_WAYS};

/// Without `Debug`: where somebody is reached is nobody else's business.
#[derive(Clone, PartialEq)]
pub struct Way {
    pub id: i64,
    pub person: String,
    /// `email`, `ntfy`, `sms`, … as types of channels are called.
    pub kind: String,
    /// Where: in the form that its kind has.
    pub address: String,
    /// What the person calls it.
    pub label: String,
    /// By which channel of the files; none: the first of its type.
    pub channel: Option<String>,
    /// Since when it is as it is now.
    pub changed: i64,
    pub confirmed: Option<i64>,
    /// The receiver has said that it is there no more.
    pub gone: Option<i64>,
    pub tested: Option<Tested>,
}

/// What became of the last test.
#[derive(Clone, PartialEq)]
pub struct Tested {
    pub at: i64,
    /// Empty: it was taken.
    pub error: String,
}

/// What a person says of a way. With an `id` and without an address it stays where it is.
#[derive(Clone, PartialEq)]
pub struct WantedWay {
    pub id: Option<i64>,
    pub kind: String,
    pub address: Option<String>,
    pub label: String,
    pub channel: Option<String>,
}

const COLUMNS: &str =
    "SELECT id, person, kind, address, label, channel, changed, confirmed, gone, tested, test_error FROM way";

fn of_row(row: &Row) -> Way {
    let time = |column: usize| (!row.is_null(column)).then(|| row.integer(column));
    Way {
        id: row.integer(0),
        person: row.text(1).to_owned(),
        kind: row.text(2).to_owned(),
        address: row.text(3).to_owned(),
        label: row.text(4).to_owned(),
        channel: (!row.is_null(5)).then(|| row.text(5).to_owned()),
        changed: row.integer(6),
        confirmed: time(7),
        gone: time(8),
        tested: time(9).map(|at| Tested { at, error: row.text(10).to_owned() }),
    }
}

/// In the order in which they were added.
pub fn ways(state: &StateStore, person: &str) -> Result<Vec<Way>, StateError> {
    let rows = state.query(&format!("{COLUMNS} WHERE person = ?1 ORDER BY id"), &[person.into()])?;
    Ok(rows.iter().map(of_row).collect())
}

/// Of everybody, those that may be used.
pub fn confirmed_ways(state: &StateStore) -> Result<Vec<Way>, StateError> {
    let rows = state.query(&format!("{COLUMNS} WHERE confirmed IS NOT NULL ORDER BY person, id"), &[])?;
    Ok(rows.iter().map(of_row).collect())
}

/// These are the ways of a person now, and no others. One that leads elsewhere than before is to be confirmed again.
pub fn set_ways(
    state: &StateStore,
    person: &str,
    wanted: &[WantedWay],
    now: Timestamp,
) -> Result<(), AccountError> {
    check(wanted).map_err(AccountError::Refused)?;
    let unknown = state.transaction(|tx| {
        let rows = tx.query(&format!("{COLUMNS} WHERE person = ?1"), &[person.into()])?;
        let before: Vec<Way> = rows.iter().map(of_row).collect();
        let known = |id: i64| before.iter().find(|way| way.id == id);
        if let Some(id) = wanted.iter().filter_map(|way| way.id).find(|id| known(*id).is_none()) {
            return Ok(Some(id));
        }
        for way in before.iter().filter(|way| wanted.iter().all(|wanted| wanted.id != Some(way.id))) {
            tx.execute("DELETE FROM way WHERE id = ?1", &[way.id.into()])?;
        }
        wanted.iter().try_for_each(|wanted| put(tx, person, wanted, wanted.id.and_then(known), now))?;
        Ok(None)
    })?;
    match unknown {
        Some(id) => Err(AccountError::Refused(format!("there is no way {id}: leave `id` out to add one"))),
        None => Ok(()),
    }
}

/// The type of which a contact keeps more than one address.
const SEVERAL: &str = "push";

fn check(wanted: &[WantedWay]) -> Result<(), String> {
    if wanted.len() > MAX_WAYS {
        return Err(format!("a person has {MAX_WAYS} ways at most"));
    }
    for (index, way) in wanted.iter().enumerate() {
        let at = |key: &str, why: &str| Err(format!("ways.{index}.{key}: {why}"));
        match &way.address {
            None if way.id.is_none() => return at("address", "this is missing: where does it lead?"),
            Some(address) if address.is_empty() || address.len() > LONGEST_WAY => {
                return at("address", &format!("write 1 to {LONGEST_WAY} characters"));
            }
            _ => {}
        }
        if !way.label.is_empty() && !is_name(&way.label) {
            return at("label", "at most 100 characters, and no control characters");
        }
        let twice = |other: &WantedWay| way.id.is_some() && other.id == way.id;
        if wanted[..index].iter().any(twice) {
            return at("id", "this one is there twice");
        }
        if way.kind != SEVERAL && wanted[..index].iter().any(|other| other.kind == way.kind) {
            return at("type", "there is one of this type already: of browsers only there may be several");
        }
    }
    Ok(())
}

fn put(
    tx: &Transaction<'_>,
    person: &str,
    wanted: &WantedWay,
    before: Option<&Way>,
    now: Timestamp,
) -> Result<(), StateError> {
    let (kind, label, channel) = (wanted.kind.as_str(), wanted.label.as_str(), wanted.channel.as_deref());
    let Some(before) = before else {
        tx.execute(
            "INSERT INTO way (person, kind, address, label, channel, changed, test_error) VALUES (?1, ?2, ?3, ?4, ?5, ?6, '')",
            &[
                person.into(),
                kind.into(),
                wanted.address.as_deref().unwrap_or_default().into(),
                label.into(),
                channel.into(),
                now.0.into(),
            ],
        )?;
        return Ok(());
    };
    tx.execute("UPDATE way SET label = ?2 WHERE id = ?1", &[before.id.into(), label.into()])?;
    let address = wanted.address.as_deref().unwrap_or(&before.address);
    let same = address == before.address && kind == before.kind && channel == before.channel.as_deref();
    if !same {
        tx.execute(
            "UPDATE way SET kind = ?2, address = ?3, channel = ?4, changed = ?5, confirmed = NULL, gone = NULL, tested = NULL,
                test_error = '', code = NULL WHERE id = ?1",
            &[before.id.into(), kind.into(), address.into(), channel.into(), now.0.into()],
        )?;
    }
    Ok(())
}

/// What became of a test: an empty error is none.
pub fn note_test(state: &StateStore, way: &Way, error: &str, now: Timestamp) -> Result<(), StateError> {
    state.transaction(|tx| {
        // Of the way as it was when the test was sent.
        tx.execute(
            "UPDATE way SET tested = ?3, test_error = ?4 WHERE id = ?1 AND changed = ?2",
            &[way.id.into(), way.changed.into(), now.0.into(), error.into()],
        )
    })?;
    Ok(())
}

/// The receiver has said that this is there no more: it is not used again, and the person sees why. Whether it was one.
pub fn lose_way(
    state: &StateStore,
    person: &str,
    kind: &str,
    address: &str,
    now: Timestamp,
) -> Result<bool, StateError> {
    state.transaction(|tx| {
        let lost = tx.execute(
            "UPDATE way SET gone = ?4, confirmed = NULL, code = NULL WHERE person = ?1 AND kind = ?2 AND address = ?3 AND gone IS NULL",
            &[person.into(), kind.into(), address.into(), now.0.into()],
        )?;
        Ok(lost > 0)
    })
}
