//! Releases: made, told more of, finished, by sentry-cli and the plugins of build tools.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use error_tracking::Project;
use error_tracking::limits::MAX_LISTED;
use error_tracking::shipped::{Commit, Said};
use formats::sentry::{Tree, when};
use serde::Deserialize;
use serde_json::{Value, json};
use vocabulary::Timestamp;

use super::known::{self, Asked, Known};
use super::{Page, Sent, Told, find_project, find_projects, projects_asked, projects_of, shapes, working};
use crate::accounts::{Caller, Role};
use crate::answer::{Answer, Problem};
use crate::services::Services;

/// What is not known of a body is left alone: each version of each plugin sends more.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewRelease {
    version: String,
    #[serde(default)]
    projects: Vec<String>,
    #[serde(flatten)]
    more: More,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct More {
    projects: Option<Vec<String>>,
    url: Option<String>,
    #[serde(rename = "ref")]
    reference: Option<String>,
    status: Option<String>,
    date_started: Option<Value>,
    date_released: Option<Value>,
    commits: Option<Vec<SentCommit>>,
    refs: Option<Vec<SentRef>>,
}

#[derive(Deserialize)]
struct SentCommit {
    id: String,
    repository: Option<String>,
    author_name: Option<String>,
    author_email: Option<String>,
    timestamp: Option<Value>,
    message: Option<String>,
}

/// Up to which commit of a repository it goes; what lies between that and the one before is not known here.
#[derive(Deserialize)]
struct SentRef {
    repository: String,
    commit: String,
}

/// A time as SDKs write it. None was said, or null.
pub(super) fn time(key: &str, said: Option<&Value>) -> Answer<Option<Timestamp>> {
    let read = match said {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Number(number)) => number.as_f64(),
        Some(Value::String(text)) => when::read(&Tree::owned_text(text.as_str())),
        Some(_) => None,
    };
    let at = read.ok_or_else(|| {
        Problem::bad_request(format!("`{key}` is no time")).hint("write it as 2030-01-31T12:00:00Z")
    })?;
    Ok(Some(Timestamp(at as i64)))
}

impl More {
    fn said(&self) -> Answer<Said> {
        Ok(Said {
            created: time("dateStarted", self.date_started.as_ref())?,
            released: time("dateReleased", self.date_released.as_ref())?,
            url: self.url.clone(),
            reference: self.reference.clone(),
            status: self.status.clone(),
        })
    }

    /// None: nothing is said of them.
    fn commits(&self) -> Answer<Option<Vec<Commit>>> {
        let commit = |sent: &SentCommit| -> Answer<Commit> {
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            Ok(Commit {
                id: sent.id.clone(),
                repository: text(&sent.repository),
                author_name: text(&sent.author_name),
                author_email: text(&sent.author_email),
                at: time("timestamp", sent.timestamp.as_ref())?,
                message: text(&sent.message),
            })
        };
        let of_ref = |sent: &SentRef| Commit {
            id: sent.commit.clone(),
            repository: sent.repository.clone(),
            ..Commit::default()
        };
        match (&self.commits, &self.refs) {
            (Some(commits), _) => commits.iter().map(commit).collect::<Answer<_>>().map(Some),
            (None, Some(refs)) => Ok(Some(refs.iter().map(of_ref).collect())),
            (None, None) => Ok(None),
        }
    }
}

/// One release in the projects of whoever asks.
pub(super) struct Found {
    of: Vec<Known>,
}

impl Found {
    pub(super) fn look(
        services: &Services,
        caller: &Caller,
        version: &str,
        slug: Option<&str>,
    ) -> Answer<Found> {
        let projects = match slug {
            Some(slug) => vec![find_project(services, caller, slug)?],
            None => projects_of(services, caller),
        };
        let mut of = Vec::new();
        for project in &projects {
            of.extend(known::of_project(services, project, Some(version), None, 1)?);
        }
        if of.is_empty() {
            return Err(Problem::not_found(format!("there is no release {version}"))
                .hint("sentry-cli releases new VERSION makes one"));
        }
        Ok(Found { of })
    }

    pub(super) fn projects(self) -> Vec<Arc<Project>> {
        self.of.into_iter().map(|known| known.project).collect()
    }

