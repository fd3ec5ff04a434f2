//! Bytes to a document.

mod unread;

use std::borrow::Cow;
use std::collections::HashSet;

use super::scan::plain_length;
use super::{Limits, Malformed, TOO_DEEP, Tree};
use crate::sentry::limits::JSON_DEPTH_MAX;

/// Maps of up to so many keys are looked through for doubled ones key by key, which beats a table.
const SMALL_MAP: usize = 24;

/// One value, with nothing but space around it.
pub fn read<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Tree<'a>, Malformed> {
    read_within(bytes, limits, &mut [])
}

/// The same, of what is long and has many texts with escapes: these stand in `room` afterwards, as long as there is some,
/// instead of in memory of their own.
pub fn read_within<'a>(bytes: &'a [u8], limits: &Limits, room: &'a mut [u8]) -> Result<Tree<'a>, Malformed> {
    read_but(&[], bytes, limits, room)
}

/// The same, but lists of texts under these keys stay [`Tree::Unread`], unless something in them has to be changed.
pub fn read_but<'a>(
    unread: &'static [&'static str],
    bytes: &'a [u8],
    limits: &Limits,
    room: &'a mut [u8],
) -> Result<Tree<'a>, Malformed> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => Reader::new(text, limits, room, unread).document(),
        // Rare enough to be copied.
        Err(_) => {
            let text = String::from_utf8_lossy(bytes);
            Reader::new(&text, limits, &mut [], unread).document().map(Tree::into_owned)
        }
    }
}

/// For all texts of a document that have escapes: undone they are not longer than as they were sent.
pub fn room_for(bytes: &[u8]) -> Vec<u8> {
    let has_escapes = memchr::memchr(b'\\', bytes).is_some();
    vec![0; if has_escapes { bytes.len() } else { 0 }]
}

struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    /// Containers that may still be gone down into, and values that may still come.
    depth: usize,
    nodes: usize,
    limits: Limits,
    /// Keys of lists that are not taken apart.
    unread: &'static [&'static str],
    /// Of lists and maps that have not ended: each gets its memory at once, when its length is known.
    values: Vec<Tree<'a>>,
    entries: Vec<(Cow<'a, str>, Tree<'a>)>,
    /// A text while its escapes are undone, and where such texts stay.
    changed: String,
    room: &'a mut [u8],
}

