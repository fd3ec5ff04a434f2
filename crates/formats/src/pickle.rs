//! Python pickles of Carbon points: `[(name, (timestamp, value)), ...]`, protocols 0 to 5.
//!
//! Only the opcodes that Python's picklers write for lists, tuples, texts, bytes, numbers, booleans and None are
//! understood. Those are data: none of them can name a class or call anything. A pickle with any other is refused
//! with the name of the opcode. Values are never copied out of the memo, only referred to, so a pickle takes memory
//! and time in proportion to its length, whatever it claims or repeats.

use std::fmt;
use std::ops::Range;

use vocabulary::Timestamp;
use vocabulary::point::NamedPoint;

use crate::carbon_line::{self, LineError};
use crate::python_float;

/// Five values make a point: some 200,000 points. Bounds the memory for one pickle to about 50 MB.
const VALUES_MAX: usize = 1_000_000;

/// After a pickle with more, the memory is given back before the next.
const VALUES_KEPT: usize = 50_000;

/// Why a whole pickle is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PickleError {
    /// It ends in the middle.
    Truncated,
    /// It does something that points do not need.
    Refused(&'static str),
    UnknownOpcode(u8),
    Protocol(u8),
    /// An opcode wants more, or other, values than there are on the stack.
    Stack,
    /// It refers to a memo that was not made.
    Memo,
    Number,
    Text,
    TooManyValues,
    /// What it holds is neither a list nor a tuple.
    NotAList,
}

impl fmt::Display for PickleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PickleError::Truncated => f.write_str("the pickle is cut off"),
            PickleError::Refused(name) => write!(f, "the pickle uses {name}, which points do not need"),
            PickleError::UnknownOpcode(byte) => write!(f, "the pickle has an unknown opcode {byte:#04x}"),
            PickleError::Protocol(version) => write!(f, "the pickle is of the unknown protocol {version}"),
            PickleError::Stack => f.write_str("the pickle takes values that it did not make"),
            PickleError::Memo => f.write_str("the pickle refers to a memo that it did not make"),
            PickleError::Number => f.write_str("the pickle holds a number that cannot be read"),
            PickleError::Text => f.write_str("the pickle holds a text that cannot be read"),
            PickleError::TooManyValues => write!(f, "the pickle holds more than {VALUES_MAX} values"),
            PickleError::NotAList => f.write_str("the pickle is not a list of points"),
        }
    }
}

impl std::error::Error for PickleError {}

/// Why one entry of a readable pickle is not a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryError {
    /// Not (name, (timestamp, value)).
    Shape,
    /// The shape is right, but the numbers are not.
    Point(LineError),
}

impl fmt::Display for EntryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EntryError::Shape => f.write_str("an entry of the pickle is not (name, (timestamp, value))"),
            EntryError::Point(error) => error.fmt(f),
        }
    }
}

/// A value, by its place among all that the pickle has made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Id(u32);

#[derive(Clone, Debug)]
enum Value {
    None,
    Number(f64),
    /// A Python integer that no double can hold: float() raises OverflowError.
    HugeNumber,
    /// Where in the pickle it stands.
    Text(Range<u32>),
    /// Where among the texts that had escapes it stands.
    Unescaped(Range<u32>),
    /// Where among all tuples' items its own are.
    Tuple(Range<u32>),
    List(Vec<Id>),
}

/// A pickle that was read. Kept and used again for the next, it allocates nothing.
#[derive(Debug, Default)]
pub struct Unpickler {
    values: Vec<Value>,
    tuple_items: Vec<Id>,
    unescaped: String,
    stack: Vec<Id>,
    marks: Vec<usize>,
    memo: Vec<Option<Id>>,
}

impl Unpickler {
    /// Reads one pickle and returns its entries.
    pub fn read<'a>(&'a mut self, pickle: &'a [u8]) -> Result<Entries<'a>, PickleError> {
        self.clear();
        let top = self.run(&mut Input { bytes: pickle, at: 0 })?;
        let entries = self.items(top).ok_or(PickleError::NotAList)?;
        Ok(Entries { unpickler: self, pickle, entries })
    }

