//! `bellwether import nagios`: the configuration of a Nagios, as tables that `conf.d` takes; its retention.dat, for the
//! server to take over; `import nagios-archive`: its past; `compare --nagios`: both side by side.
//!
//! `files` reads what nagios.cfg names, `formats::nagios::objects` resolves it, `convert` makes our definitions of it
//! (`relations` of what stands between objects, `known` and `words` of commands), `left_out` tells what has no counterpart here.

pub mod archive;
pub mod compare;
mod convert;
mod files;
mod known;
mod left_out;
mod relations;
mod retention;
mod words;

use std::io::{IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use formats::nagios::objects::{Estate, Problem};
use serde_json::json;

use crate::cli::{Common, ImportNagiosOptions};
use crate::failure::Failure;
use convert::Converted;

/// The file may hold passwords out of resource.cfg.
const OWNER_ONLY: u32 = 0o600;

pub fn run(common: &Common, options: &ImportNagiosOptions) -> Result<(), Failure> {
    if retention::is_state_file(&options.source) {
        return retention::run(common, &options.source, options.dry_run);
    }
    let found = files::read(&options.source)?;
    let estate = Estate::resolve(&found.main, found.files);
    let mut converted = convert::convert(&estate, &found.main, &found.macros);
    converted.notes.extend(left_out::notes(&estate, &found.main));
    converted.problems.extend(estate.problems.iter().cloned());
    converted.problems.extend(found.problems);
    let text = written(&converted, &options.source)?;
    let destination = if options.dry_run { None } else { options.out.as_deref() };
    if let Some(file) = destination {
        write(file, &text, options.force)?;
    }
    tell(common, options, &mut converted, &text)
}

fn written(converted: &Converted, source: &Path) -> Result<String, Failure> {
    let mut document = toml_edit::ser::to_document(&converted.definitions)
        .map_err(Failure::doing("write the definitions"))?;
    convert_tables(&mut document);
    let mut text = format!(
        "# Of {} by `bellwether import nagios`; intervals in Nagios's units became durations.\n\n",
        source.display()
    );
    if !converted.macros.is_empty() {
        text.push_str("# Values of resource.cfg. They may be secrets: keep this file readable by the server only.\n[checks.macros]\n");
        for (name, value) in &converted.macros {
            text.push_str(&format!(
                "{name} = {}\n",
                toml_edit::value(value.as_str()).into_value().unwrap_or_else(|item| item.to_string().into())
            ));
        }
        text.push('\n');
    }
    text.push_str(&document.to_string());
    Ok(text)
}

/// `[[check]]` instead of `check = [{ … }]`.
fn convert_tables(document: &mut toml_edit::DocumentMut) {
    for (_, item) in document.iter_mut() {
        let value = std::mem::take(item);
        *item = match value.into_array_of_tables() {
            Ok(tables) => toml_edit::Item::ArrayOfTables(tables),
            Err(other) => other,
        };
    }
}

/// All or nothing: beside it first, then in its place.
fn write(file: &Path, text: &str, force: bool) -> Result<(), Failure> {
    let doing = |what: &str| format!("{what} {}", file.display());
    if file.exists() && !force {
        return Err(Failure::new(format!(
            "{} is there already and may have been edited: --force writes over it, --dry-run only looks",
            file.display()
        )));
    }
    let beside = file.with_extension("toml.new");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(OWNER_ONLY);
    let mut open = options.open(&beside).map_err(Failure::doing(doing("write")))?;
    let done = open.write_all(text.as_bytes()).and_then(|()| open.sync_all());
    done.and_then(|()| std::fs::rename(&beside, file)).map_err(|error| {
        // What is half written is of no use to anybody.
        let _ = std::fs::remove_file(&beside);
        Failure::new(format!("{}: {error}", doing("write")))
    })
}

fn tell(
    common: &Common,
    options: &ImportNagiosOptions,
    converted: &mut Converted,
    text: &str,
) -> Result<(), Failure> {
    converted.problems.sort();
    converted.problems.dedup();
    converted.notes.sort();
    converted.notes.dedup();
    let to_stdout = options.out.is_none() && !options.dry_run;
    if common.json {
        let listed = |problems: &[Problem]| -> Vec<serde_json::Value> {
            let one = |problem: &Problem| json!({"file": &*problem.place.file, "line": problem.place.line, "message": problem.message});
            problems.iter().map(one).collect()
        };
        let counts: serde_json::Map<_, _> = converted
            .counts()
            .into_iter()
            .map(|(what, count)| (what.replace(' ', "_"), json!(count)))
            .collect();
        let answer = json!({"counts": counts, "problems": listed(&converted.problems), "not_carried_over": listed(&converted.notes),
            "toml": to_stdout.then_some(text)});
        crate::commands::print(format!("{answer:#}\n"))?;
    } else {
        if to_stdout {
            crate::commands::print(text)?;
        }
        let mut lines: Vec<String> = Vec::new();
        lines.extend(converted.notes.iter().map(|note| format!("{}: {}", note.place, note.message)));
        lines.extend(
            converted
                .problems
                .iter()
                .map(|problem| format!("{}: problem: {}", problem.place, problem.message)),
        );
        let counts: Vec<String> = converted
            .counts()
            .into_iter()
            .map(|(what, count)| format!("{} {what}", crate::commands::grouped(count as u64)))
            .collect();
        lines.push(format!(
            "{}; {} lines were not carried over, {} problems",
            counts.join(", "),
            converted.notes.len(),
            converted.problems.len()
        ));
        if options.dry_run && std::io::stderr().is_terminal() {
            lines.push("dry run: nothing was written".to_owned());
        }
        // Told on stderr, beside the answer; a closed stderr is nobody who reads it.
        let _ = writeln!(std::io::stderr(), "{}", lines.join("\n"));
    }
    match converted.problems.len() {
        0 => Ok(()),
        1 => Err(Failure::new("1 problem in Nagios's configuration: see above")),
        count => Err(Failure::new(format!("{count} problems in Nagios's configuration: see above"))),
    }
}
