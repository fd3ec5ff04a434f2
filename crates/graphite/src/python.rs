//! How Python writes numbers and texts, and rounds. Names, tags and answers of the original are made with
//! these, so ours must be to come out the same.

pub use formats::python_regex::quoted;

use crate::error::EvaluationError;
use crate::limits;
use crate::series::is_null;

/// `repr` of a float: the shortest digits that read back, an exponent below 1e-4 and from 1e16 on.
pub fn push_float(out: &mut Vec<u8>, value: f64) {
    if !value.is_finite() {
        out.extend_from_slice(if value.is_nan() {
            b"nan"
        } else if value > 0.0 {
            b"inf"
        } else {
            b"-inf"
        });
        return;
    }
    if value.trunc() == value && value.abs() < 1e15 && !(value == 0.0 && value.is_sign_negative()) {
        out.extend_from_slice(itoa::Buffer::new().format(value as i64).as_bytes());
        out.extend_from_slice(b".0");
        return;
    }
    if push_few_decimals(out, value) {
        return;
    }
    let mut buffer = zmij::Buffer::new();
    push_python_exponent(out, buffer.format_finite(value).as_bytes());
}

/// Most numbers that people send have two or three decimals, for which a multiplication tells the digits: up to
/// fifteen of them that read back as the value are its shortest.
fn push_few_decimals(out: &mut Vec<u8>, value: f64) -> bool {
    let magnitude = value.abs();
    if !(1e-3..1e11).contains(&magnitude) {
        return false;
    }
    for (decimals, scale) in [(2, 1e2), (4, 1e4)] {
        let scaled = (magnitude * scale).round();
        if scaled / scale != magnitude || scaled >= 1e15 {
            continue;
        }
        let (whole, mut fraction) = (scaled as u64 / scale as u64, scaled as u64 % scale as u64);
        if value < 0.0 {
            out.push(b'-');
        }
        out.extend_from_slice(itoa::Buffer::new().format(whole).as_bytes());
        let mut digits = [b'.'; 5];
        for place in digits[1..=decimals].iter_mut().rev() {
            *place = b'0' + (fraction % 10) as u8;
            fraction /= 10;
        }
        let zeros = digits[2..=decimals].iter().rev().take_while(|digit| **digit == b'0').count();
        out.extend_from_slice(&digits[..=decimals - zeros]);
        return true;
    }
    false
}

/// Ours writes `1e-7` and `0.00001` where Python writes `1e-07` and `1e-05`.
fn push_python_exponent(out: &mut Vec<u8>, text: &[u8]) {
    if let Some(at) = text.iter().position(|byte| *byte == b'e') {
        let (mantissa, exponent) = (&text[..at], &text[at + 1..]);
        let (sign, digits) = match exponent {
            [b'-', digits @ ..] => (b'-', digits),
            [b'+', digits @ ..] => (b'+', digits),
            digits => (b'+', digits),
        };
        out.extend_from_slice(mantissa);
        out.extend_from_slice(&[b'e', sign]);
        if digits.len() < 2 {
            out.push(b'0');
        }
        out.extend_from_slice(digits);
        return;
    }
    let unsigned = text.strip_prefix(b"-").unwrap_or(text);
    let Some(digits) = unsigned.strip_prefix(b"0.0000") else {
        out.extend_from_slice(text);
        return;
    };
    out.extend_from_slice(&text[..text.len() - unsigned.len()]);
    out.push(digits[0]);
    if digits.len() > 1 {
        out.push(b'.');
        out.extend_from_slice(&digits[1..]);
    }
    out.extend_from_slice(b"e-05");
}

/// `repr` and `str` of a float.
pub fn float(value: f64) -> String {
    let mut out = Vec::with_capacity(24);
    push_float(&mut out, value);
    String::from_utf8(out).unwrap_or_default()
}

/// `str` of a value that may be `None`.
pub fn float_or_none(value: f64) -> String {
    if is_null(value) { "None".into() } else { float(value) }
}

