//! From JSON to [`Dashboard`].

use serde_json::{Map, Value};

use super::*;

/// What draws series over time, or their last value.
const DRAWN: [&str; 9] = [
    "graph",
    "timeseries",
    "stat",
    "singlestat",
    "gauge",
    "bargauge",
    "barchart",
    "trend",
    "grafana-singlestat-panel",
];
/// Data sources that a panel names without their being any.
const GRAFANA_ITSELF: [&str; 3] = ["-- Grafana --", "-- Dashboard --", "grafana"];
const MIXED: &str = "-- Mixed --";

/// All dashboards of a file.
pub fn read(text: &str) -> Result<Vec<Dashboard>, NotADashboard> {
    let json: Value = serde_json::from_str(text).map_err(|error| NotADashboard {
        line: error.line(),
        column: error.column(),
        message: format!("not JSON: {error}"),
    })?;
    let dashboards = match &json {
        Value::Array(list) => list.iter().map(one).collect::<Result<Vec<_>, _>>()?,
        json => vec![one(json)?],
    };
    if dashboards.is_empty() {
        return Err(no_dashboard("an empty list"));
    }
    Ok(dashboards)
}

fn no_dashboard(message: &str) -> NotADashboard {
    NotADashboard { line: 0, column: 0, message: message.to_owned() }
}

fn one(json: &Value) -> Result<Dashboard, NotADashboard> {
    let json = json.get("dashboard").unwrap_or(json);
    let Some(fields) = json.as_object() else {
        return Err(no_dashboard("no dashboard: an object with `panels` or `rows` is expected"));
    };
    if fields.contains_key("elements") || json["spec"]["elements"].is_object() {
        return Err(no_dashboard(
            "a dashboard in Grafana's schema v2: export it as \"Classic\" (Share, Export, Save as file)",
        ));
    }
    if !["panels", "rows"].iter().any(|field| fields.get(*field).is_some_and(Value::is_array)) {
        return Err(no_dashboard(
            "no dashboard: neither `panels` nor `rows` is a list; is it what Grafana exported?",
        ));
    }
    Ok(Reader::new(fields).dashboard())
}

struct Reader<'j> {
    json: &'j Map<String, Value>,
    board: Dashboard,
}

/// Whom a panel or target asks.
enum Source {
    Graphite,
    /// A name or nothing: what the target looks like decides.
    Unknown,
    Other(String),
}

