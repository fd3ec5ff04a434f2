//! From definitions as written to knobs: names become ids, Nagios's defaults and inheritance are worked in. What is
//! wrong with definitions was told before ([`Definitions::problems`]); here a name that leads nowhere is left out.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::tz::TimeZone;
use vocabulary::time::HumanDuration;

use super::ObjectId;
use super::knobs::{Contact, ContactId, Dependency, Escalation, Kind, Knobs, Options, PeriodId, Shared};
use super::period::{Period, read_line};
use super::recurring::Recurring;
use crate::config::{
    ALWAYS, CheckConfig, CheckType, ContactConfig, Definitions, DependencyConfig, DowntimeConfig,
    EscalationConfig, HostConfig, MonitorConfig, PassiveResults,
};

/// Nagios wants max_check_attempts to be written; its sample files have 3.
const MAX_CHECK_ATTEMPTS: u32 = 3;
const CHECK_INTERVAL: i64 = 300;
const RETRY_INTERVAL: i64 = 60;
const NOTIFICATION_INTERVAL: i64 = 1800;
/// Compiled into Nagios, in per cent.
const FLAP_LOW: f64 = 20.0;
const FLAP_HIGH: f64 = 30.0;

/// Where names lead.
pub(super) struct Names<'d> {
    pub checks: &'d HashMap<Arc<str>, ObjectId>,
    pub hosts: &'d HashMap<Arc<str>, ObjectId>,
    contacts: HashMap<&'d str, ContactId>,
    periods: HashMap<&'d str, PeriodId>,
    on: HashMap<&'d str, &'d HostConfig>,
}

impl Names<'_> {
    pub fn periods(&self) -> HashMap<String, PeriodId> {
        self.periods.iter().map(|(name, id)| ((*name).to_owned(), *id)).collect()
    }
}

/// What all objects share, and where the names in definitions lead.
pub(super) fn shared<'d>(
    definitions: &'d Definitions,
    zone: &TimeZone,
    checks: &'d HashMap<Arc<str>, ObjectId>,
    hosts: &'d HashMap<Arc<str>, ObjectId>,
) -> (Shared, Names<'d>) {
    let mut periods = HashMap::from([(ALWAYS, PeriodId(0))]);
    for (index, config) in definitions.time_periods.iter().enumerate() {
        periods.insert(&config.name, PeriodId(index as u32 + 1));
    }
    let contacts = definitions.contacts.iter().enumerate();
    let names = Names {
        checks,
        hosts,
        contacts: contacts.map(|(index, config)| (config.name.as_str(), ContactId(index as u32))).collect(),
        periods,
        on: definitions.hosts.iter().map(|host| (host.name.as_str(), host)).collect(),
    };
    let mut all = vec![Period::always(zone.clone())];
    for config in &definitions.time_periods {
        let mut period = period(&config.ranges, config.time_zone.as_deref(), zone);
        period.exclude =
            config.exclude.iter().filter_map(|name| names.periods.get(name.as_str()).copied()).collect();
        all.push(period);
    }
    let contacts = definitions.contacts.iter().map(|config| contact(config, &names)).collect();
    (Shared { contacts, periods: all }, names)
}

fn period(ranges: &[String], zone: Option<&str>, default: &TimeZone) -> Period {
    let zone = zone.and_then(|name| TimeZone::get(name).ok()).unwrap_or_else(|| default.clone());
    let mut period = Period::never(zone);
    ranges.iter().filter_map(|range| read_line(range).ok()).for_each(|line| period.add(line));
    period
}

pub(super) fn recurring(config: &DowntimeConfig, zone: &TimeZone) -> Recurring {
    Recurring::new(config, period(&config.ranges, config.time_zone.as_deref(), zone))
}

fn contact(config: &ContactConfig, names: &Names<'_>) -> Contact {
    let check_period = names.period(config.notification_period.as_deref());
    Contact {
        name: Arc::from(config.name.as_str()),
        enabled: config.notifications_enabled.unwrap_or(true),
        check_options: options(Kind::Check, config.check_notification_options.as_deref()),
        host_options: options(Kind::Host, config.host_notification_options.as_deref()),
        check_period,
        host_period: config
            .host_notification_period
            .as_deref()
            .map_or(check_period, |name| names.period(Some(name))),
    }
}

/// All where nothing is written, as in Nagios.
fn options(kind: Kind, letters: Option<&[String]>) -> Options {
    letters.map_or(Options::ALL, |letters| Options::read(kind, letters))
}

