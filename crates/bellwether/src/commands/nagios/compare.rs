//! `bellwether compare --nagios STATUS_DAT`: states side by side while both run.
//!
//! Each round reads Nagios's status file and asks for every object of it. Both look at different moments, so a
//! difference is told once it has stood for `--settle`; with `--once` all are told at once. It is told again when it
//! is over.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use formats::nagios::state_file::{self, Block};
use serde_json::{Value, json};

use super::files::text_of;
use crate::cli::{Common, CompareOptions};
use crate::client::{Server, encode};
use crate::commands::compare::now;
use crate::failure::Failure;

/// An object, and what of it differs.
type Key = (String, &'static str);

#[derive(Clone, Debug, PartialEq)]
struct Difference {
    theirs: Value,
    ours: Value,
    first_seen: i64,
    told: bool,
}

pub fn run(common: &Common, options: &CompareOptions, status: &Path) -> Result<(), Failure> {
    let server = crate::commands::server(common)?;
    let mut standing: BTreeMap<Key, Difference> = BTreeMap::new();
    crate::commands::block_on(async {
        tokio::select! {
            ended = rounds(&server, status, options, common.json, &mut standing) => ended?,
            _ = tokio::signal::ctrl_c() => {}
        }
        match standing.values().filter(|difference| difference.told).count() {
            0 => Ok(()),
            1 => Err(Failure::new("1 difference")),
            count => Err(Failure::new(format!("{} differences", crate::commands::grouped(count as u64)))),
        }
    })
}

async fn rounds(
    server: &Server,
    status: &Path,
    options: &CompareOptions,
    as_json: bool,
    standing: &mut BTreeMap<Key, Difference>,
) -> Result<(), Failure> {
    let settle = if options.once { 0 } else { options.settle.0.as_secs() as i64 };
    for round in 1u64.. {
        // Nagios puts a whole file in place of the old one, so what is read is one state of it.
        let text = text_of(status).map_err(Failure::doing(status.display()))?;
        let file = state_file::read(&text);
        let objects: Vec<&Block> = file
            .blocks
            .iter()
            .filter(|block| {
                matches!(block.kind.as_str(), "hoststatus" | "servicestatus" | "host" | "service")
            })
            .filter(|block| is_wanted(block, &options.only))
            .collect();
        if objects.is_empty() {
            return Err(Failure::new(format!(
                "{} names no host and no service: it is status_file of nagios.cfg",
                status.display()
            )));
        }
        let downtimes = in_downtime(&file);
        let found = look(server, &objects, &downtimes).await?;
        settled(standing, found, settle, as_json)?;
        end_round(round, objects.len(), standing, as_json)?;
        if options.once {
            return Ok(());
        }
        tokio::time::sleep(options.rest.0.max(Duration::from_secs(1))).await;
    }
    Ok(())
}

fn is_wanted(block: &Block, only: &[String]) -> bool {
    only.is_empty()
        || name_of(block).is_some_and(|(_, name)| only.iter().any(|prefix| name.starts_with(prefix)))
}

/// Under which path it is asked for, and its name.
fn name_of(block: &Block) -> Option<(&'static str, String)> {
    block.subject().map(|(host, service)| match service {
        Some(service) => ("checks", format!("{host}/{service}")),
        None => ("hosts", host.to_owned()),
    })
}

/// retention.dat has no depth of downtimes, but the downtimes.
fn in_downtime(file: &state_file::StateFile) -> Vec<(&'static str, String)> {
    let blocks =
        file.blocks.iter().filter(|block| block.kind.ends_with("downtime") && block.flag("is_in_effect"));
    blocks.filter_map(name_of).collect()
}

async fn look(
    server: &Server,
    objects: &[&Block],
    downtimes: &[(&'static str, String)],
) -> Result<BTreeMap<Key, (Value, Value)>, Failure> {
    let mut found = BTreeMap::new();
    let mut session = server.session().await?;
    for block in objects {
        let Some((path, name)) = name_of(block) else { continue };
        let asked = session.get(&format!("/api/v1/{path}/{}", encode(&name))).await;
        let theirs = theirs(block, downtimes.contains(&(path, name.clone())));
        match asked {
            Ok(answer) => {
                let ours: Value = crate::client::parse(&answer)?;
                for (what, theirs) in theirs {
                    if ours[what] != theirs {
                        found.insert((format!("{path}/{name}"), what), (theirs, ours[what].clone()));
                    }
                }
            }
            // Not there; another trouble would meet the next one too.
            Err(error) if error.message.contains("no check") || error.message.contains("no host") => {
                let state = theirs.into_iter().next().map_or(Value::Null, |(_, state)| state);
                found.insert((format!("{path}/{name}"), "missing_here"), (state, Value::Null));
                session = server.session().await?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// What both tell, in our words.
fn theirs(block: &Block, in_downtime: bool) -> Vec<(&'static str, Value)> {
    let is_host = !block.has("service_description");
    if !block.flag("has_been_checked") {
        return vec![("state", json!("PENDING"))];
    }
    let state = match (is_host, block.number("current_state")) {
        (true, 0) => "UP",
        (true, 2) => "UNREACHABLE",
        (true, _) => "DOWN",
        (false, 0) => "OK",
        (false, 1) => "WARNING",
        (false, 2) => "CRITICAL",
        (false, _) => "UNKNOWN",
    };
    let state_type = if block.number("state_type") == 0 { "SOFT" } else { "HARD" };
    vec![
        ("state", json!(state)),
        ("state_type", json!(state_type)),
        ("attempt", json!(block.number("current_attempt"))),
        ("acknowledged", json!(block.flag("problem_has_been_acknowledged"))),
        ("in_downtime", json!(in_downtime || block.number("scheduled_downtime_depth") > 0)),
        ("flapping", json!(block.flag("is_flapping"))),
        ("notifications_enabled", json!(block.flag("notifications_enabled"))),
    ]
}

/// Tells what has stood long enough, and what is over.
fn settled(
    standing: &mut BTreeMap<Key, Difference>,
    found: BTreeMap<Key, (Value, Value)>,
    settle: i64,
    as_json: bool,
) -> Result<(), Failure> {
    let gone: Vec<Key> = standing.keys().filter(|key| !found.contains_key(*key)).cloned().collect();
    for key in gone {
        if let Some(difference) = standing.remove(&key).filter(|difference| difference.told) {
            tell(&key, &difference, "over", as_json)?;
        }
    }
    for (key, (theirs, ours)) in found {
        let before =
            standing.get(&key).filter(|before| (&before.theirs, &before.ours) == (&theirs, &ours)).cloned();
        let mut difference = before.unwrap_or(Difference { theirs, ours, first_seen: now(), told: false });
        if !difference.told && now() - difference.first_seen >= settle {
            difference.told = true;
            tell(&key, &difference, "new", as_json)?;
        }
        standing.insert(key, difference);
    }
    Ok(())
}

fn tell((object, what): &Key, difference: &Difference, state: &str, as_json: bool) -> Result<(), Failure> {
    let Difference { theirs, ours, first_seen, .. } = difference;
    crate::commands::print(match as_json {
        true => {
            let line = json!({"event": "difference", "state": state, "kind": what, "subject": object, "theirs": theirs, "ours": ours, "first_seen": first_seen});
            format!("{line}\n")
        }
        false if state == "over" => format!("{object}: {what} is alike again\n"),
        false => format!("{object}: {what}: Nagios {theirs}, here {ours}\n"),
    })
}

fn end_round(
    round: u64,
    objects: usize,
    standing: &BTreeMap<Key, Difference>,
    as_json: bool,
) -> Result<(), Failure> {
    let told = standing.values().filter(|difference| difference.told).count();
    let unsettled = standing.len() - told;
    crate::commands::print(match as_json {
        true => format!(
            "{}\n",
            json!({"event": "round", "round": round, "objects": objects, "differences": told, "unsettled": unsettled})
        ),
        false => format!(
            "round {round}: {objects} hosts and services, {told} differences, {unsettled} not yet settled\n"
        ),
    })
}
