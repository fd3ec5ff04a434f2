//! One entry for each parser: whatever the bytes, it must return. Tests run them in a seeded loop,
//! the targets under `fuzz/` with libFuzzer.

use vocabulary::sample::{BadSample, Dialect, Event, Sample, SampleSink, ServiceCheck};

use crate::statsd;

/// Both dialects, and what a sink may rely on.
pub fn statsd_packet(bytes: &[u8]) {
    for dialect in [Dialect::StatsD, Dialect::DogStatsD] {
        let mut seen = Seen::default();
        statsd::read_packet(bytes, dialect, &mut seen);
        let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !matches!(line, [] | [b'\r'])).count();
        assert!(seen.lines >= lines, "every line is told of");
        assert!(seen.items >= seen.lines, "every line has an outcome");
    }
}

#[derive(Default)]
struct Seen {
    lines: usize,
    items: usize,
    fresh: bool,
}

impl SampleSink for Seen {
    fn packet(&mut self) {}

    fn line(&mut self, _: &[u8], _: &[u8]) {
        self.lines += 1;
        self.fresh = true;
    }

    fn sample(&mut self, sample: &Sample<'_>) {
        assert!(!(self.fresh && sample.again), "the first sample of a line is not `again`");
        assert!(sample.weight >= 0.0 && !sample.name.contains(&b'\n'));
        self.fresh = false;
        self.items += 1;
    }

    fn bad(&mut self, _: &[u8], _: BadSample) {
        self.items += 1;
    }

    fn event(&mut self, _: Event) {
        self.lines += 1;
        self.items += 1;
    }

    fn service_check(&mut self, _: ServiceCheck) {
        self.lines += 1;
        self.items += 1;
    }
}
