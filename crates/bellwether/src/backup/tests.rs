use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::files::{copy_summed, entries, files_below, relative};
use super::list::{Files, Kept, LIST, Listed, write_list};
use super::restore::RESTORING;
use super::{prepare, refuse_half_restored, restore};

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
