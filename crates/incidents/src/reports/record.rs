//! What happened, as reports read it: each incident in a few numbers, and each word that was sent.

use std::collections::HashMap;

use state_store::{Row, StateError};
use vocabulary::state::State;

use crate::desk::Desk;
use crate::incident::IncidentId;
use crate::noise::Worth;
use crate::store::{BEGAN, INCIDENT, incident_of};

/// One incident, as far as reports ask.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    pub id: IncidentId,
    /// Such as `monitor:api-latency`.
    pub reason: String,
    pub title: String,
    /// When the first of it was seen bad: before we were told, where a result says so.
    pub opened: i64,
    /// When it opened here, which is when somebody could know.
    pub known: i64,
    /// When all of it was seen well. None: it is open.
    pub closed: Option<i64>,
    pub worst: State,
    pub production: bool,
    /// When somebody first had it, and who.
    pub acknowledged: Option<(i64, String)>,
    /// Words of trouble that went to people about it.
    pub pages: u64,
    pub self_healed: bool,
    /// What people said of it: was it worth being told of?
    pub judged: Option<Worth>,
}

impl Case {
    /// What people said of it; none: nothing.
    pub fn useful(&self) -> Option<bool> {
        self.judged.map(Worth::is_useful)
    }
}

/// One word of trouble to one person by one channel. What only was listed (`log`) is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    pub incident: Option<IncidentId>,
    pub contact: String,
    pub at: i64,
    /// It was given up.
    pub lost: bool,
}

/// All of one time: the incidents that began in it, and the words that were sent in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    pub cases: Vec<Case>,
    pub sent: Vec<Sent>,
    /// The oldest incident that is still kept: of the time before nothing is known. None: there never was one.
    pub begins: Option<i64>,
}

impl Desk {
    /// What happened from then until before then.
    pub fn what_happened(&self, from: i64, until: i64) -> Result<Record, StateError> {
        let span = [from.into(), until.into()];
        // Those that began in that time, which for whoever looked may be long before they opened here.
        let began_then = format!("i.opened >= ?1 AND {BEGAN} BETWEEN ?1 AND ?2 - 1");
        let sent = self.words_sent(from, until)?;
        let acknowledged = self.of_incidents(
            &format!(
                "SELECT e.incident, e.at, e.who FROM incident_entry e JOIN incident i ON i.id = e.incident
                WHERE {began_then} AND e.kind = 'acknowledged' AND e.who <> '' ORDER BY e.id DESC"
            ),
            (from, until),
            |row| (row.integer(1), row.text(2).to_owned()),
        )?;
        let pages = self.of_incidents(
            &format!(
                "SELECT p.incident, count(*) FROM page p JOIN incident i ON i.id = p.incident
                WHERE {began_then} AND p.kind IN ('problem', 'worse', 'still')
                AND p.state <> 'listed' GROUP BY 1"
            ),
            (from, until),
            |row| row.integer(1).unsigned_abs(),
        )?;
        let judged = self.of_incidents(
            &format!("SELECT v.incident, v.useful, v.too_late FROM incident_verdict v JOIN incident i ON i.id = v.incident
                WHERE {began_then}"),
            (from, until),
            |row| Worth::of(row.integer(1) != 0, row.integer(2) != 0),
        )?;
        let rows = self.store.query(&format!("{INCIDENT} AS i WHERE {began_then} ORDER BY id"), &span)?;
        let case = |row: &Row| {
            let incident = incident_of(row)?;
            Some(Case {
                opened: incident.since(),
                known: incident.opened.0,
                closed: incident.ended(),
                acknowledged: acknowledged.get(&incident.id).cloned(),
                pages: pages.get(&incident.id).copied().unwrap_or(0),
                judged: judged.get(&incident.id).copied(),
                id: incident.id,
                reason: incident.reason,
                title: incident.title,
                worst: incident.detail.worst,
                production: incident.detail.production,
                self_healed: incident.detail.self_healed,
            })
        };
        let first = self.store.query("SELECT min(opened) FROM incident", &[])?;
        Ok(Record {
            cases: rows.iter().filter_map(case).collect(),
            sent,
            begins: first.first().filter(|row| !row.is_null(0)).map(|row| row.integer(0)),
        })
    }

    /// The words of trouble of that time, in order.
    fn words_sent(&self, from: i64, until: i64) -> Result<Vec<Sent>, StateError> {
        let sent = self.store.query(
            "SELECT incident, contact, at, state FROM page
                WHERE at >= ?1 AND at < ?2 AND kind IN ('problem', 'worse', 'still') AND state <> 'listed' ORDER BY id",
            &[from.into(), until.into()],
        )?;
        Ok(sent.iter().map(word).collect())
    }

    /// What of that time being on call was like: of the incidents nothing is looked up.
    pub fn words_of(&self, from: i64, until: i64) -> Result<Record, StateError> {
        Ok(Record { sent: self.words_sent(from, until)?, ..Record::default() })
    }

    /// By incident; of several rows of one the last.
    fn of_incidents<T>(
        &self,
        sql: &str,
        (from, until): (i64, i64),
        read: impl Fn(&Row) -> T,
    ) -> Result<HashMap<IncidentId, T>, StateError> {
        let rows = self.store.query(sql, &[from.into(), until.into()])?;
        Ok(rows.iter().map(|row| (row.integer(0), read(row))).collect())
    }
}

fn word(row: &Row) -> Sent {
    Sent {
        incident: (!row.is_null(0)).then(|| row.integer(0)),
        contact: row.text(1).to_owned(),
        at: row.integer(2),
        lost: row.text(3) == "given_up",
    }
}
