//! Events of errors on their way between the rooms: what names one, and its body as it is kept.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Timestamp;

/// Drawn by whoever sends the event; unique within a project.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(pub [u8; 16]);

impl EventId {
    /// 8-4-4-4-12 digits: crash clients want their answer so.
    pub fn dashed(self) -> String {
        let text = self.to_string();
        [&text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..]].join("-")
    }

    /// All zeros mean "none" to those who send them.
    pub fn is_zero(self) -> bool {
        self.0 == [0; 16]
    }
}

/// 32 digits, lower case.
impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// 32 hexadecimal digits of any case, with dashes anywhere.
impl FromStr for EventId {
    type Err = String;

    fn from_str(text: &str) -> Result<EventId, String> {
        let bad = || "an event id is 32 hexadecimal digits, with or without dashes".to_owned();
        let mut bytes = [0; 16];
        let mut digits = 0;
        for byte in text.bytes().filter(|byte| *byte != b'-') {
            let digit = char::from(byte).to_digit(16).ok_or_else(bad)? as u8;
            let place: &mut u8 = bytes.get_mut(digits / 2).ok_or_else(bad)?;
            *place = *place << 4 | digit;
            digits += 1;
        }
        if digits == 32 { Ok(EventId(bytes)) } else { Err(bad()) }
    }
}

impl Serialize for EventId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EventId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<EventId, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Where an event belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventKey {
    pub project: u64,
    pub group: u64,
    pub at: Timestamp,
    pub id: EventId,
}

/// An event to be kept.
#[derive(Clone, Copy, Debug)]
pub struct EventBody<'a> {
    pub key: EventKey,
    /// A hash of who had it, so that one user's events can be erased.
    pub user: Option<u64>,
    pub body: &'a [u8],
}

/// An event that was kept. `key.group` is the group that it belongs to by now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// Rises from event to event of the whole log, for ever.
    pub number: u64,
    pub key: EventKey,
    pub user: Option<u64>,
    pub body: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use super::EventId;

    #[test]
    fn ids_are_read_with_and_without_dashes() {
        let id: EventId = "fc6d8c0c43fc4630ad850ee518f1b9d0".parse().unwrap();
        assert_eq!("FC6D8C0C-43fc-4630-ad85-0ee518f1b9d0".parse(), Ok(id));
        assert_eq!(id.to_string(), "fc6d8c0c43fc4630ad850ee518f1b9d0");
        assert_eq!(id.dashed(), "fc6d8c0c-43fc-4630-ad85-0ee518f1b9d0");
        assert!(!id.is_zero() && EventId::default().is_zero());
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for text in
            ["", "-", "fc6d8c0c43fc4630ad850ee518f1b9d", "fc6d8c0c43fc4630ad850ee518f1b9d00", "xy", "é"]
        {
            assert!(text.parse::<EventId>().is_err(), "{text}");
        }
    }
}
