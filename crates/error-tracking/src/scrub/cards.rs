//! Numbers of payment cards in a text, by their looks and their check digit.

use std::ops::Range;

const LENGTHS: std::ops::RangeInclusive<usize> = 13..=19;
/// One more than a card has: then it is none.
const MOST_DIGITS: usize = *LENGTHS.end() + 1;

/// Digits with single blanks or dashes between them, and none directly before or behind.
pub(super) fn cards(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let (end, digits, count) = run(bytes, at);
        let digits = &digits[..count];
        let is_part =
            at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || matches!(bytes[at - 1], b'.' | b'_'));
        if !is_part && LENGTHS.contains(&count) && has_prefix(digits) && is_checked(digits) {
            found.push(at..end);
        }
        at = end;
    }
    found
}

/// Where the digits end, and which and how many they are; of very long ones the first.
fn run(bytes: &[u8], start: usize) -> (usize, [u8; MOST_DIGITS], usize) {
    let (mut digits, mut count) = ([0; MOST_DIGITS], 0);
    let (mut at, mut end) = (start, start);
    while let Some(byte) = bytes.get(at) {
        let is_between = matches!(byte, b' ' | b'-') && bytes.get(at + 1).is_some_and(u8::is_ascii_digit);
        match byte {
            b'0'..=b'9' => {
                end = at + 1;
                if let Some(place) = digits.get_mut(count) {
                    *place = byte - b'0';
                    count += 1;
                }
            }
            _ if is_between => {}
            _ => break,
        }
        at += 1;
    }
    (end, digits, count)
}

/// As the big schemes begin; a millisecond since 1970 begins with 1.
fn has_prefix(digits: &[u8]) -> bool {
    matches!(digits, [3, 0 | 4 | 5 | 6 | 7 | 8, ..] | [4, ..] | [5, 1..=5, ..] | [2, 2..=7, ..] | [6, ..])
}

/// Luhn's sum.
fn is_checked(digits: &[u8]) -> bool {
    let doubled = |digit: u8| if digit > 4 { digit * 2 - 9 } else { digit * 2 };
    let digit = |(place, digit): (usize, &u8)| if place % 2 == 1 { doubled(*digit) } else { *digit };
    let sum: u32 = digits.iter().rev().enumerate().map(|each| u32::from(digit(each))).sum();
    sum.is_multiple_of(10) && digits.iter().any(|digit| *digit != 0)
}

#[cfg(test)]
mod tests {
    use super::cards;

    #[test]
    fn numbers_of_cards_are_told_from_other_numbers() {
        let check = |text: &str, expected: &[&str]| {
            let found: Vec<&str> = cards(text).into_iter().map(|range| &text[range]).collect();
            assert_eq!(found, expected, "{text}");
        };
        check("paid with 4111 1111 1111 1111.", &["4111 1111 1111 1111"]);
        check("4111-1111-1111-1111", &["4111-1111-1111-1111"]);
        check("amex 378282246310005, mc 5555555555554444", &["378282246310005", "5555555555554444"]);
        check("4111111111111112 fails the check", &[]);
        check("at 1700000000000 ms", &[]);
        check("id x4111111111111111", &[]);
        check(&"4".repeat(100_000), &[]);
    }
}
