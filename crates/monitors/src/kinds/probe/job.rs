//! `type = "job"`: activity of our own, so that there is something to measure when nobody is there: a sequence of HTTP
//! requests, or a command.
//!
//! What makes the activity (a step with `generator = true`, the command itself) may fail without what is watched being
//! bad: then the outcome is UNKNOWN, never CRITICAL.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use formats::nagios::plugin_output::Text;
use outbound::Url;
use outbound::http::Answer;
use serde_json::Value;

use super::condition::{Condition, Path, shown};
use super::http::{self, Statuses};
use super::seen::{CRITICAL, OK, Seen, UNKNOWN, WARNING};
use super::{Asked, Probe, Trouble, tcp, text};
use crate::config::{CheckConfig, CheckType, StepConfig};
use crate::kinds::check::plugin::{self, Ended, Ending, PluginRun};

pub const PROBE: Probe = Probe {
    kind: CheckType::Job,
    name: "job",
    keys: &[
        "steps",
        "command",
        "user",
        "password",
        "password_file",
        "token",
        "token_file",
        "ca_file",
        "verify",
        "tls_name",
        "redirects",
    ],
    required: &[],
    main: "time",
    problems,
    look: |asked| Box::pin(look(asked)),
};

/// Between one try of a step with `wait` and the next.
const BETWEEN: Duration = Duration::from_secs(1);
const STEPS_MAX: usize = 50;
const VARIABLE_BYTES_MAX: usize = 64 << 10;

async fn look(asked: &Asked<'_>) -> Result<Seen, Trouble> {
    if asked.check.command.is_empty() { steps(asked).await } else { command(asked).await }
}

async fn steps(asked: &Asked<'_>) -> Result<Seen, Trouble> {
    let begun = Instant::now();
    let mut run = Run {
        variables: BTreeMap::from([("now".to_owned(), asked.now.0.to_string())]),
        cookies: BTreeMap::new(),
    };
    let steps = &asked.check.steps;
    let mut seen = Seen::new(text::count(steps.len(), "step"));
    for (index, step) in steps.iter().enumerate() {
        let name = if step.name.is_empty() { format!("step {}", index + 1) } else { step.name.clone() };
        let step_begun = Instant::now();
        let done = run.step(asked, step).await;
        seen.value(format!("time_{name}"), step_begun.elapsed().as_secs_f64(), "s");
        if let Err(trouble) = done {
            // The steps that follow would only say what comes of it.
            let (status, who) =
                if step.generator { (UNKNOWN, "the generator failed: ") } else { (trouble.status, "") };
            seen.problem(status, format!("{who}{name}: {}", trouble.text));
            seen.summary = format!("{} of {} were done", index, text::count(steps.len(), "step"));
            break;
        }
    }
    seen.time(begun.elapsed().as_secs_f64());
    Ok(seen)
}

struct Run {
    variables: BTreeMap<String, String>,
    /// By host, as browsers keep them from one page to the next.
    cookies: BTreeMap<String, BTreeMap<String, String>>,
}

impl Run {
    /// Again and again until it is as it should be, if it may be waited for.
    async fn step(&mut self, asked: &Asked<'_>, step: &StepConfig) -> Result<(), Trouble> {
        let until = step.wait.map(|wait| asked.deadline.or_after(wait.0));
        loop {
            let tried = self.once(asked, step).await;
            match (tried, until) {
                (Err(_), Some(until)) if until.left() > BETWEEN => tokio::time::sleep(BETWEEN).await,
                (Err(trouble), Some(_)) => {
                    return Err(Trouble { text: format!("waited in vain, {}", trouble.text), ..trouble });
                }
                (tried, _) => return tried,
            }
        }
    }