    fn clear(&mut self) {
        if self.values.capacity() > VALUES_KEPT || self.memo.capacity() > VALUES_KEPT {
            *self = Unpickler::default();
        }
        self.values.clear();
        self.tuple_items.clear();
        self.unescaped.clear();
        self.stack.clear();
        self.marks.clear();
        self.memo.clear();
    }

    fn run(&mut self, input: &mut Input<'_>) -> Result<Id, PickleError> {
        loop {
            let opcode = input.byte()?;
            match opcode {
                b'.' => return self.pop(),
                0x80 => match input.byte()? {
                    0..=5 => {}
                    version => return Err(PickleError::Protocol(version)),
                },
                // FRAME: only a hint for buffering.
                0x95 => {
                    input.array::<8>()?;
                }
                b'(' => self.marks.push(self.stack.len()),
                b'N' => self.push(Value::None)?,
                0x88 => self.push(Value::Number(1.0))?,
                0x89 => self.push(Value::Number(0.0))?,
                b'K' => {
                    let byte = input.byte()?;
                    self.push(Value::Number(byte.into()))?;
                }
                b'M' => {
                    let short = u16::from_le_bytes(input.array()?);
                    self.push(Value::Number(short.into()))?;
                }
                b'J' => {
                    let int = i32::from_le_bytes(input.array()?);
                    self.push(Value::Number(int.into()))?;
                }
                b'G' => {
                    let float = f64::from_be_bytes(input.array()?);
                    self.push(Value::Number(float))?;
                }
                0x8a => {
                    let length = input.byte()?.into();
                    self.push(long(input.take(length)?))?;
                }
                0x8b => {
                    let length = input.length(4)?;
                    self.push(long(input.take(length)?))?;
                }
                b'I' => {
                    let line = input.line()?;
                    self.push(decimal(line)?)?;
                }
                b'L' => {
                    let line = input.line()?;
                    self.push(decimal(line.strip_suffix('L').unwrap_or(line))?)?;
                }
                b'F' => {
                    let number = python_float::parse(input.line()?).ok_or(PickleError::Number)?;
                    self.push(Value::Number(number))?;
                }
                // Short and long texts and bytes; Python 2's strings are decoded as UTF-8, as carbon does.
                b'U' | b'C' | 0x8c => self.push_text(input, 1)?,
                b'T' | b'X' | b'B' => self.push_text(input, 4)?,
                0x8d | 0x8e => self.push_text(input, 8)?,
                b'S' => {
                    let line = input.raw_line()?;
                    let start = self.unescaped.len();
                    unescape_string(line, &mut self.unescaped)?;
                    self.push(Value::Unescaped(start as u32..self.unescaped.len() as u32))?;
                }
                b'V' => {
                    let line = input.raw_line()?;
                    let start = self.unescaped.len();
                    unescape_unicode(line, &mut self.unescaped)?;
                    self.push(Value::Unescaped(start as u32..self.unescaped.len() as u32))?;
                }
                b']' => self.push(Value::List(Vec::new()))?,
                b')' => self.push(Value::Tuple(0..0))?,
                0x85..=0x87 => self.tuple(self.stack.len().checked_sub(usize::from(opcode - 0x84)))?,
                b't' => {
                    let mark = self.marks.pop();
                    self.tuple(mark)?;
                }
                b'l' => {
                    let mark = self.marks.pop().filter(|mark| *mark <= self.stack.len());
                    let items = self.stack.drain(mark.ok_or(PickleError::Stack)?..).collect();
                    self.push(Value::List(items))?;
                }
                b'a' => {
                    let item = self.pop()?;
                    self.append(&[item])?;
                }
                b'e' => {
                    let mark = self.marks.pop().filter(|mark| *mark <= self.stack.len());
                    let items: Vec<Id> = self.stack.drain(mark.ok_or(PickleError::Stack)?..).collect();
                    self.append(&items)?;
                }
                b'p' => {
                    let index = input.line()?.parse().map_err(|_| PickleError::Memo)?;
                    self.memoize(index)?;
                }
                b'q' => {
                    let index = input.byte()?.into();
                    self.memoize(index)?;
                }
                b'r' => {
                    let index = input.length(4)?;
                    self.memoize(index)?;
                }
                0x94 => self.memoize(self.memo.len())?,
                b'g' => {
                    let index = input.line()?.parse().map_err(|_| PickleError::Memo)?;
                    self.recall(index)?;
                }
                b'h' => {
                    let index = input.byte()?.into();
                    self.recall(index)?;
                }
                b'j' => {
                    let index = input.length(4)?;
                    self.recall(index)?;
                }
                other => return Err(refusal(other)),
            }
        }
    }

