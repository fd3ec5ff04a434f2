//! `type = "file"`: a file is there, fresh and large enough; or so many files are. Backups, exports, lock files, queues
//! that are folders.

use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::Semaphore;

use super::limits::{FILES_MAX, STUCK_MAX};
use super::seen::{CRITICAL, Seen};
use super::{Asked, Probe, Trouble, text};
use crate::config::{CheckConfig, CheckType};
use crate::services::pattern::Glob;

pub const PROBE: Probe = Probe {
    kind: CheckType::File,
    name: "file",
    keys: &["path", "missing_ok"],
    required: &["path"],
    main: "age",
    problems,
    look: |asked| Box::pin(look(asked)),
};

/// A mount whose server is gone holds whoever asks, perhaps for ever: only so many threads are given to that.
static LOOKING: Semaphore = Semaphore::const_new(STUCK_MAX);

async fn look(asked: &Asked<'_>) -> Result<Seen, Trouble> {
    let path = asked.check.path.clone().unwrap_or_default();
    let Ok(room) = LOOKING.try_acquire() else {
        let why =
            format!("{STUCK_MAX} looks at files have not come back yet: a file system that hangs holds them");
        return Err(Trouble::unknown(why));
    };
    let found = tokio::task::spawn_blocking(move || {
        let found = Found::of(&path);
        drop(room);
        found
    });
    let late = |_| Trouble::critical("the file system does not answer");
    let found = tokio::time::timeout(asked.deadline.left(), found).await.map_err(late)?;
    let found = found.map_err(|error| Trouble::unknown(error.to_string()))??;
    Ok(seen(asked, &found))
}

fn seen(asked: &Asked<'_>, found: &Found) -> Seen {
    let check = asked.check;
    let path = check.path.as_deref().unwrap_or_default();
    let mut seen = Seen::default();
    seen.value("files", found.files.len() as f64, "").min = Some(0.0);
    let Some(newest) = found.files.iter().max_by_key(|file| file.modified) else {
        if check.missing_ok == Some(true) {
            seen.summary = format!("there is no {path}");
        } else {
            seen.problem(CRITICAL, format!("there is no {path}"));
        }
        return seen;
    };
    let age = |file: &File| (asked.now.0 - file.modified) as f64;
    let oldest = found.files.iter().min_by_key(|file| file.modified).unwrap_or(newest);
    seen.value("age", age(newest), "s");
    seen.value("age_oldest", age(oldest), "s");
    seen.value("size", newest.size as f64, "B").min = Some(0.0);
    seen.value("size_total", found.files.iter().map(|file| file.size as f64).sum(), "B").min = Some(0.0);
    let newest_path = newest.path.display();
    let is = format!(
        "{newest_path} was changed {} ago, {}",
        text::duration(age(newest)),
        text::bytes(newest.size as f64)
    );
    let count = text::count(found.files.len(), "file");
    seen.summary = if found.files.len() == 1 { is } else { format!("{count}; the newest, {is}") };
    if found.is_cut {
        seen.details.push(format!("more than {FILES_MAX} entries: the others were not looked at"));
    }
    seen
}

struct File {
    path: PathBuf,
    /// Seconds since the epoch.
    modified: i64,
    size: u64,
}

#[derive(Default)]
struct Found {
    files: Vec<File>,
    entries: usize,
    is_cut: bool,
}

impl Found {
    fn of(pattern: &str) -> Result<Found, Trouble> {
        let mut found = Found::default();
        let mut parts: Vec<&str> = pattern.split('/').filter(|part| !part.is_empty()).collect();
        parts.reverse();
        found.walk(PathBuf::from("/"), parts)?;
        Ok(found)
    }

    /// `parts` in reverse: the next one is last.
    fn walk(&mut self, here: PathBuf, mut parts: Vec<&str>) -> Result<(), Trouble> {
        let Some(part) = parts.pop() else {
            return self.add(here);
        };
        if !part.contains(['*', '?', '[', '{']) {
            return self.walk(here.join(part), parts);
        }
        let glob = Glob::new(part);
        for name in self.names(&here)? {
            // As shells do: hidden ones are not meant by a star.
            if glob.matches(&name) && (part.starts_with('.') || !name.starts_with('.')) {
                self.walk(here.join(&name), parts.clone())?;
            }
        }
        Ok(())
    }

    fn names(&mut self, folder: &Path) -> Result<Vec<String>, Trouble> {
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if is_absent(&error) => return Ok(Vec::new()),
            Err(error) => return Err(cannot(folder, &error)),
        };
        let room = FILES_MAX - self.entries;
        let names: Vec<_> =
            entries.filter_map(Result::ok).take(room + 1).map(|entry| entry.file_name()).collect();
        self.is_cut |= names.len() > room;
        self.entries += names.len().min(room);
        Ok(names.into_iter().take(room).map(|name| name.to_string_lossy().into_owned()).collect())
    }

    fn add(&mut self, path: PathBuf) -> Result<(), Trouble> {
        let metadata = match std::fs::metadata(&path) {
            Ok(metadata) => metadata,
            Err(error) if is_absent(&error) => return Ok(()),
            Err(error) => return Err(cannot(&path, &error)),
        };
        let modified = modified(&metadata);
        self.files.push(File { path, modified, size: metadata.len() });
        Ok(())
    }
}

fn is_absent(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory)
}

fn cannot(path: &Path, error: &std::io::Error) -> Trouble {
    Trouble::unknown(format!("look at {}: {error}", path.display()))
}

fn modified(metadata: &Metadata) -> i64 {
    let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
    match modified.duration_since(UNIX_EPOCH) {
        Ok(since) => since.as_secs() as i64,
        Err(before) => -(before.duration().as_secs() as i64),
    }
}

fn problems(check: &CheckConfig) -> Vec<(&'static str, String)> {
    let relative = check.path.as_ref().filter(|path| !path.starts_with('/'));
    let why = |path: &String| {
        format!("`{path}` is not absolute: write the whole path, such as \"/var/backups/*.gz\"")
    };
    relative.map(|path| ("path", why(path))).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_find_what_shells_find() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for name in ["a.gz", "b.gz", ".hidden.gz", "c.txt"] {
            std::fs::write(root.join(name), "x").unwrap();
        }
        std::fs::create_dir(root.join("sub")).unwrap();
        std::fs::write(root.join("sub/d.gz"), "x").unwrap();
        let check = |pattern: &str, count: usize| {
            let pattern = format!("{}/{pattern}", root.display());
            assert_eq!(Found::of(&pattern).map(|found| found.files.len()).unwrap(), count, "{pattern}");
        };
        check("*.gz", 2);
        check("*/*.gz", 1);
        check(".*.gz", 1);
        check("?.txt", 1);
        check("c.txt", 1);
        check("nothing", 0);
        check("a.gz/x", 0);
        check("nowhere/*.gz", 0);
    }
}
