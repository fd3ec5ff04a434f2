//! retention.dat: how everything was, who has acknowledged what, what is planned. The server takes it over.

use std::collections::HashMap;
use std::path::Path;

use formats::nagios::state_file::{self, Block, StateFile};
use hyper::Method;
use monitors::adopt::{Adopted, AdoptedCounts, AdoptedObject};
use monitors::machine::{ObjectName, Saved, SavedAcknowledgement, SavedComment, SavedDowntime};
use serde_json::json;
use vocabulary::state::{State, StateType};

use super::files::text_of;
use crate::cli::Common;
use crate::client;
use crate::failure::Failure;

/// Of Nagios's bits in `modified_attributes`: notifications, active checks, passive ones, flap detection, event handler.
const SWITCHES: [(i64, &str); 5] = [
    (1, "notifications_enabled"),
    (2, "active_checks_enabled"),
    (4, "passive_checks_enabled"),
    (16, "flap_detection_enabled"),
    (8, "event_handler_enabled"),
];
/// Nagios's kinds of comments. Those of downtimes and flapping it makes itself.
const COMMENT_OF_USER: i64 = 1;
const COMMENT_OF_ACKNOWLEDGEMENT: i64 = 4;
/// So many objects a request, far below what the server takes at once.
const OBJECTS_AT_ONCE: usize = 500;

/// A state file is told by its first block, `info`.
pub fn is_state_file(path: &Path) -> bool {
    path.is_file() && text_of(path).is_ok_and(|text| state_file::is_one(&text))
}

pub fn run(common: &Common, path: &Path, dry_run: bool) -> Result<(), Failure> {
    let text = text_of(path).map_err(Failure::doing(path.display()))?;
    let file = state_file::read(&text);
    for line in &file.unreadable {
        eprintln!(
            "{}:{line}: problem: this is no line of a state file, or its block does not end: it is left out",
            path.display()
        );
    }
    let adopted = adopted(&file);
    let unreadable = file.unreadable.len();
    if dry_run {
        let found = json!({"states": adopted.objects.len(), "downtimes": adopted.downtimes.len(), "comments": adopted.comments.len(), "unreadable_lines": unreadable});
        return crate::commands::print(format!("{found:#}\n"));
    }
    let server = crate::commands::server(common)?;
    let counts = crate::commands::block_on(send(&server, &adopted))?;
    if common.json {
        crate::commands::print(format!(
            "{:#}\n",
            json!({"taken_over": counts, "unreadable_lines": unreadable})
        ))?;
    } else {
        for name in &counts.undefined_names {
            eprintln!(
                "{}: `{name}` is not defined here: its state is left out (import the configuration first)",
                path.display()
            );
        }
        crate::commands::print(format!(
            "{} states, {} acknowledgements, {} downtimes, {} comments taken over; {} objects with a newer result here, {} downtimes and comments known or over, {} not defined here\n",
            counts.states,
            counts.acknowledgements,
            counts.downtimes,
            counts.comments,
            counts.newer_here,
            counts.known,
            counts.undefined
        ))?;
    }
    match unreadable + counts.undefined {
        0 => Ok(()),
        count => Err(Failure::new(format!("{count} not taken over"))),
    }
}

/// States in parts, then downtimes and comments together: they name each other.
async fn send(server: &client::Server, adopted: &Adopted) -> Result<AdoptedCounts, Failure> {
    let mut all = AdoptedCounts::default();
    let states = adopted.objects.chunks(OBJECTS_AT_ONCE);
    let parts = states.map(|objects| Adopted { objects: objects.to_vec(), ..Adopted::default() });
    let last = Adopted {
        downtimes: adopted.downtimes.clone(),
        comments: adopted.comments.clone(),
        ..Adopted::default()
    };
    for part in parts.chain([last]) {
        let body = serde_json::to_value(&part).map_err(Failure::new)?;
        let answer = server.send_json(Method::POST, "/api/v1/import/nagios-state", &body).await?;
        all.add(client::parse(&answer)?);
    }
    Ok(all)
}

fn name_of(block: &Block) -> Option<ObjectName> {
    block.subject().map(|(host, service)| match service {
        Some(service) => ObjectName::Check(format!("{host}/{service}")),
        None => ObjectName::Host(host.to_owned()),
    })
}

