//! What stands in a certificate: whose it is, from whom, from when to when. It is read for people and for thresholds;
//! whether it is trusted is judged by rustls.
//!
//! ```text
//! Certificate ::= SEQUENCE { tbs, algorithm, signature }
//! tbs         ::= SEQUENCE { [0] version?, serial, algorithm, issuer, validity { from, until }, subject, key, …, [3] extensions? }
//! ```

use std::net::{Ipv4Addr, Ipv6Addr};

use serde::Serialize;

use crate::limits::CERTIFICATE_NAMES_MAX;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Certificate {
    /// `CN=example.org, O=Example`
    pub subject: String,
    pub issuer: String,
    /// Host names and addresses that it is for.
    pub names: Vec<String>,
    /// Seconds since the epoch.
    pub valid_from: i64,
    pub valid_until: i64,
    pub serial: String,
}

const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const OID: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const BMP_STRING: u8 = 0x1e;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
const BOOLEAN: u8 = 0x01;
/// Of a subject alternative name.
const DNS_NAME: u8 = 0x82;
const IP_ADDRESS: u8 = 0x87;

/// 2.5.29.17
const ALTERNATIVE_NAMES: &[u8] = &[0x55, 0x1d, 0x11];

impl Certificate {
    /// Of DER. None: it is not a certificate.
    pub fn parse(der: &[u8]) -> Option<Certificate> {
        let mut certificate = Reader(der).enter(SEQUENCE)?;
        let mut tbs = certificate.enter(SEQUENCE)?;
        tbs.take_if(VERSION);
        let serial = hex(tbs.take(INTEGER)?);
        tbs.take(SEQUENCE)?;
        let issuer = distinguished_name(tbs.enter(SEQUENCE)?);
        let mut validity = tbs.enter(SEQUENCE)?;
        let (valid_from, valid_until) = (moment(&mut validity)?, moment(&mut validity)?);
        let subject = distinguished_name(tbs.enter(SEQUENCE)?);
        tbs.take(SEQUENCE)?;
        let names = alternative_names(tbs).unwrap_or_default();
        Some(Certificate { subject, issuer, names, valid_from, valid_until, serial })
    }

    /// The most telling part of the subject.
    pub fn common_name(&self) -> &str {
        common_name(&self.subject)
    }

    pub fn issuer_name(&self) -> &str {
        common_name(&self.issuer)
    }

    pub fn is_self_signed(&self) -> bool {
        self.subject == self.issuer
    }
}

fn common_name(name: &str) -> &str {
    let parts = || name.split(", ");
    let of = |key: &str| parts().find_map(|part| part.strip_prefix(key));
    of("CN=").or_else(|| of("O=")).unwrap_or(name)
}

/// Values of DER, one after the other. Each is a tag, a length and so many bytes.
#[derive(Clone, Copy)]
struct Reader<'d>(&'d [u8]);

impl<'d> Reader<'d> {
    fn next(&mut self) -> Option<(u8, &'d [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81..=0x84 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                (bytes.iter().fold(0usize, |length, byte| length << 8 | usize::from(*byte)), rest)
            }
            _ => return None,
        };
        let (value, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, value))
    }

    fn take(&mut self, tag: u8) -> Option<&'d [u8]> {
        self.next().filter(|(found, _)| *found == tag).map(|(_, value)| value)
    }

    fn take_if(&mut self, tag: u8) -> Option<&'d [u8]> {
        if self.0.first() == Some(&tag) { self.take(tag) } else { None }
    }

    fn enter(&mut self, tag: u8) -> Option<Reader<'d>> {
        self.take(tag).map(Reader)
    }
}

/// `SEQUENCE OF SET OF SEQUENCE { oid, value }`, the most particular part first, as people read it.
fn distinguished_name(mut name: Reader<'_>) -> String {
    let mut parts = Vec::new();
    while let Some(mut set) = name.enter(SET) {
        while let Some(mut pair) = set.enter(SEQUENCE) {
            let Some(oid) = pair.take(OID) else { break };
            let Some((tag, value)) = pair.next() else { break };
            parts.push(format!("{}={}", attribute(oid), text(tag, value)));
        }
    }
    parts.reverse();
    parts.join(", ")
}

fn attribute(oid: &[u8]) -> String {
    match oid {
        [0x55, 0x04, 3] => "CN".into(),
        [0x55, 0x04, 6] => "C".into(),
        [0x55, 0x04, 7] => "L".into(),
        [0x55, 0x04, 8] => "ST".into(),
        [0x55, 0x04, 10] => "O".into(),
        [0x55, 0x04, 11] => "OU".into(),
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x01] => "emailAddress".into(),
        _ => format!("oid:{}", hex(oid)),
    }
}

