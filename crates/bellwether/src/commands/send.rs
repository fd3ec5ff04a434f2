//! `bellwether send NAME VALUE [TIME]`: one point, on the disk when the command returns.

use axum::http::Method;
use serde_json::json;

use crate::cli::{Common, SendOptions};
use crate::failure::Failure;

pub fn run(common: &Common, options: &SendOptions) -> Result<(), Failure> {
    if !options.value.is_finite() {
        return Err(Failure::usage("the value must be a finite number"));
    }
    let server = super::server(common)?;
    let body = json!({"points": [{"name": options.name, "value": options.value, "time": options.time}]});
    let answer = super::block_on(server.send_json(Method::POST, "/api/v1/points?durable=true", &body))?;
    let stored: serde_json::Value = crate::client::parse(&answer)?;
    if common.json {
        super::say(&stored)?;
    }
    if stored["stored"].as_u64() == Some(1) {
        return Ok(());
    }
    Err(Failure::new(match () {
        () if stored["too_old"].as_u64() == Some(1) => {
            "the time is before everything that is kept of this series"
        }
        () if stored["in_future"].as_u64() == Some(1) => "the time lies too far in the future",
        () => "the point was not stored: the store is read-only",
    }))
}
