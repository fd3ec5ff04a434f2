//! `bellwether import nagios-archive DIR`: the past out of Nagios's archives.
//!
//! Files are read one after another, line by line, and go to the server in parts; a part is written whole or not at
//! all, and what is there already is there once. So an import that was interrupted is simply started again: files that
//! were read to the end and have not changed are passed over.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use formats::nagios::archive::{
    ArchivedEvent, MAX_LINE_BYTES, NoEvent, Phase, Said, Subject, What, read_line,
};
use hyper::Method;
use monitors::past::{Chunk, PastEvent, PastFile, PastWhat};
use serde_json::json;

use crate::cli::{Common, ImportArchiveOptions};
use crate::client::{self, Server};
use crate::commands::grouped;
use crate::failure::Failure;

/// Events of a part: some hundred kilobytes, and some milliseconds of the state database.
const EVENTS_AT_ONCE: usize = 2_000;
/// Lines that cannot be read are shown up to here; all are counted.
const SHOWN_LINES: usize = 20;

#[derive(Default)]
struct Counts {
    files: usize,
    done_before: usize,
    refused: usize,
    lines: u64,
    events: u64,
    new: u64,
    unreadable: u64,
    states: u64,
    notices: u64,
}

pub fn run(common: &Common, options: &ImportArchiveOptions) -> Result<(), Failure> {
    let files = files_of(&options.directory)?;
    let server = if options.dry_run { None } else { Some(crate::commands::server(common)?) };
    let mut counts = Counts::default();
    crate::commands::block_on(async {
        let known: BTreeMap<String, PastFile> = match &server {
            Some(server) => {
                let files: Vec<PastFile> = server.get_json("/api/v1/import/nagios-archive").await?;
                files.into_iter().map(|file| (file.path.clone(), file)).collect()
            }
            None => BTreeMap::new(),
        };
        for path in &files {
            counts.files += 1;
            match state_of_file(path) {
                Ok(now) if known.get(&now.path) == Some(&now) && !options.again => counts.done_before += 1,
                Ok(now) => one(path, now, server.as_ref(), &mut counts).await?,
                Err(error) => {
                    counts.refused += 1;
                    eprintln!("{}: {error}", path.display());
                }
            }
        }
        Ok(())
    })?;
    tell(common, &counts)
}

fn tell(common: &Common, counts: &Counts) -> Result<(), Failure> {
    let Counts { files, done_before, refused, lines, events, new, unreadable, states, notices } = counts;
    if common.json {
        let answer = json!({"files": files, "done_before": done_before, "refused": refused, "lines": lines, "events": events, "new": new,
            "states": states, "notices": notices, "unreadable_lines": unreadable});
        crate::commands::print(format!("{answer:#}\n"))?;
    } else {
        crate::commands::print(format!(
            "{files} files ({done_before} done before, {refused} refused), {} lines: {} states and {} notices, {} of {} events new; {unreadable} lines could not be read\n",
            grouped(*lines),
            grouped(*states),
            grouped(*notices),
            grouped(*new),
            grouped(*events)
        ))?;
    }
    match refused {
        0 => Ok(()),
        _ => Err(Failure::new(format!("{refused} files could not be read"))),
    }
}

/// Archives and the log that goes on, the oldest first.
fn files_of(source: &Path) -> Result<Vec<PathBuf>, Failure> {
    if source.is_file() {
        return Ok(vec![source.to_owned()]);
    }
    let entries = std::fs::read_dir(source).map_err(Failure::doing(source.display()))?;
    let mut files: Vec<(i64, PathBuf)> = Vec::new();
    for entry in entries {
        let path = entry.map_err(Failure::doing(source.display()))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with("nagios") && name.ends_with(".log") && path.is_file() {
            // Their names begin with the month, so they are sorted by their first line.
            files.push((first_time(&path).unwrap_or(i64::MAX), path));
        }
    }
    if files.is_empty() {
        return Err(Failure::new(format!(
            "{} holds no nagios-*.log: give log_archive_path of nagios.cfg, or one file",
            source.display()
        )));
    }
    files.sort();
    Ok(files.into_iter().map(|(_, path)| path).collect())
}

fn first_time(path: &Path) -> Option<i64> {
    let mut line = Vec::new();
    let mut reader = BufReader::new(std::fs::File::open(path).ok()?);
    limited_line(&mut reader, &mut line).ok()?;
    let line = String::from_utf8_lossy(&line);
    line.strip_prefix('[')?.split_once(']')?.0.parse().ok()
}

fn state_of_file(path: &Path) -> std::io::Result<PastFile> {
    let metadata = path.metadata()?;
    std::fs::File::open(path)?;
    let whole = path.canonicalize()?.display().to_string();
    Ok(PastFile { path: whole, bytes: metadata.len() as i64, modified: metadata.mtime() })
}

