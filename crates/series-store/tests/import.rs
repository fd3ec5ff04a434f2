//! Archives that another program kept come in as they are, whatever else happens.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use disk::simulated::{Random, SimulatedDisk};
use series_store::import::{Archived, ImportEnd, Imported};
use vocabulary::ports::{QueryLimits, Scope, StoreError};
use vocabulary::retention::{Aggregation, Policy};
use vocabulary::{SeriesRef, SeriesSource, Timestamp};

use crate::support::memory_blocks::MemoryBlocks;
use crate::support::{START, Setup, TestStore, config, known, request, seed};

/// Archives as lists of points.
#[derive(Clone)]
struct Kept {
    name: String,
    policy: Policy,
    archives: Vec<BTreeMap<i64, f64>>,
}

impl Kept {
    fn new(name: &str, archives: &str, aggregation: Aggregation) -> Kept {
        let policy = Policy { archives: archives.parse().unwrap(), aggregation, x_files_factor: 0.5 };
        let archives = policy.archives.as_slice().iter().map(|_| BTreeMap::new()).collect();
        Kept { name: name.to_owned(), policy, archives }
    }

    fn step(&self, archive: usize) -> i64 {
        self.policy.archives.as_slice()[archive].step.seconds()
    }

    /// A value at every slot that `take` wants, in what the archive still holds at `now`.
    fn fill(mut self, now: i64, take: impl Fn(usize, i64) -> Option<f64>) -> Kept {
        for archive in 0..self.archives.len() {
            let (step, kept) = (self.step(archive), self.policy.archives.as_slice()[archive]);
            let first = (now - kept.retention_seconds).div_euclid(step) + 1;
            for slot in first..=now.div_euclid(step) {
                if let Some(value) = take(archive, slot * step) {
                    self.archives[archive].insert(slot, value);
                }
            }
        }
        self
    }

    /// What a fetch at `now` of the whole archive is to give.
    fn points(&self, archive: usize, now: i64) -> Vec<(i64, f64)> {
        let (step, kept) = (self.step(archive), self.policy.archives.as_slice()[archive].retention_seconds);
        let slots = (now - kept).div_euclid(step) + 1..=now.div_euclid(step);
        self.archives[archive].range(slots).map(|(slot, value)| (slot * step, *value)).collect()
    }

    fn count(&self) -> u64 {
        self.archives.iter().map(|archive| archive.len() as u64).sum()
    }
}

impl Archived for Kept {
    fn name(&self) -> &str {
        &self.name
    }

    fn policy(&self) -> &Policy {
        &self.policy
    }

    fn read(&mut self, archive: usize, slots: &Range<i64>, row: &mut [f64]) -> std::io::Result<()> {
        for (slot, value) in self.archives[archive].range(slots.clone()) {
            row[(slot - slots.start) as usize] = *value;
        }
        Ok(())
    }
}

fn import(store: &TestStore, batch: &[Kept]) -> Vec<Imported> {
    try_import(store, batch).unwrap()
}

fn try_import(store: &TestStore, batch: &[Kept]) -> Result<Vec<Imported>, ImportEnd> {
    let mut batch = batch.to_vec();
    let mut sources: Vec<&mut dyn Archived> =
        batch.iter_mut().map(|kept| kept as &mut dyn Archived).collect();
    store.store.import(&mut sources, &|| true)
}

fn stored(batch: &[Kept]) -> Vec<Imported> {
    batch.iter().map(|kept| Imported::Stored { points: kept.count(), kept: 0 }).collect()
}

/// Every archive of the store against the list.
fn check(store: &TestStore, kept: &Kept, what: &str) {
    let now = store.now();
    for (archive, held) in kept.policy.archives.as_slice().iter().enumerate() {
        let (step, points) = known(&store.row(&kept.name, now - held.retention_seconds, now));
        assert_eq!(step, held.step.seconds(), "{what}");
        let wanted = kept.points(archive, now);
        let differs = points.iter().zip(&wanted).find(|(a, b)| a != b);
        assert!(
            differs.is_none() && points.len() == wanted.len(),
            "{what}: {} archive {archive} at {now}: {differs:?}, {} points instead of {}; first {:?} and {:?}",
            kept.name,
            points.len(),
            wanted.len(),
            points.first(),
            wanted.first(),
        );
    }
}

