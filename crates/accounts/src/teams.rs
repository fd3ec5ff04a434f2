//! Teams: who belongs together, and which names are theirs. Those of the files go before those that were made by the API.

use serde::Serialize;
use state_store::{Row, StateError, StateStore};
use utoipa::ToSchema;
use vocabulary::ports::Scope;

use crate::config::TeamConfig;
use crate::limits::MAX_TEAMS;
use crate::{AccountError, Role};

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Team {
    #[serde(flatten)]
    pub team: TeamConfig,
    /// Written in the files, and changed there.
    pub in_files: bool,
}

/// All of them, by name.
pub fn teams(state: &StateStore, files: &[TeamConfig]) -> Result<Vec<Team>, StateError> {
    let rows = state.query("SELECT name, members, prefixes, projects, escalation_policy FROM team", &[])?;
    let made = rows.iter().map(of_row).filter(|team| !is_in(files, &team.name));
    let made = made.map(|team| Team { team, in_files: false });
    let mut all: Vec<Team> =
        files.iter().cloned().map(|team| Team { team, in_files: true }).chain(made).collect();
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
    Ok(state.transaction(|tx| Ok(tx.execute("DELETE FROM team WHERE name = ?1", &[name.into()])? > 0))?)
}

/// The teams of this person.
pub fn teams_of(state: &StateStore, files: &[TeamConfig], person: &str) -> Result<Vec<Team>, StateError> {
    let mut all = teams(state, files)?;
    all.retain(|team| team.team.members.iter().any(|member| member == person));
    Ok(all)
}

/// What a person may see: the prefixes of their teams. Administrators see all, and so does whoever is of no team that
/// has any: an installation for one team needs none.
pub fn scope_of(
    state: &StateStore,
    files: &[TeamConfig],
    person: &str,
    role: Role,
) -> Result<Scope, StateError> {
    if role == Role::Admin {
        return Ok(Scope::everything());
    }
    let mut prefixes: Vec<String> =
        teams_of(state, files, person)?.into_iter().flat_map(|team| team.team.prefixes).collect();
    prefixes.sort();
    prefixes.dedup();
    Ok(Scope::prefixes(prefixes))
}
