//! Release health: how runs of a program went, one by one or counted by the SDK.

use vocabulary::error::EventId;

use super::json::{self, Limits, Malformed, Tree};
use super::limits::SESSIONS;
use super::when;

#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    pub id: EventId,
    /// Of whom: a text that tells people apart.
    pub user: Option<String>,
    /// The first that is told of this run.
    pub init: bool,
    pub status: Status,
    pub errors: u64,
    /// Seconds since 1970.
    pub started: f64,
    pub duration_seconds: Option<f64>,
    pub release: Option<String>,
    pub environment: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It goes on.
    Ok,
    Exited,
    /// It had an error that was handled, and says no more.
    Errored,
    /// It ended, and there was an error that nobody handled, which did not end it.
    Unhandled,
    Crashed,
    Abnormal,
}

impl Status {
    fn of(text: &str) -> Option<Status> {
        Some(match text {
            "ok" => Status::Ok,
            "exited" => Status::Exited,
            "errored" => Status::Errored,
            "unhandled" => Status::Unhandled,
            "crashed" => Status::Crashed,
            "abnormal" => Status::Abnormal,
            _ => return None,
        })
    }
}

/// Sessions that ended, by the minute in which they began.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregates {
    pub release: Option<String>,
    pub environment: Option<String>,
    pub minutes: Vec<Counts>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Counts {
    /// Seconds since 1970.
    pub started: f64,
    pub user: Option<String>,
    /// Without any error.
    pub exited: u64,
    /// With errors that were handled.
    pub errored: u64,
    pub unhandled: u64,
    pub crashed: u64,
    pub abnormal: u64,
}

impl Counts {
    pub fn all(&self) -> u64 {
        let Counts { exited, errored, unhandled, crashed, abnormal, .. } = self;
        [errored, unhandled, crashed, abnormal]
            .into_iter()
            .fold(*exited, |all, count| all.saturating_add(*count))
    }
}

/// The payload of an item `session`.
pub fn read(bytes: &[u8]) -> Result<Session, Malformed> {
    let tree = json::read(bytes, &Limits::default())?;
    let bad = |why: &str| Malformed::new(0, why);
    let id = text(&tree, "sid").and_then(|id| id.parse().ok());
    let status = text(&tree, "status").map_or(Some(Status::Ok), |status| Status::of(&status));
    let status = status
        .ok_or_else(|| bad("a session's status is ok, exited, errored, unhandled, crashed or abnormal"))?;
    let (release, environment) = attributes(&tree);
    Ok(Session {
        id: id.ok_or_else(|| bad("a session's sid is 32 hexadecimal digits"))?,
        user: text(&tree, "did"),
        init: tree.get("init").and_then(Tree::bool).unwrap_or(false),
        status,
        // These had an error, whatever is said.
        errors: tree
            .get("errors")
            .and_then(Tree::count)
            .unwrap_or(0)
            .max(u64::from(matches!(status, Status::Crashed | Status::Errored))),
        started: started(&tree).ok_or_else(|| bad("a session does not say when it started"))?,
        duration_seconds: tree.get("duration").and_then(Tree::number).filter(|seconds| *seconds >= 0.0),
        release,
        environment,
    })
}

/// The payload of an item `sessions`.
pub fn read_aggregates(bytes: &[u8]) -> Result<Aggregates, Malformed> {
    let tree = json::read(bytes, &Limits::default())?;
    let listed = tree.get("aggregates").map(Tree::list).unwrap_or_default();
    if listed.len() > SESSIONS {
        return Err(Malformed::new(0, format!("more than {SESSIONS} aggregates of sessions")));
    }
    let counts = |counted: &Tree<'_>| -> Result<Counts, Malformed> {
        let started = started(counted);
        let started =
            started.ok_or_else(|| Malformed::new(0, "an aggregate does not say when it started"))?;
        let count = |key| counted.get(key).and_then(Tree::count).unwrap_or(0);
        Ok(Counts {
            started,
            user: text(counted, "did"),
            exited: count("exited"),
            errored: count("errored"),
            unhandled: count("unhandled"),
            crashed: count("crashed"),
            abnormal: count("abnormal"),
        })
    };
    let minutes = listed.iter().map(counts).collect::<Result<Vec<Counts>, Malformed>>()?;
    let (release, environment) = attributes(&tree);
    Ok(Aggregates { release, environment, minutes })
}

