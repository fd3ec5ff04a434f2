//! What checks and hosts have in common: how one is, and what can be done with it. `checks.rs` and `hosts.rs` say
//! which of the two is meant.

mod doing;
mod history;
mod shown;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use monitors::config::HostConfig;
use monitors::machine::{Command, Done, NewDowntime, ObjectId, ObjectName};
use monitors::{Definitions, Monitors, Refused, Ticket};
use vocabulary::ports::Scope;
use vocabulary::state::State;

use super::status::off_thread;
use crate::accounts::{Caller, Role};
use crate::answer::{Answer, Problem};
use crate::guard::require;
use crate::services::Services;

pub use doing::{
    AcknowledgementAnswer, Enabled, NewAcknowledgement, NewComment, NewNotice, NewResult, NotTold, Patience,
    Taken, acknowledge, comment, notify, remove_acknowledgement, run_now, switch, take_result,
};
pub use history::{History, Stretch, Window, history, stretches};
pub use shown::{Downtime, NumberSeries, PerfdataItem, Watched, perfdata_items, show};

/// Whoever sends a result waits so long for the disk. Longer than any disk that works takes, and within the
/// timeouts of senders.
const DISK_PATIENCE: Duration = Duration::from_secs(8);
/// What a responder may hold back without an editor.
pub const RESPONDERS_SECONDS: i64 = 86_400;
/// The end of the year 9999: what lies behind it was meant in milliseconds.
const NO_TIME: f64 = 253_402_300_800.0;

/// Seconds since 1970, and nothing else.
pub fn check_time(key: &str, at: f64) -> Answer<()> {
    match (0.0..NO_TIME).contains(&at) {
        true => Ok(()),
        false => Err(Problem::bad_request(format!("`{key}` is no time: {at}"))
            .hint("write seconds since 1970, not milliseconds")),
    }
}

/// Both ends of a window, where they are said: what is counted from them does not overflow.
pub fn check_window(from: Option<i64>, until: Option<i64>) -> Answer<()> {
    for (key, at) in [("from", from), ("until", until)] {
        if let Some(at) = at {
            check_time(key, at as f64)?;
        }
    }
    Ok(())
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Problem {
        match refused {
            Refused::NotFound(text) => Problem::not_found(text),
            Refused::Wrong(text) => Problem::bad_request(text),
            Refused::Conflict(text) => Problem::new(StatusCode::CONFLICT, text),
            Refused::NotKept(text) => Problem::new(StatusCode::SERVICE_UNAVAILABLE, text)
                .hint("the state database cannot be written; see /api/v1/health"),
        }
    }
}

/// Whoever sees only a part of all names is not told of hosts, and of checks on them.
pub fn sees(caller: &Caller) -> Answer<()> {
    match caller.scope.is_everything() {
        true => Ok(()),
        false => Err(Problem::forbidden(format!(
            "{} is limited to prefixes of series, and checks are none",
            caller.name
        ))),
    }
}

pub fn may(caller: &Caller, role: Role) -> Answer<()> {
    require(caller, role)?;
    sees(caller)
}

/// What is watched, for those whose it is by its own name; others hear what they would if it were not there.
pub fn theirs(caller: &Caller, role: Role, name: &ObjectName) -> Answer<()> {
    require(caller, role)?;
    let (ObjectName::Check(own) | ObjectName::Host(own) | ObjectName::Instance(own, _)) = name;
    match caller.scope.sees(own) {
        true => Ok(()),
        false => Err(monitors::unknown(name).into()),
    }
}

/// The same of what may also be theirs by its instance, as series of a rule for all are.
pub fn theirs_in_part(caller: &Caller, role: Role, name: &ObjectName) -> Answer<()> {
    require(caller, role)?;
    match is_in(&caller.scope, name) {
        true => Ok(()),
        false => Err(monitors::unknown(name).into()),
    }
}

pub fn is_in(scope: &Scope, name: &ObjectName) -> bool {
    match name {
        ObjectName::Check(own) | ObjectName::Host(own) => scope.sees(own),
        ObjectName::Instance(monitor, instance) => scope.sees_watched(monitor, instance),
    }
}

/// Are there checks on this host that are others'? What holds it back holds them back too.
pub fn is_shared(services: &Services, scope: &Scope, host: &str) -> bool {
    let definitions = services.monitors.definitions();
    let foreign = |name: &str, on: &str| on == host && !scope.sees(name);
    !scope.is_everything() && definitions.checks.iter().any(|check| foreign(&check.name, &check.host))
}

/// Does a word of how this is hold back what is others'? That of a host does for the checks on it, and for those hosts behind
/// it that are cut off when it is down or depend on it, with what is on them; that of a check for those that depend on it.
pub fn decides_for_others(services: &Services, scope: &Scope, name: &ObjectName) -> bool {
    !scope.is_everything() && is_before_others(&services.monitors.definitions(), scope, name)
}

fn is_before_others(definitions: &Definitions, scope: &Scope, name: &ObjectName) -> bool {
    match name {
        ObjectName::Host(host) => {
            let behind = with_all_behind(host, |one| hosts_behind(definitions, one));
            let foreign_host = behind.iter().any(|other| *other != host && !scope.sees(other));
            let mut checks = definitions.checks.iter().filter(|check| behind.contains(check.host.as_str()));
            foreign_host || checks.any(|check| !scope.sees(&check.name))
        }
        ObjectName::Check(check) => {
            let behind = with_all_behind(check, |one| checks_behind(definitions, one));
            behind.iter().any(|other| *other != check && !scope.sees(other))
        }
        ObjectName::Instance(..) => false,
    }
}

