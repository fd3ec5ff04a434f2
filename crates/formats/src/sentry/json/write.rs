//! A document back to bytes: strict JSON in UTF-8, without spaces but for those in what is unread.

use super::Tree;
use super::scan::plain_length;

const DIGITS: &[u8; 16] = b"0123456789abcdef";

impl Tree<'_> {
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Tree::Null => out.extend_from_slice(b"null"),
            Tree::Bool(true) => out.extend_from_slice(b"true"),
            Tree::Bool(false) => out.extend_from_slice(b"false"),
            Tree::Number(digits) => out.extend_from_slice(digits.as_bytes()),
            Tree::Text(text) => write_text(text, out),
            Tree::Unread(written) => out.extend_from_slice(written.as_bytes()),
            Tree::List(values) => {
                out.push(b'[');
                for (at, value) in values.iter().enumerate() {
                    separate(at, out);
                    value.write(out);
                }
                out.push(b']');
            }
            Tree::Map(entries) => {
                out.push(b'{');
                for (at, (key, value)) in entries.iter().enumerate() {
                    separate(at, out);
                    write_text(key, out);
                    out.push(b':');
                    value.write(out);
                }
                out.push(b'}');
            }
        }
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let least = self.least_bytes();
        let mut out = Vec::with_capacity(least + least / 16);
        self.write(&mut out);
        out
    }

    /// How long it is when it is written, but for what has to be escaped.
    fn least_bytes(&self) -> usize {
        match self {
            Tree::Null | Tree::Bool(_) => 5,
            Tree::Number(written) | Tree::Unread(written) => written.len(),
            Tree::Text(text) => text.len() + 2,
            Tree::List(values) => 2 + values.iter().map(|value| value.least_bytes() + 1).sum::<usize>(),
            Tree::Map(entries) => {
                2 + entries.iter().map(|(key, value)| key.len() + value.least_bytes() + 4).sum::<usize>()
            }
        }
    }
}

fn separate(at: usize, out: &mut Vec<u8>) {
    if at > 0 {
        out.push(b',');
    }
}

/// Runs of ordinary characters are copied whole.
fn write_text(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    loop {
        let (plain, special) = rest.split_at(plain_length(rest));
        out.extend_from_slice(plain);
        let Some((byte, left)) = special.split_first() else { break };
        escape(*byte, out);
        rest = left;
    }
    out.push(b'"');
}

fn escape(byte: u8, out: &mut Vec<u8>) {
    let short = match byte {
        b'"' | b'\\' => byte,
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        _ => {
            out.extend_from_slice(b"\\u00");
            out.extend([DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
            return;
        }
    };
    out.extend([b'\\', short]);
}
