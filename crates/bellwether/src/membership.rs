//! What incidents know of the people and teams of accounts.

use std::sync::Arc;

use accounts::Team;
use incidents::book::{Book, Owning};
use state_store::StateStore;

use crate::config::Config;

/// What a state database that cannot be read does not tell is as it was before, and that is said. At a start there is no
/// before: contacts of the files are told all the same.
pub fn enter(book: &mut Book, config: &Config, state: &StateStore) {
    if let Err(error) = crate::reaching::enter(book, config, state) {
        tracing::warn!(%error, "people's own ways cannot be read: they are reached as they were before");
        book.unread.people = true;
    }
    match accounts::teams(state, &config.team) {
        Ok(teams) => teams.into_iter().for_each(|team| enter_team(book, team)),
        Err(error) => {
            tracing::warn!(%error, "teams cannot be read: whoever is reached by the name of one is so as before");
            book.unread.teams = true;
        }
    }
}

fn enter_team(book: &mut Book, of: Team) {
    let members = of.members().map(|member| member.as_str().into()).collect();
    let team = of.team;
    let name: Arc<str> = team.name.as_str().into();
    book.teams.insert(name.clone(), members);
    book.owning.push(Owning {
        team: name,
        prefixes: team.prefixes,
        projects: team.projects,
        policy: team.escalation_policy.as_deref().map(Arc::from),
    });
}
