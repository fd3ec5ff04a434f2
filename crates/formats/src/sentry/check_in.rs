//! A job says that it begins or ended: in an envelope, or by a URL that a shell can call.

use vocabulary::error::EventId;

use super::json::{self, Limits, Malformed, Tree};
use super::limits::SLUG_CHARS;
use super::query;

#[derive(Clone, Debug, PartialEq)]
pub struct CheckIn {
    /// The run. `None` means the newest one that is in progress.
    pub id: Option<EventId>,
    /// The monitor.
    pub slug: String,
    pub status: Status,
    pub duration_seconds: Option<f64>,
    pub release: Option<String>,
    pub environment: Option<String>,
    /// What the monitor is to be; it is made when it is not there. What cannot be read of it takes nothing from the check-in.
    pub monitor: Option<Result<Monitor, Malformed>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    InProgress,
    Ok,
    Error,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Monitor {
    pub schedule: Schedule,
    /// How late it may begin.
    pub margin_minutes: Option<u64>,
    /// How long it may take.
    pub runtime_minutes_max: Option<u64>,
    /// After so many failures in a row it is wrong, and after so many successes right again.
    pub failures: Option<u64>,
    pub recoveries: Option<u64>,
    pub timezone: Option<String>,
    pub owner: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Schedule {
    Crontab(String),
    Interval { value: u64, unit: Unit },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
}

/// The payload of an item, or the body of a request to `/cron/SLUG/`, whose URL says the monitor.
pub fn read(bytes: &[u8], slug_of_url: Option<&str>) -> Result<CheckIn, Malformed> {
    let tree = json::read(bytes, &Limits::default())?;
    let own = text(&tree, "monitor_slug");
    let named =
        slug_of_url.map(str::to_owned).or(own).ok_or_else(|| bad("a check-in names no monitor_slug"))?;
    let id = text(&tree, "check_in_id").map(|text| run(&text)).transpose()?.flatten();
    let said = text(&tree, "status").ok_or_else(|| bad("a check-in says no status"))?;
    Ok(CheckIn {
        id,
        slug: slug(&named)?,
        status: status(&said)?,
        duration_seconds: tree.get("duration").and_then(Tree::number).filter(|seconds| *seconds >= 0.0),
        release: text(&tree, "release"),
        environment: text(&tree, "environment"),
        monitor: tree.get("monitor_config").filter(|config| !config.is_null()).map(monitor),
    })
}

/// `status=ok&check_in_id=&environment=&duration=`; without a status the job has ended well.
pub fn of_query(slug_of_url: &str, text: &str) -> Result<CheckIn, Malformed> {
    let get = |name| query::get(text, name);
    let duration =
        get("duration").map(|seconds| seconds.parse().ok().filter(|seconds: &f64| *seconds >= 0.0));
    Ok(CheckIn {
        id: get("check_in_id").map(|id| run(&id)).transpose()?.flatten(),
        slug: slug(slug_of_url)?,
        status: get("status").map_or(Ok(Status::Ok), |said| status(&said))?,
        duration_seconds: duration.flatten().filter(|seconds| seconds.is_finite()),
        release: get("release").map(|text| text.into_owned()),
        environment: get("environment").map(|text| text.into_owned()),
        monitor: None,
    })
}

fn bad(why: impl Into<String>) -> Malformed {
    Malformed::new(0, why)
}

fn text(tree: &Tree<'_>, key: &str) -> Option<String> {
    tree.get(key).and_then(Tree::text).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// All zeros stand for the newest one.
fn run(text: &str) -> Result<Option<EventId>, Malformed> {
    let id: EventId = text.parse().map_err(|_| bad("check_in_id is not 32 hexadecimal digits"))?;
    Ok(Some(id).filter(|id| !id.is_zero()))
}

/// White space becomes `-`, as Sentry has it: `Nightly job` is `nightly-job`.
fn slug(text: &str) -> Result<String, Malformed> {
    let text = text.split_whitespace().collect::<Vec<_>>().join("-");
    let sound = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_' | '.');
    if text.is_empty() || text.chars().count() > SLUG_CHARS || !text.chars().all(sound) {
        let why = format!("a monitor's slug is up to {SLUG_CHARS} letters, digits, `-`, `_` and `.`");
        return Err(bad(why));
    }
    Ok(text.to_lowercase())
}

fn status(text: &str) -> Result<Status, Malformed> {
    match text {
        "in_progress" => Ok(Status::InProgress),
        "ok" => Ok(Status::Ok),
        "error" => Ok(Status::Error),
        other => Err(bad(format!("a check-in's status is in_progress, ok or error, not `{other}`"))),
    }
}

fn monitor(tree: &Tree<'_>) -> Result<Monitor, Malformed> {
    let said = tree.get("schedule").ok_or_else(|| bad("a monitor_config says no schedule"))?;
    let count = |key| tree.get(key).and_then(Tree::count);
    Ok(Monitor {
        schedule: schedule(said)?,
        margin_minutes: count("checkin_margin"),
        runtime_minutes_max: count("max_runtime"),
        failures: count("failure_issue_threshold"),
        recoveries: count("recovery_threshold"),
        timezone: text(tree, "timezone"),
        owner: text(tree, "owner"),
    })
}

fn schedule(tree: &Tree<'_>) -> Result<Schedule, Malformed> {
    match text(tree, "type").as_deref() {
        Some("crontab") => {
            let value = text(tree, "value").ok_or_else(|| bad("a crontab schedule has no value"))?;
            Ok(Schedule::Crontab(spelled_out(value)))
        }
        Some("interval") => {
            let value = tree.get("value").and_then(Tree::count).filter(|value| *value > 0);
            let value = value.ok_or_else(|| bad("an interval schedule has no value above 0"))?;
            Ok(Schedule::Interval { value, unit: unit(&text(tree, "unit").unwrap_or_default())? })
        }
        _ => Err(bad("a schedule's type is crontab or interval")),
    }
}

/// Names that Sentry takes for crontabs.
fn spelled_out(crontab: String) -> String {
    let fields = match crontab.trim() {
        "@yearly" | "@annually" => "0 0 1 1 *",
        "@monthly" => "0 0 1 * *",
        "@weekly" => "0 0 * * 0",
        "@daily" => "0 0 * * *",
        "@hourly" => "0 * * * *",
        _ => return crontab,
    };
    fields.to_owned()
}

fn unit(text: &str) -> Result<Unit, Malformed> {
    Ok(match text {
        "minute" => Unit::Minute,
        "hour" => Unit::Hour,
        "day" => Unit::Day,
        "week" => Unit::Week,
        "month" => Unit::Month,
        "year" => Unit::Year,
        other => {
            return Err(bad(format!(
                "a schedule's unit is minute, hour, day, week, month or year, not `{other}`"
            )));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "9ec79c33ec9942ab8353589fcb2e04dc";

    #[test]
    fn of_an_envelope() {
        let payload = format!(
            "{{\"check_in_id\":\"{ID}\",\"monitor_slug\":\"Nightly\",\"status\":\"in_progress\",\"duration\":1.5,\
             \"monitor_config\":{{\"schedule\":{{\"type\":\"crontab\",\"value\":\"0 * * * *\"}},\"checkin_margin\":5,\
             \"max_runtime\":30,\"timezone\":\"Europe/Berlin\",\"failure_issue_threshold\":null}}}}"
        );
        let check_in = read(payload.as_bytes(), None).unwrap();
        assert_eq!((check_in.id, check_in.slug.as_str()), (Some(ID.parse().unwrap()), "nightly"));
        assert_eq!((check_in.status, check_in.duration_seconds), (Status::InProgress, Some(1.5)));
        let monitor = check_in.monitor.unwrap().unwrap();
        assert_eq!(monitor.schedule, Schedule::Crontab("0 * * * *".into()));
        assert_eq!(
            (monitor.margin_minutes, monitor.runtime_minutes_max, monitor.failures),
            (Some(5), Some(30), None)
        );
        let zeros = format!("{{\"check_in_id\":\"{}\",\"status\":\"ok\"}}", "0".repeat(32));
        let check_in = read(zeros.as_bytes(), Some("job")).unwrap();
        assert_eq!((check_in.id, check_in.slug.as_str(), check_in.monitor), (None, "job", None));
    }

    #[test]
    fn of_a_url() {
        let check_in =
            of_query("job", &format!("status=error&check_in_id={ID}&environment=pro%64&duration=x")).unwrap();
        assert_eq!((check_in.status, check_in.environment.as_deref()), (Status::Error, Some("prod")));
        assert_eq!((check_in.id.is_some(), check_in.duration_seconds), (true, None));
        assert_eq!(of_query("job", "").unwrap().status, Status::Ok);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let refused = |payload: &str, why: &str| {
            let error = read(payload.as_bytes(), None).expect_err(payload);
            assert!(error.why.contains(why), "{payload}: {error}");
        };
        refused("{\"status\":\"ok\"}", "monitor_slug");
        refused("{\"monitor_slug\":\"a\"}", "no status");
        refused("{\"monitor_slug\":\"a/b\",\"status\":\"ok\"}", "slug is up to");
        refused("{\"monitor_slug\":\"a\",\"status\":\"missed\"}", "not `missed`");
        refused("{\"monitor_slug\":\"a\",\"status\":\"ok\",\"check_in_id\":\"7\"}", "32 hexadecimal");
        assert!(of_query("a/b", "").is_err() && of_query(" ", "").is_err());
        assert!(of_query("a", "status=maybe").is_err());
    }

    fn configured(config: &str) -> Result<Monitor, Malformed> {
        let payload = format!("{{\"monitor_slug\":\"a\",\"status\":\"error\",\"monitor_config\":{config}}}");
        let check_in = read(payload.as_bytes(), None).unwrap();
        assert_eq!(check_in.status, Status::Error, "{config}");
        check_in.monitor.unwrap()
    }

    #[test]
    fn a_check_in_counts_whatever_its_schedule_is() {
        let refused = |config: &str, why: &str| {
            let error = configured(config).expect_err(config);
            assert!(error.why.contains(why), "{config}: {error}");
        };
        refused("{}", "no schedule");
        let scheduled = |schedule: &str, why: &str| refused(&format!("{{\"schedule\":{schedule}}}"), why);
        scheduled("null", "crontab or interval");
        scheduled("{}", "crontab or interval");
        scheduled("{\"type\":\"crontab\"}", "no value");
        scheduled("{\"type\":\"interval\",\"value\":0,\"unit\":\"day\"}", "above 0");
        scheduled("{\"type\":\"interval\",\"value\":2,\"unit\":\"second\"}", "not `second`");
    }

    #[test]
    fn names_of_schedules_and_of_jobs() {
        let crontab = |value: &str| {
            let config = format!("{{\"schedule\":{{\"type\":\"crontab\",\"value\":\"{value}\"}}}}");
            configured(&config).unwrap().schedule
        };
        assert_eq!(crontab("@daily"), Schedule::Crontab("0 0 * * *".into()));
        assert_eq!(crontab("@annually"), crontab("@yearly"));
        assert_eq!(crontab("@never"), Schedule::Crontab("@never".into()), "refused where it is planned");
        assert_eq!(of_query("Nightly  job", "").unwrap().slug, "nightly-job");
    }
}
