//! How JavaScript rounds and writes numbers: what the original's names and answers are made of.

use std::fmt::Write;

/// `String(number)`
pub fn number_to_text(number: f64) -> String {
    if number == 0.0 {
        return "0".into();
    }
    if !number.is_finite() {
        let word = if number.is_nan() { "NaN" } else { "Infinity" };
        return format!("{}{word}", if number < 0.0 { "-" } else { "" });
    }
    let scientific = format!("{:e}", number.abs());
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let digits = even_where_tied(number.abs(), mantissa.replace('.', ""));
    let point = exponent.parse::<i32>().unwrap_or(0) + 1;
    let text = place_point(&digits, point);
    if number < 0.0 { format!("-{text}") } else { text }
}

/// Rust and JavaScript both write the fewest digits that read back. Where two such numbers lie equally near,
/// JavaScript takes the even one; that happens from 16 digits on.
fn even_where_tied(number: f64, digits: String) -> String {
    const EXACT_ENOUGH: usize = 40;
    if digits.len() < 16 {
        return digits;
    }
    let exact = format!("{number:.EXACT_ENOUGH$e}").replace('.', "");
    let (below, rest) = exact.split_at(digits.len());
    let tied =
        rest.starts_with('5') && rest[1..].bytes().take_while(|byte| *byte != b'e').all(|byte| byte == b'0');
    let even = below.ends_with(['0', '2', '4', '6', '8']);
    if tied && even { below.to_owned() } else { digits }
}

/// ECMAScript's Number::toString for `0.DIGITS * 10^point`.
fn place_point(digits: &str, point: i32) -> String {
    let count = digits.len() as i32;
    match point {
        _ if count <= point && point <= 21 => format!("{digits}{}", "0".repeat((point - count) as usize)),
        1..=21 => format!("{}.{}", &digits[..point as usize], &digits[point as usize..]),
        -5..=0 => format!("0.{}{digits}", "0".repeat(-point as usize)),
        _ => {
            let mut text = digits[..1].to_owned();
            if count > 1 {
                let _ = write!(text, ".{}", &digits[1..]);
            }
            let sign = if point > 0 { '+' } else { '-' };
            let _ = write!(text, "e{sign}{}", (point - 1).abs());
            text
        }
    }
}

/// `Math.round(number)`: halves go up, below zero too.
pub fn round(number: f64) -> f64 {
    let floor = number.floor();
    if number - floor >= 0.5 { floor + 1.0 } else { floor }
}

/// White space as `\s` knows it.
pub fn is_space(character: char) -> bool {
    character == '\u{feff}' || (character.is_whitespace() && character != '\u{85}')
}

/// The number of a key that objects list before all others, in the order of these numbers.
pub fn array_index(key: &str) -> Option<u32> {
    let canonical = key == "0" || !key.starts_with('0');
    let digits = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_digit());
    let index = key.parse::<u32>().ok().filter(|index| *index < u32::MAX)?;
    (canonical && digits).then_some(index)
}

/// What every object has without holding it; `key in object` is true for these.
pub const OBJECT_MEMBERS: [&str; 12] = [
    "__defineGetter__",
    "__defineSetter__",
    "__lookupGetter__",
    "__lookupSetter__",
    "__proto__",
    "constructor",
    "hasOwnProperty",
    "isPrototypeOf",
    "propertyIsEnumerable",
    "toLocaleString",
    "toString",
    "valueOf",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_in_javascript() {
        for (number, wanted) in [
            (0.0, "0"),
            (-0.0, "0"),
            (1.0, "1"),
            (-1.5, "-1.5"),
            (99.9, "99.9"),
            (0.1 + 0.2, "0.30000000000000004"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (123456789012345680000.0, "123456789012345680000"),
            (1.5e300, "1.5e+300"),
            (0.000001, "0.000001"),
            (0.0000001, "1e-7"),
            (-1.25e-9, "-1.25e-9"),
            (5e-324, "5e-324"),
            (1363765151107965.0 + 0.25, "1363765151107965.2"),
            (1363765151107965.0 + 0.75, "1363765151107965.8"),
            (f64::INFINITY, "Infinity"),
            (f64::NEG_INFINITY, "-Infinity"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(number_to_text(number), wanted);
        }
    }

    #[test]
    fn halves_round_up() {
        let rounded = [0.5, 1.5, 2.4, -0.5, -1.5, 0.499_999_999_999_999_94].map(round);
        assert_eq!(rounded, [1.0, 2.0, 2.0, 0.0, -1.0, 0.0]);
    }

    #[test]
    fn array_indices() {
        assert_eq!(array_index("0"), Some(0));
        assert_eq!(array_index("42"), Some(42));
        for key in ["", "01", "-1", "+1", "1.0", "a", "4294967295", "99999999999"] {
            assert_eq!(array_index(key), None, "{key}");
        }
    }
}
