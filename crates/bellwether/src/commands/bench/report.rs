//! What a load was and what it took, for people and for scripts.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use super::meter::{CPU_SERIES, Took};
use crate::commands::grouped;
use crate::commands::storage::bytes;
use crate::failure::Failure;

/// One line for each figure, and all of them as JSON.
pub struct Report {
    rows: Vec<Vec<String>>,
    json: Value,
    /// Told at the end, with exit status 1.
    failure: Option<String>,
}

impl Report {
    pub fn print(self, json: bool) -> Result<(), Failure> {
        if json {
            println!("{}", self.json);
        } else {
            print!("{}", crate::commands::table(&self.rows));
        }
        self.failure.map_or(Ok(()), |message| Err(Failure::new(message)))
    }
}

/// Metrics or points that were sent.
#[derive(Debug, Serialize)]
pub struct Sent {
    /// `statsd` or `carbon`.
    pub kind: &'static str,
    pub to: String,
    pub seconds: f64,
    pub sent: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packets: Option<u64>,
    /// Calls that the kernel refused, most often because nobody listens.
    pub failed: u64,
    /// From the last byte sent until the last point could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub readable_after_seconds: Option<f64>,
}

#[derive(Serialize)]
struct Taken<'a> {
    #[serde(flatten)]
    sent: &'a Sent,
    per_second: f64,
    accepted: Option<u64>,
    lost: Option<u64>,
    dropped: &'a BTreeMap<String, u64>,
    cpu_seconds: Option<f64>,
    cpu_seconds_per_million: Option<f64>,
    cpu_from: &'static str,
    resident_bytes: u64,
}

pub fn load(sent: &Sent, took: &Took) -> Report {
    let until_readable = sent.seconds + sent.readable_after_seconds.unwrap_or(0.0);
    let million = took.accepted.map(|accepted| accepted as f64 / 1e6).filter(|million| *million > 0.0);
    let taken = Taken {
        per_second: sent.sent as f64 / until_readable.max(f64::MIN_POSITIVE),
        accepted: took.accepted,
        lost: took.accepted.map(|accepted| sent.sent.saturating_sub(accepted)),
        dropped: &took.dropped,
        cpu_seconds: took.cpu_seconds,
        cpu_seconds_per_million: took.cpu_seconds.zip(million).map(|(seconds, million)| seconds / million),
        cpu_from: CPU_SERIES,
        resident_bytes: took.resident_bytes,
        sent,
    };
    Report { rows: load_rows(&taken), json: json(&taken), failure: nothing_taken(sent, took) }
}

fn load_rows(taken: &Taken<'_>) -> Vec<Vec<String>> {
    let sent = taken.sent;
    let mut rows = Vec::new();
    let mut row = |name: &str, value: String, note: String| rows.push(vec![name.into(), value, note]);
    let packets =
        sent.packets.map(|packets| format!(", in {} packets", grouped(packets))).unwrap_or_default();
    row("sent", grouped(sent.sent), format!("to {} in {:.1} s{packets}", sent.to, sent.seconds));
    if sent.failed > 0 {
        row("not sent", grouped(sent.failed), "refused by the kernel: nobody listens there".into());
    }
    row("accepted", taken.accepted.map_or("unknown".into(), grouped), known(taken.accepted.is_some()));
    row("lost", taken.lost.map_or("unknown".into(), grouped), causes(taken.dropped));
    if let Some(after) = sent.readable_after_seconds {
        row("readable", format!("{after:.3} s"), "after the last byte: the last point sent".into());
    }
    row("per second", grouped(taken.per_second as u64), until(sent));
    let cpu = taken.cpu_seconds.map_or("unknown".into(), |seconds| format!("{seconds:.2} s"));
    row("CPU", cpu, format!("of the whole server, {}", taken.cpu_from));
    if let Some(seconds) = taken.cpu_seconds_per_million {
        row("per million", format!("{seconds:.3} s"), "CPU for each million accepted".into());
    }
    row("memory", bytes(taken.resident_bytes), "resident, the most seen".into());
    rows
}

fn known(known: bool) -> String {
    if known { "by the server's own count" } else { "the server keeps no series of itself: [self] series" }
        .into()
}

fn until(sent: &Sent) -> String {
    if sent.readable_after_seconds.is_some() { "until readable" } else { "as sent" }.into()
}

fn causes(dropped: &BTreeMap<String, u64>) -> String {
    if dropped.is_empty() {
        return "the server has counted no drop".into();
    }
    let each: Vec<String> =
        dropped.iter().map(|(cause, count)| format!("{} ({cause})", grouped(*count))).collect();
    format!("the server counted {}", each.join(", "))
}

fn nothing_taken(sent: &Sent, took: &Took) -> Option<String> {
    (sent.sent + sent.failed > 0 && took.accepted == Some(0))
        .then(|| format!("the server took nothing: is its {} listener at {}?", sent.kind, sent.to))
}

/// Answers to one target.
#[derive(Debug, Serialize)]
pub struct Asked {
    pub kind: &'static str,
    pub target: String,
    pub concurrency: u64,
    pub seconds: f64,
    pub answers: u64,
    pub bytes_per_answer: u64,
    /// Of all answers, each from the request to its last byte.
    pub milliseconds: Latency,
}

#[derive(Debug, PartialEq, Serialize)]
pub struct Latency {
    pub least: f64,
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub most: f64,
}

