//! Names that mean somebody here, and under which somebody came by another's word: whether it is the same, an administrator knows.

use std::collections::BTreeMap;

use parking_lot::Mutex;

use crate::accounts;
use crate::answer::Answer;
use crate::services::Services;

/// More are not listed: whoever can invent names there makes no list of millions here.
const MOST: usize = 100;

/// As they were when it was last looked: what else means somebody of that name, by name.
#[derive(Default)]
pub struct TakenNames(Mutex<BTreeMap<String, Vec<String>>>);

impl TakenNames {
    pub fn all(&self) -> BTreeMap<String, Vec<String>> {
        self.0.lock().clone()
    }
}

/// People whom no administrator has linked, and whose name is used.
pub fn look_again(services: &Services) -> Answer<()> {
    let unlinked = accounts::unlinked(&services.state)?.into_iter();
    let used = unlinked.map(|name| (uses(services, &name), name)).filter(|(uses, _)| !uses.is_empty());
    let taken = used.take(MOST).map(|(uses, name)| (name, uses)).collect();
    *services.taken_names.0.lock() = taken;
    Ok(())
}

/// What means somebody of this name, as administrators look for it.
pub(super) fn uses(services: &Services, name: &str) -> Vec<String> {
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
