//! `type = "graphite"`: a number of another Graphite, over HTTP. Targets on our own store are metric monitors.

use std::time::Duration;

use outbound::Url;
use serde_json::Value;

use super::seen::{Seen, UNKNOWN};
use super::{Asked, Probe, Trouble, http, text};
use crate::config::{CheckConfig, CheckType, ThresholdConfig};

pub const PROBE: Probe = Probe {
    kind: CheckType::Graphite,
    name: "graphite",
    keys: &[
        "url",
        "target",
        "window",
        "reduce",
        "headers",
        "user",
        "password",
        "password_file",
        "token",
        "token_file",
        "ca_file",
        "verify",
        "tls_name",
        "connect_to",
    ],
    required: &["url", "target"],
    main: "value",
    problems,
    look: |asked| Box::pin(look(asked)),
};

const WINDOW: Duration = Duration::from_secs(300);
const REDUCERS: [&str; 6] = ["last", "avg", "min", "max", "sum", "median"];

async fn look(asked: &Asked<'_>) -> Result<Seen, Trouble> {
    let url = question(asked.check);
    let request = http::request(asked.check, &url, asked.deadline.left())?;
    let answer = outbound::http::call(asked.egress, &request).await?;
    if !answer.status.is_success() {
        // What is asked of it is ours to mend; that it does not answer at all is told as CRITICAL.
        return Err(Trouble::unknown(format!(
            "Graphite answers {}: {}",
            answer.status,
            text::excerpt(&answer.body)
        )));
    }
    let strange =
        || Trouble::unknown(format!("what came is not Graphite's JSON: {}", text::excerpt(&answer.body)));
    let series: Vec<Value> = serde_json::from_slice(&answer.body).map_err(|_| strange())?;
    Ok(seen(asked.check, &series))
}

fn question(check: &CheckConfig) -> String {
    let base = check.url.as_deref().unwrap_or_default().trim_end_matches('/');
    let window = check.window.map_or(WINDOW, |window| window.0).as_secs().max(1);
    let target = escaped(check.target.as_deref().unwrap_or_default());
    format!("{base}/render?target={target}&from=-{window}s&format=json")
}

fn escaped(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(byte as char),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// Thresholds are of each series. With one alone it is called `value`.
fn seen(check: &CheckConfig, series: &[Value]) -> Seen {
    let reduce = check.reduce.as_deref().unwrap_or("last");
    let mut seen = Seen::default();
    let mut told = Vec::new();
    for one in series {
        let name = one["target"].as_str().unwrap_or_default();
        let points = one["datapoints"].as_array().map(Vec::as_slice).unwrap_or_default();
        let numbers: Vec<f64> = points.iter().filter_map(|point| point[0].as_f64()).collect();
        let number = reduced(reduce, &numbers);
        let label = if series.len() == 1 { "value" } else { name };
        let value = seen.value(label, number.unwrap_or(f64::NAN), "");
        value.default = ThresholdConfig { warning: check.warning.clone(), critical: check.critical.clone() };
        match number {
            Some(number) => told.push(format!("{name} {number}")),
            None => seen.problem(UNKNOWN, format!("{} has no point", text::excerpt(name.as_bytes()))),
        }
    }
    if series.is_empty() {
        seen.problem(UNKNOWN, format!("{} is no series there", check.target.as_deref().unwrap_or_default()));
    }
    seen.summary = text::excerpt(format!("{reduce} {}", told.join(", ")).as_bytes());
    seen
}

fn reduced(reduce: &str, numbers: &[f64]) -> Option<f64> {
    let count = numbers.len() as f64;
    let sum = || numbers.iter().sum::<f64>();
    let last = *numbers.last()?;
    Some(match reduce {
        "avg" => sum() / count,
        "sum" => sum(),
        "min" => numbers.iter().copied().fold(f64::INFINITY, f64::min),
        "max" => numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        "median" => {
            let mut sorted = numbers.to_vec();
            sorted.sort_by(f64::total_cmp);
            let middle = sorted.len() / 2;
            if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 }
        }
        _ => last,
    })
}

fn problems(check: &CheckConfig) -> Vec<(&'static str, String)> {
    let mut problems = Vec::new();
    if let Some(Err(why)) = check.url.as_deref().map(Url::parse) {
        problems.push(("url", why));
    }
    if let Some(reduce) = check.reduce.as_ref().filter(|reduce| !REDUCERS.contains(&reduce.as_str())) {
        problems.push(("reduce", format!("`{reduce}` is none of {}", REDUCERS.join(", "))));
    }
    problems.extend(
        check
            .headers
            .iter()
            .filter_map(|(name, value)| Some(("headers", outbound::http::header(name, value).err()?))),
    );
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::probe::of;

    #[test]
    fn each_series_is_judged() {
        let check: CheckConfig =
            toml::from_str("target = \"a.*\"\ncritical = \"> 5\"\nreduce = \"max\"").unwrap();
        let series: Vec<Value> = serde_json::from_str(
            r#"[{"target":"a.b","datapoints":[[1,0],[9,1],[null,2]]},{"target":"a.c","datapoints":[[null,0]]}]"#,
        )
        .unwrap();
        let outcome = seen(&check, &series).judge(of(CheckType::Graphite).unwrap(), &check);
        assert_eq!(outcome.status, 2);
        assert!(
            outcome.output.contains("a.b 9 is above 5") && outcome.output.contains("a.c has no point"),
            "{}",
            outcome.output
        );
        assert_eq!(outcome.perfdata, "a.b=9;;~:5 a.c=U;;~:5");
    }

    #[test]
    fn reducers() {
        for (reduce, expected) in
            [("last", 4.0), ("avg", 2.5), ("sum", 10.0), ("min", 1.0), ("max", 4.0), ("median", 2.5)]
        {
            assert_eq!(reduced(reduce, &[1.0, 3.0, 2.0, 4.0]), Some(expected), "{reduce}");
            assert_eq!(reduced(reduce, &[]), None);
        }
    }
}
