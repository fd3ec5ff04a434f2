//! Source maps in memory: read when the first event needs one, and given up for others when there are too many.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use parking_lot::Mutex;
use sourcemap::{DecodedMap, SourceView};

use super::Sum;
use crate::limits::{MAP_PLACE_BYTES, MAX_MAPPED_NAME, MAX_MAPS_BYTES, MAX_SOURCE_LINE, SOURCE_LINES, cut};

/// Where a map is, and the file that it is of, if that was uploaded too.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub bundle: i64,
    pub checksum: Sum,
    pub map: String,
    /// The same as the map, if it stands in there.
    pub minified: Option<String>,
    /// What the map is called by, for people.
    pub url: String,
}

/// Of a file that ends with its map: the map, and the file without it.
pub(super) fn inline(file: &str) -> Result<(Vec<u8>, &str), String> {
    let at = file.rfind("sourceMappingURL=data:").ok_or("it says to hold its map, and holds none")?;
    let said = file[at..].lines().next().unwrap_or_default();
    let (_, packed) = said.split_once(";base64,").ok_or("the map in it is not in base64")?;
    let json = STANDARD_NO_PAD.decode(packed.trim_end().trim_end_matches('='));
    Ok((json.map_err(|error| format!("the map in it cannot be read: {error}"))?, &file[..at]))
}

/// A map that was read.
pub(super) struct Map {
    map: DecodedMap,
    minified: Option<SourceView>,
}

/// What a place in a minified file was made of. Lines and columns count from 1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Origin {
    pub source: Option<String>,
    pub line: u32,
    pub column: u32,
    /// What stands there: in a call the name of what is called.
    pub name: Option<String>,
    /// Within which it stands, as people called it.
    pub function: Option<String>,
    pub lines: Option<Lines>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Lines {
    pub before: Vec<String>,
    pub line: String,
    pub after: Vec<String>,
}

impl Lines {
    pub(super) fn bytes(&self) -> usize {
        let of = |lines: &[String]| lines.iter().map(String::len).sum::<usize>();
        self.line.len() + of(&self.before) + of(&self.after)
    }
}

impl Map {
    fn read(json: &[u8], minified: Option<String>) -> Result<Map, String> {
        let map = unharmed(|| sourcemap::decode_slice(json).map_err(|error| error.to_string()));
        let map = map.ok_or("its reader gave up")??;
        Ok(Map { map, minified: minified.map(|text| SourceView::new(text.into())) })
    }

    /// What it becomes in memory, by the places that it has.
    fn weigh(json: &[u8], minified: Option<&str>) -> usize {
        let places = json.iter().filter(|byte| matches!(byte, b',' | b';')).count();
        json.len() + places * MAP_PLACE_BYTES + minified.map_or(0, str::len)
    }

    /// `line` and `column` count from 1.
    pub(super) fn origin(&self, line: u32, column: u32, function: Option<&str>) -> Option<Origin> {
        unharmed(|| self.look_up(line.checked_sub(1)?, column.checked_sub(1)?, function)).flatten()
    }

    fn look_up(&self, line: u32, column: u32, function: Option<&str>) -> Option<Origin> {
        let token = self.map.lookup_token(line, column)?;
        // A place that is of no source has no line in one.
        if !token.has_source() {
            return None;
        }
        let function = self.map.get_original_function_name(line, column, function, self.minified.as_ref());
        Some(Origin {
            source: token.get_source().and_then(named),
            line: token.get_src_line().saturating_add(1),
            column: token.get_src_col().saturating_add(1),
            name: token.get_name().and_then(named),
            function: function.and_then(named),
            lines: token.get_source_view().and_then(|source| lines(source, token.get_src_line())),
        })
    }
}

fn named(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| cut(text, MAX_MAPPED_NAME).to_owned())
}

/// `at` counts from 0.
fn lines(source: &SourceView, at: u32) -> Option<Lines> {
    let line = |at: u32| Some(cut(source.get_line(at)?, MAX_SOURCE_LINE).to_owned());
    Some(Lines {
        before: (at.saturating_sub(SOURCE_LINES)..at).filter_map(line).collect(),
        line: line(at)?,
        after: (at + 1..=at.saturating_add(SOURCE_LINES)).filter_map(line).collect(),
    })
}

/// Maps come from outside and their reader is not ours: one that makes it fail is a broken map, and no more than that.
fn unharmed<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}

