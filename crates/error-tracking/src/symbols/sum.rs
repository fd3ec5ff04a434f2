//! What chunks and bundles are called by: the SHA-1 of their bytes, as sentry-cli makes it.

use sha1::{Digest, Sha1};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sum([u8; 20]);

impl Sum {
    pub fn of(bytes: &[u8]) -> Sum {
        let mut summing = Summing::default();
        summing.add(bytes);
        summing.sum()
    }
}

/// Of what comes in parts.
#[derive(Default)]
pub(super) struct Summing(Sha1);

impl Summing {
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(super) fn sum(self) -> Sum {
        let mut sum = [0; 20];
        sum.copy_from_slice(&self.0.finalize());
        Sum(sum)
    }
}

impl std::fmt::Display for Sum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::str::FromStr for Sum {
    type Err = String;

    fn from_str(text: &str) -> Result<Sum, String> {
        let digits: Option<Vec<u8>> =
            text.chars().map(|digit| digit.to_digit(16).map(|digit| digit as u8)).collect();
        let digits = digits.filter(|digits| digits.len() == 40);
        let digits = digits.ok_or_else(|| format!("`{text}` is no SHA-1: it has 40 hexadecimal digits"))?;
        let mut bytes = [0; 20];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
            *byte = pair[0] << 4 | pair[1];
        }
        Ok(Sum(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::Sum;

    #[test]
    fn sums_are_written_and_read() {
        let sum = Sum::of(b"abc");
        assert_eq!(sum.to_string(), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!("A9993E364706816ABA3E25717850C26C9CD0D89D".parse(), Ok(sum));
        for bad in [
            "",
            "a9993e",
            "g9993e364706816aba3e25717850c26c9cd0d89d",
            "a9993e364706816aba3e25717850c26c9cd0d89d0",
        ] {
            assert!(bad.parse::<Sum>().unwrap_err().contains("40 hexadecimal"), "{bad}");
        }
    }
}
