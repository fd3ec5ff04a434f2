//! `type = "http"`: status, body, JSON, sub-checks, times, certificate.

pub mod health;

use outbound::Url;
use outbound::http::{Answer, Auth, Request};

use super::condition::{Condition, Path, number};
use super::limits::{BODY_BYTES_MAX, REDIRECTS_MAX};
use super::seen::{CRITICAL, OK, Seen, WARNING, worse};
use super::{Asked, Probe, Trouble, keys, tcp, text, tls};
use crate::config::{CheckConfig, CheckType};

pub const PROBE: Probe = Probe {
    kind: CheckType::Http,
    name: "http",
    keys: &[
        "url",
        "method",
        "headers",
        "body",
        "user",
        "password",
        "password_file",
        "token",
        "token_file",
        "ca_file",
        "verify",
        "tls_name",
        "connect_to",
        "redirects",
        "status",
        "contains",
        "not_contains",
        "matches",
        "json",
        "values",
        "health",
    ],
    required: &["url"],
    main: "time",
    problems,
    look: |asked| Box::pin(look(asked)),
};

async fn look(asked: &Asked<'_>) -> Result<Seen, Trouble> {
    let request =
        request(asked.check, asked.check.url.as_deref().unwrap_or_default(), asked.deadline.left())?;
    let answer = outbound::http::call(asked.egress, &request).await?;
    let mut seen = Seen::new(summary(&answer));
    times(&answer, &mut seen);
    let accepted = Statuses::parse(&asked.check.status).unwrap_or_default();
    let healthy = accepted.problem(&answer);
    body(asked.check, &answer, &mut seen);
    let failing = sub_checks(asked.check, &answer, &mut seen);
    // A failing sub-check says it better than the status that comes of it.
    if let Some((status, problem)) = healthy
        && (failing == OK || !asked.check.status.is_empty())
    {
        seen.problem(status, problem);
    }
    if let Some(shown) = &answer.tls {
        tls::expiry(shown, asked.now, &mut seen);
    }
    Ok(seen)
}

pub fn request(check: &CheckConfig, url: &str, timeout: std::time::Duration) -> Result<Request, Trouble> {
    let url = Url::parse(url).map_err(Trouble::unknown)?;
    let method = check.method.as_deref().unwrap_or("GET").to_uppercase();
    let method = method.parse().map_err(|_| Trouble::unknown(format!("`{method}` is no method")))?;
    let mut request = Request::new(method, url);
    for (name, value) in &check.headers {
        request.header(name, value)?;
    }
    request.body = check.body.clone().unwrap_or_default().into();
    request.auth = auth(check)?;
    request.connect_to = check.connect_to.clone();
    request.connect_timeout = timeout;
    request.timeout = timeout;
    request.body_most = BODY_BYTES_MAX;
    request.redirects_most = check.redirects.unwrap_or(request.redirects_most);
    request.tls = tls::options(check);
    Ok(request)
}

fn auth(check: &CheckConfig) -> Result<Option<Auth>, Trouble> {
    if let Some(token) = keys::secret(&check.token, &check.token_file)? {
        return Ok(Some(Auth::Bearer(token)));
    }
    let Some(user) = check.user.clone() else { return Ok(None) };
    let password = keys::secret(&check.password, &check.password_file)?.unwrap_or_default();
    Ok(Some(Auth::Basic { user, password }))
}

/// `200 OK from https://example.org, 3.1 KiB in 0.12 s`
fn summary(answer: &Answer) -> String {
    let cut = if answer.is_cut { "more than " } else { "" };
    let size = text::bytes(answer.body.len() as f64);
    let sent_on = if answer.redirects == 0 {
        String::new()
    } else {
        format!(" after {}", text::count(answer.redirects.into(), "redirect"))
    };
    let seconds = answer.timings.total.as_secs_f64();
    format!("{} from {}{sent_on}, {cut}{size} in {seconds:.3} s", answer.status, answer.url.origin())
}