    fn push(&mut self, value: Value) -> Result<(), PickleError> {
        if self.values.len() >= VALUES_MAX {
            return Err(PickleError::TooManyValues);
        }
        self.stack.push(Id(self.values.len() as u32));
        self.values.push(value);
        Ok(())
    }

    fn push_text(&mut self, input: &mut Input<'_>, length_bytes: usize) -> Result<(), PickleError> {
        let length = input.length(length_bytes)?;
        input.take(length)?;
        let end = u32::try_from(input.at).map_err(|_| PickleError::TooManyValues)?;
        self.push(Value::Text(end - length as u32..end))
    }

    /// The items of a mark that is still open belong to it: nothing below may be taken.
    fn pop(&mut self) -> Result<Id, PickleError> {
        let floor = self.marks.last().copied().unwrap_or(0);
        if self.stack.len() <= floor {
            return Err(PickleError::Stack);
        }
        self.stack.pop().ok_or(PickleError::Stack)
    }

    fn tuple(&mut self, from: Option<usize>) -> Result<(), PickleError> {
        let from = from.filter(|from| *from <= self.stack.len()).ok_or(PickleError::Stack)?;
        let start = self.tuple_items.len() as u32;
        self.tuple_items.extend(self.stack.drain(from..));
        self.push(Value::Tuple(start..self.tuple_items.len() as u32))
    }

    fn append(&mut self, items: &[Id]) -> Result<(), PickleError> {
        let Some(Id(list)) = self.stack.last() else { return Err(PickleError::Stack) };
        match &mut self.values[*list as usize] {
            Value::List(list) => list.extend_from_slice(items),
            _ => return Err(PickleError::Stack),
        }
        Ok(())
    }

    fn memoize(&mut self, index: usize) -> Result<(), PickleError> {
        let top = self.stack.last().copied().ok_or(PickleError::Stack)?;
        if index >= VALUES_MAX {
            return Err(PickleError::TooManyValues);
        }
        if index >= self.memo.len() {
            self.memo.resize(index + 1, None);
        }
        self.memo[index] = Some(top);
        Ok(())
    }

    fn recall(&mut self, index: usize) -> Result<(), PickleError> {
        let id = self.memo.get(index).copied().flatten().ok_or(PickleError::Memo)?;
        // Each recall takes two bytes of the pickle at least, so this is bounded by its length.
        self.stack.push(id);
        Ok(())
    }

    fn value(&self, id: Id) -> &Value {
        &self.values[id.0 as usize]
    }

