//! Zip archives, as far as bundles of artifacts are ones: read where it is asked for, never as a whole, and bounded whatever
//! the archive claims. Names in it are names, never paths of a file system.

use std::collections::HashMap;
use std::io::Read;

use flate2::read::DeflateDecoder;

use super::limits::{BUNDLE_FILES, BUNDLE_LIST_BYTES};

/// What an archive lies in.
pub trait Source {
    fn length(&self) -> u64;
    /// Fills the buffer from the offset on, or says why it cannot.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), String>;
}

impl Source for [u8] {
    fn length(&self) -> u64 {
        self.len() as u64
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), String> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let end = start.checked_add(buffer.len());
        let part = end.and_then(|end| self.get(start..end)).ok_or("it ends too early")?;
        buffer.copy_from_slice(part);
        Ok(())
    }
}

/// Where the files of an archive are.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    files: HashMap<String, Entry>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Of what stands before the file's bytes.
    header: u64,
    method: u16,
    packed: u64,
    unpacked: u64,
    checksum: u32,
}

const END: [u8; 4] = *b"PK\x05\x06";
const END_BYTES: usize = 22;
const LISTED: [u8; 4] = *b"PK\x01\x02";
const LISTED_BYTES: usize = 46;
const HEADER: [u8; 4] = *b"PK\x03\x04";
const HEADER_BYTES: usize = 30;
/// What may stand behind the end: the archive's comment.
const LONGEST_COMMENT: u64 = 65_535;

const STORED: u16 = 0;
const DEFLATED: u16 = 8;
const ENCRYPTED: u16 = 1;

impl Listing {
    pub fn read<S: Source + ?Sized>(source: &S) -> Result<Listing, String> {
        let end = End::find(source)?;
        let mut list = vec![0; end.list_bytes];
        source.read_at(&mut list, end.list_at)?;
        let mut files = HashMap::with_capacity(end.files);
        let mut rest = list.as_slice();
        for _ in 0..end.files {
            let (name, entry, length) = listed(rest, end.shift)?;
            files.insert(name, entry);
            rest = &rest[length..];
        }
        Ok(Listing { files })
    }

    pub fn contains(&self, name: &str) -> bool {
        self.files.contains_key(name)
    }

    pub fn len(&self) -> usize {
        self.files.len()
    }

    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// One file, unpacked: `most` bytes at most, and by its checksum what was packed.
    pub fn file<S: Source + ?Sized>(&self, source: &S, name: &str, most: usize) -> Result<Vec<u8>, String> {
        let entry = self.files.get(name).ok_or_else(|| format!("there is no {name} in it"))?;
        let too_long = || format!("{name} is longer than {most} bytes");
        if entry.unpacked > most as u64 || entry.packed > most as u64 {
            return Err(too_long());
        }
        let mut header = [0; HEADER_BYTES];
        source.read_at(&mut header, entry.header)?;
        if header[..4] != HEADER {
            return Err(format!("{name} is not where the list says"));
        }
        let before = HEADER_BYTES as u64 + u64::from(half(&header, 26)) + u64::from(half(&header, 28));
        if entry.packed > source.length() {
            return Err(format!("{name} ends too early"));
        }
        let mut packed = vec![0; entry.packed as usize];
        source.read_at(&mut packed, entry.header + before)?;
        let bytes = match entry.method {
            STORED => packed,
            DEFLATED => {
                inflate(&packed, most).map_err(|why| format!("{name}: {why}"))?.ok_or_else(too_long)?
            }
            other => return Err(format!("{name} is packed in a way ({other}) that is not known")),
        };
        match crc32fast::hash(&bytes) == entry.checksum {
            true => Ok(bytes),
            false => Err(format!("{name} is damaged: its checksum is another one")),
        }
    }
}

/// None: it is longer.
fn inflate(packed: &[u8], most: usize) -> Result<Option<Vec<u8>>, String> {
    let mut bytes = Vec::new();
    let mut reader = DeflateDecoder::new(packed).take(most as u64 + 1);
    reader.read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    Ok((bytes.len() <= most).then_some(bytes))
}

/// What an archive ends with.
struct End {
    files: usize,
    list_at: u64,
    list_bytes: usize,
    /// How much later all is than the archive says: something was put before it.
    shift: u64,
}

impl End {
    fn find<S: Source + ?Sized>(source: &S) -> Result<End, String> {
        let length = source.length();
        let tail_at = length.saturating_sub(END_BYTES as u64 + LONGEST_COMMENT);
        let mut tail = vec![0; (length - tail_at) as usize];
        source.read_at(&mut tail, tail_at)?;
        let at = tail.windows(END_BYTES).rposition(|window| window[..4] == END);
        let at = at.ok_or("it is no zip archive: its end is missing")?;
        End::read(&tail[at..at + END_BYTES], tail_at + at as u64)
    }

    fn read(end: &[u8], at: u64) -> Result<End, String> {
        let files = usize::from(half(end, 10));
        let (list_bytes, said_at) = (word(end, 12), word(end, 16));
        if files == usize::from(u16::MAX) || list_bytes == u32::MAX || said_at == u32::MAX {
            return Err("archives of more than 65,534 files or 4 GiB (ZIP64) are not taken".into());
        }
        if files > BUNDLE_FILES || list_bytes as usize > BUNDLE_LIST_BYTES {
            return Err(format!("it has {files} files, and may have {BUNDLE_FILES}"));
        }
        let list_at = at.checked_sub(u64::from(list_bytes)).ok_or("its list is longer than it is")?;
        let shift = list_at.checked_sub(u64::from(said_at)).ok_or("its list is not where it says")?;
        Ok(End { files, list_at, list_bytes: list_bytes as usize, shift })
    }
}

