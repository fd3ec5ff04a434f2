//! `/api/0/`: Sentry's own API, as far as sentry-cli, the plugins of build tools and common exporters use it.
//!
//! Whoever asks shows a token of ours, as everywhere (with `auth.mode = "none"` any token passes). Any organization is
//! taken: there is one. A project goes by its name or number. Lists come in pages, by `Link` headers.
//!
//! | module | holds |
//! |---|---|
//! | [`about`] | who asks, the organization, projects and their keys |
//! | [`releases`], [`known`], [`deploys`] | releases, what is in them, where they went |
//! | [`uploads`] | source maps, in chunks |
//! | [`issues`], [`search`], [`stats`], [`stats_v2`] | groups and counts, for exporters |
//! | [`inside`] | what is in a group |
//! | [`decide`] | what is done with groups |
//! | [`events`], [`monitors`] | the newest events of a project; its heartbeats |
//! | [`feedback`] | what people say |
//! | [`shapes`] | what things look like in answers |

mod about;
mod decide;
mod deploys;
mod events;
mod feedback;
mod inside;
mod issues;
mod known;
mod monitors;
mod releases;
mod search;
mod shapes;
mod stats;
mod stats_v2;
mod uploads;

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Json, Router};
use error_tracking::Project;
use error_tracking::symbols::ArtifactError;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::accounts::{Caller, Role};
use crate::answer::{Answer, Problem};
use crate::api_v1::{errors, off_thread};
use crate::guard::require;
use crate::services::Services;

pub fn router() -> Router<Arc<Services>> {
    // What is nested does not have the slash alone.
    Router::new().route("/api/0/", get(about::info)).nest("/api/0", below())
}

fn below() -> Router<Arc<Services>> {
    Router::new()
        .route("/users/me/regions/", get(about::regions))
        .route("/organizations/", get(about::organizations))
        .route("/organizations/{org}/", get(about::organization))
        .route("/organizations/{org}/projects/", get(about::projects))
        .route("/organizations/{org}/repos/", get(about::repositories))
        .route("/organizations/{org}/releases/", get(releases::list).post(releases::create))
        .route(
            "/organizations/{org}/releases/{version}/",
            get(releases::one).put(releases::change).delete(releases::remove),
        )
        .route("/organizations/{org}/releases/{version}/commits/", get(releases::commits))
        .route("/organizations/{org}/releases/{version}/previous-with-commits/", get(releases::previous))
        .route("/organizations/{org}/releases/{version}/deploys/", get(deploys::list).post(deploys::create))
        .route("/organizations/{org}/chunk-upload/", get(uploads::options).post(uploads::take_chunks))
        .route("/organizations/{org}/artifactbundle/assemble/", post(uploads::assemble))
        .route("/organizations/{org}/issues/", get(issues::of_organization).put(decide::of_organization))
        .route("/organizations/{org}/issues/{issue}/", get(issues::one_of).put(decide::one_of))
        .route("/organizations/{org}/monitors/", get(monitors::list))
        .route("/organizations/{org}/stats_v2/", get(stats_v2::of_organization))
        .route("/issues/{issue}/", get(issues::one).put(decide::one))
        .route("/organizations/{org}/issues/{issue}/events/", get(inside::list_events))
        .route("/organizations/{org}/issues/{issue}/events/{event}/", get(inside::event))
        .route("/organizations/{org}/issues/{issue}/hashes/", get(inside::hashes))
        .route("/organizations/{org}/issues/{issue}/tags/", get(inside::tags))
        .route("/issues/{issue}/events/", get(inside::list_events))
        .route("/issues/{issue}/events/{event}/", get(inside::event))
        .route("/issues/{issue}/hashes/", get(inside::hashes))
        .route("/issues/{issue}/tags/", get(inside::tags))
        .route("/issues/{issue}/current-release/", get(issues::current_release))
        .route("/projects/", get(about::all_projects))
        .route("/projects/{org}/{project}/", get(about::project))
        .route("/projects/{org}/{project}/releases/", get(releases::list_of).post(releases::create_in))
        .route(
            "/projects/{org}/{project}/releases/{version}/",
            get(releases::one_of).put(releases::change_in).delete(releases::remove_from),
        )
        .route("/projects/{org}/{project}/files/difs/assemble/", post(uploads::refuse_debug_files))
        .route("/projects/{org}/{project}/user-feedback/", get(feedback::list).post(feedback::say))
        .route("/projects/{org}/{project}/keys/", get(about::keys))
        .route("/projects/{org}/{project}/environments/", get(about::environments))
        .route("/projects/{org}/{project}/issues/", get(issues::of_project).put(decide::of_project))
        .route("/projects/{org}/{project}/events/", get(events::of_project))
        .route("/projects/{org}/{project}/stats/", get(stats::of_project))
        .route("/{*rest}", any(nothing_here))
        .method_not_allowed_fallback(not_so)
}

