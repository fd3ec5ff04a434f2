//! Names, policies and places of all series, from their log.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use disk::{DiskError, Doing, Io, read_whole};
use vocabulary::ValueKind;

use super::Recovery;
use crate::blocks::Files;
use crate::damage::Damage;
use crate::error::OpenError;
use crate::limits::*;
use crate::manifest::{FileMeta, Manifest};
use crate::names::{Loading, Names};
use crate::policy::{NO_POLICY, Policies, PolicyId};
use crate::series_log::{self, Record, SeriesLog, Unreadable, log_path};

/// Series of the log on their way to their stripes.
#[derive(Default)]
pub(crate) struct LoadedSeries {
    pub(super) policies: Policies,
    /// Policy and time of creation by id.
    pub(super) series: Vec<(PolicyId, u32)>,
    /// Time of the newest imported point, `goes_on` and `set_since`, by id.
    pub(super) imported: HashMap<u32, (u32, u32, u16)>,
    /// Id, archive and beginning of slots that were left empty.
    pub(super) left_empty: Vec<(u32, u8, u32)>,
    /// From which segment on ids above which are known.
    opened: Vec<(u32, u32)>,
}

/// A run of the process that wrote a part of the log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    /// How many had been begun since the series log was.
    pub number: usize,
    pub known_ids: u32,
}

impl LoadedSeries {
    /// Ids below this may occur in a segment; a higher one belongs to a series that was never made
    /// durable, and whose id another has now.
    fn ids_known_to(&self, segment: u32) -> u32 {
        let later = self.opened.iter().filter(|(first, _)| segment < *first);
        later.map(|(_, next_id)| *next_id).min().unwrap_or(u32::MAX)
    }

    /// Which run of the process wrote a segment, as far as it matters.
    pub(crate) fn run_of(&self, segment: u32) -> Run {
        let number = self.opened.iter().filter(|(first, _)| *first <= segment).count();
        Run { number, known_ids: self.ids_known_to(segment) }
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = u32> {
        let alive = self.series.iter().enumerate().filter(|(_, (policy, _))| *policy != NO_POLICY);
        alive.map(|(id, _)| id as u32)
    }

    fn take(&mut self, names: &mut Loading<'_>, record: Record<'_>) -> Result<(), crate::bytes::Malformed> {
        match record {
            Record::Policy(entry) => {
                self.policies.add(entry).ok_or(crate::bytes::Malformed)?;
            }
            Record::Series { id, policy, created, name } => {
                let kind: ValueKind = self.policies.get(policy).ok_or(crate::bytes::Malformed)?.kind;
                // A name that lives already, or an id out of order: a log that was damaged. The first stays.
                if names.add(id, kind, name).is_ok() {
                    *self.seat(id) = (policy, u32::try_from(created.0).unwrap_or(0));
                }
            }
            Record::Removed { id } => {
                names.remove(id);
                *self.seat(id) = (NO_POLICY, 0);
                self.imported.remove(&id);
            }
            Record::Repolicy { id, policy } => {
                let seat = self.seat(id);
                if seat.0 != NO_POLICY {
                    seat.0 = policy;
                }
            }
            Record::Imported { id, newest } => {
                self.imported.insert(id, (newest, u32::MAX, 0));
            }
            Record::WentOn { id, goes_on, set_since } => {
                if let Some(imported) = self.imported.get_mut(&id) {
                    (imported.1, imported.2) = (goes_on, set_since);
                }
            }
            Record::LeftEmpty { id, archive, begins } => self.left_empty.push((id, archive, begins)),
            Record::Opened { first_segment, next_id } => {
                names.reserve_ids(next_id);
                self.opened.push((first_segment, next_id));
            }
        }
        Ok(())
    }

    fn seat(&mut self, id: u32) -> &mut (PolicyId, u32) {
        let index = id as usize;
        if self.series.len() <= index {
            self.series.resize(index + 1, (NO_POLICY, 0));
        }
        &mut self.series[index]
    }
}

pub(super) fn load_series(
    io: &Arc<dyn Io>,
    directory: &Path,
    manifest: &Manifest,
    names: &Names,
    damage: &Damage,
    loaded: &mut LoadedSeries,
    recovery: &mut Recovery,
) -> Result<SeriesLog, OpenError> {
    let series = directory.join("series");
    let sequence = manifest.state(|state| state.series_log);
    remove_other_logs(&**io, &series, sequence);
    let path = log_path(&series, sequence);
    let bytes = match read_whole(&**io, &path, SERIES_LOG_BYTES_READ) {
        Ok(bytes) if bytes.len() >= series_log::HEADER_BYTES => bytes,
        Ok(_) => return new_log(io, path),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            if manifest.state(|state| !state.files.is_empty()) {
                damage.gap(format!("{} is missing: names are lost", path.display()), 0);
            }
            return new_log(io, path);
        }
        Err(cause) => return Err(DiskError { doing: "read", path, cause }.into()),
    };
    let mut loading = names.load(bytes.len() / 20);
    let read = series_log::load(&bytes, &mut |record| loaded.take(&mut loading, record));
    drop(loading);
    match read {
        Ok(read) => {
            recovery.torn_bytes += read.torn as u64;
            let mut log = SeriesLog::append_to(Arc::clone(io), path.clone(), read.length as u64)?;
            if read.damaged > 0 {
                log.broken = true;
                keep_aside(&**io, directory, &path);
                damage
                    .gap(format!("{} is damaged: some names are lost", path.display()), read.damaged as u64);
            }
            Ok(log)
        }
        Err(Unreadable::Foreign { major }) => Err(OpenError::Version {
            found: format!("series log {major}"),
            why: "its series log is of a version that is unknown here".into(),
        }),
        Err(Unreadable::Malformed) => {
            keep_aside(&**io, directory, &path);
            damage.gap(format!("{} cannot be read: names are lost", path.display()), bytes.len() as u64);
            new_log(io, path)
        }
    }
}