/// Whatever the store does by and by.
fn through_its_life(mut store: TestStore, batch: &[Kept]) -> TestStore {
    let all = |store: &TestStore, what: &str| batch.iter().for_each(|kept| check(store, kept, what));
    all(&store, "at once");
    store.settle();
    all(&store, "settled");
    store = store.reopen();
    all(&store, "after kill -9");
    for seconds in [30, 700, 3_600] {
        store.advance(seconds);
        store.settle();
        all(&store, "later");
    }
    store = store.restart();
    all(&store, "after a restart");
    store.store.compact().unwrap();
    all(&store, "compacted");
    store.reopen()
}

/// Values that no rollup would make, with holes, and some coarse slots that are empty though finer ones are not.
fn odd(archive: usize, time: i64) -> Option<f64> {
    let noise = (time / 7 + archive as i64 * 13) % 11;
    (noise != 3).then_some((time % 1_000) as f64 * 0.37 + archive as f64 * 10_000.0)
}

#[test]
fn archives_are_kept_as_they_are() {
    let store = TestStore::new(config("1s:1h,10s:1d", Aggregation::Average, 0.5));
    let now = START + 1_234;
    store.clock().set(now);
    let batch = [
        ("a.usual", "1s:6h,10s:2d,1m:9d", Aggregation::Average),
        ("a.odd", "7s:3h,49s:30h,245s:7d", Aggregation::Sum),
        ("a.single", "1m:2d", Aggregation::Last),
        ("a.coarse", "10m:30d,1d:2y", Aggregation::Max),
        ("a.short", "1s:10,10s:60", Aggregation::Min),
        ("b;dc=x;host=y", "1s:6h,10s:2d,1m:9d", Aggregation::Absmin),
    ];
    let batch: Vec<Kept> = batch
        .iter()
        .map(|(name, archives, method)| Kept::new(name, archives, *method).fill(now, odd))
        .chain([Kept::new("a.empty", "1m:1d", Aggregation::Average)])
        .collect();
    assert_eq!(import(&store, &batch), stored(&batch));
    let id = store.id("a.odd").unwrap();
    assert_eq!(*store.store.describe(id).unwrap().policy, batch[1].policy);
    assert_eq!(store.store.stats().points_imported, batch.iter().map(Kept::count).sum::<u64>());
    through_its_life(store, &batch);
}

#[test]
fn a_backend_elsewhere_gets_the_same() {
    let setup =
        Setup::new(config("1s:1h,10s:1d", Aggregation::Average, 0.5), Arc::new(SimulatedDisk::default()));
    let store = Setup { blocks: Some(Arc::new(MemoryBlocks::default())), ..setup }.open();
    let batch = [Kept::new("a", "10s:1h,60s:1d,600s:10d", Aggregation::Average).fill(START, odd)];
    assert_eq!(import(&store, &batch), stored(&batch));
    through_its_life(store, &batch);
}

/// Archives that are asked about while they come in: their series are there, and empty.
struct Asked<'s> {
    kept: Kept,
    store: &'s TestStore,
    moment: u64,
}

impl Archived for Asked<'_> {
    fn name(&self) -> &str {
        &self.kept.name
    }

    fn policy(&self) -> &Policy {
        &self.kept.policy
    }

    fn read(&mut self, archive: usize, slots: &Range<i64>, row: &mut [f64]) -> std::io::Result<()> {
        self.moment = self.store.store.moment().unwrap();
        self.kept.read(archive, slots, row)
    }
}

