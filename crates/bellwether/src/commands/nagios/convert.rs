//! Nagios's resolved objects as our definitions.

use std::collections::{BTreeMap, HashMap};

use formats::nagios::objects::lines::{items, leading_number};
use formats::nagios::objects::{Definition, Estate, MainConfig, Name, Place, Problem};
use monitors::Definitions;
use monitors::config::{
    ALWAYS, CheckConfig, CheckType, ContactConfig, DependencyConfig, EscalationConfig, HostConfig,
    PassiveResults, TimePeriodConfig,
};
use vocabulary::time::HumanDuration;

use super::words::{Macros, argument_list, is_macro_name, split_command};

/// What Nagios takes where a definition is silent, in units of `interval_length`.
const CHECK_INTERVAL: f64 = 5.0;
const RETRY_INTERVAL: f64 = 1.0;
const NOTIFICATION_INTERVAL: f64 = 30.0;
const MAX_CHECK_ATTEMPTS: f64 = 3.0;
/// `additional_freshness_latency`
const FRESHNESS_LATENCY_SECONDS: f64 = 15.0;
/// Nagios's own timeouts, which are ours too.
const SERVICE_TIMEOUT_SECONDS: f64 = 60.0;
const HOST_TIMEOUT_SECONDS: f64 = 30.0;
/// A time period of the built-in one's name that means something else.
const OTHER_24X7: &str = "nagios-24x7";

#[derive(Default)]
pub struct Converted {
    pub definitions: Definitions,
    /// `USER1` and so on.
    pub macros: BTreeMap<String, String>,
    /// What has no counterpart here.
    pub notes: Vec<Problem>,
    /// What is wrong, or would not work.
    pub problems: Vec<Problem>,
}

impl Converted {
    pub fn counts(&self) -> Vec<(&'static str, usize)> {
        let all = &self.definitions;
        vec![
            ("hosts", all.hosts.len()),
            ("checks", all.checks.len()),
            ("contacts", all.contacts.len()),
            ("time periods", all.time_periods.len()),
            ("escalations", all.escalations.len()),
            ("dependencies", all.dependencies.len()),
        ]
    }
}

pub fn convert(estate: &Estate, main: &MainConfig, macros: &BTreeMap<String, String>) -> Converted {
    let mut converting = Converting {
        estate,
        main,
        macros,
        unit: main.number("interval_length", 60.0),
        renamed_24x7: estate.time_periods.get(ALWAYS).is_some_and(|period| !is_always(period)),
        out: Converted { macros: macros.clone(), ..Converted::default() },
    };
    converting.periods();
    converting.contacts();
    for (name, host) in &estate.hosts {
        let host = converting.host(name, host);
        converting.out.definitions.hosts.push(host);
    }
    let mut names: HashMap<String, Place> = HashMap::new();
    for ((host, description), service) in &estate.services {
        let check = converting.check(host, description, service);
        if let Some(other) = names.insert(check.name.clone(), service.place.clone()) {
            let message = format!(
                "`{}` would be the name of the service at {other} too: this one is left out",
                check.name
            );
            converting.problem(&service.place, message);
            continue;
        }
        converting.out.definitions.checks.push(check);
    }
    converting.escalations();
    converting.dependencies();
    converting.between_definitions();
    converting.out
}

struct Converting<'a> {
    estate: &'a Estate,
    main: &'a MainConfig,
    macros: &'a BTreeMap<String, String>,
    /// Seconds of one unit.
    unit: f64,
    renamed_24x7: bool,
    out: Converted,
}

