//! A store that does what it is told on stdin, line by line, with a clock that is set by hand or the real
//! one. The scenarios compare it with whisper and kill it at bad moments.
//!
//! ```text
//! open DIR ARCHIVES METHOD XFF    manual | real    opens; with the real clock the store's threads run
//! now SECONDS                                      sets the clock
//! write NAME TIME VALUE [NAME TIME VALUE ...]      one batch; answers what became of it
//! import NAME FILE                                 a whisper file as the past of a series; answers what became of it
//! fetch NAME FROM UNTIL                            answers START STEP VALUE VALUE ... (- is nothing)
//! maintain | compact | sync | close | health       answers ok, or what went wrong
//! ```
//! Each command is answered with one line.

use std::io::{BufRead, Write};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use formats::whisper;
use series_store::import::Archived;
use series_store::{Background, Options, StorageConfig, Store, spawn_background};
use vocabulary::ports::{FetchRequest, FindQuery, Node, QueryLimits, Scope, Successor};
use vocabulary::retention::{Aggregation, Policy};
use vocabulary::{Clock, PointBatch, PointSink, SeriesSource, Timestamp, ValueKind};

/// Below zero: the real time.
struct DrivenClock(AtomicI64);

impl Clock for DrivenClock {
    #[expect(clippy::disallowed_methods, reason = "this is where the real clock comes in")]
    fn since_epoch(&self) -> Duration {
        match self.0.load(Ordering::SeqCst) {
            seconds @ 0.. => Duration::from_secs(seconds as u64),
            _ => SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
        }
    }
}

struct Driver {
    clock: Arc<DrivenClock>,
    store: Option<Arc<Store>>,
    background: Option<Background>,
    hint: Successor,
}

type Answer = Result<String, Box<dyn std::error::Error>>;

fn main() -> std::io::Result<()> {
    let clock = Arc::new(DrivenClock(AtomicI64::new(-1)));
    let mut driver = Driver { clock, store: None, background: None, hint: Successor::default() };
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let answer = driver.run(&words).unwrap_or_else(|error| format!("error {error}"));
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

impl Driver {
    fn run(&mut self, words: &[&str]) -> Answer {
        match words {
            ["open", directory, archives, method, factor, clock] => {
                self.open(directory, archives, method, factor, clock)
            }
            ["now", seconds] => {
                self.clock.0.store(seconds.parse()?, Ordering::SeqCst);
                Ok("ok".into())
            }
            ["write", points @ ..] => self.write(points),
            ["import", name, file] => self.import(name, file),
            ["fetch", name, from, until] => self.fetch(name, from.parse()?, until.parse()?),
            ["maintain"] => {
                while self.store()?.maintain() {}
                Ok("ok".into())
            }
            ["compact"] => self.store()?.compact().map(|()| "ok".into()).map_err(Into::into),
            ["sync"] => self.store()?.sync().map(|()| "ok".into()).map_err(Into::into),
            ["health"] => Ok(format!("{:?}", self.store()?.health())),
            ["close"] => self.close(),
            _ => Err(format!("cannot do {words:?}").into()),
        }
    }

    fn store(&self) -> Result<&Arc<Store>, &'static str> {
        self.store.as_ref().ok_or("no store is open")
    }

    fn open(&mut self, directory: &str, archives: &str, method: &str, factor: &str, clock: &str) -> Answer {
        let config = serde_json::json!({
            "retention": [{"name": "all", "pattern": "", "archives": archives.split(',').collect::<Vec<_>>()}],
            "aggregation": [{"name": "all", "pattern": "", "method": method,
                             "x_files_factor": factor.parse::<f64>()?}],
            "min_free": "1B",
        });
        let config: StorageConfig = serde_json::from_value(config)?;
        let options = Options { config, ..Options::new(PathBuf::from(directory), self.clock.clone()) };
        let (store, recovery) = Store::open(options)?;
        let store = Arc::new(store);
        self.background = (clock == "real").then(|| spawn_background(&store)).transpose()?;
        self.store = Some(store);
        self.hint = Successor::default();
        Ok(format!("{recovery:?}"))
    }

    fn close(&mut self) -> Answer {
        let store = self.store.take().ok_or("no store is open")?;
        match self.background.take() {
            Some(background) => background.stop()?,
            None => store.close()?,
        }
        Ok("ok".into())
    }

    fn write(&mut self, points: &[&str]) -> Answer {
        let mut batch = PointBatch::default();
        for point in points.chunks_exact(3) {
            batch.push(point[0].as_bytes(), Timestamp(point[1].parse()?), point[2].parse()?);
        }
        let store = Arc::clone(self.store()?);
        Ok(format!("{:?}", store.write(&batch, &mut self.hint)))
    }

    fn import(&self, name: &str, file: &str) -> Answer {
        #[expect(clippy::disallowed_methods, reason = "a test's own file")]
        let bytes = std::fs::read(file)?;
        let header = whisper::Header::read(&bytes, bytes.len() as u64)?;
        let mut source = InMemory { name: name.to_owned(), header, bytes };
        let imported = self.store()?.import(&mut [&mut source], &|| true);
        Ok(format!("{:?}", imported.map_err(|end| format!("{end:?}"))?))
    }

    fn fetch(&self, name: &str, from: i64, until: i64) -> Answer {
        let store = self.store()?;
        let scope = Scope::everything();
        let query = FindQuery { pattern: name, kind: ValueKind::Number, scope: &scope, limit: 1 };
        let found = store.find(&query)?.into_iter().find_map(|node| match node {
            Node::Leaf(found) => Some(found.series),
            Node::Branch { .. } => None,
        });
        let series = [found.ok_or("no such series")?];
        let request = FetchRequest {
            series: &series,
            from: Timestamp(from),
            until: Timestamp(until),
            now: self.clock.now(),
            step: None,
            consolidation: Aggregation::Average,
            scope: &scope,
            limits: &QueryLimits::default(),
        };
        let row = store.fetch(&request)?.remove(0);
        let mut answer = format!("{} {}", row.start, row.step.seconds());
        for value in &row.slots {
            let text = if value.is_nan() { "-".to_owned() } else { format!("{value:?}") };
            answer.push(' ');
            answer.push_str(&text);
        }
        Ok(answer)
    }
}

struct InMemory {
    name: String,
    header: whisper::Header,
    bytes: Vec<u8>,
}

impl Archived for InMemory {
    fn name(&self) -> &str {
        &self.name
    }

    fn policy(&self) -> &Policy {
        &self.header.policy
    }

    fn read(&mut self, archive: usize, slots: &Range<i64>, row: &mut [f64]) -> std::io::Result<()> {
        let ring = self.header.rings[archive];
        let first = &self.bytes[ring.offset as usize..][..whisper::POINT_BYTES];
        let base = whisper::base(first.try_into().map_err(std::io::Error::other)?);
        let mut slot = slots.start;
        while base > 0 && slot < slots.end {
            let run = ring.run(base, slot, (slots.end - slot) as usize);
            let bytes = &self.bytes[run.start as usize..run.end as usize];
            whisper::read_points(bytes, ring.step, slot, &mut row[(slot - slots.start) as usize..]);
            slot += (bytes.len() / whisper::POINT_BYTES) as i64;
        }
        Ok(())
    }
}
