//! What incidents know of what is watched and of contacts, made from the definitions.

use std::sync::Arc;

use incidents::book::{Book, Contact, Kind, Subject, Ways};
use incidents::config::Environments;
use monitors::config::{CheckType, ContactConfig, MonitorKind, ServiceConfig};
use monitors::machine::Hours;
use monitors::services::Services;
use monitors::{Definitions, Monitors};
use state_store::StateStore;
use vocabulary::ports::Scope;

use crate::config::Config;

/// Of all that is in effect, and with what is not though it should be.
pub fn of_watched(monitors: &Monitors, config: &Config, state: &StateStore) -> Book {
    let unfit = monitors.unfit().into_iter().filter(|(_, unfit)| !unfit.is_watched);
    let left_out = unfit.map(|(name, _)| Arc::from(name)).collect();
    Book { left_out, ..book(&monitors.definitions(), config, state) }
}

pub fn book(all: &Definitions, config: &Config, state: &StateStore) -> Book {
    let mut book = Book {
        config: config.incidents.clone(),
        environments: Environments::new(&config.environment),
        channels: Some(config.channels().iter().map(|channel| channel.name.as_str().into()).collect()),
        followers: notify::config::followers(&config.channels()),
        rooms: notify::config::rooms(&config.channels()),
        quiet: notify::config::quiet(&config.channels()),
        calls: notify::config::calls(&config.channels()),
        mail: notify::config::mail(&config.channels()),
        needs: notify::config::needs(&config.channels()),
        ..Book::default()
    };
    for monitor in &all.monitors {
        let subject = Subject {
            kind: if monitor.kind == MonitorKind::Errors { Kind::Errors } else { Kind::Monitor },
            contacts: names(monitor.contacts.as_deref()),
            playbook: monitor.playbook.clone(),
            description: monitor.description.clone(),
            warning: monitor.warning.clone(),
            critical: monitor.critical.clone(),
            shadow: monitor.shadow,
            escalation_policy: policy(monitor.escalation_policy.as_deref()),
            owner: monitor.owner.as_deref().map(Arc::from),
            ..Subject::default()
        };
        book.subjects.insert((false, monitor.name.as_str().into()), subject);
    }
    for check in &all.checks {
        let subject = Subject {
            kind: Kind::Check,
            host: (!check.host.is_empty()).then(|| check.host.as_str().into()),
            contacts: names(check.contacts.as_deref()),
            playbook: check.playbook.clone(),
            shadow: check.shadow,
            escalation_policy: policy(check.escalation_policy.as_deref()),
            owner: check.owner.as_deref().map(Arc::from),
            ..Subject::default()
        };
        book.subjects.insert((false, check.name.as_str().into()), subject);
    }
    for host in &all.hosts {
        let subject = Subject {
            kind: Kind::Host,
            contacts: names(host.contacts.as_deref()),
            playbook: host.playbook.clone(),
            escalation_policy: policy(host.escalation_policy.as_deref()),
            // A host has no such key: whoever is told of it looks after it.
            owner: host
                .contacts
                .iter()
                .flatten()
                .chain(&host.escalation_policy)
                .next()
                .map(|it| it.as_str().into()),
            ..Subject::default()
        };
        book.subjects.insert((true, host.name.as_str().into()), subject);
    }
    let hours = Arc::new(Hours::new(all, &jiff::tz::TimeZone::system()));
    let named = hours.clone();
    book.named_periods = Some(Arc::new(move |name, now| named.holds(name, now)));
    enter_services(&mut book, all);
    enter_alerts(&mut book, all);
    enter_needs(&mut book, all);
    let next = hours.clone();
    book.next_times = Some(Arc::new(move |contact, host, now| next.next(contact, host, now)));
    book.periods = Some(Arc::new(move |contact, host, now| hours.allow(contact, host, now)));
    book.zone = Some(jiff::tz::TimeZone::system());
    book.policies =
        with_places(&config.escalation_policy, "escalation_policy", |policy| &policy.name, config);
    let schedules = with_places(&config.schedule, "schedule", |schedule| &schedule.name, config);
    book.schedules = schedules.into_iter().map(|(one, place)| (one.without_addresses(), place)).collect();
    book.contacts =
        all.contacts.iter().map(|contact| (contact.name.as_str().into(), of_contact(contact))).collect();
    crate::membership::enter(&mut book, config, state);
    book
}

