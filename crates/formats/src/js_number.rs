//! Numbers as JavaScript reads them from text: what `Number(text)` and `isNaN(text)` make of it.

/// Ten to the power of the index, all of them exact.
const POWERS_OF_TEN: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    1e19, 1e20, 1e21, 1e22,
];
/// Integers up to here are exact.
const LARGEST_EXACT: u64 = 1 << 53;

/// The decimal number without exponent that `text` starts with, and its length. `None` also for numbers of
/// more digits than a quotient of two exact numbers can carry: [`read`] takes those.
#[inline]
pub fn leading_decimal(text: &[u8]) -> Option<(f64, usize)> {
    let signed = matches!(text.first(), Some(b'-' | b'+'));
    let mut at = usize::from(signed);
    let mut mantissa = 0u64;
    let mut digits = 0;
    let mut fraction = 0;
    while let Some(digit) = text.get(at).map(|byte| byte.wrapping_sub(b'0')).filter(|digit| *digit < 10) {
        mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit));
        digits += 1;
        at += 1;
    }
    if text.get(at) == Some(&b'.') {
        at += 1;
        while let Some(digit) = text.get(at).map(|byte| byte.wrapping_sub(b'0')).filter(|digit| *digit < 10) {
            mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit));
            fraction += 1;
            at += 1;
        }
    }
    // Nineteen digits cannot overflow, so the comparison with LARGEST_EXACT is sound.
    let exact = (1..=19).contains(&(digits + fraction)) && mantissa <= LARGEST_EXACT;
    if !exact {
        return None;
    }
    let magnitude = mantissa as f64 / POWERS_OF_TEN[fraction];
    Some((if text[0] == b'-' { -magnitude } else { magnitude }, at))
}

/// `Number(text)`; `None` for NaN.
pub fn read(text: &[u8]) -> Option<f64> {
    match leading_decimal(text) {
        Some((number, length)) if length == text.len() => Some(number),
        _ => read_any(trim(text)),
    }
}

/// White space as `trim()`, `\s` and `Number()` know it.
pub fn is_space(character: char) -> bool {
    character == '\u{feff}' || (character.is_whitespace() && character != '\u{85}')
}

/// `text.trim()`. What is not UTF-8 has no white space beyond ASCII's.
pub fn trim(text: &[u8]) -> &[u8] {
    match std::str::from_utf8(text) {
        Ok(text) => text.trim_matches(is_space).as_bytes(),
        Err(_) => text.trim_ascii(),
    }
}

fn read_any(trimmed: &[u8]) -> Option<f64> {
    match trimmed {
        [] => Some(0.0),
        b"Infinity" | b"+Infinity" => Some(f64::INFINITY),
        b"-Infinity" => Some(f64::NEG_INFINITY),
        [b'0', b'x' | b'X', digits @ ..] => radix(digits, 16),
        [b'0', b'o' | b'O', digits @ ..] => radix(digits, 8),
        [b'0', b'b' | b'B', digits @ ..] => radix(digits, 2),
        _ if is_decimal(trimmed) => std::str::from_utf8(trimmed).ok()?.parse().ok(),
        _ => None,
    }
}

/// Correctly rounded as long as the digits fit 128 bits, which is four times what anybody sends.
fn radix(digits: &[u8], radix: u32) -> Option<f64> {
    let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.is_empty())?;
    let mut exact = Some(0u128);
    let mut rounded = 0.0;
    for digit in digits.chars() {
        let digit = digit.to_digit(radix)?;
        exact = exact
            .and_then(|number| number.checked_mul(u128::from(radix)))
            .and_then(|number| number.checked_add(u128::from(digit)));
        rounded = rounded * f64::from(radix) + f64::from(digit);
    }
    Some(exact.map_or(rounded, |number| number as f64))
}

/// `[+-]? (digits [. digits?] | . digits) ([eE] [+-]? digits)?`
fn is_decimal(text: &[u8]) -> bool {
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let unsigned = |text: &[u8]| usize::from(matches!(text.first(), Some(b'+' | b'-')));
    let mut at = unsigned(text);
    let whole = digits(&text[at..]);
    at += whole;
    let mut fraction = 0;
    if text.get(at) == Some(&b'.') {
        fraction = digits(&text[at + 1..]);
        at += 1 + fraction;
    }
    if whole + fraction == 0 {
        return false;
    }
    if matches!(text.get(at), Some(b'e' | b'E')) {
        at += 1 + unsigned(&text[at + 1..]);
        let exponent = digits(&text[at..]);
        at += exponent;
        if exponent == 0 {
            return false;
        }
    }
    at == text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_in_javascript() {
        let check = |text: &str, wanted: Option<f64>| {
            assert_eq!(read(text.as_bytes()).map(f64::to_bits), wanted.map(f64::to_bits), "{text:?}");
        };
        check("0", Some(0.0));
        check("-0", Some(-0.0));
        check("12.5", Some(12.5));
        check("+7", Some(7.0));
        check(".5", Some(0.5));
        check("5.", Some(5.0));
        check("-.5e1", Some(-5.0));
        check("1e3", Some(1000.0));
        check("1E+3", Some(1000.0));
        check("", Some(0.0));
        check(" \t", Some(0.0));
        check(" 1 ", Some(1.0));
        check("\u{a0}1\u{feff}", Some(1.0));
        check("0x10", Some(16.0));
        check("0b101", Some(5.0));
        check("0O17", Some(15.0));
        check("0x1fffffffffffff8", Some(0x1ff_ffff_ffff_fff8u64 as f64));
        check("Infinity", Some(f64::INFINITY));
        check("-Infinity", Some(f64::NEG_INFINITY));
        check("1e999", Some(f64::INFINITY));
        check("12345678901234567890", Some(12345678901234567890.0));
        check("0.1234567890123456789012345", Some(0.123_456_789_012_345_68));
        check("9007199254740993", Some(9007199254740992.0));
        for nan in [
            ".", "+", "-", "1x", "1 2", "1_000", "0x", "-0x10", "0xg", "inf", "infinity", "nan", "NaN", "1e",
            "1e+", "--1", "1..2", "1.2.3", "\u{85}1", "0x-1", "+ 1",
        ] {
            check(nan, None);
        }
        assert_eq!(read(b"\xff1"), None);
    }
}
