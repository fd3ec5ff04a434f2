//! `bellwether import grafana FILE…`: a preview of dashboards with Graphite targets: what they draw, whether each
//! target can be read here, and how many series it has now. What could not be carried over is told on stderr, line by
//! line, and ends with status 1.

use std::path::{Path, PathBuf};

use axum::http::Method;
use formats::grafana::{self, AnnotationSource, Dashboard, Panel, variables};
use graphite::target::{Call, Expression};
use serde::Deserialize;
use serde_json::{Value, json};

use super::query::{number_text, sparkline};
use crate::cli::Common;
use crate::client::{Server, parse};
use crate::failure::Failure;

/// Targets of one question: what comes back is some KB each.
const TOGETHER: usize = 20;
const COLUMNS: usize = 30;
/// Of a directory; more are no dashboards of one site.
const MOST_FILES: usize = 10_000;

struct Board {
    file: PathBuf,
    dashboard: Dashboard,
    /// Of each panel's targets, in their order.
    drawn: Vec<Vec<Drawn>>,
}

/// A target as it would be asked.
#[derive(Default)]
struct Drawn {
    text: String,
    error: Option<String>,
    /// What a server that runs has of it.
    series: Option<Series>,
}

struct Series {
    count: usize,
    shape: String,
    last: Option<f64>,
}

pub fn run(common: &Common, files: &[PathBuf]) -> Result<(), Failure> {
    let mut boards = Vec::new();
    let mut lost: Vec<String> = Vec::new();
    for file in all_files(files)? {
        match read(&file) {
            Ok(dashboards) => boards.extend(dashboards.into_iter().map(|dashboard| board(&file, dashboard))),
            Err(failure) => lost.push(failure.message),
        }
    }
    let server = running(common)?;
    if let Some(server) = &server {
        super::block_on(ask(server, &mut boards))?;
    }
    for board in &boards {
        let text = if common.json { format!("{}\n", board.json()) } else { board.text() };
        super::print(text)?;
        lost.extend(board.lost());
    }
    if server.is_none() && !common.json {
        super::say("No server answers: how many series each target has is not known.")?;
    }
    match lost.len() {
        0 => Ok(()),
        count => Err(Failure::new(format!("{}\n{count} not carried over", lost.join("\n")))),
    }
}

/// All dashboards of a file.
pub fn read(file: &Path) -> Result<Vec<Dashboard>, Failure> {
    let shown = file.display();
    let text = crate::config::read_bounded(file).map_err(Failure::doing(file.display()))?;
    grafana::read(&text).map_err(|error| match error.line {
        0 => Failure::new(format!("{shown}: {error}")),
        _ => Failure::new(format!("{shown}:{error}")),
    })
}

/// Directories stand for the JSON files in them.
fn all_files(given: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    let mut ahead: Vec<PathBuf> = given.iter().rev().cloned().collect();
    while let Some(path) = ahead.pop() {
        if !path.is_dir() {
            found.push(path);
            continue;
        }
        let entries = std::fs::read_dir(&path).and_then(|entries| entries.collect::<Result<Vec<_>, _>>());
        let mut entries: Vec<PathBuf> =
            entries.map_err(Failure::doing(path.display()))?.into_iter().map(|entry| entry.path()).collect();
        // Links are not followed: they may lead around in a circle.
        entries.retain(|path| {
            (path.is_dir() && !path.is_symlink()) || path.extension().is_some_and(|end| end == "json")
        });
        entries.sort();
        ahead.extend(entries.into_iter().rev());
        if found.len() + ahead.len() > MOST_FILES {
            return Err(Failure::usage(format!("more than {MOST_FILES} files below {}", path.display())));
        }
    }
    if found.is_empty() {
        return Err(Failure::usage("no file with a name that ends in .json"));
    }
    Ok(found)
}

/// A preview needs none; one that was named has to be there.
fn running(common: &Common) -> Result<Option<Server>, Failure> {
    let named = super::named_url(common).is_some();
    match super::running_server(common) {
        Ok(server) => Ok(Some(server)),
        Err(failure) if named => Err(failure),
        Err(_) => Ok(None),
    }
}

fn board(file: &Path, dashboard: Dashboard) -> Board {
    let target = |text: &str| {
        let text = grafana::substituted(text, &dashboard);
        let error = error_of(&text);
        Drawn { text, error, series: None }
    };
    let drawn = dashboard.panels.iter().map(|panel| panel.targets.iter().map(|t| target(&t.text)).collect());
    Board { file: file.to_owned(), drawn: drawn.collect(), dashboard }
}

