//! Block files: pages of many series over one stretch of slots. Written once, never changed.
//!
//! `docs/formats/block.md` draws the bytes. A series has one page, over all slots of the file; the index
//! finds it by the series' number within its stripe.
//!
//! | module | holds |
//! |---|---|
//! | [`writer`] | a file as it is written, under a temporary name until it is whole |
//! | [`file`] | a file of the store: some of its pages are read; how many are open |
//! | [`scan`] | all its pages in order, for merges |
//! | [`ends`] | header, footer and the index's top |

mod ends;
mod file;
mod scan;
mod writer;

use std::ops::Range;

use crate::codec::{CodecError, Effort, PageEncoder};
use crate::manifest::FileMeta;
use crate::policy::Slot;
use crate::value::Value;

pub use ends::{HEADER_BYTES, recover_meta};
pub use file::{BlockFile, OpenFiles, ReadFailure};
pub use scan::BlockScan;
pub use writer::BlockWriter;

/// Encode the slots of one series over a file's whole stretch. Returns the codec used, as one bit.
pub fn encode_page<V: Value>(
    encoder: &mut PageEncoder,
    slots: &[V],
    effort: Effort,
    out: &mut Vec<u8>,
) -> u64 {
    let start = out.len();
    V::encode(encoder, slots, effort, out);
    out.get(start).map_or(0, |codec| codec_bit(*codec))
}

/// The low five bits of a page's first byte are its codec.
fn codec_bit(first: u8) -> u64 {
    1 << (first & 31)
}

/// The codecs that this version reads.
pub fn known_codecs() -> u64 {
    let unknown = |codec: u8| {
        let mut page = vec![codec];
        page.extend_from_slice(&crc32c::crc32c(&[codec]).to_le_bytes());
        matches!(crate::codec::decode_numbers(&page, &mut []), Err(CodecError::UnknownCodec(_)))
    };
    (0..32).filter(|codec| !unknown(*codec)).map(codec_bit).sum()
}

/// The newest slot of a page that has a value.
pub fn last_slot<V: Value>(
    meta: &FileMeta,
    page: &[u8],
    scratch: &mut Vec<V>,
) -> Result<Option<Slot>, CodecError> {
    scratch.clear();
    scratch.resize(meta.slots as usize, V::ABSENT);
    V::decode(page, meta.slots as usize, 0..meta.slots as usize, scratch)?;
    let last = scratch.iter().rposition(|value| !value.is_absent());
    Ok(last.map(|slot| meta.first + slot as Slot))
}

/// Put the values of a page that lie in `wanted` over `row`, whose first slot is `wanted.start`.
/// After an error the row is as it was.
pub fn overlay_page<V: Value>(
    meta: &FileMeta,
    page: &[u8],
    wanted: &Range<Slot>,
    row: &mut [V],
    scratch: &mut Vec<V>,
) -> Result<(), CodecError> {
    let (from, until) = (meta.first.max(wanted.start), meta.end().min(wanted.end));
    if from >= until {
        return Ok(());
    }
    scratch.clear();
    scratch.resize((until - from) as usize, V::ABSENT);
    let part = (from - meta.first) as usize..(until - meta.first) as usize;
    V::decode(page, meta.slots as usize, part, scratch)?;
    let target = &mut row[(from - wanted.start) as usize..];
    for (slot, value) in target.iter_mut().zip(scratch) {
        if !value.is_absent() {
            slot.clone_from(value);
        }
    }
    Ok(())
}
