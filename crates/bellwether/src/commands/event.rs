//! `bellwether event "deployed 4.2" --tag deploy`: safe to put into a deploy script, whatever state the server
//! is in. It takes two seconds at most. An event that the server did not take in that time is kept in a file and
//! sent by the next call that reaches it, with its own time; the script goes on.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vocabulary::Clock;

use super::kept_events::KeptEvents;
use crate::cli::{Common, EventOptions};
use crate::client::Server;
use crate::clock::SystemClock;
use crate::failure::Failure;

const TIMEOUT: Duration = Duration::from_secs(2);

/// What became of an event that was sent.
enum Sent {
    Recorded,
    /// The server took it and does not want it: sending it again is of no use.
    Refused(Failure),
    /// No server, or not in time.
    Away(Failure),
}

pub fn run(common: &Common, options: &EventOptions) -> Result<(), Failure> {
    let end = Instant::now() + TIMEOUT;
    if options.what.is_empty() {
        return Err(Failure::usage(
            "say what happened, such as: bellwether event \"deployed 4.2\" --tag deploy",
        ));
    }
    let now = SystemClock.since_epoch();
    let event = json!({
        "what": options.what,
        "tags": options.tag.join(" "),
        "data": options.data,
        "when": options.when.unwrap_or(now.as_secs_f64()),
    });
    let destination = destination(common)?;
    let server = super::server(common);
    // Looking up a name may take longer than anybody waits: what it leaves behind ends with the process.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(Failure::doing("start"))?;
    let done = runtime.block_on(async {
        let sent = match &server {
            Ok(server) => send(server, &event, end).await,
            Err(failure) => Sent::Away(Failure::new(&failure.message)),
        };
        match (sent, &server) {
            (Sent::Recorded, Ok(server)) => {
                let late = send_kept(server, &destination, end).await;
                recorded(common, late)
            }
            (Sent::Recorded, Err(_)) => recorded(common, 0),
            (Sent::Refused(failure), _) => Err(failure),
            (Sent::Away(failure), _) => keep(common, &destination, &event, &failure),
        }
    });
    runtime.shutdown_background();
    done
}

/// Whom it is for. Without one there is nobody to keep it for.
fn destination(common: &Common) -> Result<String, Failure> {
    if let Some(url) = super::named_url(common) {
        crate::client::parse_url(&url)?;
        return Ok(url);
    }
    let directory = super::load_config(common)?.data_dir.0;
    match std::path::absolute(&directory) {
        Ok(directory) if directory.exists() => Ok(directory.display().to_string()),
        _ => Err(Failure::new(format!(
            "no server is named, and there is no data directory {}: name a server with --url or BELLWETHER_URL",
            directory.display()
        ))),
    }
}

async fn send(server: &Server, event: &Value, end: Instant) -> Sent {
    let late = || Failure::new(format!("the server did not answer within {} s", TIMEOUT.as_secs()));
    let asked = server.ask_graphite("/events/", Some(event.to_string()));
    match tokio::time::timeout_at(end.into(), asked).await {
        Err(_) => Sent::Away(late()),
        Ok(Err(failure)) => Sent::Away(failure),
        Ok(Ok((status, _))) if status.is_success() => Sent::Recorded,
        Ok(Ok((status, body))) => {
            let told = serde_json::from_slice::<Value>(&body).unwrap_or_default();
            let said = |field: &str| told[field].as_str().map(str::to_owned);
            let why = said("error").unwrap_or_else(|| format!("it answered {status}"));
            let hint = said("hint").map(|hint| format!("\n  {hint}")).unwrap_or_default();
            // Starting, stopping, too busy, or a proxy whose server is away.
            let refusal = Failure::new(format!("{why}{hint}"));
            if status.is_server_error() { Sent::Away(refusal) } else { Sent::Refused(refusal) }
        }
    }
}

/// How many of those that were kept for this server it has now.
async fn send_kept(server: &Server, destination: &str, end: Instant) -> usize {
    let Some(kept) = KeptEvents::of_this_user(SystemClock.since_epoch()) else { return 0 };
    let mut late = 0;
    while let Some(claimed) = kept.claim(destination) {
        match send(server, claimed.event(), end).await {
            Sent::Recorded => {
                late += 1;
                claimed.done();
            }
            Sent::Refused(failure) => {
                eprintln!(
                    "an event that was kept is refused, and dropped: {}\n  {}",
                    failure.message,
                    claimed.event()
                );
                claimed.done();
            }
            Sent::Away(_) => {
                claimed.give_back();
                break;
            }
        }
    }
    late
}

fn recorded(common: &Common, late: usize) -> Result<(), Failure> {
    if late > 0 {
        eprintln!("also recorded {late} that had been kept while the server was away");
    }
    if common.json {
        super::say(json!({"recorded": true, "kept_before": late}))?;
    }
    Ok(())
}

fn keep(common: &Common, destination: &str, event: &Value, away: &Failure) -> Result<(), Failure> {
    let kept = KeptEvents::of_this_user(SystemClock.since_epoch())
        .ok_or_else(|| "neither XDG_STATE_HOME nor HOME says where".to_owned())
        .and_then(|kept| kept.keep(destination, event));
    match kept {
        Ok(path) => {
            let path = path.display();
            eprintln!("warning: {}\n  the event is kept in {path} and sent with the next one", away.message);
            if common.json {
                super::say(json!({"recorded": false, "kept": path.to_string()}))?;
            }
            Ok(())
        }
        Err(why) => {
            Err(Failure::new(format!("{}\n  and the event cannot be kept for later: {why}", away.message)))
        }
    }
}
