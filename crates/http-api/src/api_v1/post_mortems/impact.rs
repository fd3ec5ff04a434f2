//! What an incident came to, from its record.

use std::collections::BTreeSet;

use incidents::learning::About;
use serde::Serialize;
use utoipa::ToSchema;
use vocabulary::state::State;

use crate::answer::Answer;
use crate::estate::Estate;
use crate::services::Services;

#[derive(Serialize, ToSchema)]
pub struct Impact {
    /// From the first trouble on, to its end or to now.
    pub seconds: i64,
    /// From the first trouble until it was noticed.
    pub to_notice_seconds: i64,
    /// From being noticed until somebody had it; null: nobody did.
    pub to_acknowledge_seconds: Option<i64>,
    #[schema(value_type = String)]
    pub worst: State,
    /// What was in trouble.
    pub instances: usize,
    /// The services that these belong to.
    pub services: Vec<String>,
    /// Words of trouble that were sent, and to how many people.
    pub pages: usize,
    pub people: usize,
}

pub fn of(services: &Services, about: &About) -> Answer<Option<Impact>> {
    let Some(found) = services.desk.one(about.incident)? else { return Ok(None) };
    let ended = found.incident.closed.map_or(services.clock.now().0, |closed| closed.0);
    let first = found.timeline.iter().find(|entry| entry.kind == "acknowledged" && !entry.who.is_empty());
    let troubled: BTreeSet<&str> = found.incident.troubles.keys().map(|key| &*key.monitor).collect();
    let sent = || found.pages.iter().filter(|kept| kept.page.kind.is_problem() && kept.state != "listed");
    let people: BTreeSet<&str> = sent().map(|kept| &*kept.page.contact).collect();
    Ok(Some(Impact {
        seconds: ended - about.began,
        to_notice_seconds: about.opened - about.began,
        to_acknowledge_seconds: first.map(|entry| entry.at - about.opened),
        worst: found.incident.detail.worst,
        instances: found.incident.troubles.len(),
        services: services_of(services, &troubled),
        pages: sent().count(),
        people: people.len(),
    }))
}

fn services_of(services: &Services, troubled: &BTreeSet<&str>) -> Vec<String> {
    let estate = Estate::of(services);
    let all = estate.services.all.iter().zip(estate.members());
    let hit = all.filter(|(_, members)| members.iter().any(|one| troubled.contains(one.name.as_str())));
    hit.map(|(service, _)| service.name.clone()).collect()
}
