//! One target, asked again and again over connections that stay open.

use std::time::{Duration, Instant};

use super::meter::{Meter, Watch};
use super::report::{self, Asked, Latency, Report};
use crate::cli::BenchQuery;
use crate::client::{Server, encode};
use crate::commands::block_on;
use crate::failure::Failure;

const WATCH: Watch = Watch { parts: &[], accepted: &[] };

pub fn run(server: &Server, options: &BenchQuery) -> Result<Report, Failure> {
    let path = format!(
        "/render?target={}&from={}&until={}&format=json",
        encode(&options.target),
        encode(&options.from),
        encode(&options.until)
    );
    let bytes_per_answer = block_on(first_answer(server, options, &path))?;
    let meter = block_on(Meter::begin(server))?;
    let begun = Instant::now();
    let latencies = ask_all(server, options, &path)?;
    let seconds = begun.elapsed().as_secs_f64();
    let took = block_on(meter.end(server, &WATCH))?;
    let answers = latencies.len() as u64;
    let milliseconds = Latency::of(latencies).ok_or_else(|| Failure::new("no query was answered in time"))?;
    let asked = Asked {
        kind: "query",
        target: options.target.clone(),
        concurrency: options.concurrency,
        seconds,
        answers,
        bytes_per_answer,
        milliseconds,
    };
    Ok(report::queries(&asked, &took))
}

/// Tells how large an answer is, and refuses to measure one that says nothing.
async fn first_answer(server: &Server, options: &BenchQuery, path: &str) -> Result<u64, Failure> {
    let answer = server.get(path).await?;
    if answer.trim_ascii() == b"[]" {
        return Err(Failure::new(format!("the target `{}` has no series", options.target)));
    }
    Ok(answer.len() as u64)
}

fn ask_all(server: &Server, options: &BenchQuery, path: &str) -> Result<Vec<Duration>, Failure> {
    let end = Instant::now() + Duration::from_secs(options.seconds);
    let (requests, askers) = (options.requests, options.concurrency);
    let each = super::on_threads(askers, |index| {
        let own = requests / askers + u64::from(index < requests % askers);
        block_on(ask(server, path, own, end))
    })?;
    Ok(each.concat())
}

/// One request after the other.
async fn ask(server: &Server, path: &str, count: u64, end: Instant) -> Result<Vec<Duration>, Failure> {
    let mut session = server.session().await?;
    let mut latencies = Vec::new();
    while (latencies.len() as u64) < count && Instant::now() < end {
        let asked = Instant::now();
        session.get(path).await?;
        latencies.push(asked.elapsed());
    }
    Ok(latencies)
}