async fn not_so(method: Method, uri: Uri) -> Refused {
    Problem::wrong_method(&method, &format!("/api/0{}", uri.path())).into()
}

async fn nothing_here(uri: Uri) -> Refused {
    let why = format!("{} is none of the calls of Sentry's API that are answered here", uri.path());
    Problem::not_found(why).hint("docs/sentry-api.md lists them; paths end with a slash").into()
}

/// As sentry-cli reads it: it shows `detail`.
struct Refused(Problem);

type Told<T> = Result<T, Refused>;

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Refused {
        Refused(problem)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let Refused(problem) = self;
        if problem.status().is_server_error() {
            tracing::warn!(status = problem.status().as_u16(), error = problem.error, "request failed");
        }
        let hint = problem.hint.as_ref().map_or_else(String::new, |hint| format!(" ({hint})"));
        let detail = format!("{}{hint}", problem.error);
        (problem.status(), Json(json!({"detail": detail, "error": problem.error}))).into_response()
    }
}

fn of_artifacts(error: ArtifactError) -> Problem {
    match error {
        ArtifactError::Wrong(why) => Problem::bad_request(why),
        ArtifactError::Full(why) => Problem::new(StatusCode::INSUFFICIENT_STORAGE, why),
        ArtifactError::Disk(why) => Problem::internal(why),
        ArtifactError::State(error) => error.into(),
    }
}

/// A body of JSON, whatever it says of its type.
struct Sent<T>(T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Sent<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, state: &S) -> Told<Sent<T>> {
        let body = Bytes::from_request(request, state).await;
        let body = body.map_err(|unread| Problem::unread_body(unread.status(), unread.body_text()))?;
        let sent = serde_json::from_slice(&body);
        Ok(Sent(sent.map_err(|error| Problem::bad_request(format!("the body cannot be read: {error}")))?))
    }
}

/// Work on files and the state database, for whoever has the role.
async fn working<T: Send + 'static>(
    services: &Arc<Services>,
    caller: Caller,
    role: Role,
    work: impl FnOnce(&Services, &Caller) -> Answer<T> + Send + 'static,
) -> Told<T> {
    require(&caller, role)?;
    Ok(off_thread(services, move |services| work(services, &caller)).await?)
}

fn is_theirs(caller: &Caller, project: &Project) -> bool {
    errors::sees(&caller.scope, &project.name)
}

fn projects_of(services: &Services, caller: &Caller) -> Vec<Arc<Project>> {
    let mut projects = services.projects.list();
    projects.retain(|project| is_theirs(caller, project));
    projects
}

/// By its name or number.
fn find_project(services: &Services, caller: &Caller, slug: &str) -> Answer<Arc<Project>> {
    let by_number = || slug.parse().ok().and_then(|id| services.projects.get(id));
    let project = services.projects.named(slug).or_else(by_number);
    project.filter(|project| is_theirs(caller, project)).ok_or_else(|| {
        Problem::not_found(format!("there is no project `{slug}`"))
            .hint("a project goes by its name here; make one with: bellwether project create NAME")
    })
}

/// Those that a query names; all that the caller sees if it names none.
fn projects_asked(services: &Services, caller: &Caller, slugs: &[String]) -> Answer<Vec<Arc<Project>>> {
    match slugs.is_empty() {
        true => Ok(projects_of(services, caller)),
        false => find_projects(services, caller, slugs),
    }
}

