//! Files and directories that are copied, and are on the disk then.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::list::Kept;

const COPY_BYTES: usize = 128 * 1024;

pub(super) fn doing(what: &str, path: &Path, error: &dyn std::fmt::Display) -> String {
    format!("{what} {}: {error}", path.display())
}

pub(super) fn length(path: &Path) -> Result<u64, String> {
    Ok(fs::metadata(path).map_err(|error| doing("look at", path, &error))?.len())
}

/// Files are on the disk; so are the names by which they are found.
pub(super) fn sync_directories<'n>(
    directory: &Path,
    names: impl Iterator<Item = &'n String>,
) -> Result<(), String> {
    let parents: BTreeSet<PathBuf> = names
        .flat_map(|name| Path::new(name).ancestors().skip(1).map(|parent| directory.join(parent)))
        .collect();
    for parent in parents {
        let synced = File::open(&parent).and_then(|open| open.sync_all());
        synced.map_err(|error| doing("sync", &parent, &error))?;
    }
    Ok(())
}

pub(super) fn entries(directory: &Path) -> Result<Vec<std::ffi::OsString>, String> {
    let listed = fs::read_dir(directory).and_then(|all| all.map(|entry| Ok(entry?.file_name())).collect());
    listed.map_err(|error| doing("read", directory, &error))
}

pub(super) fn make_private(directory: &Path) -> Result<(), String> {
    use std::os::unix::fs::DirBuilderExt;
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
    made.map_err(|error| doing("create", directory, &error))
}

pub(super) fn files_below(directory: &Path) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    let mut waiting = vec![directory.to_owned()];
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(&directory).map_err(|error| doing("read", &directory, &error))? {
            let path = entry.map_err(|error| doing("read", &directory, &error))?.path();
            if path.is_dir() { waiting.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    Ok(found)
}

pub(super) fn relative(path: &Path, base: &Path) -> String {
    path.strip_prefix(base).unwrap_or(path).display().to_string()
}

pub(super) fn make_parent(path: &Path) -> Result<(), String> {
    match path.parent() {
        Some(parent) => fs::create_dir_all(parent).map_err(|error| doing("create", parent, &error)),
        None => Ok(()),
    }
}

/// On the disk when this returns; permissions come along.
pub(super) fn copy(from: &Path, to: &Path) -> Result<(), String> {
    make_parent(to)?;
    let copied = fs::copy(from, to).and_then(|_| File::open(to)?.sync_all());
    copied.map_err(|error| doing(&format!("copy {} to", from.display()), to, &error))
}

/// As `copy`, with a checksum of what was read.
pub(super) fn copy_summed(from: &Path, to: &Path) -> Result<Kept, String> {
    use std::os::unix::fs::OpenOptionsExt;
    make_parent(to)?;
    let failed = |error: io::Error| doing(&format!("copy {} to", from.display()), to, &error);
    let opened = File::options().write(true).create(true).truncate(true).mode(0o600).open(to);
    let mut target = opened.map_err(failed)?;
    let kept = pour(from, &mut target)?;
    let finished = fs::metadata(from)
        .and_then(|metadata| target.set_permissions(metadata.permissions()))
        .and_then(|()| target.sync_all());
    finished.map_err(failed).map(|()| kept)
}

/// All bytes of a file, counted and summed.
pub(super) fn pour(from: &Path, to: &mut dyn Write) -> Result<Kept, String> {
    let failed = |error: io::Error| doing("copy", from, &error);
    let mut source = File::open(from).map_err(failed)?;
    let mut buffer = vec![0; COPY_BYTES];
    let (mut bytes, mut sum) = (0, 0);
    loop {
        let read = match source.read(&mut buffer) {
            Ok(0) => return Ok(Kept { bytes, crc32c: Some(sum) }),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(failed(error)),
        };
        to.write_all(&buffer[..read]).map_err(failed)?;
        bytes += read as u64;
        sum = crc32c::crc32c_append(sum, &buffer[..read]);
    }
}