    async fn once(&mut self, asked: &Asked<'_>, step: &StepConfig) -> Result<(), Trouble> {
        let url = self.filled(&step.url)?;
        let host = Url::parse(&url).map(|url| url.authority()).map_err(Trouble::unknown)?;
        let mut like = CheckConfig {
            method: step.method.clone(),
            body: step.body.as_deref().map(|body| self.filled(body)).transpose()?,
            // A redirect is an answer: what it sets is kept for the next step.
            redirects: Some(asked.check.redirects.unwrap_or(0)),
            ..credentials(asked.check)
        };
        for (name, value) in &step.headers {
            like.headers.insert(name.clone(), self.filled(value)?);
        }
        if let Some(cookies) = self.cookies.get(&host) {
            let all: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            like.headers.insert("Cookie".into(), all.join("; "));
        }
        let request = http::request(&like, &url, asked.deadline.left())?;
        let answer = outbound::http::call(asked.egress, &request).await?;
        self.keep_cookies(&host, &answer);
        judge(step, &answer)?;
        self.keep(step, &answer)
    }

    fn keep_cookies(&mut self, host: &str, answer: &Answer) {
        const COOKIES_MAX: usize = 50;
        for cookie in answer.headers.get_all("set-cookie") {
            let Some((name, value)) =
                cookie.to_str().ok().and_then(|text| text.split(';').next()?.split_once('='))
            else {
                continue;
            };
            let kept = self.cookies.entry(host.to_owned()).or_default();
            if kept.len() < COOKIES_MAX {
                kept.insert(name.trim().to_owned(), value.trim().to_owned());
            }
        }
    }

    fn keep(&mut self, step: &StepConfig, answer: &Answer) -> Result<(), Trouble> {
        if step.keep.is_empty() {
            return Ok(());
        }
        let missing = |what: &str| Trouble::critical(format!("{what}: {}", text::excerpt(&answer.body)));
        let body: Value =
            serde_json::from_slice(&answer.body).map_err(|_| missing("the answer is not JSON"))?;
        for (name, path) in &step.keep {
            let found = Path::parse(path).ok().and_then(|path| path.find(&body));
            let value = shown(&found.ok_or_else(|| missing(&format!("{path} is not in the answer")))?);
            if value.len() > VARIABLE_BYTES_MAX {
                return Err(Trouble::critical(format!("{path} is longer than {VARIABLE_BYTES_MAX} bytes")));
            }
            self.variables.insert(name.clone(), value);
        }
        Ok(())
    }

    /// `{name}` with its value; other braces stay, as JSON has them.
    fn filled(&self, text: &str) -> Result<String, Trouble> {
        const BYTES_MAX: usize = 1 << 20;
        let mut out = text.to_owned();
        for (name, value) in &self.variables {
            out = out.replace(&format!("{{{name}}}"), value);
            if out.len() > BYTES_MAX {
                return Err(Trouble::unknown(format!(
                    "with its variables in place it is longer than {BYTES_MAX} bytes"
                )));
            }
        }
        Ok(out)
    }
}

fn credentials(check: &CheckConfig) -> CheckConfig {
    CheckConfig {
        user: check.user.clone(),
        password: check.password.clone(),
        password_file: check.password_file.clone(),
        token: check.token.clone(),
        token_file: check.token_file.clone(),
        ca_file: check.ca_file.clone(),
        verify: check.verify,
        tls_name: check.tls_name.clone(),
        ..CheckConfig::default()
    }
}

fn judge(step: &StepConfig, answer: &Answer) -> Result<(), Trouble> {
    let statuses = Statuses::parse(&step.status).map_err(Trouble::unknown)?;
    if let Some((_, problem)) = statuses.problem(answer) {
        return Err(Trouble::critical(problem));
    }
    if let Some(wanted) = step.contains.iter().find(|wanted| !tcp::holds(&answer.body, wanted)) {
        let wanted = text::excerpt(wanted.as_bytes());
        return Err(Trouble::critical(format!(
            "`{wanted}` is not in the answer: {}",
            text::excerpt(&answer.body)
        )));
    }
    if step.json.is_empty() {
        return Ok(());
    }
    let body: Value = serde_json::from_slice(&answer.body)
        .map_err(|_| Trouble::critical(format!("the answer is not JSON: {}", text::excerpt(&answer.body))))?;
    let conditions = step.json.iter().filter_map(|text| Condition::parse(text).ok());
    match conditions.into_iter().find_map(|condition| condition.breach(&body)) {
        Some(problem) => Err(Trouble::critical(problem)),
        None => Ok(()),
    }
}

