//! Which batches of sketches were taken, by sender: told again after a crash, they would count twice.
//!
//! A mark lies in the same record of the log as the sketches of its batch, so both survive or neither does. Before
//! segments of the log go, the whole table is put into the manifest. `docs/formats/wal.md` tells the rule.

use std::collections::BTreeMap;

use vocabulary::ports::BatchMark;
use vocabulary::{Applied, Timestamp};

use crate::bytes::{Malformed, Reader, put_signed, put_varint};
use crate::limits::{MARKS_PARTLY_MAX, MARKS_SENDERS_MAX};

/// Rows of a batch are taken in this order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowKey {
    pub name: Vec<u8>,
    pub time: i64,
}

/// What a record of the log says about the batch whose sketches it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    pub sender: String,
    pub number: u64,
    pub settled: u64,
    pub at: Timestamp,
    /// The last row of the batch that is in the log with this record; `None`: all of them are.
    pub through: Option<RowKey>,
}

impl Mark {
    pub fn new(of: BatchMark<'_>, at: Timestamp, through: Option<RowKey>) -> Mark {
        Mark { sender: of.sender.to_owned(), number: of.number, settled: of.settled, at, through }
    }

    pub fn put(&self, out: &mut Vec<u8>) {
        put_bytes(out, self.sender.as_bytes());
        put_varint(out, self.number);
        put_varint(out, self.settled);
        put_signed(out, self.at.0);
        out.push(u8::from(self.through.is_some()));
        if let Some(through) = &self.through {
            put_row_key(out, through);
        }
    }

    pub fn read(reader: &mut Reader<'_>) -> Result<Mark, Malformed> {
        let sender = take_text(reader)?;
        let (number, settled) = (reader.varint()?, reader.varint()?);
        let at = Timestamp(reader.signed()?);
        let through = match reader.u8()? {
            0 => None,
            1 => Some(take_row_key(reader)?),
            _ => return Err(Malformed),
        };
        Ok(Mark { sender, number, settled, at, through })
    }
}

/// How much of a batch was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    Nothing,
    /// Its rows up to and with this one.
    Through(RowKey),
    Whole,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Marks(BTreeMap<String, Sender>);

#[derive(Clone, Debug, Default, PartialEq)]
struct Sender {
    whole: Applied,
    /// Batches in the middle of which the process was killed, and how far they got.
    partly: BTreeMap<u64, RowKey>,
    /// The clock at the last batch.
    at: i64,
}

impl Marks {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn taken(&self, sender: &str, number: u64) -> Taken {
        let Some(sender) = self.0.get(sender) else { return Taken::Nothing };
        if sender.whole.contains(number) {
            return Taken::Whole;
        }
        sender.partly.get(&number).map_or(Taken::Nothing, |key| Taken::Through(key.clone()))
    }

    pub fn last_batch(&self, sender: &str) -> u64 {
        let Some(sender) = self.0.get(sender) else { return 0 };
        let partly = sender.partly.last_key_value().map(|(number, _)| *number);
        sender.whole.last().max(partly).unwrap_or(0)
    }

    pub fn note(&mut self, mark: &Mark) {
        if !self.0.contains_key(&mark.sender) && self.0.len() >= MARKS_SENDERS_MAX {
            self.forget_the_longest_silent();
        }
        let sender = self.0.entry(mark.sender.clone()).or_default();
        sender.at = sender.at.max(mark.at.0);
        // First this, so that the newest number stays whatever `settled` says: see `last_batch`.
        sender.whole.forget_below(mark.settled);
        sender.partly = sender.partly.split_off(&mark.settled);
        match &mark.through {
            Some(through) => drop(sender.partly.insert(mark.number, through.clone())),
            None => {
                sender.partly.remove(&mark.number);
                sender.whole.insert(mark.number);
            }
        }
        while sender.partly.len() > MARKS_PARTLY_MAX {
            sender.partly.pop_first();
        }
    }

    fn forget_the_longest_silent(&mut self) {
        let longest = self.0.iter().min_by_key(|(_, sender)| sender.at).map(|(name, _)| name.clone());
        if let Some(name) = longest {
            self.0.remove(&name);
        }
    }

