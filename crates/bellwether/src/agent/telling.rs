//! What an agent's log says: changes, and what was lost, without a line for each second.

use std::time::{Duration, Instant};

use collectors::agent::{Amount, Change, OutboxStats};

/// Clocks further apart than this are told: points would be refused or look late.
const SKEW_TOLD_SECONDS: f64 = 10.0;
/// While the spool overflows, this often.
const LOSSES_TOLD_EVERY: Duration = Duration::from_secs(60);

pub fn tell(change: Change) {
    match change {
        Change::Connected { waiting, after: None } => tracing::info!(waiting, "connected to the server"),
        Change::Connected { waiting, after: Some(after) } => {
            tracing::info!(waiting, away_seconds = after.as_secs(), "the server takes batches again");
        }
        Change::Lost(why) => tracing::warn!("{why}; points wait in the spool"),
        Change::Refused { rows, example } => {
            let example = example.unwrap_or_default();
            tracing::warn!(
                rows,
                example,
                "the server refuses some of what is sent; this is told every 5 minutes"
            );
        }
        Change::GivenUp { sequence, why } => {
            tracing::error!(sequence, "the server cannot read a batch, which was set aside: {why}");
        }
        Change::Warning(warning) => tracing::warn!("{warning}"),
    }
}

/// What was said already.
#[derive(Default)]
pub struct Told {
    is_skewed: bool,
    disk: Option<String>,
    lost: u64,
    lost_at: Option<Instant>,
}

impl Told {
    pub fn skew(&mut self, seconds: f64) {
        let is_skewed = seconds.abs() > SKEW_TOLD_SECONDS;
        if is_skewed && !self.is_skewed {
            let (seconds, direction) =
                (seconds.abs().round(), if seconds > 0.0 { "ahead of" } else { "behind" });
            tracing::warn!("the server's clock is {seconds} s {direction} this machine's: set both by NTP");
        }
        self.is_skewed = is_skewed;
    }

    pub fn losses(&mut self, stats: &OutboxStats, now: Instant) {
        let disk = stats.spool.failure.clone().or_else(|| stats.rows_log_failure.clone());
        match &disk {
            Some(why) if self.disk.is_none() => {
                tracing::error!(
                    "the spool cannot be written: {why}; what is not sent waits in memory, a few megabytes of it"
                );
            }
            None if self.disk.is_some() => tracing::info!("the spool can be written again"),
            _ => {}
        }
        self.disk = disk;
        let spool = &stats.spool;
        let points = |amounts: [Amount; 3]| amounts.map(|amount| amount.points).iter().sum::<u64>();
        let lost = points([spool.dropped_full, spool.dropped_memory, spool.damaged]);
        let is_due = self.lost_at.is_none_or(|told| now.saturating_duration_since(told) > LOSSES_TOLD_EVERY);
        if lost > self.lost && is_due {
            tracing::warn!(
                points = lost - self.lost,
                since_start = lost,
                "given up: the spool was full (agent.spool_bytes) or damaged, and the oldest went"
            );
            (self.lost, self.lost_at) = (lost, Some(now));
        }
    }
}