#[test]
fn no_answer_from_before_the_points_came_is_kept() {
    let store = TestStore::new(config("1s:1h", Aggregation::Average, 0.5));
    let kept = Kept::new("a", "1s:1h,10s:1d", Aggregation::Average).fill(START, odd);
    let mut asked = Asked { kept, store: &store, moment: 0 };
    store.store.import(&mut [&mut asked], &|| true).unwrap();
    let moment = asked.moment;
    let (scope, limits) = (Scope::everything(), QueryLimits::default());
    let series = [store.id("a").unwrap()];
    let request = request(&series, START - 600, START, START, &scope, &limits);
    assert!(!store.store.unchanged(moment, &request, Timestamp(START)));
    assert!(store.store.unchanged(store.store.moment().unwrap(), &request, Timestamp(START)));
}

/// What live points make of the slot that the import ended in, and of those after it.
#[test]
fn later_points_go_on_where_the_import_ended() {
    for first_later in [1, 61, 1_000] {
        let mut store = TestStore::new(config("1s:1h", Aggregation::Average, 0.5));
        let last = START + 35;
        store.clock().set(last + 2);
        // Coarse values of another policy than the finer ones would give.
        let value = |archive: usize, time: i64| Some(if archive == 0 { time as f64 } else { -1.0 });
        let kept = Kept::new("a", "1s:1h,10s:6h,1m:1d", Aggregation::Max);
        let mut kept = kept.fill(last, |archive, time| value(archive, time).filter(|_| time != START - 600));
        assert_eq!(import(&store, std::slice::from_ref(&kept)), stored(&[kept.clone()]));
        store.clock().set(last + first_later);
        check(&store, &kept, "before anything came");
        for later in 0..300 {
            let time = last + first_later + later;
            store.clock().set(time);
            store.put_one("a", time, time as f64);
            kept.archives[0].insert(time, time as f64);
            if later % 50 == 49 {
                store.settle();
            }
        }
        // The maximum of the slots that live points lie in, where half of them are known.
        for archive in [1, 2] {
            let (step, finer) = (kept.step(archive), kept.step(archive - 1));
            let from = (last + first_later).div_euclid(step);
            for slot in from..=store.now().div_euclid(step) {
                let fine = slot * step / finer..(slot + 1) * step / finer;
                let ratio = step / finer;
                let points: Vec<f64> =
                    kept.archives[archive - 1].range(fine).map(|(_, value)| *value).collect();
                if points.len() as i64 * 2 >= ratio {
                    kept.archives[archive].insert(slot, points.iter().copied().fold(f64::MIN, f64::max));
                }
            }
        }
        check(&store, &kept, "with later points");
        through_its_life(store, &[kept]);
    }
}

#[test]
fn a_late_point_before_the_end_of_an_import_is_rolled_up() {
    let mut store = TestStore::new(config("1s:1h", Aggregation::Average, 0.5));
    store.clock().set(START);
    let mut kept = Kept::new("a", "1s:2h,10s:1d", Aggregation::Max)
        .fill(START, |archive, time| (time % 10 != 5 || archive > 0).then_some(-1.0));
    import(&store, std::slice::from_ref(&kept));
    store.put_one("a", START - 95, 7.0);
    kept.archives[0].insert(START - 95, 7.0);
    kept.archives[1].insert((START - 95) / 10, 7.0);
    through_its_life(store, &[kept]);
}

