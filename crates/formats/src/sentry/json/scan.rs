//! Texts, eight bytes at a time: most are short, and nearly all of what is sent is texts.

const EACH: u64 = 0x0101_0101_0101_0101;
const TOPS: u64 = EACH << 7;

/// How many bytes there are before the first `"`, `\` or control character.
pub(super) fn plain_length(bytes: &[u8]) -> usize {
    let (words, rest) = bytes.as_chunks::<8>();
    for (place, word) in words.iter().enumerate() {
        let special = special(u64::from_le_bytes(*word));
        if special != 0 {
            return place * 8 + special.trailing_zeros() as usize / 8;
        }
    }
    let is_special = |byte: &u8| *byte < b' ' || matches!(byte, b'"' | b'\\');
    words.len() * 8 + rest.iter().position(is_special).unwrap_or(rest.len())
}

/// The lowest bit that is set is the top of the first such byte. Those above it mean nothing: a borrow may have set them.
fn special(word: u64) -> u64 {
    let below = |word: u64, bound: u8| word.wrapping_sub(EACH * u64::from(bound)) & !word & TOPS;
    let equal = |byte: u8| below(word ^ (EACH * u64::from(byte)), 1);
    below(word, b' ') | equal(b'"') | equal(b'\\')
}

#[cfg(test)]
mod tests {
    use super::plain_length;

    #[test]
    fn each_byte_is_found_at_each_place_and_no_other_one() {
        for byte in 0..=u8::MAX {
            let is_special = byte < 32 || byte == b'"' || byte == b'\\';
            for place in 0..20 {
                let mut text = [b'a'; 20];
                text[place] = byte;
                // What comes later, such as the next quote, changes nothing.
                for later in [b'a', b'"', b'!', 0xff] {
                    let mut text = text;
                    text[place + 1..].fill(later);
                    let after = if later == b'"' && place < 19 { place + 1 } else { 20 };
                    let expected = if is_special { place } else { after };
                    assert_eq!(plain_length(&text), expected, "{byte} at {place}, then {later}");
                }
            }
        }
        assert_eq!(plain_length(b""), 0);
    }
}
