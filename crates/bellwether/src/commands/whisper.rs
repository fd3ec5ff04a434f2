//! `bellwether import whisper DIR` and `bellwether export whisper DIR`: the server, or the data directory opened by
//! this process, does the work and tells how it gets on; here it is shown.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use axum::http::Method;
use http_api::control::{ExportCounts, ImportCounts, Move, WhisperExport, WhisperImport};
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::cli::{Common, ExportWhisperOptions, ImportWhisperOptions};
use crate::client::parse;
use crate::failure::Failure;

/// Where there is no terminal a line tells this often how far things are.
const LINE_INTERVAL: Duration = Duration::from_secs(10);
const LONGEST_LINE: usize = 1 << 20;
const BAR_WIDTH: usize = 30;

pub fn import(common: &Common, options: &ImportWhisperOptions) -> Result<(), Failure> {
    let wanted = WhisperImport {
        directory: absolute(&options.directory)?,
        prefix: options.prefix.clone(),
        tagged_names: options.tagged_names.as_deref().map(absolute).transpose()?,
        jobs: options.jobs,
        dry_run: options.dry_run,
        again: options.again,
    };
    let (counts, refused) = run::<ImportCounts>(common, "/api/v1/import/whisper", &wanted)?;
    if common.json {
        super::say(summary(&counts, &refused)?)?;
    } else {
        super::print(counts.words(options.dry_run))?;
    }
    end(refused.len(), "file")
}

pub fn export(common: &Common, options: &ExportWhisperOptions) -> Result<(), Failure> {
    let wanted = WhisperExport {
        directory: absolute(&options.directory)?,
        prefix: options.prefix.clone(),
        target: options.target.clone(),
        jobs: options.jobs,
        overwrite: options.overwrite,
    };
    let (counts, refused) = run::<ExportCounts>(common, "/api/v1/export/whisper", &wanted)?;
    if common.json {
        super::say(summary(&counts, &refused)?)?;
    } else {
        super::print(counts.words())?;
    }
    end(refused.len(), "series")
}

fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    let path = std::path::absolute(path).map_err(Failure::doing(path.display()))?;
    match path.to_str() {
        Some(_) => Ok(path),
        None => Err(Failure::usage(format!("{}: give a path that is UTF-8", path.display()))),
    }
}

fn end(refused: usize, what: &str) -> Result<(), Failure> {
    match refused {
        0 => Ok(()),
        1 => Err(Failure::new(format!("1 {what} was refused, see above"))),
        _ => {
            let plural = if what == "file" { "files" } else { what };
            Err(Failure::new(format!("{refused} {plural} were refused, see above")))
        }
    }
}

#[derive(Clone, Serialize, Deserialize)]
struct Refused {
    path: String,
    why: String,
}

fn summary<C: Serialize>(counts: &C, refused: &[Refused]) -> Result<String, Failure> {
    let mut value = serde_json::to_value(counts).map_err(Failure::new)?;
    value["refused_files"] = serde_json::to_value(refused).map_err(Failure::new)?;
    Ok(value.to_string())
}

/// What both kinds of counts can tell while they grow.
trait Counts: DeserializeOwned + Default {
    fn files_done(&self) -> u64;
    /// 0 to 1.
    fn share(&self, files: u64) -> f64;
    fn points(&self) -> u64;
    fn seconds(&self) -> f64;
}

impl Counts for ImportCounts {
    fn files_done(&self) -> u64 {
        self.imported + self.empty + self.refused + self.already_done
    }

    fn share(&self, _: u64) -> f64 {
        // Every ring is read a little beyond its ends.
        (self.read_bytes as f64 / self.bytes.max(1) as f64).min(1.0)
    }

    fn points(&self) -> u64 {
        self.points
    }

    fn seconds(&self) -> f64 {
        self.seconds
    }
}

impl Counts for ExportCounts {
    fn files_done(&self) -> u64 {
        self.written + self.left + self.refused
    }

    fn share(&self, files: u64) -> f64 {
        self.files_done() as f64 / files.max(1) as f64
    }

    fn points(&self) -> u64 {
        self.points
    }

    fn seconds(&self) -> f64 {
        self.seconds
    }
}

/// Ask, show what is told, and return the counts and what was refused. Ctrl-C ends it: nobody reads any more, so
/// the work stops after the file it is at.
fn run<C: Counts>(
    common: &Common,
    path: &str,
    wanted: &impl Serialize,
) -> Result<(C, Vec<Refused>), Failure> {
    let body = serde_json::to_string(wanted).map_err(Failure::new)?;
    let server = super::server(common)?;
    super::block_on(async {
        let response = server.open(Method::POST, path, Some(body)).await?;
        let mut shown = Shown::<C>::new(common.json);
        let mut body = response.into_body();
        let mut text: Vec<u8> = Vec::new();
        loop {
            let frame = tokio::select! {
                frame = body.frame() => frame,
                interrupted = tokio::signal::ctrl_c() => {
                    interrupted.map_err(Failure::doing("listen to Ctrl-C"))?;
                    return Err(shown.interrupted());
                }
            };
            let Some(frame) = frame else { return Err(shown.lost()) };
            let frame = frame.map_err(|_| shown.lost())?;
            let Ok(data) = frame.into_data() else { continue };
            text.extend_from_slice(&data);
            while let Some(end) = text.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = text.drain(..=end).collect();
                if let Some(counts) = shown.take(parse(&line)?)? {
                    return Ok((counts, shown.refused));
                }
            }
            if text.len() > LONGEST_LINE {
                return Err(Failure::new("the server sent a line that does not end"));
            }
        }
    })
}

