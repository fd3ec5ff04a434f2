//! Answers requests about series in a file, one json object a line in and out. `scenarios/graphite` compares
//! these answers with graphite-web's.
//!
//! File: `{"series": [{"name", "archives": [{"archive": "10s:1h", "points": [[time, value], ...]}]}],
//! "timers": [{"name", "archives": [{"archive", "points": [[time, [sample, ...]], ...]}]}],
//! "events": [[time, "tag tag"], ...]}`; a value is a number, `"inf"` or `"-inf"`.
//! In: `{"path": "/render", "params": [["target", "a.b"], ...], "now": 1700000000}`
//! Out: `{"status", "content_type", "headers": [[name, value]], "body"}`, the bytes of the body as Latin-1.

#[path = "../tests/support/memory.rs"]
mod memory;

use std::io::{BufRead, Write};

use graphite::{Answer, Defaults, Environment, Events, Names, Refusal, RenderRequest};
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use vocabulary::ports::{QueryLimits, Scope};
use vocabulary::{Sketch, Timestamp};

fn main() {
    let file = std::env::args().nth(1).expect("name a file with series");
    let text = std::fs::read_to_string(file).expect("read the series");
    let data: Value = serde_json::from_str(&text).expect("the series are json");
    let (source, events) = (load(&data), load_events(&data));
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let request: Value = serde_json::from_str(&line.expect("read a request")).expect("a request is json");
        let answer = match answer(&request, &source, &events) {
            Ok(answer) => json!({
                "status": 200,
                "content_type": answer.content_type,
                "headers": answer.headers,
                "body": latin(&answer.body),
            }),
            Err(refusal) => json!({ "status": refusal.status, "body": latin(refusal.text.as_bytes()) }),
        };
        writeln!(out, "{answer}").expect("write an answer");
        out.flush().expect("write an answer");
    }
}

fn latin(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

fn answer(request: &Value, source: &memory::Memory, events: &Marks) -> Result<Answer, Refusal> {
    let params: Vec<(String, String)> = serde_json::from_value(request["params"].clone()).expect("params");
    let now = Timestamp(request["now"].as_i64().expect("now"));
    let (scope, limits) = (Scope::everything(), QueryLimits::default());
    let names = Names { source, scope: &scope, limits: &limits };
    match request["path"].as_str().expect("path") {
        "/render" => {
            let defaults = Defaults::of_zone(TimeZone::UTC);
            let request = RenderRequest::from_params(&params, now, &defaults)?;
            let environment = Environment { source, events, scope: &scope, limits: &limits };
            graphite::render(&request, environment).map(|(answer, _)| answer)
        }
        "/metrics/find" => graphite::find::find(&params, now, &TimeZone::UTC, names),
        "/metrics/expand" => graphite::find::expand(&params, names),
        "/metrics/index.json" => graphite::find::index(&params, names),
        "/functions" => Ok(graphite::describe::functions(&params)),
        path => match path.strip_prefix("/functions/") {
            Some(name) => graphite::describe::function(name, &params),
            None => Err(Refusal { status: 404, text: format!("nothing at {path}") }),
        },
    }
}

fn load(data: &Value) -> memory::Memory {
    let mut source = memory::Memory::default();
    for series in data["series"].as_array().expect("series") {
        source.add(series["name"].as_str().expect("name"), archives(series, number));
    }
    for timer in data["timers"].as_array().into_iter().flatten() {
        source.add_sketches(timer["name"].as_str().expect("name"), archives(timer, sketch));
    }
    source
}

fn archives<V>(one: &Value, read: fn(&Value) -> V) -> Vec<memory::ArchivePoints<V>> {
    let archives = one["archives"].as_array().expect("archives").iter();
    let archives = archives.map(|archive| {
        let points = archive["points"].as_array().expect("points").iter();
        let points = points.map(|point| (point[0].as_i64().expect("a time"), read(&point[1])));
        (memory::archive(archive["archive"].as_str().expect("archive")), points.collect())
    });
    archives.collect()
}

fn sketch(samples: &Value) -> Sketch {
    let samples = samples.as_array().expect("samples").iter();
    Sketch::from_values(samples.map(|sample| (number(sample), 1.0)))
}

fn number(value: &Value) -> f64 {
    value.as_f64().or_else(|| value.as_str()?.parse().ok()).expect("a number")
}

struct Marks(Vec<(Timestamp, Vec<String>)>);

fn load_events(data: &Value) -> Marks {
    let events = data["events"].as_array().into_iter().flatten();
    Marks(
        events
            .map(|event| {
                let tags = event[1].as_str().expect("tags").split(' ').map(str::to_owned);
                (Timestamp(event[0].as_i64().expect("a time")), tags.collect())
            })
            .collect(),
    )
}

impl Events for Marks {
    fn moments(&self, from: Timestamp, until: Timestamp, tags: &[String]) -> Vec<Timestamp> {
        let fits = |event: &&(Timestamp, Vec<String>)| {
            (from..=until).contains(&event.0) && tags.iter().all(|tag| event.1.contains(tag))
        };
        self.0.iter().filter(fits).map(|event| event.0).collect()
    }
}
