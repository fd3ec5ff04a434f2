//! What incidents know of the people and teams of accounts.

use incidents::book::Book;
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
        Ok(teams) => book.teams.extend(teams.into_iter().map(|team| {
            let members = team.members().map(|name| name.as_str().into()).collect();
            (team.team.name.as_str().into(), members)
        })),
        Err(error) => {
            tracing::warn!(%error, "teams cannot be read: whoever is reached by the name of one is so as before");
            book.unread.teams = true;
        }
    }
}