/// Without control characters: it is shown in terminals and on pages.
fn text(tag: u8, value: &[u8]) -> String {
    let text = if tag == BMP_STRING {
        let units = value.chunks_exact(2).map(|unit| u16::from_be_bytes([unit[0], unit[1]]));
        char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    } else {
        String::from_utf8_lossy(value).into_owned()
    };
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

fn alternative_names(mut tbs: Reader<'_>) -> Option<Vec<String>> {
    let mut extensions = loop {
        match tbs.next()? {
            (EXTENSIONS, value) => break Reader(value).enter(SEQUENCE)?,
            _ => continue,
        }
    };
    while let Some(mut extension) = extensions.enter(SEQUENCE) {
        let oid = extension.take(OID)?;
        extension.take_if(BOOLEAN);
        if oid == ALTERNATIVE_NAMES {
            return names(Reader(extension.take(OCTETS)?).enter(SEQUENCE)?);
        }
    }
    None
}

fn names(mut list: Reader<'_>) -> Option<Vec<String>> {
    let mut names = Vec::new();
    while let (Some((tag, value)), true) = (list.next(), names.len() < CERTIFICATE_NAMES_MAX) {
        match (tag, value.len()) {
            (DNS_NAME, _) => names.push(text(tag, value)),
            (IP_ADDRESS, 4) => names.push(Ipv4Addr::from(<[u8; 4]>::try_from(value).ok()?).to_string()),
            (IP_ADDRESS, 16) => names.push(Ipv6Addr::from(<[u8; 16]>::try_from(value).ok()?).to_string()),
            _ => {}
        }
    }
    Some(names)
}

/// `YYMMDDhhmmssZ` or `YYYYMMDDhhmmssZ`.
fn moment(validity: &mut Reader<'_>) -> Option<i64> {
    let (tag, value) = validity.next()?;
    let digits = value.strip_suffix(b"Z")?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number =
        |digits: &[u8]| digits.iter().fold(0i64, |number, digit| number * 10 + i64::from(digit - b'0'));
    let (year, rest) = match (tag, digits.len()) {
        // RFC 5280: 50 to 99 are of the last century.
        (UTC_TIME, 12) => (number(&digits[..2]) + if digits[0] >= b'5' { 1900 } else { 2000 }, &digits[2..]),
        (GENERALIZED_TIME, 14) => (number(&digits[..4]), &digits[4..]),
        _ => return None,
    };
    let part = |at: usize| number(&rest[at * 2..at * 2 + 2]);
    let days = days_since_epoch(year, part(0), part(1))?;
    Some(days * 86_400 + part(2) * 3_600 + part(3) * 60 + part(4))
}

/// Of the calendar that was always Gregorian. Years begin in March in the middle of it, so that the leap day is last.
fn days_since_epoch(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    Some(year * 365 + leap_days + day_of_year - 719_468)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().take(64).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_count_as_calendars_do() {
        let check = |year, month, day, days| {
            assert_eq!(days_since_epoch(year, month, day), Some(days), "{year}-{month}-{day}");
        };
        check(1970, 1, 1, 0);
        check(1970, 3, 1, 59);
        check(2000, 2, 29, 11_016);
        check(2000, 3, 1, 11_017);
        check(2026, 11, 21, 20_778);
        check(1950, 1, 1, -7_305);
        check(9999, 12, 31, 2_932_896);
        assert_eq!(days_since_epoch(2026, 13, 1), None);
    }

    #[test]
    fn bytes_of_any_kind_are_no_panic() {
        let mut seed = 0x2545_f491_4f6c_dd1d_u64;
        let sample = include_bytes!("../tests/certificate.der");
        assert!(Certificate::parse(sample).is_some());
        for _ in 0..20_000 {
            let mut der = sample.to_vec();
            for _ in 0..3 {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                let at = seed as usize % der.len();
                der[at] = (seed >> 32) as u8;
                der.truncate(if seed >> 60 == 0 { at + 1 } else { der.len() });
            }
            let _ = Certificate::parse(&der);
        }
    }

    #[test]
    fn a_certificate_is_read() {
        let read = Certificate::parse(include_bytes!("../tests/certificate.der")).unwrap();
        assert_eq!(read.subject, "CN=example.org, O=Bellwether, C=DE");
        assert_eq!(read.common_name(), "example.org");
        assert!(read.is_self_signed());
        assert_eq!(read.names, ["example.org", "*.example.org", "127.0.0.1", "2001:db8::1"]);
        // openssl x509 -dates
        assert_eq!((read.valid_from, read.valid_until), (VALID_FROM, VALID_UNTIL));
    }

    const VALID_FROM: i64 = 1795266860;
    const VALID_UNTIL: i64 = 2832066860;
}
