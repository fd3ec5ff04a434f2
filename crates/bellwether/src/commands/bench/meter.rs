//! What a load did to the server, in the server's own words: `/api/v1/health` for what was dropped and the memory,
//! its series under `bellwether.` for what was accepted and the CPU time.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::client::{Server, Session, encode, parse};
use crate::failure::Failure;

/// The server's own series of what its process has computed; each point is the growth of one second.
pub const CPU_SERIES: &str = "bellwether.process.cpu_milliseconds.count";
const RESIDENT_SERIES: &str = "bellwether.process.resident_bytes";
/// Own series come once a second; without them the report says less.
const OWN_SERIES_PATIENCE: Duration = Duration::from_secs(5);
const LOOK_AGAIN: Duration = Duration::from_millis(100);

#[derive(Deserialize)]
pub struct Health {
    pub now: f64,
    pub parts: Vec<Part>,
    pub storage: Storage,
}

#[derive(Deserialize)]
pub struct Part {
    pub id: String,
    pub address: Option<String>,
    pub dropped: Vec<Dropped>,
}

#[derive(Deserialize)]
pub struct Dropped {
    pub cause: String,
    pub total: u64,
}

#[derive(Deserialize)]
pub struct Storage {
    pub resident_bytes: u64,
}

#[derive(Deserialize)]
pub struct Row {
    pub target: String,
    pub datapoints: Vec<(Option<f64>, i64)>,
}

/// Which parts and series tell about a load.
pub struct Watch {
    /// Of `parts` in health: whose drops count.
    pub parts: &'static [&'static str],
    pub accepted: &'static [&'static str],
}

pub struct Took {
    /// `None`: the server keeps no series of itself (`[self] series = false`).
    pub accepted: Option<u64>,
    pub cpu_seconds: Option<f64>,
    /// The most that was seen.
    pub resident_bytes: u64,
    /// By cause.
    pub dropped: BTreeMap<String, u64>,
}

/// Begun before the load, ended after it.
pub struct Meter {
    pub before: Health,
}

pub async fn health(session: &mut Session<'_>) -> Result<Health, Failure> {
    parse(&session.get("/api/v1/health").await?)
}

pub async fn render(
    session: &mut Session<'_>,
    targets: &[&str],
    from: i64,
    until: i64,
) -> Result<Vec<Row>, Failure> {
    let targets: String = targets.iter().map(|target| format!("target={}&", encode(target))).collect();
    parse(&session.get(&format!("/render?{targets}from={from}&until={until}&format=json")).await?)
}

impl Meter {
    pub async fn begin(server: &Server) -> Result<Meter, Failure> {
        Ok(Meter { before: health(&mut server.session().await?).await? })
    }

    /// Waits until the server has told about the second in which the load ended and the one after it.
    pub async fn end(self, server: &Server, watch: &Watch) -> Result<Took, Failure> {
        let mut session = server.session().await?;
        let from = self.before.now.floor() as i64;
        let last = health(&mut session).await?.now.ceil() as i64 + 1;
        let mut targets = vec![CPU_SERIES, RESIDENT_SERIES];
        targets.extend(watch.accepted);
        let patience = Instant::now() + OWN_SERIES_PATIENCE;
        let rows = loop {
            let rows = render(&mut session, &targets, from, last + 2).await?;
            if rows.iter().any(|row| reaches(row, last)) || Instant::now() > patience {
                break rows;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        };
        let after = health(&mut session).await?;
        let sum = |name: &str| rows.iter().find(|row| row.target == name).and_then(sum);
        Ok(Took {
            accepted: watch
                .accepted
                .iter()
                .filter_map(|name| sum(name))
                .reduce(|a, b| a + b)
                .map(|n| n as u64),
            cpu_seconds: sum(CPU_SERIES).map(|milliseconds| milliseconds / 1e3),
            resident_bytes: most(&rows, RESIDENT_SERIES).max(after.storage.resident_bytes),
            dropped: grown(&self.before, &after, watch.parts),
        })
    }
}

fn reaches(row: &Row, second: i64) -> bool {
    row.datapoints.iter().any(|(value, time)| value.is_some() && *time >= second)
}

fn sum(row: &Row) -> Option<f64> {
    row.datapoints.iter().filter_map(|(value, _)| *value).reduce(|a, b| a + b)
}

fn most(rows: &[Row], name: &str) -> u64 {
    let values = rows.iter().filter(|row| row.target == name).flat_map(|row| &row.datapoints);
    values.filter_map(|(value, _)| *value).fold(0.0, f64::max) as u64
}

fn grown(before: &Health, after: &Health, parts: &[&str]) -> BTreeMap<String, u64> {
    let earlier: BTreeMap<String, u64> = drops(before, parts);
    let mut grown = drops(after, parts);
    for (cause, total) in &mut grown {
        *total = total.saturating_sub(earlier.get(cause).copied().unwrap_or(0));
    }
    grown.retain(|_, total| *total > 0);
    grown
}

fn drops(health: &Health, parts: &[&str]) -> BTreeMap<String, u64> {
    let mut by_cause = BTreeMap::new();
    for part in health.parts.iter().filter(|part| parts.contains(&part.id.as_str())) {
        for dropped in &part.dropped {
            *by_cause.entry(dropped.cause.clone()).or_default() += dropped.total;
        }
    }
    by_cause
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health(parts: &[(&str, &str, u64)]) -> Health {
        let parts = parts.iter().map(|(id, cause, total)| Part {
            id: (*id).into(),
            address: None,
            dropped: vec![Dropped { cause: (*cause).into(), total: *total }],
        });
        Health { now: 0.0, parts: parts.collect(), storage: Storage { resident_bytes: 0 } }
    }

    #[test]
    fn only_what_the_load_added_counts() {
        let before = health(&[("statsd.udp", "kernel", 5), ("carbon.line", "parser", 1)]);
        let after = health(&[
            ("statsd.udp", "kernel", 7),
            ("statsd.udp", "parser", 2),
            ("statsd", "names", 3),
            ("statsd.tcp", "source", 9),
            ("carbon.line", "parser", 4),
        ]);
        let grown = grown(&before, &after, &["statsd.udp", "statsd"]);
        let expected = [("kernel", 2), ("names", 3), ("parser", 2)];
        assert_eq!(grown, expected.map(|(cause, total)| (cause.to_owned(), total)).into());
    }

    #[test]
    fn series_are_summed_over_their_known_points() {
        let row =
            |datapoints: &[(Option<f64>, i64)]| Row { target: "a".into(), datapoints: datapoints.to_vec() };
        let rows = [row(&[(Some(1.0), 1), (None, 2), (Some(5.0), 3), (None, 4)])];
        assert_eq!((sum(&rows[0]), most(&rows, "a"), most(&rows, "b")), (Some(6.0), 5, 0));
        assert_eq!(sum(&row(&[(None, 1)])), None);
        assert!(reaches(&rows[0], 3) && !reaches(&rows[0], 4));
    }
}
