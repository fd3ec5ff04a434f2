//! Answers to targets: those of a file, and those of the dashboards that graphite-web keeps.

use std::path::Path;

use formats::grafana::{self, Dashboard};
use graphite::parse;
use graphite::target::{Call, Expression};
use serde::Deserialize;
use serde_json::Value;

use super::original::{Kind as AnswerKind, Trouble};
use super::points::same;
use super::raw::{self, Row};
use super::report::{Difference, Kind};
use super::sides::{self, Which, Window};
use super::{Comparison, now};
use crate::client::encode;
use crate::failure::Failure;

/// Seconds back, and `maxDataPoints` as a dashboard would send it.
const WINDOWS: [(i64, Option<u32>); 3] = [(3_600, None), (86_400, Some(700)), (7 * 86_400, Some(700))];
/// Series of one target whose stored points are looked up to explain it.
const MOST_BEHIND: usize = 1_000;
const MOST_DASHBOARDS: usize = 1_000;

/// Targets of a file: lines, or Grafana's dashboards.
pub fn read(file: &Path) -> Result<Vec<String>, Failure> {
    if file.extension().is_none_or(|end| end != "json") {
        return read_lines(file);
    }
    let dashboards =
        crate::commands::import_grafana::read(file).map_err(|failure| Failure::usage(failure.message))?;
    let of_dashboard = |dashboard: Dashboard| {
        let targets =
            dashboard.panels.iter().flat_map(|panel| &panel.targets).filter(|target| !target.hidden);
        targets.map(|target| grafana::substituted(&target.text, &dashboard)).collect::<Vec<_>>()
    };
    Ok(dashboards.into_iter().flat_map(of_dashboard).collect())
}

/// A target a line; empty lines and those that begin with `#` are none.
fn read_lines(file: &Path) -> Result<Vec<String>, Failure> {
    let text = crate::config::read_bounded(file).map_err(Failure::doing(file.display()))?;
    let lines = text.lines().map(str::trim).enumerate();
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let checked = lines.map(|(index, line)| match parse::parse_prefix(line) {
        Ok(parsed) => {
            if let Some(stuck) = parsed.stuck {
                // Both ignore what follows a complete target: dashboards may rest on it.
                eprintln!("{}:{}: only a part of it is read: {stuck}", file.display(), index + 1);
            }
            Ok(line.to_owned())
        }
        Err(error) => {
            Err(Failure::usage(format!("{}:{}:{}: {error}", file.display(), index + 1, error.at + 1)))
        }
    });
    checked.collect()
}

#[derive(Deserialize)]
struct Answered {
    target: String,
    datapoints: Vec<(Option<f64>, i64)>,
}

type Series = Vec<(String, Row)>;

impl Comparison {
    pub async fn target(&mut self, target: &str) -> Result<(), Trouble> {
        for (seconds, width) in &WINDOWS {
            let until = (now() - self.settle).div_euclid(60) * 60;
            let window = Window { from: until - seconds, until, now: until };
            let theirs = self.answer(Which::Theirs, target, window, *width).await?;
            let ours = self.answer(Which::Ours, target, window, *width).await?;
            let Some(mut difference) = judge(target, &theirs, &ours) else { continue };
            difference.window = *seconds;
            if difference.kind == Kind::Answer
                && let Some(behind) = self.stored_difference(target).await?
            {
                difference.cause.push_str(&format!(", as do the stored points of {behind}"));
            }
            self.see(difference)?;
        }
        Ok(())
    }

    /// The answer, or the words with which it was refused.
    async fn answer(
        &mut self,
        which: Which,
        target: &str,
        window: Window,
        width: Option<u32>,
    ) -> Result<Result<Series, Trouble>, Trouble> {
        let (kind, format) = match width {
            None => (AnswerKind::Raw, "format=raw".to_owned()),
            Some(width) => (AnswerKind::Json, format!("format=json&maxDataPoints={width}")),
        };
        let form = format!("{format}&{}&target={}", window.form(), encode(target));
        self.round.queries += 1;
        match self.sides.ask(which, "/render", Some(form), kind).await {
            Ok(body) if kind == AnswerKind::Raw => {
                raw::read_in_order(&body).map(Ok).map_err(Trouble::Elsewhere)
            }
            Ok(body) => json(&body).map(Ok),
            Err(trouble @ (Trouble::Refused { .. } | Trouble::TooMuch(_))) => Ok(Err(trouble)),
            Err(trouble) => Err(trouble),
        }
    }