/// Those that were needed lately.
#[derive(Default)]
pub(super) struct Maps {
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    maps: HashMap<Place, One>,
    bytes: usize,
    turn: u64,
}

struct One {
    /// Err: why it cannot be used, so that it is not tried for each event.
    map: Result<Arc<Map>, String>,
    bytes: usize,
    used: u64,
}

/// What a file takes that cannot be used.
const REFUSED_BYTES: usize = 1_024;

impl Maps {
    /// `load` brings the text of the map, and of the minified file if there is one.
    pub(super) fn get(
        &self,
        place: &Place,
        load: impl FnOnce() -> Result<(Vec<u8>, Option<String>), String>,
    ) -> Result<Arc<Map>, String> {
        if let Some(map) = self.held.lock().find(place) {
            return map;
        }
        // Without the lock: another event may need another map.
        let (map, bytes) = match load().and_then(|(json, minified)| made(&json, minified)) {
            Ok((map, bytes)) => (Ok(Arc::new(map)), bytes),
            Err(why) => (Err(why), REFUSED_BYTES),
        };
        self.held.lock().add(place.clone(), map.clone(), bytes);
        map
    }

    pub(super) fn clear(&self) {
        *self.held.lock() = Held::default();
    }

    pub(super) fn bytes(&self) -> usize {
        self.held.lock().bytes
    }
}

fn made(json: &[u8], minified: Option<String>) -> Result<(Map, usize), String> {
    let bytes = Map::weigh(json, minified.as_deref());
    if bytes > MAX_MAPS_BYTES {
        return Err(format!("it would take {} MiB of memory, of {}", bytes >> 20, MAX_MAPS_BYTES >> 20));
    }
    Ok((Map::read(json, minified)?, bytes))
}

impl Held {
    fn find(&mut self, place: &Place) -> Option<Result<Arc<Map>, String>> {
        self.turn += 1;
        let one = self.maps.get_mut(place)?;
        one.used = self.turn;
        Some(one.map.clone())
    }

    fn add(&mut self, place: Place, map: Result<Arc<Map>, String>, bytes: usize) {
        let one = One { map, bytes, used: self.turn };
        self.bytes += bytes;
        if let Some(before) = self.maps.insert(place, one) {
            self.bytes -= before.bytes;
        }
        while self.bytes > MAX_MAPS_BYTES {
            let oldest = self.maps.iter().min_by_key(|(_, one)| one.used).map(|(place, _)| place.clone());
            let Some(one) = oldest.and_then(|oldest| self.maps.remove(&oldest)) else { break };
            self.bytes -= one.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(map: &str) -> Place {
        Place { bundle: 1, checksum: Sum::of(b""), map: map.into(), minified: None, url: map.into() }
    }

    #[test]
    fn a_map_is_read_once_and_so_is_a_broken_one() {
        let maps = Maps::default();
        let map = br#"{"version":3,"sources":["a.js"],"names":[],"mappings":"AAAA"}"#;
        assert!(maps.get(&place("a"), || Ok((map.to_vec(), None))).is_ok());
        assert!(maps.get(&place("a"), || panic!("it is held")).is_ok());
        let broken = maps.get(&place("b"), || Ok((b"{".to_vec(), None))).err().unwrap();
        assert_eq!(maps.get(&place("b"), || panic!("it is known to be broken")).err(), Some(broken));
        maps.clear();
        assert_eq!(maps.bytes(), 0);
        assert_eq!(maps.get(&place("a"), || Err("gone".into())).err().as_deref(), Some("gone"));
    }

    #[test]
    fn those_that_were_not_needed_for_longest_go() {
        let mut held = Held::default();
        for (name, bytes) in [("a", 100), ("b", 100), ("c", MAX_MAPS_BYTES - 150)] {
            held.find(&place("a"));
            held.add(place(name), Err(String::new()), bytes);
        }
        let mut names: Vec<&str> = held.maps.keys().map(|place| place.map.as_str()).collect();
        names.sort_unstable();
        assert_eq!((names, held.bytes), (vec!["a", "c"], MAX_MAPS_BYTES - 50));
    }

    #[test]
    fn a_map_that_would_fill_the_memory_is_not_read() {
        let json = vec![b';'; MAX_MAPS_BYTES / MAP_PLACE_BYTES];
        assert!(made(&json, None).err().unwrap().contains("MiB of memory"));
    }
}