impl<'a> Reader<'a> {
    fn new(
        text: &'a str,
        limits: &Limits,
        room: &'a mut [u8],
        unread: &'static [&'static str],
    ) -> Reader<'a> {
        let limits = Limits { depth: limits.depth.min(JSON_DEPTH_MAX), ..*limits };
        let (depth, nodes) = (limits.depth, limits.nodes);
        let (values, entries, changed) = (Vec::new(), Vec::new(), String::new());
        let bytes = text.as_bytes();
        Reader { text, bytes, at: 0, depth, nodes, limits, unread, values, entries, changed, room }
    }

    fn document(mut self) -> Result<Tree<'a>, Malformed> {
        let tree = self.value()?;
        match self.next_byte() {
            None => Ok(tree),
            Some(_) => Err(self.malformed("something follows the end of the document")),
        }
    }

    fn malformed(&self, why: &str) -> Malformed {
        Malformed::new(self.at, why)
    }

    /// The next byte that is no space; it stays there.
    fn next_byte(&mut self) -> Option<u8> {
        while let Some(byte) = self.bytes.get(self.at) {
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(*byte);
            }
            self.at += 1;
        }
        None
    }

    fn value(&mut self) -> Result<Tree<'a>, Malformed> {
        let Some(first) = self.next_byte() else { return Err(self.malformed("the document ends too early")) };
        let Some(left) = self.nodes.checked_sub(1) else {
            return Err(self.malformed(&format!("more than {} values", self.limits.nodes)));
        };
        self.nodes = left;
        match first {
            b'"' => self.string().map(Tree::Text),
            b'{' | b'[' if self.depth == 0 => self.skip_container().map(|()| Tree::Text(TOO_DEEP.into())),
            b'{' => self.within(Reader::map),
            b'[' => self.within(Reader::list),
            b'-' | b'0'..=b'9' => self.number(),
            _ => self.word(),
        }
    }

    /// One level down and up again. The bracket is consumed.
    fn within(
        &mut self,
        read: impl FnOnce(&mut Reader<'a>) -> Result<Tree<'a>, Malformed>,
    ) -> Result<Tree<'a>, Malformed> {
        self.at += 1;
        self.depth -= 1;
        let tree = read(self)?;
        self.depth += 1;
        Ok(tree)
    }

    fn list(&mut self) -> Result<Tree<'a>, Malformed> {
        let first = self.values.len();
        if self.ends(b']') {
            return Ok(Tree::List(Vec::new()));
        }
        loop {
            let value = self.value()?;
            self.values.push(value);
            if !self.goes_on(b']', "a list goes on with `,` or ends with `]`")? {
                return Ok(Tree::List(self.values.drain(first..).collect()));
            }
        }
    }

    fn map(&mut self) -> Result<Tree<'a>, Malformed> {
        let first = self.entries.len();
        if self.ends(b'}') {
            return Ok(Tree::Map(Vec::new()));
        }
        loop {
            if self.next_byte() != Some(b'"') {
                return Err(self.malformed("a key is a text in quotes"));
            }
            let key = self.string()?;
            if self.next_byte() != Some(b':') {
                return Err(self.malformed("a key is followed by `:`"));
            }
            self.at += 1;
            let unread = if self.unread.contains(&&*key) { self.unread_texts() } else { None };
            let value = unread.map_or_else(|| self.value(), Ok)?;
            self.entries.push((key, value));
            if !self.goes_on(b'}', "a map goes on with `,` or ends with `}`")? {
                let mut entries = self.entries.drain(first..).collect();
                drop_doubled(&mut entries);
                return Ok(Tree::Map(entries));
            }
        }
    }

    /// Consumes the bracket, if it is there.
    fn ends(&mut self, bracket: u8) -> bool {
        let ends = self.next_byte() == Some(bracket);
        self.at += usize::from(ends);
        ends
    }

    /// Consumes the comma or the bracket.
    fn goes_on(&mut self, bracket: u8, expected: &str) -> Result<bool, Malformed> {
        match self.next_byte() {
            Some(byte) if byte == b',' || byte == bracket => {
                self.at += 1;
                Ok(byte == b',')
            }
            _ => Err(self.malformed(expected)),
        }
    }

    fn number(&mut self) -> Result<Tree<'a>, Malformed> {
        let start = self.at;
        if self.bytes[start..].starts_with(b"-Infinity") {
            self.at += b"-Infinity".len();
            return Ok(Tree::Null);
        }
        self.at += usize::from(self.bytes[start] == b'-');
        let whole = self.digits();
        let mut sound = whole > 0 && (whole == 1 || self.bytes[self.at - whole] != b'0');
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            sound &= self.digits() > 0;
        }
        if let Some(b'e' | b'E') = self.bytes.get(self.at) {
            self.at += 1;
            self.at += usize::from(matches!(self.bytes.get(self.at), Some(b'+' | b'-')));
            sound &= self.digits() > 0;
        }
        if !sound {
            self.at = start;
            return Err(self.malformed("this is no number"));
        }
        Ok(Tree::Number(Cow::Borrowed(&self.text[start..self.at])))
    }

    /// Consumes them; how many.
    fn digits(&mut self) -> usize {
        let count = self.bytes[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        count
    }

    fn word(&mut self) -> Result<Tree<'a>, Malformed> {
        let (word, value) = match self.bytes[self.at] {
            b'n' => ("null", Tree::Null),
            b't' => ("true", Tree::Bool(true)),
            b'f' => ("false", Tree::Bool(false)),
            // What Python's and JavaScript's writers make of numbers that JSON does not have.
            b'N' => ("NaN", Tree::Null),
            _ => ("Infinity", Tree::Null),
        };
        if !self.text[self.at..].starts_with(word) {
            return Err(self.malformed("this is no value"));
        }
        self.at += word.len();
        Ok(value)
    }

    fn string(&mut self) -> Result<Cow<'a, str>, Malformed> {
        let start = self.at + 1;
        match self.run(start) {
            Some(end) if self.bytes[end] == b'"' => {
                self.at = end + 1;
                Ok(Cow::Borrowed(&self.text[start..end]))
            }
            Some(end) => self.changed_string(start, end),
            None => Err(self.malformed("a text has no end")),
        }
    }

    /// Where the next quote, backslash or NUL is.
    fn run(&self, start: usize) -> Option<usize> {
        let mut at = start;
        loop {
            at += plain_length(&self.bytes[at..]);
            match self.bytes.get(at)? {
                b'"' | b'\\' | 0 => return Some(at),
                // Line breaks and the like should not stand in a text, and do.
                _ => at += 1,
            }
        }
    }

    /// One with escapes or NULs in it, of which the first is at `special`.
    fn changed_string(&mut self, start: usize, special: usize) -> Result<Cow<'a, str>, Malformed> {
        let mut out = std::mem::take(&mut self.changed);
        out.clear();
        out.push_str(&self.text[start..special]);
        self.undo_escapes(special, &mut out)?;
        let text = self.stay(&out);
        self.changed = out;
        Ok(text)
    }

    /// From the first of them to the end of the text.
    fn undo_escapes(&mut self, mut special: usize, out: &mut String) -> Result<(), Malformed> {
        let opening = self.at;
        loop {
            self.at = special + 1;
            match self.bytes[special] {
                b'"' => return Ok(()),
                b'\\' => self.escape(out)?,
                _ => {}
            }
            let start = self.at;
            special = self.run(start).ok_or_else(|| Malformed::new(opening, "a text has no end"))?;
            out.push_str(&self.text[start..special]);
        }
    }

    fn stay(&mut self, text: &str) -> Cow<'a, str> {
        let Some((place, left)) = std::mem::take(&mut self.room).split_at_mut_checked(text.len()) else {
            return Cow::Owned(text.to_owned());
        };
        self.room = left;
        place.copy_from_slice(text.as_bytes());
        std::str::from_utf8(place).map_or_else(|_| Cow::Owned(text.to_owned()), Cow::Borrowed)
    }

    /// What follows a backslash.
    fn escape(&mut self, out: &mut String) -> Result<(), Malformed> {
        let Some(letter) = self.text[self.at..].chars().next() else {
            return Err(self.malformed("a text ends within an escape"));
        };
        self.at += letter.len_utf8();
        match letter {
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            't' => out.push('\t'),
            'b' => out.push('\u{8}'),
            'f' => out.push('\u{c}'),
            'u' => out.extend(self.code_point()?.filter(|letter| *letter != '\0')),
            '\0' => {}
            // `"`, `\`, `/`, and what is no escape but was meant as something.
            other => out.push(other),
        }
        Ok(())
    }

    /// Behind `\u`: a pair of surrogates is one letter, half of a pair U+FFFD.
    fn code_point(&mut self) -> Result<Option<char>, Malformed> {
        let first = self.hex()?;
        if !(0xd800..0xdc00).contains(&first) || !self.bytes[self.at..].starts_with(b"\\u") {
            return Ok(Some(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER)));
        }
        let back = self.at;
        self.at += 2;
        let second = self.hex()?;
        if !(0xdc00..0xe000).contains(&second) {
            // Another letter, which is read for itself.
            self.at = back;
            return Ok(Some(char::REPLACEMENT_CHARACTER));
        }
        Ok(char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)))
    }

    fn hex(&mut self) -> Result<u32, Malformed> {
        let digits = self.bytes.get(self.at..self.at + 4).unwrap_or_default();
        let number = digits
            .iter()
            .try_fold(0, |number, byte| char::from(*byte).to_digit(16).map(|digit| number << 4 | digit));
        match number {
            Some(number) if digits.len() == 4 => {
                self.at += 4;
                Ok(number)
            }
            _ => Err(self.malformed("`\\u` is followed by four hexadecimal digits")),
        }
    }

    /// To its end, without going down into it: brackets are only counted.
    fn skip_container(&mut self) -> Result<(), Malformed> {
        let opening = self.at;
        let mut open = 0usize;
        while let Some(byte) = self.bytes.get(self.at) {
            match byte {
                b'"' => self.skip_string()?,
                b'{' | b'[' => open += 1,
                b'}' | b']' => open -= 1,
                _ => {}
            }
            self.at += 1;
            if open == 0 {
                return Ok(());
            }
        }
        Err(Malformed::new(opening, "a list or a map has no end"))
    }

    /// To its last quote.
    fn skip_string(&mut self) -> Result<(), Malformed> {
        let opening = self.at;
        self.at += 1;
        while let Some(byte) = self.bytes.get(self.at) {
            match byte {
                b'"' => return Ok(()),
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        Err(Malformed::new(opening, "a text has no end"))
    }
}

/// The last one of each key holds, in its place.
fn drop_doubled(entries: &mut Vec<(Cow<'_, str>, Tree<'_>)>) {
    if entries.len() <= SMALL_MAP && !has_doubled(entries) {
        return;
    }
    let mut seen = HashSet::with_capacity(entries.len());
    let mut doubled: Vec<bool> = entries.iter().rev().map(|(key, _)| !seen.insert(&**key)).collect();
    doubled.reverse();
    if doubled.contains(&true) {
        let mut doubled = doubled.into_iter();
        entries.retain(|_| !doubled.next().unwrap_or(false));
    }
}

/// Of a small map. Keys are compared by a mark each, which fits a register, and in full only where two marks are the same.
fn has_doubled(entries: &[(Cow<'_, str>, Tree<'_>)]) -> bool {
    let mut marks = [0; SMALL_MAP];
    entries.iter().enumerate().any(|(at, (key, _))| {
        let mark = mark(key.as_bytes());
        let before = &marks[..at];
        let is_doubled = before.contains(&mark) && entries[..at].iter().any(|(earlier, _)| earlier == key);
        marks[at] = mark;
        is_doubled
    })
}

/// The length, the first four bytes and the last four.
fn mark(key: &[u8]) -> u64 {
    let four = |bytes: Option<&[u8; 4]>| bytes.map_or(0, |bytes| u64::from(u32::from_le_bytes(*bytes)));
    let short = || key.iter().fold(0, |mark, byte| mark << 8 | u64::from(*byte));
    match key.len() {
        0..4 => short(),
        length => four(key.first_chunk()) << 32 ^ four(key.last_chunk()) ^ (length as u64) << 56,
    }
}
