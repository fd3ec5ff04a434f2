//! A copy of everything (points, state, secret key, gauges of StatsD), made while the server runs, and
//! putting it back. A backup has the shape of a data directory; `BACKUP.json` in it is written last and says
//! what belongs to it. Block files never change, so a second backup to the same place copies only new ones.
//! While one is made the list of the one before is called `BACKUP.unfinished`: there is no whole backup then,
//! and where it stays so, the next try goes on from there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use http_api::control::BackedUp;
use serde::{Deserialize, Serialize};

use crate::house::House;

const LIST: &str = "BACKUP.json";
const UNFINISHED: &str = "BACKUP.unfinished";
const LIST_VERSION: u32 = 1;
/// A list of a million files is still smaller.
const LONGEST_LIST: u64 = 1 << 30;

#[derive(Serialize, Deserialize)]
struct Listed {
    version: u32,
    made_by: String,
    made: i64,
    /// Path below the directory, and length.
    files: BTreeMap<String, u64>,
}

pub struct Restored {
    pub files: u64,
    pub bytes: u64,
}

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
        bytes: listed.files.values().sum(),
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

impl Listed {
    fn of(files: BTreeMap<String, u64>, made: i64) -> Listed {
        Listed { version: LIST_VERSION, made_by: env!("CARGO_PKG_VERSION").into(), made, files }
    }
}

fn doing(what: &str, path: &Path, error: &dyn std::fmt::Display) -> String {
    format!("{what} {}: {error}", path.display())
}