/// Those that are named, each once, however often it is named: what is done is done for each.
fn find_projects<S: AsRef<str>>(
    services: &Services,
    caller: &Caller,
    slugs: &[S],
) -> Answer<Vec<Arc<Project>>> {
    if slugs.is_empty() {
        return Err(Problem::bad_request("`projects` names no project").hint("sentry-cli: --project NAME"));
    }
    let mut known = BTreeSet::new();
    let mut projects = Vec::new();
    for slug in slugs {
        let project = find_project(services, caller, slug.as_ref())?;
        if known.insert(project.id) {
            projects.push(project);
        }
    }
    Ok(projects)
}

/// A part of a list: `cursor` is `0:OFFSET:0`, as Sentry writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Page {
    offset: usize,
    limit: usize,
}

const MAX_PAGE: usize = 100;

impl Page {
    fn read(query: &str) -> Answer<Page> {
        let parameter = |name: &str| {
            form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value)
        };
        let offset = parameter("cursor")
            .filter(|cursor| !cursor.is_empty())
            .map_or(Some(0), |cursor| cursor.split(':').nth(1).and_then(|offset| offset.parse().ok()));
        let limit = ["limit", "per_page"].into_iter().find_map(parameter);
        let limit = limit.map_or(Some(MAX_PAGE), |limit| limit.parse().ok());
        match (offset, limit) {
            (Some(offset), Some(limit)) if limit > 0 => Ok(Page { offset, limit: limit.min(MAX_PAGE) }),
            _ => Err(Problem::bad_request("`cursor` or `limit` cannot be read")
                .hint("follow the Link header; limit is 1 to 100")),
        }
    }

    /// Of all that there is.
    fn cut<T>(self, all: Vec<T>) -> (Vec<T>, bool) {
        let has_more = all.len() > self.offset.saturating_add(self.limit);
        (all.into_iter().skip(self.offset).take(self.limit).collect(), has_more)
    }

    /// With where the other parts are.
    fn answer(self, uri: &Uri, items: Vec<serde_json::Value>, has_more: bool) -> Response {
        let before = self.offset.saturating_sub(self.limit);
        let after = self.offset.saturating_add(self.limit);
        let link = |relation: &str, offset: usize, has_some: bool| {
            let path = uri.path();
            let others = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
                .filter(|(key, _)| key != "cursor");
            let query = form_urlencoded::Serializer::new(String::new())
                .extend_pairs(others)
                .append_pair("cursor", &format!("0:{offset}:0"))
                .finish();
            format!("<{path}?{query}>; rel=\"{relation}\"; results=\"{has_some}\"; cursor=\"0:{offset}:0\"")
        };
        let links = [link("previous", before, self.offset > 0), link("next", after, has_more)].join(", ");
        let mut headers = HeaderMap::new();
        // A path and a query are what a header may hold.
        if let Ok(links) = HeaderValue::from_str(&links) {
            headers.insert(header::LINK, links);
        }
        (headers, Json(items)).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_come_in_pages() {
        let check = |query: &str, expected: Option<(usize, usize)>| {
            let page = Page::read(query).ok().map(|page| (page.offset, page.limit));
            assert_eq!(page, expected, "{query}");
        };
        check("", Some((0, 100)));
        check("cursor=0:200:0&limit=50", Some((200, 50)));
        check("cursor=&per_page=1000", Some((0, 100)));
        check("cursor=x", None);
        check("limit=0", None);
        check("limit=many", None);
        let page = Page { offset: 2, limit: 2 };
        assert_eq!(page.cut(vec![1, 2, 3, 4, 5]), (vec![3, 4], true));
        assert_eq!(page.cut(vec![1, 2, 3, 4]), (vec![3, 4], false));
        let uri: Uri = "/api/0/projects/?a=b+c&cursor=0:2:0".parse().unwrap();
        let answer = page.answer(&uri, Vec::new(), true);
        let link = answer.headers()[header::LINK].to_str().unwrap();
        assert!(
            link.contains(
                r#"</api/0/projects/?a=b+c&cursor=0%3A4%3A0>; rel="next"; results="true"; cursor="0:4:0""#
            ),
            "{link}"
        );
    }
}
