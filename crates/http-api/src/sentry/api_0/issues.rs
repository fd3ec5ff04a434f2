//! Groups, as exporters read them: what there is, how often, how many people.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::Response;
use axum::{Extension, Json};
use error_tracking::look::{Order, Wanted};
use error_tracking::{Group, Project};
use serde_json::{Value, json};
use vocabulary::Timestamp;

use super::search::search;
use super::{Page, Told, find_project, projects_asked, shapes, stats, working};
use crate::accounts::{Caller, Role};
use crate::answer::{Answer, Problem};
use crate::api_v1::errors;
use crate::parameters::Parameters;
use crate::services::Services;

/// Without `query` it is this.
const OPEN: &str = "is:unresolved";
const ALL_PROJECTS: &str = "-1";

/// What a query string asks for.
struct Asked {
    wanted: Wanted,
    /// By name or number; none: all.
    projects: Vec<String>,
    stats: Option<stats::Period>,
}

impl Asked {
    fn read(query: &str, page: Page, now: Timestamp) -> Answer<Asked> {
        let parameters = Parameters::of_query(query);
        let order = match parameters.last("sort").unwrap_or("date") {
            "date" | "inbox" | "trends" | "recommended" | "priority" => Order::LastSeen,
            "new" => Order::FirstSeen,
            "freq" => Order::Count,
            "user" => Order::Users,
            other => {
                return Err(Problem::bad_request(format!("`{other}` is no order"))
                    .hint("sort is date, new, freq or user"));
            }
        };
        let mut wanted = Wanted {
            order,
            environment: parameters.last("environment").filter(|text| !text.is_empty()).map(str::to_owned),
            offset: page.offset,
            // One more tells whether there are more.
            limit: page.limit + 1,
            ..Wanted::default()
        };
        search(&mut wanted, parameters.last("query").unwrap_or(OPEN), now)?;
        let projects = named_projects(&parameters);
        let stats = stats::Period::read(parameters.last("statsPeriod").unwrap_or("24h"))?;
        Ok(Asked { wanted, projects, stats })
    }
}

pub(super) fn named_projects(parameters: &Parameters) -> Vec<String> {
    let mut projects = parameters.all("project");
    projects.retain(|project| project != ALL_PROJECTS);
    projects
}

pub(super) fn status(word: &str) -> Answer<&'static str> {
    match word {
        "unresolved" => Ok("unresolved"),
        "resolved" => Ok("resolved"),
        "ignored" | "archived" | "muted" => Ok("ignored"),
        _ => Err(Problem::bad_request(format!("no group is `is:{word}`"))
            .hint("is: is unresolved, resolved, ignored, assigned, unassigned or regressed")),
    }
}

/// So many groups of each of these projects, and whether there are more.
fn listed(
    services: &Services,
    asked: &Asked,
    page: Page,
    projects: &[Arc<Project>],
    now: Timestamp,
) -> Answer<(Vec<Value>, bool)> {
    let mut groups: Vec<(Arc<Project>, Group)> = Vec::new();
    let is_one = projects.len() == 1;
    for project in projects {
        // Of many lists that are joined each may hold all of the page, and all before it.
        let most = page.offset.saturating_add(page.limit).saturating_add(1);
        let (offset, limit) = if is_one { (page.offset, page.limit + 1) } else { (0, most) };
        let wanted = Wanted { project: Some(project.id), offset, limit, ..asked.wanted.clone() };
        let of = services.tracker.list(&wanted, now)?;
        groups.extend(of.into_iter().map(|group| (project.clone(), group)));
    }
    let (groups, has_more) = if is_one {
        Page { offset: 0, ..page }.cut(groups)
    } else {
        sort(&mut groups, asked.wanted.order);
        page.cut(groups)
    };
    let item = |(project, group): &(Arc<Project>, Group)| -> Answer<Value> {
        let stats = match asked.stats {
            Some(period) => period.of(services, project.id, Some(group.id), now)?,
            None => json!({}),
        };
        Ok(shown(services, project, group, stats, now))
    };
    Ok((groups.iter().map(item).collect::<Answer<_>>()?, has_more))
}

fn shown(services: &Services, project: &Project, group: &Group, stats: Value, now: Timestamp) -> Value {
    let page = errors::page_of(services, project, group);
    shapes::issue(project, group, &page, stats, now)
}

