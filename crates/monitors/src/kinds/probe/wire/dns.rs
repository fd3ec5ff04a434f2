//! Questions and answers of DNS (RFC 1035).
//!
//! ```text
//! header   id:16 flags:16 questions:16 answers:16 authorities:16 additionals:16
//! question name type:16 class:16
//! record   name type:16 class:16 ttl:32 length:16 data
//! name     (length letters)* 0, or a pointer 11xxxxxx xxxxxxxx to an earlier one
//! ```

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Longest name on the wire.
const NAME_BYTES_MAX: usize = 255;
/// Pointers that one name may follow; names have at most 127 labels.
const JUMPS_MAX: usize = 128;
/// Records of one answer that are read; 64 KiB hold some 4,000 of the smallest kind.
const RECORDS_MAX: usize = 4_096;

const IN: u16 = 1;
const QUERY_WITH_RECURSION: u16 = 0x0100;
const IS_ANSWER: u16 = 0x8000;
const IS_CUT: u16 = 0x0200;

pub const TYPES: [(&str, u16); 10] = [
    ("A", 1),
    ("NS", 2),
    ("CNAME", 5),
    ("SOA", 6),
    ("PTR", 12),
    ("MX", 15),
    ("TXT", 16),
    ("AAAA", 28),
    ("SRV", 33),
    ("CAA", 257),
];

#[derive(Debug, PartialEq)]
pub struct Answer {
    pub code: u8,
    /// It does not fit in a datagram.
    pub is_cut: bool,
    /// Of the type that was asked for, as text, with their time to live.
    pub records: Vec<(String, u32)>,
}

/// None: it is no name.
pub fn question(id: u16, name: &str, kind: u16) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    for word in [id, QUERY_WITH_RECURSION, 1, 0, 0, 0] {
        out.extend(word.to_be_bytes());
    }
    for label in name.trim_end_matches('.').split('.').filter(|_| name != ".") {
        let length = u8::try_from(label.len()).ok().filter(|length| (1..=63).contains(length))?;
        out.push(length);
        out.extend(label.as_bytes());
    }
    out.push(0);
    if out.len() > 12 + NAME_BYTES_MAX {
        return None;
    }
    out.extend(kind.to_be_bytes());
    out.extend(IN.to_be_bytes());
    Some(out)
}

/// What an address is called when a name is asked for.
pub fn reverse(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(v6) => {
            let nibbles = v6.octets().into_iter().rev().flat_map(|byte| [byte & 15, byte >> 4]);
            nibbles.map(|nibble| format!("{nibble:x}.")).collect::<String>() + "ip6.arpa"
        }
    }
}

/// None: it is no answer to this question.
pub fn answer(question: &[u8], bytes: &[u8]) -> Option<Answer> {
    let mut reader = Reader { bytes, at: 0 };
    let (id, flags) = (reader.u16()?, reader.u16()?);
    let (questions, answers) = (reader.u16()?, reader.u16()?);
    reader.at += 4;
    if id.to_be_bytes() != question.get(..2)? || flags & IS_ANSWER == 0 || questions != 1 {
        return None;
    }
    let asked = reader.name()?;
    let (kind, class) = (reader.u16()?, reader.u16()?);
    let mut own = Reader { bytes: question, at: 12 };
    if !asked.eq_ignore_ascii_case(&own.name()?) || kind != own.u16()? || class != own.u16()? {
        return None;
    }
    let is_cut = flags & IS_CUT != 0;
    let mut records = Vec::new();
    for _ in 0..usize::from(answers).min(RECORDS_MAX) {
        match record(&mut reader) {
            Some((of, text, ttl)) if of == kind => records.push((text, ttl)),
            Some(_) => {}
            // A datagram that was cut may end within a record.
            None if is_cut => break,
            None => return None,
        }
    }
    Some(Answer { code: (flags & 15) as u8, is_cut, records })
}

pub fn code_name(code: u8) -> &'static str {
    match code {
        0 => "no error",
        1 => "FORMERR: the server does not understand the question",
        2 => "SERVFAIL: the server could not find it out",
        3 => "NXDOMAIN: there is no such name",
        4 => "NOTIMP: the server does not answer such questions",
        5 => "REFUSED: the server does not answer us",
        _ => "an error",
    }
}

fn record(reader: &mut Reader<'_>) -> Option<(u16, String, u32)> {
    reader.name()?;
    let kind = reader.u16()?;
    reader.u16()?;
    let ttl = u32::from(reader.u16()?) << 16 | u32::from(reader.u16()?);
    let length = usize::from(reader.u16()?);
    let end = reader.at.checked_add(length).filter(|end| *end <= reader.bytes.len())?;
    // Names within the data may point before it, but nothing reads behind it.
    let mut data = Reader { bytes: &reader.bytes[..end], at: reader.at };
    reader.at = end;
    Some((kind, text(kind, &mut data)?, ttl))
}

