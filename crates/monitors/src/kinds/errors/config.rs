//! `[[monitor]] kind = "errors"`.

use std::sync::Arc;

use vocabulary::time::HumanDuration;

use super::condition::Condition;
use super::limits::{CALM_SECONDS, MAX_CONDITIONS, MAX_TEXT, MAX_WINDOW_SECONDS};
use super::seen::{Pattern, Seen};
use crate::config::{MonitorConfig, MonitorKind, keys_of_metrics, misplaced};

type Problems = Vec<(&'static str, String)>;

/// What is told of which errors.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    pub name: Arc<str>,
    pub project: Pattern,
    pub environment: Option<Pattern>,
    pub release: Option<Pattern>,
    pub tag: Option<(String, Pattern)>,
    /// Each with its text as written.
    pub conditions: Vec<(String, Condition)>,
    /// What has not been met for so long is over.
    pub calm_seconds: i64,
}

/// The keys that a rule on errors may have, those that others have and it may not, and whether they can be read.
pub fn problems(monitor: &MonitorConfig) -> Problems {
    if monitor.kind != MonitorKind::Errors {
        let keys = [
            ("project", monitor.project.is_some()),
            ("when", monitor.when.is_some()),
            ("environment", monitor.environment.is_some()),
            ("release", monitor.release.is_some()),
            ("tag", monitor.tag.is_some()),
        ];
        return misplaced(&keys, "errors");
    }
    let keys: Vec<_> =
        keys_of_metrics(monitor).into_iter().filter(|(key, _)| *key != "recover_for").collect();
    let mut problems = misplaced(&keys, "metric");
    problems.extend(Rule::new(monitor).err().unwrap_or_default());
    problems
}

impl Rule {
    pub fn new(monitor: &MonitorConfig) -> Result<Rule, Problems> {
        let mut problems = Problems::new();
        let project = project(monitor, &mut problems);
        let conditions = conditions(monitor, &mut problems);
        let environment = pattern("environment", monitor.environment.as_deref(), &mut problems);
        let release = pattern("release", monitor.release.as_deref(), &mut problems);
        let tag = tag(monitor.tag.as_deref(), &mut problems);
        if tag.is_some() && conditions.iter().any(|(_, condition)| *condition == Condition::Spike) {
            let why = "how often an error is usual is not known by tag: leave `tag` out, or write \"events > 100 in 5m\" instead of \"spike\"";
            problems.push(("tag", why.into()));
        }
        let calm_seconds = calm_seconds(monitor.recover_for, &mut problems);
        match problems.is_empty() {
            false => Err(problems),
            true => Ok(Rule {
                name: monitor.name.as_str().into(),
                project,
                environment,
                release,
                tag,
                conditions,
                calm_seconds,
            }),
        }
    }

    pub fn is_about(&self, seen: &Seen) -> bool {
        let fits = |pattern: &Option<Pattern>, value: Option<&str>| {
            pattern.as_ref().is_none_or(|pattern| value.is_some_and(|value| pattern.fits(value)))
        };
        self.project.fits(&seen.project_name)
            && fits(&self.environment, seen.environment.as_deref())
            && fits(&self.release, seen.release.as_deref())
            && self.tag.as_ref().is_none_or(|(key, pattern)| {
                seen.tags.iter().any(|(name, value)| name == key && pattern.fits(value))
            })
    }
}

fn project(monitor: &MonitorConfig, problems: &mut Problems) -> Pattern {
    if monitor.project.is_none() {
        let why = "whose errors are told is missing: write project = \"web\", the name of a project, or \"*\" for all";
        problems.push(("project", why.into()));
    }
    pattern("project", monitor.project.as_deref(), problems).unwrap_or_default()
}

fn conditions(monitor: &MonitorConfig, problems: &mut Problems) -> Vec<(String, Condition)> {
    let texts = monitor.when.as_deref().unwrap_or_default();
    if texts.is_empty() {
        let why = "nothing says when an error is told: write when = [\"new\", \"regressed\"]";
        problems.push(("when", why.into()));
    }
    if texts.len() > MAX_CONDITIONS {
        problems.push(("when", format!("has more than {MAX_CONDITIONS} conditions: make several monitors")));
    }
    let mut conditions: Vec<(String, Condition)> = Vec::new();
    for text in texts.iter().take(MAX_CONDITIONS) {
        match Condition::parse(text) {
            Err(why) => problems.push(("when", why)),
            Ok(condition) if conditions.iter().any(|(_, known)| *known == condition) => {
                problems.push(("when", format!("`{text}` is there already: leave one of them out")));
            }
            Ok(condition) => conditions.push((text.clone(), condition)),
        }
    }
    conditions
}

fn pattern(key: &'static str, text: Option<&str>, problems: &mut Problems) -> Option<Pattern> {
    let text = text?;
    if text.trim().is_empty() || text.len() > MAX_TEXT {
        problems.push((key, format!("is 1 to {MAX_TEXT} characters: write a name, or leave it out")));
    }
    Some(Pattern::new(text))
}

fn tag(text: Option<&str>, problems: &mut Problems) -> Option<(String, Pattern)> {
    let text = text?;
    match text.split_once('=') {
        Some((key, value))
            if !key.trim().is_empty() && !value.trim().is_empty() && text.len() <= MAX_TEXT =>
        {
            Some((key.trim().to_owned(), Pattern::new(value.trim())))
        }
        _ => {
            let why = format!("`{text}` is not a tag with its value: write such as \"browser=Firefox*\"");
            problems.push(("tag", why));
            None
        }
    }
}

fn calm_seconds(written: Option<HumanDuration>, problems: &mut Problems) -> i64 {
    let Some(written) = written else { return CALM_SECONDS };
    let seconds = i64::try_from(written.0.as_secs()).unwrap_or(i64::MAX);
    if !(60..=MAX_WINDOW_SECONDS).contains(&seconds) {
        problems.push((
            "recover_for",
            format!("`{written}` is no time for an error to be calm: write \"1min\" to \"2d\""),
        ));
    }
    seconds
}
