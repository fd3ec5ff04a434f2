//! What stands between objects, and beside them: time periods, contacts, escalations, dependencies.

use formats::nagios::objects::lines::leading_number;
use formats::nagios::objects::{Definition, Name};
use monitors::config::{ALWAYS, ContactConfig, DependencyConfig, EscalationConfig, TimePeriodConfig};

use super::convert::{CHECK_LETTERS, Converting, HOST_LETTERS, NOTIFICATION_INTERVAL, OTHER_24X7, options};

impl Converting<'_> {
    pub(super) fn periods(&mut self) {
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
            for (days, hours, place) in &period.ranges {
                let line = format!("{} {hours}", days.split_ascii_whitespace().collect::<Vec<_>>().join(" "));
                // Nagios refuses to start with such a line; a server would too.
                match monitors::machine::check_range(&line) {
                    Ok(()) => ranges.push(line),
                    Err(why) => {
                        self.problem(place, format!("of time period `{name}`: {why}: it is left out"))
                    }
                }
            }
            let period = TimePeriodConfig { name: name.to_owned(), ranges, exclude, ..Default::default() };
            self.out.definitions.time_periods.push(period);
        }
    }

    pub(super) fn contacts(&mut self) {
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
                phone: None,
                telegram: None,
                pushover: None,
                ntfy: None,
                slack_user: None,
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
                // Nagios knows one zone for everybody.
                time_zone: None,
                calendar: None,
                rule: Vec::new(),
            };
            self.out.definitions.contacts.push(config);
        }
    }

    pub(super) fn escalations(&mut self) {
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

    pub(super) fn dependencies(&mut self) {
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

/// Every day from midnight to midnight.
pub(super) fn is_always(period: &Definition) -> bool {
    let days = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let whole = |day: &str| {
        period
            .ranges
            .iter()
            .any(|(days, hours, _)| days == day && matches!(&**hours, "00:00-24:00" | "0:00-24:00"))
    };
    period.ranges.len() == days.len()
        && days.into_iter().all(whole)
        && period.list("exclude").next().is_none()
}