    pub fn put(&self, out: &mut Vec<u8>) {
        put_varint(out, self.0.len() as u64);
        for (name, sender) in &self.0 {
            put_bytes(out, name.as_bytes());
            put_signed(out, sender.at);
            put_bytes(out, sender.whole.to_string().as_bytes());
            put_varint(out, sender.partly.len() as u64);
            for (number, key) in &sender.partly {
                put_varint(out, *number);
                put_row_key(out, key);
            }
        }
    }

    pub fn read(reader: &mut Reader<'_>) -> Result<Marks, Malformed> {
        let mut marks = Marks::default();
        for _ in 0..reader.varint()? {
            let name = take_text(reader)?;
            let at = reader.signed()?;
            let whole = Applied::parse(&take_text(reader)?);
            let mut partly = BTreeMap::new();
            for _ in 0..reader.varint()? {
                let number = reader.varint()?;
                partly.insert(number, take_row_key(reader)?);
            }
            marks.0.insert(name, Sender { whole, partly, at });
        }
        Ok(marks)
    }
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn take_bytes(reader: &mut Reader<'_>) -> Result<Vec<u8>, Malformed> {
    let length = reader.small()?;
    Ok(reader.take(length)?.to_vec())
}

fn take_text(reader: &mut Reader<'_>) -> Result<String, Malformed> {
    String::from_utf8(take_bytes(reader)?).map_err(|_| Malformed)
}

fn put_row_key(out: &mut Vec<u8>, key: &RowKey) {
    put_bytes(out, &key.name);
    put_signed(out, key.time);
}

fn take_row_key(reader: &mut Reader<'_>) -> Result<RowKey, Malformed> {
    Ok(RowKey { name: take_bytes(reader)?, time: reader.signed()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(sender: &str, number: u64, settled: u64, through: Option<&str>) -> Mark {
        let through = through.map(|name| RowKey { name: name.into(), time: -7 });
        Mark { sender: sender.into(), number, settled, at: Timestamp(number as i64), through }
    }

    fn again(marks: &Marks) -> Marks {
        let mut bytes = Vec::new();
        marks.put(&mut bytes);
        let mut reader = Reader::new(&bytes);
        let read = Marks::read(&mut reader).unwrap();
        assert!(reader.is_empty());
        (0..bytes.len()).for_each(|cut| assert!(Marks::read(&mut Reader::new(&bytes[..cut])).is_err()));
        read
    }

    #[test]
    fn what_was_taken_is_known_until_it_is_settled() {
        let mut marks = Marks::default();
        assert_eq!((marks.taken("web1", 5), marks.last_batch("web1")), (Taken::Nothing, 0));
        marks.note(&mark("web1", 5, 1, Some("b")));
        let Taken::Through(key) = marks.taken("web1", 5) else { panic!("a part of it") };
        assert_eq!((key.name, key.time), (b"b".to_vec(), -7));
        marks.note(&mark("web1", 9, 1, None));
        marks.note(&mark("web1", 5, 1, None));
        assert_eq!(again(&marks), marks);
        let taken = |marks: &Marks| [4, 5, 6, 9].map(|number| marks.taken("web1", number) == Taken::Whole);
        assert_eq!(taken(&marks), [false, true, false, true]);
        assert_eq!(marks.taken("web2", 5), Taken::Nothing, "another sender's numbers are its own");
        marks.note(&mark("web1", 10, 9, None));
        assert_eq!(
            taken(&marks),
            [false, false, false, true],
            "what is settled is told no more, and forgotten"
        );
        assert_eq!(marks.last_batch("web1"), 10);
    }

    #[test]
    fn the_table_is_bounded() {
        let mut marks = Marks::default();
        for number in 0..MARKS_SENDERS_MAX as u64 + 10 {
            marks.note(&mark(&format!("s{number}"), number, 0, None));
        }
        assert_eq!(marks.0.len(), MARKS_SENDERS_MAX);
        assert_eq!(marks.taken("s9", 9), Taken::Nothing, "the longest silent one went");
        assert_eq!(marks.taken("s10", 10), Taken::Whole);
        for number in 0..100 {
            marks.note(&mark("s10", number + 20, 0, Some("x")));
        }
        assert_eq!(marks.0["s10"].partly.len(), MARKS_PARTLY_MAX);
        assert_eq!(again(&marks), marks);
    }
}