fn started(tree: &Tree<'_>) -> Option<f64> {
    tree.get("started").and_then(when::read)
}

fn attributes(tree: &Tree<'_>) -> (Option<String>, Option<String>) {
    let of = |key| tree.get("attrs").and_then(|attributes| text(attributes, key));
    (of("release"), of("environment"))
}

fn text(tree: &Tree<'_>, key: &str) -> Option<String> {
    let text = tree.get(key).and_then(Tree::spelled).filter(|text| !text.is_empty());
    text.map(|text| text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "7c7b6585-f901-4351-bf8d-02711b721929";

    #[test]
    fn one_session() {
        let payload = format!(
            "{{\"sid\":\"{ID}\",\"did\":\"u1\",\"init\":true,\"started\":\"2020-02-07T14:16:00Z\",\"duration\":60,\
             \"status\":\"crashed\",\"attrs\":{{\"release\":\"app@1.0\",\"environment\":\"prod\"}}}}"
        );
        let session = read(payload.as_bytes()).unwrap();
        assert_eq!((session.id, session.user.as_deref()), (ID.parse().unwrap(), Some("u1")));
        assert_eq!((session.status, session.errors, session.init), (Status::Crashed, 1, true));
        assert_eq!((session.started, session.duration_seconds), (1_581_084_960.0, Some(60.0)));
        assert_eq!(
            (session.release.as_deref(), session.environment.as_deref()),
            (Some("app@1.0"), Some("prod"))
        );
        let short = format!("{{\"sid\":\"{ID}\",\"started\":1.5}}");
        assert_eq!(read(short.as_bytes()).unwrap().status, Status::Ok);
        let errored = read(short.replace("1.5", "1.5,\"status\":\"errored\"").as_bytes()).unwrap();
        assert_eq!((errored.status, errored.errors), (Status::Errored, 1));
    }

    #[test]
    fn counted_sessions() {
        let payload = br#"{"aggregates":[{"started":"2020-02-07T14:16:00Z","exited":123,"crashed":"2"},
            {"started":60,"did":7,"errored":1,"abnormal":-1}],"attrs":{"release":"app@1.0"}}"#;
        let aggregates = read_aggregates(payload).unwrap();
        assert_eq!((aggregates.release.as_deref(), aggregates.environment), (Some("app@1.0"), None));
        let [first, second] = &aggregates.minutes[..] else { panic!("{:?}", aggregates.minutes) };
        assert_eq!((first.exited, first.crashed, first.all()), (123, 2, 125));
        assert_eq!((second.user.as_deref(), second.all()), (Some("7"), 1));
        assert_eq!(read_aggregates(b"{}").unwrap().minutes, []);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let refused = |payload: &str, why: &str| {
            let error = read(payload.as_bytes()).expect_err(payload);
            assert!(error.why.contains(why), "{payload}: {error}");
        };
        refused("{}", "sid");
        refused("{\"sid\":\"1\",\"started\":1}", "sid");
        refused(&format!("{{\"sid\":\"{ID}\"}}"), "when it started");
        refused(&format!("{{\"sid\":\"{ID}\",\"started\":1,\"status\":\"gone\"}}"), "status");
        let many = format!("{{\"aggregates\":[{}1]}}", "1,".repeat(SESSIONS));
        assert!(read_aggregates(many.as_bytes()).unwrap_err().why.contains("more than 100"));
        assert!(read_aggregates(b"{\"aggregates\":[{}]}").is_err());
    }
}
