//! What evaluations cost.

/// What one evaluation did, or many together: the beginning of an answer that explains itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// Patterns and tag expressions looked up.
    pub patterns: usize,
    pub series_matched: usize,
    pub fetches: usize,
    pub points_read: usize,
    /// Functions called.
    pub calls: usize,
    /// Expressions evaluated again with other times or names.
    pub reevaluations: usize,
    /// Most bytes that were held at a time, as far as they are counted.
    pub peak_bytes: usize,
}

impl Trace {
    pub fn add(&mut self, other: Trace) {
        let Trace { patterns, series_matched, fetches, points_read, calls, reevaluations, peak_bytes } =
            other;
        self.patterns += patterns;
        self.series_matched += series_matched;
        self.fetches += fetches;
        self.points_read += points_read;
        self.calls += calls;
        self.reevaluations += reevaluations;
        self.peak_bytes = self.peak_bytes.max(peak_bytes);
    }
}
