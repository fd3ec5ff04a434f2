//! How the store is.

use http_api::control::{Memory, Part, State, StorageHealth, Tier};
use series_store::StoreHealth;

use super::{LISTED, dropped, part};
use crate::house::House;

/// A log record should be on the disk within a tenth of a second; ten times that is trouble.
const SLOW_SYNC_MILLISECONDS: f64 = 1_000.0;
/// Below this the disk is called nearly full.
const NEARLY_FULL_SECONDS: f64 = 2.0 * 86_400.0;

pub(super) fn store_part(house: &House, store: &StoreHealth) -> Part {
    let sync = store.log.last_sync.as_secs_f64() * 1e3;
    let (state, text) = match store {
        StoreHealth { read_only: Some(why), .. } => {
            (State::Critical, format!("read-only: {}; new points are kept for live views only", why.reason))
        }
        StoreHealth { damaged_files, .. } if !damaged_files.is_empty() => {
            (State::Warning, format!("{} files are damaged; what can be read is served", damaged_files.len()))
        }
        StoreHealth { gaps, .. } if !gaps.is_empty() => {
            let more = if gaps.len() > 1 { format!(", and {} more", gaps.len() - 1) } else { String::new() };
            (State::Warning, format!("damage was found at the start: {}{more}", gaps[0].what))
        }
        StoreHealth { merges_behind: true, .. } => {
            (State::Warning, "merging falls behind: the disk is too slow".into())
        }
        StoreHealth { full_in: Some(full), .. } if full.as_secs_f64() < NEARLY_FULL_SECONDS => {
            (State::Warning, format!("the disk is full in about {} hours", full.as_secs() / 3_600))
        }
        _ if sync > SLOW_SYNC_MILLISECONDS => {
            (State::Warning, format!("the disk takes {sync:.0} ms to sync"))
        }
        _ => (State::Ok, format!("{} series, log synced in {sync:.0} ms", store.series)),
    };
    let given_up = house.store.stats().points_given_up;
    let help = "Points of a time without room on the disk that memory could not hold until there was some.";
    let list = match given_up {
        0 => Vec::new(),
        total => vec![dropped(house, "store.points_given_up", "disk", total, help)],
    };
    Part {
        dropped: list,
        address: Some(house.config.load().data_dir.0.display().to_string()),
        state,
        text,
        rate: house.history.rate("store.points_stored"),
        unit: Some("points/s"),
        lag: Some(store.log.last_sync.as_secs_f64()),
        last_success: store.read_only.is_none().then(|| house.clock.since_epoch().as_secs_f64()),
        ..part("store", "store", "Store")
    }
}

fn last_gaps(mut gaps: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
    gaps.drain(..gaps.len().saturating_sub(LISTED));
    gaps
}

fn kept_answers(house: &House) -> u64 {
    house.services.load().as_ref().as_ref().map_or(0, |services| services.answers.bytes() as u64)
}

pub(super) fn storage(house: &House, store: &StoreHealth) -> StorageHealth {
    let memory = |part: &str, bytes: u64| Memory { part: part.into(), bytes };
    StorageHealth {
        series: store.series,
        points_per_second: house.history.rate("store.points_stored").unwrap_or(0.0),
        disk_bytes: store.tiers.iter().map(|tier| tier.bytes).sum(),
        free_bytes: store.free_bytes,
        seconds_to_full: store.full_in.map(|full| full.as_secs_f64()),
        read_only: store.read_only.as_ref().map(|why| why.reason.clone()),
        memory: vec![
            memory("recent points", store.memory.points),
            memory("names", store.memory.names),
            memory("series", store.memory.series),
            memory("recent answers", kept_answers(house)),
        ],
        resident_bytes: crate::process::resident_bytes(),
        memory_budget_bytes: store.memory.budget,
        tiers: store.tiers.iter().map(tier).collect(),
        wal_bytes: store.log.bytes,
        sync_milliseconds: store.log.last_sync.as_secs_f64() * 1e3,
        backlog: store.waiting_files,
        gaps: last_gaps(house.alive.gaps()),
        lost: store.gaps.iter().map(|gap| format!("{} ({} bytes)", gap.what, gap.lost_bytes)).collect(),
        quarantined: store.damaged_files.iter().map(|file| format!("{}: {}", file.path, file.why)).collect(),
        retention_differs: store.policies_differ,
    }
}

fn tier(tier: &series_store::TierHealth) -> Tier {
    let step = u32::try_from(tier.step_seconds)
        .ok()
        .and_then(vocabulary::Step::new)
        .unwrap_or(vocabulary::Step::ONE_SECOND);
    let archive = vocabulary::retention::Archive { step, retention_seconds: tier.retention_seconds };
    let kind = if tier.kind == vocabulary::ValueKind::Sketch { " (distributions)" } else { "" };
    Tier { archive: format!("{archive}{kind}"), files: tier.files, bytes: tier.bytes }
}
