//! Events of 100 KB that repeat with other ids, times and locals: `cargo bench -p event-store`. Items are events; the bytes that
//! each took on the disk are printed.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use event_store::{EventStore, Options};
use vocabulary::Timestamp;
use vocabulary::error::{EventBody, EventId, EventKey};
use vocabulary::ports::{EventLog, EventPage};

fn main() {
    divan::main();
}

const FRAMES: u64 = 100;
/// As many as a batch of the tracker's has under load.
const BATCH: u64 = 16;

struct Fixture {
    store: EventStore,
    directory: PathBuf,
    next: u64,
}

impl Drop for Fixture {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.directory));
    }
}

fn fixture() -> Fixture {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let directory = std::env::temp_dir().join(format!("event-store-bench-{}-{number}", std::process::id()));
    let (store, _) = EventStore::open(Options::new(directory.clone())).expect("the store opens");
    Fixture { store, directory, next: 0 }
}

/// What no event has in common with another.
fn noise(n: u64) -> u64 {
    let n = (n ^ n >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (n ^ n >> 27).wrapping_mul(0x94d0_49bb_1331_11eb)
}

/// 100 frames with ten lines of source each, and a local in every one that differs from event to event.
fn body(group: u64, n: u64) -> Vec<u8> {
    let line = |frame: u64, line: u64| {
        let source = noise(group << 32 | frame << 8 | line);
        format!(
            "        value_{source:x} = self.handler_{:x}(request, timeout={})\\n",
            source >> 40,
            source % 97
        )
    };
    let frame = |frame: u64| {
        let lines: String = (0..10).map(|number| line(frame, number)).collect();
        let (path, local) = (noise(group + frame) % 1_000, noise(n * FRAMES + frame));
        format!(
            "{{\"filename\":\"app/module_{path}.py\",\"function\":\"call_{frame}\",\"lineno\":{path},\"in_app\":true,\
             \"context\":\"{lines}\",\"vars\":{{\"self\":\"<Handler at 0x{local:x}>\",\"count\":\"{path}\"}}}},"
        )
    };
    let frames: String = (0..FRAMES).map(frame).collect();
    format!("{{\"event_id\":\"{:032x}\",\"timestamp\":{n},\"frames\":[{frames}null]}}", noise(n)).into_bytes()
}

impl Fixture {
    /// The bodies are made before the clock runs.
    fn append(&mut self, bodies: &[(u64, Vec<u8>)]) {
        let mut events = Vec::with_capacity(bodies.len());
        for (group, body) in bodies {
            self.next += 1;
            let id = EventId(u128::from(noise(self.next)).to_le_bytes());
            let key = EventKey { project: 1, group: *group, at: Timestamp(self.next as i64), id };
            events.push(EventBody { key, user: Some(self.next % 50), body });
        }
        self.store.append(&events).expect("the disk has room");
    }
}

fn append_repeats(bencher: Bencher<'_, '_>, groups: u64) {
    let mut fixture = fixture();
    let bodies: Vec<(u64, Vec<u8>)> = (0..BATCH * 8).map(|n| (n % groups, body(n % groups, n))).collect();
    let bytes: usize = bodies.iter().map(|(_, body)| body.len()).sum();
    let batches: Vec<_> = bodies.chunks(BATCH as usize).collect();
    let mut turn = 0;
    bencher.counter(ItemsCount::new(BATCH)).counter(BytesCount::new(bytes / batches.len())).bench_local(
        || {
            turn += 1;
            fixture.append(batches[turn % batches.len()]);
        },
    );
    let stats = fixture.store.stats();
    let each = |bytes: u64| bytes / stats.appended_events.max(1);
    println!("{} bytes an event, {} on the disk", each(stats.appended_bytes), each(stats.written_bytes));
}

#[divan::bench]
fn repeats_of_one_group(bencher: Bencher<'_, '_>) {
    append_repeats(bencher, 1);
}

#[divan::bench]
fn repeats_of_sixteen_groups(bencher: Bencher<'_, '_>) {
    append_repeats(bencher, 16);
}

/// The first page of a group with 2,000 events.
#[divan::bench]
fn newest_twenty(bencher: Bencher<'_, '_>) {
    let mut fixture = fixture();
    for n in 0..125 {
        let bodies: Vec<_> = (0..BATCH).map(|at| (1, body(1, n * BATCH + at))).collect();
        fixture.append(&bodies);
    }
    let page = EventPage { before: None, limit: 20 };
    bencher.counter(ItemsCount::new(20u32)).bench_local(|| {
        assert_eq!(fixture.store.list(1, 1, page).expect("it is there").len(), 20);
    });
}