fn policy(name: Option<&str>) -> Option<Arc<str>> {
    name.map(Arc::from)
}

fn enter_services(book: &mut Book, all: &Definitions) {
    let services = Services::new(&all.services, http_api::place);
    let itself = |name: &str| all.monitors.iter().find(|one| one.name == name)?.service.as_deref();
    for ((host, name), subject) in &mut book.subjects {
        let watched = services.of_watched(name, if *host { None } else { itself(name) });
        let mut names: Vec<Arc<str>> =
            watched.map(|index| services.all[index].name.as_str().into()).collect();
        if *host {
            names.extend(services.of_host(name).into_iter().map(Arc::from));
        }
        let named = |one: &&ServiceConfig| names.iter().any(|name| **name == *one.name);
        let mut playbooks = services.all.iter().filter(named).filter_map(|one| one.playbook.clone());
        subject.playbook_of_service = playbooks.next();
        let owner = || {
            names
                .iter()
                .find_map(|name| services.all.iter().find(|one| *one.name == **name)?.owner.as_deref())
        };
        subject.owner = subject.owner.take().or_else(|| owner().map(Arc::from));
        subject.services = names;
    }
    book.service_needs =
        all.services.iter().map(|one| (one.name.as_str().into(), names(Some(&one.dependencies)))).collect();
}

/// What is sent to a passive check in parts is told as the check says; what is on the sender's host has nothing to do with
/// it.
fn enter_alerts(book: &mut Book, all: &Definitions) {
    for check in all.checks.iter().filter(|check| check.kind == CheckType::Passive) {
        let name: Arc<str> = check.name.as_str().into();
        if let Some(subject) = book.subjects.get(&(false, name.clone())) {
            let each = Subject { kind: Kind::Alerts, host: None, ..subject.clone() };
            book.alerts.insert(name, each);
        }
    }
}

/// Parents of hosts, masters of dependencies.
fn enter_needs(book: &mut Book, all: &Definitions) {
    let parents =
        all.hosts.iter().flat_map(|host| host.parents.iter().map(|parent| (true, &host.name, parent)));
    let checks = all
        .dependencies
        .iter()
        .filter_map(|it| Some((false, it.dependent_check.as_ref()?, it.check.as_ref()?)));
    let hosts =
        all.dependencies.iter().filter_map(|it| Some((true, it.dependent_host.as_ref()?, it.host.as_ref()?)));
    for (host, dependent, master) in parents.chain(checks).chain(hosts) {
        if let Some(subject) = book.subjects.get_mut(&(host, dependent.as_str().into())) {
            subject.needs.push((host, master.as_str().into()));
        }
    }
}

/// Each with where it is written.
fn with_places<T: Clone>(
    all: &[T],
    list: &'static str,
    name: impl Fn(&T) -> &String,
    config: &Config,
) -> Vec<(T, String)> {
    let place = |one: &T| config.origins.get(&(list, name(one).clone())).cloned().unwrap_or_default();
    all.iter().map(|one| (one.clone(), place(one))).collect()
}

pub(crate) fn of_contact(contact: &ContactConfig) -> Contact {
    Contact {
        channels: names(Some(&contact.channels)),
        email: contact.email.clone(),
        ways: ways(contact),
        check_options: contact.check_notification_options.clone(),
        host_options: contact.host_notification_options.clone(),
        disabled: contact.notifications_enabled == Some(false),
        time_zone: contact.time_zone.clone(),
        rules: contact.rule.clone(),
        of_account: false,
        scope: Scope::everything(),
    }
}

/// By the keys of `[[contact]]`, which channels know.
fn ways(contact: &ContactConfig) -> Ways {
    let written = [
        ("phone", contact.phone.as_ref()),
        ("telegram", contact.telegram.as_ref()),
        ("pushover", contact.pushover.as_ref()),
        ("ntfy", contact.ntfy.as_ref().map(|topic| &topic.0)),
        ("slack_user", contact.slack_user.as_ref()),
    ];
    let written = written.into_iter().filter_map(|(way, at)| Some((way.to_owned(), at?.clone())));
    written.collect()
}

fn names(list: Option<&[String]>) -> Vec<Arc<str>> {
    list.unwrap_or_default().iter().map(|name| name.as_str().into()).collect()
}
