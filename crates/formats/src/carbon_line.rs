//! Carbon's plaintext protocol: `name value timestamp`, one point a line, read as carbon 1.1.10 does.
//!
//! Most lines are plain ASCII with single blanks; they are read in one pass that looks at each byte once.
//! Every other line takes carbon's own way: decode UTF-8, strip, split at white space, `float()` twice.

use std::fmt;

use memchr::memchr;
use vocabulary::Timestamp;
use vocabulary::point::NamedPoint;

use crate::python_float;

/// Why a line is not a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LineError {
    Blank,
    /// Not three fields.
    Fields,
    NotUtf8,
    Value,
    Timestamp,
    /// The value is NaN, which carbon leaves out without a word.
    NotANumber,
}

impl LineError {
    pub const ALL: [LineError; 6] = [
        LineError::Blank,
        LineError::Fields,
        LineError::NotUtf8,
        LineError::Value,
        LineError::Timestamp,
        LineError::NotANumber,
    ];

    /// One word for counters.
    pub fn label(self) -> &'static str {
        match self {
            LineError::Blank => "blank",
            LineError::Fields => "fields",
            LineError::NotUtf8 => "utf8",
            LineError::Value => "value",
            LineError::Timestamp => "timestamp",
            LineError::NotANumber => "nan",
        }
    }
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LineError::Blank => "the line is blank",
            LineError::Fields => "not three fields: name value timestamp",
            LineError::NotUtf8 => "the line is not UTF-8",
            LineError::Value => "the value is not a number",
            LineError::Timestamp => "the timestamp is not a number",
            LineError::NotANumber => "the value is NaN",
        })
    }
}

impl std::error::Error for LineError {}

/// One line's point or problem, and the line itself without its end.
pub type Read<'a> = (Result<NamedPoint<'a>, LineError>, &'a [u8]);

/// The lines of a stream: each ends with LF. [`StreamLines::rest`] is what has not ended yet.
#[derive(Clone, Debug)]
pub struct StreamLines<'a> {
    rest: &'a [u8],
    now: Timestamp,
}

impl<'a> StreamLines<'a> {
    pub fn new(input: &'a [u8], now: Timestamp) -> StreamLines<'a> {
        StreamLines { rest: input, now }
    }

    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for StreamLines<'a> {
    type Item = Read<'a>;

    #[inline]
    fn next(&mut self) -> Option<Read<'a>> {
        let input = self.rest;
        if let Some((point, end)) = plain(input)
            && let Some(length) = line_feed(&input[end..])
        {
            self.rest = &input[end + length..];
            return Some((Ok(point), &input[..end]));
        }
        let end = memchr(b'\n', input)?;
        self.rest = &input[end + 1..];
        Some((parse(&input[..end], self.now), &input[..end]))
    }
}

/// The lines of a datagram, cut as Python's `str.splitlines` does; the last needs no end.
#[derive(Clone, Debug)]
pub struct DatagramLines<'a> {
    rest: &'a [u8],
    now: Timestamp,
}

impl<'a> DatagramLines<'a> {
    pub fn new(datagram: &'a [u8], now: Timestamp) -> DatagramLines<'a> {
        DatagramLines { rest: datagram, now }
    }
}

impl<'a> Iterator for DatagramLines<'a> {
    type Item = Read<'a>;

    fn next(&mut self) -> Option<Read<'a>> {
        let input = self.rest;
        if input.is_empty() {
            return None;
        }
        if let Some((point, end)) = plain(input)
            && let Some(length) = if end == input.len() { Some(0) } else { line_feed(&input[end..]) }
        {
            self.rest = &input[end + length..];
            return Some((Ok(point), &input[..end]));
        }
        let (line, rest) = split_line(input);
        self.rest = rest;
        Some((parse(line, self.now), line))
    }
}

/// The length of `\n` or `\r\n` at the start.
#[inline]
fn line_feed(input: &[u8]) -> Option<usize> {
    match input {
        [b'\n', ..] => Some(1),
        [b'\r', b'\n', ..] => Some(2),
        _ => None,
    }
}

/// `name value digits` with single blanks, in ASCII: the point and where its last digit ends.
#[inline]
fn plain(input: &[u8]) -> Option<(NamedPoint<'_>, usize)> {
    let name_end = printable_prefix(input);
    if name_end == 0 || input.get(name_end) != Some(&b' ') {
        return None;
    }
    let value_at = name_end + 1;
    let (value, length) = python_float::decimal_prefix(&input[value_at..])?;
    let time_at = value_at + length + 1;
    if input.get(time_at - 1) != Some(&b' ') {
        return None;
    }
    let (time, end) = whole_seconds(input, time_at)?;
    Some((NamedPoint { name: &input[..name_end], time, value }, end))
}

/// At most 18 digits, so that they fit an i64. Up to 2^53 a double holds each whole number, and beyond
/// that no moment is close enough to now to be stored.
#[inline]
fn whole_seconds(input: &[u8], start: usize) -> Option<(Timestamp, usize)> {
    let (mut seconds, mut at) = (0i64, start);
    while let Some(digit) = input.get(at).map(|byte| byte.wrapping_sub(b'0')).filter(|digit| *digit < 10) {
        if at - start == 18 {
            return None;
        }
        seconds = seconds * 10 + i64::from(digit);
        at += 1;
    }
    (at > start).then_some((Timestamp(seconds), at))
}