    /// A series behind the target whose stored points are known to differ.
    async fn stored_difference(&mut self, target: &str) -> Result<Option<String>, Trouble> {
        let Ok(expression) = parse::parse(target) else { return Ok(None) };
        let mut paths = Vec::new();
        collect(&expression, &mut paths);
        let queries: Vec<String> = paths.iter().map(|path| format!("query={}", encode(path))).collect();
        if queries.is_empty() {
            return Ok(None);
        }
        #[derive(Deserialize)]
        struct Expanded {
            results: Vec<String>,
        }
        let form = Some(format!("leavesOnly=1&{}", queries.join("&")));
        let body = match self.sides.ask(Which::Ours, "/metrics/expand", form, AnswerKind::Json).await {
            Err(Trouble::Refused { .. }) => return Ok(None),
            body => body?,
        };
        let expanded: Expanded =
            serde_json::from_slice(&body).map_err(|error| Trouble::Elsewhere(error.to_string()))?;
        Ok(expanded.results.into_iter().take(MOST_BEHIND).find(|name| self.ledger.knows(name).is_some()))
    }

    pub async fn targets_of_dashboards(&mut self) -> Result<Vec<String>, Trouble> {
        let found: Value = self.dashboard_json("/dashboard/find/?query=").await?;
        let names = found["dashboards"].as_array().cloned().unwrap_or_default();
        let names: Vec<&str> = names.iter().filter_map(|dashboard| dashboard["name"].as_str()).collect();
        let mut targets = Vec::new();
        for name in names.iter().take(MOST_DASHBOARDS) {
            let loaded = self.dashboard_json(&format!("/dashboard/load/{}", encode(name))).await?;
            for graph in loaded["state"]["graphs"].as_array().into_iter().flatten() {
                let found = graph[1]["target"].as_array().into_iter().flatten().filter_map(Value::as_str);
                targets.extend(found.map(str::to_owned));
            }
        }
        if names.len() > MOST_DASHBOARDS {
            self.round.left_out.push(format!(
                "{} dashboards beyond the first {MOST_DASHBOARDS}",
                names.len() - MOST_DASHBOARDS
            ));
        }
        Ok(targets)
    }

    async fn dashboard_json(&mut self, path: &str) -> Result<Value, Trouble> {
        let body = self.sides.ask(Which::Theirs, path, None, AnswerKind::Json).await?;
        sides::json(&body)
    }
}

fn json(body: &[u8]) -> Result<Series, Trouble> {
    let series: Vec<Answered> = sides::json(body)?;
    let rows = series.into_iter().map(|one| {
        let time = |index: usize| one.datapoints.get(index).map_or(0, |point| point.1);
        let step = (time(1) - time(0)).max(1);
        let values = one.datapoints.iter().map(|point| point.0.unwrap_or(f64::NAN)).collect();
        (one.target.clone(), Row { start: time(0), step, values })
    });
    Ok(rows.collect())
}

fn judge(
    target: &str,
    theirs: &Result<Series, Trouble>,
    ours: &Result<Series, Trouble>,
) -> Option<Difference> {
    match (theirs, ours) {
        (Ok(theirs), Ok(ours)) => series(target, theirs, ours),
        // Both refuse; with 500 it is a page of Python where we have words.
        (Err(_), Err(_)) => None,
        (Err(there), Ok(_)) => {
            let cause = format!("refused there, answered here: {there}");
            Some(Difference { expected: true, ..Difference::about(target, Kind::NotAnsweredThere, cause) })
        }
        (Ok(_), Err(here)) => Some(Difference::about(
            target,
            Kind::NotAnsweredHere,
            format!("answered there, refused here: {here}"),
        )),
    }
}