    fn shown(&self, services: &Services) -> Answer<Value> {
        let last = match self.of.first() {
            Some(Known { project, shipped, .. }) => {
                services.tracker.commits(project.id, &shipped.version)?.into_iter().next()
            }
            None => None,
        };
        Ok(shapes::release(&self.of, last.as_ref()))
    }
}

/// What is said of a release, for each of these projects. Answers whether it is new to any.
fn tell(services: &Services, projects: &[Arc<Project>], version: &str, more: &More) -> Answer<bool> {
    let (said, commits) = (more.said()?, more.commits()?);
    let now = services.clock.now();
    let mut is_new = false;
    for project in projects {
        is_new |= services.tracker.ship(project.id, version, &said, now)?;
        if let Some(commits) = &commits {
            services.tracker.set_commits(project.id, version, commits)?;
        }
    }
    Ok(is_new)
}

/// Those that are named. `releases archive` and `restore` name none: it is there then.
fn projects_of_new(
    services: &Services,
    caller: &Caller,
    version: &str,
    slugs: &[String],
) -> Answer<Vec<Arc<Project>>> {
    if slugs.is_empty() {
        match Found::look(services, caller, version, None) {
            Err(problem) if problem.is(StatusCode::NOT_FOUND) => {}
            found => return found.map(Found::projects),
        }
    }
    find_projects(services, caller, slugs)
}

async fn make(
    services: Arc<Services>,
    caller: Caller,
    slug: Option<String>,
    new: NewRelease,
) -> Told<Response> {
    working(&services, caller, Role::Editor, move |services, caller| {
        let slugs = slug.as_ref().map_or(&*new.projects, std::slice::from_ref);
        let projects = projects_of_new(services, caller, &new.version, slugs)?;
        let is_new = tell(services, &projects, &new.version, &new.more)?;
        let found = Found::look(services, caller, &new.version, slug.as_deref())?;
        let status = if is_new { StatusCode::CREATED } else { StatusCode::ALREADY_REPORTED };
        Ok((status, Json(found.shown(services)?)).into_response())
    })
    .await
}

pub async fn create(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Sent(new): Sent<NewRelease>,
) -> Told<Response> {
    make(services, caller, None, new).await
}

pub async fn create_in(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path((_, slug)): Path<(String, String)>,
    Sent(new): Sent<NewRelease>,
) -> Told<Response> {
    make(services, caller, Some(slug), new).await
}

/// A release that nobody has made is made by saying something of it: `releases finalize` and `set-commits` do so.
async fn say(
    services: Arc<Services>,
    caller: Caller,
    slug: Option<String>,
    version: String,
    more: More,
) -> Told<Json<Value>> {
    working(&services, caller, Role::Editor, move |services, caller| {
        let projects = match (&slug, &more.projects) {
            (Some(slug), _) => find_projects(services, caller, std::slice::from_ref(slug))?,
            (None, Some(slugs)) if !slugs.is_empty() => find_projects(services, caller, slugs)?,
            (None, _) => Found::look(services, caller, &version, None)?.projects(),
        };
        tell(services, &projects, &version, &more)?;
        Ok(Json(Found::look(services, caller, &version, slug.as_deref())?.shown(services)?))
    })
    .await
}

pub async fn change(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path((_, version)): Path<(String, String)>,
    Sent(more): Sent<More>,
) -> Told<Json<Value>> {
    say(services, caller, None, version, more).await
}

pub async fn change_in(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path((_, slug, version)): Path<(String, String, String)>,
    Sent(more): Sent<More>,
) -> Told<Json<Value>> {
    say(services, caller, Some(slug), version, more).await
}

async fn show(
    services: Arc<Services>,
    caller: Caller,
    slug: Option<String>,
    version: String,
) -> Told<Json<Value>> {
    working(&services, caller, Role::Viewer, move |services, caller| {
        Ok(Json(Found::look(services, caller, &version, slug.as_deref())?.shown(services)?))
    })
    .await
}

pub async fn one(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path((_, version)): Path<(String, String)>,
) -> Told<Json<Value>> {
    show(services, caller, None, version).await
}

