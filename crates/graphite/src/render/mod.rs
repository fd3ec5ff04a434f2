//! `/render`: parameters -> a request -> an answer.

mod binary;
mod json;
pub mod picture;
mod size;
mod text;

use std::sync::Arc;

use jiff::tz::TimeZone;
use vocabulary::Timestamp;

use crate::answer::Answer;
use crate::attime;
use crate::error::{EvaluationError, Refusal};
use crate::evaluate::{Environment, Grounds, Question, Window, evaluate, memory};
use crate::functions::python_float;
use crate::limits;
use crate::parameters::{Parameters, not_an_integer, python_int};
use crate::python::quoted;
use crate::series::Series;
use crate::stats::Trace;
use picture::{Fonts, Picture, Slice, Templates};

/// What holds when a request does not say otherwise.
#[derive(Clone)]
pub struct Defaults {
    /// The zone of the server.
    pub zone: TimeZone,
    /// Looks of pictures by name.
    pub templates: Arc<Templates>,
    /// Typefaces for pictures.
    pub fonts: Arc<dyn Fonts>,
}

impl Defaults {
    /// The built-in look and typeface.
    pub fn of_zone(zone: TimeZone) -> Defaults {
        Defaults { zone, templates: Arc::default(), fonts: Arc::new(picture::BuiltInFonts) }
    }
}

#[derive(Clone)]
pub struct RenderRequest {
    pub question: Question,
    pub format: Format,
    pub shape: Shape,
    picture: Picture,
    /// How a series becomes one slice of a pie.
    pie_mode: String,
    fonts: Arc<dyn Fonts>,
    /// Seconds for which others may keep the answer, if the request names them. The original lets answers
    /// be kept for a minute unless told otherwise; ours are live.
    cache_seconds: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Json,
    Csv,
    Raw,
    Pickle,
    MessagePack,
    Dygraph,
    Rickshaw,
    Picture,
}

/// How the series are to be written.
#[derive(Clone, Debug, Default)]
pub struct Shape {
    pub callback: Option<String>,
    pub pretty: bool,
    pub max_data_points: Option<u64>,
    pub no_null_points: bool,
}

impl RenderRequest {
    /// From the parameters of the address, followed by those of the form.
    pub fn from_params(
        params: &[(String, String)],
        now: Timestamp,
        defaults: &Defaults,
    ) -> Result<RenderRequest, Refusal> {
        let params = Parameters(params);
        let graph_type = params.get("graphType").unwrap_or("line");
        if !matches!(graph_type, "line" | "pie") {
            let shown = quoted_loosely(graph_type);
            let what = format!("Invalid graphType {shown}, must be one of ['line', 'pie']");
            return Err(Refusal::bad_parameters(&what));
        }
        let cache_seconds = params.get("cacheTimeout").map(cache_timeout).transpose()?;
        let targets = targets(params)?;
        let zone = params.get("tz").and_then(attime::zone).unwrap_or_else(|| defaults.zone.clone());
        let (window, now) = times(params, now, &zone)?;
        let x_files_factor = params.get("xFilesFactor").map_or(Ok(0.0), x_files_factor)?;
        let question = Question {
            targets,
            window,
            now,
            zone,
            server_zone: defaults.zone.clone(),
            x_files_factor,
            template: template_values(params),
        };
        let shape = Shape {
            callback: params.get("jsonp").filter(|_| params.has("format")).map(str::to_owned),
            pretty: params.is_set("pretty"),
            max_data_points: params.digits("maxDataPoints"),
            no_null_points: params.has("noNullPoints"),
        };
        let pie = graph_type == "pie";
        let format = if pie { Format::Picture } else { format(params) };
        let picture = Picture::of(params, pie, &defaults.templates);
        let fonts = defaults.fonts.clone();
        let cache_seconds = cache_seconds.filter(|_| !params.has("noCache"));
        let pie_mode = params.get("pieMode").unwrap_or("average").to_owned();
        Ok(RenderRequest { question, format, shape, picture, pie_mode, fonts, cache_seconds })
    }
}

/// `'%s'`, which does not mind quotes.
fn quoted_loosely(text: &str) -> String {
    format!("'{text}'")
}

fn cache_timeout(text: &str) -> Result<i64, Refusal> {
    python_int(text).ok_or_else(|| Refusal::bad_parameters(&not_an_integer(text)))
}

fn x_files_factor(text: &str) -> Result<f64, Refusal> {
    python_float(text).ok_or_else(|| {
        Refusal::bad_parameters(&format!("could not convert string to float: {}", quoted(text)))
    })
}

fn targets(params: Parameters<'_>) -> Result<Vec<String>, Refusal> {
    let mut targets = params.all("target");
    if targets.is_empty() {
        targets = params.all("target[]");
    }
    if targets.len() > limits::MAX_TARGETS {
        let what = format!("more than {} targets in one request", limits::MAX_TARGETS);
        return Err(Refusal::bad_parameters(&what));
    }
    Ok(targets.into_iter().map(str::to_owned).collect())
}

/// `template[name]=value`, the last of each name.
fn template_values(params: Parameters<'_>) -> Vec<(String, String)> {
    let mut values: Vec<(String, String)> = Vec::new();
    for (key, value) in params.0 {
        let Some(name) = key.strip_prefix("template[") else { continue };
        let name = name.char_indices().next_back().map_or("", |(last, _)| &name[..last]);
        match values.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => value.clone_into(old),
            None => values.push((name.to_owned(), value.clone())),
        }
    }
    values
}

