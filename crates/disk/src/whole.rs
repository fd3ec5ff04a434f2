//! Small files that are read and written in one go.

use std::io;
use std::path::Path;

use crate::Io;

/// The whole file, if it is not longer than `limit`.
pub fn read_whole(io: &dyn Io, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = io.open(path)?;
    let length = file.length()?;
    if length > limit {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("{length} bytes long, expected at most {limit}"),
        ));
    }
    let mut bytes = vec![0; length as usize];
    file.read_at(&mut bytes, 0)?;
    Ok(bytes)
}

/// A small file that is there whole or not at all: written beside, synced, renamed.
pub fn replace_whole(io: &dyn Io, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("tmp");
    let file = io.create(&beside)?;
    file.append(bytes)?;
    file.sync()?;
    io.rename(&beside, path)?;
    io.sync_dir(path.parent().unwrap_or(Path::new(".")))
}
