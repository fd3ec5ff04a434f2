//! Who is told that something is safe is told the truth: several threads, disks that fail at a bad moment.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use disk::simulated::{OnSync, SimulatedDisk, Unsynced};
use parking_lot::Mutex;
use series_store::{FORMAT_MAJOR, FORMAT_MINOR, fsck};
use vocabulary::PointSink;
use vocabulary::ports::StoreError;
use vocabulary::retention::Aggregation;

use crate::support::{START, Setup, TestStore, config};

fn setup(disk: &SimulatedDisk) -> Setup {
    Setup::new(config("1s:1h,10s:1d", Aggregation::Average, 0.5), Arc::new(disk.clone()))
}

/// The store as the next start finds it.
fn after_power_cut(disk: &SimulatedDisk, setup: &Setup, unsynced: Unsynced) -> TestStore {
    Setup { io: Arc::new(disk.after_power_cut(unsynced)), ..setup.clone() }.open()
}

fn is_log(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "wal")
}

fn is_series_log(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "log")
}

/// The first sync of such a file says that it has begun and waits until it may go on; then `before_it_goes_on`.
fn hold_first_sync(
    disk: &SimulatedDisk,
    which: fn(&Path) -> bool,
    before_it_goes_on: impl Fn() + Send + Sync + 'static,
) -> (Receiver<()>, SyncSender<()>) {
    let (begun, has_begun) = sync_channel(1);
    let (go_on, may_go_on) = sync_channel(1);
    let first = Mutex::new(Some((begun, may_go_on)));
    let on_sync: OnSync = Arc::new(move |path: &Path| {
        if !which(path) {
            return;
        }
        let Some((begun, may_go_on)) = first.lock().take() else { return };
        begun.send(()).unwrap();
        may_go_on.recv().unwrap();
        before_it_goes_on();
    });
    disk.on_sync(Some(on_sync));
    (has_begun, go_on)
}

/// What two threads are told when the second asks while the first is in a sync; and the disk as it was when the second
/// got its answer.
type Told = (Result<(), StoreError>, Result<(), StoreError>, SimulatedDisk);

fn ask_during_a_sync(
    disk: &SimulatedDisk,
    store: &TestStore,
    held: (Receiver<()>, SyncSender<()>),
    second: impl FnOnce(&series_store::Store) -> Result<(), StoreError> + Send,
) -> Told {
    let (has_begun, go_on) = held;
    let (answer, answered) = sync_channel(1);
    std::thread::scope(|scope| {
        let first = scope.spawn(|| store.store.sync());
        has_begun.recv().unwrap();
        scope.spawn(|| {
            let told = second(&store.store);
            answer.send((told, disk.after_power_cut(Unsynced::Lost))).unwrap();
        });
        // Nobody may answer before the first sync goes on; who does all the same is judged by the disk.
        let early = answered.recv_timeout(Duration::from_millis(200));
        go_on.send(()).unwrap();
        let (told, then) = early.unwrap_or_else(|_| answered.recv().unwrap());
        (first.join().unwrap(), told, then)
    })
}

#[test]
fn who_asks_while_another_syncs_waits_for_it() {
    let disk = SimulatedDisk::default();
    let setup = setup(&disk);
    let mut store = setup.open();
    store.put_one("a", START, 1.0);
    let held = hold_first_sync(&disk, is_log, || ());
    let (first, second, then) = ask_during_a_sync(&disk, &store, held, |store| store.sync());
    assert!(first.is_ok() && second.is_ok(), "{first:?} {second:?}");
    let after = Setup { io: Arc::new(then), ..setup }.open();
    assert_eq!(after.points("a", START - 1, START).1, [(START, 1.0)]);
}

#[test]
fn who_names_a_series_that_another_thread_syncs_waits_for_it() {
    let disk = SimulatedDisk::default();
    let setup = setup(&disk);
    let mut store = setup.open();
    store.put_one("a", START, 1.0);
    let held = hold_first_sync(&disk, is_series_log, || ());
    let name_it = |store: &series_store::Store| store.register(&["a".into()]).map(|_| ());
    let (first, second, then) = ask_during_a_sync(&disk, &store, held, name_it);
    assert!(first.is_ok() && second.is_ok(), "{first:?} {second:?}");
    assert!(Setup { io: Arc::new(then), ..setup }.open().id("a").is_some());
}

/// The kernel may forget what it could not write and call the next sync a success.
#[test]
fn a_sync_that_fails_has_failed_for_all_who_wait() {
    for which in [is_log as fn(&Path) -> bool, is_series_log] {
        let disk = SimulatedDisk::default();
        let setup = setup(&disk);
        let mut store = setup.open();
        store.put_one("a", START, 1.0);
        let failing = disk.clone();
        let held = hold_first_sync(&disk, which, move || failing.fail_at(failing.operations() + 1));
        let (first, second, _) = ask_during_a_sync(&disk, &store, held, |store| store.sync());
        assert!(first.is_err() && second.is_err(), "{first:?} {second:?}");
        assert!(store.store.is_read_only());
        store.advance(10);
        store.store.maintain();
        store.store.sync().unwrap();
        let after = after_power_cut(&disk, &setup, Unsynced::Lost);
        assert_eq!(after.points("a", START - 1, START).1, [(START, 1.0)]);
    }
}

