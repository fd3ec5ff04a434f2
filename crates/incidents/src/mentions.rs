//! `@name` in a note or a comment: that contact is paged with it, whatever their hours are. It is no word of trouble, and changes
//! nothing in who is told of what.

use std::sync::Arc;

use vocabulary::Timestamp;

use crate::book::{Book, Contact};
use crate::core::Incidents;
use crate::deeds::Reached;
use crate::desk::Desk;
use crate::incident::{Entry, Incident, IncidentId};
use crate::limits::{MAX_MISSED_MENTIONS, MAX_NAMED_CONTACTS, MAX_NOTE, MAX_TEXT, cut};
use crate::page::{Message, PageKind};
use crate::people::{Refusal, check_text};

/// Whom a note names.
#[derive(Debug, Default)]
pub(crate) struct Mentioned {
    pub reached: Vec<Reached>,
    /// Words that look like somebody and reach nobody, each with why.
    pub missed: Vec<String>,
}

impl Incidents {
    /// A note on an incident that is in memory.
    pub(crate) fn note(
        &mut self,
        id: IncidentId,
        by: &str,
        text: &str,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let mentioned = self.mentioned(by, text)?;
        let Some(incident) = self.live.get(&id) else { return Err(Refusal::Unknown) };
        let messages = self.mentions(incident, by, text, &mentioned, now);
        self.note_down(id, by, text, &mentioned, &messages, now);
        Ok(())
    }

    /// A note on one that memory has let go of.
    pub(crate) fn note_on_old(
        &mut self,
        incident: &Incident,
        by: &str,
        text: &str,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let mentioned = self.mentioned(by, text)?;
        let messages = self.mentions(incident, by, text, &mentioned, now);
        self.note_down(incident.id, by, text, &mentioned, &messages, now);
        Ok(())
    }

    fn note_down(
        &mut self,
        id: IncidentId,
        by: &str,
        text: &str,
        mentioned: &Mentioned,
        messages: &[Message],
        now: Timestamp,
    ) {
        self.write_anywhere(id, Entry { at: now, kind: "note", who: by.into(), text: text.into() });
        for ((contact, channels), message) in mentioned.reached.iter().zip(messages) {
            self.page(Some(id), PageKind::Mention, contact, channels, message, now);
        }
        if !mentioned.missed.is_empty() {
            let text = format!("not paged: {}", mentioned.missed.join("; "));
            self.write_anywhere(id, Entry { at: now, kind: "page", who: String::new(), text });
        }
    }

    /// One for each who is reached, in words that are for them.
    fn mentions(
        &self,
        incident: &Incident,
        by: &str,
        text: &str,
        mentioned: &Mentioned,
        now: Timestamp,
    ) -> Vec<Message> {
        let message = self.mention(incident, by, text, now);
        let own = |contact: &str| self.in_words_for(contact, incident, &message);
        let reached = mentioned.reached.iter();
        reached.map(|(contact, _)| own(contact).unwrap_or_else(|| message.clone())).collect()
    }

    fn mention(&self, incident: &Incident, by: &str, text: &str, now: Timestamp) -> Message {
        let worst = incident.bad().max_by_key(|(_, trouble)| trouble.state.badness());
        let mut message = match worst {
            Some((key, trouble)) => self.message(incident, key, trouble, self.book.about(key)),
            None => self.message_of_end(incident, now),
        };
        message.author = by.to_owned();
        message.comment = cut(text, MAX_TEXT).to_owned();
        message
    }

    /// Nobody is paged for what they say themselves.
    pub(crate) fn mentioned(&self, by: &str, text: &str) -> Result<Mentioned, Refusal> {
        check_text("text", text, MAX_NOTE)?;
        if text.trim().is_empty() {
            return Err(Refusal::Bad("a note needs a text".into()));
        }
        let named = named(text, &self.book);
        if named.known.len() > MAX_NAMED_CONTACTS {
            return Err(Refusal::Bad(format!("a note mentions {MAX_NAMED_CONTACTS} contacts at most")));
        }
        let mut found = Mentioned::default();
        for name in named.known.into_iter().filter(|name| **name != *by) {
            let channels = self.ways_of_mention(&name);
            match (channels.is_empty(), self.channels_of(&name).is_empty()) {
                (false, _) => found.reached.push((name, channels)),
                (true, true) => found.missed.push(format!("@{name} has no channel")),
                (true, false) => found.missed.push(format!("@{name} is reached by telephone only")),
            }
        }
        found.missed.extend(named.unknown.iter().map(|word| format!("@{word} is no contact")));
        found.missed.truncate(MAX_MISSED_MENTIONS);
        Ok(found)
    }