/// Both programs were fed for a while, ours from the middle of a slot on.
#[test]
fn live_points_stay_and_their_first_slot_is_made_whole() {
    let mut store = TestStore::new(config("1s:1h,10s:6h,1m:1d", Aggregation::Sum, 0.0));
    let begin = START + 7;
    for time in begin..begin + 1_500 {
        store.clock().set(time);
        store.put_one("a", time, 2.0);
        if time % 100 == 0 {
            store.settle();
        }
    }
    let now = store.now();
    // The same stream as the other program kept it, but for three values of its own.
    let full =
        |archive: usize, time: i64| Some([1.0, 10.0, 60.0][archive] * if time < START { 1.0 } else { 2.0 });
    let mut kept = Kept::new("a", "1s:1h,10s:6h,1m:1d", Aggregation::Sum).fill(now - 5, |archive, time| {
        let begun = [10.0, 60.0].map(|whole| whole + 3.0);
        match (archive, time) {
            (0, _) => Some(if time < begin { 1.0 } else { 2.0 }),
            (1 | 2, START) => Some(begun[archive - 1]),
            _ => full(archive, time),
        }
    });
    kept.archives[0].insert(begin + 100, 99.0);
    kept.archives[1].insert(START / 10 + 20, 99.0);
    kept.policy.x_files_factor = 0.0;
    // What ended within a coarse slot is made of less than ours.
    let outcome = import(&store, std::slice::from_ref(&kept));
    kept.archives[0].insert(begin + 100, 2.0);
    kept.archives[1].insert(START / 10 + 20, 20.0);
    kept.archives[0].extend((now - 4..=now).map(|time| (time, 2.0)));
    for archive in [1, 2] {
        let (step, newest) = (kept.step(archive), now.div_euclid(kept.step(archive)));
        for slot in (now - 5).div_euclid(step)..=newest {
            kept.archives[archive].insert(slot, 2.0 * (now - slot * step + 1).min(step) as f64);
        }
    }
    let Imported::Stored { points, kept: left } = outcome[0].clone() else { panic!("{outcome:?}") };
    assert!(points > 3_600 + 2_160 + 1_440 - 100 && left >= 2, "{outcome:?}");
    check(&store, &kept, "joined");
    import(&store, std::slice::from_ref(&kept));
    let store = through_its_life(store, std::slice::from_ref(&kept));
    import(&store, std::slice::from_ref(&kept));
    check(&store, &kept, "once more");
}

/// The point that came after the import is gone from the finest archive before the coarsest slot ends.
#[test]
fn that_a_slot_goes_on_is_known_when_the_point_is_gone() {
    let mut store = TestStore::new(config("10s:8m,50s:30m,250s:5h", Aggregation::Last, 0.0));
    let begin = START.div_euclid(250) * 250;
    store.clock().set(begin + 222);
    let mut kept = Kept::new("a", "10s:8m,50s:30m,250s:5h", Aggregation::Last)
        .fill(begin + 210, |archive, time| Some(if archive == 0 { time as f64 } else { -1.0 }));
    kept.policy.x_files_factor = 0.0;
    import(&store, std::slice::from_ref(&kept));
    store.clock().set(begin + 244);
    store.put_one("a", begin + 244, 7.0);
    kept.archives[0].insert((begin + 244) / 10, 7.0);
    kept.archives[1].insert((begin + 244) / 50, 7.0);
    kept.archives[2].insert(begin / 250, 7.0);
    check(&store, &kept, "at once");
    // Rolled up into the middle archive, and no further.
    for seconds in [60, 600, 4_500] {
        store.advance(seconds);
        let now = store.now();
        store.put_one("a", now, 8.0);
        for (archive, step) in [10, 50, 250].into_iter().enumerate() {
            kept.archives[archive].insert(now / step, 8.0);
        }
        store.settle();
        check(&store, &kept, "later");
    }
    through_its_life(store, &[kept]);
}

/// A point that is too old for the finest archive goes straight into the slot that the import ended in.
#[test]
fn a_slot_that_was_set_since_the_import_stays_over_a_restart() {
    let mut store = TestStore::new(config("5s:125s,30s:1h", Aggregation::Average, 0.3));
    let begin = START.div_euclid(30) * 30;
    store.clock().set(begin + 6);
    let mut kept = Kept::new("a", "5s:125s,30s:1h", Aggregation::Average)
        .fill(begin + 5, |archive, time| Some((time % 60) as f64 + archive as f64));
    kept.policy.x_files_factor = 0.3;
    import(&store, std::slice::from_ref(&kept));
    store.clock().set(begin + 140);
    for (after, value) in [(20, 360.0), (25, 0.0), (10, 0.95)] {
        store.put_one("a", begin + after, value);
    }
    kept.archives[0].extend([(begin / 5 + 4, 360.0), (begin / 5 + 5, 0.0)]);
    kept.archives[1].insert(begin / 30, 0.95);
    check(&store, &kept, "set");
    through_its_life(store.restart(), &[kept]);
}