async fn command(asked: &Asked<'_>) -> Result<Seen, Trouble> {
    let run = PluginRun {
        command: asked.check.command.clone(),
        timeout: asked.deadline.left(),
        path: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".into(),
        environment: Vec::new(),
    };
    let ended = plugin::run(&run).await;
    Ok(of_command(&ended))
}

/// 0, 1 and 2 are what a job says of what it watches, as a plugin does; everything else is that it could not say.
fn of_command(ended: &Ended) -> Seen {
    let said = Text::of_streams(&ended.output, &ended.error_output);
    let mut seen = Seen::default();
    let failed = match &ended.ending {
        Ending::Exit(0) => None,
        Ending::Exit(1) => Some((WARNING, String::new())),
        Ending::Exit(2) => Some((CRITICAL, String::new())),
        Ending::Exit(code) => Some((UNKNOWN, format!("it ended with status {code}"))),
        Ending::Signal(signal) => Some((UNKNOWN, format!("it was killed by signal {signal}"))),
        Ending::TimedOut => Some((UNKNOWN, "it did not end in time".into())),
        Ending::NotFound => Some((UNKNOWN, "there is no such program".into())),
        Ending::NotExecutable => Some((UNKNOWN, "the program may not be run".into())),
        Ending::NotStarted(why) => Some((UNKNOWN, why.clone())),
    };
    let (status, why) = failed.unwrap_or((OK, String::new()));
    if status != OK {
        let first = if why.is_empty() {
            said.output.clone()
        } else {
            format!("the generator failed: {why}; {}", said.output)
        };
        seen.problem(status, first.trim_end_matches("; ").to_owned());
    } else {
        seen.summary = said.output.clone();
    }
    seen.time(ended.took.as_secs_f64());
    seen.details.extend((!said.long_output.is_empty()).then_some(said.long_output));
    seen.perfdata = said.perfdata;
    seen
}

fn problems(check: &CheckConfig) -> Vec<(&'static str, String)> {
    let mut problems = Vec::new();
    match (check.steps.is_empty(), check.command.is_empty()) {
        (true, true) => problems.push(("name", "a job needs [[check.steps]] or a command".into())),
        (false, false) => problems.push(("command", "there are steps too: a job is one or the other".into())),
        _ => {}
    }
    if check.steps.len() > STEPS_MAX {
        problems.push(("steps", format!("there are more than {STEPS_MAX}")));
    }
    if check.redirects.is_some_and(|most| most > super::limits::REDIRECTS_MAX) {
        problems.push(("redirects", format!("must be at most {}", super::limits::REDIRECTS_MAX)));
    }
    problems.extend(check.steps.iter().flat_map(of_step).map(|why| ("steps", why)));
    problems
}

fn of_step(step: &StepConfig) -> Vec<String> {
    let name = &step.name;
    let mut problems = Vec::new();
    // A variable may stand anywhere but in the scheme.
    if !step.url.starts_with("http://") && !step.url.starts_with("https://") && !step.url.starts_with('{') {
        problems.push(format!("`{}` is not a URL such as \"https://example.org/order\"", step.url));
    }
    problems.extend(Statuses::parse(&step.status).err());
    problems.extend(step.json.iter().filter_map(|text| Condition::parse(text).err()));
    problems.extend(step.keep.values().filter_map(|path| Path::parse(path).err()));
    problems.into_iter().map(|why| format!("{name}: {why}")).collect()
}
