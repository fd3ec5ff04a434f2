//! The rules of `[carbon]` and `[relay]` without sockets and clocks, for the differential scenarios: one JSON object a
//! line on standard input, one answer a line on standard output.
//!
//! `{"config": TOML}` starts anew · `{"points": [[NAME, TIME, VALUE], ...], "now": SECONDS}` · `{"tell": SECONDS}`
//! tells the aggregates that are due. Both answer what is stored, what goes to which destination, and the counts.

use std::io::{BufRead, Write};

use ingest::relay::aggregation::Buffers;
use ingest::relay::plan::{Parcels, Plan};
use ingest::{CarbonConfig, RelayConfig};
use parking_lot::Mutex;
use serde_json::{Value, json};
use vocabulary::{PointBatch, Timestamp};

#[derive(serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
#[derive(Default)]
struct Config {
    carbon: CarbonConfig,
    relay: RelayConfig,
}

struct Server {
    plan: Plan,
    buffers: Mutex<Buffers>,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut server = None;
    for line in std::io::stdin().lock().lines() {
        let request: Value = serde_json::from_str(&line?)?;
        let answer = match (&server, request["config"].as_str()) {
            (_, Some(config)) => {
                server = Some(start(config)?);
                json!({})
            }
            (Some(server), None) => answer(server, &request)?,
            (None, None) => return Err("the first line must be a configuration".into()),
        };
        let mut out = std::io::stdout().lock();
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

fn start(config: &str) -> Result<Server, Box<dyn std::error::Error>> {
    let Config { carbon, relay } = toml::from_str(config)?;
    let problems = relay.problems();
    if !problems.is_empty() {
        return Err(format!("{problems:?}").into());
    }
    let plan =
        Plan::new(&relay, &carbon.blacklist, &carbon.whitelist)?.ok_or("there is nothing to decide")?;
    Ok(Server { plan, buffers: Mutex::default() })
}

fn answer(server: &Server, request: &Value) -> Result<Value, Box<dyn std::error::Error>> {
    let mut batch = PointBatch::default();
    if let Some(now) = request["tell"].as_i64() {
        server.buffers.lock().tell(Timestamp(now), server.plan.pace(), &mut batch);
        return Ok(told(server, &server.plan.sort_aggregates(&batch)));
    }
    for point in request["points"].as_array().ok_or("no points")? {
        let name = point[0].as_str().ok_or("no name")?;
        let (time, value) = (point[1].as_i64().ok_or("no time")?, point[2].as_f64().ok_or("no value")?);
        batch.push(name.as_bytes(), Timestamp(time), value);
    }
    let now = Timestamp(request["now"].as_i64().ok_or("no now")?);
    Ok(told(server, &server.plan.sort(&batch, &server.buffers, now)))
}

fn told(server: &Server, parcels: &Parcels) -> Value {
    let points = |batch: &PointBatch| -> Vec<Value> {
        let row =
            |name: &[u8], time: Timestamp, value: f64| json!([String::from_utf8_lossy(name), time.0, value]);
        batch.iter().map(|point| row(point.name, point.time, point.value)).collect()
    };
    let to_send: serde_json::Map<String, Value> = server
        .plan
        .destinations
        .iter()
        .zip(&parcels.to_send)
        .map(|(destination, batch)| (destination.to_string(), points(batch).into()))
        .collect();
    let sorted: serde_json::Map<String, Value> =
        parcels.sorted.each().iter().map(|(what, count)| ((*what).to_owned(), (*count).into())).collect();
    json!({ "to_store": points(&parcels.to_store), "to_send": to_send, "sorted": sorted })
}