#[test]
fn what_a_full_disk_did_not_take_is_not_called_safe() {
    let disk = SimulatedDisk::default();
    let setup = setup(&disk);
    let mut store = setup.open();
    store.put_one("a", START, 1.0);
    store.store.sync().unwrap();
    store.put_one("a", START + 1, 2.0);
    // Whoever writes the log out for a purpose of his own finds no room.
    disk.set_room(Some(0));
    assert!(store.store.register(&["a".into()]).is_err());
    disk.set_room(None);
    while store.store.sync().is_err() {
        store.advance(10);
        store.store.maintain();
        assert!(store.now() < START + 100, "{:?}", store.store.health().read_only);
    }
    let after = after_power_cut(&disk, &setup, Unsynced::Lost);
    assert_eq!(after.points("a", START - 1, START + 1).1, [(START, 1.0), (START + 1, 2.0)]);
}

#[test]
fn a_segment_of_the_log_begins_when_the_one_before_is_durable() {
    let disk = SimulatedDisk::default();
    let setup = setup(&disk);
    let mut store = setup.open();
    for time in START..START + 100 {
        store.clock().set(time);
        let names: Vec<String> = (0..100).map(|series| format!("s.{series}")).collect();
        let noise = |at: usize| ((time * 100 + at as i64) as f64).sin();
        let points: Vec<_> =
            names.iter().enumerate().map(|(at, name)| (&name[..], time, noise(at))).collect();
        store.put(&points);
    }
    store.advance(700);
    // It keeps the first segment when the rest is flushed; the next point begins another.
    store.put_one("s.0", store.now(), 1.0);
    store.store.maintain();
    store.put_one("s.0", store.now() + 1, 2.0);
    store.store.maintain();
    let logs = |disk: &SimulatedDisk| {
        let mut all = disk.contents();
        all.retain(|(path, _)| is_log(path));
        all
    };
    let (written, durable) = (logs(&disk), logs(&disk.after_power_cut(Unsynced::Lost)));
    assert_eq!(written.len(), 2, "another one has begun");
    assert!(written[0].1.len() > 64 << 10);
    assert_eq!(written.first(), durable.first(), "the first is durable");
}

#[test]
fn a_segment_that_a_kill_left_without_its_header_is_no_problem() {
    let disk = SimulatedDisk::default();
    let setup = setup(&disk);
    let mut store = setup.open();
    store.put_one("a", START, 1.0);
    store.store.sync().unwrap();
    let (path, bytes) = disk.contents().into_iter().find(|(path, _)| is_log(path)).unwrap();
    let begun = disk.with(&path, bytes[..7].to_vec());
    let report = fsck(Arc::new(begun.clone()), &setup.directory);
    assert!(report.problems.is_empty(), "{report:?}");
    assert!(report.remarks.iter().any(|remark| remark.contains("just begun")), "{report:?}");
    let recovery = Setup { io: Arc::new(begun), ..setup.clone() }.open().recovery;
    assert!(recovery.gaps.is_empty(), "{:?}", recovery.gaps);
    // A wrong header is one.
    let mut wrong = bytes;
    wrong[9] ^= 1;
    let report = fsck(Arc::new(disk.with(&path, wrong)), &setup.directory);
    assert_eq!(report.problems.len(), 1, "{report:?}");
}

#[test]
fn a_start_on_a_full_disk_names_its_format_when_there_is_room() {
    let disk = SimulatedDisk::default();
    let setup = setup(&disk);
    let mut store = setup.open();
    store.put_one("a", START, 1.0);
    store.store.sync().unwrap();
    drop(store);
    let format = setup.directory.join("FORMAT");
    let disk = disk.with(&format, b"bellwether-series-store 1.1\n".to_vec());
    disk.set_room(Some(0));
    let mut store = Setup { io: Arc::new(disk.clone()), ..setup.clone() }.open();
    assert!(store.store.is_read_only());
    store.put_one("b", START, 2.0);
    disk.set_room(None);
    store.advance(10);
    store.store.maintain();
    store.store.sync().unwrap();
    let after = disk.after_power_cut(Unsynced::Lost);
    let said = after.contents().into_iter().find(|(path, _)| *path == format).unwrap().1;
    assert_eq!(said, format!("bellwether-series-store {FORMAT_MAJOR}.{FORMAT_MINOR}\n").into_bytes());
    let after = Setup { io: Arc::new(after), ..setup }.open();
    assert_eq!(after.points("a", START - 1, START).1, [(START, 1.0)]);
    assert_eq!(after.points("b", START - 1, START).1, [(START, 2.0)]);
}

#[test]
fn a_stop_right_after_a_sync_that_failed_writes_all_the_same() {
    let disk = SimulatedDisk::default();
    let setup = setup(&disk);
    let mut store = setup.open();
    store.put_one("a", START, 1.0);
    let failing = disk.clone();
    disk.on_sync(Some(Arc::new(move |path: &Path| {
        if is_log(path) {
            failing.fail_at(failing.operations() + 1);
            failing.on_sync(None);
        }
    })));
    assert!(store.store.sync().is_err());
    store.store.close().unwrap();
    let after = after_power_cut(&disk, &setup, Unsynced::Lost);
    assert_eq!(after.points("a", START - 1, START).1, [(START, 1.0)]);
}