/// The greatest first, as each list is.
fn sort(groups: &mut [(Arc<Project>, Group)], order: Order) {
    let key = |group: &Group| match order {
        Order::LastSeen => group.last_seen.0,
        Order::FirstSeen => group.first_seen.0,
        Order::Count => i64::try_from(group.count).unwrap_or(i64::MAX),
        Order::Users => i64::try_from(group.users.count()).unwrap_or(i64::MAX),
    };
    groups.sort_by_key(|(_, group)| std::cmp::Reverse((key(group), group.id)));
}

async fn answer(services: Arc<Services>, caller: Caller, slug: Option<String>, uri: Uri) -> Told<Response> {
    let query = uri.query().unwrap_or_default().to_owned();
    let page = Page::read(&query)?;
    let asked = Asked::read(&query, page, services.clock.now())?;
    let listed = working(&services, caller, Role::Viewer, move |services, caller| {
        let projects = match &slug {
            Some(slug) => vec![find_project(services, caller, slug)?],
            None => projects_asked(services, caller, &asked.projects)?,
        };
        listed(services, &asked, page, &projects, services.clock.now())
    });
    let (items, has_more) = listed.await?;
    Ok(page.answer(&uri, items, has_more))
}

pub async fn of_project(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path((_, slug)): Path<(String, String)>,
    uri: Uri,
) -> Told<Response> {
    answer(services, caller, Some(slug), uri).await
}

pub async fn of_organization(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
) -> Told<Response> {
    answer(services, caller, None, uri).await
}

/// By its number, or by its name: `WEB-12`.
pub async fn one(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(named): Path<String>,
) -> Told<Json<Value>> {
    working(&services, caller, Role::Viewer, move |services, caller| {
        whole(services, caller, &named).map(Json)
    })
    .await
}

pub(super) fn whole(services: &Services, caller: &Caller, named: &str) -> Answer<Value> {
    let (group, project) = errors::group(services, caller, named)?;
    let now = services.clock.now();
    let day = stats::Period::DAY.of(services, project.id, Some(group.id), now)?;
    Ok(shown(services, &project, &group, day, now))
}

pub async fn one_of(
    services: State<Arc<Services>>,
    caller: Extension<Caller>,
    Path((_, named)): Path<(String, String)>,
) -> Told<Json<Value>> {
    one(services, caller, Path(named)).await
}

/// The newest release that it was seen in, of one environment or all.
pub async fn current_release(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(named): Path<String>,
    uri: Uri,
) -> Told<Json<Value>> {
    let parameters = Parameters::of_query(uri.query().unwrap_or_default());
    let environment = parameters.last("environment").filter(|name| !name.is_empty()).map(str::to_owned);
    working(&services, caller, Role::Viewer, move |services, caller| {
        let (group, project) = errors::group(services, caller, &named)?;
        let release = errors::releases::newest_of(services, &group, environment)?;
        let release = release.map_or(Value::Null, |version| {
            json!({"release": {"version": version, "shortVersion": version, "projects": [{"slug": project.name}]}})
        });
        Ok(Json(json!({"currentRelease": release})))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(query: &str) -> Answer<Asked> {
        Asked::read(query, Page { offset: 0, limit: 10 }, Timestamp(1_000_000))
    }

    #[test]
    fn sentrys_words_are_read() {
        let wanted = |query: &str| asked(query).unwrap().wanted;
        assert_eq!(wanted("").status.as_deref(), Some("unresolved"));
        assert_eq!(wanted("query=").status, None);
        let all = wanted(
            "query=is:archived+release:web%401+browser:%22Firefox%22+no+cart&sort=freq&environment=prod",
        );
        assert_eq!((all.status.as_deref(), all.release.as_deref()), (Some("ignored"), Some("web@1")));
        assert_eq!((all.text.as_deref(), all.environment.as_deref()), (Some("no cart"), Some("prod")));
        assert_eq!((all.tags, all.order), (vec![("browser".into(), "Firefox".into())], Order::Count));
        let young = wanted("query=age:-1h+lastSeen:-30m");
        let times = (young.first_seen_since, young.seen_since);
        assert_eq!(times, (Some(Timestamp(996_400)), Some(Timestamp(998_200))));
        assert!(asked("project=-1").unwrap().projects.is_empty());
        assert_eq!(asked("project=1&project=web").unwrap().projects, ["1", "web"]);
    }

    #[test]
    fn what_cannot_be_searched_is_told() {
        let check = |query: &str, why: &str| {
            let error = asked(query).err().unwrap().error;
            assert!(error.contains(why), "{error}");
        };
        check("query=is:lost", "no group is");
        check("query=!release:1", "cannot be searched");
        check("query=age:-soon", "cannot be searched");
        check("sort=best", "no order");
        check("statsPeriod=1y", "statsPeriod");
    }
}
