//! What follows from who comes by another's word, and from who does not come any more.

use std::sync::Arc;

use crate::accounts::{self, Arrived, Change};
use crate::answer::Answer;
use crate::api_v1::off_thread;
use crate::services::Services;

/// Schedules, teams and contacts of the files mean people by name: whoever comes first under such a name is that one, and
/// administrators read of it in the audit log.
pub fn note_first(services: &Services, arrived: &Arrived, via: &'static str, source: String) {
    let uses = match arrived.is_new {
        true => uses(services, &arrived.name),
        false => Vec::new(),
    };
    if uses.is_empty() {
        return;
    }
    tracing::warn!(
        name = arrived.name,
        ?uses,
        "somebody came for the first time under a name that is used here"
    );
    let change = Change {
        who: arrived.name.clone(),
        via,
        source,
        action: "came for the first time, under a name that is used already".into(),
        subject: format!("people/{}", arrived.name),
        after: Some(serde_json::json!({ "used_by": uses }).to_string()),
        ..Change::default()
    };
    if let Err(error) = accounts::note(&services.state, &change, services.clock.now()) {
        tracing::error!(%error, "the audit log cannot be written");
    }
}

/// What means somebody of this name, as administrators look for it.
fn uses(services: &Services, name: &str) -> Vec<String> {
    let settings = services.settings.load();
    let definitions = services.monitors.definitions();
    let contacts = definitions.contacts.iter().filter(|contact| contact.name == name);
    let teams = settings.teams.iter().filter(|team| team.members.iter().any(|member| member == name));
    let roster = services.desk.roster(services.clock.now());
    let schedules = roster.schedules.iter().filter(|(_, known)| known.schedule.names(name));
    let contacts = contacts.map(|contact| format!("contact {}", contact.name));
    let teams = teams.map(|team| format!("team {}", team.name));
    contacts.chain(teams).chain(schedules.map(|(schedule, _)| format!("schedule {schedule}"))).collect()
}

/// Tokens and pages of whoever has not come by the provider's word for long rest until they do.
pub async fn suspend_unseen(services: &Arc<Services>) -> Answer<()> {
    off_thread(services, |services| {
        let settings = services.settings.load();
        let unseen = settings.auth.oidc.as_ref().and_then(|oidc| oidc.unseen());
        if accounts::suspend_unseen(&services.state, unseen, services.clock.now())? {
            services.hub.close_of(None);
            services.control.people_changed();
        }
        Ok(())
    })
    .await
}