impl Converting<'_> {
    fn problem(&mut self, place: &Place, message: String) {
        self.out.problems.push(Problem { place: place.clone(), message });
    }

    fn note(&mut self, place: &Place, message: String) {
        self.out.notes.push(Problem { place: place.clone(), message });
    }

    fn number(&mut self, definition: &Definition, key: &str, default: f64) -> f64 {
        let Some(text) = definition.text(key) else { return default };
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() && number >= 0.0 => number,
            _ => {
                self.problem(
                    &definition.place_of(key),
                    format!("{key}: `{text}` is no number: {default} is taken"),
                );
                default
            }
        }
    }

    /// In units of `interval_length`.
    fn interval(&mut self, definition: &Definition, key: &str, default: f64) -> HumanDuration {
        seconds(self.number(definition, key, default) * self.unit)
    }

    fn flag(&self, definition: &Definition, key: &str) -> bool {
        definition.text(key).is_none_or(|text| leading_number(text) != 0)
    }

    fn period(&self, definition: &Definition, key: &str) -> Option<String> {
        let name = definition.text(key)?;
        Some(if name == ALWAYS && self.renamed_24x7 { OTHER_24X7 } else { name }.to_owned())
    }

    fn contacts_of(&self, definition: &Definition) -> Vec<String> {
        self.estate.contacts_of(definition).iter().map(ToString::to_string).collect()
    }

    fn periods(&mut self) {
        for (name, period) in &self.estate.time_periods {
            if **name == *ALWAYS && !self.renamed_24x7 {
                continue;
            }
            if **name == *ALWAYS {
                let message = format!(
                    "time period `{ALWAYS}` is not all of the time here, but is built in: it is called `{OTHER_24X7}`"
                );
                self.note(&period.place, message);
            }
            let name = if **name == *ALWAYS { OTHER_24X7 } else { name };
            let exclude = period.list("exclude").map(str::to_owned).collect();
            let mut ranges = Vec::new();
            for (days, hours) in &period.ranges {
                let line = format!("{} {hours}", days.split_ascii_whitespace().collect::<Vec<_>>().join(" "));
                ranges.push(line);
            }
            let period = TimePeriodConfig { name: name.to_owned(), ranges, exclude, ..Default::default() };
            self.out.definitions.time_periods.push(period);
        }
    }

    fn contacts(&mut self) {
        for (name, contact) in &self.estate.contacts {
            let (service_period, host_period) = (
                self.period(contact, "service_notification_period"),
                self.period(contact, "host_notification_period"),
            );
            let enabled = |key: &str| contact.text(key).is_none_or(|text| leading_number(text) != 0);
            let options = |key: &str, enabled: bool, letters: &str| {
                let none = vec!["n".to_owned()];
                Some(if enabled { options(contact.text(key).unwrap_or("n"), letters) } else { none })
            };
            let (of_services, of_hosts) =
                (enabled("service_notifications_enabled"), enabled("host_notifications_enabled"));
            let config = ContactConfig {
                name: name.to_string(),
                channels: vec!["log".to_owned()],
                check_notification_options: options(
                    "service_notification_options",
                    of_services,
                    CHECK_LETTERS,
                ),
                host_notification_options: options("host_notification_options", of_hosts, HOST_LETTERS),
                // Of both unless the other says something else; no period at all is always.
                host_notification_period: (host_period != service_period)
                    .then(|| host_period.unwrap_or(ALWAYS.into())),
                notification_period: service_period,
                notifications_enabled: (!of_services && !of_hosts).then_some(false),
                email: contact.text("email").map(str::to_owned),
            };
            self.out.definitions.contacts.push(config);
        }
    }

    fn host(&mut self, name: &Name, host: &Definition) -> HostConfig {
        let known = Known::of(self, name, None);
        let is_run = self.flag(host, "active_checks_enabled");
        let command = self.command(host, "check_command", &known);
        let (freshness_threshold, stale_status) = self.freshness(host, "host", &command);
        if !is_run && !command.is_empty() && freshness_threshold.is_none() {
            let message = format!(
                "check_command of host `{name}`: its active checks are off, so it is left out and results come from outside"
            );
            self.note(&host.place_of("active_checks_enabled"), message);
        }
        let timeout = self.main.number("host_check_timeout", HOST_TIMEOUT_SECONDS);
        HostConfig {
            name: name.to_string(),
            address: Some(known.address.clone()),
            parents: self.parents(host),
            command: if is_run { command } else { Vec::new() },
            timeout: (timeout != HOST_TIMEOUT_SECONDS).then(|| seconds(timeout)),
            variables: variables(host),
            check_interval: Some(self.interval(host, "check_interval", CHECK_INTERVAL)),
            retry_interval: Some(self.interval(host, "retry_interval", RETRY_INTERVAL)),
            max_check_attempts: Some(self.number(host, "max_check_attempts", MAX_CHECK_ATTEMPTS) as u32),
            check_period: self.period(host, "check_period"),
            passive_results: match self.main.flag("passive_host_checks_are_soft", false) {
                true => PassiveResults::Soft,
                false => PassiveResults::Hard,
            },
            notifications_enabled: self.notifications(host),
            notification_interval: Some(self.interval(host, "notification_interval", NOTIFICATION_INTERVAL)),
            first_notification_delay: self.delay(host),
            notification_period: self.period(host, "notification_period"),
            notification_options: Some(options(
                host.text("notification_options").unwrap_or("a"),
                HOST_LETTERS,
            )),
            contacts: Some(self.contacts_of(host)),
            flap_detection: Some(self.flapping(host)),
            low_flap_threshold: self.threshold(host, "low_flap_threshold", "low_host_flap_threshold"),
            high_flap_threshold: self.threshold(host, "high_flap_threshold", "high_host_flap_threshold"),
            flap_detection_options: host.text("flap_detection_options").map(|text| options(text, "odu")),
            freshness_threshold,
            stale_status,
            event_handler: self.event_handler(host, &known),
            playbook: self.playbook(host, &known),
            ..Default::default()
        }
    }

    fn check(&mut self, host: &Name, description: &Name, service: &Definition) -> CheckConfig {
        let known = Known::of(self, host, Some((description, service)));
        let is_run = self.flag(service, "active_checks_enabled");
        let command = self.command(service, "check_command", &known);
        let (freshness_threshold, stale_status) = self.freshness(service, "service", &command);
        let kind = if is_run { CheckType::Plugin } else { CheckType::Passive };
        let keeps_command = is_run || (freshness_threshold.is_some() && stale_status.is_none());
        let timeout = self.main.number("service_check_timeout", SERVICE_TIMEOUT_SECONDS);
        CheckConfig {
            name: format!("{host}/{description}"),
            host: host.to_string(),
            service: Some(description.to_string()),
            kind,
            command: if keeps_command { command } else { Vec::new() },
            timeout: (timeout != SERVICE_TIMEOUT_SECONDS).then(|| seconds(timeout)),
            variables: variables(service),
            check_interval: Some(self.interval(service, "check_interval", CHECK_INTERVAL)),
            retry_interval: Some(self.interval(service, "retry_interval", RETRY_INTERVAL)),
            max_check_attempts: Some(self.number(service, "max_check_attempts", MAX_CHECK_ATTEMPTS) as u32),
            check_period: self.period(service, "check_period"),
            volatile: service.text("is_volatile").map(|text| leading_number(text) != 0),
            notifications_enabled: self.notifications(service),
            notification_interval: Some(self.interval(
                service,
                "notification_interval",
                NOTIFICATION_INTERVAL,
            )),
            first_notification_delay: self.delay(service),
            notification_period: self.period(service, "notification_period"),
            notification_options: Some(options(
                service.text("notification_options").unwrap_or("a"),
                CHECK_LETTERS,
            )),
            contacts: Some(self.contacts_of(service)),
            flap_detection: Some(self.flapping(service)),
            low_flap_threshold: self.threshold(service, "low_flap_threshold", "low_service_flap_threshold"),
            high_flap_threshold: self.threshold(
                service,
                "high_flap_threshold",
                "high_service_flap_threshold",
            ),
            flap_detection_options: service.text("flap_detection_options").map(|text| options(text, "owuc")),
            freshness_threshold,
            stale_status,
            event_handler: self.event_handler(service, &known),
            playbook: self.playbook(service, &known),
            ..Default::default()
        }
    }

    fn parents(&mut self, host: &Definition) -> Vec<String> {
        let mut parents: Vec<String> = Vec::new();
        for parent in host.list("parents") {
            if self.estate.hosts.contains_key(parent) {
                parents.push(parent.to_owned());
            } else {
                self.problem(&host.place_of("parents"), format!("parent `{parent}` is not defined"));
            }
        }
        parents
    }

    /// What the directive runs; empty where there is none.
    fn command(&mut self, definition: &Definition, key: &str, known: &Known<'_>) -> Vec<String> {
        let Some(text) = definition.text(key).filter(|text| !text.is_empty()) else { return Vec::new() };
        let (name, arguments) = split_command(text);
        let Some(line) =
            self.estate.commands.get(name.as_str()).and_then(|command| command.text("command_line"))
        else {
            self.problem(&definition.place_of(key), format!("command `{name}` is not defined"));
            return Vec::new();
        };
        let command = argument_list(line, &arguments, known);
        for user in used_macros(&command)
            .filter(|name| name.starts_with("USER") && !self.macros.contains_key(*name))
            .collect::<Vec<_>>()
        {
            let message = format!("${user}$ in command `{name}` has no value: no resource file gives it one");
            self.out.problems.push(Problem { place: definition.place_of(key), message });
        }
        command
    }

    fn event_handler(&mut self, definition: &Definition, known: &Known<'_>) -> Vec<String> {
        let wanted =
            self.main.flag("enable_event_handlers", true) && self.flag(definition, "event_handler_enabled");
        if wanted { self.command(definition, "event_handler", known) } else { Vec::new() }
    }

    /// Nagios runs the check's command when a result is overdue. Where that is check_dummy, only its state matters.
    fn freshness(
        &mut self,
        definition: &Definition,
        kind: &str,
        command: &[String],
    ) -> (Option<HumanDuration>, Option<u8>) {
        let of_all = self.main.flag(&format!("check_{kind}_freshness"), kind == "service");
        let own = definition.text("check_freshness").is_some_and(|text| leading_number(text) != 0);
        if !of_all || !own {
            return (None, None);
        }
        let written = self.number(definition, "freshness_threshold", 0.0);
        let interval = self.number(definition, "check_interval", CHECK_INTERVAL) * self.unit;
        let latency = self.main.number("additional_freshness_latency", FRESHNESS_LATENCY_SECONDS);
        let threshold = if written > 0.0 { written } else { interval + latency };
        let dummy = command.first().is_some_and(|program| program.ends_with("/check_dummy"));
        let status = command
            .get(1)
            .filter(|_| dummy)
            .and_then(|status| status.parse().ok())
            .filter(|status| *status <= 3);
        (Some(seconds(threshold)), status)
    }

    /// Of the object and of all of Nagios.
    fn notifications(&self, definition: &Definition) -> Option<bool> {
        let on =
            self.main.flag("enable_notifications", true) && self.flag(definition, "notifications_enabled");
        (!on).then_some(false)
    }

    fn flapping(&self, definition: &Definition) -> bool {
        self.main.flag("enable_flap_detection", false) && self.flag(definition, "flap_detection_enabled")
    }

    fn delay(&mut self, definition: &Definition) -> Option<HumanDuration> {
        let delay = self.interval(definition, "first_notification_delay", 0.0);
        (!delay.0.is_zero()).then_some(delay)
    }

    /// 0, or nothing, is what nagios.cfg says for all.
    fn threshold(&mut self, definition: &Definition, key: &str, of_all: &str) -> Option<f64> {
        let own = self.number(definition, key, 0.0);
        let default = if key.starts_with("low") { 20.0 } else { 30.0 };
        self.flapping(definition).then(|| if own > 0.0 { own } else { self.main.number(of_all, default) })
    }

    fn playbook(&self, definition: &Definition, known: &Known<'_>) -> Option<String> {
        let text = definition.text("notes_url")?;
        let (mut link, mut rest) = (String::new(), text);
        while let Some((before, after)) = rest.split_once('$') {
            link.push_str(before);
            match after.split_once('$') {
                Some((name, behind)) if is_macro_name(name) => {
                    match known.value(name) {
                        Some(value) => link.push_str(&escaped(value)),
                        None => link.extend(["$", name, "$"]),
                    }
                    rest = behind;
                }
                _ => {
                    link.push('$');
                    rest = after;
                }
            }
        }
        link.push_str(rest);
        Some(link)
    }

    /// What a server would refuse to start with.
    fn between_definitions(&mut self) {
        let place = Place { file: "what is written".into(), line: 1 };
        for (key, message) in self.out.definitions.problems() {
            self.problem(&place, format!("{key}: {message}"));
        }
    }

    fn escalations(&mut self) {
        let estate = self.estate;
        let of_services = estate
            .service_escalations
            .iter()
            .map(|((host, service), escalation)| (Some(format!("{host}/{service}")), None, escalation));
        let of_hosts = estate
            .host_escalations
            .iter()
            .map(|(host, escalation)| (None, Some(host.to_string()), escalation));
        for (check, host, escalation) in of_services.chain(of_hosts) {
            let letters = if check.is_some() { "wucr" } else { "dur" };
            let config = EscalationConfig {
                check,
                host,
                first_notification: self.number(escalation, "first_notification", 0.0) as u32,
                last_notification: self.number(escalation, "last_notification", 0.0) as u32,
                notification_interval: Some(self.interval(
                    escalation,
                    "notification_interval",
                    NOTIFICATION_INTERVAL,
                )),
                contacts: self.contacts_of(escalation),
                options: escalation.text("escalation_options").map(|text| options(text, letters)),
                period: self.period(escalation, "escalation_period"),
            };
            if config.contacts.is_empty() {
                let message = "this escalation tells nobody, which cannot be written here: it is left out, and the usual contacts are told".to_owned();
                self.note(&escalation.place, message);
                continue;
            }
            self.out.definitions.escalations.push(config);
        }
    }

    fn dependencies(&mut self) {
        let estate = self.estate;
        for dependency in &estate.service_dependencies {
            let name = |(host, service): &(Name, Name)| Some(format!("{host}/{service}"));
            let config = DependencyConfig {
                check: name(&dependency.master),
                dependent_check: name(&dependency.dependent),
                ..Default::default()
            };
            self.dependency(config, &dependency.definition, "owucp");
        }
        for dependency in &estate.host_dependencies {
            let config = DependencyConfig {
                host: Some(dependency.master.to_string()),
                dependent_host: Some(dependency.dependent.to_string()),
                ..Default::default()
            };
            self.dependency(config, &dependency.definition, "odup");
        }
    }

    fn dependency(&mut self, mut config: DependencyConfig, definition: &Definition, letters: &str) {
        let states = |key: &str| {
            let mut states = options(definition.text(key).unwrap_or("n"), letters);
            states.retain(|state| state != "n");
            states
        };
        config.notification_failure = states("notification_failure_criteria");
        config.execution_failure = states("execution_failure_criteria");
        config.inherits_parent =
            definition.text("inherits_parent").is_some_and(|text| leading_number(text) != 0);
        config.period = self.period(definition, "dependency_period");
        if config.notification_failure.is_empty() && config.execution_failure.is_empty() {
            self.note(
                &definition.place,
                "this dependency names no state, so it does nothing: it is left out, as Nagios does"
                    .to_owned(),
            );
            return;
        }
        self.out.definitions.dependencies.push(config);
    }
}

