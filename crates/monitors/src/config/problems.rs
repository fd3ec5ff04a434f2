//! What is wrong between definitions: names that are not there, names given twice, loops, letters that mean nothing.
//!
//! Each problem comes with the key that it is about (`check.3.host`: of the fourth `[[check]]`), so that its place in
//! a file can be shown.

mod loops;
mod names;

use std::collections::{HashMap, HashSet};

use super::{CheckConfig, CheckType, Definitions, HostConfig, MonitorKind};
use crate::kinds::{errors, heartbeat, metric};
use loops::loops;
pub use names::MAX_NAME_BYTES;
use names::{bad_name, keys, nearest};

/// The period that is there without being defined.
pub const ALWAYS: &str = "24x7";
/// Each is compared with all that there are; who has so many mistakes has a larger one.
const NAMES_LOOKED_FOR: usize = 100;
const CHECK_LETTERS: &str = "wucrfsn";
const HOST_LETTERS: &str = "durfsn";

type Found = Vec<(String, String)>;

pub(super) fn problems(all: &Definitions) -> Found {
    let mut found = Finder { names: Names::of(all), found: Vec::new(), looked: 0 };
    found.names_given_twice(all);
    all.monitors.iter().enumerate().for_each(|(index, monitor)| {
        let key = format!("monitor.{index}");
        if monitor.kind == MonitorKind::Metric {
            let wrong = metric::problems(monitor);
            found.found.extend(wrong.into_iter().map(|(name, why)| (format!("{key}.{name}"), why)));
        }
        let wrong = heartbeat::config::problems(monitor).into_iter().chain(errors::problems(monitor));
        found.found.extend(wrong.map(|(name, why)| (format!("{key}.{name}"), why)));
    });
    all.checks.iter().enumerate().for_each(|(index, check)| found.check(index, check));
    all.hosts.iter().enumerate().for_each(|(index, host)| found.host(index, host));
    found.contact_tables(all);
    found.time_periods(all);
    found.escalations(all);
    found.dependencies(all);
    found.downtimes(all);
    let services = crate::services::problems(&all.services);
    found.found.extend(services.into_iter().map(|(index, key, why)| (format!("service.{index}.{key}"), why)));
    found.found
}

/// Everything that can be referred to.
struct Names<'d> {
    checks: HashSet<&'d str>,
    hosts: HashSet<&'d str>,
    contacts: HashSet<&'d str>,
    periods: HashSet<&'d str>,
}

impl<'d> Names<'d> {
    fn of(all: &'d Definitions) -> Names<'d> {
        Names {
            checks: all.checks.iter().map(|check| check.name.as_str()).collect(),
            hosts: all.hosts.iter().map(|host| host.name.as_str()).collect(),
            contacts: all.contacts.iter().map(|contact| contact.name.as_str()).collect(),
            periods: all.time_periods.iter().map(|period| period.name.as_str()).chain([ALWAYS]).collect(),
        }
    }
}

struct Finder<'d> {
    names: Names<'d>,
    found: Found,
    /// Names for which a near one was looked for.
    looked: usize,
}

impl<'d> Finder<'d> {
    fn add(&mut self, key: impl Into<String>, message: impl Into<String>) {
        self.found.push((key.into(), message.into()));
    }

    /// One name, one thing. Checks are monitors, so both share their names.
    fn names_given_twice(&mut self, all: &'d Definitions) {
        let monitors = all.monitors.iter().map(|monitor| monitor.name.as_str());
        let checks = all.checks.iter().map(|check| check.name.as_str());
        let watched = keys("monitor", monitors).chain(keys("check", checks)).collect();
        self.unique("monitors and checks", watched);
        self.unique("hosts", keys("host", all.hosts.iter().map(|host| host.name.as_str())).collect());
        let contacts = all.contacts.iter().map(|contact| contact.name.as_str());
        self.unique("contacts", keys("contact", contacts).collect());
        let periods = all.time_periods.iter().map(|period| period.name.as_str());
        self.unique("time periods", keys("time_period", periods).collect());
        let downtimes = all.downtimes.iter().map(|downtime| downtime.name.as_str());
        self.unique("downtimes", keys("downtime", downtimes).collect());
        self.services(all);
    }

