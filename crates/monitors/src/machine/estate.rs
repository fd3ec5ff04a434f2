//! From definitions as written to knobs: names become ids, Nagios's defaults and inheritance are worked in.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::tz::TimeZone;
use vocabulary::time::HumanDuration;

use super::knobs::{Contact, ContactId, Dependency, Escalation, Kind, Knobs, Options, PeriodId, Shared};
use super::period::{Period, read_line};
use super::{ObjectId, Problem};
use crate::config::{
    CheckConfig, ContactConfig, Definitions, DependencyConfig, EscalationConfig, HostConfig, MonitorConfig,
    PassiveResults, TimePeriodConfig,
};

/// Nagios wants max_check_attempts to be written; its sample files have 3.
pub const MAX_CHECK_ATTEMPTS: u32 = 3;
const CHECK_INTERVAL: i64 = 300;
const RETRY_INTERVAL: i64 = 60;
const NOTIFICATION_INTERVAL: i64 = 1800;
/// Compiled into Nagios, in per cent.
const FLAP_LOW: f64 = 20.0;
const FLAP_HIGH: f64 = 30.0;

/// The period that is always there.
pub const ALWAYS: &str = "24x7";

/// Where the names of objects lead.
pub(super) struct Names<'n> {
    pub checks: &'n HashMap<Arc<str>, ObjectId>,
    pub hosts: &'n HashMap<Arc<str>, ObjectId>,
}

/// Collects every problem, so that all of them can be mended at once.
pub(super) struct Resolver<'d> {
    definitions: &'d Definitions,
    contacts: HashMap<&'d str, ContactId>,
    periods: HashMap<&'d str, PeriodId>,
    pub problems: Vec<Problem>,
}

/// What a problem is about, for its message.
#[derive(Clone, Copy)]
struct At<'a>(&'static str, &'a str);

impl<'d> Resolver<'d> {
    pub fn new(definitions: &'d Definitions, zone: &TimeZone) -> (Resolver<'d>, Shared) {
        let mut resolver =
            Resolver { definitions, contacts: HashMap::new(), periods: HashMap::new(), problems: Vec::new() };
        let periods = resolver.periods(zone);
        let contacts = resolver.contacts();
        (resolver, Shared { contacts, periods })
    }

    fn problem(&mut self, At(table, name): At<'_>, key: &'static str, message: String) {
        self.problems.push(Problem { table, name: name.to_owned(), key, message });
    }

    fn periods(&mut self, zone: &TimeZone) -> Vec<Period> {
        let mut periods = vec![Period::always(zone.clone())];
        self.periods.insert(ALWAYS, PeriodId(0));
        for config in &self.definitions.time_periods {
            // A definition of one's own stands in the place of the built-in one.
            let id = PeriodId(periods.len() as u32);
            let before = self.periods.insert(&config.name, id);
            if before.is_some_and(|id| id.0 != 0) {
                self.problem(
                    At("time_period", &config.name),
                    "name",
                    "there are two of this name: rename one".into(),
                );
            }
            let period = self.period(config, zone);
            periods.push(period);
        }
        for (index, config) in self.definitions.time_periods.iter().enumerate() {
            let at = At("time_period", &config.name);
            periods[index + 1].exclude =
                config.exclude.iter().filter_map(|name| self.period_named(at, "exclude", name)).collect();
        }
        self.break_circles(&mut periods);
        periods
    }

    /// A period that leaves itself out would be looked up for ever.
    fn break_circles(&mut self, periods: &mut [Period]) {
        for start in 1..periods.len() {
            let mut seen = vec![false; periods.len()];
            let mut open: Vec<usize> = periods[start].exclude.iter().map(|id| id.0 as usize).collect();
            while let Some(next) = open.pop() {
                if next == start {
                    periods[start].exclude.clear();
                    let name = &self.definitions.time_periods[start - 1].name;
                    let message =
                        "it excludes itself, directly or through another: take one `exclude` out".into();
                    self.problem(At("time_period", name), "exclude", message);
                    break;
                }
                if !std::mem::replace(&mut seen[next], true) {
                    open.extend(periods[next].exclude.iter().map(|id| id.0 as usize));
                }
            }
        }
    }

    fn period(&mut self, config: &TimePeriodConfig, zone: &TimeZone) -> Period {
        let at = At("time_period", &config.name);
        let zone = self.zone(at, config.time_zone.as_deref(), zone);
        self.ranges(at, &config.ranges, zone)
    }

    fn ranges(&mut self, at: At<'_>, ranges: &[String], zone: TimeZone) -> Period {
        let mut period = Period::never(zone);
        for range in ranges {
            match read_line(range) {
                Ok(line) => period.add(line),
                Err(message) => self.problem(at, "ranges", message),
            }
        }
        period
    }