    fn items(&self, id: Id) -> Option<&[Id]> {
        match self.value(id) {
            Value::Tuple(range) => self.tuple_items.get(range.start as usize..range.end as usize),
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    fn pair(&self, id: Id) -> Option<(Id, Id)> {
        match self.items(id)? {
            [first, second] => Some((*first, *second)),
            _ => None,
        }
    }

    fn text<'a>(&'a self, id: Id, pickle: &'a [u8]) -> Option<&'a str> {
        match self.value(id) {
            Value::Text(range) => {
                std::str::from_utf8(pickle.get(range.start as usize..range.end as usize)?).ok()
            }
            Value::Unescaped(range) => self.unescaped.get(range.start as usize..range.end as usize),
            _ => None,
        }
    }

    /// Python's `float(value)`.
    fn float(&self, id: Id, pickle: &[u8]) -> Option<f64> {
        match self.value(id) {
            Value::Number(number) => Some(*number),
            Value::Text(_) | Value::Unescaped(_) => python_float::parse(self.text(id, pickle)?),
            Value::None | Value::HugeNumber | Value::Tuple(_) | Value::List(_) => None,
        }
    }
}

/// The entries of a pickle.
#[derive(Debug)]
pub struct Entries<'a> {
    unpickler: &'a Unpickler,
    pickle: &'a [u8],
    entries: &'a [Id],
}

impl<'a> Entries<'a> {
    pub fn points(
        &self,
        now: Timestamp,
    ) -> impl ExactSizeIterator<Item = Result<NamedPoint<'a>, EntryError>> {
        let (unpickler, pickle) = (self.unpickler, self.pickle);
        self.entries.iter().map(move |entry| point(unpickler, pickle, *entry, now))
    }
}

fn point<'a>(
    unpickler: &'a Unpickler,
    pickle: &'a [u8],
    entry: Id,
    now: Timestamp,
) -> Result<NamedPoint<'a>, EntryError> {
    let (name, numbers) = unpickler.pair(entry).ok_or(EntryError::Shape)?;
    let (time, value) = unpickler.pair(numbers).ok_or(EntryError::Shape)?;
    let name = unpickler.text(name, pickle).ok_or(EntryError::Shape)?;
    let value = unpickler.float(value, pickle).ok_or(EntryError::Point(LineError::Value))?;
    let time = unpickler.float(time, pickle).ok_or(EntryError::Point(LineError::Timestamp))?;
    carbon_line::checked(name, value, time, now).map_err(EntryError::Point)
}

/// Appends a pickle of the points, in the protocol that Carbon's own relay writes.
pub fn write<'a>(points: impl Iterator<Item = NamedPoint<'a>>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\x80\x02](");
    for NamedPoint { name, time, value } in points {
        out.push(b'X');
        out.extend_from_slice(&(name.len() as u32).to_le_bytes());
        out.extend_from_slice(name);
        out.extend_from_slice(b"\x8a\x08");
        out.extend_from_slice(&time.0.to_le_bytes());
        out.push(b'G');
        out.extend_from_slice(&value.to_be_bytes());
        out.extend_from_slice(b"\x86\x86");
    }
    out.extend_from_slice(b"e.");
}

struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Input<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], PickleError> {
        let end = self.at.checked_add(length).ok_or(PickleError::Truncated)?;
        let taken = self.bytes.get(self.at..end).ok_or(PickleError::Truncated)?;
        self.at = end;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, PickleError> {
        let byte = *self.bytes.get(self.at).ok_or(PickleError::Truncated)?;
        self.at += 1;
        Ok(byte)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], PickleError> {
        self.take(N)?.try_into().map_err(|_| PickleError::Truncated)
    }

    /// A little-endian length. A negative one is far longer than the pickle.
    fn length(&mut self, bytes: usize) -> Result<usize, PickleError> {
        let mut length = [0; 8];
        length[..bytes].copy_from_slice(self.take(bytes)?);
        usize::try_from(u64::from_le_bytes(length)).map_err(|_| PickleError::Truncated)
    }

    fn raw_line(&mut self) -> Result<&'a [u8], PickleError> {
        let rest = self.bytes.get(self.at..).ok_or(PickleError::Truncated)?;
        let length = memchr::memchr(b'\n', rest).ok_or(PickleError::Truncated)?;
        self.at += length + 1;
        Ok(&rest[..length])
    }

    fn line(&mut self) -> Result<&'a str, PickleError> {
        std::str::from_utf8(self.raw_line()?).map_err(|_| PickleError::Text)
    }
}