    fn unique(&mut self, what: &str, named: Vec<(String, &'d str)>) {
        let mut seen: HashMap<&str, String> = HashMap::new();
        for (key, name) in named {
            if let Some(why) = bad_name(name) {
                self.add(key, why);
                continue;
            }
            match seen.get(name) {
                None => {
                    seen.insert(name, key);
                }
                Some(first) => {
                    let why = format!(
                        "`{name}` is the name of {} already, and names of {what} are given once: choose another",
                        first.trim_end_matches(".name")
                    );
                    self.add(key, why);
                }
            }
        }
    }

    /// NSCA and the command pipe know a check by its host and service.
    fn services(&mut self, all: &'d Definitions) {
        let mut seen: HashMap<(&str, &str), &str> = HashMap::new();
        for (index, check) in all.checks.iter().enumerate().filter(|(_, check)| !check.host.is_empty()) {
            let service = check.service.as_deref().unwrap_or(&check.name);
            if let Some(first) = seen.insert((&check.host, service), &check.name)
                && first != check.name
            {
                let key = if check.service.is_some() { "service" } else { "name" };
                let why = format!(
                    "`{service}` on host `{}` is what check `{first}` is known by to senders of results: choose another service",
                    check.host
                );
                self.add(format!("check.{index}.{key}"), why);
            }
        }
    }

    fn check(&mut self, index: usize, check: &'d CheckConfig) {
        let key = format!("check.{index}");
        if !check.host.is_empty() {
            self.known(&format!("{key}.host"), "host", &check.host);
        }
        if check.kind == CheckType::Plugin && check.command.is_empty() {
            let why = "a check of type \"plugin\" needs a command: add command = [\"PROGRAM\", \"ARGUMENT\", …], \
                       or write type = \"passive\" if its results are sent here";
            self.add(format!("{key}.name"), why);
        }
        for (own, why) in crate::kinds::check::problems(check) {
            self.add(format!("{key}.{own}"), why);
        }
        for (own, why) in crate::kinds::probe::problems(check) {
            self.add(format!("{key}.{own}"), why);
        }
        self.contacts(&key, check.contacts.as_deref());
        self.period(&format!("{key}.check_period"), check.check_period.as_deref());
        self.period(&format!("{key}.notification_period"), check.notification_period.as_deref());
        self.letters(
            &format!("{key}.notification_options"),
            check.notification_options.as_deref(),
            CHECK_LETTERS,
        );
        let states = check.flap_detection_options.as_deref();
        self.letters(&format!("{key}.flap_detection_options"), states, "owucn");
        self.attempts(&key, check.max_check_attempts);
        self.flapping(&key, check.low_flap_threshold, check.high_flap_threshold);
        if check.stale_status.is_some_and(|status| status > 3) {
            let why = "must be 0 (OK), 1 (WARNING), 2 (CRITICAL) or 3 (UNKNOWN)";
            self.add(format!("{key}.stale_status"), why);
        }
    }

    fn host(&mut self, index: usize, host: &'d HostConfig) {
        let key = format!("host.{index}");
        for (position, parent) in host.parents.iter().enumerate() {
            self.known(&format!("{key}.parents.{position}"), "host", parent);
        }
        self.contacts(&key, host.contacts.as_deref());
        self.period(&format!("{key}.check_period"), host.check_period.as_deref());
        self.period(&format!("{key}.notification_period"), host.notification_period.as_deref());
        self.letters(
            &format!("{key}.notification_options"),
            host.notification_options.as_deref(),
            HOST_LETTERS,
        );
        let states = host.flap_detection_options.as_deref();
        self.letters(&format!("{key}.flap_detection_options"), states, "odun");
        self.attempts(&key, host.max_check_attempts);
        self.flapping(&key, host.low_flap_threshold, host.high_flap_threshold);
        if host.stale_status.is_some_and(|status| status > 2) {
            self.add(format!("{key}.stale_status"), "must be 0 (UP), 1 or 2 (DOWN)");
        }
    }

    fn contact_tables(&mut self, all: &'d Definitions) {
        for (index, contact) in all.contacts.iter().enumerate() {
            let key = format!("contact.{index}");
            let (checks, hosts) = (&contact.check_notification_options, &contact.host_notification_options);
            self.letters(&format!("{key}.check_notification_options"), checks.as_deref(), CHECK_LETTERS);
            self.letters(&format!("{key}.host_notification_options"), hosts.as_deref(), HOST_LETTERS);
            self.period(&format!("{key}.notification_period"), contact.notification_period.as_deref());
            let of_hosts = contact.host_notification_period.as_deref();
            self.period(&format!("{key}.host_notification_period"), of_hosts);
            self.zone(&format!("{key}.time_zone"), contact.time_zone.as_deref());
            if contact.calendar.as_ref().is_some_and(|place| !is_calendar(&place.0)) {
                self.add(format!("{key}.calendar"), NO_CALENDAR);
            }
            for (own, why) in vocabulary::reach::problems(&contact.rule, &contact.channels) {
                self.add(format!("{key}.rule.{own}"), why);
            }
        }
    }

    fn time_periods(&mut self, all: &'d Definitions) {
        for (index, period) in all.time_periods.iter().enumerate() {
            if period.name == ALWAYS {
                let why = format!("`{ALWAYS}` is built in: leave this table out, or choose another name");
                self.add(format!("time_period.{index}.name"), why);
            }
            for (position, other) in period.exclude.iter().enumerate() {
                self.period(&format!("time_period.{index}.exclude.{position}"), Some(other));
            }
            self.ranges(&format!("time_period.{index}.ranges"), &period.ranges);
            self.zone(&format!("time_period.{index}.time_zone"), period.time_zone.as_deref());
        }
        let edges = all.time_periods.iter().enumerate().flat_map(|(index, period)| {
            let from = period.name.as_str();
            period.exclude.iter().map(move |to| (from, to.as_str(), format!("time_period.{index}.exclude")))
        });
        self.found.extend(loops(edges.collect(), "excludes"));
    }

    fn escalations(&mut self, all: &'d Definitions) {
        for (index, escalation) in all.escalations.iter().enumerate() {
            let key = format!("escalation.{index}");
            let letters = match (&escalation.check, &escalation.host) {
                (Some(check), None) => {
                    self.known(&format!("{key}.check"), "check", check);
                    "wucr"
                }
                (None, Some(host)) => {
                    self.known(&format!("{key}.host"), "host", host);
                    "dur"
                }
                _ => {
                    self.add(
                        &key,
                        "an escalation is of one check or of one host: write either `check` or `host`",
                    );
                    "wucrd"
                }
            };
            self.letters(&format!("{key}.options"), escalation.options.as_deref(), letters);
            if escalation.contacts.is_empty() {
                self.add(
                    &key,
                    "has no contacts, so nobody would be told while it applies: add contacts = [\"…\"]",
                );
            }
            self.contacts(&key, Some(&escalation.contacts));
            self.period(&format!("{key}.period"), escalation.period.as_deref());
            if escalation.last_notification != 0
                && escalation.last_notification < escalation.first_notification
            {
                let why = "is before first_notification: write 0 for no end, or a later number";
                self.add(format!("{key}.last_notification"), why);
            }
        }
    }

    fn dependencies(&mut self, all: &'d Definitions) {
        let (mut checks, mut hosts) = (Vec::new(), Vec::new());
        for (index, dependency) in all.dependencies.iter().enumerate() {
            let key = format!("dependency.{index}");
            let of_checks = (&dependency.check, &dependency.dependent_check);
            let of_hosts = (&dependency.host, &dependency.dependent_host);
            let letters = match (of_checks, of_hosts) {
                ((Some(master), Some(dependent)), (None, None)) => {
                    self.known(&format!("{key}.check"), "check", master);
                    self.known(&format!("{key}.dependent_check"), "check", dependent);
                    checks.push((dependent.as_str(), master.as_str(), format!("{key}.dependent_check")));
                    "owucpn"
                }
                ((None, None), (Some(master), Some(dependent))) => {
                    self.known(&format!("{key}.host"), "host", master);
                    self.known(&format!("{key}.dependent_host"), "host", dependent);
                    hosts.push((dependent.as_str(), master.as_str(), format!("{key}.dependent_host")));
                    "odupn"
                }
                _ => {
                    let why = "a dependency is of a check on a check (`check`, `dependent_check`) or of a host on a host \
                               (`host`, `dependent_host`): write both keys of one of these";
                    self.add(&key, why);
                    "owucdpn"
                }
            };
            let failures = [
                ("notification_failure", &dependency.notification_failure),
                ("execution_failure", &dependency.execution_failure),
            ];
            for (name, options) in failures {
                self.letters(&format!("{key}.{name}"), Some(options), letters);
            }
            self.period(&format!("{key}.period"), dependency.period.as_deref());
        }
        self.found.extend(loops(checks, "depends on"));
        self.found.extend(loops(hosts, "depends on"));
        let parents = all.hosts.iter().enumerate().flat_map(|(index, host)| {
            let from = host.name.as_str();
            let edge = move |(position, to): (usize, &'d String)| {
                (from, to.as_str(), format!("host.{index}.parents.{position}"))
            };
            host.parents.iter().enumerate().map(edge)
        });
        self.found.extend(loops(parents.collect(), "has the parent"));
    }

    fn downtimes(&mut self, all: &'d Definitions) {
        for (index, downtime) in all.downtimes.iter().enumerate() {
            let key = format!("downtime.{index}");
            if downtime.checks.is_empty() && downtime.hosts.is_empty() && downtime.monitors.is_empty() {
                self.add(&key, "is of nothing: add checks = [\"…\"], hosts = [\"…\"] or monitors = [\"…\"]");
            }
            if downtime.ranges.is_empty() {
                self.add(&key, "never begins: add ranges = [\"sunday 02:00-04:00\"]");
            }
            self.ranges(&format!("{key}.ranges"), &downtime.ranges);
            self.zone(&format!("{key}.time_zone"), downtime.time_zone.as_deref());
        }
    }

    fn ranges(&mut self, key: &str, ranges: &[String]) {
        for (position, range) in ranges.iter().enumerate() {
            if let Err(why) = crate::machine::check_range(range) {
                self.add(format!("{key}.{position}"), why);
            }
        }
    }

    /// `what` is the name of the list that `name` should be in.
    fn known(&mut self, key: &str, what: &str, name: &str) {
        let known = match what {
            "check" => &self.names.checks,
            "host" => &self.names.hosts,
            "contact" => &self.names.contacts,
            _ => &self.names.periods,
        };
        if known.contains(name) {
            return;
        }
        self.looked += 1;
        let near = (self.looked <= NAMES_LOOKED_FOR).then(|| nearest(name, known)).flatten();
        let cure = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("define it with [[{what}]], or correct the name"),
        };
        self.add(key, format!("there is no {} `{name}`; {cure}", what.replace('_', " ")));
    }

