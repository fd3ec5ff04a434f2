//! Who may sign in.

pub mod links;

use std::sync::Arc;

use ::incidents::oncall::calendar::Of;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::incidents;
use super::removing::Removing;
use super::status::off_thread;
use super::ways::is_in_files;
use crate::accounts::{self, Caller, Details, Person, Role};
use crate::answer::{Answer, Body, Params, Problem};
use crate::guard::require;
use crate::services::Services;

/// A person, and where they belong.
#[derive(Serialize, ToSchema)]
pub struct OfTeams {
    #[serde(flatten)]
    person: Person,
    teams: Vec<String>,
    /// By whose word they come; told to administrators.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    comes_by: Vec<links::ComesBy>,
    /// What else means somebody of this name, while no administrator has said that it is they.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    name_used_by: Vec<String>,
}

#[derive(Serialize, ToSchema)]
pub struct People {
    people: Vec<OfTeams>,
}

fn unknown(name: &str) -> Problem {
    Problem::not_found(format!("there is nobody called `{name}`"))
}

fn of_teams(services: &Services, person: Person) -> Answer<OfTeams> {
    let teams = accounts::teams_of(&services.state, &services.settings.load().teams, &person.name)?;
    let teams = teams.into_iter().map(|team| team.name).collect();
    Ok(OfTeams { person, teams, comes_by: Vec::new(), name_used_by: Vec::new() })
}

/// Whoever sees a part of all names sees the people of the teams whose part it is.
fn seen(services: &Services, caller: &Caller) -> Answer<Vec<OfTeams>> {
    let mut people: Vec<OfTeams> = Vec::new();
    let teams = super::teams::seen(services, caller)?;
    for person in accounts::people(&services.state)? {
        let of = teams.iter().filter(|team| team.members().any(|member| *member == person.name));
        let teams: Vec<String> = of.map(|team| team.team.name.clone()).collect();
        if caller.scope.is_everything() || !teams.is_empty() || is_self(caller, &person.name) {
            people.push(OfTeams { person, teams, comes_by: Vec::new(), name_used_by: Vec::new() });
        }
    }
    if require(caller, Role::Admin).is_ok() {
        links::tell(services, &mut people)?;
    }
    Ok(people)
}

#[utoipa::path(get, path = "/people", responses((status = 200, body = People)))]
pub async fn list(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
) -> Answer<Json<People>> {
    require(&caller, Role::Viewer)?;
    off_thread(&services, move |services| Ok(Json(People { people: seen(services, &caller)? }))).await
}

#[utoipa::path(get, path = "/people/{name}", params(("name" = String, Path)),
    responses((status = 200, body = OfTeams), (status = 404, body = Problem)))]
pub async fn one(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Answer<Json<OfTeams>> {
    require(&caller, Role::Viewer)?;
    off_thread(&services, move |services| {
        let found = seen(services, &caller)?.into_iter().find(|one| one.person.name == name);
        found.map(Json).ok_or_else(|| unknown(&name))
    })
    .await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetPerson {
    name: String,
    password: String,
    /// Without one whoever is there keeps theirs, and the first person of all is an administrator.
    #[serde(default)]
    role: Option<Role>,
    /// Also if there is such a person, who gets this password, and the role if one is said.
    #[serde(default)]
    replace: bool,
}

/// Makes a person, or with `replace` sets the password (and role) of one and ends their sessions.
#[utoipa::path(post, path = "/people", request_body = SetPerson,
    responses((status = 200, body = OfTeams), (status = 400, body = Problem), (status = 409, body = Problem)))]
pub async fn set(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Body(form): Body<SetPerson>,
) -> Answer<Json<OfTeams>> {
    require(&caller, Role::Admin)?;
    off_thread(&services, move |services| {
        put(services, &form)?;
        if form.replace {
            // Streams of their tokens, too, which hold while they are an administrator.
            services.hub.close_of(None);
        }
        services.control.people_changed();
        told(services, &form.name)
    })
    .await
}

/// Of two who make somebody of one name at once, the second is told.
fn put(services: &Services, form: &SetPerson) -> Answer<()> {
    let SetPerson { name, password, role, replace } = form;
    let (state, now) = (&services.state, services.clock.now());
    if *replace && accounts::replace_password(state, name, password, *role, now)? {
        return Ok(());
    }
    if accounts::person(state, name)?.is_some() {
        return Err(there_already(name));
    }
    let role = match role {
        Some(role) => *role,
        None if accounts::people(state)?.is_empty() => Role::Admin,
        None => {
            return Err(Problem::bad_request(format!("`role`: there is nobody called `{name}` yet"))
                .hint("say what a new person may do: viewer, responder, editor or admin"));
        }
    };
    match accounts::make_person(state, name, password, role, now)? {
        true => Ok(()),
        false => Err(there_already(name)),
    }
}

fn there_already(name: &str) -> Problem {
    Problem::new(StatusCode::CONFLICT, format!("there is somebody called `{name}` already")).hint(
        "with `replace: true` they get this password, and the role if one is said, and their sessions end",
    )
}

