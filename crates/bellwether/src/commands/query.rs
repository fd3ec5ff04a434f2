//! `bellwether query 'TARGET'`: the points of a target, once or as they come.

use std::collections::HashMap;
use std::io::IsTerminal;

use axum::http::Method;
use http_body_util::BodyExt;
use serde::Deserialize;
use serde_json::Value;

use crate::cli::{Common, QueryFormat, QueryOptions};
use crate::client::{Server, encode, parse};
use crate::failure::Failure;

/// Sparklines are as wide as most terminals allow beside a name.
const SPARKLINE_WIDTH: usize = 60;
const LONGEST_EVENT: usize = 64 << 20;

#[derive(Deserialize)]
struct Series {
    target: String,
    datapoints: Vec<(Option<f64>, i64)>,
}

pub fn run(common: &Common, options: &QueryOptions) -> Result<(), Failure> {
    refuse_mistake(&options.target)?;
    let terminal = std::io::stdout().is_terminal();
    let usual = if common.json { QueryFormat::Json } else { QueryFormat::Table };
    let format = options.format.unwrap_or(usual);
    let server = super::server(common)?;
    super::block_on(async {
        let end = if options.follow { "now" } else { options.until.as_str() };
        let past = past(&server, options, end, format).await?;
        if options.follow {
            return follow(&server, options, format, past, terminal).await;
        }
        match format {
            QueryFormat::Json | QueryFormat::Csv => super::print(&past),
            QueryFormat::Table => super::print(render_table(&parse::<Vec<Series>>(&past)?).as_bytes()),
            QueryFormat::Sparkline => {
                super::print(render_sparklines(&parse::<Vec<Series>>(&past)?).as_bytes())
            }
        }
    })
}

/// Of a call that is not closed Graphite makes a name, as which nothing is stored: whoever types it would read "no points".
fn refuse_mistake(target: &str) -> Result<(), Failure> {
    let Some(mistake) = http_api::mistake_of_form(target) else { return Ok(()) };
    let mark =
        mistake.start.map(|start| format!("\n  {target}\n  {}^", " ".repeat(start))).unwrap_or_default();
    let hint = mistake.hint.map(|hint| format!("\n  {hint}")).unwrap_or_default();
    Err(Failure::usage(format!("this is not a target: {}{mark}{hint}", mistake.message)))
}

async fn past(
    server: &Server,
    options: &QueryOptions,
    until: &str,
    format: QueryFormat,
) -> Result<Vec<u8>, Failure> {
    let kind = if format == QueryFormat::Csv && !options.follow { "csv" } else { "json" };
    let path = format!(
        "/render?target={}&from={}&until={}&format={kind}",
        encode(&options.target),
        encode(&options.from),
        encode(until)
    );
    let mut body = server.get(&path).await?.to_vec();
    if kind == "json" {
        body.push(b'\n');
    }
    Ok(body)
}

fn render_table(series: &[Series]) -> String {
    let mut rows = Vec::new();
    for series in series {
        for (value, time) in series.datapoints.iter().filter_map(|(value, time)| Some(((*value)?, *time))) {
            rows.push(vec![time_text(time), number_text(value), series.target.clone()]);
        }
    }
    if rows.is_empty() { "no points\n".into() } else { super::table(&rows) }
}

fn time_text(time: i64) -> String {
    jiff::Timestamp::from_second(time).map_or_else(|_| time.to_string(), |time| time.to_string())
}

