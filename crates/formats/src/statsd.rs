//! StatsD's datagrams: lines of `name:value|type`, in the original's grammar and in DogStatsD's.
//!
//! `name:value|type[|@rate][|#tag:value,...]` is read in one pass and goes out borrowed. Whatever does not
//! look like that takes the long way: that of the original daemon (npm `statsd` 0.9.0, `stats.js` and
//! `helpers.js`) cut by cut, here, or that of DogStatsD in [`crate::statsd_dog`].

use memchr::{memchr, memchr2, memmem};
use vocabulary::sample::{BadSample, Dialect, Reading, Sample, SampleSink};

use crate::{js_number, statsd_dog};

/// Read one datagram, or whole lines of a stream.
#[inline]
pub fn read_packet(packet: &[u8], dialect: Dialect, sink: &mut impl SampleSink) {
    sink.packet();
    let mut rest = packet;
    while let Some(end) = memchr(b'\n', rest) {
        read_line(&rest[..end], dialect, sink);
        rest = &rest[end + 1..];
    }
    read_line(rest, dialect, sink);
}

#[inline]
fn read_line(line: &[u8], dialect: Dialect, sink: &mut impl SampleSink) {
    if line.is_empty() {
        return;
    }
    if plain(line, dialect, sink) {
        return;
    }
    match dialect {
        Dialect::StatsD => original(line, sink),
        Dialect::DogStatsD => statsd_dog::read_line(line, sink),
    }
}

/// The short way. False if the line must take the long one; nothing has been said to the sink then.
#[inline]
fn plain(line: &[u8], dialect: Dialect, sink: &mut impl SampleSink) -> bool {
    // A bar before the first colon may begin the tags, or an event.
    let Some(colon) = memchr2(b':', b'|', line).filter(|at| line[*at] == b':') else { return false };
    let (name, text) = (&line[..colon], &line[colon + 1..]);
    let Some((reading, mut rest)) = plain_reading(text, dialect) else { return false };
    let mut weight = 1.0;
    if let [b'|', b'@', rate @ ..] = rest {
        let unsigned = rate.first().is_some_and(|byte| !matches!(byte, b'+' | b'-'));
        let Some((rate, length)) = js_number::leading_decimal(rate).filter(|_| unsigned) else {
            return false;
        };
        weight = 1.0 / rate;
        rest = &rest[2 + length..];
    }
    let tags = match rest {
        [] => rest,
        [b'|', b'#', tags @ ..] if memchr(b'|', tags).is_none() && tags.last() != Some(&b'\r') => tags,
        _ => return false,
    };
    if name.first() == Some(&b'_') && dialect == Dialect::DogStatsD && statsd_dog::is_event(name) {
        return false;
    }
    sink.line(name, tags);
    sink.sample(&Sample { name, tags, reading, weight, time: None });
    true
}

/// `NUMBER|TYPE` up to the end or the next bar, for the types that have a letter of their own.
#[inline]
fn plain_reading(text: &[u8], dialect: Dialect) -> Option<(Reading<'_>, &[u8])> {
    let (number, length) = js_number::leading_decimal(text)?;
    let typed = text[length..].strip_prefix(b"|")?;
    let dog = dialect == Dialect::DogStatsD;
    let (reading, rest) = match typed {
        [b'c', rest @ ..] => (Reading::Counter(number), rest),
        [b'm', b's', rest @ ..] if number >= 0.0 => (Reading::Timer(number), rest),
        [b'g', rest @ ..] if matches!(text[0], b'+' | b'-') => (Reading::GaugeChange(number), rest),
        [b'g', rest @ ..] => (Reading::Gauge(number), rest),
        [b'h', rest @ ..] if dog => (Reading::Histogram(number), rest),
        [b'd', rest @ ..] if dog => (Reading::Distribution(number), rest),
        _ => return None,
    };
    matches!(rest, [] | [b'|', ..]).then_some((reading, rest))
}

/// The original's way: cut off the tags at `|#`, then cut at colons; each piece behind the first is a value.
fn original(line: &[u8], sink: &mut impl SampleSink) {
    let (head, tags) = match memmem::find(line, b"|#") {
        Some(at) => (&line[..at], &line[at + 2..]),
        None => (line, &line[line.len()..]),
    };
    let tags = &tags[..memmem::find(tags, b"|#").unwrap_or(tags.len())];
    let mut pieces = head.split(|byte| *byte == b':');
    let name = pieces.next().unwrap_or_default();
    sink.line(name, tags);
    // The original puts the value "1" there, which has no type.
    if name.len() == head.len() {
        return sink.bad(line, BadSample::NoType);
    }
    for piece in pieces {
        match fields(piece) {
            Ok((reading, weight)) => sink.sample(&Sample { name, tags, reading, weight, time: None }),
            Err(why) => sink.bad(line, why),
        }
    }
}

/// `value|type[|@rate[|whatever]]`
fn fields(piece: &[u8]) -> Result<(Reading<'_>, f64), BadSample> {
    let mut fields = piece.split(|byte| *byte == b'|');
    let value = fields.next().unwrap_or_default();
    let kind = fields.next().ok_or(BadSample::NoType)?;
    let weight = fields.next().map_or(Ok(1.0), weight)?;
    Ok((reading(value, kind, Dialect::StatsD)?, weight))
}

/// From `@rate`. The original tests the whole for being a number, then takes the digits and dots at its
/// start; where there are none (`@+1`, `@ 1`, `@Infinity`) it dies, and we call it a bad line.
pub(crate) fn weight(field: &[u8]) -> Result<f64, BadSample> {
    let rate = field.strip_prefix(b"@").filter(|rate| is_number(rate)).ok_or(BadSample::Rate)?;
    let length = rate.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
    let rate = js_number::read(&rate[..length]).filter(|_| length > 0).ok_or(BadSample::Rate)?;
    Ok(1.0 / rate)
}

/// `helpers.isNumber`
fn is_number(text: &[u8]) -> bool {
    !text.is_empty() && js_number::read(text).is_some()
}

/// A value whose type was cut out as `kind`. The type is compared before blanks are trimmed to see what the
/// value must be, and after to see what it means, as the original does: `1|s ` is a member, `x|s ` is bad.
pub(crate) fn reading<'a>(value: &'a [u8], kind: &[u8], dialect: Dialect) -> Result<Reading<'a>, BadSample> {
    let member = Reading::Member(if value.is_empty() { b"0" } else { value });
    if kind == b"s" {
        return Ok(member);
    }
    let number = js_number::read(value).filter(|_| !value.is_empty()).ok_or(BadSample::Value)?;
    if kind == b"ms" && number < 0.0 {
        return Err(BadSample::Value);
    }
    let dog = dialect == Dialect::DogStatsD;
    Ok(match js_number::trim(kind) {
        b"ms" => Reading::Timer(number),
        b"g" if matches!(value[0], b'+' | b'-') => Reading::GaugeChange(number),
        b"g" => Reading::Gauge(number),
        b"s" => member,
        b"h" if dog => Reading::Histogram(number),
        b"d" if dog => Reading::Distribution(number),
        _ => Reading::Counter(number),
    })
}

#[cfg(test)]
mod tests;
