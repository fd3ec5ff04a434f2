//! Events out of one segment.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use disk::{DiskError, Doing, File};
use vocabulary::error::EventKey;

use crate::error::damaged;
use crate::limits::READ_DICTIONARIES_BYTES;
use crate::pack::Unpacker;
use crate::record::{Fetched, Loaded, Record, fetch};

/// A segment's file, as far as its records go.
#[derive(Clone)]
pub struct Records {
    pub file: Arc<dyn File>,
    pub path: PathBuf,
    pub end: u64,
}

pub struct Reader {
    records: Records,
    unpacker: Unpacker,
    /// Bodies that others were packed against, by their offset.
    dictionaries: HashMap<u32, Vec<u8>>,
    bytes: usize,
}

impl Reader {
    pub fn new(records: Records) -> Reader {
        Reader { records, unpacker: Unpacker::new(), dictionaries: HashMap::new(), bytes: 0 }
    }

    /// The one that an index says to stand there, if it is.
    pub fn event(
        &mut self,
        offset: u32,
        is_it: impl Fn(&EventKey) -> bool,
    ) -> Result<(Record, Vec<u8>), DiskError> {
        let event = self.try_event(offset, is_it);
        event.doing("reading an event of", &self.records.path)
    }

    fn try_event(&mut self, offset: u32, is_it: impl Fn(&EventKey) -> bool) -> io::Result<(Record, Vec<u8>)> {
        let loaded = self.load(offset)?;
        if !is_it(&loaded.record.key) {
            return Err(damaged("another event stands where one should be"));
        }
        Ok((loaded.record, self.body(&loaded)?))
    }

    fn load(&self, offset: u32) -> io::Result<Loaded> {
        match fetch(&*self.records.file, offset.into(), self.records.end)? {
            Fetched::Record(loaded, _) => Ok(loaded),
            Fetched::Damaged(_) => Err(damaged("the checksum of an event does not hold")),
            Fetched::Torn | Fetched::End => Err(damaged("there is no event where one should be")),
        }
    }

    pub fn body(&mut self, loaded: &Loaded) -> io::Result<Vec<u8>> {
        let Record { dictionary, body_bytes, .. } = loaded.record;
        if let Some(offset) = dictionary {
            self.hold(offset)?;
        }
        let dictionary = dictionary.and_then(|offset| self.dictionaries.get(&offset)).map(Vec::as_slice);
        self.unpacker.unpack(loaded.packed(), dictionary, body_bytes)
    }

    /// A dictionary was packed without one.
    fn hold(&mut self, offset: u32) -> io::Result<()> {
        if self.dictionaries.contains_key(&offset) {
            return Ok(());
        }
        let loaded = self.load(offset)?;
        if loaded.record.dictionary.is_some() {
            return Err(damaged("what an event was packed against is no whole event"));
        }
        let body = self.unpacker.unpack(loaded.packed(), None, loaded.record.body_bytes)?;
        if self.bytes + body.len() > READ_DICTIONARIES_BYTES {
            self.dictionaries.clear();
            self.bytes = 0;
        }
        self.bytes += body.len();
        self.dictionaries.insert(offset, body);
        Ok(())
    }
}

/// All records in the order of their numbers. What is damaged is passed over and counted.
pub struct Scan {
    records: Records,
    at: u64,
    /// Where the last record ended that could be read.
    pub sound_end: u64,
    pub damaged: u64,
}

impl Scan {
    pub fn new(records: Records, start: u64) -> Scan {
        Scan { records, at: start, sound_end: start, damaged: 0 }
    }

    pub fn step(&mut self) -> Result<Option<(u32, Loaded)>, DiskError> {
        loop {
            let fetched = fetch(&*self.records.file, self.at, self.records.end);
            match fetched.doing("reading the events of", &self.records.path)? {
                Fetched::Record(loaded, next) => {
                    let offset = self.at as u32;
                    (self.at, self.sound_end) = (next, next);
                    return Ok(Some((offset, loaded)));
                }
                Fetched::Damaged(next) => {
                    self.damaged += 1;
                    self.at = next;
                }
                Fetched::Torn | Fetched::End => return Ok(None),
            }
        }
    }

    /// Did it come to where records end, and not to what is none?
    pub fn is_whole(&self) -> bool {
        self.damaged == 0 && self.at == self.records.end
    }
}