impl Latency {
    /// Nearest rank. `None`: there was no answer.
    pub fn of(mut all: Vec<Duration>) -> Option<Latency> {
        all.sort_unstable();
        let (least, most) = (all.first()?, all.last()?);
        let milliseconds = |duration: &Duration| duration.as_secs_f64() * 1e3;
        let rank = |percent: usize| milliseconds(&all[(all.len() * percent).div_ceil(100).max(1) - 1]);
        Some(Latency {
            least: milliseconds(least),
            p50: rank(50),
            p90: rank(90),
            p99: rank(99),
            most: milliseconds(most),
        })
    }
}

#[derive(Serialize)]
struct Answered<'a> {
    #[serde(flatten)]
    asked: &'a Asked,
    per_second: f64,
    cpu_seconds: Option<f64>,
    cpu_seconds_per_thousand: Option<f64>,
    cpu_from: &'static str,
    resident_bytes: u64,
}

pub fn queries(asked: &Asked, took: &Took) -> Report {
    let answered = Answered {
        per_second: asked.answers as f64 / asked.seconds.max(f64::MIN_POSITIVE),
        cpu_seconds: took.cpu_seconds,
        cpu_seconds_per_thousand: took.cpu_seconds.map(|seconds| seconds * 1e3 / asked.answers.max(1) as f64),
        cpu_from: CPU_SERIES,
        resident_bytes: took.resident_bytes,
        asked,
    };
    Report { rows: query_rows(&answered), json: json(&answered), failure: None }
}

fn query_rows(answered: &Answered<'_>) -> Vec<Vec<String>> {
    let asked = answered.asked;
    let mut rows = Vec::new();
    let mut row = |name: &str, value: String, note: String| rows.push(vec![name.into(), value, note]);
    let connections = if asked.concurrency == 1 { "connection" } else { "connections" };
    row(
        "answers",
        grouped(asked.answers),
        format!("in {:.1} s over {} {connections}", asked.seconds, asked.concurrency),
    );
    row("per second", format!("{:.1}", answered.per_second), String::new());
    let Latency { least, p50, p90, p99, most } = &asked.milliseconds;
    let percentiles = [("least", least), ("half", p50), ("90 %", p90), ("99 %", p99), ("most", most)]
        .map(|(name, ms)| (name, *ms));
    for (name, milliseconds) in percentiles {
        row(name, format!("{milliseconds:.2} ms"), String::new());
    }
    row("size", bytes(asked.bytes_per_answer), "of an answer".into());
    let cpu = answered.cpu_seconds.map_or("unknown".into(), |seconds| format!("{seconds:.2} s"));
    row("CPU", cpu, format!("of the whole server, {}", answered.cpu_from));
    if let Some(seconds) = answered.cpu_seconds_per_thousand {
        row("per thousand", format!("{seconds:.3} s"), "CPU for each thousand answers".into());
    }
    row("memory", bytes(answered.resident_bytes), "resident, the most seen".into());
    rows
}

fn json(figures: &impl Serialize) -> Value {
    serde_json::to_value(figures).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent() -> Sent {
        Sent {
            kind: "statsd",
            to: "127.0.0.1:8125".into(),
            seconds: 2.0,
            sent: 2_000_000,
            packets: Some(1_000_000),
            failed: 0,
            readable_after_seconds: None,
        }
    }

    fn took(accepted: Option<u64>) -> Took {
        let dropped = [("kernel".to_owned(), 5)].into();
        Took { accepted, cpu_seconds: Some(1.5), resident_bytes: 1 << 20, dropped }
    }

    #[test]
    fn what_was_lost_and_what_a_million_costs() {
        let report = load(&sent(), &took(Some(1_500_000)));
        let figure = |name: &str| report.json[name].clone();
        assert_eq!(figure("lost"), 500_000);
        assert_eq!(figure("per_second"), 1e6);
        assert_eq!(figure("cpu_seconds_per_million"), 1.0);
        assert_eq!(figure("dropped"), serde_json::json!({"kernel": 5}));
        assert_eq!(report.failure, None);
    }

    #[test]
    fn a_server_that_takes_nothing_is_a_failure_and_one_that_does_not_say_is_not() {
        assert!(load(&sent(), &took(Some(0))).failure.is_some());
        let unknown = load(&sent(), &took(None));
        assert!(unknown.failure.is_none());
        assert_eq!(unknown.json["lost"], Value::Null);
        assert_eq!(unknown.json["cpu_seconds_per_million"], Value::Null);
    }

    #[test]
    fn latencies_by_rank() {
        let latency = Latency::of((1..=200).rev().map(Duration::from_millis).collect());
        assert_eq!(latency, Some(Latency { least: 1.0, p50: 100.0, p90: 180.0, p99: 198.0, most: 200.0 }));
        let one = Latency::of(vec![Duration::from_millis(7)]);
        assert_eq!(one, Some(Latency { least: 7.0, p50: 7.0, p90: 7.0, p99: 7.0, most: 7.0 }));
        assert_eq!(Latency::of(Vec::new()), None);
    }

    #[test]
    fn numbers_are_grouped() {
        let check = |count, expected| assert_eq!(grouped(count), expected);
        check(0, "0");
        check(999, "999");
        check(1_000, "1,000");
        check(1_234_567, "1,234,567");
    }
}