fn times(answer: &Answer, seen: &mut Seen) {
    let timings = &answer.timings;
    seen.time(timings.total.as_secs_f64());
    seen.value("size", answer.body.len() as f64, "B").min = Some(0.0);
    seen.value("time_resolve", timings.resolve.as_secs_f64(), "s");
    seen.value("time_connect", timings.connect.as_secs_f64(), "s");
    if answer.tls.is_some() {
        seen.value("time_tls", timings.tls.as_secs_f64(), "s");
    }
    seen.value("time_first_byte", timings.first_byte.as_secs_f64(), "s");
}

/// Ranges of statuses; none: those that say that all is well, 200 to 399.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Statuses(Vec<(u16, u16)>);

impl Statuses {
    pub fn parse(texts: &[String]) -> Result<Statuses, String> {
        texts.iter().map(|text| range(text)).collect::<Result<_, _>>().map(Statuses)
    }

    pub fn accept(&self, status: u16) -> bool {
        let within = |(first, last): &(u16, u16)| (*first..=*last).contains(&status);
        if self.0.is_empty() { (200..=399).contains(&status) } else { self.0.iter().any(within) }
    }

    fn shown(&self) -> String {
        let one = |(first, last): &(u16, u16)| {
            if first == last { first.to_string() } else { format!("{first}-{last}") }
        };
        if self.0.is_empty() {
            "200-399".into()
        } else {
            self.0.iter().map(one).collect::<Vec<_>>().join(", ")
        }
    }

    /// With the first words of the body: they often say why. As with check_http, 400 to 499 are WARNING unless statuses
    /// are named: it is we who asked for the wrong thing.
    pub fn problem(&self, answer: &Answer) -> Option<(u8, String)> {
        if self.accept(answer.status.as_u16()) {
            return None;
        }
        let said = if is_text(answer) { text::excerpt(&answer.body) } else { String::new() };
        let said = if said.is_empty() { said } else { format!(" ({said})") };
        let is_ours = self.0.is_empty() && answer.status.is_client_error();
        let status = if is_ours { WARNING } else { CRITICAL };
        Some((status, format!("status {}{said}, expected {}", answer.status, self.shown())))
    }
}

fn range(text: &str) -> Result<(u16, u16), String> {
    let wrong =
        || format!("`{text}` is no HTTP status: write one such as \"200\", or a range such as \"200-299\"");
    let status =
        |text: &str| text.trim().parse().ok().filter(|status| (100..=599).contains(status)).ok_or_else(wrong);
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let range = (status(first)?, status(last)?);
    if range.0 <= range.1 { Ok(range) } else { Err(wrong()) }
}

