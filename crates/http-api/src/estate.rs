//! All that is defined and how it is, in one look: what services and inventory are made from.

use monitors::services::inventory::Watchers;
use monitors::services::{Services as Components, Watched};
use vocabulary::Timestamp;
use vocabulary::state::State;

use crate::inventory::place;
use crate::services::Services;

pub struct Estate {
    pub services: Components,
    pub watchers: Watchers,
    watched: Vec<Known>,
}

struct Known {
    name: String,
    service: Option<String>,
    state: Option<State>,
    since: Option<Timestamp>,
    text: String,
    planned: bool,
}

impl Estate {
    pub fn of(_services: &Services) -> Estate {
        Estate { services: Components::new(&[], place), watchers: Watchers::default(), watched: Vec::new() }
    }

    pub fn watched(&self) -> impl Iterator<Item = Watched<'_>> {
        self.watched.iter().map(|known| Watched {
            name: &known.name,
            service: known.service.as_deref(),
            state: known.state,
            since: known.since,
            text: &known.text,
            planned: known.planned,
        })
    }
}