fn series(target: &str, theirs: &Series, ours: &Series) -> Option<Difference> {
    fn names(series: &Series) -> Vec<&str> {
        series.iter().map(|(name, _)| name.as_str()).collect()
    }
    let (there, here) = (names(theirs), names(ours));
    if there != here {
        let missing = there.iter().find(|name| !here.contains(name));
        let more = here.iter().find(|name| !there.contains(name));
        let cause = match (missing, more) {
            (None, None) => "the same series in another order or number",
            _ => "other series in the answer",
        };
        let value = |name: Option<&&str>| name.map_or(Value::Null, |name| (*name).into());
        return Some(Difference {
            theirs: value(missing),
            ours: value(more),
            ..Difference::about(target, Kind::Answer, cause)
        });
    }
    let mut differing =
        theirs.iter().zip(ours).filter_map(|((name, theirs), (_, ours))| Some((name, row(theirs, ours)?)));
    let (name, (time, there, here)) = differing.next()?;
    let others = differing.count();
    let also = if others > 0 { format!(", and {others} more") } else { String::new() };
    Some(Difference {
        points: 1,
        times: Some((time, time)),
        theirs: there,
        ours: here,
        ..Difference::about(target, Kind::Answer, format!("other values of {name}{also}"))
    })
}

/// The first slot that differs.
fn row(theirs: &Row, ours: &Row) -> Option<(i64, Value, Value)> {
    let shape = |row: &Row| (row.start, row.step, row.values.len());
    if shape(theirs) != shape(ours) {
        let text =
            |row: &Row| format!("{} values from {} every {} s", row.values.len(), row.start, row.step).into();
        return Some((theirs.start, text(theirs), text(ours)));
    }
    let values = theirs.values.iter().zip(&ours.values);
    let index = values.clone().position(|(a, b)| !(a.is_nan() && b.is_nan() || same(*a, *b)))?;
    let value = |values: &[f64]| Value::from(Some(values[index]).filter(|value| value.is_finite()));
    Some((theirs.start + index as i64 * theirs.step, value(&theirs.values), value(&ours.values)))
}

fn collect<'e>(expression: &'e Expression, paths: &mut Vec<&'e str>) {
    let calls = |call: &'e Call, paths: &mut Vec<&'e str>| {
        call.arguments.iter().for_each(|argument| collect(argument, paths));
    };
    match expression {
        Expression::Literal(_) => {}
        Expression::Path(path) => paths.push(&path.text),
        Expression::Template(template) => collect(&template.inner, paths),
        Expression::Call(call) => calls(call, paths),
        Expression::Piped { base, calls: piped } => {
            collect(base, paths);
            piped.iter().for_each(|call| calls(call, paths));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(name: &str, values: &[f64]) -> (String, Row) {
        (name.into(), Row { start: 60, step: 60, values: values.to_vec() })
    }

    #[test]
    fn answers_are_the_same_or_say_where_they_differ() {
        let check = |theirs: &Series, ours: &Series, words: Option<&str>| {
            let found = series("t", theirs, ours).map(|difference| difference.cause);
            assert_eq!(found.as_deref(), words);
        };
        let a = vec![one("a", &[1.0, f64::NAN]), one("b", &[2.0])];
        check(&a, &a.clone(), None);
        check(&a, &vec![one("a", &[1.0, 3.0]), one("b", &[2.5])], Some("other values of a, and 1 more"));
        check(&a, &vec![one("a", &[1.0, f64::NAN])], Some("other series in the answer"));
        check(&a, &vec![a[1].clone(), a[0].clone()], Some("the same series in another order or number"));
        let infinite = json(br#"[{"target":"x","datapoints":[[1e9999,60],[-1e9999,120]]}]"#).unwrap();
        assert_eq!(infinite[0].1.values, [f64::MAX, f64::MIN]);
    }
}
