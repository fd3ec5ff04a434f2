//! Teams: who belongs together, and which names are theirs. Those of the files go before those that were made by the API.

use std::collections::BTreeSet;

use serde::Serialize;
use state_store::{Row, StateError, StateStore};
use utoipa::ToSchema;
use vocabulary::ports::Scope;

use crate::config::{ALL_NAMES, TeamConfig};
use crate::limits::MAX_TEAMS;
use crate::{AccountError, Role, memberships, person};

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Team {
    #[serde(flatten)]
    pub team: TeamConfig,
    /// Written in the files, and changed there.
    pub in_files: bool,
    /// Who is in a group of this name at the sign-in provider, or as the proxy says: they come and go there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub by_groups: Vec<String>,
}

impl Team {
    fn written(team: TeamConfig, in_files: bool) -> Team {
        Team { team, in_files, by_groups: Vec::new() }
    }

    /// Everybody in it, once.
    pub fn members(&self) -> impl Iterator<Item = &String> {
        let members = &self.team.members;
        members.iter().chain(self.by_groups.iter().filter(move |name| !members.contains(name)))
    }
}

/// All of them, by name.
pub fn teams(state: &StateStore, files: &[TeamConfig]) -> Result<Vec<Team>, StateError> {
    let mut all = written(state, files)?;
    let mut members = memberships::by_team(state)?;
    for team in &mut all {
        team.by_groups = members.remove(&team.team.name).unwrap_or_default();
    }
    Ok(all)
}

pub(crate) fn names(state: &StateStore, files: &[TeamConfig]) -> Result<BTreeSet<String>, StateError> {
    Ok(written(state, files)?.into_iter().map(|team| team.team.name).collect())
}

/// With those only who are members by hand.
fn written(state: &StateStore, files: &[TeamConfig]) -> Result<Vec<Team>, StateError> {
    let rows = state.query("SELECT name, members, prefixes, projects, escalation_policy FROM team", &[])?;
    let made = rows.iter().map(of_row).filter(|team| !is_in(files, &team.name));
    let made = made.map(|team| Team::written(team, false));
    let mut all: Vec<Team> =
        files.iter().cloned().map(|team| Team::written(team, true)).chain(made).collect();
    all.sort_by(|a, b| a.team.name.cmp(&b.team.name));
    Ok(all)
}

fn of_row(row: &Row) -> TeamConfig {
    let list = |column: usize| row.text(column).lines().map(str::to_owned).collect();
    TeamConfig {
        name: row.text(0).to_owned(),
        members: list(1),
        prefixes: list(2),
        projects: list(3),
        escalation_policy: (!row.is_null(4)).then(|| row.text(4).to_owned()),
    }
}

fn is_in(files: &[TeamConfig], name: &str) -> bool {
    files.iter().any(|team| team.name == name)
}

fn refuse_written(files: &[TeamConfig], name: &str) -> Result<(), AccountError> {
    match is_in(files, name) {
        true => {
            Err(AccountError::Refused(format!("the team `{name}` is written in the files: change it there")))
        }
        false => Ok(()),
    }
}

/// Make one, or put another in its place.
pub fn set_team(state: &StateStore, files: &[TeamConfig], team: &TeamConfig) -> Result<(), AccountError> {
    refuse_written(files, &team.name)?;
    if let Some((key, why)) = team.problems().into_iter().next() {
        return Err(AccountError::Refused(format!("{key}: {why}")));
    }
    let full = state.transaction(|tx| {
        let others = tx.query("SELECT count(*) FROM team WHERE name <> ?1", &[team.name.as_str().into()])?;
        if others.first().is_some_and(|row| row.integer(0) >= MAX_TEAMS as i64) {
            return Ok(true);
        }
        let list = |names: &[String]| names.join("\n").into();
        tx.execute(
            "INSERT OR REPLACE INTO team (name, members, prefixes, projects, escalation_policy) VALUES (?1, ?2, ?3, ?4, ?5)",
            &[
                team.name.as_str().into(),
                list(&team.members),
                list(&team.prefixes),
                list(&team.projects),
                team.escalation_policy.as_deref().into(),
            ],
        )?;
        Ok(false)
    })?;
    match full {
        true => Err(AccountError::Refused(format!("there are {MAX_TEAMS} teams already"))),
        false => Ok(()),
    }
}

/// Whether there was such a team.
pub fn remove_team(state: &StateStore, files: &[TeamConfig], name: &str) -> Result<bool, AccountError> {
    refuse_written(files, name)?;
    Ok(state.transaction(|tx| {
        tx.execute("DELETE FROM membership WHERE team = ?1", &[name.into()])?;
        Ok(tx.execute("DELETE FROM team WHERE name = ?1", &[name.into()])? > 0)
    })?)
}

/// The teams of this person.
pub fn teams_of(
    state: &StateStore,
    files: &[TeamConfig],
    person: &str,
) -> Result<Vec<TeamConfig>, StateError> {
    let by_groups = memberships::of_person(state, person)?;
    let all = written(state, files)?.into_iter().map(|team| team.team);
    let is_in = |team: &TeamConfig| {
        by_groups.contains(&team.name) || team.members.iter().any(|member| member == person)
    };
    Ok(all.filter(is_in).collect())
}

/// What may be told to a contact: to a person what they see, to one of the files all.
pub fn scope_of_contact(
    state: &StateStore,
    files: &[TeamConfig],
    contact: &str,
) -> Result<Scope, StateError> {
    match person(state, contact)? {
        Some(person) => scope_of(state, files, contact, person.role),
        None => Ok(Scope::everything()),
    }
}

/// What a person may see: the prefixes of their teams. Administrators see all, and so does whoever is of no team that
/// has any: an installation for one team needs none. Where teams follow from groups, whoever has no prefixes sees nothing: to
/// lose a group is not to see more, and that a team is for all names is said in so many words.
pub fn scope_of(
    state: &StateStore,
    files: &[TeamConfig],
    person: &str,
    role: Role,
) -> Result<Scope, StateError> {
    if role == Role::Admin {
        return Ok(Scope::everything());
    }
    let teams = teams_of(state, files, person)?;
    let mut prefixes: BTreeSet<String> = teams.iter().flat_map(|team| team.prefixes.clone()).collect();
    if prefixes.contains(ALL_NAMES) {
        return Ok(Scope::everything());
    }
    if prefixes.is_empty() && !memberships::is_followed(state, person)? {
        return Ok(Scope::everything());
    }
    // Projects alone limit nobody; who is limited sees theirs, which are called by their series.
    let projects = teams.iter().flat_map(|team| &team.projects);
    prefixes.extend(projects.map(|project| format!("errors.{project}.")));
    match prefixes.is_empty() {
        true => Ok(Scope::nothing()),
        false => Ok(Scope::prefixes(prefixes.into_iter().collect())),
    }
}
