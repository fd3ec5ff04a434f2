//! What at one place of a message changes from event to event.

use std::net::Ipv6Addr;

use super::dates;

/// Longest parts that are looked at, so that each place costs a bounded time.
const MAX_LOCAL: usize = 64;
const MAX_HOST: usize = 253;
const MAX_SCHEME: usize = 16;
const MAX_QUOTED: usize = 1_024;
const MAX_IPV6: usize = 45;

/// Endings by which a dotted name is a host's, and not a module's or a file's.
const TOP_LEVEL: &str = "com net org io dev gov edu mil info biz eu de fr uk us nl ch cz se es pl ru cn jp br au ca be dk fi \
    cloud local internal lan example test";
const UNITS: [&[u8]; 12] =
    [b"ns", b"us", b"ms", b"s", b"sec", b"secs", b"m", b"min", b"mins", b"h", b"hr", b"d"];

type Found = Option<(usize, &'static str)>;

/// What is not ASCII is a part of words.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// Where what begins at `at` ends, and what it is. `at` is at the beginning of a word, or between words.
pub(super) fn variable(bytes: &[u8], at: usize) -> Found {
    let named = |end: Option<usize>, name| end.map(|end| (end, name));
    match bytes[at] {
        b'=' => assigned(bytes, at),
        b'-' if begins_number(bytes, at) => named(number(bytes, at + 1), "<number>"),
        b':' => named(ipv6(bytes, at), "<ip>"),
        byte if byte.is_ascii_alphanumeric() => word(bytes, at),
        _ => None,
    }
}

/// Where it ends, if it stands there.
type Finder = fn(&[u8], usize) -> Option<usize>;

/// In the order of the reference: what is found first holds.
fn word(bytes: &[u8], at: usize) -> Found {
    let end = run_end(bytes, at, is_word);
    let run = &bytes[at..end];
    if run.iter().all(u8::is_ascii_alphabetic) && is_plain(bytes, end) && !dates::begins_with_name(run) {
        return None;
    }
    let candidates: [(Finder, &'static str); 12] = [
        (email, "<email>"),
        (url, "<url>"),
        (hostname, "<hostname>"),
        (ip, "<ip>"),
        (traceparent, "<traceparent>"),
        (uuid, "<uuid>"),
        (sha1, "<sha1>"),
        (md5, "<md5>"),
        (dates::date, "<date>"),
        (duration, "<duration>"),
        (hex, "<hex>"),
        (git_sha, "<git_sha>"),
    ];
    let found = candidates.iter().find_map(|(find, name)| find(bytes, at).map(|end| (end, *name)));
    found.or_else(|| number(bytes, at).map(|end| (end, "<number>")))
}

/// No address and no name goes on here.
fn is_plain(bytes: &[u8], at: usize) -> bool {
    !matches!(bytes.get(at), Some(b'@' | b'.' | b':' | b'-' | b'+' | b'%'))
}

pub(super) fn run_end(bytes: &[u8], at: usize, belongs: impl Fn(u8) -> bool) -> usize {
    at + bytes[at..].iter().take_while(|byte| belongs(**byte)).count()
}

/// The same, if no longer than a bound.
fn bounded_run(bytes: &[u8], at: usize, most: usize, belongs: impl Fn(u8) -> bool) -> Option<usize> {
    let rest = &bytes[at..];
    let length = rest.iter().take(most + 1).take_while(|byte| belongs(**byte)).count();
    (length <= most).then_some(at + length)
}

/// No word goes on at `end`.
pub(super) fn ends(bytes: &[u8], end: usize) -> bool {
    !bytes.get(end).is_some_and(|byte| is_word(*byte))
}

fn ending(bytes: &[u8], end: usize) -> Option<usize> {
    ends(bytes, end).then_some(end)
}

pub(super) fn digits(bytes: &[u8], at: usize, least: usize, most: usize) -> Option<usize> {
    let length = bytes.get(at..)?.iter().take(most + 1).take_while(|byte| byte.is_ascii_digit()).count();
    (least..=most).contains(&length).then_some(at + length)
}

fn assigned(bytes: &[u8], at: usize) -> Found {
    let value = at + 1;
    if let Some(quote @ (b'"' | b'\'')) = bytes.get(value).copied() {
        let text = bytes[value + 1..].iter().take(MAX_QUOTED);
        let length = text.take_while(|byte| **byte != quote).count();
        let end = value + 1 + length;
        return (bytes.get(end) == Some(&quote)).then_some((end + 1, "=<quoted>"));
    }
    let end = run_end(bytes, value, is_word);
    let is_bool = matches!(&bytes[value..end], b"true" | b"false" | b"True" | b"False");
    is_bool.then_some((end, "=<bool>"))
}

fn begins_number(bytes: &[u8], at: usize) -> bool {
    let follows_word = at > 0 && (is_word(bytes[at - 1]) || matches!(bytes[at - 1], b')' | b'-' | b'>'));
    !follows_word && bytes.get(at + 1).is_some_and(u8::is_ascii_digit)
}

/// Domain or not, labels with dots between them.
fn dotted(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let belongs = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    let mut end = bounded_run(bytes, at, MAX_HOST, belongs)?;
    while end > at && matches!(bytes[end - 1], b'.' | b'-') {
        end -= 1;
    }
    let last = at + bytes[at..end].iter().rposition(|byte| *byte == b'.')?;
    (!bytes[at..end].windows(2).any(|two| two == b"..")).then_some((end, last + 1))
}

fn email(bytes: &[u8], at: usize) -> Option<usize> {
    let belongs = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'%' | b'+' | b'-');
    let sign = bounded_run(bytes, at, MAX_LOCAL, belongs)?;
    if bytes.get(sign) != Some(&b'@') || !bytes.get(sign + 1).is_some_and(u8::is_ascii_alphanumeric) {
        return None;
    }
    let (end, _) = dotted(bytes, sign + 1)?;
    ending(bytes, end)
}

fn url(bytes: &[u8], at: usize) -> Option<usize> {
    let belongs = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'.' | b'-');
    let colon = bounded_run(bytes, at, MAX_SCHEME, belongs)?;
    if !bytes[colon..].starts_with(b"://") {
        return None;
    }
    let start = colon + 3;
    let stops = |byte: u8| byte.is_ascii_whitespace() || b"\"'<>`|".contains(&byte);
    let mut end = run_end(bytes, start, |byte| !stops(byte));
    while end > start && b".,;:!?)]}".contains(&bytes[end - 1]) {
        end -= 1;
    }
    (end > start).then_some(end)
}