const CHECK_LETTERS: &str = "wucrfs";
const HOST_LETTERS: &str = "durfs";

/// Letters or words, in our order; all of them for `a`, and `n` for none.
fn options(text: &str, letters: &str) -> Vec<String> {
    let letter_of = |item: &str| match item {
        "all" => Some('a'),
        "ok" | "up" if letters.contains('o') => Some('o'),
        "downtime" => Some('s'),
        "none" => None,
        _ => item.chars().next(),
    };
    let chosen: Vec<char> = items(text).filter_map(letter_of).collect();
    let has = |letter: &char| chosen.contains(&'a') || chosen.contains(letter);
    let mut found: Vec<String> = letters.chars().filter(has).map(String::from).collect();
    if found.is_empty() {
        found.push("n".to_owned());
    }
    found
}

fn seconds(seconds: f64) -> HumanDuration {
    HumanDuration::from_millis((seconds * 1000.0).round() as u64)
}

/// Every day from midnight to midnight.
fn is_always(period: &Definition) -> bool {
    let days = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let whole = |day: &str| {
        period
            .ranges
            .iter()
            .any(|(days, hours)| days == day && matches!(&**hours, "00:00-24:00" | "0:00-24:00"))
    };
    period.ranges.len() == days.len()
        && days.into_iter().all(whole)
        && period.list("exclude").next().is_none()
}