/// What is wrong with it as far as its text tells.
fn error_of(target: &str) -> Option<String> {
    match graphite::parse::parse_prefix(target) {
        Err(error) => Some(error.to_string()),
        Ok(parsed) if parsed.stuck.is_none() => {
            unknown_function(&parsed.expression).map(|name| format!("there is no function {name}"))
        }
        Ok(parsed) => parsed.stuck.map(|stuck| {
            format!(
                "{stuck}; as graphite-web does, what follows is ignored: close every parenthesis and quote"
            )
        }),
    }
}

fn unknown_function(expression: &Expression) -> Option<&str> {
    fn call(call: &Call) -> Option<&str> {
        match graphite::functions::find(&call.function) {
            None => Some(&call.function),
            Some(_) => call.arguments.iter().find_map(unknown_function),
        }
    }
    match expression {
        Expression::Literal(_) | Expression::Path(_) => None,
        Expression::Template(template) => unknown_function(&template.inner),
        Expression::Call(one) => call(one),
        Expression::Piped { base, calls } => unknown_function(base).or_else(|| calls.iter().find_map(call)),
    }
}

#[derive(Deserialize)]
struct Graph {
    results: Vec<Answer>,
}

#[derive(Deserialize)]
struct Answer {
    series: Vec<AnswerSeries>,
    error: Option<AnswerError>,
}

#[derive(Deserialize)]
struct AnswerSeries {
    values: Vec<Option<f64>>,
}

#[derive(Deserialize)]
struct AnswerError {
    message: String,
    start: Option<usize>,
    hint: Option<String>,
}

async fn ask(server: &Server, boards: &mut [Board]) -> Result<(), Failure> {
    let mut all: Vec<&mut Drawn> =
        boards.iter_mut().flat_map(|board| board.drawn.iter_mut().flatten()).collect();
    for together in all.chunks_mut(TOGETHER) {
        let targets: Vec<&str> = together.iter().map(|drawn| drawn.text.as_str()).collect();
        let question = json!({"targets": targets, "from": "-1h", "until": "now", "width": COLUMNS});
        let body = server.send_json(Method::POST, "/api/v1/graph", &question).await?;
        let graph: Graph = parse(&body)?;
        for (drawn, answer) in together.iter_mut().zip(graph.results) {
            match answer.error {
                Some(error) => drawn.error = Some(words(&error)),
                None => drawn.series = Some(series(&answer.series)),
            }
        }
    }
    Ok(())
}

fn words(error: &AnswerError) -> String {
    let place = error.start.map(|start| format!(" at character {}", start + 1)).unwrap_or_default();
    let hint = error.hint.as_ref().map(|hint| format!(": {hint}")).unwrap_or_default();
    format!("{}{place}{hint}", error.message)
}

fn series(answer: &[AnswerSeries]) -> Series {
    let values = answer.first().map(|series| series.values.as_slice()).unwrap_or_default();
    let last = values.iter().rev().find_map(|value| *value);
    let shape = if last.is_some() { sparkline(values) } else { String::new() };
    Series { count: answer.len(), shape, last }
}

impl Board {
    fn text(&self) -> String {
        let d = &self.dashboard;
        let targets = self.drawn.iter().map(Vec::len).sum::<usize>();
        let mut out = format!(
            "{}  ({}; {} panels, {targets} targets, of schema version {})\n",
            or(&d.title, "a dashboard without a title"),
            self.file.display(),
            d.panels.len(),
            d.schema_version
        );
        for variable in &d.variables {
            let chosen =
                if variable.current.is_empty() { "nothing".to_owned() } else { variable.current.join(", ") };
            out.push_str(&format!("  ${} = {chosen}\n", variable.name));
        }
        let mut row = "";
        for (panel, drawn) in d.panels.iter().zip(&self.drawn) {
            if panel.row != row {
                row = &panel.row;
                out.push_str(&format!("  {}\n", or(row, "(no heading)")));
            }
            out.push_str(&format!("    {}  [{}]\n", or(&panel.title, "(no title)"), about(panel)));
            let rows: Vec<Vec<String>> =
                panel.targets.iter().zip(drawn).map(|(target, drawn)| drawn.row(target)).collect();
            super::table(&rows)
                .lines()
                .for_each(|line| out.push_str(&format!("      {}\n", line.trim_end())));
        }
        for annotation in &d.annotations {
            let source = match &annotation.source {
                AnnotationSource::Events(tags) => format!("events with the tags {}", tags.join(", ")),
                AnnotationSource::Target(target) => grafana::substituted(target, d),
            };
            out.push_str(&format!("  marks \"{}\": {source}\n", annotation.name));
        }
        out.push('\n');
        out
    }