/// Where the series log lost its end, block files still have points of series that nobody can name. Their ids
/// are never given to new names, which would inherit those points.
pub(super) fn keep_lost_ids(files: &Arc<Files>, names: &Names, recovery: &Recovery) {
    let known = names.next_id();
    let metas: Vec<FileMeta> = files.manifest.state(|state| state.files.values().copied().collect());
    let first_id = |meta: &FileMeta| meta.place.stripe.saturating_mul(SERIES_PER_STRIPE);
    // Looking into all files takes time: only when something is amiss, or when even their counts say more.
    let amiss = recovery.torn_bytes > 0
        || !files.damage.gaps().is_empty()
        || metas.iter().any(|meta| first_id(meta).saturating_add(meta.series) > known);
    if !amiss {
        return;
    }
    let next_id = metas.iter().map(|meta| match files.file(*meta).series() {
        Ok(series) => series.last().map_or(0, |(local, _)| first_id(meta) + u32::from(*local) + 1),
        // Which series it has is unknown: all that it may have.
        Err(_) => first_id(meta).saturating_add(SERIES_PER_STRIPE),
    });
    let next_id = next_id.max().unwrap_or(0);
    if next_id > known {
        let why =
            format!("the names of up to {} series are lost; their points stay in the files", next_id - known);
        files.damage.gap(why, 0);
        names.load(0).reserve_ids(next_id);
    }
}

fn keep_aside(io: &dyn Io, directory: &Path, path: &Path) {
    let quarantine = directory.join("quarantine");
    drop(io.create_dir(&quarantine));
    drop(io.link(path, &quarantine.join(path.file_name().unwrap_or_default())));
}

fn new_log(io: &Arc<dyn Io>, path: PathBuf) -> Result<SeriesLog, OpenError> {
    let directory = path.parent().unwrap_or(Path::new(".")).to_owned();
    let log = SeriesLog::create(Arc::clone(io), path)?;
    io.sync_dir(&directory).doing("sync", &directory)?;
    Ok(log)
}

/// A crash while the log was written anew leaves two.
fn remove_other_logs(io: &dyn Io, directory: &Path, live: u64) {
    for entry in io.list(directory).unwrap_or_default() {
        if log_sequence(&entry.name).is_some_and(|sequence| sequence != live) {
            drop(io.remove(&directory.join(&entry.name)));
        }
    }
}

pub(super) fn log_sequence(name: &str) -> Option<u64> {
    name.strip_prefix("SERIES-")?.strip_suffix(".log")?.parse().ok()
}
