//! Counters of the aggregation since the start, for the binary to store as ordinary points.

use vocabulary::sample::BadSample;

/// Every reading is in exactly one of `accepted`, `bad` and `refused_*`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    pub packets: u64,
    /// Lines, events and service checks included.
    pub lines: u64,
    /// Readings that are part of what is flushed.
    pub accepted: u64,
    /// Values and lines that could not be read, by reason, in the order of [`BadSample::ALL`].
    pub bad: [u64; BadSample::ALL.len()],
    /// Readings of new names while the most names were held.
    pub refused_names: u64,
    /// Readings whose name is too long.
    pub refused_long_names: u64,
    /// Readings with a timestamp of their own beyond what an interval takes of those.
    pub refused_dated: u64,
    /// Members of sets that were full.
    pub refused_members: u64,
    /// Of the accepted: values of timers of which only the sketch and the sums are kept.
    pub sketched_values: u64,
    /// Of the accepted: counters and gauges written at their own timestamp.
    pub dated: u64,
    /// Of the accepted: timestamps that were passed over, as only counters and gauges have their own.
    pub ignored_timestamps: u64,
    /// Values of flushes that were not numbers and therefore not written.
    pub not_numbers: u64,
    /// Points of flushes that were too long to be written whole.
    pub left_out: u64,
    /// Received, whether they were dropped later or not.
    pub events: u64,
    /// There were too many until the flush.
    pub dropped_events: u64,
    /// Received, whether they were dropped later or not.
    pub service_checks: u64,
    pub dropped_service_checks: u64,
}

impl Stats {
    pub fn add(&mut self, other: &Stats) {
        let Stats {
            packets,
            lines,
            accepted,
            bad,
            refused_names,
            refused_long_names,
            refused_dated,
            refused_members,
            sketched_values,
            dated,
            ignored_timestamps,
            not_numbers,
            left_out,
            events,
            dropped_events,
            service_checks,
            dropped_service_checks,
        } = other;
        self.packets += packets;
        self.lines += lines;
        self.accepted += accepted;
        self.bad.iter_mut().zip(bad).for_each(|(ours, theirs)| *ours += theirs);
        self.refused_names += refused_names;
        self.refused_long_names += refused_long_names;
        self.refused_dated += refused_dated;
        self.refused_members += refused_members;
        self.sketched_values += sketched_values;
        self.dated += dated;
        self.ignored_timestamps += ignored_timestamps;
        self.not_numbers += not_numbers;
        self.left_out += left_out;
        self.events += events;
        self.dropped_events += dropped_events;
        self.service_checks += service_checks;
        self.dropped_service_checks += dropped_service_checks;
    }

    pub fn bad_lines(&self) -> u64 {
        self.bad.iter().sum()
    }
}

/// How many names are held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    pub counters: usize,
    pub timers: usize,
    pub gauges: usize,
    pub sets: usize,
}

impl Held {
    pub fn all(self) -> usize {
        let Held { counters, timers, gauges, sets } = self;
        counters + timers + gauges + sets
    }
}

/// A bad line as it is shown: its start, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine {
    pub text: String,
    pub why: BadSample,
}
