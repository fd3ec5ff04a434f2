//! Putting a backup back.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use super::files::{copy, copy_summed, doing, entries, length, make_private, sync_directories};
use super::is_block;
use super::list::{LIST, Listed, read_list};

/// Below the data directory, so that it is on the same disk also where that is a mounted volume.
pub(super) const RESTORING: &str = "restoring";
/// Of a store the last file that comes to its place: without it the directory is none.
const STORE_IS_WHOLE: &str = "CURRENT";

pub struct Restored {
    pub files: u64,
    pub bytes: u64,
    /// An older version made the backup, without checksums: a changed byte outside of blocks is not noticed.
    pub by_length_only: bool,
}

/// Put a backup in place of an empty or missing data directory. All of it is checked before any of it is in
/// its place; when it fails the directory is as it was.
pub fn restore(from: &Path, to: &Path) -> Result<Restored, String> {
    let listed = whole_backup(from)?;
    let was_there = to.exists();
    make_private(to)?;
    let done = restore_listed(&listed, from, to);
    if done.is_err() && !was_there {
        // Only if nothing is in it.
        let _ = fs::remove_dir(to);
    }
    done?;
    let (files, bytes) = (listed.files.len() as u64, listed.bytes());
    Ok(Restored { files, bytes, by_length_only: listed.by_length_only() })
}

/// The list of a backup, of which every file is there.
fn whole_backup(from: &Path) -> Result<Listed, String> {
    if !from.join(LIST).exists() {
        return Err(format!("{} is not a whole backup: there is no {LIST} in it", from.display()));
    }
    let listed = read_list(&from.join(LIST))?;
    for (name, kept) in &listed.files {
        if !stays_below(name) {
            return Err(format!("the list of {} names `{name}`, which is outside of it", from.display()));
        }
        let path = from.join(name);
        let found = length(&path)?;
        if found != kept.bytes {
            return Err(format!("{} has {found} bytes, and should have {}", path.display(), kept.bytes));
        }
        if kept.crc32c.is_none() && !is_block(name) && !listed.by_length_only() {
            return Err(format!("the list of {} is damaged: `{name}` has no checksum", from.display()));
        }
    }
    Ok(listed)
}

fn restore_listed(listed: &Listed, from: &Path, to: &Path) -> Result<(), String> {
    if entries(to)?.iter().any(|name| name != RESTORING) {
        return Err(format!("{} is not empty; move it away first", to.display()));
    }
    let restoring = to.join(RESTORING);
    make_private(&restoring)?;
    let lock = File::open(&restoring).map_err(|error| doing("open", &restoring, &error))?;
    lock.try_lock().map_err(|_| format!("another restore to {} is under way", to.display()))?;
    let placed = fill(listed, from, &restoring).and_then(|()| put_in_place(&restoring, to));
    if placed.is_err() {
        // What stays all the same only takes room; the next try clears it.
        let _ = fs::remove_dir_all(&restoring);
    }
    placed
}

/// The whole backup, checked, in a place of its own.
fn fill(listed: &Listed, from: &Path, restoring: &Path) -> Result<(), String> {
    // What a restore that was cut off left.
    for name in entries(restoring)? {
        let path = restoring.join(name);
        let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.map_err(|error| doing("remove", &path, &error))?;
    }
    for (name, kept) in &listed.files {
        let (path, target) = (from.join(name), restoring.join(name));
        if kept.crc32c.is_none() {
            copy(&path, &target)?;
        } else if copy_summed(&path, &target)? != *kept {
            return Err(format!(
                "{} is damaged: it is not what its checksum was made of; nothing was restored, take another backup",
                path.display()
            ));
        }
    }
    sync_directories(restoring, listed.files.keys())?;
    let report = series_store::fsck(Arc::new(disk::RealIo), restoring);
    if report.is_clean() {
        return Ok(());
    }
    Err(format!("{} is damaged, nothing was restored: {}", from.display(), report.problems.join("; ")))
}

/// Up one level, on the same disk. A server does not start beside `restoring`, which goes last.
fn put_in_place(restoring: &Path, to: &Path) -> Result<(), String> {
    let mut names = entries(restoring)?;
    names.sort_by_key(|name| name == STORE_IS_WHOLE);
    for (index, name) in names.iter().enumerate() {
        let (path, target) = (restoring.join(name), to.join(name));
        if let Err(error) = fs::rename(&path, &target) {
            for back in &names[..index] {
                let _ = fs::rename(to.join(back), restoring.join(back));
            }
            return Err(doing(&format!("move {} to", path.display()), &target, &error));
        }
    }
    let done = fs::remove_dir(restoring).and_then(|()| File::open(to)?.sync_all());
    done.map_err(|error| doing("finish", to, &error))
}

/// A data directory that a restore was cut off in is not served: some of it may be missing.
pub fn refuse_half_restored(data_dir: &Path) -> Result<(), String> {
    if !data_dir.join(RESTORING).exists() {
        return Ok(());
    }
    Err(format!(
        "a restore to {} was not finished; empty the directory and run `bellwether restore` again",
        data_dir.display()
    ))
}

fn stays_below(name: &str) -> bool {
    Path::new(name).components().all(|part| matches!(part, std::path::Component::Normal(_)))
}
