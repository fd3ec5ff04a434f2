//! Ways by which a person is reached: said by that person, and used once a code that was sent through it has come back.

use std::hint::black_box;

use sha2::{Digest, Sha256};
use state_store::{Row, StateError, StateStore, Transaction};
use vocabulary::Timestamp;

use crate::AccountError;
use crate::config::is_name;
use crate::limits::{
    CODE_PAUSE_SECONDS, CODE_SECONDS, CODE_TRIES, CODES_AN_HOUR, CODES_AN_HOUR_TO_A_PHONE, LONGEST_WAY,
    MAX_WAYS, PHONE_CODES_AN_HOUR,
};
use crate::secrets::random_secret;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MIGRATIONS, Role, remove_person, set_person};

    const NOW: Timestamp = Timestamp(1_700_000_000);

    fn state() -> (tempfile::TempDir, StateStore) {
        let directory = tempfile::tempdir().unwrap();
        let state = StateStore::open(&directory.path().join("state.db"), &[MIGRATIONS]).unwrap();
        set_person(&state, "ana", "correct horse", Role::Responder, NOW).unwrap();
        (directory, state)
    }

    fn wanted(id: Option<i64>, kind: &str, address: Option<&str>) -> WantedWay {
        let address = address.map(str::to_owned);
        WantedWay { id, kind: kind.into(), address, label: String::new(), channel: None }
    }

    fn only(state: &StateStore) -> Way {
        let mut all = ways(state, "ana").unwrap();
        assert_eq!(all.len(), 1);
        all.remove(0)
    }

    #[test]
    fn a_way_counts_once_its_code_has_come_back() {
        let (_directory, state) = state();
        set_ways(&state, "ana", &[wanted(None, "ntfy", Some("t1"))], NOW).unwrap();
        let way = only(&state);
        assert!(way.confirmed.is_none() && confirmed_ways(&state).unwrap().is_empty());
        assert_eq!(confirm_way(&state, "ana", way.id, "000000", NOW).unwrap(), Typed::NoCode);
        let (_, code) = new_code(&state, "ana", way.id, NOW).unwrap().unwrap();
        assert!(code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()), "{code}");
        assert!(new_code(&state, "ben", way.id, NOW).unwrap().is_none(), "not his");
        assert_eq!(confirm_way(&state, "ben", way.id, &code, NOW).unwrap(), Typed::Unknown);
        assert_eq!(
            confirm_way(&state, "ana", way.id, "x", NOW).unwrap(),
            Typed::Wrong { left: CODE_TRIES - 1 }
        );
        let late = NOW.plus(CODE_SECONDS + 1);
        assert_eq!(confirm_way(&state, "ana", way.id, &code, late).unwrap(), Typed::NoCode);
        let typed = format!(" {code}\n");
        assert_eq!(confirm_way(&state, "ana", way.id, &typed, NOW.plus(CODE_SECONDS)).unwrap(), Typed::Right);
        assert_eq!(confirm_way(&state, "ana", way.id, &code, NOW).unwrap(), Typed::NoCode, "only once");
        assert_eq!(confirmed_ways(&state).unwrap()[0].id, way.id);
    }

    #[test]
    fn a_code_is_not_guessed() {
        let (_directory, state) = state();
        set_ways(&state, "ana", &[wanted(None, "ntfy", Some("t1"))], NOW).unwrap();
        let way = only(&state);
        let (_, code) = new_code(&state, "ana", way.id, NOW).unwrap().unwrap();
        for left in (0..CODE_TRIES).rev() {
            assert_eq!(confirm_way(&state, "ana", way.id, "nonsense", NOW).unwrap(), Typed::Wrong { left });
        }
        assert_eq!(confirm_way(&state, "ana", way.id, &code, NOW).unwrap(), Typed::NoCode);
        for sent in 0..CODES_AN_HOUR {
            let at = NOW.plus(sent * CODE_PAUSE_SECONDS);
            may_send(&state, &way, at).unwrap();
            assert!(may_send(&state, &way, at.plus(CODE_PAUSE_SECONDS - 1)).is_err(), "too soon");
        }
        let full = NOW.plus(CODES_AN_HOUR * CODE_PAUSE_SECONDS);
        assert!(may_send(&state, &way, full).is_err() && may_send(&state, &way, NOW.plus(3_600)).is_ok());
    }

    #[test]
    fn what_leads_elsewhere_is_confirmed_again() {
        let (_directory, state) = state();
        set_ways(&state, "ana", &[wanted(None, "ntfy", Some("t1"))], NOW).unwrap();
        let way = only(&state);
        let confirmed = |state: &StateStore| {
            let (_, code) = new_code(state, "ana", way.id, NOW).unwrap().unwrap();
            assert_eq!(confirm_way(state, "ana", way.id, &code, NOW).unwrap(), Typed::Right);
        };
        confirmed(&state);
        note_test(&state, &way, "", NOW).unwrap();
        set_ways(&state, "ana", &[wanted(Some(way.id), "ntfy", None)], NOW.plus(1)).unwrap();
        assert!(only(&state).confirmed.is_some() && only(&state).tested.is_some(), "nothing has changed");
        set_ways(&state, "ana", &[wanted(Some(way.id), "ntfy", Some("t2"))], NOW.plus(2)).unwrap();
        assert!(only(&state).confirmed.is_none() && only(&state).tested.is_none());
        confirmed(&state);
        assert!(!lose_way(&state, "ana", "ntfy", "t1", NOW).unwrap());
        assert!(lose_way(&state, "ana", "ntfy", "t2", NOW).unwrap() && only(&state).gone.is_some());
        assert!(new_code(&state, "ana", way.id, NOW).unwrap().is_none(), "there is nobody to send one to");
        set_ways(&state, "ana", &[], NOW).unwrap();
        assert!(ways(&state, "ana").unwrap().is_empty());
    }

    #[test]
    fn mistakes_are_told_at_their_place() {
        let (_directory, state) = state();
        let check = |wanted: &[WantedWay], expected: &str| {
            let why = set_ways(&state, "ana", wanted, NOW).unwrap_err().to_string();
            assert!(why.contains(expected), "{why}");
        };
        check(&[wanted(None, "ntfy", None)], "ways.0.address: this is missing");
        check(&[wanted(Some(7), "ntfy", Some("t"))], "there is no way 7");
        check(&[wanted(Some(7), "ntfy", Some("t")), wanted(Some(7), "ntfy", Some("t"))], "ways.1.id");
        check(&vec![wanted(None, "ntfy", Some("t")); MAX_WAYS + 1], "at most");
        set_ways(&state, "ana", &[wanted(None, "ntfy", Some("t"))], NOW).unwrap();
        assert!(remove_person(&state, "ana").unwrap() && ways(&state, "ana").unwrap().is_empty());
    }

    fn phone_of(state: &StateStore, person: &str, kind: &str, number: &str) -> Way {
        set_person(state, person, "correct horse", Role::Responder, NOW).unwrap();
        set_ways(state, person, &[wanted(None, kind, Some(number))], NOW).unwrap();
        ways(state, person).unwrap().remove(0)
    }

    #[test]
    fn a_strangers_telephone_is_not_rung_by_many() {
        let (_directory, state) = state();
        for index in 0..CODES_AN_HOUR_TO_A_PHONE {
            let kind = if index % 2 == 0 { "sms" } else { "voice" };
            let number = if index % 2 == 0 { "+491701234567" } else { "+49 170 1234567" };
            may_send(&state, &phone_of(&state, &format!("p{index}"), kind, number), NOW).unwrap();
        }
        let another = phone_of(&state, "another", "sms", "+491701234567");
        let refused = may_send(&state, &another, NOW).unwrap_err();
        assert!(matches!(&refused, AccountError::TooSoon(why) if why.contains("this number")), "{refused}");
        // Taking the people out who asked does not begin it anew.
        (0..CODES_AN_HOUR_TO_A_PHONE)
            .for_each(|index| assert!(remove_person(&state, &format!("p{index}")).unwrap()));
        assert!(may_send(&state, &another, NOW.plus(3_599)).is_err());
        // Whoever has shown that it is theirs tries it, and other numbers have codes of their own.
        may_send(&state, &Way { confirmed: Some(1), ..another.clone() }, NOW).unwrap();
        may_send(&state, &phone_of(&state, "third", "sms", "+491709999999"), NOW).unwrap();
        may_send(&state, &another, NOW.plus(3_600)).unwrap();
    }

    #[test]
    fn texts_and_calls_are_bounded_for_all_together() {
        let (_directory, state) = state();
        for index in 0..PHONE_CODES_AN_HOUR {
            let way = phone_of(&state, &format!("p{index}"), "sms", &format!("+49170{index}"));
            may_send(&state, &way, NOW).unwrap();
        }
        let last = phone_of(&state, "last", "voice", "+4930");
        assert!(may_send(&state, &last, NOW).unwrap_err().to_string().contains("all people together"));
        set_ways(&state, "last", &[wanted(None, "ntfy", Some("t"))], NOW).unwrap();
        may_send(&state, &ways(&state, "last").unwrap()[0], NOW).unwrap();
    }
}