/// The first of the list, and how long it is there.
fn listed(list: &[u8], shift: u64) -> Result<(String, Entry, usize), String> {
    const BROKEN: &str = "its list of files is broken";
    if list.len() < LISTED_BYTES || list[..4] != LISTED {
        return Err(BROKEN.into());
    }
    let name_bytes = usize::from(half(list, 28));
    let length = LISTED_BYTES + name_bytes + usize::from(half(list, 30)) + usize::from(half(list, 32));
    let name = list.get(LISTED_BYTES..LISTED_BYTES + name_bytes).filter(|_| length <= list.len());
    let name = String::from_utf8_lossy(name.ok_or(BROKEN)?).into_owned();
    if half(list, 8) & ENCRYPTED != 0 {
        return Err(format!("{name} is encrypted"));
    }
    let entry = Entry {
        header: u64::from(word(list, 42)) + shift,
        method: half(list, 10),
        packed: u64::from(word(list, 20)),
        unpacked: u64::from(word(list, 24)),
        checksum: word(list, 16),
    };
    Ok((name, entry, length))
}

/// The callers have seen that so many bytes are there.
fn half(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// Archives made by hand.
#[doc(hidden)]
pub mod writing {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::DeflateEncoder;

    use super::{DEFLATED, END, HEADER, LISTED, STORED};

    /// Packed where that makes it shorter. Whatever is `before` stands before it, and offsets count from its beginning, as
    /// sentry-cli writes bundles.
    pub fn archive(before: &[u8], files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut bytes = before.to_vec();
        let mut list: Vec<u8> = Vec::new();
        for (name, content) in files {
            let packed = deflate(content);
            let (method, packed) =
                if packed.len() < content.len() { (DEFLATED, &*packed) } else { (STORED, *content) };
            let header_at = bytes.len() as u32;
            let mut facts: Vec<u8> = Vec::new();
            for half in [20, 0, method, 0, 0x21] {
                facts.extend(half.to_le_bytes());
            }
            for word in [crc32fast::hash(content), packed.len() as u32, content.len() as u32] {
                facts.extend(word.to_le_bytes());
            }
            facts.extend((name.len() as u16).to_le_bytes());
            facts.extend(0u16.to_le_bytes());
            bytes.extend(HEADER);
            bytes.extend(&facts);
            bytes.extend(name.as_bytes());
            bytes.extend(packed);
            list.extend(LISTED);
            list.extend(20u16.to_le_bytes());
            list.extend(&facts);
            list.extend([0; 10]);
            list.extend(header_at.to_le_bytes());
            list.extend(name.as_bytes());
        }
        let list_at = bytes.len() as u32;
        bytes.extend(&list);
        bytes.extend(END);
        bytes.extend([0; 4]);
        for _ in 0..2 {
            bytes.extend((files.len() as u16).to_le_bytes());
        }
        bytes.extend((list.len() as u32).to_le_bytes());
        bytes.extend(list_at.to_le_bytes());
        bytes.extend([0; 2]);
        bytes
    }

    fn deflate(content: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        // Into memory nothing fails.
        encoder.write_all(content).and_then(|()| encoder.finish()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::writing::archive;
    use super::*;

    #[test]
    fn files_come_back_as_they_went_in() {
        let long = "la ".repeat(1_000);
        let files: [(&str, &[u8]); 3] = [("a", b"short"), ("b/c", long.as_bytes()), ("", b"")];
        for before in ["", "SYSB\x02\0\0\0", "anything else"] {
            let bytes = archive(before.as_bytes(), &files);
            let listing = Listing::read(&*bytes).unwrap();
            assert_eq!(listing.len(), 3);
            for (name, content) in files {
                assert_eq!(listing.file(&*bytes, name, 3_000).unwrap(), content, "{before}: {name}");
            }
            assert!(listing.file(&*bytes, "b/c", 2_999).unwrap_err().contains("longer than 2999"));
            assert!(listing.file(&*bytes, "d", 10).unwrap_err().contains("no d"));
        }
    }

    #[test]
    fn offsets_may_count_from_behind_what_was_put_before() {
        let mut bytes = b"SYSB\x02\0\0\0".to_vec();
        bytes.extend(archive(b"", &[("a", b"x")]));
        assert_eq!(Listing::read(&*bytes).unwrap().file(&*bytes, "a", 10).unwrap(), b"x");
    }

    #[test]
    fn whatever_is_cut_or_changed_is_told() {
        let files: [(&str, &[u8]); 2] = [("a", b"some text"), ("b", b"other text")];
        let whole = archive(b"SYSB\x02\0\0\0", &files);
        let all = |bytes: &[u8]| -> Result<bool, String> {
            let listing = Listing::read(bytes)?;
            let of =
                |(name, content): (&str, &[u8])| listing.file(bytes, name, 100).map(|found| found == content);
            Ok(of(files[0])? && of(files[1])?)
        };
        assert_eq!(all(&whole), Ok(true));
        for length in 0..whole.len() {
            assert!(all(&whole[..length]).is_err(), "cut to {length}");
        }
        // Times, versions and attributes do not matter; whatever else is changed, nothing wrong is taken for right.
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 0x55;
            assert_ne!(all(&changed), Ok(false), "changed at {at}");
        }
        assert!(Listing::read(b"no archive".as_slice()).unwrap_err().contains("no zip archive"));
    }
}