    /// The first by which such a thing is said.
    fn ways_of_mention(&self, contact: &str) -> Vec<Arc<str>> {
        let says = |channel: &Arc<str>| self.book.says(channel, PageKind::Mention);
        let mut ways = self.first_ways(contact);
        ways.retain(says);
        if ways.is_empty() {
            ways = self.channels_of(contact);
            ways.retain(says);
        }
        ways
    }
}

impl Desk {
    /// Whom a mention reaches, by name.
    pub fn mentionable(&self) -> Vec<String> {
        let inner = self.inner.lock();
        let contacts = inner.incidents.book().contacts.iter();
        let book = inner.incidents.book();
        let is_told = |contact: &Contact| contact.channels.iter().any(|it| book.says(it, PageKind::Mention));
        let reached = contacts.filter(|(_, contact)| is_told(contact));
        let mut names: Vec<String> = reached.map(|(name, _)| name.to_string()).collect();
        names.sort();
        names
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Named {
    known: Vec<Arc<str>>,
    unknown: Vec<String>,
}

/// The `@` of a mail address names nobody: it stands within a word.
fn named(text: &str, book: &Book) -> Named {
    let mut found = Named::default();
    for (at, _) in text.match_indices('@') {
        if text[..at].chars().next_back().is_some_and(is_of_address) {
            continue;
        }
        let rest = &text[at + 1..];
        match contact(rest, book) {
            Some(name) if !found.known.contains(name) => found.known.push(name.clone()),
            Some(_) => {}
            None => {
                let word = word(rest);
                if !word.is_empty() && !found.unknown.iter().any(|known| known == word) {
                    found.unknown.push(cut(word, MAX_SHOWN_WORD).to_owned());
                }
            }
        }
    }
    found
}

/// Of a word that is no name, in the line that says so.
const MAX_SHOWN_WORD: usize = 50;

fn is_of_address(before: char) -> bool {
    before.is_alphanumeric() || matches!(before, '.' | '_' | '-' | '+' | '@' | '/')
}

/// The longest name that this begins with: names may have blanks. Small and capital letters count the same, unless two
/// are called so.
fn contact<'b>(rest: &str, book: &'b Book) -> Option<&'b Arc<str>> {
    let begins = |name: &&Arc<str>| {
        let head = rest.get(..name.len());
        head.is_some_and(|head| head.eq_ignore_ascii_case(name)) && is_end(&rest[name.len()..])
    };
    book.contacts
        .keys()
        .filter(|name| !name.is_empty())
        .filter(begins)
        .max_by_key(|name| (name.len(), rest.starts_with(&***name), std::cmp::Reverse((*name).clone())))
}

/// `@ana-maria` and `@ana.b` are not `@ana`; `@ana.` and `@ana's` are.
fn is_end(tail: &str) -> bool {
    let mut tail = tail.chars();
    match tail.next() {
        None => true,
        Some('.' | '-' | '@') => !tail.next().is_some_and(char::is_alphanumeric),
        Some(next) => !next.is_alphanumeric() && next != '_',
    }
}

/// What looks like a name: it begins with a letter.
fn word(rest: &str) -> &str {
    let is_of_word = |next: char| next.is_alphanumeric() || matches!(next, '_' | '-' | '.');
    if !rest.starts_with(char::is_alphabetic) {
        return "";
    }
    let end = rest.find(|next| !is_of_word(next)).unwrap_or(rest.len());
    rest[..end].trim_end_matches(['.', '-'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, known: &[&str], unknown: &[&str]) {
        let mut book = Book::default();
        for name in ["ana", "ana maria", "Ben", "ben", "Zoë", "on-call"] {
            book.contacts.insert(name.into(), Contact::default());
        }
        let found = named(text, &book);
        let shown: Vec<&str> = found.known.iter().map(|name| &**name).collect();
        assert_eq!(
            (shown, found.unknown),
            (known.to_vec(), unknown.iter().map(ToString::to_string).collect())
        );
    }

    #[test]
    fn a_note_names_whom_it_names() {
        check("nothing", &[], &[]);
        check("@ana", &["ana"], &[]);
        check("ask @ana, or @Ana's friend @ana.", &["ana"], &[]);
        check("@ana maria knows, (@on-call)", &["ana maria", "on-call"], &[]);
        check("@ben and @Ben", &["ben", "Ben"], &[]);
        check("@BEN", &["Ben"], &[]);
        check("@Zoë, @zoë", &["Zoë"], &[]);
        check("@ana-maria @ana.b @anabel @ana_", &[], &["ana-maria", "ana.b", "anabel", "ana_"]);
        check("write to ana@example.org or cc @ana@example.org", &[], &["ana"]);
        check("@ @@ana @1 rate@5/s @", &[], &[]);
        check("@carl. @carl!", &[], &["carl"]);
    }
}
