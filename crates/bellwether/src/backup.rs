//! A copy of everything (points, state, secret key, gauges of StatsD), made while the server runs, and
//! putting it back. A backup has the shape of a data directory; `BACKUP.json` in it is written last and says
//! what belongs to it: lengths, and checksums of all files but the blocks, whose pages have their own.
//! Block files never change, so a second backup to the same place copies only new ones.
//! While one is made the list of the one before is called `BACKUP.unfinished`: there is no whole backup then,
//! and where it stays so, the next try goes on from there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use http_api::control::BackedUp;
use serde::{Deserialize, Serialize};

use crate::house::House;

const LIST: &str = "BACKUP.json";
const UNFINISHED: &str = "BACKUP.unfinished";
/// 1 had lengths only.
const LIST_VERSION: u32 = 2;
/// Below the data directory, so that it is on the same disk also where that is a mounted volume.
const RESTORING: &str = "restoring";
/// Of a store the last file that comes to its place: without it the directory is none.
const STORE_IS_WHOLE: &str = "CURRENT";
const COPY_BYTES: usize = 128 * 1024;
/// A list of a million files is still smaller.
const LONGEST_LIST: u64 = 1 << 30;

#[derive(Serialize, Deserialize)]
struct Listed {
    version: u32,
    made_by: String,
    made: i64,
    /// By path below the directory.
    files: Files,
}

type Files = BTreeMap<String, Kept>;

/// A file as it is in the backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "ListedFile")]
struct Kept {
    bytes: u64,
    /// None for blocks, and in lists of version 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    crc32c: Option<u32>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ListedFile {
    /// As version 1 wrote it.
    Length(u64),
    Kept {
        bytes: u64,
        crc32c: Option<u32>,
    },
}

impl From<ListedFile> for Kept {
    fn from(listed: ListedFile) -> Kept {
        match listed {
            ListedFile::Length(bytes) => Kept { bytes, crc32c: None },
            ListedFile::Kept { bytes, crc32c } => Kept { bytes, crc32c },
        }
    }
}

pub struct Restored {
    pub files: u64,
    pub bytes: u64,
    /// An older version made the backup, without checksums: a changed byte outside of blocks is not noticed.
    pub by_length_only: bool,
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

impl Listed {
    fn of(files: Files, made: i64) -> Listed {
        Listed { version: LIST_VERSION, made_by: env!("CARGO_PKG_VERSION").into(), made, files }
    }

    fn bytes(&self) -> u64 {
        self.files.values().map(|kept| kept.bytes).sum()
    }

    fn by_length_only(&self) -> bool {
        self.version == 1
    }
}

fn doing(what: &str, path: &Path, error: &dyn std::fmt::Display) -> String {
    format!("{what} {}: {error}", path.display())
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
    // By the mark of the last second a server that goes on from here knows of the gap.
    for name in ["secret.key", "statsd/gauges.log", "alive"] {
        if data.join(name).exists() {
            files.insert(name.to_owned(), copy_summed(&data.join(name), &directory.join(name))?);
        }
    }
    Ok(files)
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

fn length(path: &Path) -> Result<u64, String> {
    Ok(fs::metadata(path).map_err(|error| doing("look at", path, &error))?.len())
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

fn entries(directory: &Path) -> Result<Vec<std::ffi::OsString>, String> {
    let listed = fs::read_dir(directory).and_then(|all| all.map(|entry| Ok(entry?.file_name())).collect());
    listed.map_err(|error| doing("read", directory, &error))
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

/// As `copy`, with a checksum of what was read.
fn copy_summed(from: &Path, to: &Path) -> Result<Kept, String> {
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
fn pour(from: &Path, to: &mut dyn Write) -> Result<Kept, String> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn list(files: &[(&str, u64)]) -> Files {
        let kept = |bytes| Kept { bytes, crc32c: Some(0) };
        files.iter().map(|(name, bytes)| (name.to_string(), kept(*bytes))).collect()
    }

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
        assert_eq!(prepare(path), Ok(Files::new()));
        fs::write(path.join("half"), "x").unwrap();
        assert_eq!(prepare(path), Ok(Files::new()), "the first one did not end");
        let files = list(&[("half", 1)]);
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
            let files = list(&[(name, 1)]);
            write_list(directory.path(), LIST, &Listed::of(files, 0)).unwrap();
            let error = restore(directory.path(), &directory.path().join("to")).err().unwrap();
            assert!(error.contains("outside"), "{name}: {error}");
        }
    }

    #[test]
    fn a_shortened_file_is_noticed() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("a"), "abc").unwrap();
        let files = list(&[("a", 4)]);
        write_list(directory.path(), LIST, &Listed::of(files, 0)).unwrap();
        assert!(restore(directory.path(), &directory.path().join("to")).err().unwrap().contains("3 bytes"));
    }