/// An empty place, or one that holds a backup, whole or not: what is there of it. From here on it is unfinished.
fn prepare(directory: &Path) -> Result<BTreeMap<String, u64>, String> {
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

fn copy_all(
    house: &House,
    snapshot: &Path,
    directory: &Path,
    before: &BTreeMap<String, u64>,
) -> Result<BTreeMap<String, u64>, String> {
    let mut files = BTreeMap::new();
    for path in files_below(snapshot)? {
        let name = relative(&path, snapshot);
        let length = fs::metadata(&path).map_err(|error| doing("look at", &path, &error))?.len();
        let target = directory.join(&name);
        let is_there = || fs::metadata(&target).is_ok_and(|there| there.len() == length);
        let unchanged = name.starts_with("blocks/") && before.get(&name) == Some(&length) && is_there();
        if !unchanged {
            copy(&path, &target)?;
        }
        files.insert(name, length);
    }
    let data = &house.config.load().data_dir.0;
    let state = directory.join("state/state.db");
    make_parent(&state)?;
    house.state.backup(&state).map_err(|error| error.to_string())?;
    note(&mut files, directory, &state)?;
    // By the mark of the last second a server that goes on from here knows of the gap.
    for name in ["secret.key", "statsd/gauges.log", "alive"] {
        if data.join(name).exists() {
            copy(&data.join(name), &directory.join(name))?;
            note(&mut files, directory, &directory.join(name))?;
        }
    }
    Ok(files)
}

fn note(files: &mut BTreeMap<String, u64>, directory: &Path, path: &Path) -> Result<(), String> {
    let length = fs::metadata(path).map_err(|error| doing("look at", path, &error))?.len();
    files.insert(relative(path, directory), length);
    Ok(())
}

/// What the backup before had and this one has not.
fn remove_old(
    directory: &Path,
    before: &BTreeMap<String, u64>,
    now: &BTreeMap<String, u64>,
) -> Result<(), String> {
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

/// Files are on the disk; so are the names by which they are found.
fn sync_directories<'n>(directory: &Path, names: impl Iterator<Item = &'n String>) -> Result<(), String> {
    let parents: BTreeSet<PathBuf> = names
        .flat_map(|name| Path::new(name).ancestors().skip(1).map(|parent| directory.join(parent)))
        .collect();
    for parent in parents {
        let synced = File::open(&parent).and_then(|open| open.sync_all());
        synced.map_err(|error| doing("sync", &parent, &error))?;
    }
    Ok(())
}

fn write_list(directory: &Path, name: &str, listed: &Listed) -> Result<(), String> {
    let path = directory.join(name);
    let text = serde_json::to_vec_pretty(listed).map_err(|error| error.to_string())?;
    let partial = directory.join("BACKUP.partial");
    let written = fs::write(&partial, text)
        .and_then(|()| File::open(&partial)?.sync_all())
        .and_then(|()| fs::rename(&partial, &path))
        .and_then(|()| File::open(directory)?.sync_all());
    written.map_err(|error| doing("write", &path, &error))
}

fn read_list(path: &Path) -> Result<Listed, String> {
    let length = fs::metadata(path).map_err(|error| doing("read", path, &error))?.len();
    if length > LONGEST_LIST {
        return Err(format!("{} is too long to be the list of a backup", path.display()));
    }
    let text = fs::read_to_string(path).map_err(|error| doing("read", path, &error))?;
    let listed: Listed = serde_json::from_str(&text).map_err(|error| doing("understand", path, &error))?;
    if listed.version > LIST_VERSION {
        return Err(format!("{} was made by a newer version ({})", path.display(), listed.made_by));
    }
    Ok(listed)
}

/// Put a backup in place of an empty or missing data directory. Checked before and after.
pub fn restore(from: &Path, to: &Path) -> Result<Restored, String> {
    if !from.join(LIST).exists() {
        return Err(format!("{} is not a whole backup: there is no {LIST} in it", from.display()));
    }
    let listed = read_list(&from.join(LIST))?;
    for (name, length) in &listed.files {
        if !stays_below(name) {
            return Err(format!("the list of {} names `{name}`, which is outside of it", from.display()));
        }
        let path = from.join(name);
        let found = fs::metadata(&path).map_err(|error| doing("look at", &path, &error))?.len();
        if found != *length {
            return Err(format!("{} has {found} bytes, and should have {length}", path.display()));
        }
    }
    if to.exists() && fs::read_dir(to).map_err(|error| doing("read", to, &error))?.next().is_some() {
        return Err(format!("{} is not empty; move it away first", to.display()));
    }
    make_private(to)?;
    for name in listed.files.keys() {
        copy(&from.join(name), &to.join(name))?;
    }
    sync_directories(to, listed.files.keys())?;
    let report = series_store::fsck(Arc::new(series_store::io::RealIo), to);
    if !report.is_clean() {
        return Err(format!("restored, but damaged: {}", report.problems.join("; ")));
    }
    Ok(Restored { files: listed.files.len() as u64, bytes: listed.files.values().sum() })
}

fn stays_below(name: &str) -> bool {
    Path::new(name).components().all(|part| matches!(part, std::path::Component::Normal(_)))
}

fn make_private(directory: &Path) -> Result<(), String> {
    use std::os::unix::fs::DirBuilderExt;
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
    made.map_err(|error| doing("create", directory, &error))
}

fn files_below(directory: &Path) -> Result<Vec<PathBuf>, String> {
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

fn relative(path: &Path, base: &Path) -> String {
    path.strip_prefix(base).unwrap_or(path).display().to_string()
}

fn make_parent(path: &Path) -> Result<(), String> {
    match path.parent() {
        Some(parent) => fs::create_dir_all(parent).map_err(|error| doing("create", parent, &error)),
        None => Ok(()),
    }
}

/// On the disk when this returns; permissions come along.
fn copy(from: &Path, to: &Path) -> Result<(), String> {
    make_parent(to)?;
    let copied = fs::copy(from, to).and_then(|_| File::open(to)?.sync_all());
    copied.map_err(|error| doing(&format!("copy {} to", from.display()), to, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_backup_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        assert!(restore(path, &path.join("to")).err().unwrap().contains("BACKUP.json"));
        fs::write(path.join("something"), "x").unwrap();
        assert!(prepare(path).unwrap_err().contains("neither empty nor a backup"));
    }

    #[test]
    fn what_was_not_finished_is_gone_on_with() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        assert_eq!(prepare(path), Ok(BTreeMap::new()));
        fs::write(path.join("half"), "x").unwrap();
        assert_eq!(prepare(path), Ok(BTreeMap::new()), "the first one did not end");
        let files = BTreeMap::from([("half".to_owned(), 1)]);
        write_list(path, LIST, &Listed::of(files.clone(), 0)).unwrap();
        for attempt in ["the second one begins", "and does not end"] {
            assert_eq!(prepare(path), Ok(files.clone()), "{attempt}");
            assert!(restore(path, &path.join("to")).is_err(), "{attempt}");
        }
    }

    #[test]
    fn a_list_cannot_lead_outside() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["../../etc/passwd", "/etc/passwd", "a/../../b"] {
            let files = BTreeMap::from([(name.to_owned(), 1)]);
            write_list(directory.path(), LIST, &Listed::of(files, 0)).unwrap();
            let error = restore(directory.path(), &directory.path().join("to")).err().unwrap();
            assert!(error.contains("outside"), "{name}: {error}");
        }
    }

    #[test]
    fn a_shortened_file_is_noticed() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("a"), "abc").unwrap();
        let files = BTreeMap::from([("a".to_owned(), 4)]);
        write_list(directory.path(), LIST, &Listed::of(files, 0)).unwrap();
        assert!(restore(directory.path(), &directory.path().join("to")).err().unwrap().contains("3 bytes"));
    }
}