fn adopted(file: &StateFile) -> Adopted {
    let mut adopted = Adopted::default();
    let of_kind = |kinds: [&'static str; 2]| {
        let blocks = file.blocks.iter().filter(move |block| kinds.contains(&block.kind.as_str()));
        blocks.filter_map(|block| Some((name_of(block)?, block)))
    };
    let mut acknowledgements: HashMap<ObjectName, &Block> = HashMap::new();
    for (name, block) in of_kind(["hostcomment", "servicecomment"]) {
        let kind = block.number("entry_type");
        if kind == COMMENT_OF_ACKNOWLEDGEMENT {
            acknowledgements.insert(name.clone(), block);
        }
        if matches!(kind, COMMENT_OF_USER | COMMENT_OF_ACKNOWLEDGEMENT) {
            adopted.comments.push(SavedComment {
                id: block.number("comment_id").unsigned_abs(),
                object: name,
                at: block.number("entry_time"),
                author: block.text("author").to_owned(),
                comment: block.text("comment_data").to_owned(),
                persistent: block.flag("persistent"),
                of_acknowledgement: kind == COMMENT_OF_ACKNOWLEDGEMENT,
            });
        }
    }
    // Of a host, then of a service: both files in one form.
    for (name, block) in of_kind(["host", "hoststatus"]).chain(of_kind(["service", "servicestatus"])) {
        let saved = saved(&name, block, acknowledgements.get(&name).copied());
        adopted.objects.push(AdoptedObject { name, saved });
    }
    for (object, block) in of_kind(["hostdowntime", "servicedowntime"]) {
        let (start, flexible_start) = (block.number("start_time"), block.number("flex_downtime_start"));
        let in_effect = block.flag("is_in_effect");
        adopted.downtimes.push(SavedDowntime {
            id: block.number("downtime_id").unsigned_abs(),
            object,
            start,
            end: block.number("end_time"),
            fixed: block.flag("fixed"),
            duration: block.number("duration"),
            triggered_by: Some(block.number("triggered_by").unsigned_abs()).filter(|id| *id != 0),
            author: block.text("author").to_owned(),
            comment: block.text("comment").to_owned(),
            entered: block.number("entry_time"),
            in_effect,
            began: match (in_effect, flexible_start) {
                (true, 0) => start,
                (true, began) => began,
                (false, _) => 0,
            },
            start_told: block.flag("start_notification_sent"),
            recurring: None,
        });
    }
    adopted
}

fn saved(name: &ObjectName, block: &Block, acknowledgement: Option<&Block>) -> Saved {
    let is_host = matches!(name, ObjectName::Host(_));
    let state = state_of(is_host, block.number("current_state"));
    let hard = block.number("state_type") != 0;
    let modified = block.number("modified_attributes");
    let is_acknowledged = block.flag("problem_has_been_acknowledged");
    Saved {
        state,
        state_type: if hard { StateType::Hard } else { StateType::Soft },
        attempt: block.number("current_attempt").clamp(1, 1_000) as u32,
        checked: block.flag("has_been_checked"),
        last_hard_state: state_of(is_host, block.number("last_hard_state")),
        last_check: block.number("last_check"),
        last_result: block.number("last_check"),
        last_state_change: block.number("last_state_change"),
        last_hard_state_change: block.number("last_hard_state_change"),
        bad_since: 0,
        retry_next: !hard && state.is_problem(),
        last_was_active: block.number("check_type") == 0,
        last_notification: block.number("last_notification"),
        next_notification: block.number("next_notification"),
        no_more_notifications: block.flag("no_more_notifications"),
        number: block.number("current_notification_number").clamp(0, i64::from(u32::MAX)) as u32,
        notified_on: notified_on(is_host, block),
        told: Vec::new(),
        acknowledgement: is_acknowledged.then(|| SavedAcknowledgement {
            // 1 is normal, 2 is sticky.
            sticky: block.number("acknowledgement_type") == 2,
            author: acknowledgement.map_or("", |comment| comment.text("author")).to_owned(),
            comment: acknowledgement.map_or("", |comment| comment.text("comment_data")).to_owned(),
            at: acknowledgement.map_or(0, |comment| comment.number("entry_time")),
            expires: None,
            persistent: acknowledgement.is_some_and(|comment| comment.flag("persistent")),
        }),
        host_problem_at_last_check: block.flag("host_problem_at_last_check"),
        history: history(block.text("state_history")),
        flapping: block.flag("is_flapping"),
        tell_recovery_after_flapping: block.flag("check_flapping_recovery_notification"),
        switches: SWITCHES.map(|(bit, key)| (modified & bit != 0).then(|| block.flag(key))),
        output: block.text("plugin_output").to_owned(),
        long_output: block.lines("long_plugin_output"),
        perfdata: block.text("performance_data").to_owned(),
        value: None,
        seconds: block.float("check_execution_time"),
    }
}

fn state_of(is_host: bool, number: i64) -> State {
    match (is_host, number) {
        (true, 0) => State::Up,
        (true, 2) => State::Unreachable,
        (true, _) => State::Down,
        (false, 0) => State::Ok,
        (false, 1) => State::Warning,
        (false, 2) => State::Critical,
        (false, _) => State::Unknown,
    }
}

/// One bit for each state that somebody was told of, as the machine has them.
fn notified_on(is_host: bool, block: &Block) -> u16 {
    let keys: &[(&str, u16)] = match is_host {
        true => &[("notified_on_down", 1 << 1), ("notified_on_unreachable", 1 << 2)],
        false => &[
            ("notified_on_warning", 1 << 1),
            ("notified_on_critical", 1 << 2),
            ("notified_on_unknown", 1 << 3),
        ],
    };
    keys.iter().filter(|(key, _)| block.flag(key)).map(|(_, bit)| bit).sum()
}

/// `0,0,2,…`, the oldest first, at two bits each.
fn history(text: &str) -> u64 {
    let states = text.split(',').filter_map(|state| state.trim().parse::<u64>().ok());
    states.fold(0, |history, state| history << 2 | (state & 3)) & ((1 << 42) - 1)
}
