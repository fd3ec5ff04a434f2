//! Projects, their keys and their issues, as the API of a Sentry or a GlitchTip tells of them, page by page.

use std::time::Duration;

use outbound::{Egress, Secret, Url, http};
use serde_json::{Value, json};

use crate::client::encode;
use crate::failure::Failure;

/// As sentry-cli has it.
pub const TOKEN: &str = "SENTRY_AUTH_TOKEN";
/// Of one list: issues come by the hundred, and a project takes over so many.
const PAGES_MAX: usize = 1_000;
const PAGE_BYTES: usize = 16 << 20;
/// Whoever answers that it is too much, or does not answer, is asked so often.
const TRIES: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// What of an issue is of use; each has some KB besides.
const OF_ISSUE: [&str; 9] =
    ["id", "shortId", "title", "culprit", "status", "statusDetails", "assignedTo", "count", "firstSeen"];

struct Asking {
    egress: Egress,
    /// Without a slash at its end.
    base: String,
    token: Secret,
}

/// One list of everything, as [`formats::sentry::export`] reads it.
pub fn fetch(base: &str, token: String) -> Result<String, Failure> {
    let asking = Asking { egress: Egress::default(), base: base.to_owned(), token: Secret(token) };
    let all = super::block_on(asking.all())?;
    Ok(Value::Array(all).to_string())
}

impl Asking {
    async fn all(&self) -> Result<Vec<Value>, Failure> {
        let mut all = Vec::new();
        for mut project in self.list("/api/0/projects/").await? {
            let text = |value: &Value| value.as_str().map(encode);
            let named = text(&project["organization"]["slug"]).zip(text(&project["slug"]));
            let Some((organization, slug)) = named else {
                let what = project.to_string().chars().take(100).collect::<String>();
                return Err(Failure::new(format!("{}: a project without its names: {what}", self.base)));
            };
            let path = format!("/api/0/projects/{organization}/{slug}");
            let issues = self.list(&format!("{path}/issues/?query=&limit=100")).await?;
            project["keys"] = self.list(&format!("{path}/keys/")).await?.into();
            all.extend(issues.iter().map(|issue| short(issue, &project["id"])));
            all.push(project);
        }
        Ok(all)
    }

    async fn list(&self, path: &str) -> Result<Vec<Value>, Failure> {
        let mut items = Vec::new();
        let mut cursor = None;
        for _ in 0..PAGES_MAX {
            let (mut page, next) = self.page(&with_cursor(path, cursor.as_deref())).await?;
            items.append(&mut page);
            cursor = next;
            if cursor.is_none() {
                return Ok(items);
            }
        }
        Err(Failure::new(format!("{}{path}: there are more than {PAGES_MAX} pages", self.base)))
    }

    /// And where the next one begins.
    async fn page(&self, path: &str) -> Result<(Vec<Value>, Option<String>), Failure> {
        let answer = self.ask(path).await?;
        let wrong = |why: &str| Failure::new(format!("{}{path}: {why}", self.base));
        if answer.is_cut {
            return Err(wrong("the answer is too long"));
        }
        let items = serde_json::from_slice(&answer.body).map_err(|_| wrong("the answer is no list"))?;
        let mut links = answer.headers.get_all("link").iter().filter_map(|link| link.to_str().ok());
        Ok((items, links.find_map(next_cursor)))
    }

    async fn ask(&self, path: &str) -> Result<http::Answer, Failure> {
        let url = Url::parse(&format!("{}{path}", self.base)).map_err(Failure::new)?;
        let mut request = http::Request::new(http::get(), url);
        request.auth = Some(http::Auth::Bearer(self.token.clone()));
        request.body_most = PAGE_BYTES;
        let mut tried = 1;
        loop {
            let (why, pause) = match http::call(&self.egress, &request).await {
                Ok(answer) if answer.status.is_success() => return Ok(answer),
                Ok(answer) => (told(&answer), pause(&answer, tried)),
                Err(failure) => (failure.message, Some(FIRST_PAUSE)),
            };
            let Some(pause) = pause.filter(|_| tried < TRIES) else {
                return Err(Failure::new(format!("{}{path}: {why}", self.base)));
            };
            tokio::time::sleep(pause).await;
            tried += 1;
        }
    }
}

fn told(answer: &http::Answer) -> String {
    let hint = match answer.status.as_u16() {
        401 | 403 => {
            format!("; is {TOKEN} a token that may read projects (project:read) and issues (event:read)?")
        }
        _ => String::new(),
    };
    format!("it answers {}{hint}", answer.status.as_u16())
}

/// None: it would answer the same once more.
fn pause(answer: &http::Answer, tried: u32) -> Option<Duration> {
    let asked = answer.headers.get("retry-after").and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let usual = FIRST_PAUSE * tried;
    match answer.status.as_u16() {
        429 | 500..=599 => Some(asked.map_or(usual, Duration::from_secs).min(LONGEST_PAUSE)),
        _ => None,
    }
}

fn with_cursor(path: &str, cursor: Option<&str>) -> String {
    let joint = if path.contains('?') { '&' } else { '?' };
    cursor.map_or_else(|| path.to_owned(), |cursor| format!("{path}{joint}cursor={}", encode(cursor)))
}

/// `<…>; rel="next"; results="true"; cursor="0:100:0"`: results are false on the last page.
fn next_cursor(link: &str) -> Option<String> {
    let of_next = link.split(", <").find(|part| part.contains("rel=\"next\""))?;
    if of_next.contains("results=\"false\"") {
        return None;
    }
    let (_, cursor) = of_next.split_once("cursor=\"")?;
    cursor.split('"').next().map(str::to_owned)
}

fn short(issue: &Value, project: &Value) -> Value {
    let mut kept = json!({"project": {"id": project}});
    for name in OF_ISSUE {
        kept[name] = issue[name].clone();
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_by_their_cursor() {
        let link = |results: &str| {
            format!(
                r#"<https://old.example/api/0/projects/?&cursor=0:0:1>; rel="previous"; results="false"; cursor="0:0:1", <https://old.example/api/0/projects/?&cursor=0:100:0>; rel="next"; results="{results}"; cursor="0:100:0""#
            )
        };
        assert_eq!(next_cursor(&link("true")).as_deref(), Some("0:100:0"));
        assert_eq!((next_cursor(&link("false")), next_cursor("")), (None, None));
        assert_eq!(with_cursor("/a/", None), "/a/");
        assert_eq!(with_cursor("/a/", Some("0:1:0")), "/a/?cursor=0%3A1%3A0");
        assert_eq!(with_cursor("/a/?b=", Some("x")), "/a/?b=&cursor=x");
    }

    #[test]
    fn an_issue_is_read_with_the_project_that_was_asked() {
        let issue = json!({"id": "1", "shortId": "WEB-1", "title": "A: b", "status": "ignored", "metadata": {"x": 1}});
        let kept = short(&issue, &json!("17"));
        assert!(kept.get("metadata").is_none() && kept["project"]["id"] == "17");
        let project = json!({"id": "17", "slug": "web"});
        let text = json!([kept, project]).to_string();
        let moved = formats::sentry::export::read([("old", text.as_str())]);
        assert_eq!((moved.projects[&17].groups.len(), moved.problems.len()), (1, 0));
    }
}