/// The window that is asked for, and the moment that it is relative to.
pub fn times(
    params: Parameters<'_>,
    now: Timestamp,
    zone: &TimeZone,
) -> Result<(Window, Timestamp), Refusal> {
    let now = params.get("now").map_or(Ok(now), |text| attime::parse(text, zone, now))?;
    let moment = |name: &str, default: &str| {
        attime::parse(params.get(name).unwrap_or(default), zone, now).map_err(Refusal::from)
    };
    let (until, from) = (moment("until", "now")?, moment("from", "-1d")?);
    if from == until {
        return Err(Refusal::bad_parameters("Invalid empty time range"));
    }
    Ok((Window { from: from.min(until), until: from.max(until) }, now))
}

/// What is no data is a picture.
fn format(params: Parameters<'_>) -> Format {
    let named = match params.get("format") {
        Some(name) => name,
        None if params.has("rawData") => "raw",
        None if params.has("pickle") => "pickle",
        None => "png",
    };
    match named {
        "json" => Format::Json,
        "csv" => Format::Csv,
        "raw" => Format::Raw,
        "pickle" => Format::Pickle,
        "msgpack" => Format::MessagePack,
        "dygraph" => Format::Dygraph,
        "rickshaw" => Format::Rickshaw,
        _ => Format::Picture,
    }
}

/// The answer to a request, with what it took.
pub fn render(request: &RenderRequest, environment: Environment<'_>) -> Result<(Answer, Trace), Refusal> {
    render_with_grounds(request, environment).map(|(answer, trace, _)| (answer, trace))
}

/// The same with what it rests on, for those who keep answers.
pub fn render_with_grounds(
    request: &RenderRequest,
    environment: Environment<'_>,
) -> Result<(Answer, Trace, Grounds), Refusal> {
    let refused = |error| Refusal::of(error, &request.question.targets);
    let (answer, trace, grounds) = if request.picture.pie {
        let (answer, trace) = pie(request, environment).map_err(refused)?;
        (answer, trace, Grounds { passing: true, ..Grounds::default() })
    } else {
        let evaluated = evaluate(&request.question, environment).map_err(refused)?;
        has_room(request, &evaluated.series, environment.limits.max_bytes).map_err(refused)?;
        (write(request, evaluated.series).map_err(refused)?, evaluated.trace, evaluated.grounds)
    };
    Ok((with_cache_headers(answer, request.cache_seconds), trace, grounds))
}

/// May the answer be written beside the series that it is made of?
fn has_room(request: &RenderRequest, series: &[Series], limit: usize) -> Result<(), EvaluationError> {
    let answer = size::of_answer(request.format, &request.shape, series);
    let together = answer.saturating_add(memory::of_answer(series));
    if together > limit { Err(memory::too_much(limit)) } else { Ok(()) }
}

fn write(request: &RenderRequest, series: Vec<Series>) -> Result<Answer, EvaluationError> {
    let callback = request.shape.callback.as_deref();
    match request.format {
        Format::Json => Ok(Answer::json(json::json(series, &request.shape)?, callback)),
        Format::Dygraph => Ok(Answer::json(text::dygraph(&series)?, callback)),
        Format::Rickshaw => Ok(Answer::json(text::rickshaw(&series, request.shape.pretty)?, callback)),
        Format::Csv => Ok(Answer::new("text/csv", text::csv(&series, &request.question.zone)?)),
        Format::Raw => Ok(Answer::new("text/plain", text::raw(&series)?)),
        Format::Pickle => Ok(Answer::new("application/pickle", binary::pickle(&series)?)),
        Format::MessagePack => Ok(Answer::new("application/x-msgpack", binary::message_pack(&series)?)),
        Format::Picture => {
            let zone = &request.question.server_zone;
            let bytes = request.picture.lines(series, zone, request.fonts.as_ref())?;
            Ok(request.picture.answer(bytes, callback))
        }
    }
}

/// A slice for each target of the form `name:number`, and for each series of the others.
fn pie(request: &RenderRequest, environment: Environment<'_>) -> Result<(Answer, Trace), EvaluationError> {
    let mut slices = Vec::new();
    let mut trace = Trace::default();
    for target in &request.question.targets {
        if let Some((name, value)) = target.split_once(':') {
            let value = python_float(value).ok_or_else(|| {
                EvaluationError::failed(format!(
                    "{} is neither name:number nor a target without colons",
                    quoted(target)
                ))
            })?;
            slices.push(Slice { name: name.to_owned(), value });
            continue;
        }
        let question = Question { targets: vec![target.clone()], ..request.question.clone() };
        let evaluated = evaluate(&question, environment)?;
        trace.add(evaluated.trace);
        for series in evaluated.series {
            slices.push(Slice::of(series, &request.pie_mode)?);
        }
    }
    let bytes = request.picture.pie(slices, request.fonts.as_ref())?;
    Ok((request.picture.answer(bytes, request.shape.callback.as_deref()), trace))
}

fn with_cache_headers(answer: Answer, seconds: Option<i64>) -> Answer {
    match seconds {
        Some(seconds) if seconds > 0 => answer.with("Cache-Control", format!("max-age={seconds}")),
        _ => answer.with("Cache-Control", "max-age=0, no-cache, no-store, must-revalidate, private"),
    }
}
