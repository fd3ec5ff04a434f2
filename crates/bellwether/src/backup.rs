//! A copy of everything (points, events of errors, state, secret key, gauges of StatsD), made while the server runs, and
//! putting it back. A backup has the shape of a data directory; `BACKUP.json` in it is written last and says
//! what belongs to it: lengths, and checksums of all files but the blocks, whose pages have their own.
//! Block files never change, so a second backup to the same place copies only new ones.
//! While one is made the list of the one before is called `BACKUP.unfinished`: there is no whole backup then,
//! and where it stays so, the next try goes on from there.

mod files;
mod list;
mod restore;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use http_api::control::BackedUp;

use self::files::{
    copy, copy_summed, doing, files_below, length, make_parent, make_private, pour, relative,
    sync_directories,
};
use self::list::{Files, Kept, LIST, Listed, UNFINISHED, read_list, write_list};
use crate::house::House;

pub use restore::{refuse_half_restored, restore};

pub fn backup(house: &House, directory: &Path) -> Result<BackedUp, String> {
    let _alone =
        house.backing_up.try_lock().ok_or("another backup is being made; try again when it is done")?;
    refuse_inside(directory, &house.config.load().data_dir.0)?;
    let before = prepare(directory)?;
    let snapshot = house.store.snapshot().map_err(|error| error.to_string())?;
    let copied = copy_all(house, &snapshot, directory, &before);
    let removed = fs::remove_dir_all(&snapshot).map_err(|error| doing("remove", &snapshot, &error));
    let files = copied?;
    removed?;
    remove_old(directory, &before, &files)?;
    sync_directories(directory, files.keys())?;
    let listed = Listed::of(files, house.clock.now().0);
    write_list(directory, LIST, &listed)?;
    let unfinished = directory.join(UNFINISHED);
    fs::remove_file(&unfinished).map_err(|error| doing("remove", &unfinished, &error))?;
    Ok(BackedUp {
        directory: directory.display().to_string(),
        files: listed.files.len() as u64,
        bytes: listed.bytes(),
    })
}

/// A copy beside the original goes with it, and fills its disk.
fn refuse_inside(directory: &Path, data_dir: &Path) -> Result<(), String> {
    let there = directory.ancestors().find_map(|part| part.canonicalize().ok());
    let data = data_dir.canonicalize().map_err(|error| doing("look at", data_dir, &error))?;
    match there {
        Some(there) if there.starts_with(&data) => {
            Err(format!("{} is inside the data directory; give one outside of it", directory.display()))
        }
        _ => Ok(()),
    }
}

/// What a backup was made from when the server was killed: its links would hold the disk for ever.
pub fn remove_left_snapshots(data_dir: &Path) {
    let snapshots = data_dir.join("snapshots");
    match fs::remove_dir_all(&snapshots) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!("{}", doing("remove", &snapshots, &error));
        }
        _ => {}
    }
}

/// An empty place, or one that holds a backup, whole or not: what is there of it. From here on it is unfinished.
fn prepare(directory: &Path) -> Result<Files, String> {
    make_private(directory)?;
    let (list, unfinished) = (directory.join(LIST), directory.join(UNFINISHED));
    if list.exists() {
        let listed = read_list(&list)?;
        fs::rename(&list, &unfinished).map_err(|error| doing("rename", &list, &error))?;
        return Ok(listed.files);
    }
    if unfinished.exists() {
        return Ok(read_list(&unfinished)?.files);
    }
    let mut entries = fs::read_dir(directory).map_err(|error| doing("read", directory, &error))?;
    if entries.next().is_some() {
        return Err(format!("{} is neither empty nor a backup; give another directory", directory.display()));
    }
    write_list(directory, UNFINISHED, &Listed::of(BTreeMap::new(), 0))?;
    Ok(BTreeMap::new())
}

fn copy_all(house: &House, snapshot: &Path, directory: &Path, before: &Files) -> Result<Files, String> {
    let mut files = Files::new();
    for path in files_below(snapshot)? {
        let name = relative(&path, snapshot);
        let target = directory.join(&name);
        let kept = if is_block(&name) {
            copy_block(&path, &target, before.get(&name))?
        } else {
            copy_summed(&path, &target)?
        };
        files.insert(name, kept);
    }
    let data = &house.config.load().data_dir.0;
    let state = directory.join("state/state.db");
    make_parent(&state)?;
    house.state.backup(&state).map_err(|error| error.to_string())?;
    files.insert("state/state.db".to_owned(), pour(&state, &mut io::sink())?);
    copy_events(house, directory, &mut files)?;
    // By the mark of the last second a server that goes on from here knows of the gap.
    for name in ["secret.key", "statsd/gauges.log", "alive"] {
        if data.join(name).exists() {
            files.insert(name.to_owned(), copy_summed(&data.join(name), &directory.join(name))?);
        }
    }
    Ok(files)
}

/// Events of errors, behind the state: what the copy of that has not counted is counted when the log is read. No segment is
/// written anew meanwhile, and of the open one the end that is cut off is nothing yet.
fn copy_events(house: &House, directory: &Path, files: &mut Files) -> Result<(), String> {
    let _still = house.errors.rewriting.lock();
    let data = &house.config.load().data_dir.0;
    for path in files_below(&data.join("errors"))? {
        let name = relative(&path, data);
        // Artifacts of builds may go to make room; chunks of one that is not whole are sent again.
        let is_kept = name.ends_with(".events") || name == "errors/marks" || name.ends_with(".bundle");
        if is_kept && (path.exists() || !name.ends_with(".bundle")) {
            files.insert(name.clone(), copy_summed(&path, &directory.join(&name))?);
        }
    }
    Ok(())
}

fn is_block(name: &str) -> bool {
    name.starts_with("blocks/")
}

fn copy_block(path: &Path, target: &Path, before: Option<&Kept>) -> Result<Kept, String> {
    let bytes = length(path)?;
    let is_there = fs::metadata(target).is_ok_and(|there| there.len() == bytes);
    if !is_there || before.is_none_or(|before| before.bytes != bytes) {
        copy(path, target)?;
    }
    Ok(Kept { bytes, crc32c: None })
}

/// What the backup before had and this one has not.
fn remove_old(directory: &Path, before: &Files, now: &Files) -> Result<(), String> {
    for name in before.keys().filter(|name| !now.contains_key(*name)) {
        let path = directory.join(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(doing("remove", &path, &error));
            }
            _ => {}
        }
    }
    Ok(())
}
