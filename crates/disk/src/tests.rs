//! Both disks keep the same promises, and the simulated one breaks them only where a real one may.

use std::io::{self, ErrorKind};
use std::path::Path;

use vocabulary::ports::EventLogError;

use crate::simulated::{SimulatedDisk, Unsynced};
use crate::{Doing, Entry, Io, RealIo, read_whole, replace_whole};

const DIRECTORY: &str = "/simulated";

fn simulated() -> SimulatedDisk {
    let disk = SimulatedDisk::default();
    disk.create_dir(Path::new(DIRECTORY)).unwrap();
    disk
}

fn on_both_disks(check: impl Fn(&dyn Io, &Path)) {
    let temporary = tempfile::tempdir().unwrap();
    check(&RealIo, temporary.path());
    check(&simulated(), Path::new(DIRECTORY));
}

fn kind<T>(result: io::Result<T>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

#[test]
fn bytes_go_to_the_end_wherever_that_is_by_now() {
    on_both_disks(|io, directory| {
        let path = directory.join("a");
        let file = io.create(&path).unwrap();
        file.append(b"one ").unwrap();
        io.open_append(&path).unwrap().append(b"two").unwrap();
        file.append(b"!").unwrap();
        assert_eq!(read_whole(io, &path, 8).unwrap(), b"one two!");
        assert_eq!(kind(read_whole(io, &path, 7)), Some(ErrorKind::InvalidData));
        assert_eq!(kind(file.read_at(&mut [0; 2], 7)), Some(ErrorKind::UnexpectedEof));
        io.truncate(&path, 3).unwrap();
        file.append(b".").unwrap();
        file.sync().unwrap();
        assert_eq!((file.length().unwrap(), read_whole(io, &path, 8).unwrap()), (4, b"one.".to_vec()));
    });
}

#[test]
fn what_is_open_to_be_read_is_not_appended_to() {
    on_both_disks(|io, directory| {
        let path = directory.join("a");
        io.create(&path).unwrap().append(b"whole").unwrap();
        assert!(io.open(&path).unwrap().append(b"more").is_err());
        assert_eq!(read_whole(io, &path, 9).unwrap(), b"whole");
    });
}

/// A snapshot is made of links.
#[test]
fn a_file_made_anew_leaves_alone_who_has_the_old_one() {
    on_both_disks(|io, directory| {
        let (path, link) = (directory.join("a"), directory.join("b"));
        io.create(&path).unwrap().append(b"old").unwrap();
        io.link(&path, &link).unwrap();
        let open = io.open(&path).unwrap();
        io.create(&path).unwrap().append(b"newer").unwrap();
        assert_eq!(read_whole(io, &path, 9).unwrap(), b"newer");
        assert_eq!(read_whole(io, &link, 9).unwrap(), b"old");
        assert_eq!(open.length().unwrap(), 3);
    });
}

#[test]
fn directories_are_listed_with_what_is_in_them() {
    on_both_disks(|io, directory| {
        let inner = directory.join("c");
        io.create_dir(&inner).unwrap();
        io.create(&inner.join("not shown")).unwrap();
        io.create(&directory.join("d")).unwrap().append(b"1234").unwrap();
        io.rename(&directory.join("d"), &directory.join("b")).unwrap();
        io.create(&directory.join("a")).unwrap();
        io.remove(&directory.join("a")).unwrap();
        let entry = |name: &str, bytes, directory| Entry { name: name.to_owned(), bytes, directory };
        assert_eq!(io.list(directory).unwrap(), [entry("b", 4, false), entry("c", 0, true)]);
        io.sync_dir(directory).unwrap();
        assert!(io.space(directory).is_ok_and(|space| space.free <= space.total));
    });
}

#[test]
fn what_is_not_there_is_not_found() {
    on_both_disks(|io, directory| {
        let missing = directory.join("missing");
        assert_eq!(kind(io.open(&missing)), Some(ErrorKind::NotFound));
        assert_eq!(kind(io.open_append(&missing)), Some(ErrorKind::NotFound));
        assert_eq!(kind(io.create(&missing.join("a"))), Some(ErrorKind::NotFound));
        assert_eq!(kind(io.list(&missing)), Some(ErrorKind::NotFound));
        assert_eq!(kind(io.remove(&missing)), Some(ErrorKind::NotFound));
        assert_eq!(kind(io.truncate(&missing, 0)), Some(ErrorKind::NotFound));
        assert_eq!(kind(io.rename(&missing, &directory.join("a"))), Some(ErrorKind::NotFound));
        assert_eq!(kind(io.link(&missing, &directory.join("a"))), Some(ErrorKind::NotFound));
    });
}

#[test]
fn a_lock_is_held_until_it_is_dropped() {
    on_both_disks(|io, directory| {
        let path = directory.join("lock");
        let held = io.lock(&path).unwrap();
        assert_eq!(kind(io.lock(&path)), Some(ErrorKind::WouldBlock));
        drop(held);
        assert_eq!(kind(io.lock(&path)), None);
    });
}

#[test]
fn a_power_cut_takes_what_was_not_synced() {
    let (disk, directory) = (simulated(), Path::new(DIRECTORY));
    let elsewhere = directory.join("elsewhere");
    disk.create_dir(&elsewhere).unwrap();
    let file = disk.create(&directory.join("a")).unwrap();
    file.append(b"kept").unwrap();
    file.sync().unwrap();
    disk.sync_dir(directory).unwrap();
    file.append(b" and lost").unwrap();
    // Its bytes are durable, its name is not: another directory was synced.
    disk.create(&directory.join("b")).unwrap().sync().unwrap();
    disk.sync_dir(&elsewhere).unwrap();
    let lost = disk.after_power_cut(Unsynced::Lost);
    assert_eq!(lost.contents(), [(directory.join("a"), b"kept".to_vec())]);
    let killed = disk.after_power_cut(Unsynced::Kept);
    assert_eq!(killed.contents(), disk.contents());
    for seed in 0..20 {
        let bytes = read_whole(&disk.after_power_cut(Unsynced::Some(seed)), &directory.join("a"), 13);
        assert!(bytes.is_ok_and(|bytes| bytes.starts_with(b"kept")));
    }
}

#[test]
fn a_small_file_is_replaced_whole_or_not_at_all() {
    let path = Path::new(DIRECTORY).join("marks");
    for operation in 1.. {
        let disk = simulated();
        replace_whole(&disk, &path, b"old").unwrap();
        disk.end_power_at(disk.operations() + operation);
        let replaced = replace_whole(&disk, &path, b"newer");
        let seeded = (0..10).map(Unsynced::Some);
        for unsynced in [Unsynced::Lost, Unsynced::Kept].into_iter().chain(seeded) {
            let found = read_whole(&disk.after_power_cut(unsynced), &path, 9).unwrap();
            let is_old = replaced.is_err() && found == b"old";
            assert!(is_old || found == b"newer", "operation {operation}, {unsynced:?}: {found:?}");
        }
        if replaced.is_ok() {
            assert_eq!(operation, 6, "make, append, sync, rename, sync the directory");
            return;
        }
    }
}

#[test]
fn a_full_disk_takes_what_it_has_room_for() {
    let disk = simulated();
    let path = Path::new(DIRECTORY).join("a");
    let file = disk.create(&path).unwrap();
    disk.set_room(Some(3));
    assert_eq!(kind(file.append(b"12345")), Some(ErrorKind::StorageFull));
    assert_eq!(read_whole(&disk, &path, 9).unwrap(), b"123");
    disk.set_room(None);
    assert_eq!(kind(file.append(b"4")), None);
}

#[test]
fn who_asked_a_store_is_told_what_failed_where() {
    let told = |kind: ErrorKind| {
        let failed: io::Result<()> = Err(kind.into());
        EventLogError::from(failed.doing("writing", Path::new("/errors/marks")).unwrap_err())
    };
    assert!(matches!(told(ErrorKind::StorageFull), EventLogError::Full(_)));
    assert!(matches!(told(ErrorKind::QuotaExceeded), EventLogError::Full(_)));
    assert!(matches!(told(ErrorKind::InvalidData), EventLogError::Damaged(_)));
    assert!(matches!(told(ErrorKind::UnexpectedEof), EventLogError::Damaged(_)));
    let EventLogError::Disk(text) = told(ErrorKind::PermissionDenied) else { panic!("another kind") };
    assert!(text.starts_with("writing /errors/marks: "), "{text}");
}
