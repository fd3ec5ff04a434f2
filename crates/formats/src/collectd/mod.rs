//! collectd's binary network protocol: datagrams of typed parts, some of which stay in force for the values after
//! them. The names that its write_graphite plugin would make of them are in [`names`], signatures and encryption in
//! [`security`], the names of data sources in [`types`].
//!
//! A part is a type and a length (both 16 bits, big-endian, the length with these four bytes) and what it holds:
//! text with a zero at its end, a number of 64 bits, or values. Gauges are little-endian, all else big-endian.

pub mod names;
pub mod security;
pub mod types;

use security::{Opened, Security};

const HEADER_BYTES: usize = 4;
/// collectd's `DATA_MAX_NAME_LEN`, with the zero.
const MAX_TEXT_BYTES: usize = 128;
/// A signature within an encrypted part is as deep as collectd nests.
const MAX_DEPTH: u32 = 3;

mod part {
    pub const HOST: u16 = 0x0000;
    pub const TIME: u16 = 0x0001;
    pub const PLUGIN: u16 = 0x0002;
    pub const PLUGIN_INSTANCE: u16 = 0x0003;
    pub const TYPE: u16 = 0x0004;
    pub const TYPE_INSTANCE: u16 = 0x0005;
    pub const VALUES: u16 = 0x0006;
    pub const INTERVAL: u16 = 0x0007;
    pub const TIME_HR: u16 = 0x0008;
    pub const INTERVAL_HR: u16 = 0x0009;
    pub const MESSAGE: u16 = 0x0100;
    pub const SIGNATURE: u16 = 0x0200;
    pub const ENCRYPTION: u16 = 0x0210;
}

/// Seconds in units of 2^-30, as collectd counts time since its version 5.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct FineTime(pub u64);

impl FineTime {
    fn of_seconds(seconds: u64) -> FineTime {
        FineTime(seconds.saturating_mul(1 << 30))
    }

    /// To the nearest second, as write_graphite writes it.
    pub fn rounded_seconds(self) -> i64 {
        (self.0.saturating_add(1 << 29) >> 30) as i64
    }

    pub fn seconds_since(self, earlier: FineTime) -> f64 {
        self.0.saturating_sub(earlier.0) as f64 / f64::from(1 << 30)
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    Counter(u64),
    Gauge(f64),
    Derive(i64),
    Absolute(u64),
}

/// Values of one moment that belong together, such as received and sent bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Values<'p> {
    pub host: &'p str,
    pub plugin: &'p str,
    pub plugin_instance: &'p str,
    pub kind: &'p str,
    pub type_instance: &'p str,
    pub time: FineTime,
    /// Zero if the sender did not say.
    pub interval: FineTime,
    raw: &'p [u8],
}

impl<'p> Values<'p> {
    pub fn len(&self) -> usize {
        self.raw.len() / VALUE_BYTES
    }

    pub fn is_empty(&self) -> bool {
        self.raw.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = Value> + use<'p> {
        let (codes, numbers) = self.raw.split_at(self.len());
        codes.iter().zip(numbers.as_chunks::<8>().0).map(|(code, number)| match code {
            0 => Value::Counter(u64::from_be_bytes(*number)),
            1 => Value::Gauge(f64::from_le_bytes(*number)),
            2 => Value::Derive(i64::from_be_bytes(*number)),
            _ => Value::Absolute(u64::from_be_bytes(*number)),
        })
    }
}

/// A code and a number.
const VALUE_BYTES: usize = 9;

/// Why (a part of) a packet is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacketError {
    /// A length that leads out of the packet, or does not fit what it is the length of.
    Length,
    /// Text without a zero at its end, too long, or not UTF-8.
    Text,
    /// A code of a value that collectd does not have.
    ValueCode,
    /// Values without host, plugin, type or time.
    Incomplete,
    /// Signed or encrypted by nobody who is known, or changed on its way.
    NotVerified,
    /// Not signed, or not encrypted, where it has to be.
    NotProtected,
    /// Encrypted, and there is no password to open it with.
    NoPassword,
}

impl std::fmt::Display for PacketError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            PacketError::Length => "a length that does not fit",
            PacketError::Text => "text that is too long, without an end or not UTF-8",
            PacketError::ValueCode => "a kind of value that collectd does not have",
            PacketError::Incomplete => "values without host, plugin, type or time",
            PacketError::NotVerified => {
                "signed or encrypted with a user or password that is not in password_file"
            }
            PacketError::NotProtected => "less protected than security_level asks for",
            PacketError::NoPassword => "encrypted, and no password_file is configured",
        })
    }
}

impl PacketError {
    /// It is about who sent it, not about what was sent.
    pub fn is_about_security(self) -> bool {
        matches!(self, PacketError::NotVerified | PacketError::NotProtected | PacketError::NoPassword)
    }
}