#[test]
fn an_import_of_what_is_there_changes_nothing() {
    let store = TestStore::new(config("1s:1h", Aggregation::Average, 0.5));
    store.clock().set(START);
    let kept = Kept::new("a", "1s:2h", Aggregation::Max).fill(START, odd);
    for _ in 0..2 {
        assert_eq!(import(&store, std::slice::from_ref(&kept)), stored(std::slice::from_ref(&kept)));
    }
    through_its_life(store.restart(), &[kept]);
}

/// Live points came first, under the rule of the configuration; the archives of the import count.
#[test]
fn a_series_takes_over_the_archives_that_are_imported() {
    let mut store = TestStore::new(config("1s:1h,1m:1d", Aggregation::Average, 0.5));
    for time in (START - 3_000..=START).step_by(20) {
        store.clock().set(time);
        store.put_one("a", time, time as f64);
    }
    store.clock().set(START + 10);
    store.settle();
    let end = START - 1_200;
    let mut kept = Kept::new("a", "1m:2d,5m:7d", Aggregation::Average).fill(end, odd);
    import(&store, std::slice::from_ref(&kept));
    // Live points after it: the last of each minute, as whisper keeps them, and five of those.
    for time in (START - 3_000..=START).step_by(20).filter(|time| *time >= START - 3_000) {
        kept.archives[0].insert(time.div_euclid(60), time as f64);
    }
    let info = store.store.describe(store.id("a").unwrap()).unwrap();
    assert_eq!(*info.policy, kept.policy);
    let now = store.now();
    let minutes = |store: &TestStore| {
        let (step, points) = store.points("a", store.now() - 2 * 86_400, now);
        let wanted: Vec<_> = kept.points(0, store.now());
        let differs = points.iter().zip(&wanted).find(|(a, b)| a != b);
        assert_eq!((step, points.len(), differs), (60, wanted.len(), None));
    };
    minutes(&store);
    let (step, points) = store.points("a", now - 7 * 86_400, now);
    assert_eq!(step, 300);
    let before = |points: &[(i64, f64)]| {
        points.iter().copied().filter(|(time, _)| *time < START - 3_300).collect::<Vec<_>>()
    };
    assert!(before(&points) == before(&kept.points(1, now)));
    // What came after the import in whole slots is rolled up from the minutes.
    let rolled: Vec<f64> = points.iter().filter(|(time, _)| *time > end).map(|(_, value)| *value).collect();
    assert!(rolled.len() >= 3, "{points:?}");
    let store = store.restart();
    store.advance(4_000);
    store.settle();
    minutes(&store);
}

#[test]
fn what_was_imported_is_exported() {
    let store = TestStore::new(config("1s:1h", Aggregation::Average, 0.5));
    let kept = Kept::new("a", "7s:3h,49s:30h,245s:7d", Aggregation::Sum).fill(START, odd);
    import(&store, std::slice::from_ref(&kept));
    let mut archives = vec![BTreeMap::new(); 3];
    let found = store.store.export::<StoreError>(
        store.id("a").unwrap(),
        Timestamp(START),
        &mut |policy, archive, first, row| {
            assert_eq!(*policy, kept.policy);
            archives[archive].extend(
                (first..).zip(row).filter(|(_, value)| !value.is_nan()).map(|(slot, value)| (slot, *value)),
            );
            Ok(())
        },
    );
    assert_eq!(found, Ok(true));
    assert!(archives == kept.archives);
    let nobody = store.store.export::<StoreError>(SeriesRef(77), Timestamp(START), &mut |_, _, _, _| Ok(()));
    assert_eq!(nobody, Ok(false));
}

#[test]
fn told_to_stop_it_leaves_nothing_half_done() {
    let store = TestStore::new(config("1s:1h", Aggregation::Average, 0.5));
    let batch = [Kept::new("a", "1s:1h,1m:1d", Aggregation::Average).fill(START, odd)];
    let mut copy = batch[0].clone();
    let stopped = store.store.import(&mut [&mut copy], &|| false);
    assert_eq!(stopped, Err(ImportEnd::Stopped));
    assert!(store.store.file_paths().is_empty());
    assert_eq!(import(&store, &batch), stored(&batch));
    through_its_life(store, &batch);
}