    fn zone(&mut self, at: At<'_>, name: Option<&str>, default: &TimeZone) -> TimeZone {
        let Some(name) = name else { return default.clone() };
        TimeZone::get(name).unwrap_or_else(|_| {
            self.problem(
                at,
                "time_zone",
                format!("`{name}` is not a time zone: write one such as \"Europe/Berlin\""),
            );
            default.clone()
        })
    }

    fn contacts(&mut self) -> Vec<Contact> {
        let mut contacts = Vec::new();
        for config in &self.definitions.contacts {
            let id = ContactId(contacts.len() as u32);
            if self.contacts.insert(&config.name, id).is_some() {
                self.problem(
                    At("contact", &config.name),
                    "name",
                    "there are two of this name: rename one".into(),
                );
            }
            contacts.push(self.contact(config));
        }
        contacts
    }

    fn contact(&mut self, config: &ContactConfig) -> Contact {
        let at = At("contact", &config.name);
        let check_period = self.period_of(at, "notification_period", config.notification_period.as_deref());
        let host_period = match &config.host_notification_period {
            None => check_period,
            Some(name) => self.period_of(at, "host_notification_period", Some(name)),
        };
        Contact {
            name: Arc::from(config.name.as_str()),
            enabled: config.notifications_enabled.unwrap_or(true),
            check_options: self.options(
                at,
                "check_notification_options",
                Kind::Check,
                &config.check_notification_options,
            ),
            host_options: self.options(
                at,
                "host_notification_options",
                Kind::Host,
                &config.host_notification_options,
            ),
            check_period,
            host_period,
        }
    }

    fn options(
        &mut self,
        at: At<'_>,
        key: &'static str,
        kind: Kind,
        letters: &Option<Vec<String>>,
    ) -> Options {
        letters.as_ref().map_or(Options::ALL, |letters| self.letters(at, key, kind, letters))
    }

    fn letters(&mut self, at: At<'_>, key: &'static str, kind: Kind, letters: &[String]) -> Options {
        Options::read(kind, letters).unwrap_or_else(|message| {
            self.problem(at, key, message);
            Options::NONE
        })
    }

    fn period_of(&mut self, at: At<'_>, key: &'static str, name: Option<&str>) -> Option<PeriodId> {
        name.and_then(|name| self.period_named(at, key, name)).filter(|id| id.0 != 0)
    }

    fn period_named(&mut self, at: At<'_>, key: &'static str, name: &str) -> Option<PeriodId> {
        let found = self.periods.get(name).copied();
        if found.is_none() {
            self.problem(
                at,
                key,
                format!("there is no [[time_period]] named `{name}`: define it, or write \"24x7\""),
            );
        }
        found
    }

    fn contacts_named(&mut self, at: At<'_>, key: &'static str, names: &[String]) -> Vec<ContactId> {
        let mut found = Vec::new();
        for name in names {
            match self.contacts.get(name.as_str()) {
                Some(id) if !found.contains(id) => found.push(*id),
                Some(_) => {}
                None => self.problem(at, key, format!("there is no [[contact]] named `{name}`: define it")),
            }
        }
        found
    }

    fn host_named(
        &mut self,
        at: At<'_>,
        key: &'static str,
        name: &str,
        names: &Names<'_>,
    ) -> Option<ObjectId> {
        let found = names.hosts.get(name).copied();
        if found.is_none() {
            self.problem(at, key, format!("there is no [[host]] named `{name}`: define it"));
        }
        found
    }

    fn check_named(
        &mut self,
        at: At<'_>,
        key: &'static str,
        name: &str,
        names: &Names<'_>,
    ) -> Option<ObjectId> {
        let found = names.checks.get(name).copied();
        if found.is_none() {
            self.problem(at, key, format!("there is no [[check]] named `{name}`: define it"));
        }
        found
    }

    fn attempts(&mut self, at: At<'_>, attempts: Option<u32>) -> u32 {
        if attempts == Some(0) {
            self.problem(at, "max_check_attempts", "it is at least 1".into());
        }
        attempts.unwrap_or(MAX_CHECK_ATTEMPTS).max(1)
    }

    fn thresholds(&mut self, at: At<'_>, low: Option<f64>, high: Option<f64>) -> (f64, f64) {
        // 0 is the default, as in Nagios.
        let (low, high) = (
            low.filter(|low| *low > 0.0).unwrap_or(FLAP_LOW),
            high.filter(|high| *high > 0.0).unwrap_or(FLAP_HIGH),
        );
        if low > high {
            let message = format!(
                "{low} is above high_flap_threshold, {high}: per cent of change, the lower one first"
            );
            self.problem(at, "low_flap_threshold", message);
        }
        (low, high)
    }

