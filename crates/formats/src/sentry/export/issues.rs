//! Groups: issues, as `/api/0/projects/ORG/PROJECT/issues/` and its like of an organization list them, and GlitchTip's `dumpdata`.

use serde_json::Value;

use super::number;
use crate::sentry::json::Tree;
use crate::sentry::when;

/// GlitchTip's, where the API has words.
const STATUSES: [&str; 3] = ["unresolved", "resolved", "ignored"];

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MovedGroup {
    /// What people call it: `WEB-1`.
    pub id: String,
    pub title: String,
    pub culprit: String,
    pub status: Status,
    /// A name or an e-mail address, of a team its name.
    pub assigned: Option<String>,
    pub first_seen: Option<i64>,
    pub count: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    Unresolved,
    Resolved,
    ResolvedIn(String),
    ResolvedInNext,
    Ignored,
    /// Seconds since 1970.
    IgnoredUntil(i64),
    /// So many more, of so many seconds if that is said.
    IgnoredEvents(u64, Option<u64>),
    IgnoredUsers(u64),
}

/// With the number of its project.
pub(super) fn read(item: &Value) -> Option<(u64, MovedGroup)> {
    let fields = item.get("fields").unwrap_or(item);
    let text = |names: [&str; 2]| names.into_iter().find_map(|name| fields[name].as_str());
    let project = number(&fields["project"]).or_else(|| number(&fields["project"]["id"]))?;
    let id = text(["shortId", "short_id"]).map(str::to_owned);
    let id = id.or_else(|| number(&item["id"]).or_else(|| number(&item["pk"])).map(|id| id.to_string()))?;
    let group = MovedGroup {
        id,
        title: fields["title"].as_str().filter(|title| !title.trim().is_empty())?.to_owned(),
        culprit: fields["culprit"].as_str().unwrap_or_default().to_owned(),
        status: status(fields)?,
        assigned: assigned(&fields["assignedTo"]),
        first_seen: text(["firstSeen", "first_seen"]).and_then(seconds),
        count: number(&fields["count"]).unwrap_or(0),
    };
    Some((project, group))
}

fn seconds(text: &str) -> Option<i64> {
    when::read(&Tree::owned_text(text)).map(|at| at.floor() as i64)
}

fn status(fields: &Value) -> Option<Status> {
    let by_number = |number: u64| STATUSES.get(usize::try_from(number).ok()?).copied();
    let word = fields["status"].as_str().or_else(|| fields["status"].as_u64().and_then(by_number))?;
    let details = &fields["statusDetails"];
    Some(match word {
        "unresolved" | "reprocessing" => Status::Unresolved,
        "resolved" | "resolvedInNextRelease" => match details["inRelease"].as_str() {
            Some(release) if !release.is_empty() => Status::ResolvedIn(release.to_owned()),
            _ if details["inNextRelease"] == true || word != "resolved" => Status::ResolvedInNext,
            _ => Status::Resolved,
        },
        "ignored" | "muted" | "archived" => ignored(details),
        _ => return None,
    })
}

/// Sentry's windows are in minutes.
fn ignored(details: &Value) -> Status {
    let told = |name: &str| number(&details[name]).filter(|told| *told > 0);
    let until = details["ignoreUntil"].as_str().and_then(seconds);
    let window = told("ignoreWindow").map(|minutes| minutes.saturating_mul(60));
    let by_count = told("ignoreCount").map(|count| Status::IgnoredEvents(count, window));
    let by_users = told("ignoreUserCount").map(Status::IgnoredUsers);
    until.map(Status::IgnoredUntil).or(by_count).or(by_users).unwrap_or(Status::Ignored)
}

fn assigned(to: &Value) -> Option<String> {
    let named = |name: &str| to[name].as_str().filter(|name| !name.is_empty()).map(str::to_owned);
    match to["type"].as_str() {
        Some("team") => named("name").or_else(|| named("slug")),
        _ => named("email").or_else(|| named("name")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issue(more: &str) -> Option<MovedGroup> {
        let text = format!(
            r#"{{"id":"9","shortId":"WEB-1","title":"ValueError: no","culprit":"shop.cart in pay","count":"17",
                "firstSeen":"2024-02-29T12:00:00.123Z","project":{{"id":"7","slug":"web"}},{more}}}"#
        );
        let (project, group) = read(&serde_json::from_str(&text).unwrap())?;
        assert_eq!(project, 7);
        Some(group)
    }

    #[test]
    fn an_issue_of_the_api_is_read() {
        let wanted = MovedGroup {
            id: "WEB-1".into(),
            title: "ValueError: no".into(),
            culprit: "shop.cart in pay".into(),
            status: Status::Unresolved,
            assigned: Some("ana@example.com".into()),
            first_seen: Some(1_709_208_000),
            count: 17,
        };
        let more = r#""status":"unresolved","statusDetails":{},"assignedTo":{"type":"user","name":"Ana","email":"ana@example.com"}"#;
        assert_eq!(issue(more), Some(wanted));
        let of_team = issue(r#""status":"unresolved","assignedTo":{"type":"team","name":"shop"}"#).unwrap();
        assert_eq!(of_team.assigned.as_deref(), Some("shop"));
    }

    #[test]
    fn what_was_done_is_read_with_its_conditions() {
        let check = |status: &str, details: &str, wanted: Status| {
            let more = format!(r#""status":"{status}","statusDetails":{details}"#);
            assert_eq!(issue(&more).unwrap().status, wanted, "{more}");
        };
        check("resolved", "{}", Status::Resolved);
        check("resolved", r#"{"inRelease":"web@2"}"#, Status::ResolvedIn("web@2".into()));
        check("resolved", r#"{"inNextRelease":true}"#, Status::ResolvedInNext);
        check("ignored", "{}", Status::Ignored);
        check("ignored", r#"{"ignoreUntil":"2024-02-29T12:00:00Z"}"#, Status::IgnoredUntil(1_709_208_000));
        check("ignored", r#"{"ignoreCount":100}"#, Status::IgnoredEvents(100, None));
        check("ignored", r#"{"ignoreCount":100,"ignoreWindow":60}"#, Status::IgnoredEvents(100, Some(3_600)));
        check("ignored", r#"{"ignoreUserCount":5}"#, Status::IgnoredUsers(5));
        assert_eq!(issue(r#""status":"odd""#), None);
        assert_eq!(issue(r#""state":"resolved""#), None);
    }

    #[test]
    fn glitchtips_dump_is_read() {
        let text = r#"{"model":"issue_events.issue","pk":3,"fields":{"project":2,"title":"A: b","culprit":null,"status":2,
            "short_id":5,"count":4,"first_seen":"2024-02-29T12:00:00Z"}}"#;
        let (project, group) = read(&serde_json::from_str(text).unwrap()).unwrap();
        assert_eq!((project, group.id.as_str(), group.status), (2, "3", Status::Ignored));
        assert_eq!((group.first_seen, group.count), (Some(1_709_208_000), 4));
    }
}