/// What was told so far, as it is shown on stderr.
struct Shown<C> {
    json: bool,
    terminal: bool,
    files: u64,
    counts: C,
    refused: Vec<Refused>,
    last_line: Instant,
}

impl<C: Counts> Shown<C> {
    fn new(json: bool) -> Shown<C> {
        let terminal = std::io::stderr().is_terminal();
        Shown {
            json,
            terminal,
            files: 0,
            counts: C::default(),
            refused: Vec::new(),
            last_line: Instant::now(),
        }
    }

    /// The last counts, when they come.
    fn take(&mut self, what: Move<C>) -> Result<Option<C>, Failure> {
        match what {
            Move::Started { files } => self.files = files,
            Move::Progress(counts) => {
                self.counts = counts;
                self.show();
            }
            Move::Refused { path, why } => {
                self.clear();
                if !self.json {
                    super::say(format_args!("refused: {}: {why}", shown(&path)))?;
                }
                self.refused.push(Refused { path, why });
            }
            Move::Finished(counts) => {
                self.clear();
                return Ok(Some(counts));
            }
            Move::Failed { error } => {
                self.clear();
                let hint = match self.counts.files_done() {
                    0 => String::new(),
                    _ => format!("\n  {}", self.so_far()),
                };
                return Err(Failure::new(format!("{error}{hint}")));
            }
        }
        Ok(None)
    }

    fn show(&mut self) {
        let share = self.counts.share(self.files);
        let seconds = self.counts.seconds();
        let rate = self.counts.points() as f64 / seconds.max(0.001) / 1e6;
        let left = if share > 0.01 { left(seconds * (1.0 - share) / share) } else { String::new() };
        let done = format!(
            "{:3.0} %  {} of {} files  {rate:.1} M points/s{left}",
            share * 100.0,
            self.counts.files_done(),
            self.files
        );
        // Nobody minds if these words cannot be written.
        if self.terminal {
            let full = (share * BAR_WIDTH as f64) as usize;
            let bar = "█".repeat(full) + &"░".repeat(BAR_WIDTH - full);
            let _ = write!(std::io::stderr(), "\r\x1b[K{bar} {done}");
        } else if self.last_line.elapsed() >= LINE_INTERVAL {
            self.last_line = Instant::now();
            let _ = writeln!(std::io::stderr(), "{}", done.trim_start());
        }
    }

    fn clear(&self) {
        if self.terminal {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }

    fn so_far(&self) -> String {
        format!(
            "{} of {} files are done; the same command goes on from there",
            self.counts.files_done(),
            self.files
        )
    }

    fn interrupted(&self) -> Failure {
        self.clear();
        Failure::new(format!("stopped: {}", self.so_far()))
    }

    fn lost(&self) -> Failure {
        self.clear();
        Failure::new(format!("the server went away: {}", self.so_far()))
    }
}

/// A name of a file may hold anything, a terminal must not do what it says.
fn shown(path: &str) -> String {
    let one = |character: char| match character.is_control() {
        true => character.escape_default().to_string(),
        false => character.to_string(),
    };
    path.chars().map(one).collect()
}

fn left(seconds: f64) -> String {
    let seconds = seconds.round() as u64;
    match seconds {
        0..60 => format!("  {seconds} s left"),
        60..3_600 => format!("  {} min left", seconds.div_ceil(60)),
        _ => format!("  {} h {:02} min left", seconds / 3_600, seconds % 3_600 / 60),
    }
}

trait Words {
    fn line(&mut self, count: u64, words: &str);
}

impl Words for String {
    fn line(&mut self, count: u64, words: &str) {
        if count > 0 {
            self.push_str(&format!("  {count} {words}\n"));
        }
    }
}

trait ImportWords {
    fn words(&self, dry_run: bool) -> String;
}

impl ImportWords for ImportCounts {
    fn words(&self, dry_run: bool) -> String {
        let mut out = format!("{} files:\n", self.files);
        if dry_run {
            out.line(self.imported, "can be imported");
        } else {
            out.line(self.imported, "imported");
        }
        out.line(self.empty, "without points: their names are there");
        out.line(self.already_done, "were done before and have not changed since");
        out.line(self.refused, "refused");
        if self.points > 0 {
            out.push_str(&format!(
                "{} points in {:.1} s ({:.1} M/s, {:.1} M/s for each core)\n",
                self.points,
                self.seconds,
                self.points as f64 / self.seconds.max(0.001) / 1e6,
                self.points as f64 / self.cpu_seconds.max(0.001) / 1e6,
            ));
        }
        out.line(self.kept, "of them not taken: there was a value in their place, which stays");
        out.line(self.out_of_date, "points more are out of date: whisper does not show them either");
        out.line(self.not_numbers, "points are not numbers: they mean \"none\"");
        out
    }
}

trait ExportWords {
    fn words(&self) -> String;
}

impl ExportWords for ExportCounts {
    fn words(&self) -> String {
        let mut out = format!("{} series:\n", self.series);
        out.line(self.written, "written");
        out.line(self.left, "left alone: there is a file already (--overwrite writes them anew)");
        out.line(self.refused, "refused");
        out.push_str(&format!(
            "{} points, {} in {:.1} s\n",
            self.points,
            super::storage::bytes(self.bytes),
            self.seconds
        ));
        out.line(self.as_average, "have a method that whisper does not know; their files say \"average\"");
        out
    }
}