    pub fn host(&mut self, config: &HostConfig, names: &Names<'_>) -> Knobs {
        let at = At("host", &config.name);
        let (flap_low, flap_high) =
            self.thresholds(at, config.low_flap_threshold, config.high_flap_threshold);
        let notification_interval = seconds(config.notification_interval, NOTIFICATION_INTERVAL);
        let parents = config.parents.iter();
        Knobs {
            kind: Kind::Host,
            host: None,
            parents: parents.filter_map(|name| self.host_named(at, "parents", name, names)).collect(),
            children: Vec::new(),
            checks: Vec::new(),
            max_attempts: self.attempts(at, config.max_check_attempts),
            check_interval: seconds(config.check_interval, CHECK_INTERVAL),
            retry_interval: seconds(config.retry_interval, RETRY_INTERVAL),
            check_period: self.period_of(at, "check_period", config.check_period.as_deref()),
            volatile: false,
            notifications: config.notifications_enabled.unwrap_or(true),
            notification_interval,
            first_delay: seconds(config.first_notification_delay, 0),
            notification_period: self.period_of(
                at,
                "notification_period",
                config.notification_period.as_deref(),
            ),
            options: self.options(at, "notification_options", Kind::Host, &config.notification_options),
            contacts: self.contacts_named(at, "contacts", config.contacts.as_deref().unwrap_or_default()),
            flap_detection: config.flap_detection.unwrap_or(true),
            flap_low,
            flap_high,
            flap_options: self.options(
                at,
                "flap_detection_options",
                Kind::Host,
                &config.flap_detection_options,
            ),
            event_handler: !config.event_handler.is_empty(),
            shadow: false,
            passive_soft: config.passive_results == PassiveResults::Soft,
            translate_passive: config.translate_passive_results.unwrap_or(true),
            escalations: Vec::new(),
            notify_dependencies: Vec::new(),
            run_dependencies: Vec::new(),
        }
    }

    /// As in Nagios a check has its host's contacts, notification interval and period where it has none of its own.
    pub fn check(&mut self, config: &CheckConfig, names: &Names<'_>) -> Knobs {
        let at = At("check", &config.name);
        let definitions = self.definitions;
        let host =
            (!config.host.is_empty()).then(|| self.host_named(at, "host", &config.host, names)).flatten();
        let on = definitions.hosts.iter().find(|host| host.name == config.host);
        let (flap_low, flap_high) =
            self.thresholds(at, config.low_flap_threshold, config.high_flap_threshold);
        let contacts = config.contacts.as_ref().or(on.and_then(|host| host.contacts.as_ref()));
        let interval = config.notification_interval.or(on.and_then(|host| host.notification_interval));
        let period =
            config.notification_period.as_ref().or(on.and_then(|host| host.notification_period.as_ref()));
        Knobs {
            kind: Kind::Check,
            host,
            parents: Vec::new(),
            children: Vec::new(),
            checks: Vec::new(),
            max_attempts: self.attempts(at, config.max_check_attempts),
            check_interval: seconds(config.check_interval, CHECK_INTERVAL),
            retry_interval: seconds(config.retry_interval, RETRY_INTERVAL),
            check_period: self.period_of(at, "check_period", config.check_period.as_deref()),
            volatile: config.volatile.unwrap_or(false),
            notifications: config.notifications_enabled.unwrap_or(true),
            notification_interval: seconds(interval, NOTIFICATION_INTERVAL),
            first_delay: seconds(config.first_notification_delay, 0),
            notification_period: self.period_of(at, "notification_period", period.map(String::as_str)),
            options: self.options(at, "notification_options", Kind::Check, &config.notification_options),
            contacts: self.contacts_named(at, "contacts", contacts.map(Vec::as_slice).unwrap_or_default()),
            flap_detection: config.flap_detection.unwrap_or(true),
            flap_low,
            flap_high,
            flap_options: self.options(
                at,
                "flap_detection_options",
                Kind::Check,
                &config.flap_detection_options,
            ),
            event_handler: !config.event_handler.is_empty(),
            shadow: config.shadow,
            passive_soft: true,
            translate_passive: false,
            escalations: Vec::new(),
            notify_dependencies: Vec::new(),
            run_dependencies: Vec::new(),
        }
    }

