//! How the last word to a contact went, by each channel: whoever plans a night sees whether the telephone would ring. And how the
//! last by a channel went, whoever it was for.

use std::sync::Arc;

use state_store::StateError;

use crate::book::LOG_CHANNEL;
use crate::desk::Desk;

/// Of one channel of a contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastWord {
    pub channel: Arc<str>,
    /// When it was delivered or given up; none: nothing was ever sent by it.
    pub at: Option<i64>,
    /// Why it was given up.
    pub error: Option<String>,
}

/// Of one channel, whoever it was for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LastOfChannel {
    pub delivered: Option<i64>,
    /// When something was given up, and why.
    pub given_up: Option<(i64, String)>,
}

impl Desk {
    /// None: there is no such contact. The channel that only lists reaches nobody.
    pub fn last_words(&self, contact: &str) -> Result<Option<Vec<LastWord>>, StateError> {
        let channels = self.inner.lock().incidents.book().contacts.get(contact).map(|it| it.channels.clone());
        let Some(channels) = channels else { return Ok(None) };
        let sent = channels.into_iter().filter(|channel| &**channel != LOG_CHANNEL);
        sent.map(|channel| self.last_word(contact, channel)).collect::<Result<_, _>>().map(Some)
    }

    fn last_word(&self, contact: &str, channel: Arc<str>) -> Result<LastWord, StateError> {
        let rows = self.store.query(
            "SELECT state, ended, error FROM page WHERE contact = ?1 AND channel = ?2 AND ended IS NOT NULL ORDER BY id DESC LIMIT 1",
            &[contact.into(), (&*channel).into()],
        )?;
        let last = rows.first();
        let given_up = last.filter(|row| row.text(0) == "given_up").map(|row| row.text(2).to_owned());
        Ok(LastWord { channel, at: last.map(|row| row.integer(1)), error: given_up })
    }

    pub fn last_of_channel(&self, channel: &str) -> Result<LastOfChannel, StateError> {
        let delivered = self.last_in_state(channel, "delivered")?.map(|(at, _)| at);
        Ok(LastOfChannel { delivered, given_up: self.last_in_state(channel, "given_up")? })
    }

    fn last_in_state(&self, channel: &str, state: &str) -> Result<Option<(i64, String)>, StateError> {
        let sql = "SELECT ended, error FROM page WHERE channel = ?1 AND state = ?2 ORDER BY id DESC LIMIT 1";
        let rows = self.store.query(sql, &[channel.into(), state.into()])?;
        Ok(rows.first().map(|row| (row.integer(0), row.text(1).to_owned())))
    }
}
