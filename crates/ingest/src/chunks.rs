//! Chunks in an append-only file: mark | length u32 | crc u32 of length and body | body. A reader passes over
//! what does not check and goes on with the next chunk that does.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

pub type Mark = [u8; 4];

pub const HEAD_BYTES: usize = 12;

/// Longer than any chunk that is written.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;

/// Begins a chunk in an empty buffer; the body is to be appended.
pub fn begin(chunk: &mut Vec<u8>, mark: Mark) {
    chunk.clear();
    chunk.extend_from_slice(&mark);
    chunk.extend_from_slice(&[0; HEAD_BYTES - 4]);
}

/// Fills in length and crc.
pub fn finish(chunk: &mut [u8]) {
    let length = ((chunk.len() - HEAD_BYTES) as u32).to_le_bytes();
    chunk[4..8].copy_from_slice(&length);
    let crc = checksum(length, &chunk[HEAD_BYTES..]);
    chunk[8..12].copy_from_slice(&crc.to_le_bytes());
}

fn checksum(length: [u8; 4], body: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&length), body)
}

/// Reads the chunks of a file from `at` on.
pub struct Chunks<'a> {
    file: &'a File,
    mark: Mark,
    at: u64,
    body: Vec<u8>,
    pub lost_bytes: u64,
}

impl<'a> Chunks<'a> {
    pub fn new(file: &'a File, at: u64, mark: Mark) -> Chunks<'a> {
        Chunks { file, mark, at, body: Vec::new(), lost_bytes: 0 }
    }

    /// The next body, or `None` at the end.
    pub fn next_body(&mut self) -> io::Result<Option<&[u8]>> {
        loop {
            if self.read_here()? {
                self.at += (HEAD_BYTES + self.body.len()) as u64;
                return Ok(Some(&self.body));
            }
            let next = self.find_mark(self.at + 1)?;
            // Without another mark everything to the end of the file is lost.
            let skipped_to = next.map_or_else(|| self.file.metadata().map(|file| file.len()), Ok)?;
            self.lost_bytes += skipped_to.saturating_sub(self.at);
            self.at = self.at.max(skipped_to);
            if next.is_none() {
                return Ok(None);
            }
        }
    }

    /// Whether a whole and good chunk begins at `at`; its body is in `body` then.
    fn read_here(&mut self) -> io::Result<bool> {
        let mut head = [0; HEAD_BYTES];
        if read_at(self.file, &mut head, self.at)? < HEAD_BYTES || head[..4] != self.mark {
            return Ok(false);
        }
        let length = [head[4], head[5], head[6], head[7]];
        let body_bytes = u32::from_le_bytes(length) as usize;
        if body_bytes > BODY_BYTES_MAX {
            return Ok(false);
        }
        self.body.resize(body_bytes, 0);
        let whole = read_at(self.file, &mut self.body, self.at + HEAD_BYTES as u64)? == body_bytes;
        Ok(whole && checksum(length, &self.body).to_le_bytes() == head[8..])
    }

    fn find_mark(&self, from: u64) -> io::Result<Option<u64>> {
        let mut window = vec![0; 64 * 1024];
        let mut start = from;
        loop {
            let length = read_at(self.file, &mut window, start)?;
            if let Some(found) = memchr::memmem::find(&window[..length], &self.mark) {
                return Ok(Some(start + found as u64));
            }
            if length < window.len() {
                return Ok(None);
            }
            // A mark may lie across the border of two windows.
            start += (length - (self.mark.len() - 1)) as u64;
        }
    }
}

/// As much as there is.
fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], at + filled as u64) {
            Ok(0) => break,
            Ok(length) => filled += length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// LEB128.
pub fn put_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Takes a varint from the front of `bytes`.
pub fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// Takes `length` bytes from the front of `bytes`.
pub fn take<'a>(bytes: &mut &'a [u8], length: u64) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(usize::try_from(length).ok()?)?;
    *bytes = rest;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const MARK: Mark = *b"\xf1tst";

    fn read(bytes: &[u8]) -> (Vec<Vec<u8>>, u64) {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        let mut chunks = Chunks::new(&file, 0, MARK);
        let mut bodies = Vec::new();
        while let Some(body) = chunks.next_body().unwrap() {
            bodies.push(body.to_vec());
        }
        (bodies, chunks.lost_bytes)
    }

    fn chunk(body: &[u8]) -> Vec<u8> {
        let mut chunk = Vec::new();
        begin(&mut chunk, MARK);
        chunk.extend_from_slice(body);
        finish(&mut chunk);
        chunk
    }

    #[test]
    fn every_torn_tail_and_every_flipped_bit_costs_only_its_chunk() {
        let bodies = [b"one".to_vec(), MARK.repeat(3), b"three".to_vec()];
        let chunks: Vec<_> = bodies.iter().map(|body| chunk(body)).collect();
        let whole = chunks.concat();
        assert_eq!(read(&whole), (bodies.to_vec(), 0));
        for cut in 0..whole.len() {
            let complete = chunks
                .iter()
                .scan(0, |end, chunk| {
                    Some({
                        *end += chunk.len();
                        *end
                    })
                })
                .filter(|end| *end <= cut)
                .count();
            let used: usize = chunks[..complete].iter().map(Vec::len).sum();
            assert_eq!(
                read(&whole[..cut]),
                (bodies[..complete].to_vec(), (cut - used) as u64),
                "cut at {cut}"
            );
        }
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let (read, lost) = read(&flipped);
            assert_eq!(read.len(), 2, "bit {bit}");
            let kept: usize = read.iter().map(|body| HEAD_BYTES + body.len()).sum();
            assert_eq!(lost as usize, whole.len() - kept, "bit {bit}");
        }
    }

    #[test]
    fn a_mark_across_two_windows_is_found() {
        for junk in 65_530..65_540 {
            let bytes = [vec![0x55; junk], chunk(b"x")].concat();
            assert_eq!(read(&bytes), (vec![b"x".to_vec()], junk as u64), "{junk}");
        }
    }

    #[test]
    fn varints() {
        for number in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX] {
            let mut bytes = Vec::new();
            put_varint(&mut bytes, number);
            assert_eq!(take_varint(&mut bytes.as_slice()), Some(number));
            assert_eq!(take_varint(&mut &bytes[..bytes.len() - 1]), None);
        }
        assert_eq!(take_varint(&mut [0xff; 11].as_slice()), None);
    }
}