    /// Instances of monitors: HARD at once, for their conditions have waited already; told once for each state.
    pub fn monitor(&mut self, config: &MonitorConfig) -> Knobs {
        let at = At("monitor", &config.name);
        Knobs {
            kind: Kind::Instance,
            host: None,
            parents: Vec::new(),
            children: Vec::new(),
            checks: Vec::new(),
            // What is about to be bad is SOFT until it has lasted: then it is told of a second time.
            max_attempts: if crate::kinds::metric::waits(config) { 2 } else { 1 },
            check_interval: 0,
            retry_interval: 0,
            check_period: None,
            volatile: false,
            notifications: true,
            notification_interval: 0,
            first_delay: 0,
            notification_period: None,
            options: Options::ALL,
            contacts: self.contacts_named(at, "contacts", config.contacts.as_deref().unwrap_or_default()),
            flap_detection: true,
            flap_low: FLAP_LOW,
            flap_high: FLAP_HIGH,
            flap_options: Options::ALL,
            event_handler: false,
            shadow: config.shadow,
            passive_soft: true,
            translate_passive: false,
            escalations: Vec::new(),
            notify_dependencies: Vec::new(),
            run_dependencies: Vec::new(),
        }
    }

    /// As in Nagios an escalation has its object's contacts, interval and notification period where it has none.
    pub fn escalation(
        &mut self,
        config: &EscalationConfig,
        names: &Names<'_>,
    ) -> Option<(ObjectId, impl FnOnce(&Knobs) -> Escalation + use<>)> {
        let at = At("escalation", config.check.as_deref().or(config.host.as_deref()).unwrap_or_default());
        let (kind, id) = match (&config.check, &config.host) {
            (Some(check), None) => (Kind::Check, self.check_named(at, "check", check, names)),
            (None, Some(host)) => (Kind::Host, self.host_named(at, "host", host, names)),
            _ => {
                self.problem(at, "check", "an escalation is of one `check` or of one `host`".into());
                return None;
            }
        };
        if config.last_notification != 0 && config.last_notification < config.first_notification {
            let message =
                format!("{} comes before first_notification; 0 is without an end", config.last_notification);
            self.problem(at, "last_notification", message);
        }
        let (first, last) = (config.first_notification, config.last_notification);
        let interval = config.notification_interval.map(|interval| seconds(Some(interval), 0));
        let contacts = self.contacts_named(at, "contacts", &config.contacts);
        let options = self.options(at, "options", kind, &config.options);
        let period = self.period_of(at, "period", config.period.as_deref());
        let own_period = config.period.is_some();
        Some((id?, move |of: &Knobs| Escalation {
            first,
            last,
            interval: interval.unwrap_or(of.notification_interval),
            contacts: if contacts.is_empty() { of.contacts.clone() } else { contacts },
            options,
            period: if own_period { period } else { of.notification_period },
        }))
    }

    /// The dependent object, and what holds back its notices and its runs.
    pub fn dependency(
        &mut self,
        config: &DependencyConfig,
        names: &Names<'_>,
    ) -> Option<(ObjectId, Option<Dependency>, Option<Dependency>)> {
        let first = config.dependent_check.as_deref().or(config.dependent_host.as_deref());
        let at = At("dependency", first.unwrap_or_default());
        let (kind, master, dependent) =
            match (&config.check, &config.dependent_check, &config.host, &config.dependent_host) {
                (Some(master), Some(dependent), None, None) => {
                    let master = self.check_named(at, "check", master, names);
                    (Kind::Check, master, self.check_named(at, "dependent_check", dependent, names))
                }
                (None, None, Some(master), Some(dependent)) => {
                    let master = self.host_named(at, "host", master, names);
                    (Kind::Host, master, self.host_named(at, "dependent_host", dependent, names))
                }
                _ => {
                    let message =
                        "write `check` and `dependent_check`, or `host` and `dependent_host`".into();
                    self.problem(at, "check", message);
                    return None;
                }
            };
        let period = self.period_of(at, "period", config.period.as_deref());
        let notify = self.letters(at, "notification_failure", kind, &config.notification_failure);
        let run = self.letters(at, "execution_failure", kind, &config.execution_failure);
        let (master, dependent) = (master?, dependent?);
        if master == dependent {
            self.problem(at, "check", "it depends on itself".into());
            return None;
        }
        let one = |fails_in: Options, written: &[String]| {
            (!written.is_empty()).then_some(Dependency {
                master,
                fails_in,
                inherits_parent: config.inherits_parent,
                period,
            })
        };
        Some((dependent, one(notify, &config.notification_failure), one(run, &config.execution_failure)))
    }

    /// The times of a `[[downtime]]`.
    pub fn downtime_period(
        &mut self,
        name: &str,
        ranges: &[String],
        zone: Option<&str>,
        default: &TimeZone,
    ) -> Period {
        let at = At("downtime", name);
        let zone = self.zone(at, zone, default);
        self.ranges(at, ranges, zone)
    }
}

fn seconds(duration: Option<HumanDuration>, default: i64) -> i64 {
    duration.map_or(default, |duration| i64::try_from(duration.0.as_secs()).unwrap_or(i64::MAX / 4))
}
