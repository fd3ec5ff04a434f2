//! What nagios.cfg names, read.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use formats::nagios::objects::lines::{self, Include};
use formats::nagios::objects::main_config::{Source, resources};
use formats::nagios::objects::{MainConfig, Place, Problem};

use crate::failure::Failure;

/// Directories within directories; a link may lead back up.
const MAX_DEPTH: usize = 32;
/// Of all object files together.
const MAX_FILES: usize = 100_000;

#[derive(Default)]
pub struct Found {
    pub main: MainConfig,
    pub files: Vec<lines::File>,
    /// `USER1` and so on.
    pub macros: BTreeMap<String, String>,
    pub problems: Vec<Problem>,
}

/// A nagios.cfg, a directory with one, an object file, or a directory of them.
pub fn read(source: &Path) -> Result<Found, Failure> {
    let main = source.join("nagios.cfg");
    let main = match (source.is_dir(), main.is_file()) {
        (true, true) => Some(main),
        (true, false) => None,
        (false, _) => Some(source.to_owned()),
    };
    let mut reading = Reading::default();
    let Some(main) = main else {
        reading.directory(source, &nowhere(source), 0);
        return reading.done(source);
    };
    let text = text_of(&main).map_err(Failure::doing(main.display()))?;
    if is_object_file(&text) {
        reading.file(&main, &nowhere(&main));
        return reading.done(source);
    }
    let config = MainConfig::read(&main.display().to_string(), &text);
    let base = main.parent().unwrap_or(Path::new(".")).to_owned();
    for (source, place) in &config.sources {
        let place = place.clone().unwrap_or_else(|| nowhere(&main));
        match source {
            Source::File(path) => reading.file(&base.join(path), &place),
            Source::Directory(path) => reading.directory(&base.join(path), &place, 0),
        }
    }
    for path in &config.resource_files {
        let path = base.join(path);
        match text_of(&path) {
            Ok(text) => reading.found.macros.extend(resources(&text)),
            Err(error) => reading.wrong(
                nowhere(&path),
                format!("the resource file cannot be read, so $USERn$ have no value: {error}"),
            ),
        }
    }
    reading.found.problems.extend(config.problems.iter().cloned());
    reading.found.main = config;
    reading.done(source)
}

/// A file of objects, or nagios.cfg; 300 hosts with 3,000 services written out take about 2 MB.
const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;

/// Old configurations are not always UTF-8: then they are Latin-1.
pub fn text_of(path: &Path) -> Result<String, String> {
    let open = std::fs::File::open(path).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    open.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(format!("it has more than {MAX_FILE_BYTES} bytes"));
    }
    String::from_utf8(bytes)
        .or_else(|error| Ok(error.as_bytes().iter().map(|byte| char::from(*byte)).collect()))
}

fn is_object_file(text: &str) -> bool {
    let mut lines =
        text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['#', ';']));
    lines.next().is_some_and(|line| line.starts_with("define"))
}

fn nowhere(path: &Path) -> Place {
    Place { file: Arc::from(path.display().to_string()), line: 1 }
}

#[derive(Default)]
struct Reading {
    found: Found,
    seen: BTreeSet<PathBuf>,
}

impl Reading {
    fn wrong(&mut self, place: Place, message: String) {
        self.found.problems.push(Problem { place, message });
    }

    fn file(&mut self, path: &Path, named_at: &Place) {
        let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        if !self.seen.insert(whole) {
            return;
        }
        if self.seen.len() > MAX_FILES {
            return self
                .wrong(named_at.clone(), format!("more than {MAX_FILES} files: the rest is left out"));
        }
        let text = match text_of(path) {
            Ok(text) => text,
            Err(error) => {
                return self.wrong(named_at.clone(), format!("{} cannot be read: {error}", path.display()));
            }
        };
        let file = lines::read(&path.display().to_string(), &text);
        let base = path.parent().unwrap_or(Path::new(".")).to_owned();
        let includes = file.includes.clone();
        self.found.files.push(file);
        for (include, place) in includes {
            match include {
                Include::File(path) => self.file(&base.join(path), &place),
                Include::Directory(path) => self.directory(&base.join(path), &place, 0),
            }
        }
    }

    /// Every `*.cfg` in it and below, hidden ones left out, as Nagios does.
    fn directory(&mut self, path: &Path, named_at: &Place, depth: usize) {
        let entries = match std::fs::read_dir(path) {
            Ok(entries) if depth <= MAX_DEPTH => entries,
            Ok(_) => {
                return self.wrong(
                    named_at.clone(),
                    format!("{} lies more than {MAX_DEPTH} directories deep", path.display()),
                );
            }
            Err(error) => {
                return self.wrong(named_at.clone(), format!("{} cannot be read: {error}", path.display()));
            }
        };
        let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        paths.sort();
        for path in paths {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.starts_with('.') {
                continue;
            }
            if path.is_dir() {
                self.directory(&path, named_at, depth + 1);
            } else if name.ends_with(".cfg") {
                self.file(&path, named_at);
            }
        }
    }

    fn done(self, source: &Path) -> Result<Found, Failure> {
        match self.found.files.iter().all(|file| file.definitions.is_empty()) {
            true if self.found.problems.is_empty() => Err(Failure::new(format!(
                "{} holds no objects: give Nagios's main configuration file (nagios.cfg), an object file, or a directory of them",
                source.display()
            ))),
            true => {
                let lines: Vec<String> = self
                    .found
                    .problems
                    .iter()
                    .map(|problem| format!("{}: {}", problem.place, problem.message))
                    .collect();
                Err(Failure::new(lines.join("\n")))
            }
            false => Ok(self.found),
        }
    }
}
