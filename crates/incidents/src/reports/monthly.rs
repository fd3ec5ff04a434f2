//! Whom the report of a month was mailed: once, whatever happens to the process meanwhile.

use state_store::StateError;
use vocabulary::Timestamp;

use crate::desk::Desk;
use crate::letters::Letter;

impl Desk {
    /// `2026-10`
    pub fn month_is_mailed(&self, month: &str) -> Result<bool, StateError> {
        let rows = self.store.query("SELECT 1 FROM learnt_month WHERE month = ?1", &[month.into()])?;
        Ok(!rows.is_empty())
    }

    /// To each of these contacts by mail. Returns those who have none.
    pub fn mail_month(
        &self,
        month: &str,
        contacts: &[String],
        (subject, text): (&str, &str),
        now: Timestamp,
    ) -> Result<Vec<String>, StateError> {
        let mut letters = Vec::new();
        let mut without = Vec::new();
        for contact in contacts {
            let boxes = self.mailboxes(contact);
            if boxes.is_empty() {
                without.push(contact.clone());
            }
            letters.extend(boxes.into_iter().map(|(channel, to)| Letter {
                reader: contact.clone(),
                channel: channel.to_string(),
                to,
                subject: subject.to_owned(),
                text: text.to_owned(),
                unsubscribe: None,
            }));
        }
        self.post(&letters, now, |tx| {
            let sql = "INSERT OR REPLACE INTO learnt_month (month, at) VALUES (?1, ?2)";
            tx.execute(sql, &[month.into(), now.0.into()]).map(drop)
        })?;
        Ok(without)
    }
}