/// What a packet brings.
pub trait PacketSink {
    fn values(&mut self, values: &Values<'_>);
    /// Text for people: collectd's own notifications.
    fn notification(&mut self);
    /// What follows in the packet is lost too, if it is not only about these values.
    fn bad(&mut self, error: PacketError);
}

/// How a packet, or a part of it, was protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protection {
    None,
    Signed,
    Encrypted,
}

/// Reads all of it, as far as it can be read.
pub fn read_packet(bytes: &[u8], security: &Security, sink: &mut dyn PacketSink) {
    if let Err(error) = read_parts(bytes, security, Protection::None, MAX_DEPTH, sink) {
        sink.bad(error);
    }
}

#[derive(Default)]
struct State<'p> {
    host: &'p str,
    plugin: &'p str,
    plugin_instance: &'p str,
    kind: &'p str,
    type_instance: &'p str,
    time: FineTime,
    interval: FineTime,
}

fn read_parts(
    bytes: &[u8],
    security: &Security,
    protection: Protection,
    depth: u32,
    sink: &mut dyn PacketSink,
) -> Result<(), PacketError> {
    let mut state = State::default();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (kind, body, after) = next_part(rest)?;
        rest = after;
        match kind {
            part::HOST => state.host = text(body)?,
            part::PLUGIN => state.plugin = text(body)?,
            part::PLUGIN_INSTANCE => state.plugin_instance = text(body)?,
            part::TYPE => state.kind = text(body)?,
            part::TYPE_INSTANCE => state.type_instance = text(body)?,
            part::TIME => state.time = FineTime::of_seconds(number(body)?),
            part::TIME_HR => state.time = FineTime(number(body)?),
            part::INTERVAL => state.interval = FineTime::of_seconds(number(body)?),
            part::INTERVAL_HR => state.interval = FineTime(number(body)?),
            part::VALUES => match values(&state, body)? {
                _ if protection < security.least => sink.bad(PacketError::NotProtected),
                Some(values) => sink.values(&values),
                None => sink.bad(PacketError::Incomplete),
            },
            part::MESSAGE => sink.notification(),
            part::SIGNATURE | part::ENCRYPTION if depth == 0 => return Err(PacketError::Length),
            // It vouches for the rest of the packet.
            part::SIGNATURE => {
                let signed = security.verify(body, rest)?.max(protection);
                return read_parts(rest, security, signed, depth - 1, sink);
            }
            part::ENCRYPTION => {
                let Opened(opened) = security.open(body)?;
                read_parts(&opened, security, Protection::Encrypted, depth - 1, sink)?;
            }
            // Severity of a notification, and what later versions may add.
            _ => {}
        }
    }
    Ok(())
}

/// Type, what it holds, and what is behind it.
fn next_part(bytes: &[u8]) -> Result<(u16, &[u8], &[u8]), PacketError> {
    let (header, _) = bytes.split_first_chunk::<HEADER_BYTES>().ok_or(PacketError::Length)?;
    let kind = u16::from_be_bytes([header[0], header[1]]);
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    let (part, after) = bytes.split_at_checked(length).ok_or(PacketError::Length)?;
    Ok((kind, part.get(HEADER_BYTES..).ok_or(PacketError::Length)?, after))
}

fn text(body: &[u8]) -> Result<&str, PacketError> {
    match body.split_last() {
        Some((0, text)) if body.len() <= MAX_TEXT_BYTES => {
            let end = memchr::memchr(0, text).unwrap_or(text.len());
            std::str::from_utf8(&text[..end]).map_err(|_| PacketError::Text)
        }
        _ => Err(PacketError::Text),
    }
}

fn number(body: &[u8]) -> Result<u64, PacketError> {
    body.try_into().map(u64::from_be_bytes).map_err(|_| PacketError::Length)
}

/// `None` if it is not known whose they are.
fn values<'p>(state: &State<'p>, body: &'p [u8]) -> Result<Option<Values<'p>>, PacketError> {
    let (count, raw) = body.split_first_chunk::<2>().ok_or(PacketError::Length)?;
    let count = usize::from(u16::from_be_bytes(*count));
    if count == 0 || raw.len() != count * VALUE_BYTES {
        return Err(PacketError::Length);
    }
    if raw[..count].iter().any(|code| *code > 3) {
        return Err(PacketError::ValueCode);
    }
    let State { host, plugin, plugin_instance, kind, type_instance, time, interval } = *state;
    let whose = !host.is_empty() && !plugin.is_empty() && !kind.is_empty() && time.0 > 0;
    Ok(whose.then_some(Values { host, plugin, plugin_instance, kind, type_instance, time, interval, raw }))
}

#[cfg(test)]
mod tests;