fn hostname(bytes: &[u8], at: usize) -> Option<usize> {
    if bytes[at..].starts_with(b"localhost") {
        return ending(bytes, at + b"localhost".len());
    }
    let (end, last) = dotted(bytes, at)?;
    let label = &bytes[last..end];
    let is_known = TOP_LEVEL.split(' ').any(|known| label.eq_ignore_ascii_case(known.as_bytes()));
    // `java.io` is a package, and what is called is a function.
    let is_other = bytes[at..end].starts_with(b"java.") || bytes.get(end) == Some(&b'(');
    if is_known && !is_other { ending(bytes, end) } else { None }
}

fn ip(bytes: &[u8], at: usize) -> Option<usize> {
    ipv4(bytes, at).or_else(|| ipv6(bytes, at))
}

fn ipv4(bytes: &[u8], at: usize) -> Option<usize> {
    let mut end = at;
    for part in 0..4 {
        if part > 0 {
            end = (bytes.get(end) == Some(&b'.')).then_some(end + 1)?;
        }
        let next = digits(bytes, end, 1, 3)?;
        let octet = std::str::from_utf8(&bytes[end..next]).ok()?;
        octet.parse::<u8>().ok()?;
        end = next;
    }
    let goes_on = bytes.get(end) == Some(&b'.') && bytes.get(end + 1).is_some_and(u8::is_ascii_digit);
    if goes_on { None } else { ending(bytes, end) }
}

fn ipv6(bytes: &[u8], at: usize) -> Option<usize> {
    let belongs = |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
    let mut end = bounded_run(bytes, at, MAX_IPV6 + 1, belongs)?;
    while end > at && matches!(bytes[end - 1], b'.' | b':') && !bytes[at..end].ends_with(b"::") {
        end -= 1;
    }
    let text = std::str::from_utf8(&bytes[at..end]).ok()?;
    // `a::b` may as well be a name.
    if !text.bytes().any(|byte| byte.is_ascii_digit()) || !text.contains(':') {
        return None;
    }
    text.parse::<Ipv6Addr>().ok()?;
    ending(bytes, end)
}

