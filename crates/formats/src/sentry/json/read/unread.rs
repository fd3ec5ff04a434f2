//! Lists of texts that nobody looks into, such as the lines around a place in the source, which are most of an event: they are
//! not taken apart, but stay as they were written.

use std::borrow::Cow;

use super::{Reader, Tree, plain_length};

impl<'a> Reader<'a> {
    /// Consumes a list of texts that mean what stands there. None, and nothing is consumed: anything else is here.
    pub(super) fn unread_texts(&mut self) -> Option<Tree<'a>> {
        if self.depth == 0 || self.next_byte() != Some(b'[') {
            return None;
        }
        let start = self.at;
        let left = self.plain_texts().and_then(|count| self.nodes.checked_sub(count + 1));
        let Some(left) = left else {
            self.at = start;
            return None;
        };
        self.nodes = left;
        Some(Tree::Unread(Cow::Borrowed(&self.text[start..self.at])))
    }

    /// To the bracket at its end; how many there are.
    fn plain_texts(&mut self) -> Option<usize> {
        self.at += 1;
        if self.ends(b']') {
            return Some(0);
        }
        for count in 1.. {
            self.plain_text()?;
            if !self.goes_on(b']', "a list goes on with `,` or ends with `]`").ok()? {
                return Some(count);
            }
        }
        None
    }

    /// None: it has what is changed when it is read, or ends with the end of a line, which lines are kept without.
    fn plain_text(&mut self) -> Option<()> {
        if self.next_byte() != Some(b'"') {
            return None;
        }
        self.at += 1;
        let mut ends_line = false;
        loop {
            let length = plain_length(&self.bytes[self.at..]);
            ends_line &= length == 0;
            self.at += length;
            match self.bytes.get(self.at)? {
                b'"' => break,
                b'\\' => ends_line = self.plain_escape()?,
                _ => return None,
            }
        }
        self.at += 1;
        (!ends_line).then_some(())
    }

    /// Is it the end of a line?
    fn plain_escape(&mut self) -> Option<bool> {
        let letter = *self.bytes.get(self.at + 1)?;
        self.at += 2;
        match letter {
            b'n' | b'r' => Some(true),
            b'"' | b'\\' | b'/' | b't' | b'b' | b'f' => Some(false),
            b'u' => {
                // No control character, nor half of a pair.
                let unit = self.hex().ok()?;
                ((0x20..0xd800).contains(&unit) || unit >= 0xe000).then_some(false)
            }
            _ => None,
        }
    }
}
