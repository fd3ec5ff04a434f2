//! The aggregation without sockets, for the differential scenarios: one JSON object a line on standard
//! input, one answer a line on standard output.
//!
//! `{"config": TOML, "now": SECONDS}` starts anew · `{"packets": [HEX, ...], "now": SECONDS}` ·
//! `{"flush": SECONDS}` answers the points · `{"admin": COMMAND, "now": SECONDS}` answers the text

use std::io::{BufRead, Write};

use serde_json::{Value, json};
use statsd::{Aggregator, Flush, Shard, StatsdConfig};
use vocabulary::Timestamp;

struct Server {
    config: StatsdConfig,
    aggregator: Aggregator,
    shard: Shard,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut server: Option<Server> = None;
    for line in std::io::stdin().lock().lines() {
        let request: Value = serde_json::from_str(&line?)?;
        let answer = match (&mut server, request["config"].as_str()) {
            (server, Some(config)) => {
                *server = Some(start(config, now(&request))?);
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

fn start(config: &str, now: Timestamp) -> Result<Server, Box<dyn std::error::Error>> {
    let config: StatsdConfig = toml::from_str(config)?;
    let aggregator = Aggregator::new(&config, now);
    let shard = aggregator.shard();
    Ok(Server { config, aggregator, shard })
}

fn now(request: &Value) -> Timestamp {
    Timestamp(request["now"].as_i64().unwrap_or(0))
}

fn answer(server: &mut Server, request: &Value) -> Result<Value, Box<dyn std::error::Error>> {
    if let Some(packets) = request["packets"].as_array() {
        let mut receiving = server.shard.receive(now(request));
        for packet in packets {
            let packet = unhex(packet.as_str().unwrap_or_default())?;
            formats::statsd::read_packet(&packet, server.config.dialect, &mut receiving);
        }
        return Ok(json!({}));
    }
    if let Some(command) = request["admin"].as_str() {
        return Ok(json!({ "answer": server.aggregator.admin(command.as_bytes(), now(request)).text }));
    }
    let time = request["flush"].as_i64().ok_or("neither packets nor admin nor flush")?;
    Ok(points(&server.aggregator.flush(Timestamp(time))))
}

/// Values as text, since JSON knows no infinity.
fn points(flush: &Flush) -> Value {
    let points = flush.points.iter().map(|point| {
        json!([String::from_utf8_lossy(point.name), point.time.0, format!("{:?}", point.value)])
    });
    let sketches = flush.sketches.iter().map(|(name, _, sketch)| {
        json!([String::from_utf8_lossy(name), sketch.count(), sketch.quantile(0.5)])
    });
    json!({ "points": points.collect::<Vec<_>>(), "sketches": sketches.collect::<Vec<_>>() })
}

fn unhex(text: &str) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| Ok(u8::from_str_radix(std::str::from_utf8(pair)?, 16)?)).collect()
}