/// A whole number of any length, in decimal. `I01` and `I00` are the booleans, which float() takes as 1 and 0 too.
fn decimal(text: &str) -> Result<Value, PickleError> {
    let text = text.trim();
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(PickleError::Number);
    }
    let number: f64 = text.parse().map_err(|_| PickleError::Number)?;
    Ok(if number.is_finite() { Value::Number(number) } else { Value::HugeNumber })
}

/// A little-endian two's complement number of any length, rounded to the nearest double, ties to even.
fn long(bytes: &[u8]) -> Value {
    let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
    let fill = if negative { 0xff } else { 0 };
    // 16 bytes hold more than twice the precision of a double; what lies below them only breaks ties.
    let low_bytes = bytes.len().saturating_sub(16);
    let (low, high) = bytes.split_at(low_bytes);
    let mut top = [fill; 16];
    top[..high.len()].copy_from_slice(high);
    let mut top = i128::from_le_bytes(top);
    if low.iter().any(|byte| *byte != 0) {
        top |= 1;
    }
    let Ok(exponent) = i32::try_from(low_bytes * 8) else { return Value::HugeNumber };
    let number = top as f64 * 2f64.powi(exponent);
    if number.is_finite() { Value::Number(number) } else { Value::HugeNumber }
}

/// The repr of a Python 2 string, as protocol 0 has it.
fn unescape_string(line: &[u8], out: &mut String) -> Result<(), PickleError> {
    let line = line.trim_ascii();
    let inner = match line {
        [b'\'', inner @ .., b'\''] | [b'"', inner @ .., b'"'] => inner,
        _ => return Err(PickleError::Text),
    };
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let [byte, after @ ..] = rest {
        rest = after;
        if *byte != b'\\' {
            bytes.push(*byte);
            continue;
        }
        let [escape, after @ ..] = rest else { return Err(PickleError::Text) };
        rest = after;
        bytes.push(match escape {
            b'\\' | b'\'' | b'"' => *escape,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'x' => {
                let (code, after) = hexadecimal(rest, 2)?;
                rest = after;
                code as u8
            }
            _ => return Err(PickleError::Text),
        });
    }
    out.push_str(std::str::from_utf8(&bytes).map_err(|_| PickleError::Text)?);
    Ok(())
}

/// Python's raw-unicode-escape: bytes are Latin-1, `\uXXXX` and `\UXXXXXXXX` are code points. A backslash
/// before anything else stands for itself.
fn unescape_unicode(line: &[u8], out: &mut String) -> Result<(), PickleError> {
    let mut rest = line;
    while let [byte, after @ ..] = rest {
        let digits = match (byte, after.first()) {
            (b'\\', Some(b'u')) => 4,
            (b'\\', Some(b'U')) => 8,
            _ => {
                out.push(char::from(*byte));
                rest = after;
                continue;
            }
        };
        let (code, after) = hexadecimal(&after[1..], digits)?;
        out.push(char::from_u32(code).ok_or(PickleError::Text)?);
        rest = after;
    }
    Ok(())
}

fn hexadecimal(text: &[u8], digits: usize) -> Result<(u32, &[u8]), PickleError> {
    let (code, rest) = text.split_at_checked(digits).ok_or(PickleError::Text)?;
    if !code.iter().all(u8::is_ascii_hexdigit) {
        return Err(PickleError::Text);
    }
    let code = std::str::from_utf8(code).map_err(|_| PickleError::Text)?;
    Ok((u32::from_str_radix(code, 16).map_err(|_| PickleError::Text)?, rest))
}

