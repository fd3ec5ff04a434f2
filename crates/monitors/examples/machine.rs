//! Drives the state machine by hand: definitions from a file, then one JSON object a line, each with its time.
//!
//! ```text
//! machine DEFINITIONS.toml < STEPS
//! {"at": 1700000000, "check": "http", "status": 2, "output": "refused"}
//! {"at": 1700000001, "check": "http", "ask": "acknowledge", "sticky": true, "notify": true}
//! {"at": 1700000002, "host": "web", "ask": "downtime", "start": 1700000010, "end": 1700000020}
//! ```
//!
//! Answers each with one line: what was told until then, and what is known of the object. The scenario tests compare
//! that with what Nagios does.

use std::io::{BufRead, Write};

use monitors::machine::{Command, Done, Happenings, Machine, NewDowntime, Switch};
use monitors::{Definitions, Outcome};
use serde::Deserialize;
use serde_json::json;
use vocabulary::Timestamp;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    at: i64,
    check: Option<String>,
    host: Option<String>,
    /// A result.
    status: Option<u8>,
    #[serde(default)]
    output: String,
    #[serde(default)]
    active: bool,
    /// A command.
    ask: Option<String>,
    #[serde(default)]
    sticky: bool,
    #[serde(default)]
    notify: bool,
    #[serde(default)]
    persistent: bool,
    #[serde(default)]
    start: i64,
    #[serde(default)]
    end: i64,
    /// Of a flexible downtime.
    duration: Option<i64>,
    trigger: Option<u64>,
    id: Option<u64>,
    #[serde(default)]
    forced: bool,
    #[serde(default)]
    broadcast: bool,
    #[serde(default)]
    increment: bool,
}

fn main() -> Result<(), String> {
    let path = std::env::args().nth(1).ok_or("usage: machine DEFINITIONS.toml < STEPS")?;
    let text = std::fs::read_to_string(&path).map_err(|error| format!("read {path}: {error}"))?;
    let definitions: Definitions = toml::from_str(&text).map_err(|error| error.to_string())?;
    let zone = jiff::tz::TimeZone::system();
    let mut machine = Machine::new(&definitions, zone).map_err(|problems| format!("{problems:#?}"))?;
    let mut output = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|error| error.to_string())?;
        let step: Step = serde_json::from_str(&line).map_err(|error| format!("{line}: {error}"))?;
        let answer = take(&mut machine, &step).map_err(|problem| format!("{line}: {problem}"))?;
        writeln!(output, "{answer}").map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn take(machine: &mut Machine, step: &Step) -> Result<serde_json::Value, String> {
    let mut out = Happenings::default();
    let now = Timestamp(step.at);
    while let Some(due) = machine.next_due().filter(|due| *due <= now) {
        machine.tick(due, &mut out);
    }
    let object = match (&step.check, &step.host) {
        (Some(name), None) => machine.check(name),
        (None, Some(name)) => machine.host(name),
        _ => None,
    };
    let object = object.ok_or("a `check` or a `host` that is defined is needed")?;
    let mut made = None;
    if let Some(status) = step.status {
        let outcome = Outcome {
            status,
            output: step.output.clone(),
            at: now,
            active: step.active,
            ..Outcome::default()
        };
        machine.result(object, &outcome, now, &mut out);
    }
    if let Some(ask) = &step.ask {
        let command = command(ask, step, object)?;
        match machine.command(command, now, &mut out) {
            Ok(Done::Downtime(id) | Done::Comment(id)) => made = Some(json!(id)),
            Ok(Done::Done | Done::Told(_)) => {}
            Err(refusal) => made = Some(json!(refusal.to_string())),
        }
    }
    let status = machine.status(object, now);
    let told: Vec<serde_json::Value> = out
        .notices
        .iter()
        .map(|notice| {
            json!({"of": &*notice.id.monitor, "at": notice.at.0, "kind": notice.kind, "state": notice.state,
                   "contact": &*notice.contact, "number": notice.number})
        })
        .collect();
    Ok(json!({
        "told": told,
        "made": made,
        "handlers": out.handlers.len(),
        "state": status.state,
        "state_type": status.state_type,
        "attempt": status.attempt,
        "percent": status.percent_state_change,
        "number": status.notification_number,
        "depth": status.downtime_depth,
        "acknowledged": status.acknowledged(),
        "flapping": status.flapping,
        "next_notification": status.next_notification.map(|at| at.0),
        "outstanding": machine.outstanding(object).iter().map(|name| &**name).collect::<Vec<_>>(),
    }))
}

fn command(ask: &str, step: &Step, object: monitors::machine::ObjectId) -> Result<Command, String> {
    let (author, comment) = ("ann".to_owned(), "because".to_owned());
    let switch = |what, on| Ok(Command::Switch { object, what, on });
    match ask {
        "acknowledge" => Ok(Command::Acknowledge {
            object,
            sticky: step.sticky,
            notify: step.notify,
            persistent: step.persistent,
            expires: (step.end > 0).then_some(Timestamp(step.end)),
            author,
            comment,
        }),
        "unacknowledge" => Ok(Command::RemoveAcknowledgement { object }),
        "downtime" => Ok(Command::ScheduleDowntime(NewDowntime {
            object,
            start: step.start,
            end: step.end,
            fixed: step.duration.is_none(),
            duration: step.duration.unwrap_or(0),
            triggered_by: step.trigger,
            author: author.into(),
            comment: comment.into(),
        })),
        "cancel" => Ok(Command::CancelDowntime { id: step.id.ok_or("`cancel` needs an `id`")? }),
        "custom" => Ok(Command::Notify {
            object,
            author,
            comment,
            forced: step.forced,
            broadcast: step.broadcast,
            increment: step.increment,
        }),
        "silent" => switch(Switch::Notifications, false),
        "loud" => switch(Switch::Notifications, true),
        "steady" => switch(Switch::FlapDetection, false),
        "flappy" => switch(Switch::FlapDetection, true),
        _ => Err(format!("`{ask}` is nothing that can be asked")),
    }
}