    fn contacts(&mut self, key: &str, contacts: Option<&'d [String]>) {
        for (position, name) in contacts.unwrap_or_default().iter().enumerate() {
            self.known(&format!("{key}.contacts.{position}"), "contact", name);
        }
    }

    fn period(&mut self, key: &str, name: Option<&'d str>) {
        if let Some(name) = name {
            self.known(key, "time_period", name);
        }
    }

    fn zone(&mut self, key: &str, name: Option<&str>) {
        if let Some(name) = name
            && jiff::tz::TimeZone::get(name).is_err()
        {
            self.add(
                key,
                format!("there is no time zone `{name}`: write one such as \"Europe/Berlin\" or \"UTC\""),
            );
        }
    }

    fn letters(&mut self, key: &str, options: Option<&[String]>, allowed: &str) {
        let list = || allowed.chars().map(|letter| format!("\"{letter}\"")).collect::<Vec<_>>().join(", ");
        for (position, option) in options.unwrap_or_default().iter().enumerate() {
            let one = option.len() == 1 && allowed.contains(option.as_str());
            if !one {
                self.add(
                    format!("{key}.{position}"),
                    format!("`{option}` is no option here: write some of {}", list()),
                );
            }
        }
    }

    fn attempts(&mut self, key: &str, attempts: Option<u32>) {
        if attempts == Some(0) {
            self.add(
                format!("{key}.max_check_attempts"),
                "must be at least 1: one result is needed to know a state",
            );
        }
    }

    fn flapping(&mut self, key: &str, low: Option<f64>, high: Option<f64>) {
        for (name, value) in [("low_flap_threshold", low), ("high_flap_threshold", high)] {
            if value.is_some_and(|value| !(0.0..=100.0).contains(&value)) {
                self.add(format!("{key}.{name}"), "is a percentage: write a number from 0 to 100");
            }
        }
        if let (Some(low), Some(high)) = (low, high)
            && low > high
        {
            let why =
                format!("is above high_flap_threshold ({high}), so flapping would end before it begins");
            self.add(format!("{key}.low_flap_threshold"), why);
        }
    }
}

/// What is wrong with another place.
pub const NO_CALENDAR: &str = "is the address of a calendar (https://…), or a file with its whole path (/…)";

/// Where a calendar may stand.
pub fn is_calendar(place: &str) -> bool {
    let is_address = place.starts_with("https://") || place.starts_with("http://");
    if is_address { outbound::Url::parse(place).is_ok() } else { place.starts_with('/') }
}