/// `'%g' % value`: six significant digits.
pub fn general(value: f64) -> String {
    if !value.is_finite() || value == 0.0 {
        return float(value).trim_end_matches(".0").to_owned();
    }
    let scientific = format!("{value:.5e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        let decimals = (5 - exponent).max(0) as usize;
        return without_trailing_zeros(&format!("{value:.decimals$}")).to_owned();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", without_trailing_zeros(mantissa), exponent.abs())
}

fn without_trailing_zeros(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

/// `'%d' % value`, which cuts the fraction off. `None` for what Python refuses.
pub fn decimal(value: f64) -> Option<String> {
    value.is_finite().then(|| format!("{:.0}", value.trunc())).map(|text| match text.as_str() {
        "-0" => "0".to_owned(),
        _ => text,
    })
}

/// `round(value, digits)`: to the nearest, the exact binary value deciding, ties to even.
pub fn round(value: f64, digits: i32) -> f64 {
    if !value.is_finite() {
        return value;
    }
    if (0..=15).contains(&digits)
        && let Some(rounded) = round_fast(value, digits)
    {
        return rounded;
    }
    match digits {
        0.. => format!("{value:.*}", digits.min(400) as usize).parse().unwrap_or(value),
        _ => round_to_tens(value, digits.unsigned_abs()),
    }
}

/// Right wherever the scaled value is not close to a tie: then its nearest integer is not in doubt, and the
/// quotient of two exact numbers is the float next to the decimal fraction that is meant.
fn round_fast(value: f64, digits: i32) -> Option<f64> {
    const POWERS: [f64; 16] =
        [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];
    let power = POWERS[digits as usize];
    let scaled = value * power;
    if scaled.abs() >= 1e15 {
        return None;
    }
    let distance_to_tie = (scaled.fract().abs() - 0.5).abs();
    // The product is off by half a unit in its last place at most: 1e15 * 2^-53 is 0.11.
    let doubt = scaled.abs() * f64::EPSILON;
    (distance_to_tie > doubt).then(|| scaled.round() / power)
}

fn round_to_tens(value: f64, zeros: u32) -> f64 {
    // Digits of the exact integer part decide; the fraction only breaks ties.
    let text = format!("{:.0}", value.abs().trunc());
    let zeros = zeros as usize;
    if text.len() < zeros {
        return 0.0_f64.copysign(value);
    }
    let (head, tail) = text.split_at(text.len() - zeros);
    let half = format!("5{}", "0".repeat(zeros - 1));
    let odd = head.bytes().last().is_some_and(|digit| digit % 2 == 1);
    let up = match tail.cmp(half.as_str()) {
        std::cmp::Ordering::Greater => true,
        std::cmp::Ordering::Equal => value.fract() != 0.0 || odd,
        std::cmp::Ordering::Less => false,
    };
    let head = if head.is_empty() { "0" } else { head };
    let rounded: f64 = format!("{head}{}", "0".repeat(zeros)).parse().unwrap_or(0.0);
    let unit = 10f64.powi(zeros as i32);
    (if up { rounded + unit } else { rounded }).copysign(value)
}

/// `text.replace(what, with)`, unless it becomes longer than a text may be.
pub fn replaced(text: &str, what: &str, with: &str) -> Result<String, EvaluationError> {
    let length = text.len().saturating_add(text.matches(what).count().saturating_mul(with.len()));
    if length > limits::MAX_TEXT_BYTES {
        return Err(EvaluationError::input(format!(
            "a text becomes longer than {} bytes",
            limits::MAX_TEXT_BYTES
        )));
    }
    Ok(text.replace(what, with))
}

/// Python's `unquote_plus`.
pub fn unquoted(text: &str) -> String {
    if !text.contains(['%', '+']) {
        return text.to_owned();
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code = bytes.get(at + 1..at + 3).and_then(|digits| std::str::from_utf8(digits).ok());
        let code = code.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        match (bytes[at], code.and_then(|digits| u8::from_str_radix(digits, 16).ok())) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 2;
            }
            (b'+', _) => out.push(b' '),
            (byte, _) => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// A json string as `json.dumps` writes it: everything beyond ASCII as `\uXXXX`.
pub fn push_json_text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|b| b < b' ' || b == b'"' || b == b'\\' || b >= 0x7f) {
        out.extend_from_slice(&rest.as_bytes()[..at]);
        let character = rest[at..].chars().next().unwrap_or_default();
        match character {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\r' => out.extend_from_slice(b"\\r"),
            '\t' => out.extend_from_slice(b"\\t"),
            '\u{8}' => out.extend_from_slice(b"\\b"),
            '\u{c}' => out.extend_from_slice(b"\\f"),
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    out.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
                }
            }
        }
        rest = &rest[at + character.len_utf8()..];
    }
    out.extend_from_slice(rest.as_bytes());
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_as_repr() {
        let check = |value: f64, wanted: &str| assert_eq!(float(value), wanted);
        check(5.0, "5.0");
        check(-0.0, "-0.0");
        check(0.1, "0.1");
        check(123_456_789_012_345_680.0, "1.2345678901234568e+17");
        check(1e15, "1000000000000000.0");
        check(1e16, "1e+16");
        check(9_999_999_999_999_998.0, "9999999999999998.0");
        check(0.0001, "0.0001");
        check(0.00001, "1e-05");
        check(-0.000_015, "-1.5e-05");
        check(1.5e-7, "1.5e-07");
        check(5e-324, "5e-324");
        check(f64::MAX, "1.7976931348623157e+308");
        check(f64::INFINITY, "inf");
        check(f64::NEG_INFINITY, "-inf");
    }

    #[test]
    fn general_format() {
        let check = |value: f64, wanted: &str| assert_eq!(general(value), wanted);
        check(2.0, "2");
        check(0.0, "0");
        check(-0.0, "-0");
        check(0.1, "0.1");
        check(100_000.0, "100000");
        check(1_000_000.0, "1e+06");
        check(1_234_567.0, "1.23457e+06");
        check(0.0001, "0.0001");
        check(0.000_012_34, "1.234e-05");
        check(99.9999999, "100");
        check(999_999.9, "1e+06");
        check(f64::INFINITY, "inf");
    }

    #[test]
    fn rounding() {
        let check =
            |value: f64, digits: i32, wanted: f64| assert_eq!(round(value, digits), wanted, "{value}");
        check(2.5, 0, 2.0);
        check(3.5, 0, 4.0);
        check(2.675, 2, 2.67);
        check(1.0000005, 6, 1.000001);
        check(0.333_333_333, 6, 0.333_333);
        check(-1.5, 0, -2.0);
        check(1234.5, -2, 1200.0);
        check(1250.0, -2, 1200.0);
        check(1350.0, -2, 1400.0);
        check(1250.5, -2, 1300.0);
        check(4.0, -1, 0.0);
        check(6.0, -1, 10.0);
        check(6.0, -2, 0.0);
        check(1e300, 6, 1e300);
    }

    #[test]
    fn few_decimals_are_the_shortest_digits() {
        let mut state = 1_u64;
        for round in 0..200_000_u64 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let whole = (state >> 20) as f64 / 10f64.powi((round % 9) as i32);
            let scale = 10f64.powi((round % 6) as i32);
            for value in
                [(whole * scale).round() / scale, -(whole / 1e9 * scale).round() / scale, whole / 7.0]
            {
                let mut out = Vec::new();
                if push_few_decimals(&mut out, value) {
                    let mut buffer = zmij::Buffer::new();
                    assert_eq!(String::from_utf8(out).unwrap(), buffer.format_finite(value), "{value:e}");
                }
            }
        }
    }

    #[test]
    fn texts() {
        assert_eq!(quoted("it's"), "\"it's\"");
        assert_eq!(quoted("a\\b\n"), "'a\\\\b\\n'");
        let json = |text: &str| {
            let mut out = Vec::new();
            push_json_text(&mut out, text);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(json("a\"\\\u{1}é😀"), r#""a\"\\\u0001\u00e9\ud83d\ude00""#);
    }
}