fn text(kind: u16, data: &mut Reader<'_>) -> Option<String> {
    Some(match kind {
        1 => Ipv4Addr::from(<[u8; 4]>::try_from(data.rest()).ok()?).to_string(),
        28 => Ipv6Addr::from(<[u8; 16]>::try_from(data.rest()).ok()?).to_string(),
        2 | 5 | 12 => data.name()?,
        15 => format!("{} {}", data.u16()?, data.name()?),
        16 => {
            let mut text = String::new();
            while data.at < data.bytes.len() {
                let length = usize::from(data.u8()?);
                text.push_str(&String::from_utf8_lossy(data.take(length)?));
            }
            text
        }
        33 => format!("{} {} {} {}", data.u16()?, data.u16()?, data.u16()?, data.name()?),
        6 => {
            let (server, mail) = (data.name()?, data.name()?);
            let serial = u32::from(data.u16()?) << 16 | u32::from(data.u16()?);
            format!("{server} {mail} {serial}")
        }
        257 => {
            let flags = data.u8()?;
            let length = usize::from(data.u8()?);
            let tag = String::from_utf8_lossy(data.take(length)?).into_owned();
            format!("{flags} {tag} \"{}\"", String::from_utf8_lossy(data.rest()))
        }
        _ => String::new(),
    })
}

struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Reader<'b> {
    fn u8(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from(self.u8()?) << 8 | u16::from(self.u8()?))
    }

    fn take(&mut self, count: usize) -> Option<&'b [u8]> {
        let taken = self.bytes.get(self.at..self.at.checked_add(count)?)?;
        self.at += count;
        Some(taken)
    }

    fn rest(&mut self) -> &'b [u8] {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        self.at = self.bytes.len();
        rest
    }

    /// Without the dot at its end; the root is `.`.
    fn name(&mut self) -> Option<String> {
        let mut name = String::new();
        let mut here = Reader { bytes: self.bytes, at: self.at };
        let mut jumped = false;
        for _ in 0..JUMPS_MAX * 2 {
            let length = here.u8()?;
            match length {
                0 => {
                    self.at = if jumped { self.at } else { here.at };
                    return Some(if name.is_empty() { ".".into() } else { name });
                }
                1..=63 => {
                    let label = here.take(usize::from(length))?;
                    if !name.is_empty() {
                        name.push('.');
                    }
                    name.push_str(&String::from_utf8_lossy(label));
                    if name.len() > 3 * NAME_BYTES_MAX {
                        return None;
                    }
                }
                0xc0.. => {
                    let low = here.u8()?;
                    if !jumped {
                        self.at = here.at;
                        jumped = true;
                    }
                    here.at = usize::from(length & 0x3f) << 8 | usize::from(low);
                }
                _ => return None,
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An answer to `question` with records whose names point to it.
    fn reply(question: &[u8], code: u16, records: &[(u16, &[u8])]) -> Vec<u8> {
        let mut out = question.to_vec();
        out[2..4].copy_from_slice(&(IS_ANSWER | code).to_be_bytes());
        out[6..8].copy_from_slice(&(records.len() as u16).to_be_bytes());
        for (kind, data) in records {
            out.extend([0xc0, 12]);
            out.extend(kind.to_be_bytes());
            out.extend([0, 1, 0, 0, 1, 44]);
            out.extend((data.len() as u16).to_be_bytes());
            out.extend(*data);
        }
        out
    }

    fn check(kind: &str, data: &[u8], expected: &str) {
        let number = TYPES.iter().find(|(name, _)| *name == kind).unwrap().1;
        let question = question(7, "mail.example.org", number).unwrap();
        let answer = answer(&question, &reply(&question, 0, &[(number, data)])).unwrap();
        assert_eq!(answer.records, [(expected.to_owned(), 300)], "{kind}");
    }

    #[test]
    fn records_are_read() {
        check("A", &[10, 0, 0, 1], "10.0.0.1");
        check("AAAA", &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], "2001:db8::1");
        check("MX", b"\x00\x0a\x02mx\xc0\x11", "10 mx.example.org");
        check("CNAME", b"\x01a\xc0\x0c", "a.mail.example.org");
        check("TXT", b"\x03v=s\x03pf1", "v=spf1");
        check("SRV", b"\x00\x01\x00\x02\x00\x50\xc0\x0c", "1 2 80 mail.example.org");
        check("CAA", b"\x00\x05issueca.example", "0 issue \"ca.example\"");
        check("NS", b"\x00", ".");
    }

    #[test]
    fn only_answers_to_the_question_count() {
        let asked = question(7, "example.org", 1).unwrap();
        let good = reply(&asked, 3, &[]);
        assert_eq!(answer(&asked, &good).unwrap().code, 3);
        assert_eq!(answer(&question(8, "example.org", 1).unwrap(), &good), None);
        assert_eq!(answer(&question(7, "example.com", 1).unwrap(), &good), None);
        assert_eq!(answer(&question(7, "example.org", 28).unwrap(), &good), None);
        assert!(answer(&question(7, "EXAMPLE.org", 1).unwrap(), &good).is_some());
        assert_eq!(answer(&asked, &asked), None, "our own question, sent back");
        assert_eq!(question(7, &"a".repeat(64), 1), None);
        assert_eq!(question(7, "a..b", 1), None);
    }

    #[test]
    fn names_of_addresses() {
        assert_eq!(reverse("10.1.2.3".parse().unwrap()), "3.2.1.10.in-addr.arpa");
        let v6 = reverse("2001:db8::1".parse().unwrap());
        assert!(v6.starts_with("1.0.0.0.") && v6.ends_with("8.b.d.0.1.0.0.2.ip6.arpa"), "{v6}");
    }

    #[test]
    fn loops_of_pointers_end() {
        let asked = question(7, "a", 1).unwrap();
        let mut looping = reply(&asked, 0, &[(1, &[1, 2, 3, 4])]);
        let at = asked.len();
        looping[at..at + 2].copy_from_slice(&[0xc0, at as u8]);
        assert_eq!(answer(&asked, &looping), None);
    }
}
