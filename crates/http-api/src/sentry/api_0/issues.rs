//! Groups, as exporters read them: what there is, how often, how many people.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::Response;
use error_tracking::look::{Order, Wanted};
use error_tracking::{Group, Project};
use serde_json::{Value, json};
use vocabulary::Timestamp;

use super::{Page, Told, find_project, projects_of, shapes, stats, working};
use crate::accounts::{Caller, Role};
use crate::answer::{Answer, Problem};
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
    fn read(query: &str, page: Page) -> Answer<Asked> {
        let parameters = Parameters::of_query(query);
        let order = match parameters.last("sort").unwrap_or("date") {
            "date" | "inbox" | "trends" | "recommended" => Order::LastSeen,
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
        search(&mut wanted, parameters.last("query").unwrap_or(OPEN))?;
        let mut projects = parameters.all("project");
        projects.retain(|project| project != ALL_PROJECTS);
        let stats = stats::Period::read(parameters.last("statsPeriod").unwrap_or("24h"))?;
        Ok(Asked { wanted, projects, stats })
    }
}

/// Sentry's words for what is searched, as far as there is the like here. The rest is text in title or culprit.
fn search(wanted: &mut Wanted, query: &str) -> Answer<()> {
    let mut texts: Vec<&str> = Vec::new();
    for word in query.split_whitespace() {
        let Some((key, value)) = word.split_once(':').filter(|(key, _)| !key.is_empty()) else {
            texts.push(word);
            continue;
        };
        let value = value.trim_matches('"').to_owned();
        match key {
            "is" => wanted.status = Some(status(&value)?.to_owned()),
            "environment" => wanted.environment = Some(value),
            "release" => wanted.release = Some(value),
            "assigned" => wanted.assigned = Some(value),
            _ if key.starts_with('!') || wanted.tag.is_some() => {
                return Err(Problem::bad_request(format!("`{word}` cannot be searched here")).hint(
                    "is:, environment:, release:, assigned:, one tag:value, and text; GET /api/v1/errors/groups can more",
                ));
            }
            tag => wanted.tag = Some((tag.to_owned(), value)),
        }
    }
    wanted.text = (!texts.is_empty()).then(|| texts.join(" "));
    Ok(())
}

pub(super) fn status(word: &str) -> Answer<&'static str> {
    match word {
        "unresolved" => Ok("unresolved"),
        "resolved" => Ok("resolved"),
        "ignored" | "archived" | "muted" => Ok("ignored"),
        _ => Err(Problem::bad_request(format!("no group is `is:{word}`"))
            .hint("is: is unresolved, resolved or ignored")),
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
    let shown = |(project, group): &(Arc<Project>, Group)| -> Answer<Value> {
        let stats = match asked.stats {
            Some(period) => period.of(services, project.id, Some(group.id), now)?,
            None => json!({}),
        };
        Ok(shapes::issue(project, group, stats, now))
    };
    Ok((groups.iter().map(shown).collect::<Answer<_>>()?, has_more))
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
    let asked = Asked::read(&query, page)?;
    let listed = working(&services, caller, Role::Viewer, move |services, caller| {
        let projects = match &slug {
            Some(slug) => vec![find_project(services, caller, slug)?],
            None if asked.projects.is_empty() => projects_of(services, caller),
            None => asked
                .projects
                .iter()
                .map(|project| find_project(services, caller, project))
                .collect::<Answer<_>>()?,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(query: &str) -> Answer<Asked> {
        Asked::read(query, Page { offset: 0, limit: 10 })
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
        assert_eq!((all.tag, all.order), (Some(("browser".into(), "Firefox".into())), Order::Count));
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
        check("query=a:1+b:2", "cannot be searched");
        check("sort=best", "no order");
        check("statsPeriod=1y", "statsPeriod");
    }
}
