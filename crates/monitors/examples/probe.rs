//! Looks once, for the scenario tests: a file with one `[[check]]` (and `[egress]`) in, the outcome as JSON out.
//!
//! `probe FILE [HOST-ADDRESS]`

#![allow(clippy::disallowed_methods)] // The files are the tests' own, and the clock is the real one.

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use monitors::config::CheckConfig;
use monitors::kinds::probe;
use monitors::{Outcome, Part};
use outbound::{Egress, EgressConfig};
use serde_json::json;
use vocabulary::Timestamp;

#[derive(serde::Deserialize)]
struct File {
    check: Vec<CheckConfig>,
    #[serde(default)]
    egress: EgressConfig,
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().unwrap_or_default();
    let host = arguments.next();
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"));
    let file: File = toml::from_str(&text).unwrap_or_else(|error| panic!("{error}"));
    let check = &file.check[0];
    let problems = probe::problems(check);
    if !problems.is_empty() {
        println!("{}", json!({ "problems": problems }));
        return ExitCode::from(2);
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.unwrap_or_else(|error| panic!("{error}"));
    let egress = Egress::new(&file.egress);
    let outcome = runtime.block_on(probe::run(check, host.as_deref(), &egress, Timestamp(now as i64)));
    println!("{}", shown(&outcome));
    runtime.shutdown_background();
    ExitCode::SUCCESS
}

fn shown(outcome: &Outcome) -> serde_json::Value {
    json!({
        "status": outcome.status,
        "output": outcome.output,
        "long_output": outcome.long_output,
        "perfdata": outcome.perfdata,
        "value": outcome.value,
        "seconds": outcome.seconds,
        "parts": outcome.parts.iter().map(|Part { name, outcome }| (name.clone(), shown(outcome))).collect::<serde_json::Map<_, _>>(),
    })
}
