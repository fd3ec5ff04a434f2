//! `[[team]]` of the files.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::limits::{LONGEST_NAME, MAX_MEMBERS, MAX_PREFIXES, MAX_TEAMS};

/// As a prefix of a team: its members see everything. Nothing is the team's by that.
pub(crate) const ALL_NAMES: &str = "*";

/// `[[team]]`: who belongs together, and what is theirs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TeamConfig {
    pub name: String,
    /// Names of people and contacts.
    pub members: Vec<String>,
    /// What the names of its series begin with. Members of teams with prefixes see only those; `*` is for those who see all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub prefixes: Vec<String>,
    /// Of errors: what members of a team with prefixes see of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub projects: Vec<String>,
    /// Of what is the team's and names none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub escalation_policy: Option<String>,
}

impl TeamConfig {
    /// What is wrong with it, each with its key and the cure.
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        if !is_name(&self.name) {
            problems.push((
                "name",
                format!("a team's name has 1 to {LONGEST_NAME} characters and no control characters"),
            ));
        }
        let wrong = |list: &[String]| list.iter().any(|name| !is_name(name));
        if wrong(&self.members) || self.members.len() > MAX_MEMBERS {
            problems.push((
                "members",
                format!("write at most {MAX_MEMBERS} names of people or contacts, none of them empty"),
            ));
        }
        if wrong(&self.prefixes) || self.prefixes.len() > MAX_PREFIXES {
            problems.push((
                "prefixes",
                format!("write at most {MAX_PREFIXES} beginnings of names, such as \"shop.\", or \"*\" for those who see everything"),
            ));
        }
        if wrong(&self.projects) || self.projects.len() > MAX_PREFIXES {
            problems.push((
                "projects",
                format!("write at most {MAX_PREFIXES} names of projects, none of them empty"),
            ));
        }
        if self.escalation_policy.as_ref().is_some_and(|name| !is_name(name)) {
            problems
                .push(("escalation_policy", "name an [[escalation_policy]], or leave the key out".into()));
        }
        problems
    }
}

pub(crate) fn is_name(name: &str) -> bool {
    !name.trim().is_empty() && name.len() <= LONGEST_NAME && !name.chars().any(char::is_control)
}

/// Of all `[[team]]`, with keys such as `team.0.prefixes`.
pub fn problems(teams: &[TeamConfig]) -> Vec<(String, String)> {
    let mut problems = Vec::new();
    if teams.len() > MAX_TEAMS {
        problems.push(("team".into(), format!("there are more than {MAX_TEAMS} teams")));
    }
    for (index, team) in teams.iter().enumerate() {
        problems.extend(team.problems().into_iter().map(|(key, why)| (format!("team.{index}.{key}"), why)));
        if teams[..index].iter().any(|other| other.name == team.name) {
            let why =
                format!("there is a team `{}` already: give this one another name, or join them", team.name);
            problems.push((format!("team.{index}.name"), why));
        }
    }
    problems
}
