//! How much there is of something.

use formats::agent_batch::Summary;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    pub batches: u64,
    pub points: u64,
    pub sketches: u64,
    pub events: u64,
    pub bytes: u64,
}

impl Amount {
    pub fn of(summary: &Summary, bytes: usize) -> Amount {
        let Summary { points, sketches, events, .. } = *summary;
        Amount {
            batches: 1,
            points: u64::from(points),
            sketches: u64::from(sketches),
            events: u64::from(events),
            bytes: bytes as u64,
        }
    }

    pub fn add(&mut self, other: Amount) {
        let Amount { batches, points, sketches, events, bytes } = other;
        self.batches += batches;
        self.points += points;
        self.sketches += sketches;
        self.events += events;
        self.bytes += bytes;
    }

    pub fn subtract(&mut self, other: Amount) {
        let Amount { batches, points, sketches, events, bytes } = other;
        self.batches = self.batches.saturating_sub(batches);
        self.points = self.points.saturating_sub(points);
        self.sketches = self.sketches.saturating_sub(sketches);
        self.events = self.events.saturating_sub(events);
        self.bytes = self.bytes.saturating_sub(bytes);
    }
}
