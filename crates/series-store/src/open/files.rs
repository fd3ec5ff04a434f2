//! The list of files, compared with the files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use disk::{Doing, Io};

use super::Recovery;
use super::series::log_sequence;
use crate::block::{HEADER_BYTES, recover_meta};
use crate::blocks::Files;
use crate::damage::Damage;
use crate::error::OpenError;
use crate::manifest::{self, Edit, FileMeta, Found, State};

pub(super) fn load_manifest(
    io: &dyn Io,
    directory: &Path,
    damage: &Damage,
    recovery: &mut Recovery,
) -> Result<(State, u64), OpenError> {
    match manifest::find(io, directory).doing("read the manifest in", directory)? {
        Found::Nothing => Ok((State::default(), 0)),
        Found::Sound { state, number, torn } => {
            recovery.torn_bytes += torn as u64;
            Ok((state, number))
        }
        Found::Foreign { major } => {
            Err(OpenError::Version { found: format!("manifest {major}"), why: "unknown".into() })
        }
        Found::Lost { why, highest } => {
            damage.gap(format!("{why}: the list of files was made anew from the files themselves"), 0);
            keep_manifests(io, directory);
            Ok((rebuild(io, directory), highest))
        }
    }
}

/// A manifest that cannot be read is kept before a new one takes its place.
fn keep_manifests(io: &dyn Io, directory: &Path) {
    let quarantine = directory.join("quarantine");
    drop(io.create_dir(&quarantine));
    for entry in io.list(directory).unwrap_or_default() {
        if entry.name.starts_with("MANIFEST-") {
            drop(io.link(&directory.join(&entry.name), &quarantine.join(&entry.name)));
        }
    }
}

/// What the block files say about themselves. Where the rollup stood is not in them: all their slots count
/// as waiting, which costs time and changes nothing, because stored slots win over computed ones.
fn rebuild(io: &dyn Io, directory: &Path) -> State {
    let mut state = State::default();
    let blocks = directory.join("blocks");
    for (path, bytes) in block_files(io, &blocks) {
        let Some(meta) = recover_meta(io, &path, bytes) else { continue };
        let start = meta.place.tier.start(meta.first);
        let rolled = state.rolled.entry(meta.place).or_insert(start);
        *rolled = (*rolled).min(start);
        state.next = state.next.max(meta.number + 1).max(meta.sequence + 1);
        state.files.insert(meta.number, meta);
    }
    let logs = io.list(&directory.join("series")).unwrap_or_default();
    state.series_log = logs.iter().filter_map(|entry| log_sequence(&entry.name)).max().unwrap_or(0);
    state
}

/// All files in the directories below `blocks/`.
pub(crate) fn block_files(io: &dyn Io, blocks: &Path) -> Vec<(PathBuf, u64)> {
    let directories = io.list(blocks).unwrap_or_default().into_iter().filter(|entry| entry.directory);
    let files = directories.flat_map(|directory| {
        let path = blocks.join(&directory.name);
        let entries = io.list(&path).unwrap_or_default();
        entries.into_iter().map(move |entry| (path.join(&entry.name), entry.bytes)).collect::<Vec<_>>()
    });
    files.collect()
}

/// Compare the list with the disk. Leftovers of an unfinished flush or merge go; while it is unsure whether
/// the list is whole they are only moved aside, as strangers and files of a wrong length are. Missing
/// files are reported.
pub(super) fn sort_out_files(files: &Files, damage: &Damage, unsure: bool) -> Result<u64, OpenError> {
    let mut leftovers = 0;
    let mut listed: BTreeMap<PathBuf, FileMeta> = files
        .manifest
        .state(|state| state.files.values().map(|meta| (meta.path(&files.blocks), *meta)).collect());
    let mut gone = Vec::new();
    for (path, bytes) in block_files(&*files.io, &files.blocks) {
        if path.extension().is_some_and(|extension| extension == "tmp") {
            files.io.remove(&path).doing("remove the leftover", &path)?;
            leftovers += 1;
            continue;
        }
        match listed.remove(&path) {
            Some(meta) if meta.bytes == bytes && bytes >= HEADER_BYTES as u64 => {}
            Some(meta) => {
                gone.push(Edit::Remove(meta.number));
                let why = format!("is {bytes} bytes long instead of {}", meta.bytes);
                set_aside(files, &path, &why, damage);
            }
            None if !unsure && recover_meta(&*files.io, &path, bytes).is_some() => {
                files.io.remove(&path).doing("remove the leftover", &path)?;
                leftovers += 1;
            }
            // The end of the manifest is torn: most likely by a power cut, in this file's line, and the points
            // are in the log. If it was damaged later they are not, and nothing here tells the two apart.
            None if unsure && recover_meta(&*files.io, &path, bytes).is_some() => {
                set_aside(files, &path, "is not in the list of files, whose end is damaged", damage);
                leftovers += 1;
            }
            None => set_aside(files, &path, "is not one of the store's", damage),
        }
    }
    for (path, meta) in listed {
        gone.push(Edit::Remove(meta.number));
        damage.gap(format!("{} is missing", path.display()), meta.bytes);
    }
    if !gone.is_empty() {
        files.manifest.commit(&gone)?;
    }
    Ok(leftovers)
}

fn set_aside(files: &Files, path: &Path, why: &str, damage: &Damage) {
    let moved = if move_aside(files, path) { "moved to quarantine" } else { "left where it is" };
    damage.gap(format!("{} {why}: {moved}", path.display()), 0);
}

/// Into `quarantine/`, under a name that tells where it was.
fn move_aside(files: &Files, path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let directory = path.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
    let target = files.quarantine.join(format!("{directory}-{name}"));
    files.io.create_dir(&files.quarantine).and_then(|()| files.io.rename(path, &target)).is_ok()
}