pub fn number_text(value: f64) -> String {
    // Six decimals are enough for eyes; json and csv have all of them.
    let text = format!("{value:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn render_sparklines(series: &[Series]) -> String {
    let rows: Vec<Vec<String>> = series
        .iter()
        .map(|series| {
            let values: Vec<Option<f64>> = series.datapoints.iter().map(|(value, _)| *value).collect();
            let last = values.iter().rev().find_map(|value| *value).map_or("-".into(), number_text);
            vec![sparkline(&values), last, series.target.clone()]
        })
        .collect();
    if rows.is_empty() { "no points\n".into() } else { super::table(&rows) }
}

/// Eight heights from the least to the most; a gap is a blank.
pub fn sparkline(values: &[Option<f64>]) -> String {
    const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let every = values.len().div_ceil(SPARKLINE_WIDTH).max(1);
    let columns: Vec<Option<f64>> = values
        .chunks(every)
        .map(|chunk| {
            let known: Vec<f64> = chunk.iter().flatten().copied().filter(|value| value.is_finite()).collect();
            (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
        })
        .collect();
    let known = || columns.iter().flatten().copied();
    let (least, most) = (known().fold(f64::INFINITY, f64::min), known().fold(f64::NEG_INFINITY, f64::max));
    let height = |value: f64| {
        let share = if most > least { (value - least) / (most - least) } else { 0.0 };
        HEIGHTS[(share * 7.0).round() as usize]
    };
    columns.iter().map(|column| column.map_or(' ', height)).collect()
}

/// What the stream has said about its series so far.
#[derive(Default)]
struct Following {
    names: HashMap<u64, (String, i64)>,
    history: HashMap<u64, Vec<Option<f64>>>,
    /// Sparklines that stand on the terminal, to be written over.
    drawn: usize,
}

#[derive(Deserialize)]
struct SeriesEvent {
    series: Vec<SeriesHead>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct SeriesHead {
    id: u64,
    name: String,
    step: i64,
}

#[derive(Deserialize)]
struct PointsEvent {
    ids: Vec<u64>,
    starts: Vec<i64>,
    values: Vec<Vec<Option<f64>>>,
}

async fn follow(
    server: &Server,
    options: &QueryOptions,
    format: QueryFormat,
    past: Vec<u8>,
    terminal: bool,
) -> Result<(), Failure> {
    let mut following = Following::default();
    let series: Vec<Series> = parse(&past)?;
    let newest = series
        .iter()
        .flat_map(|s| &s.datapoints)
        .filter(|(value, _)| value.is_some())
        .map(|(_, time)| *time)
        .max();
    if format != QueryFormat::Sparkline {
        super::print_or_end(following.lines(&series, format).as_bytes())?;
    }
    let from = newest.map_or("-60s".to_owned(), |time| time.to_string());
    let path = format!("/api/v1/stream?target={}&from={}", encode(&options.target), encode(&from));
    let response = server.open(Method::GET, &path, None).await?;
    let mut body = response.into_body();
    let mut text: Vec<u8> = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(Failure::doing("the stream ended"))?;
        let Ok(data) = frame.into_data() else { continue };
        text.extend_from_slice(&data);
        if text.len() > LONGEST_EVENT {
            return Err(Failure::new("the server sent an event that does not end"));
        }
        while let Some(end) = text.windows(2).position(|pair| pair == b"\n\n") {
            let event: Vec<u8> = text.drain(..end + 2).collect();
            following.take(&String::from_utf8_lossy(&event), format, newest.unwrap_or(i64::MIN), terminal)?;
        }
    }
    Err(Failure::new("the server closed the stream: it is stopping, or this reader was too slow; ask again"))
}

impl Following {
    fn lines(&self, series: &[Series], format: QueryFormat) -> String {
        let mut out = String::new();
        for series in series {
            for (value, time) in &series.datapoints {
                if let Some(value) = value {
                    out.push_str(&line(format, &series.target, *time, *value));
                }
            }
        }
        out
    }

    fn take(&mut self, event: &str, format: QueryFormat, after: i64, terminal: bool) -> Result<(), Failure> {
        let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::trim_start);
        let Some(data) = field("data:") else { return Ok(()) };
        match field("event:") {
            Some("series") => {
                let event: SeriesEvent = parse(data.as_bytes())?;
                if let Some(error) = event.error {
                    return Err(Failure::new(
                        error["message"].as_str().unwrap_or("the target cannot be evaluated"),
                    ));
                }
                self.names = event.series.into_iter().map(|head| (head.id, (head.name, head.step))).collect();
                self.history.retain(|id, _| self.names.contains_key(id));
            }
            Some("end") => return Err(ended(&parse(data.as_bytes())?)),
            Some("points") => return self.points(&parse(data.as_bytes())?, format, after, terminal),
            _ => {}
        }
        Ok(())
    }

    fn points(
        &mut self,
        event: &PointsEvent,
        format: QueryFormat,
        after: i64,
        terminal: bool,
    ) -> Result<(), Failure> {
        let mut out = String::new();
        for ((id, start), values) in event.ids.iter().zip(&event.starts).zip(&event.values) {
            let Some((name, step)) = self.names.get(id) else { continue };
            for (index, value) in values.iter().enumerate() {
                let time = start + index as i64 * step;
                if let Some(value) = value
                    && time > after
                    && format != QueryFormat::Sparkline
                {
                    out.push_str(&line(format, name, time, *value));
                }
            }
            if format == QueryFormat::Sparkline {
                let history = self.history.entry(*id).or_default();
                history.extend(values);
                let surplus = history.len().saturating_sub(SPARKLINE_WIDTH);
                history.drain(..surplus);
            }
        }
        if format == QueryFormat::Sparkline {
            out = self.sparklines(terminal);
        }
        super::print_or_end(out.as_bytes())
    }

    /// On a terminal the lines before are written over.
    fn sparklines(&mut self, terminal: bool) -> String {
        let mut rows: Vec<Vec<String>> = self
            .history
            .iter()
            .filter_map(|(id, values)| {
                let (name, _) = self.names.get(id)?;
                let last = values.iter().rev().find_map(|value| *value).map_or("-".into(), number_text);
                Some(vec![sparkline(values), last, name.clone()])
            })
            .collect();
        rows.sort_by(|a, b| a[2].cmp(&b[2]));
        let back = match self.drawn {
            lines if terminal && lines > 0 => format!("\x1b[{lines}F\x1b[J"),
            _ => String::new(),
        };
        self.drawn = rows.len();
        format!("{back}{}", super::table(&rows))
    }
}

/// The server goes on, and this stream does not.
fn ended(event: &Value) -> Failure {
    let text = |key: &str| event[key].as_str().map(str::to_owned);
    let error = text("error").unwrap_or_else(|| "the server ended the stream".into());
    match text("hint") {
        Some(hint) => Failure::new(format!("{error}; {hint}")),
        None => Failure::new(error),
    }
}

fn line(format: QueryFormat, name: &str, time: i64, value: f64) -> String {
    match format {
        QueryFormat::Json => {
            format!("{}\n", serde_json::json!({"target": name, "time": time, "value": value}))
        }
        QueryFormat::Csv => {
            let quoted = if name.contains([',', '"', '\n']) {
                format!("\"{}\"", name.replace('"', "\"\""))
            } else {
                name.to_owned()
            };
            format!("{quoted},{time},{value}\n")
        }
        _ => format!("{}  {}  {name}\n", time_text(time), number_text(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sparklines_show_shape_and_gaps() {
        let values = [Some(0.0), Some(7.0), None, Some(3.5)];
        assert_eq!(sparkline(&values), "▁█ ▅");
        assert_eq!(sparkline(&[Some(2.0), Some(2.0)]), "▁▁");
        assert_eq!(sparkline(&[]), "");
        assert_eq!(sparkline(&vec![Some(1.0); 600]).chars().count(), 60);
    }

    #[test]
    fn only_ones_own_lines_are_written_over() {
        let mut following = Following {
            names: HashMap::from([(1, ("a".to_owned(), 1)), (2, ("b".to_owned(), 1))]),
            history: HashMap::from([(1, vec![Some(1.0)]), (2, vec![Some(2.0)])]),
            drawn: 0,
        };
        assert_eq!(following.sparklines(true), "▁  1  a\n▁  2  b\n");
        assert!(following.sparklines(true).starts_with("\x1b[2F\x1b[J▁"));
        following.take("event: series\ndata: {\"series\": []}", QueryFormat::Sparkline, 0, true).unwrap();
        assert_eq!(following.sparklines(true), "\x1b[2F\x1b[J");
        assert_eq!(following.sparklines(true), "");
    }

    #[test]
    fn the_end_of_a_stream_says_what_to_do() {
        let take = |event: &str| Following::default().take(event, QueryFormat::Table, 0, false);
        let said = "event: end\ndata: {\"reason\": \"expired\", \"error\": \"it has ended\", \"hint\": \"sign in again\"}";
        let failure = take(said).unwrap_err().message;
        assert_eq!(failure, "it has ended; sign in again");
        assert!(take("event: end\ndata: {}").is_err() && take("event: of tomorrow\ndata: {}").is_ok());
    }

    #[test]
    fn numbers_for_eyes() {
        assert_eq!([1.0, 0.1 + 0.2, 1234567.891, -0.5].map(number_text), ["1", "0.3", "1234567.891", "-0.5"]);
    }
}