#[test]
fn what_cannot_be_a_series_is_refused_by_name() {
    let mut rules = config("1s:1h", Aggregation::Average, 0.5);
    rules.max_series = 3;
    rules.max_new_series_per_minute = 1;
    let store = TestStore::new(rules);
    let names = ["a", "b", "a", "x\u{7}", "c", "d"];
    let batch: Vec<Kept> =
        names.iter().map(|name| Kept::new(name, "1m:1d", Aggregation::Sum).fill(START, odd)).collect();
    let refused: Vec<String> = import(&store, &batch)
        .into_iter()
        .map(|outcome| match outcome {
            Imported::Stored { .. } => String::new(),
            Imported::Refused(why) => why,
        })
        .collect();
    let part = ["", "", "another one called a", "control character", "", "max_series"];
    for (why, part) in refused.iter().zip(part) {
        assert!(why.contains(part) && why.is_empty() == part.is_empty(), "{why}: {part}");
    }
}

/// Power ends, or the disk is full, at some operation; then the same is imported again.
#[test]
fn what_failed_half_way_is_whole_when_it_is_done_again() {
    let random = std::cell::RefCell::new(Random::new(seed()));
    println!("STORE_SEED={}", seed());
    let batch: Vec<Kept> = ["a", "b", "c"]
        .iter()
        .map(|name| Kept::new(name, "10s:1h,1m:1d,10m:5d", Aggregation::Average).fill(START, odd))
        .collect();
    let begun = |disk: &SimulatedDisk| {
        let setup = Setup::new(config("10s:1h", Aggregation::Average, 0.5), Arc::new(disk.clone()));
        let mut store = setup.open();
        store.put_one("live", START, 1.0);
        store
    };
    let whole = SimulatedDisk::default();
    let store = begun(&whole);
    let first = whole.operations();
    import(&store, &batch);
    let operations = whole.operations() - first;
    for round in 0..operations.min(60) {
        let disk = SimulatedDisk::default();
        let store = begun(&disk);
        let at = disk.operations() + random.borrow_mut().below(operations) + 1;
        let full = round % 2 == 0;
        match full {
            true => disk.fail_at(at),
            false => disk.end_power_at(at),
        }
        drop(try_import(&store, &batch));
        let setup = store.setup.clone();
        drop(store);
        let disk = if full { disk } else { disk.after_power_cut(disk::simulated::Unsynced::Some(round)) };
        let store = Setup { io: Arc::new(disk), ..setup }.open();
        store.settle();
        import(&store, &batch);
        batch.iter().for_each(|kept| check(&store, kept, &format!("failed at {at}, round {round}")));
    }
}

#[test]
fn points_of_the_future_wait_for_their_time() {
    let store = TestStore::new(config("1s:1h", Aggregation::Average, 0.5));
    let mut kept = Kept::new("a", "10s:1h,1m:1d", Aggregation::Sum).fill(START, odd);
    let fine: Vec<i64> = (1..=20).map(|at| START / 10 + at).collect();
    kept.archives[0].extend(fine.iter().map(|slot| (*slot, 5.0)));
    kept.archives[1].insert(START / 60 + 2, -3.0);
    import(&store, std::slice::from_ref(&kept));
    // The coarse one is rolled up when its time comes.
    kept.archives[1].insert(START / 60, odd(0, START).unwrap_or(0.0) + 25.0);
    kept.archives[1].extend((1..=2).map(|minute| (START / 60 + minute, 30.0)));
    let id = store.id("a").unwrap();
    store.advance(200);
    let row = store.rows(&[id], Timestamp(START).0 - 60, store.now()).remove(0);
    assert_eq!(known(&row).1.len(), known(&row).1.iter().filter(|(time, _)| *time <= START + 200).count());
    assert_eq!(known(&row).1.iter().filter(|(time, _)| *time > START).count(), 20);
}
