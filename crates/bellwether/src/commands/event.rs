//! `bellwether event "deployed 4.2" --tag deploy`: safe to put into a deploy script, whatever state the
//! server is in: it gives up after two seconds.

use std::time::Duration;

use axum::http::Method;
use serde_json::json;

use crate::cli::{Common, EventOptions};
use crate::failure::Failure;

const TIMEOUT: Duration = Duration::from_secs(2);

pub fn run(common: &Common, options: &EventOptions) -> Result<(), Failure> {
    if options.what.is_empty() {
        return Err(Failure::usage(
            "say what happened, such as: bellwether event \"deployed 4.2\" --tag deploy",
        ));
    }
    let mut body = json!({"what": options.what, "tags": options.tag.join(" "), "data": options.data});
    if let Some(when) = options.when {
        body["when"] = json!(when);
    }
    let server = super::server(common)?;
    super::block_on(async {
        let sent = tokio::time::timeout(TIMEOUT, server.send_json(Method::POST, "/events/", &body)).await;
        sent.map_err(|_| Failure::new("the server did not answer within 2 s; the event is not recorded"))?
    })?;
    if common.json {
        super::say(json!({"recorded": true}))?;
    }
    Ok(())
}
