//! What incidents know of the people and teams of accounts.

use incidents::book::Book;
use state_store::StateStore;

use crate::config::Config;

/// A state database that cannot be read leaves the book without teams, and says so: contacts of the files are told
/// all the same.
pub fn enter(book: &mut Book, config: &Config, state: &StateStore) {
    if let Err(error) = crate::reaching::enter(book, config, state) {
        tracing::warn!(%error, "people's own ways cannot be read: only contacts of the files are reached");
    }
    match accounts::teams(state, &config.team) {
        Ok(teams) => book.teams.extend(teams.into_iter().map(|team| {
            let members = team.team.members.iter().map(|name| name.as_str().into()).collect();
            (team.team.name.as_str().into(), members)
        })),
        Err(error) => tracing::warn!(%error, "teams cannot be read: nobody is reached by the name of a team"),
    }
}