impl Names<'_> {
    /// What is always inside needs no looking up.
    fn period(&self, name: Option<&str>) -> Option<PeriodId> {
        name.and_then(|name| self.periods.get(name).copied()).filter(|id| id.0 != 0)
    }

    fn contacts(&self, names: Option<&[String]>) -> Vec<ContactId> {
        let mut found = Vec::new();
        for id in names.unwrap_or_default().iter().filter_map(|name| self.contacts.get(name.as_str())) {
            if !found.contains(id) {
                found.push(*id);
            }
        }
        found
    }
}

pub(super) fn host(config: &HostConfig, names: &Names<'_>) -> Knobs {
    let parents = config.parents.iter().filter_map(|name| names.hosts.get(name.as_str()).copied());
    Knobs {
        parents: parents.collect(),
        max_attempts: config.max_check_attempts.unwrap_or(MAX_CHECK_ATTEMPTS).max(1),
        check_interval: seconds(config.check_interval, CHECK_INTERVAL),
        retry_interval: seconds(config.retry_interval, RETRY_INTERVAL),
        check_period: names.period(config.check_period.as_deref()),
        notifications: config.notifications_enabled.unwrap_or(true),
        notification_interval: seconds(config.notification_interval, NOTIFICATION_INTERVAL),
        first_delay: seconds(config.first_notification_delay, 0),
        notification_period: names.period(config.notification_period.as_deref()),
        options: options(Kind::Host, config.notification_options.as_deref()),
        contacts: names.contacts(config.contacts.as_deref()),
        flap_detection: config.flap_detection.unwrap_or(true),
        flap_low: threshold(config.low_flap_threshold, FLAP_LOW),
        flap_high: threshold(config.high_flap_threshold, FLAP_HIGH),
        flap_options: options(Kind::Host, config.flap_detection_options.as_deref()),
        event_handler: !config.event_handler.is_empty(),
        passive_soft: config.passive_results == PassiveResults::Soft,
        translate_passive: config.translate_passive_results.unwrap_or(true),
        ..Knobs::of(Kind::Host)
    }
}

/// As in Nagios a check has its host's contacts, notification interval and period where it has none of its own.
pub(super) fn check(config: &CheckConfig, names: &Names<'_>) -> Knobs {
    let on = names.on.get(config.host.as_str());
    let contacts = config.contacts.as_deref().or(on.and_then(|host| host.contacts.as_deref()));
    let interval = config.notification_interval.or(on.and_then(|host| host.notification_interval));
    let period =
        config.notification_period.as_deref().or(on.and_then(|host| host.notification_period.as_deref()));
    Knobs {
        host: names.hosts.get(config.host.as_str()).copied(),
        max_attempts: config.max_check_attempts.unwrap_or(MAX_CHECK_ATTEMPTS).max(1),
        check_interval: seconds(config.check_interval, CHECK_INTERVAL),
        retry_interval: seconds(config.retry_interval, RETRY_INTERVAL),
        check_period: names.period(config.check_period.as_deref()),
        volatile: config.volatile.unwrap_or(false),
        notifications: config.notifications_enabled.unwrap_or(true),
        notification_interval: seconds(interval, NOTIFICATION_INTERVAL),
        first_delay: seconds(config.first_notification_delay, 0),
        notification_period: names.period(period),
        options: match &config.notification_options {
            // UNKNOWN of a job is that what makes the activity has failed: nobody is woken unless asked for.
            None if config.kind == CheckType::Job => {
                Options::read(Kind::Check, &["w", "c", "r", "f", "s"].map(str::to_owned))
            }
            letters => options(Kind::Check, letters.as_deref()),
        },
        contacts: names.contacts(contacts),
        flap_detection: config.flap_detection.unwrap_or(true),
        flap_low: threshold(config.low_flap_threshold, FLAP_LOW),
        flap_high: threshold(config.high_flap_threshold, FLAP_HIGH),
        flap_options: options(Kind::Check, config.flap_detection_options.as_deref()),
        event_handler: !config.event_handler.is_empty(),
        shadow: config.shadow,
        ..Knobs::of(Kind::Check)
    }
}

/// Instances of monitors, told once for each state. What is about to be bad is SOFT until it has lasted: then it is
/// told of a second time. Where nothing has to last it is HARD at once.
pub(super) fn monitor(config: &MonitorConfig, names: &Names<'_>) -> Knobs {
    Knobs {
        max_attempts: if crate::kinds::metric::waits(config) { 2 } else { 1 },
        contacts: names.contacts(config.contacts.as_deref()),
        shadow: config.shadow,
        ..Knobs::of(Kind::Instance)
    }
}