/// Groups of hexadecimal digits with dashes between them.
fn grouped_hex(bytes: &[u8], at: usize, groups: &[usize]) -> Option<usize> {
    let mut end = at;
    for (index, length) in groups.iter().enumerate() {
        if index > 0 {
            end = (bytes.get(end) == Some(&b'-')).then_some(end + 1)?;
        }
        let group = bytes.get(end..end + length)?;
        if !group.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        end += length;
    }
    ending(bytes, end)
}

fn traceparent(bytes: &[u8], at: usize) -> Option<usize> {
    grouped_hex(bytes, at, &[2, 32, 16, 2])
}

fn uuid(bytes: &[u8], at: usize) -> Option<usize> {
    grouped_hex(bytes, at, &[8, 4, 4, 4, 12])
}

fn sha1(bytes: &[u8], at: usize) -> Option<usize> {
    grouped_hex(bytes, at, &[40])
}

fn md5(bytes: &[u8], at: usize) -> Option<usize> {
    grouped_hex(bytes, at, &[32])
}

fn duration(bytes: &[u8], at: usize) -> Option<usize> {
    let mut end = at;
    while bytes.get(end).is_some_and(u8::is_ascii_digit) {
        let mut unit = run_end(bytes, end, |byte| byte.is_ascii_digit());
        if bytes.get(unit) == Some(&b'.') {
            unit = digits(bytes, unit + 1, 1, 20)?;
        }
        let next = run_end(bytes, unit, |byte| byte.is_ascii_alphabetic());
        let is_micro = bytes[unit..].starts_with("µs".as_bytes());
        end = if is_micro { unit + "µs".len() } else { next };
        if !is_micro && !UNITS.contains(&&bytes[unit..next]) {
            return None;
        }
    }
    if end > at { ending(bytes, end) } else { None }
}

fn hex(bytes: &[u8], at: usize) -> Option<usize> {
    let end = run_end(bytes, at, is_word);
    let run = &bytes[at..end];
    if let Some(digits) = run.strip_prefix(b"0x").or_else(|| run.strip_prefix(b"0X")) {
        return (!digits.is_empty() && digits.iter().all(u8::is_ascii_hexdigit)).then_some(end);
    }
    (run.len() >= 8 && is_mixed_hex(run)).then_some(end)
}

fn git_sha(bytes: &[u8], at: usize) -> Option<usize> {
    let end = run_end(bytes, at, is_word);
    (end - at == 7 && is_mixed_hex(&bytes[at..end])).then_some(end)
}

/// Of one case, with a digit and a letter: words have no digits, and numbers no letters.
fn is_mixed_hex(run: &[u8]) -> bool {
    let lower = run.iter().any(|byte| matches!(byte, b'a'..=b'f'));
    let upper = run.iter().any(|byte| matches!(byte, b'A'..=b'F'));
    lower != upper && run.iter().all(u8::is_ascii_hexdigit) && run.iter().any(u8::is_ascii_digit)
}

/// Whole, with a fraction, as a version, with an exponent, or with commas between thousands.
fn number(bytes: &[u8], at: usize) -> Option<usize> {
    let digits_end = |at: usize| run_end(bytes, at, |byte| byte.is_ascii_digit());
    let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    if !is_digit(at) {
        return None;
    }
    let mut end = digits_end(at);
    while bytes.get(end) == Some(&b',') && digits(bytes, end + 1, 3, 3).is_some() {
        end += 4;
    }
    while bytes.get(end) == Some(&b'.') && is_digit(end + 1) {
        end = digits_end(end + 1);
    }
    // `1920x1080`
    if bytes.get(end) == Some(&b'x') && is_digit(end + 1) {
        return ending(bytes, digits_end(end + 1));
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        if is_digit(end + 1 + sign) {
            end = digits_end(end + 1 + sign);
        }
    }
    ending(bytes, end)
}