    fn lost(&self) -> Vec<String> {
        let file = self.file.display();
        let mut lost: Vec<String> =
            self.dashboard.lost.iter().map(|lost| format!("{file}: {}: {}", lost.place, lost.why)).collect();
        for (panel, drawn) in self.dashboard.panels.iter().zip(&self.drawn) {
            let place = |target: &grafana::Target| {
                format!("{file}: panel \"{}\", target {}", panel.title, target.ref_id)
            };
            for (target, drawn) in panel.targets.iter().zip(drawn) {
                let unknown = variables::unknown(&target.text, &self.dashboard);
                lost.extend(unknown.iter().map(|name| {
                    format!("{}: ${name} is no variable of the dashboard, or has no value", place(target))
                }));
                lost.extend(drawn.error.iter().map(|error| format!("{}: {error}", place(target))));
            }
        }
        lost
    }

    fn json(&self) -> Value {
        let d = &self.dashboard;
        let panels = d.panels.iter().zip(&self.drawn).map(|(panel, drawn)| {
            let targets = panel.targets.iter().zip(drawn).map(|(target, drawn)| {
                json!({"ref_id": target.ref_id, "written": target.text, "target": drawn.text, "hidden": target.hidden,
                       "error": drawn.error, "series": drawn.series.as_ref().map(|series| series.count),
                       "last": drawn.series.as_ref().and_then(|series| series.last)})
            });
            json!({"title": panel.title, "row": panel.row, "type": panel.kind, "unit": panel.unit, "stacked": panel.stacked,
                   "thresholds": panel.thresholds, "time_from": panel.time_from, "time_shift": panel.time_shift,
                   "repeat": panel.repeat, "targets": targets.collect::<Vec<_>>()})
        });
        let variables = d.variables.iter().map(|variable| {
            json!({"name": variable.name, "type": variable.kind, "query": variable.query, "current": variable.current})
        });
        let annotations = d.annotations.iter().map(|annotation| match &annotation.source {
            AnnotationSource::Events(tags) => {
                json!({"name": annotation.name, "enabled": annotation.enabled, "tags": tags})
            }
            AnnotationSource::Target(target) => {
                json!({"name": annotation.name, "enabled": annotation.enabled, "target": target})
            }
        });
        json!({"file": self.file.display().to_string(), "title": d.title, "uid": d.uid, "schema_version": d.schema_version,
               "tags": d.tags, "from": d.from, "until": d.until, "refresh": d.refresh,
               "variables": variables.collect::<Vec<_>>(), "annotations": annotations.collect::<Vec<_>>(),
               "panels": panels.collect::<Vec<_>>(), "lost": self.lost()})
    }
}

impl Drawn {
    fn row(&self, target: &grafana::Target) -> Vec<String> {
        let hidden = if target.hidden { " (hidden)" } else { "" };
        let state = match (&self.error, &self.series) {
            (Some(_), _) => "cannot be read".to_owned(),
            (None, None) => String::new(),
            (None, Some(Series { count: 0, .. })) => "no series".to_owned(),
            (None, Some(series)) => {
                let many = if series.count == 1 {
                    "1 series".to_owned()
                } else {
                    format!("{} series", series.count)
                };
                let last = series
                    .last
                    .map(number_text)
                    .map_or("no value in the last hour".into(), |last| format!("last {last}"));
                format!("{many}  {}  {last}", series.shape)
            }
        };
        vec![format!("{}{hidden}", target.ref_id), self.text.clone(), state]
    }
}

fn about(panel: &Panel) -> String {
    let mut parts = vec![panel.kind.clone(), panel.unit.clone()];
    parts.extend(panel.stacked.then(|| "stacked".to_owned()));
    parts.extend((!panel.time_shift.is_empty()).then(|| format!("shifted by {}", panel.time_shift)));
    parts.extend((!panel.time_from.is_empty()).then(|| format!("the last {}", panel.time_from)));
    parts.extend((!panel.thresholds.is_empty()).then(|| {
        let marks: Vec<String> = panel.thresholds.iter().map(|mark| number_text(*mark)).collect();
        format!("marks at {}", marks.join(", "))
    }));
    parts.retain(|part| !part.is_empty());
    parts.join(", ")
}

fn or<'t>(text: &'t str, otherwise: &'t str) -> &'t str {
    if text.is_empty() { otherwise } else { text }
}
