//! The names of a load, ready to be sent: in one piece of memory, so that making them costs nothing while sending.

use crate::failure::Failure;

/// Room is left for what the names continue with, and the whole stays a legal name everywhere.
const PREFIX_BYTES_MAX: usize = 200;

/// Texts one behind the other.
pub struct Texts {
    bytes: Vec<u8>,
    /// Where each ends.
    ends: Vec<usize>,
}

impl Texts {
    pub fn new(count: u64, text: impl Fn(u64) -> String) -> Texts {
        let mut texts = Texts { bytes: Vec::new(), ends: Vec::new() };
        for index in 0..count {
            texts.bytes.extend_from_slice(text(index).as_bytes());
            texts.ends.push(texts.bytes.len());
        }
        texts
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn get(&self, index: usize) -> &[u8] {
        self.range(index, index + 1)
    }

    /// The texts from `from` to before `until` as they stand.
    pub fn range(&self, from: usize, until: usize) -> &[u8] {
        let start = if from == 0 { 0 } else { self.ends[from - 1] };
        &self.bytes[start..self.ends[until - 1]]
    }
}

/// `bench.host12.service3.metric99`: as deep and as long as names usually are.
pub fn name(prefix: &str, index: u64) -> String {
    format!("{prefix}.host{}.service{}.metric{index}", index / 70, index / 10 % 7)
}

pub fn check(prefix: &str) -> Result<(), Failure> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let nodes = !prefix.split('.').any(str::is_empty);
    if nodes && prefix.len() <= PREFIX_BYTES_MAX && prefix.bytes().all(plain) {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "--prefix `{prefix}`: letters, digits, `_`, `-` and single dots between them, at most {PREFIX_BYTES_MAX} of them"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_stand_behind_each_other() {
        let texts = Texts::new(3, |index| format!("{index}\n"));
        assert_eq!((texts.len(), texts.get(1), texts.range(1, 3)), (3, &b"1\n"[..], &b"1\n2\n"[..]));
    }

    #[test]
    fn names_differ() {
        let names: std::collections::HashSet<String> = (0..1_000).map(|index| name("a", index)).collect();
        assert_eq!(names.len(), 1_000);
    }

    #[test]
    fn prefixes_that_would_not_be_names_are_refused() {
        for good in ["bench", "a.b-c_1"] {
            assert!(check(good).is_ok(), "{good}");
        }
        let long = "a".repeat(201);
        for bad in ["", ".a", "a.", "a..b", "a b", "a:1|c\nb", "ä", "a{b}", &long] {
            assert_eq!(check(bad).unwrap_err().status, 2, "{bad}");
        }
    }
}
