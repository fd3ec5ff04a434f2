//! Projects, their keys and their groups, as other installations tell of them: what `sentry export` and `manage.py dumpdata` write
//! (Sentry and GlitchTip), and the lists of their APIs (`/api/0/projects/`, `…/ORG/PROJECT/keys/`, `…/ORG/PROJECT/issues/`).

mod issues;

use std::collections::BTreeMap;

use serde_json::Value;

pub use issues::{MovedGroup, Status};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// By their number.
    pub projects: BTreeMap<u64, MovedProject>,
    /// What could not be read.
    pub problems: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MovedProject {
    pub name: String,
    pub keys: Vec<MovedKey>,
    pub groups: Vec<MovedGroup>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MovedKey {
    /// 32 lower-case hexadecimal digits, as SDKs send it.
    pub key: String,
    pub label: String,
    pub enabled: bool,
    /// What it may send: so many in so many seconds.
    pub limit: Option<(u64, u64)>,
}

/// Of one file, or of many: keys and groups may stand in another one than their project.
pub fn read<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Moved {
    let mut moved = Moved::default();
    let mut parts = Parts::default();
    for (name, text) in files {
        match serde_json::from_str(text) {
            Ok(Value::Array(items)) => items.iter().for_each(|item| moved.item(item, &mut parts)),
            Ok(_) => moved.problems.push(format!("{name}: it is no list of projects or keys")),
            Err(error) => moved.problems.push(format!("{name}: {error}")),
        }
    }
    for (id, key) in parts.keys {
        match moved.projects.get_mut(&id) {
            Some(project) if project.keys.iter().any(|known| known.key == key.key) => {}
            Some(project) => project.keys.push(key),
            None => {
                moved.problems.push(format!("the key {} is of project {id}, which is not there", key.key))
            }
        }
    }
    for (id, group) in parts.groups {
        match moved.projects.get_mut(&id) {
            Some(project) => project.groups.push(group),
            None => {
                moved.problems.push(format!("the group {} is of project {id}, which is not there", group.id))
            }
        }
    }
    moved
}

/// With the number of the project that they are of.
#[derive(Default)]
struct Parts {
    keys: Vec<(u64, MovedKey)>,
    groups: Vec<(u64, MovedGroup)>,
}

impl Moved {
    /// What is neither is of other parts of an export.
    fn item(&mut self, item: &Value, parts: &mut Parts) {
        let fields = item.get("fields").unwrap_or(item);
        let model = item["model"].as_str().map(|model| model.rsplit('.').next().unwrap_or_default());
        let is_key = model.map_or(!item["public"].is_null(), |model| model == "projectkey");
        let is_project = model.map_or(!is_key && !item["slug"].is_null(), |model| model == "project");
        let is_issue = || !item["shortId"].is_null() || item["project"].is_object();
        if model.map_or_else(is_issue, |model| model == "issue") {
            match issues::read(item) {
                Some(group) => parts.groups.push(group),
                None => self.problems.push(format!("a group cannot be read: {}", short(item))),
            }
        } else if is_key {
            let project = ["project", "projectId"].into_iter().find_map(|name| number(&fields[name]));
            match (project, key(fields)) {
                (Some(project), Some(key)) => parts.keys.push((project, key)),
                _ => self.problems.push(format!("a key cannot be read: {}", short(item))),
            }
        } else if is_project {
            let id = number(&item["pk"]).or_else(|| number(&item["id"]));
            let (Some(id), Some(slug)) = (id, fields["slug"].as_str()) else {
                return self.problems.push(format!("a project cannot be read: {}", short(item)));
            };
            self.projects.insert(id, MovedProject { name: slug.to_owned(), ..MovedProject::default() });
            for one in fields["keys"].as_array().into_iter().flatten() {
                parts.keys.extend(key(one).map(|key| (id, key)));
            }
        }
    }
}

/// A number, also one that was written as a text.
fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

fn key(fields: &Value) -> Option<MovedKey> {
    let text = |names: [&str; 2]| names.into_iter().find_map(|name| fields[name].as_str());
    let digits = text(["public_key", "public"])?.replace('-', "").to_ascii_lowercase();
    let is_key = digits.len() == 32 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let is_on = ["is_active", "isActive"].into_iter().find_map(|name| fields[name].as_bool());
    // Of an export: 0 is active.
    let enabled = is_on.unwrap_or_else(|| number(&fields["status"]).unwrap_or(0) == 0);
    is_key.then(|| MovedKey {
        key: digits,
        label: text(["label", "name"]).unwrap_or_default().to_owned(),
        enabled,
        limit: limit(fields),
    })
}

/// `{"rateLimit": {"window": 60, "count": 100}}` of the API, `rate_limit_count` and `rate_limit_window` of an export.
fn limit(fields: &Value) -> Option<(u64, u64)> {
    let told = |of_api: &str, of_export: &str| {
        number(&fields["rateLimit"][of_api]).or_else(|| number(&fields[of_export])).filter(|told| *told > 0)
    };
    Some((told("count", "rate_limit_count")?, told("window", "rate_limit_window")?))
}

fn short(item: &Value) -> String {
    item.to_string().chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "0123456789abcdef0123456789abcdef";

    fn read_one(text: &str) -> Moved {
        read([("a.json", text)])
    }

    fn project(name: &str, keys: &[(&str, bool)]) -> MovedProject {
        let key = |(label, enabled): &(&str, bool)| MovedKey {
            key: KEY.into(),
            label: (*label).to_owned(),
            enabled: *enabled,
            limit: None,
        };
        MovedProject { name: name.into(), keys: keys.iter().map(key).collect(), groups: Vec::new() }
    }

    #[test]
    fn exports_of_both_are_read() {
        let sentry = format!(
            r#"[{{"model":"sentry.organization","pk":1,"fields":{{"slug":"o"}}}},
                {{"model":"sentry.projectkey","pk":9,"fields":{{"project":7,"label":"Default","public_key":"{KEY}","status":1}}}},
                {{"model":"sentry.project","pk":7,"fields":{{"slug":"web","name":"Web"}}}}]"#
        );
        let moved = read_one(&sentry);
        assert_eq!(
            (moved.projects[&7].clone(), moved.problems.len()),
            (project("web", &[("Default", false)]), 0)
        );
        let glitchtip = r#"[{"model":"projects.project","pk":2,"fields":{"slug":"api"}},
            {"model":"projects.projectkey","pk":3,"fields":{"project":2,"public_key":"01234567-89AB-cdef-0123-456789abcdef","is_active":true}}]"#;
        assert_eq!(read_one(glitchtip).projects[&2], project("api", &[("", true)]));
    }

    #[test]
    fn lists_of_the_api_are_read_together() {
        let projects = r#"[{"id":"7","slug":"web","name":"Web"}]"#;
        let keys =
            format!(r#"[{{"id":"x","name":"Default","public":"{KEY}","isActive":true,"projectId":7}}]"#);
        let moved = read([("keys.json", keys.as_str()), ("projects.json", projects)]);
        assert_eq!((&moved.projects[&7], moved.problems.len()), (&project("web", &[("Default", true)]), 0));
        let within = format!(r#"[{{"id":"7","slug":"web","keys":[{{"public":"{KEY}"}}]}}]"#);
        assert_eq!(read_one(&within).projects[&7], project("web", &[("", true)]));
    }

    #[test]
    fn what_a_key_may_send_is_read() {
        let limit = |of_key: &str| {
            let text = format!(r#"[{{"id":"7","slug":"web","keys":[{{"public":"{KEY}",{of_key}}}]}}]"#);
            read_one(&text).projects[&7].keys[0].limit
        };
        assert_eq!(limit(r#""rateLimit":{"window":60,"count":100}"#), Some((100, 60)));
        assert_eq!(limit(r#""rate_limit_window":300,"rate_limit_count":7"#), Some((7, 300)));
        assert_eq!(limit(r#""rateLimit":null"#), None);
    }

    #[test]
    fn groups_come_to_their_project() {
        let projects = r#"[{"id":"7","slug":"web"}]"#;
        let issue = |project: u64| {
            format!(
                r#"[{{"id":"1","shortId":"WEB-1","title":"A: b","culprit":"","status":"resolved","project":{{"id":"{project}"}}}}]"#
            )
        };
        let moved = read([("issues.json", issue(7).as_str()), ("projects.json", projects)]);
        assert_eq!((moved.projects[&7].groups.len(), moved.problems), (1, vec![]));
        let lost = read([("issues.json", issue(8).as_str()), ("projects.json", projects)]);
        assert_eq!(lost.problems, ["the group WEB-1 is of project 8, which is not there"]);
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        let check = |text: &str, why: &str| {
            let problems = read_one(text).problems;
            assert!(problems.len() == 1 && problems[0].contains(why), "{text}: {problems:?}");
        };
        check("{", "a.json: ");
        check("{}", "no list");
        check(r#"[{"model":"sentry.project","pk":"x","fields":{"slug":"a"}}]"#, "a project cannot be read");
        check(r#"[{"public":"short","projectId":7}]"#, "a key cannot be read");
        check(
            r#"[{"shortId":"WEB-1","title":"x","status":"strange","project":{"id":"7"}}]"#,
            "a group cannot be read",
        );
        check(&format!(r#"[{{"public":"{KEY}","projectId":7}}]"#), "project 7, which is not there");
        assert_eq!(read_one("[1,null,{}]"), Moved::default());
    }
}