impl<'j> Reader<'j> {
    fn new(json: &'j Map<String, Value>) -> Reader<'j> {
        Reader { json, board: Dashboard::default() }
    }

    fn dashboard(mut self) -> Dashboard {
        let json = Value::Object(self.json.clone());
        self.board.title = text(&json, "title");
        self.board.uid = text(&json, "uid");
        self.board.schema_version = json["schemaVersion"].as_i64().or(json["version"].as_i64()).unwrap_or(0);
        self.board.tags = strings(&json["tags"]);
        self.board.from = text(&json["time"], "from");
        self.board.until = text(&json["time"], "to");
        self.board.refresh = text(&json, "refresh");
        for variable in list(&json["templating"]["list"]) {
            self.variable(variable);
        }
        for annotation in list(&json["annotations"]["list"]) {
            self.annotation(annotation);
        }
        for row in list(&json["rows"]) {
            let title = text(row, "title");
            list(&row["panels"]).iter().for_each(|panel| self.panel(panel, &title));
        }
        let mut row = String::new();
        for panel in list(&json["panels"]) {
            if panel["type"] == "row" {
                row = text(panel, "title");
                // Of a row that is folded the panels are inside.
                list(&panel["panels"]).iter().for_each(|panel| self.panel(panel, &row));
            } else {
                self.panel(panel, &row);
            }
        }
        if !list(&json["links"]).is_empty() {
            self.lose("dashboard", "links to other pages");
        }
        self.board
    }

    fn lose(&mut self, place: impl Into<String>, why: impl Into<String>) {
        self.board.lost.push(Lost { place: place.into(), why: why.into() });
    }

    fn variable(&mut self, json: &Value) {
        let (name, kind) = (text(json, "name"), text(json, "type"));
        let place = format!("variable \"{name}\"");
        match kind.as_str() {
            "query" | "custom" | "interval" | "constant" | "textbox" => {}
            // Which data source is asked: here there is one.
            "datasource" => return,
            _ => self.lose(&place, format!("variables of type {kind} are not carried over")),
        }
        let query = match &json["query"] {
            Value::Object(query) => text(&Value::Object(query.clone()), "target"),
            other => other.as_str().unwrap_or_default().to_owned(),
        };
        if kind == "query"
            && let Source::Other(source) = self.source(&json["datasource"])
        {
            self.lose(&place, format!("its values come from {source}"));
        }
        let mut options: Vec<String> =
            list(&json["options"]).iter().flat_map(|option| strings(&option["value"])).collect();
        if options.is_empty() && matches!(kind.as_str(), "custom" | "interval") {
            options =
                query.split(',').map(|value| value.trim().to_owned()).filter(|v| !v.is_empty()).collect();
        }
        let mut current = strings(&json["current"]["value"]);
        if current.is_empty() && matches!(kind.as_str(), "constant" | "textbox") {
            current = vec![query.clone()];
        }
        if current.is_empty() {
            current = options.first().cloned().into_iter().collect();
        }
        let (label, all_value) = (text(json, "label"), text(json, "allValue"));
        self.board.variables.push(Variable { name, label, kind, query, current, options, all_value });
    }

    fn annotation(&mut self, json: &Value) {
        let name = text(json, "name");
        // Grafana's own, which every dashboard has.
        if json["builtIn"].as_i64() == Some(1) {
            return;
        }
        let place = format!("annotation \"{name}\"");
        if let Source::Other(source) = self.source(&json["datasource"]) {
            return self.lose(place, format!("comes from {source}"));
        }
        let target = &json["target"];
        let first =
            |fields: &[&Value]| fields.iter().find_map(|field| field.as_str()).unwrap_or_default().to_owned();
        let query = first(&[&json["target"], &target["target"], &json["query"]]);
        let tags = [&json["tags"], &target["tags"]].into_iter().map(strings).find(|tags| !tags.is_empty());
        let source = match (query.is_empty(), tags) {
            (false, _) => AnnotationSource::Target(query),
            (true, Some(tags)) => AnnotationSource::Events(
                tags.iter().flat_map(|tags| tags.split_whitespace()).map(str::to_owned).collect(),
            ),
            (true, None) => return self.lose(place, "neither a target nor tags of events"),
        };
        let enabled = json["enable"].as_bool().unwrap_or(true);
        self.board.annotations.push(Annotation { name, enabled, source });
    }

    fn panel(&mut self, json: &Value, row: &str) {
        let title = text(json, "title");
        let number = || json["id"].as_i64().map_or_else(|| "without a title".into(), |id| id.to_string());
        let place =
            if title.is_empty() { format!("panel {}", number()) } else { format!("panel \"{title}\"") };
        let model = match self.library_panel(json) {
            Ok(model) => model,
            Err(why) => return self.lose(place, why),
        };
        if self.board.panels.len() >= MAX_PANELS {
            return self.lose(place, format!("beyond the first {MAX_PANELS} panels"));
        }
        let kind = text(&model, "type");
        let targets = self.targets(&model, &place);
        if targets.is_empty() {
            if list(&model["targets"]).is_empty() {
                self.lose(place, format!("a panel of type {kind}, which draws no series"));
            }
            return;
        }
        if !DRAWN.contains(&kind.as_str()) {
            self.lose(&place, format!("type {kind}: its targets are kept, to be drawn as lines"));
        }
        for (field, what) in
            [("alert", "its alert: write it as a [[monitor]]"), ("transformations", "its transformations")]
        {
            if model[field].as_object().is_some_and(|a| !a.is_empty()) || !list(&model[field]).is_empty() {
                self.lose(&place, what);
            }
        }
        let repeat = text(&model, "repeat");
        if !repeat.is_empty() {
            self.lose(&place, format!("one panel instead of one for each value of ${repeat}"));
        }
        let defaults = &model["fieldConfig"]["defaults"];
        let unit =
            [&defaults["unit"], &model["yaxes"][0]["format"], &model["y_formats"][0], &model["format"]];
        let stacking = &defaults["custom"]["stacking"]["mode"];
        self.board.panels.push(Panel {
            title,
            description: text(&model, "description"),
            row: row.to_owned(),
            kind,
            unit: unit.into_iter().find_map(Value::as_str).unwrap_or_default().to_owned(),
            stacked: model["stack"] == true || matches!(stacking.as_str(), Some("normal" | "percent")),
            thresholds: thresholds(&model),
            time_from: text(&model, "timeFrom"),
            time_shift: text(&model, "timeShift"),
            repeat,
            targets,
        });
    }

    /// Panels that several dashboards share stand apart, if they are in the file at all.
    fn library_panel(&self, json: &Value) -> Result<Value, String> {
        let Some(library) = json["libraryPanel"].as_object() else { return Ok(json.clone()) };
        if !list(&json["targets"]).is_empty() {
            return Ok(json.clone());
        }
        let library = Value::Object(library.clone());
        let known = [
            &library["model"],
            &self.json.get("__elements").unwrap_or(&Value::Null)[text(&library, "uid").as_str()]["model"],
        ];
        known.into_iter().find(|model| model.is_object()).cloned().ok_or_else(|| {
            format!(
                "the library panel \"{}\" is not in the file: export with \"for sharing externally\"",
                text(&library, "name")
            )
        })
    }

    fn targets(&mut self, panel: &Value, place: &str) -> Vec<Target> {
        let of_panel = self.source(&panel["datasource"]);
        if let Source::Other(source) = &of_panel
            && source != MIXED
        {
            self.lose(place, format!("asks {source}"));
            return Vec::new();
        }
        let mut targets = Vec::new();
        let mut other = Vec::new();
        for (index, json) in list(&panel["targets"]).iter().enumerate() {
            let mut ref_id = text(json, "refId");
            if ref_id.is_empty() {
                ref_id = char::from(b'A' + (index % 26) as u8).to_string();
            }
            let own =
                if json["datasource"].is_null() { None } else { Some(self.source(&json["datasource"])) };
            if let Some(Source::Other(source)) = &own {
                other.push(format!("target {ref_id} asks {source}"));
                continue;
            }
            let written = [text(json, "target"), text(json, "targetFull")];
            let Some(text) = written.iter().find(|text| !text.trim().is_empty()).cloned() else {
                other.push(match query_of_others(json) {
                    Some(source) => format!("target {ref_id} looks like one for {source}"),
                    None => format!("target {ref_id} is empty"),
                });
                continue;
            };
            targets.push(Target { ref_id, text, hidden: json["hide"] == true });
        }
        other.into_iter().for_each(|why| self.lose(place, why));
        put_references_in(&mut targets);
        targets
    }

    fn source(&self, json: &Value) -> Source {
        let name = match json {
            Value::Object(fields) => match fields.get("type").and_then(Value::as_str) {
                Some("graphite") => return Source::Graphite,
                Some("datasource") | None => {
                    fields.get("uid").and_then(Value::as_str).unwrap_or_default().to_owned()
                }
                Some(kind) => return self.input(kind).unwrap_or_else(|| Source::Other(kind.to_owned())),
            },
            Value::String(name) => name.clone(),
            _ => return Source::Unknown,
        };
        if name == MIXED || GRAFANA_ITSELF.contains(&name.as_str()) {
            return Source::Other(name);
        }
        self.input(&name).unwrap_or(Source::Unknown)
    }

    /// `${DS_GRAPHITE}`: exports for others leave open which data source, and say of which kind it has to be.
    fn input(&self, name: &str) -> Option<Source> {
        let name = name.strip_prefix("${")?.strip_suffix('}')?;
        let input = list(self.json.get("__inputs")?).iter().find(|input| text(input, "name") == name)?;
        Some(match text(input, "pluginId").as_str() {
            "graphite" => Source::Graphite,
            other => Source::Other(other.to_owned()),
        })
    }
}

/// What a target without Graphite's field is for, as far as its other fields tell.
fn query_of_others(json: &Value) -> Option<&'static str> {
    let kinds = [
        ("expr", "Prometheus or Loki"),
        ("rawSql", "an SQL database"),
        ("measurement", "InfluxDB"),
        ("query", "another data source"),
        ("metric", "another data source"),
    ];
    kinds.into_iter().find(|(field, _)| !json[*field].is_null()).map(|(_, source)| source)
}