/// The opcodes of Python's `pickle` module that are known and not wanted.
const REFUSED: [(u8, &str); 26] = [
    (b'0', "POP"),
    (b'1', "POP_MARK"),
    (b'2', "DUP"),
    (b'P', "PERSID"),
    (b'Q', "BINPERSID"),
    (b'R', "REDUCE"),
    (b'b', "BUILD"),
    (b'c', "GLOBAL"),
    (b'd', "DICT"),
    (b'}', "EMPTY_DICT"),
    (b'i', "INST"),
    (b'o', "OBJ"),
    (b's', "SETITEM"),
    (b'u', "SETITEMS"),
    (0x81, "NEWOBJ"),
    (0x82, "EXT1"),
    (0x83, "EXT2"),
    (0x84, "EXT4"),
    (0x8f, "EMPTY_SET"),
    (0x90, "ADDITEMS"),
    (0x91, "FROZENSET"),
    (0x92, "NEWOBJ_EX"),
    (0x93, "STACK_GLOBAL"),
    (0x96, "BYTEARRAY8"),
    (0x97, "NEXT_BUFFER"),
    (0x98, "READONLY_BUFFER"),
];

fn refusal(opcode: u8) -> PickleError {
    let known = REFUSED.iter().find(|(byte, _)| *byte == opcode);
    known.map_or(PickleError::UnknownOpcode(opcode), |(_, name)| PickleError::Refused(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_700_000_000);

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }

    fn told(pickle: &[u8]) -> String {
        let mut unpickler = Unpickler::default();
        let Ok(entries) = unpickler.read(pickle) else { return "-".into() };
        let tell = |point: Result<NamedPoint<'_>, EntryError>| match point {
            Ok(NamedPoint { name, time, value }) => {
                let name: String = name.iter().map(|byte| format!("{byte:02x}")).collect();
                format!("{name}|{:016x}|{time}", value.to_bits())
            }
            Err(_) => "!".into(),
        };
        entries.points(NOW).map(tell).collect::<Vec<_>>().join(" ")
    }

    /// What Python makes and carbon reads; see scenarios/ingest/make_pickles.py.
    #[test]
    fn reads_what_carbon_reads() {
        let mut seen = 0;
        for line in include_str!("../tests/pickles.tsv").lines() {
            let (pickle, wanted) = line.split_once('\t').expect("a tab in every line");
            assert_eq!(told(&bytes(pickle)), wanted, "{pickle}");
            seen += 1;
        }
        assert!(seen > 150, "{seen}");
    }

    #[test]
    fn refusals_name_the_opcode() {
        let check = |pickle: &[u8], wanted: &str| {
            let error = Unpickler::default().read(pickle).expect_err("refused");
            assert_eq!(error.to_string(), wanted);
        };
        check(b"cos\nsystem\n(S'true'\ntR.", "the pickle uses GLOBAL, which points do not need");
        check(
            b"\x80\x04\x8c\x02os\x8c\x06system\x93.",
            "the pickle uses STACK_GLOBAL, which points do not need",
        );
        check(b"\x80\x06].", "the pickle is of the unknown protocol 6");
        check(b"\xff", "the pickle has an unknown opcode 0xff");
        check(b"]X\xff\xff\xff\xff.", "the pickle is cut off");
        check(b"j\xff\xff\xff\x7f.", "the pickle refers to a memo that it did not make");
    }

    #[test]
    fn bombs_take_no_more_than_they_weigh() {
        // Each list holds the one before ten times: a billion laughs, if anybody copied.
        let mut laughs = b"]q\x00".to_vec();
        for level in 0..100u8 {
            laughs.extend([b']', b'q', level + 1, b'(']);
            laughs.extend([b'h', level].repeat(10));
            laughs.push(b'e');
        }
        laughs.push(b'.');
        assert_eq!(told(&laughs).split(' ').count(), 10);
        for bomb in
            [b"(".repeat(1 << 20), b"]".repeat(1 << 20), [b"]".to_vec(), b"]a".repeat(1 << 19)].concat()]
        {
            assert!(Unpickler::default().read(&bomb).is_err());
        }
    }
}