/// What one look saw of several things. Nobody is told by it: the check's own notices name it.
pub(super) fn part(of: ObjectId, check: &Knobs, alert: bool) -> Knobs {
    Knobs {
        part_of: Some(of),
        alert,
        // Whoever sends an alert has waited already, and may not send it again.
        max_attempts: if alert { 1 } else { check.max_attempts },
        flap_detection: check.flap_detection,
        flap_low: check.flap_low,
        flap_high: check.flap_high,
        flap_options: check.flap_options,
        shadow: check.shadow,
        ..Knobs::of(Kind::Instance)
    }
}

impl Knobs {
    fn of(kind: Kind) -> Knobs {
        Knobs {
            kind,
            part_of: None,
            alert: false,
            host: None,
            parents: Vec::new(),
            children: Vec::new(),
            checks: Vec::new(),
            max_attempts: MAX_CHECK_ATTEMPTS,
            check_interval: 0,
            retry_interval: 0,
            check_period: None,
            volatile: false,
            notifications: true,
            notification_interval: 0,
            first_delay: 0,
            notification_period: None,
            options: Options::ALL,
            contacts: Vec::new(),
            flap_detection: true,
            flap_low: FLAP_LOW,
            flap_high: FLAP_HIGH,
            flap_options: Options::ALL,
            event_handler: false,
            shadow: false,
            passive_soft: false,
            translate_passive: false,
            escalations: Vec::new(),
            notify_dependencies: Vec::new(),
            run_dependencies: Vec::new(),
        }
    }
}

/// As in Nagios an escalation has its object's contacts, interval and notification period where it has none.
pub(super) fn escalate(config: &EscalationConfig, names: &Names<'_>, knobs: &mut HashMap<ObjectId, Knobs>) {
    let (kind, id) = match (&config.check, &config.host) {
        (Some(check), _) => (Kind::Check, names.checks.get(check.as_str())),
        (None, Some(host)) => (Kind::Host, names.hosts.get(host.as_str())),
        (None, None) => return,
    };
    let Some(of) = id.and_then(|id| knobs.get_mut(id)) else { return };
    let own = names.contacts(Some(&config.contacts));
    of.escalations.push(Escalation {
        first: config.first_notification,
        last: config.last_notification,
        interval: seconds(config.notification_interval, of.notification_interval),
        contacts: if own.is_empty() { of.contacts.clone() } else { own },
        options: options(kind, config.options.as_deref()),
        period: config.period.as_deref().map_or(of.notification_period, |name| names.period(Some(name))),
    });
}

pub(super) fn depend(config: &DependencyConfig, names: &Names<'_>, knobs: &mut HashMap<ObjectId, Knobs>) {
    let found = |all: &HashMap<Arc<str>, ObjectId>, name: &Option<String>| all.get(name.as_deref()?).copied();
    let (kind, master, dependent) = if config.check.is_some() {
        (Kind::Check, found(names.checks, &config.check), found(names.checks, &config.dependent_check))
    } else {
        (Kind::Host, found(names.hosts, &config.host), found(names.hosts, &config.dependent_host))
    };
    let (Some(master), Some(of)) = (master, dependent.and_then(|id| knobs.get_mut(&id))) else { return };
    let on = |letters: &[String]| Dependency {
        master,
        fails_in: Options::read(kind, letters),
        inherits_parent: config.inherits_parent,
        period: names.period(config.period.as_deref()),
    };
    let failures = [
        (&config.notification_failure, &mut of.notify_dependencies),
        (&config.execution_failure, &mut of.run_dependencies),
    ];
    for (letters, dependencies) in failures {
        if !letters.is_empty() {
            dependencies.push(on(letters));
        }
    }
}

/// Hosts know their checks and children.
pub(super) fn link_hosts(knobs: &mut HashMap<ObjectId, Knobs>) {
    let mut links: Vec<(ObjectId, ObjectId, bool)> = Vec::new();
    for (id, own) in &*knobs {
        links.extend(own.host.map(|host| (host, *id, true)));
        links.extend(own.parents.iter().map(|parent| (*parent, *id, false)));
    }
    // The same order each time.
    links.sort_unstable();
    for (host, id, is_check) in links {
        if let Some(host) = knobs.get_mut(&host) {
            if is_check { host.checks.push(id) } else { host.children.push(id) }
        }
    }
}

fn seconds(duration: Option<HumanDuration>, default: i64) -> i64 {
    duration.map_or(default, |duration| i64::try_from(duration.0.as_secs()).unwrap_or(i64::MAX / 4))
}

/// 0 is the default, as in Nagios.
fn threshold(percent: Option<f64>, default: f64) -> f64 {
    percent.filter(|percent| *percent > 0.0).unwrap_or(default)
}