/// `#A` stands for the target A, also within those.
fn put_references_in(targets: &mut [Target]) {
    let written: Vec<(String, String)> =
        targets.iter().map(|target| (target.ref_id.clone(), target.text.clone())).collect();
    for target in targets {
        // As deep as there are targets; a circle ends there too.
        for _ in 0..written.len() {
            let Some(text) = with_references(&target.text, &written) else { break };
            target.text = text;
        }
    }
}

/// `None` when there is nothing to be put in, or too much.
fn with_references(text: &str, written: &[(String, String)]) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    let mut found = false;
    while let Some(at) = rest.find('#') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let length = after.find(|c: char| !c.is_ascii_uppercase()).unwrap_or(after.len());
        match written.iter().find(|(ref_id, _)| *ref_id == after[..length]) {
            Some((_, target)) if length > 0 => {
                out.push_str(target);
                found = true;
            }
            _ => out.push_str(&rest[at..at + 1 + length]),
        }
        rest = &after[length..];
        if out.len() > MAX_TARGET_BYTES {
            return None;
        }
    }
    out.push_str(rest);
    found.then_some(out)
}

/// Of graphs (a list), of single values ("50,80"), of fields (steps), and of the oldest graphs.
fn thresholds(panel: &Value) -> Vec<f64> {
    let number = |value: &Value| value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
    let steps = &panel["fieldConfig"]["defaults"]["thresholds"]["steps"];
    let mut found: Vec<f64> = list(&panel["thresholds"])
        .iter()
        .chain(list(steps))
        .filter_map(|step| number(&step["value"]))
        .collect();
    found.extend(
        panel["thresholds"]
            .as_str()
            .into_iter()
            .flat_map(|text| text.split(','))
            .filter_map(|part| part.trim().parse::<f64>().ok()),
    );
    found.extend(["threshold1", "threshold2"].iter().filter_map(|name| number(&panel["grid"][*name])));
    found.retain(|value| value.is_finite());
    found
}

fn text(json: &Value, field: &str) -> String {
    json[field].as_str().unwrap_or_default().to_owned()
}

fn list(json: &Value) -> &[Value] {
    json.as_array().map_or(&[], Vec::as_slice)
}

/// A text, a number, or a list of such.
fn strings(json: &Value) -> Vec<String> {
    match json {
        Value::String(text) if text.is_empty() => Vec::new(),
        Value::String(text) => vec![text.clone()],
        Value::Number(number) => vec![number.to_string()],
        Value::Array(list) => list.iter().flat_map(strings).collect(),
        _ => Vec::new(),
    }
}
