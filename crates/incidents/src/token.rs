//! Links that acknowledge an incident in a contact's name: whoever has one may, and nobody can make one. And those that show
//! an incident's graph, and can do nothing else: chats and providers keep them.
//!
//! `1`, the incident's number (8 bytes, big endian), the contact's name (none for a graph), 16 bytes of HMAC-SHA256 over
//! those; all in base64 for addresses. Each use has a key of its own, so that no link of one is a link of the other.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use ring::hmac;

use crate::incident::IncidentId;

const VERSION: u8 = 1;
/// As long as guessing takes for ever, and a link stays on one line.
const SEAL: usize = 16;
/// What is longer was made by nobody here.
const LONGEST: usize = 1_000;

const ACKNOWLEDGE: &[u8] = b"bellwether acknowledge link";
const GRAPH: &[u8] = b"bellwether graph of an incident";

pub fn make(secret: &[u8], incident: IncidentId, contact: &str) -> String {
    sealed(&key(secret, ACKNOWLEDGE), incident, contact)
}

/// The incident and the contact, if we have made it.
pub fn read(secret: &[u8], token: &str) -> Option<(IncidentId, String)> {
    opened(&key(secret, ACKNOWLEDGE), token)
}

pub fn make_graph(secret: &[u8], incident: IncidentId) -> String {
    sealed(&key(secret, GRAPH), incident, "")
}

pub fn read_graph(secret: &[u8], token: &str) -> Option<IncidentId> {
    opened(&key(secret, GRAPH), token).map(|(incident, _)| incident)
}

fn sealed(key: &hmac::Key, incident: IncidentId, contact: &str) -> String {
    let mut bytes = vec![VERSION];
    bytes.extend(incident.to_be_bytes());
    bytes.extend(contact.as_bytes());
    let seal = hmac::sign(key, &bytes);
    bytes.extend(&seal.as_ref()[..SEAL]);
    BASE64.encode(bytes)
}

fn opened(key: &hmac::Key, token: &str) -> Option<(IncidentId, String)> {
    if token.len() > LONGEST {
        return None;
    }
    let bytes = BASE64.decode(token).ok()?;
    let (said, seal) = bytes.split_at_checked(bytes.len().checked_sub(SEAL)?)?;
    let made = hmac::sign(key, said);
    // As long for every wrong seal, so that none can be found byte by byte.
    let wrong = made.as_ref().iter().zip(seal).fold(0, |wrong, (a, b)| wrong | (a ^ b));
    let (VERSION, rest) = said.split_first().map(|(version, rest)| (*version, rest))? else { return None };
    let (incident, contact) = rest.split_first_chunk::<8>()?;
    let contact = String::from_utf8(contact.to_vec()).ok()?;
    (wrong == 0).then(|| (IncidentId::from_be_bytes(*incident), contact))
}

fn key(secret: &[u8], purpose: &[u8]) -> hmac::Key {
    // Of the server's one secret each use has a key of its own.
    let own = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), purpose);
    hmac::Key::new(hmac::HMAC_SHA256, own.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_made_here_is_read() {
        let token = make(b"secret", 12, "ana ü");
        assert_eq!(read(b"secret", &token), Some((12, "ana ü".into())));
        assert_eq!(read(b"other", &token), None);
        for place in 0..token.len() {
            let mut other = token.clone().into_bytes();
            other[place] = if other[place] == b'A' { b'B' } else { b'A' };
            let other = String::from_utf8(other).unwrap();
            assert_eq!(read(b"secret", &other), None, "{place}");
        }
        for nonsense in ["", "A", "AQ", "====", "ü", &"A".repeat(100_000)] {
            assert_eq!(read(b"secret", nonsense), None, "{nonsense:.20}");
        }
    }

    #[test]
    fn a_link_to_a_graph_is_no_other_link() {
        let graph = make_graph(b"secret", 12);
        assert_eq!(read_graph(b"secret", &graph), Some(12));
        assert_eq!((read_graph(b"other", &graph), read(b"secret", &graph)), (None, None));
        assert_eq!(read_graph(b"secret", &make(b"secret", 12, "")), None);
        assert_ne!(graph, make_graph(b"secret", 13));
    }
}
