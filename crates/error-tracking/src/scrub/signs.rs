//! Which signs are in a text: nearly all texts of an event lack some sign of each secret, and that is told in one pass, sooner
//! than by any pattern.

/// A set of them: letters in either case, digits as one, and what stands between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Signs(u64);

/// What is not ASCII, and may stand for a letter in the other case, as `ſ` does for `S`.
const FOREIGN: u64 = 1 << 26;
const DIGIT: u64 = 1 << 27;
const BETWEEN: [u8; 5] = *b"-:/ =";
/// Of either kind.
const QUOTE: u64 = DIGIT << (BETWEEN.len() + 1);

/// Of each byte.
static SIGNS: [u64; 256] = {
    let mut signs = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        signs[byte] = match byte as u8 {
            byte @ (b'a'..=b'z' | b'A'..=b'Z') => 1 << ((byte | 0x20) - b'a'),
            b'0'..=b'9' => DIGIT,
            0x80.. => FOREIGN,
            b'"' | b'\'' => QUOTE,
            _ => 0,
        };
        byte += 1;
    }
    let mut at = 0;
    while at < BETWEEN.len() {
        signs[BETWEEN[at] as usize] = DIGIT << (at + 1);
        at += 1;
    }
    signs
};

impl Signs {
    pub const fn of(text: &str) -> Signs {
        let bytes = text.as_bytes();
        let (mut signs, mut at) = (0, 0);
        while at < bytes.len() {
            signs |= SIGNS[bytes[at] as usize];
            at += 1;
        }
        Signs(signs)
    }

    /// Are all of these in it?
    pub fn have(self, wanted: Signs) -> bool {
        self.0 & wanted.0 == wanted.0
    }

    pub fn have_foreign(self) -> bool {
        self.0 & FOREIGN != 0
    }
}

#[cfg(test)]
mod tests {
    use super::Signs;

    #[test]
    fn what_is_in_a_text_is_told_whatever_else_is() {
        let check = |text: &str, wanted: &str, have: bool| {
            assert_eq!(Signs::of(text).have(Signs::of(wanted)), have, "{text}: {wanted}");
        };
        for wanted in ["a", "Z", "5", "-", ":", "/", " ", "="] {
            check("abc ... XYZ 0123-://=", wanted, true);
            check("", wanted, false);
            check("_.;é", wanted, false);
        }
        check("Handler at 0x7f", "ab 0", false);
        check("Basic 1", "ab 0", true);
        check("it's", "\"", true);
        check("its", "'", false);
        assert!(Signs::of("ſ").have_foreign() && !Signs::of("s_~\x7f").have_foreign());
    }
}