fn is_text(answer: &Answer) -> bool {
    let kind = header(answer, "content-type");
    !is_packed(answer) && (kind.is_empty() || kind.contains("text/plain") || kind.contains("json"))
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// We never ask for it, so a body that is packed all the same is not unpacked: what is small here may be endless there.
fn is_packed(answer: &Answer) -> bool {
    !matches!(header(answer, "content-encoding"), "" | "identity")
}

fn body(check: &CheckConfig, answer: &Answer, seen: &mut Seen) {
    let wants = !check.contains.is_empty()
        || !check.matches.is_empty()
        || !check.json.is_empty()
        || !check.values.is_empty();
    if wants && is_packed(answer) {
        let packed = header(answer, "content-encoding");
        seen.problem(
            CRITICAL,
            format!(
                "the body is packed ({packed}) though nobody asked for that, so it cannot be looked into"
            ),
        );
        return;
    }
    let failed = seen.problems.len();
    tcp::judge(check, &answer.body, seen);
    let text = String::from_utf8_lossy(&answer.body);
    for pattern in &check.matches {
        if !keys::regex(pattern).is_ok_and(|regex| regex.is_match(&text)) {
            seen.problem(
                CRITICAL,
                format!("nothing in the body matches {pattern}: {}", text::excerpt(&answer.body)),
            );
        }
    }
    json(check, answer, seen);
    if answer.is_cut && seen.problems.len() > failed {
        seen.details.push(format!(
            "only the first {} of the body were looked at",
            text::bytes(answer.body.len() as f64)
        ));
    }
}

fn json(check: &CheckConfig, answer: &Answer, seen: &mut Seen) {
    if check.json.is_empty() && check.values.is_empty() {
        return;
    }
    let parsed: serde_json::Value = match serde_json::from_slice(&answer.body) {
        Ok(parsed) => parsed,
        Err(error) => {
            seen.problem(
                CRITICAL,
                format!("the body is not JSON ({error}): {}", text::excerpt(&answer.body)),
            );
            return;
        }
    };
    let conditions = check.json.iter().filter_map(|text| Condition::parse(text).ok());
    for problem in conditions.filter_map(|condition| condition.breach(&parsed)) {
        seen.problem(CRITICAL, problem);
    }
    for (label, path) in &check.values {
        let found = Path::parse(path).ok().and_then(|path| path.find(&parsed));
        match found.as_ref().and_then(number) {
            Some(number) => {
                seen.value(label, number, "");
            }
            None => {
                seen.value(label, f64::NAN, "");
                seen.problem(super::seen::UNKNOWN, format!("{path} is no number in the answer"));
            }
        }
    }
}

/// The worst of them.
fn sub_checks(check: &CheckConfig, answer: &Answer, seen: &mut Seen) -> u8 {
    if check.health == Some(false) || is_packed(answer) {
        return OK;
    }
    let Some(report) = health::read(&answer.body) else {
        if check.health == Some(true) {
            seen.problem(
                CRITICAL,
                format!("the body is no report of sub-checks: {}", text::excerpt(&answer.body)),
            );
        }
        return OK;
    };
    let mut worst = OK;
    for (name, sub) in report.checks {
        worst = worse(worst, sub.status);
        let said = if sub.text.is_empty() {
            sub.word
        } else {
            format!("{}: {}", sub.word, text::excerpt(sub.text.as_bytes()))
        };
        if sub.status != OK {
            seen.problem(sub.status, format!("{name} is {said}"));
        }
        seen.part(&name, sub.status, format!("{name} {said}"));
    }
    if worst == OK && report.status != OK {
        seen.problem(report.status, format!("it says of itself: {}", report.word));
    }
    worse(worst, report.status)
}

fn problems(check: &CheckConfig) -> Vec<(&'static str, String)> {
    let mut problems = Vec::new();
    if let Some(Err(why)) = check.url.as_deref().map(Url::parse) {
        problems.push(("url", why));
    }
    if let Some(method) = check
        .method
        .as_ref()
        .filter(|method| !method.bytes().all(|byte| byte.is_ascii_alphabetic()) || method.is_empty())
    {
        problems.push(("method", format!("`{method}` is no method: write one such as \"POST\"")));
    }
    let headers = check.headers.iter().filter_map(|(name, value)| outbound::http::header(name, value).err());
    problems.extend(headers.map(|why| ("headers", why)));
    problems.extend(Statuses::parse(&check.status).err().map(|why| ("status", why)));
    problems
        .extend(check.matches.iter().filter_map(|pattern| Some(("matches", keys::regex(pattern).err()?))));
    problems.extend(check.json.iter().filter_map(|text| Some(("json", Condition::parse(text).err()?))));
    problems.extend(check.values.values().filter_map(|text| Some(("values", Path::parse(text).err()?))));
    if check.redirects.is_some_and(|most| most > REDIRECTS_MAX) {
        problems.push(("redirects", format!("must be at most {REDIRECTS_MAX}")));
    }
    if check.token.is_some() && check.user.is_some() {
        problems.push(("token", "`user` is set too; write a token, or a user and a password".into()));
    }
    problems
}