/// How many bytes from the start on are neither blank, control nor part of a longer character.
#[inline]
fn printable_prefix(input: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let mut at = 0;
    let (words, _) = input.as_chunks::<8>();
    for word in words {
        let word = u64::from_le_bytes(*word);
        // A byte below 0x21 borrows and sets its high bit. A borrow can only spoil bytes above the first hit.
        let hits = ((word.wrapping_sub(ONES * 0x21) & !word) | word) & HIGH;
        if hits != 0 {
            return at + hits.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    let unprintable = |byte: &u8| *byte < 0x21 || *byte >= 0x80;
    at + input[at..].iter().position(unprintable).unwrap_or(input.len() - at)
}

/// The first line and what follows its end, by `str.splitlines`: LF, CR, CRLF, VT, FF, the separators
/// U+001C to U+001E, U+0085, U+2028 and U+2029. U+0085 and the last two begin with 0xC2 and 0xE2.
fn split_line(input: &[u8]) -> (&[u8], &[u8]) {
    let ends = |at: usize| match input[at..] {
        [b'\r', b'\n', ..] | [0xc2, 0x85, ..] => Some(2),
        [b'\n' | b'\r' | 0x0b | 0x0c | 0x1c..=0x1e, ..] => Some(1),
        [0xe2, 0x80, 0xa8 | 0xa9, ..] => Some(3),
        _ => None,
    };
    let end = (0..input.len()).find_map(|at| ends(at).map(|length| (at, length)));
    end.map_or((input, &[]), |(at, length)| (&input[..at], &input[at + length..]))
}

/// A line without its end, the way carbon reads it. A timestamp of -1 (or down to -1.99) means now.
pub fn parse(line: &[u8], now: Timestamp) -> Result<NamedPoint<'_>, LineError> {
    let text = std::str::from_utf8(line).map_err(|_| LineError::NotUtf8)?;
    let mut fields = text.split(python_float::is_space).filter(|field| !field.is_empty());
    let name = fields.next().ok_or(LineError::Blank)?;
    let (Some(value), Some(time), None) = (fields.next(), fields.next(), fields.next()) else {
        return Err(LineError::Fields);
    };
    let value = python_float::parse(value).ok_or(LineError::Value)?;
    let time = python_float::parse(time).ok_or(LineError::Timestamp)?;
    checked(name, value, time, now)
}

/// What carbon does to a point of any protocol: no NaN, -1 is now, whole seconds.
pub fn checked(name: &str, value: f64, time: f64, now: Timestamp) -> Result<NamedPoint<'_>, LineError> {
    if value.is_nan() {
        return Err(LineError::NotANumber);
    }
    if !time.is_finite() {
        return Err(LineError::Timestamp);
    }
    let time = match time.trunc() {
        -1.0 => now,
        // Saturates: a moment that far away is refused by whoever stores it.
        seconds => Timestamp(seconds as i64),
    };
    Ok(NamedPoint { name: name.as_bytes(), time, value })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_700_000_000);

    type Plain = (String, f64, i64);

    fn read(line: &[u8]) -> Result<Plain, LineError> {
        let complete = [line, b"\n"].concat();
        let mut lines = StreamLines::new(&complete, NOW);
        let (stream, text) = lines.next().expect("a complete line");
        assert_eq!(text.trim_ascii_end(), line.trim_ascii_end(), "{line:?}");
        assert!(lines.rest().is_empty());
        let told = parse(line, NOW);
        assert_eq!(stream.is_ok(), told.is_ok(), "both ways agree on {line:?}");
        let plain = |p: NamedPoint<'_>| (String::from_utf8(p.name.to_vec()).unwrap(), p.value, p.time.0);
        if let (Ok(a), Ok(b)) = (stream, told) {
            assert_eq!(plain(a), plain(b), "both ways agree on {line:?}");
        }
        stream.map(plain)
    }

    /// What carbon itself makes of them; see scenarios/ingest/make_carbon_lines.py.
    #[test]
    fn reads_what_carbon_reads() {
        let mut seen = 0;
        for recorded in include_str!("../tests/carbon_lines.tsv").lines() {
            let [kind, hex, wanted] = recorded.split('\t').collect::<Vec<_>>()[..] else {
                panic!("{recorded}")
            };
            let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
            let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
            let ended = [&bytes[..], b"\n"].concat();
            let points: Vec<_> = match kind {
                "tcp" => StreamLines::new(&ended, NOW).filter_map(|(read, _)| read.ok()).collect(),
                _ => DatagramLines::new(&bytes, NOW).filter_map(|(read, _)| read.ok()).collect(),
            };
            let tell = |point: &NamedPoint<'_>| {
                let name: String = point.name.iter().map(|byte| format!("{byte:02x}")).collect();
                format!("{name}|{:016x}|{}", point.value.to_bits(), point.time)
            };
            let told = points.iter().map(tell).collect::<Vec<_>>().join(" ");
            assert_eq!(told, wanted, "{kind} {:?}", String::from_utf8_lossy(&bytes));
            seen += 1;
        }
        assert!(seen > 1_000, "{seen}");
    }

    #[test]
    fn lines_that_are_points() {
        let check = |line: &str, name: &str, value: f64, time: i64| {
            assert_eq!(read(line.as_bytes()), Ok((name.to_owned(), value, time)), "{line:?}");
        };
        check("a.b 1 2", "a.b", 1.0, 2);
        check("a.b 1 2\r", "a.b", 1.0, 2);
        check("  a.b \t 1\u{b}2  ", "a.b", 1.0, 2);
        check("a -0.25 1700000001", "a", -0.25, 1_700_000_001);
        check("a 1 1700000001.999", "a", 1.0, 1_700_000_001);
        check("a 1 -1", "a", 1.0, NOW.0);
        check("a 1 -1.9", "a", 1.0, NOW.0);
        check("a 1 -0.9", "a", 1.0, 0);
        check("a 1 -5", "a", 1.0, -5);
        check("a 1 1e9", "a", 1.0, 1_000_000_000);
        check("a 1 99999999999999999999", "a", 1.0, i64::MAX);
        check("a 1e3 2", "a", 1000.0, 2);
        check("a 1_000 2", "a", 1000.0, 2);
        check("a inf 2", "a", f64::INFINITY, 2);
        check("a -Infinity 2", "a", f64::NEG_INFINITY, 2);
        check("a .5 +2", "a", 0.5, 2);
        check("a 9007199254740993 2", "a", 9_007_199_254_740_992.0, 2);
        check("a 0.1234567890123456789 2", "a", 0.123_456_789_012_345_68, 2);
        check("zähler;ort=Köln 1 2", "zähler;ort=Köln", 1.0, 2);
        check("a\u{a0}1\u{2003}2", "a", 1.0, 2);
        check(
            "a.rather.long.name.of.more.than.sixteen.bytes;k=v 1 2",
            "a.rather.long.name.of.more.than.sixteen.bytes;k=v",
            1.0,
            2,
        );
        check("a\u{7f}b 1 2", "a\u{7f}b", 1.0, 2);
    }

    #[test]
    fn lines_that_are_not() {
        let check = |line: &[u8], why: LineError| assert_eq!(read(line), Err(why), "{line:?}");
        check(b"", LineError::Blank);
        check(b" \t\r", LineError::Blank);
        check(b"a", LineError::Fields);
        check(b"a 1", LineError::Fields);
        check(b"a 1 2 3", LineError::Fields);
        check(b"a 1 2\rb 1 2", LineError::Fields);
        check(b"a x 2", LineError::Value);
        check(b"a 0x10 2", LineError::Value);
        check(b"a 1__0 2", LineError::Value);
        check(b"a 1 now", LineError::Timestamp);
        check(b"a 1 nan", LineError::Timestamp);
        check(b"a 1 inf", LineError::Timestamp);
        check(b"a nan 2", LineError::NotANumber);
        check(b"a -NaN 2", LineError::NotANumber);
        check(b"\xff 1 2", LineError::NotUtf8);
        check(b"a 1 2 \xe2\x80", LineError::NotUtf8);
    }

    #[test]
    fn a_stream_keeps_what_has_not_ended() {
        for (input, wanted, rest) in [
            ("a 1 2\nb 1 2\nc 1", 2, "c 1"),
            ("a 1 2", 0, "a 1 2"),
            ("a 1 2\r", 0, "a 1 2\r"),
            ("a 1 2\r\n", 1, ""),
            ("", 0, ""),
            ("\n\n", 2, ""),
        ] {
            let mut lines = StreamLines::new(input.as_bytes(), NOW);
            assert_eq!((lines.by_ref().count(), lines.rest()), (wanted, rest.as_bytes()), "{input:?}");
        }
    }

    #[test]
    fn a_datagram_splits_as_python_splits_lines() {
        let check = |datagram: &str, wanted: &[&str]| {
            let lines: Vec<_> = DatagramLines::new(datagram.as_bytes(), NOW)
                .map(|(_, line)| String::from_utf8(line.to_vec()).unwrap())
                .collect();
            assert_eq!(lines, wanted, "{datagram:?}");
        };
        check("", &[]);
        check("a 1 2", &["a 1 2"]);
        check("a 1 2\n", &["a 1 2"]);
        check("a 1 2\r\nb 1 2\n", &["a 1 2", "b 1 2"]);
        check("a 1 2\rb 1 2", &["a 1 2", "b 1 2"]);
        check("a 1 2\n\nb", &["a 1 2", "", "b"]);
        check("a\u{b}b\u{c}c\u{1c}d\u{1d}e\u{1e}f\u{1f}g", &["a", "b", "c", "d", "e", "f\u{1f}g"]);
        check("ä\u{85}b\u{2028}c\u{2029}d", &["ä", "b", "c", "d"]);
    }
}
