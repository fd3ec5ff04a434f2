//! Which version a directory is of: told first, and only by reading.

use std::path::Path;

use disk::{Io, RealIo, read_whole};

use super::wal_segments;
use crate::block::known_codecs;
use crate::error::OpenError;
use crate::manifest::{self, Found};
use crate::series_log::{self, Unreadable, log_path};
use crate::wal::{self, SegmentHeader};

/// The formats this version writes. A store of a higher major version is not opened; one of a higher minor
/// version is, unless it uses something that is unknown here.
pub const FORMAT_MAJOR: u32 = 1;
pub const FORMAT_MINOR: u32 = 2;
pub(crate) const FORMAT_NAME: &str = "bellwether-series-store";

/// The version that a directory's store is written in, (major, minor), by reading only; `None` without a store.
pub fn stored_format(directory: &Path) -> std::io::Result<Option<(u32, u32)>> {
    match read_whole(&RealIo, &directory.join("FORMAT"), 256) {
        Ok(text) => Ok(version_of(&String::from_utf8_lossy(&text))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

pub(super) fn version_of(format: &str) -> Option<(u32, u32)> {
    let (major, minor) = format.trim().strip_prefix(FORMAT_NAME)?.trim().split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Versions first, and only by reading.
pub(super) fn refuse_foreign(io: &dyn Io, directory: &Path) -> Result<(), OpenError> {
    let foreign = |found: String, why: &str| OpenError::Version { found, why: why.into() };
    if let Ok(text) = read_whole(io, &directory.join("FORMAT"), 256) {
        let text = String::from_utf8_lossy(&text).trim().to_owned();
        match version_of(&text) {
            Some((major, _)) if major <= FORMAT_MAJOR => {}
            Some(_) => return Err(foreign(text, "its format is newer than this program knows")),
            None => return Err(foreign(text, "FORMAT is not one of this program's")),
        }
    }
    match manifest::find(io, directory) {
        Ok(Found::Foreign { major }) => {
            return Err(foreign(
                format!("manifest {major}"),
                "its manifest is of a version that is unknown here",
            ));
        }
        Ok(Found::Sound { state, .. }) => {
            let unknown = state.files.values().find(|meta| meta.codecs & !known_codecs() != 0);
            if let Some(meta) = unknown {
                let path = meta.path(Path::new("blocks"));
                let why = format!("{} uses a codec that is unknown here", path.display());
                return Err(OpenError::Version { found: format!("codecs {:#b}", meta.codecs), why });
            }
            let mut start = [0; series_log::HEADER_BYTES];
            let log = log_path(&directory.join("series"), state.series_log);
            let read = io.open(&log).and_then(|file| file.read_at(&mut start, 0));
            if let (Ok(()), Err(Unreadable::Foreign { major })) =
                (read, series_log::load(&start, &mut |_| Ok(())))
            {
                return Err(foreign(
                    format!("series log {major}"),
                    "its series log is of a version that is unknown here",
                ));
            }
        }
        _ => {}
    }
    for (segment, _) in wal_segments(io, directory).unwrap_or_default() {
        let path = wal::segment_path(&directory.join("wal"), segment);
        let mut start = [0; wal::HEADER_BYTES];
        let read = io.open(&path).and_then(|file| file.read_at(&mut start, 0));
        if let (Ok(()), SegmentHeader::Foreign { major }) = (read, wal::read_header(&start)) {
            return Err(foreign(format!("log {major}"), "its log is of a version that is unknown here"));
        }
    }
    Ok(())
}
