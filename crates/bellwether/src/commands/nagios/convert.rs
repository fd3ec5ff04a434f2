//! Nagios's resolved objects as our definitions.

use std::collections::{BTreeMap, HashMap};

use formats::nagios::objects::lines::{items, leading_number};
use formats::nagios::objects::{Definition, Estate, MainConfig, Name, Place, Problem};
use monitors::Definitions;
use monitors::config::{ALWAYS, CheckConfig, CheckType, HostConfig, PassiveResults};
use vocabulary::time::HumanDuration;

use super::known::{Known, escaped, used_macros, variables};
use super::relations::is_always;
use super::words::{Macros, argument_list, is_macro_name, split_command};

/// What Nagios takes where a definition is silent, in units of `interval_length`.
const CHECK_INTERVAL: f64 = 5.0;
const RETRY_INTERVAL: f64 = 1.0;
pub(super) const NOTIFICATION_INTERVAL: f64 = 30.0;
const MAX_CHECK_ATTEMPTS: f64 = 3.0;
/// `additional_freshness_latency`
const FRESHNESS_LATENCY_SECONDS: f64 = 15.0;
/// Nagios's own timeouts, which are ours too.
const SERVICE_TIMEOUT_SECONDS: f64 = 60.0;
const HOST_TIMEOUT_SECONDS: f64 = 30.0;
/// A time period of the built-in one's name that means something else.
pub(super) const OTHER_24X7: &str = "nagios-24x7";

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

pub(super) struct Converting<'a> {
    pub estate: &'a Estate,
    main: &'a MainConfig,
    pub macros: &'a BTreeMap<String, String>,
    /// Seconds of one unit.
    unit: f64,
    pub renamed_24x7: bool,
    pub out: Converted,
}

impl Converting<'_> {
    pub fn problem(&mut self, place: &Place, message: String) {
        self.out.problems.push(Problem { place: place.clone(), message });
    }

    pub fn note(&mut self, place: &Place, message: String) {
        self.out.notes.push(Problem { place: place.clone(), message });
    }

    pub fn number(&mut self, definition: &Definition, key: &str, default: f64) -> f64 {
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
    pub fn interval(&mut self, definition: &Definition, key: &str, default: f64) -> HumanDuration {
        seconds(self.number(definition, key, default) * self.unit)
    }

    fn flag(&self, definition: &Definition, key: &str) -> bool {
        definition.text(key).is_none_or(|text| leading_number(text) != 0)
    }

    pub fn period(&self, definition: &Definition, key: &str) -> Option<String> {
        let name = definition.text(key)?;
        Some(if name == ALWAYS && self.renamed_24x7 { OTHER_24X7 } else { name }.to_owned())
    }

    pub fn contacts_of(&self, definition: &Definition) -> Vec<String> {
        self.estate.contacts_of(definition).iter().map(ToString::to_string).collect()
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
            // Off in Nagios, on here.
            translate_passive_results: (!self.main.flag("translate_passive_host_checks", false))
                .then_some(false),
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
}

pub(super) const CHECK_LETTERS: &str = "wucrfs";
pub(super) const HOST_LETTERS: &str = "durfs";

/// Letters or words, in our order; all of them for `a`, and `n` for none.
pub(super) fn options(text: &str, letters: &str) -> Vec<String> {
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