fn told(services: &Services, name: &str) -> Answer<Json<OfTeams>> {
    let person = accounts::person(&services.state, name)?.ok_or_else(|| unknown(name))?;
    of_teams(services, person).map(Json)
}

/// What is said of oneself; administrators may say it of everybody.
#[utoipa::path(put, path = "/people/{name}", params(("name" = String, Path)), request_body = Details,
    responses((status = 200, body = OfTeams), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub async fn describe(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Body(details): Body<Details>,
) -> Answer<Json<OfTeams>> {
    require_self_or_admin(&caller, &name)?;
    off_thread(&services, move |services| match accounts::describe(&services.state, &name, &details)? {
        true => {
            services.control.people_changed();
            told(services, &name)
        }
        false => Err(unknown(&name)),
    })
    .await
}

/// A token may be called as a person is: it is nobody.
pub fn is_self(caller: &Caller, name: &str) -> bool {
    caller.via.is_person() && caller.name == name
}

pub fn require_self_or_admin(caller: &Caller, name: &str) -> Answer<()> {
    match is_self(caller, name) {
        true => Ok(()),
        false => require(caller, Role::Admin),
    }
}

/// Of others' ways.
const NOT_DELIVERED: &str = "it was not delivered; why is for this person and administrators to read";

/// Why something did not reach this person, if anything: what a provider says of that names the address or number.
pub fn why_shown_to(caller: &Caller, name: &str, why: String) -> String {
    match why.is_empty() || require_self_or_admin(caller, name).is_ok() {
        true => why,
        false => NOT_DELIVERED.to_owned(),
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRole {
    role: Role,
}

/// Another role ends the person's sessions.
#[utoipa::path(put, path = "/people/{name}/role", params(("name" = String, Path)), request_body = NewRole,
    responses((status = 200, body = OfTeams), (status = 404, body = Problem)))]
pub async fn set_role(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Body(form): Body<NewRole>,
) -> Answer<Json<OfTeams>> {
    require(&caller, Role::Admin)?;
    off_thread(&services, move |services| match accounts::set_role(&services.state, &name, form.role)? {
        true => {
            // Those of their tokens, too, which hold while they are an administrator.
            services.hub.close_of(None);
            services.control.people_changed();
            told(services, &name)
        }
        false => Err(unknown(&name)),
    })
    .await
}

/// Whoever has left knows the addresses of these, which ask for no sign-in.
fn forget_calendars(services: &Services, name: &str) -> Answer<()> {
    let own = Of::Person(name.into());
    for feed in services.desk.feeds()?.into_iter().filter(|feed| feed.by == name || feed.of == own) {
        services.desk.remove_feed(feed.id)?;
    }
    Ok(())
}

#[utoipa::path(delete, path = "/people/{name}", params(Removing, ("name" = String, Path)),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn remove(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Params(removing): Params<Removing>,
) -> Answer<StatusCode> {
    require(&caller, Role::Admin)?;
    off_thread(&services, move |services| {
        let hint = "change these first, or remove them all the same with ?confirmed=true (`bellwether user remove --confirmed`)";
        let checked = removing.check(&format!("`{name}`"), || needed_by(services, &name));
        checked.map_err(|problem| problem.hint(hint))?;
        if !accounts::remove_person(&services.state, &name)? {
            return Err(unknown(&name));
        }
        // Those of their tokens, too.
        services.hub.close_of(None);
        services.control.people_changed();
        forget_calendars(services, &name)?;
        services.desk.forget_own_rules(&name, services.clock.now())?;
        if !is_in_files(services, &name) {
            incidents::give_back(services, &name, &caller.name)?;
        }
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// Whoever stands in the files as well is reached as before, and keeps what they have.
fn needed_by(services: &Services, name: &str) -> Vec<String> {
    let is_there = matches!(accounts::person(&services.state, name), Ok(Some(_)));
    if !is_there || is_in_files(services, name) {
        return Vec::new();
    }
    let mut all: Vec<String> = services.desk.in_hands_of(name).iter().map(in_hand).collect();
    all.extend(services.desk.who_needs_person(name, services.clock.now()));
    let settings = services.settings.load();
    let doors = settings.emergencies.iter().filter(|door| door.contacts.iter().any(|one| one == name));
    all.extend(doors.map(|door| format!("emergency `{}`", door.name)));
    all
}

fn in_hand((id, title): &(i64, String)) -> String {
    format!("incident #{id} ({title}), which is in their hands and would be nobody's")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::Via;

    #[test]
    fn why_somebody_was_not_reached_is_theirs_to_read() {
        let check = |role, via, name: &str, read: bool| {
            let caller = Caller { name: name.into(), role, scope: Default::default(), via, until: None };
            let told = why_shown_to(&caller, "ana", "no such number: +491701234567".into());
            assert_eq!(told != NOT_DELIVERED, read, "{name} {role:?} {via:?}");
            assert_eq!(why_shown_to(&caller, "ana", String::new()), "");
        };
        check(Role::Viewer, Via::Session, "ana", true);
        check(Role::Editor, Via::Session, "ben", false);
        check(Role::Responder, Via::Token, "ana", false);
        check(Role::Admin, Via::Session, "root", true);
    }
}
