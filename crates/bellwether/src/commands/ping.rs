//! `bellwether ping HEARTBEAT`: for scripts on machines that have this binary; the status tells whether it was taken.

use std::time::Duration;

use axum::http::Method;
use serde_json::json;

use crate::cli::{Common, PingOptions};
use crate::client::encode;
use crate::failure::Failure;

/// A job does not hang because its ping does.
const TIMEOUT: Duration = Duration::from_secs(10);

pub fn run(common: &Common, options: &PingOptions) -> Result<(), Failure> {
    let kind = match (options.start, options.fail, options.log) {
        (true, ..) => Some("start"),
        (_, true, _) => Some("fail"),
        (.., true) => Some("log"),
        _ => None,
    };
    let server = super::running_server(common)?;
    let path = format!("/api/v1/heartbeats/{}/ping", encode(&options.heartbeat));
    let body = json!({"kind": kind, "exit": options.exit, "rid": options.rid, "body": options.body});
    super::block_on(async {
        let asked = server.send_json(Method::POST, &path, &body);
        let late = |_| Failure::new(format!("the server did not answer within {} s", TIMEOUT.as_secs()));
        tokio::time::timeout(TIMEOUT, asked).await.map_err(late)?
    })?;
    if common.json {
        super::say(json!({"pinged": options.heartbeat}))?;
    }
    Ok(())
}
