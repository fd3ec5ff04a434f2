//! The two binary forms of answers: Python's pickle (protocol 2, which every Python since 2.3 reads) and
//! msgpack. Both say the same things, so one trait writes both.

pub trait Binary {
    fn list(&mut self, length: usize, items: &mut dyn FnMut(&mut dyn Binary));
    /// Members are a key (a text) and a value each.
    fn object(&mut self, length: usize, members: &mut dyn FnMut(&mut dyn Binary));
    fn text(&mut self, text: &str);
    fn integer(&mut self, value: i64);
    fn float(&mut self, value: f64);
    fn bool(&mut self, value: bool);
    fn none(&mut self);
    fn finish(self: Box<Self>) -> Vec<u8>;
}

pub struct Pickle(Vec<u8>);

impl Pickle {
    #[expect(clippy::new_ret_no_self, reason = "callers write either form through the trait")]
    pub fn new() -> Box<dyn Binary> {
        Box::new(Pickle(vec![0x80, 2]))
    }
}

impl Binary for Pickle {
    fn list(&mut self, _length: usize, items: &mut dyn FnMut(&mut dyn Binary)) {
        self.0.extend_from_slice(b"](");
        items(self);
        self.0.push(b'e');
    }

    fn object(&mut self, _length: usize, members: &mut dyn FnMut(&mut dyn Binary)) {
        self.0.extend_from_slice(b"}(");
        members(self);
        self.0.push(b'u');
    }

    fn text(&mut self, text: &str) {
        self.0.push(b'X');
        self.0.extend_from_slice(&(text.len() as u32).to_le_bytes());
        self.0.extend_from_slice(text.as_bytes());
    }

    fn integer(&mut self, value: i64) {
        match i32::try_from(value) {
            Ok(small) => {
                self.0.push(b'J');
                self.0.extend_from_slice(&small.to_le_bytes());
            }
            Err(_) => {
                self.0.extend_from_slice(&[0x8a, 8]);
                self.0.extend_from_slice(&value.to_le_bytes());
            }
        }
    }

    fn float(&mut self, value: f64) {
        self.0.push(b'G');
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    fn bool(&mut self, value: bool) {
        self.0.push(if value { 0x88 } else { 0x89 });
    }

    fn none(&mut self) {
        self.0.push(b'N');
    }

    fn finish(mut self: Box<Self>) -> Vec<u8> {
        self.0.push(b'.');
        self.0
    }
}

pub struct MessagePack(Vec<u8>);

impl MessagePack {
    #[expect(clippy::new_ret_no_self, reason = "callers write either form through the trait")]
    pub fn new() -> Box<dyn Binary> {
        Box::new(MessagePack(Vec::new()))
    }

    /// A length in the shortest of the forms for up to `small`, 255 (where there is one), 65,535 and more.
    fn length(&mut self, length: usize, small: (u8, usize), byte: Option<u8>, two: u8, four: u8) {
        match length {
            _ if length <= small.1 => self.0.push(small.0 | length as u8),
            0..=0xff if byte.is_some() => self.0.extend(byte.into_iter().chain([length as u8])),
            0..=0xffff => {
                self.0.push(two);
                self.0.extend_from_slice(&(length as u16).to_be_bytes());
            }
            _ => {
                self.0.push(four);
                self.0.extend_from_slice(&(length as u32).to_be_bytes());
            }
        }
    }
}

impl Binary for MessagePack {
    fn list(&mut self, length: usize, items: &mut dyn FnMut(&mut dyn Binary)) {
        self.length(length, (0x90, 15), None, 0xdc, 0xdd);
        items(self);
    }

    fn object(&mut self, length: usize, members: &mut dyn FnMut(&mut dyn Binary)) {
        self.length(length, (0x80, 15), None, 0xde, 0xdf);
        members(self);
    }

    fn text(&mut self, text: &str) {
        self.length(text.len(), (0xa0, 31), Some(0xd9), 0xda, 0xdb);
        self.0.extend_from_slice(text.as_bytes());
    }

    fn integer(&mut self, value: i64) {
        match value {
            0..=0x7f => self.0.push(value as u8),
            0x80..=0xff => self.0.extend_from_slice(&[0xcc, value as u8]),
            0x100..=0xffff => {
                self.0.push(0xcd);
                self.0.extend_from_slice(&(value as u16).to_be_bytes());
            }
            0x1_0000..=0xffff_ffff => {
                self.0.push(0xce);
                self.0.extend_from_slice(&(value as u32).to_be_bytes());
            }
            -32..=-1 => self.0.push(value as u8),
            _ => {
                self.0.push(if value < 0 { 0xd3 } else { 0xcf });
                self.0.extend_from_slice(&value.to_be_bytes());
            }
        }
    }

    fn float(&mut self, value: f64) {
        self.0.push(0xcb);
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    fn bool(&mut self, value: bool) {
        self.0.push(if value { 0xc3 } else { 0xc2 });
    }

    fn none(&mut self) {
        self.0.push(0xc0);
    }

    fn finish(self: Box<Self>) -> Vec<u8> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(mut out: Box<dyn Binary>) -> Vec<u8> {
        out.list(2, &mut |out| {
            out.object(1, &mut |out| {
                out.text("a");
                out.integer(-1);
            });
            out.none();
        });
        out.finish()
    }

    #[test]
    fn bytes_of_both() {
        assert_eq!(sample(Pickle::new()), b"\x80\x02](}(X\x01\0\0\0aJ\xff\xff\xff\xffuNe.");
        assert_eq!(sample(MessagePack::new()), b"\x92\x81\xa1a\xff\xc0");
    }
}