async fn one(
    path: &Path,
    now: PastFile,
    server: Option<&Server>,
    counts: &mut Counts,
) -> Result<(), Failure> {
    let file = std::fs::File::open(path).map_err(Failure::doing(path.display()))?;
    let mut reader = BufReader::with_capacity(1 << 20, file);
    let (mut chunk, mut line) = (Chunk::default(), Vec::new());
    let (mut second, mut ordinal, mut number) = (0, 0, 0u64);
    while limited_line(&mut reader, &mut line).map_err(Failure::doing(path.display()))? {
        number += 1;
        counts.lines += 1;
        let text = String::from_utf8_lossy(&line);
        let event = match read_line(&text) {
            Ok(event) => event,
            Err(NoEvent::OfNoInterest) => continue,
            Err(NoEvent::Unreadable) if text.trim().is_empty() => continue,
            Err(NoEvent::Unreadable) => {
                counts.unreadable += 1;
                if counts.unreadable as usize <= SHOWN_LINES {
                    eprintln!("{}:{number}: this is no line of Nagios's log: it is left out", path.display());
                }
                continue;
            }
        };
        ordinal = if event.at == second { ordinal + 1 } else { 0 };
        second = event.at;
        let Some(past) = past_event(&event, ordinal, &line) else { continue };
        counts.events += 1;
        counts.states += u64::from(matches!(past.what, PastWhat::State { .. }));
        counts.notices += u64::from(matches!(past.what, PastWhat::Notice { .. }));
        chunk.events.push(past);
        if chunk.events.len() >= EVENTS_AT_ONCE {
            send(server, &std::mem::take(&mut chunk), counts).await?;
        }
    }
    chunk.done = Some(now);
    send(server, &chunk, counts).await
}

async fn send(server: Option<&Server>, chunk: &Chunk, counts: &mut Counts) -> Result<(), Failure> {
    let Some(server) = server else { return Ok(()) };
    let body = serde_json::to_value(chunk).map_err(Failure::new)?;
    let answer = server.send_json(Method::POST, "/api/v1/import/nagios-archive", &body).await?;
    let answer: serde_json::Value = client::parse(&answer)?;
    counts.new += answer["new"].as_u64().unwrap_or(0);
    Ok(())
}

/// False at the end. What of a line is too long is passed over.
fn limited_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> std::io::Result<bool> {
    line.clear();
    loop {
        let available = reader.fill_buf()?;
        if available.is_empty() {
            return Ok(!line.is_empty());
        }
        let (part, ends) = match available.iter().position(|byte| *byte == b'\n') {
            Some(at) => (&available[..at], true),
            None => (available, false),
        };
        line.extend_from_slice(&part[..part.len().min(MAX_LINE_BYTES.saturating_sub(line.len()))]);
        let taken = part.len() + usize::from(ends);
        reader.consume(taken);
        if ends {
            // An empty line is one too.
            return Ok(true);
        }
    }
}

/// Starts and ends of Nagios are not kept.
fn past_event(event: &ArchivedEvent<'_>, ordinal: i64, line: &[u8]) -> Option<PastEvent> {
    let phase = |phase: Phase| match phase {
        Phase::Started => "started".to_owned(),
        Phase::Stopped => "stopped".to_owned(),
        Phase::Cancelled => "cancelled".to_owned(),
    };
    let (subject, what) = match event.what {
        What::State { subject, said, state, state_type, attempt, text } => {
            let changed = said == Said::Changed;
            (subject, PastWhat::State { state, state_type, attempt, changed, text: text.to_owned() })
        }
        What::Notice { subject, contact, kind, state, text, author, comment } => {
            let [contact, text, author, comment] = [contact, text, author, comment].map(str::to_owned);
            (subject, PastWhat::Notice { notice: kind, state, contact, text, author, comment })
        }
        What::Downtime { subject, phase: which } => (subject, PastWhat::Downtime { phase: phase(which) }),
        What::Flapping { subject, phase: which } => (subject, PastWhat::Flapping { phase: phase(which) }),
        What::Command { name, arguments } => {
            let command = format!("{name};{arguments}");
            // What changes nothing that is replayed need not be kept.
            formats::nagios::command::read(format!("[{}] {command}", event.at).as_bytes()).ok()?;
            (Subject { host: "", service: None }, PastWhat::Command { command })
        }
        What::Passive { subject, status, text } => {
            (subject, PastWhat::Result { status, text: text.to_owned() })
        }
        What::Process(_) => return None,
    };
    let (object, name) = match subject {
        Subject { host: "", .. } => ("command", String::new()),
        Subject { host, service: Some(service) } => ("check", format!("{host}/{service}")),
        Subject { host, service: None } => ("host", host.to_owned()),
    };
    // Its place within its second, so that events keep their order, and its text, so that no two are taken for one.
    let line = ordinal << 32 | i64::from(crc32c::crc32c(line));
    Some(PastEvent { at: event.at, object: object.to_owned(), name, line, what })
}