fn hosts_behind<'d>(definitions: &'d Definitions, host: &str) -> Vec<&'d str> {
    let is_child = |other: &&HostConfig| other.parents.iter().any(|parent| parent == host);
    let children = definitions.hosts.iter().filter(is_child).map(|child| child.name.as_str());
    let depend = definitions.dependencies.iter().filter(|on| on.host.as_deref() == Some(host));
    children.chain(depend.filter_map(|on| on.dependent_host.as_deref())).collect()
}

fn checks_behind<'d>(definitions: &'d Definitions, check: &str) -> Vec<&'d str> {
    let depend = definitions.dependencies.iter().filter(|on| on.check.as_deref() == Some(check));
    depend.filter_map(|on| on.dependent_check.as_deref()).collect()
}

/// Whole chains of them: what depends on something may inherit what that depends on.
fn with_all_behind<'d>(first: &'d str, behind: impl Fn(&str) -> Vec<&'d str>) -> BTreeSet<&'d str> {
    let mut found = BTreeSet::from([first]);
    let mut to_look_behind = vec![first];
    while let Some(one) = to_look_behind.pop() {
        for other in behind(one) {
            if found.insert(other) {
                to_look_behind.push(other);
            }
        }
    }
    found
}

/// For what is of everybody: the files, rules for all names.
pub fn whole(caller: &Caller, role: Role) -> Answer<()> {
    require(caller, role)?;
    match caller.scope.is_everything() {
        true => Ok(()),
        false => Err(Problem::forbidden(format!(
            "{} is limited to prefixes of series, and this is about all of them",
            caller.name
        ))),
    }
}

pub fn word(state: Option<State>) -> &'static str {
    state.map_or("PENDING", State::word)
}

/// Something that is on the disk when it is answered.
pub async fn change<T: Send + 'static>(
    services: &Arc<Services>,
    work: impl FnOnce(&Monitors) -> Result<(T, Ticket), Refused> + Send + 'static,
) -> Answer<T> {
    off_thread(services, move |services| {
        let (answer, ticket) = work(&services.monitors)?;
        services.monitors.wait(ticket, DISK_PATIENCE)?;
        Ok(answer)
    })
    .await
}

pub async fn command(
    services: &Arc<Services>,
    name: ObjectName,
    command: impl FnOnce(ObjectId) -> Command + Send + 'static,
) -> Answer<Done> {
    let now = services.clock.now();
    change(services, move |monitors| monitors.command(&name, command, now)).await
}

/// Whoever is signed in is the author; where nobody has to be, and of programs, which may say for whom they ask, it is who is
/// named.
pub fn author(caller: &Caller, said: String) -> String {
    match said.trim().is_empty() || caller.via.is_person() {
        true => caller.name.clone(),
        false => said,
    }
}

/// A downtime as somebody plans it.
pub fn new_downtime(object: ObjectId, plan: &super::downtimes::NewDowntime, author: &str) -> NewDowntime {
    NewDowntime {
        object,
        start: plan.start as i64,
        end: plan.end as i64,
        fixed: plan.fixed,
        duration: plan.duration.unwrap_or(0.0) as i64,
        triggered_by: plan.triggered_by,
        author: author.into(),
        comment: plan.comment.as_str().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_decides_for_what_is_on_it_and_behind_it() {
        let text = r#"
            [[host]]
            name = "shop.router"
            [[host]]
            name = "shop.web"
            parents = ["shop.router"]
            [[host]]
            name = "shop.db"
            parents = ["shop.web", "shop.alone"]
            [[host]]
            name = "shop.alone"
            [[host]]
            name = "shop.edge"
            [[host]]
            name = "mail.box"
            parents = ["shop.edge"]
            [[check]]
            name = "mail.queue"
            host = "shop.db"
            type = "passive"
            [[check]]
            name = "shop.http"
            host = "mail.box"
            type = "passive"
        "#;
        let definitions: Definitions = toml::from_str(text).unwrap();
        let scope = Scope::prefixes(vec!["shop.".into()]);
        let check = |host: &str, before: bool| {
            let name = ObjectName::Host(host.to_owned());
            assert_eq!(is_before_others(&definitions, &scope, &name), before, "{host}");
        };
        for host in ["shop.db", "shop.web", "shop.router", "shop.alone", "shop.edge"] {
            check(host, true);
        }
        check("mail.box", false);
        check("nothing", false);
    }

    #[test]
    fn what_others_depend_on_decides_for_them() {
        let text = r#"
            [[host]]
            name = "shop.gate"
            [[host]]
            name = "shop.alone"
            [[host]]
            name = "mail.box"
            [[dependency]]
            host = "shop.gate"
            dependent_host = "mail.box"
            notification_failure = ["d"]
            [[check]]
            name = "shop.db"
            [[check]]
            name = "shop.cache"
            [[check]]
            name = "shop.web"
            [[check]]
            name = "mail.app"
            [[dependency]]
            check = "shop.db"
            dependent_check = "shop.cache"
            notification_failure = ["c"]
            [[dependency]]
            check = "shop.cache"
            dependent_check = "mail.app"
            notification_failure = ["c"]
            inherits_parent = true
            [[dependency]]
            check = "mail.app"
            dependent_check = "shop.web"
            notification_failure = ["c"]
        "#;
        let definitions: Definitions = toml::from_str(text).unwrap();
        let scope = Scope::prefixes(vec!["shop.".into()]);
        let before = |name: ObjectName| is_before_others(&definitions, &scope, &name);
        for (name, wanted) in [("shop.db", true), ("shop.cache", true), ("shop.web", false), ("none", false)]
        {
            assert_eq!(before(ObjectName::Check(name.to_owned())), wanted, "{name}");
        }
        for (name, wanted) in [("shop.gate", true), ("shop.alone", false)] {
            assert_eq!(before(ObjectName::Host(name.to_owned())), wanted, "{name}");
        }
    }
}