pub async fn one_of(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path((_, slug, version)): Path<(String, String, String)>,
) -> Told<Json<Value>> {
    show(services, caller, Some(slug), version).await
}

async fn take_out(
    services: Arc<Services>,
    caller: Caller,
    slug: Option<String>,
    version: String,
) -> Told<StatusCode> {
    working(&services, caller, Role::Editor, move |services, caller| {
        for project in Found::look(services, caller, &version, slug.as_deref())?.projects() {
            services.tracker.unship(project.id, &version)?;
        }
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

pub async fn remove(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path((_, version)): Path<(String, String)>,
) -> Told<StatusCode> {
    take_out(services, caller, None, version).await
}

pub async fn remove_from(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path((_, slug, version)): Path<(String, String, String)>,
) -> Told<StatusCode> {
    take_out(services, caller, Some(slug), version).await
}

async fn page_of(services: Arc<Services>, caller: Caller, slug: Option<String>, uri: Uri) -> Told<Response> {
    let query = uri.query().unwrap_or_default();
    let (page, asked) = (Page::read(query)?, Asked::read(query)?);
    let listed = working(&services, caller, Role::Viewer, move |services, caller| {
        let projects = match &slug {
            Some(slug) => vec![find_project(services, caller, slug)?],
            None => projects_asked(services, caller, &asked.projects)?,
        };
        let mut releases: Vec<Known> = Vec::new();
        for project in &projects {
            let environment = asked.environment.as_deref();
            let of = known::of_project(services, project, None, environment, MAX_LISTED)?;
            releases.extend(of.into_iter().filter(|known| asked.takes(&known.shipped)));
        }
        releases.sort_by(|Known { shipped: one, .. }, Known { shipped: other, .. }| {
            (other.created, &one.version).cmp(&(one.created, &other.version))
        });
        let (releases, has_more) = page.cut(releases);
        let shown = |known: &Known| shapes::release(std::slice::from_ref(known), None);
        Ok((releases.iter().map(shown).collect::<Vec<_>>(), has_more))
    });
    let (items, has_more) = listed.await?;
    Ok(page.answer(&uri, items, has_more))
}

pub async fn list(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
) -> Told<Response> {
    page_of(services, caller, None, uri).await
}

pub async fn list_of(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path((_, slug)): Path<(String, String)>,
    uri: Uri,
) -> Told<Response> {
    page_of(services, caller, Some(slug), uri).await
}

pub async fn commits(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path((_, version)): Path<(String, String)>,
) -> Told<Json<Value>> {
    working(&services, caller, Role::Viewer, move |services, caller| {
        let found = Found::look(services, caller, &version, None)?;
        let mut commits: Vec<Value> = Vec::new();
        for Known { project, .. } in &found.of {
            let of = services.tracker.commits(project.id, &version)?;
            // Said once for many projects, they are there for each.
            let new = of.iter().map(shapes::commit).filter(|one| !commits.contains(one)).collect::<Vec<_>>();
            commits.extend(new);
        }
        Ok(Json(Value::Array(commits)))
    })
    .await
}

/// From which commit on those of a release count, is said by sentry-cli's own look at the checkout.
pub async fn previous(Path((_, _)): Path<(String, String)>) -> Json<Value> {
    Json(json!({}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_build_tools_say_of_a_release_is_read() {
        let new: NewRelease = serde_json::from_value(json!({"version": "web@1", "projects": ["web"],
            "dateReleased": "2024-02-29T12:00:00.5Z", "ref": "main", "somethingNew": 1}))
        .unwrap();
        let said = new.more.said().unwrap();
        assert_eq!((new.version.as_str(), said.released), ("web@1", Some(Timestamp(1_709_208_000))));
        assert_eq!(said.reference.as_deref(), Some("main"));
        let more: More = serde_json::from_value(
            json!({"refs": [{"repository": "r", "commit": "c", "previousCommit": null}]}),
        )
        .unwrap();
        assert_eq!(more.commits().unwrap().unwrap()[0].id, "c");
        let more: More =
            serde_json::from_value(json!({"commits": [{"id": "a", "timestamp": "soon"}]})).unwrap();
        assert!(more.commits().unwrap_err().error.contains("`timestamp` is no time"));
        assert!(More::default().commits().unwrap().is_none());
    }
}
