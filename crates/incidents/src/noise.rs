//! What pages for nothing: what became of each reason's incidents, and what people say of them.

use std::collections::BTreeMap;

use state_store::{Row, StateError};
use vocabulary::Timestamp;

use crate::deeds::DECLARED;
use crate::desk::{Desk, Failed};
use crate::incident::IncidentId;
use crate::people::{Deed, Refusal};
use crate::store::{INCIDENT, incident_of, one};

/// Of one reason, such as `monitor:NAME`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Noise {
    pub incidents: u64,
    /// Words of trouble, one for each contact and channel.
    pub pages: u64,
    /// Ended before anybody did anything.
    pub self_healed: u64,
    pub acknowledged: u64,
    /// Judged so by people.
    pub useful: u64,
    pub useless: u64,
    /// Of those that were useful.
    pub too_late: u64,
}

/// What people opened is of one kind, whatever number or key each has; else the reason itself.
pub fn by_hand(reason: &str) -> &str {
    match reason.strip_prefix(DECLARED) {
        Some(key) if key.starts_with("key:911/") => "911",
        Some(_) => "declared",
        None => reason,
    }
}

/// Was it worth being told of?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worth {
    Useful,
    /// It was, and the word of it came too late.
    TooLate,
    Useless,
}

impl Worth {
    /// As the table has it.
    pub(crate) fn of(useful: bool, too_late: bool) -> Worth {
        match (useful, too_late) {
            (true, true) => Worth::TooLate,
            (true, false) => Worth::Useful,
            (false, _) => Worth::Useless,
        }
    }

    pub fn is_useful(self) -> bool {
        self != Worth::Useless
    }

    pub fn word(self) -> &'static str {
        match self {
            Worth::Useful => "useful",
            Worth::TooLate => "too late",
            Worth::Useless => "not useful",
        }
    }
}

/// What was said of an incident last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    pub worth: Worth,
    pub who: String,
}

impl Noise {
    /// What comes first is what is most worth changing: judged useless, then paging much, above all for what nobody
    /// had to deal with.
    pub fn rank(&self) -> impl Ord + use<> {
        let for_nothing = self.self_healed.saturating_sub(self.acknowledged);
        std::cmp::Reverse((self.useless, self.pages, for_nothing, self.incidents))
    }
}

impl Desk {
    /// Somebody says whether it was worth being told of. It stands in the timeline; the last word counts.
    pub fn judge(
        &self,
        id: IncidentId,
        author: &str,
        worth: Worth,
        comment: &str,
        now: Timestamp,
    ) -> Result<(), Failed> {
        if one(&self.store, id)?.is_none() {
            return Err(Failed::Refused(Refusal::Unknown));
        }
        let word = worth.word();
        let separator = if comment.is_empty() { "" } else { ": " };
        self.act(id, author, &Deed::Note { text: format!("judged {word}{separator}{comment}") }, now)?;
        self.store.transaction(|tx| {
            tx.execute(
                "INSERT OR REPLACE INTO incident_verdict (incident, useful, who, at, too_late) VALUES (?1, ?2, ?3, ?4, ?5)",
                &[
                    id.into(),
                    i64::from(worth.is_useful()).into(),
                    author.into(),
                    now.0.into(),
                    i64::from(worth == Worth::TooLate).into(),
                ],
            )
        })?;
        Ok(())
    }

    pub fn verdict(&self, id: IncidentId) -> Result<Option<Judged>, StateError> {
        let sql = "SELECT useful, too_late, who FROM incident_verdict WHERE incident = ?1";
        let rows = self.store.query(sql, &[id.into()])?;
        let judged = |row: &Row| Judged {
            worth: Worth::of(row.integer(0) != 0, row.integer(1) != 0),
            who: row.text(2).to_owned(),
        };
        Ok(rows.first().map(judged))
    }

    /// Every reason's incidents that were open since then.
    pub fn noise(&self, since: Timestamp) -> Result<BTreeMap<String, Noise>, StateError> {
        let mut all: BTreeMap<String, Noise> = BTreeMap::new();
        for row in self.store.query(&format!("{INCIDENT} WHERE opened >= ?1"), &[since.0.into()])? {
            let Some(incident) = incident_of(&row) else { continue };
            let noise = all.entry(by_hand(&incident.reason).to_owned()).or_default();
            noise.incidents += 1;
            noise.self_healed += u64::from(incident.detail.self_healed);
            noise.acknowledged += u64::from(incident.detail.acknowledged.is_some());
        }
        for (reason, pages) in self.pages(since)? {
            all.entry(reason).or_default().pages += pages;
        }
        let sql = "SELECT incident.reason, incident_verdict.useful, count(*), sum(incident_verdict.too_late) FROM incident_verdict
            JOIN incident ON incident.id = incident_verdict.incident WHERE incident.opened >= ?1 GROUP BY 1, 2";
        for row in self.store.query(sql, &[since.0.into()])? {
            let noise = all.entry(by_hand(row.text(0)).to_owned()).or_default();
            let count = if row.integer(1) != 0 { &mut noise.useful } else { &mut noise.useless };
            *count += row.integer(2).unsigned_abs();
            noise.too_late += row.integer(3).unsigned_abs();
        }
        Ok(all)
    }

    /// Words of trouble by reason.
    pub fn pages(&self, since: Timestamp) -> Result<BTreeMap<String, u64>, StateError> {
        let sql = "SELECT incident.reason, count(*) FROM page JOIN incident ON incident.id = page.incident
            WHERE incident.opened >= ?1 AND page.kind IN ('problem', 'worse', 'still') GROUP BY 1";
        let mut pages: BTreeMap<String, u64> = BTreeMap::new();
        for row in self.store.query(sql, &[since.0.into()])? {
            *pages.entry(by_hand(row.text(0)).to_owned()).or_default() += row.integer(1).unsigned_abs();
        }
        Ok(pages)
    }

    /// The environment of an instance, if one is known, and whether what happens in it pages.
    pub fn environment(&self, host: bool, monitor: &str, instance: &str) -> (Option<String>, bool) {
        self.inner.lock().incidents.environment_of(host, monitor, instance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_open_is_listed_by_its_kind() {
        for (reason, named) in [
            ("declared:3", "declared"),
            ("declared:key:checkout", "declared"),
            ("declared:key:911/shop/983c49", "911"),
            ("monitor:declared", "monitor:declared"),
            ("errors:shop/1", "errors:shop/1"),
        ] {
            assert_eq!(by_hand(reason), named, "{reason}");
        }
    }
}
