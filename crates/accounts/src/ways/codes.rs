//! Codes that are sent by a way, and how often: they show that whoever added it reads what comes there.

use std::hint::black_box;

use sha2::{Digest, Sha256};
use state_store::{StateError, StateStore, Transaction};
use vocabulary::Timestamp;

use super::{COLUMNS, Way, of_row};
use crate::AccountError;
use crate::limits::{
    CODE_PAUSE_SECONDS, CODE_SECONDS, CODE_TRIES, CODES_AN_HOUR, CODES_AN_HOUR_TO_A_PHONE,
    PHONE_CODES_AN_HOUR,
};
use crate::secrets::random_secret;

/// What a code that was typed comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Typed {
    Right,
    /// So many tries are left of this code.
    Wrong {
        left: i64,
    },
    /// No code is waited for: none was sent, it is too old, or was tried too often.
    NoCode,
    Unknown,
}

/// The types that ring a telephone, and cost money.
pub fn is_phone(kind: &str) -> bool {
    matches!(kind, "sms" | "voice")
}

/// A code or a test is about to be sent by this way. Each costs somebody something, so that there is a pause between
/// two, and a number of them in an hour: for the person, for a telephone, and for all telephones together.
pub fn may_send(state: &StateStore, way: &Way, now: Timestamp) -> Result<(), AccountError> {
    let person = way.person.as_str();
    // However it is written.
    let digits = || way.address.chars().filter(char::is_ascii_digit).collect::<String>();
    let phone = is_phone(&way.kind).then(digits);
    let is_code = way.confirmed.is_none();
    let refused = state.transaction(|tx| {
        let hour_ago = now.minus(3_600).0;
        tx.execute("DELETE FROM way_sent WHERE at <= ?1", &[hour_ago.into()])?;
        let rows = tx.query("SELECT count(*), max(at) FROM way_sent WHERE person = ?1", &[person.into()])?;
        let (count, last) = rows.first().map_or((0, 0), |row| (row.integer(0), row.integer(1)));
        if count > 0 && now.0 - last < CODE_PAUSE_SECONDS {
            return Ok(Some(format!(
                "something was just sent: wait {CODE_PAUSE_SECONDS} seconds, and ask again"
            )));
        }
        if count >= CODES_AN_HOUR {
            return Ok(Some(format!(
                "{CODES_AN_HOUR} codes and tests were sent within the hour: wait a while"
            )));
        }
        if let Some(phone) = &phone
            && let Some(why) = phone_is_rung_often(tx, phone, is_code)?
        {
            return Ok(Some(why));
        }
        tx.execute(
            "INSERT INTO way_sent (person, at, phone, is_code) VALUES (?1, ?2, ?3, ?4)",
            &[person.into(), now.0.into(), phone.as_deref().into(), i64::from(is_code).into()],
        )?;
        Ok(None)
    })?;
    match refused {
        Some(why) => Err(AccountError::TooSoon(why)),
        None => Ok(()),
    }
}

/// Of the last hour: what is older has been taken out.
fn phone_is_rung_often(
    tx: &Transaction<'_>,
    phone: &str,
    is_code: bool,
) -> Result<Option<String>, StateError> {
    let rows = tx.query(
        "SELECT count(*), coalesce(sum(phone = ?1 AND is_code), 0) FROM way_sent WHERE phone IS NOT NULL",
        &[phone.into()],
    )?;
    let (all, here) = rows.first().map_or((0, 0), |row| (row.integer(0), row.integer(1)));
    if is_code && here >= CODES_AN_HOUR_TO_A_PHONE {
        let why = format!("{CODES_AN_HOUR_TO_A_PHONE} codes were sent to this number within the hour");
        return Ok(Some(format!("{why}, whoever asked for them: wait a while")));
    }
    if all >= PHONE_CODES_AN_HOUR {
        let why =
            format!("{PHONE_CODES_AN_HOUR} texts and calls with codes and tests went out within the hour");
        return Ok(Some(format!("{why}, for all people together: wait a while, or take another way")));
    }
    Ok(None)
}

/// Another code for this way, which is to be sent by it. The one before it counts no more.
pub fn new_code(
    state: &StateStore,
    person: &str,
    id: i64,
    now: Timestamp,
) -> Result<Option<(Way, String)>, AccountError> {
    let unable = |error: getrandom::Error| AccountError::Refused(error.to_string());
    let (code, salt) = (random_code().map_err(unable)?, random_secret().map_err(unable)?);
    Ok(state.transaction(|tx| {
        let rows = tx.query(
            &format!("{COLUMNS} WHERE id = ?1 AND person = ?2 AND gone IS NULL"),
            &[id.into(), person.into()],
        )?;
        let Some(way) = rows.first().map(of_row) else { return Ok(None) };
        tx.execute(
            "UPDATE way SET code = ?2, code_salt = ?3, code_until = ?4, code_tries = 0 WHERE id = ?1",
            &[id.into(), digest(&salt, &code).into(), salt.as_str().into(), now.plus(CODE_SECONDS).0.into()],
        )?;
        Ok(Some((way, code)))
    })?)
}

/// The code has come back, or something else.
pub fn confirm_way(
    state: &StateStore,
    person: &str,
    id: i64,
    typed: &str,
    now: Timestamp,
) -> Result<Typed, StateError> {
    state.transaction(|tx| {
        let rows = tx.query(
            "SELECT code, code_salt, code_until, code_tries FROM way WHERE id = ?1 AND person = ?2",
            &[id.into(), person.into()],
        )?;
        let Some(row) = rows.first() else { return Ok(Typed::Unknown) };
        let tries = row.integer(3) + 1;
        if row.is_null(0) || row.integer(2) < now.0 || tries > CODE_TRIES {
            return Ok(Typed::NoCode);
        }
        if !are_equal(row.bytes(0), &digest(row.text(1), typed)) {
            tx.execute("UPDATE way SET code_tries = ?2 WHERE id = ?1", &[id.into(), tries.into()])?;
            return Ok(Typed::Wrong { left: CODE_TRIES - tries });
        }
        tx.execute("UPDATE way SET code = NULL, confirmed = ?2 WHERE id = ?1", &[id.into(), now.0.into()])?;
        Ok(Typed::Right)
    })
}

/// Six digits, each number as likely as any other.
fn random_code() -> Result<String, getrandom::Error> {
    const CODES: u32 = 1_000_000;
    /// What lies beyond the last whole million would make some codes likelier.
    const FAIR: u32 = u32::MAX / CODES * CODES;
    loop {
        let drawn = getrandom::u32()?;
        if drawn < FAIR {
            return Ok(format!("{:06}", drawn % CODES));
        }
    }
}

fn digest(salt: &str, code: &str) -> Vec<u8> {
    Sha256::digest([salt.as_bytes(), code.trim().as_bytes()].concat()).to_vec()
}

/// Takes as long wherever they differ.
fn are_equal(a: &[u8], b: &[u8]) -> bool {
    let differing = a.iter().zip(b).fold(0, |all, (a, b)| black_box(all | (a ^ b)));
    a.len() == b.len() && differing == 0
}