    /// A backup of a store with nothing in it, and a file beside.
    fn small_backup(path: &Path, version: u32) -> String {
        let options = series_store::Options::new(path.join("data"), Arc::new(crate::clock::SystemClock));
        let (store, _) = series_store::Store::open(options).unwrap();
        let snapshot = store.snapshot().unwrap();
        let backup = path.join("backup");
        let mut files = Files::new();
        fs::write(snapshot.join("secret.key"), "0123").unwrap();
        for file in files_below(&snapshot).unwrap() {
            let name = relative(&file, &snapshot);
            files.insert(name.clone(), copy_summed(&file, &backup.join(name)).unwrap());
        }
        write_list(&backup, LIST, &Listed::of(files, 0)).unwrap();
        let text = fs::read_to_string(backup.join(LIST)).unwrap();
        if version == 1 {
            let mut old: serde_json::Value = serde_json::from_str(&text).unwrap();
            old["version"] = 1.into();
            for file in old["files"].as_object_mut().unwrap().values_mut() {
                *file = file["bytes"].clone();
            }
            fs::write(backup.join(LIST), old.to_string()).unwrap();
        }
        text
    }

    #[test]
    fn a_changed_byte_is_noticed_and_nothing_is_left() {
        for (version, noticed) in [(1, false), (2, true)] {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path();
            let (backup, made, missing) = (path.join("backup"), path.join("made"), path.join("missing"));
            small_backup(path, version);
            fs::create_dir(&made).unwrap();
            fs::write(backup.join("secret.key"), "0x23").unwrap();
            for to in [&made, &missing] {
                let was_there = to.exists();
                match restore(&backup, to) {
                    Ok(done) => assert!(!noticed && done.by_length_only),
                    Err(error) => {
                        assert!(noticed && error.contains("secret.key is damaged"), "{error}");
                        assert_eq!(to.exists(), was_there);
                        assert!(!was_there || entries(to).unwrap().is_empty());
                    }
                }
            }
            fs::write(backup.join("secret.key"), "0123").unwrap();
            let again = path.join("again");
            assert_eq!(restore(&backup, &again).unwrap().by_length_only, !noticed);
            assert_eq!(fs::read_to_string(again.join("secret.key")).unwrap(), "0123");
            assert!(!again.join(RESTORING).exists());
        }
    }

    #[test]
    fn a_restore_that_was_cut_off_is_not_served_and_gone_on_with() {
        let directory = tempfile::tempdir().unwrap();
        let to = directory.path().join("to");
        small_backup(directory.path(), 2);
        fs::create_dir_all(to.join(RESTORING)).unwrap();
        fs::write(to.join(RESTORING).join("left"), "x").unwrap();
        assert!(refuse_half_restored(&to).unwrap_err().contains("restore"));
        restore(&directory.path().join("backup"), &to).unwrap();
        assert_eq!(refuse_half_restored(&to), Ok(()));
        assert!(!to.join("left").exists());
    }

    #[test]
    fn a_list_that_lost_a_checksum_is_damaged() {
        let directory = tempfile::tempdir().unwrap();
        let text = small_backup(directory.path(), 2);
        let backup = directory.path().join("backup");
        fs::write(backup.join(LIST), text.replace("crc32c", "crc32d")).unwrap();
        let error = restore(&backup, &directory.path().join("to")).err().unwrap();
        assert!(error.contains("no checksum"), "{error}");
    }
}