/// Custom variables without their `_`.
fn variables(definition: &Definition) -> BTreeMap<String, String> {
    let own = definition.values.iter().filter_map(|(key, value)| Some((key.strip_prefix('_')?, value)));
    own.map(|(key, value)| (key.to_owned(), value.text.as_deref().unwrap_or_default().to_owned())).collect()
}

fn used_macros(command: &[String]) -> impl Iterator<Item = &str> {
    command.iter().flat_map(|argument| argument.split('$').skip(1).step_by(2))
}

fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~/:".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
        out
    })
}

/// What is known of one object's macros.
struct Known<'a> {
    values: HashMap<String, String>,
    macros: &'a BTreeMap<String, String>,
    address: String,
}

impl<'a> Known<'a> {
    fn of(converting: &Converting<'a>, host: &Name, service: Option<(&Name, &Definition)>) -> Known<'a> {
        let mut values = HashMap::new();
        let definition = converting.estate.hosts.get(host);
        let text = |key: &str| definition.and_then(|host| host.text(key)).unwrap_or(host).to_owned();
        let address = text("address");
        values.insert("HOSTNAME".to_owned(), host.to_string());
        values.insert("HOSTALIAS".to_owned(), text("alias"));
        values.insert("HOSTADDRESS".to_owned(), address.clone());
        values.insert("HOSTDISPLAYNAME".to_owned(), text("display_name"));
        for (kind, definition) in [("HOST", definition), ("SERVICE", service.map(|(_, service)| service))] {
            let own = definition.map(variables).unwrap_or_default();
            values.extend(own.into_iter().map(|(key, value)| (format!("_{kind}{key}"), value)));
        }
        if let Some((description, service)) = service {
            values.insert("SERVICEDESC".to_owned(), description.to_string());
            let shown = service.text("display_name").unwrap_or(description).to_owned();
            values.insert("SERVICEDISPLAYNAME".to_owned(), shown);
        }
        Known { values, macros: converting.macros, address }
    }
}

impl Macros for Known<'_> {
    fn value(&self, name: &str) -> Option<&str> {
        self.values.get(name).or_else(|| self.macros.get(name)).map(String::as_str)
    }
}
