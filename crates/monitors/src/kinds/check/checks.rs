//! What is configured to be run: from definitions to jobs.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use vocabulary::Timestamp;
use vocabulary::time::HumanDuration;

use super::config::ChecksConfig;
use super::executor::{Asking, Job, Work};
use super::freshness::{Freshness, Stale};
use super::macros::{Context, Facts, Lookup, Standing, environment, expand_command};
use super::plugin::PluginRun;
use super::schedule::{Gate, Planned, ScheduleStats, Scheduler, Start, Subject};
use crate::Outcome;
use crate::config::{CheckConfig, CheckType, Definitions, HostConfig};

/// Nagios's `check_interval` is 5 minutes where nothing is said.
const USUAL_INTERVAL: Duration = Duration::from_secs(300);
/// … and these are the tries before a problem is HARD.
const USUAL_ATTEMPTS: u32 = 3;

/// What is known of the estate at the moment: the state machine's side.
pub trait Estate {
    /// May it run now? Its period, what it depends on, whether it is switched off.
    fn gate(&self, subject: &Subject) -> Gate;
    /// For macros; `None` before the first result.
    fn standing(&self, subject: &Subject) -> Option<Standing>;
}

/// Checks that are neither programs nor passive: built-in probes and NRPE.
pub trait Prober: Send + Sync {
    fn ask(&self, check: &CheckConfig, address: &str, timeout: Duration, at: Timestamp) -> Asking;
}

/// All that runs, and when.
pub struct Checks {
    settings: ChecksConfig,
    zone: TimeZone,
    prober: Arc<dyn Prober>,
    book: Book,
    freshness: Freshness,
    pub scheduler: Scheduler,
}

/// What is defined, by name.
#[derive(Default)]
struct Book {
    checks: HashMap<Arc<str>, CheckConfig>,
    hosts: HashMap<Arc<str>, HostConfig>,
    /// (host, service) to the name of the check.
    services: HashMap<(String, String), Arc<str>>,
}

impl Checks {
    pub fn new(settings: ChecksConfig, zone: TimeZone, prober: Arc<dyn Prober>) -> Checks {
        let scheduler = Scheduler::new(settings.max_concurrent);
        Checks { settings, zone, prober, book: Book::default(), freshness: Freshness::default(), scheduler }
    }

    /// From now on these. `next_in` tells when a check would run next by its last run, if that is still ahead.
    pub fn set(
        &mut self,
        definitions: &Definitions,
        settings: ChecksConfig,
        now: Duration,
        next_in: impl Fn(&Subject) -> Option<Duration>,
    ) {
        self.book = Book::of(definitions);
        self.scheduler.set_max_concurrent(settings.max_concurrent);
        self.settings = settings;
        self.freshness.set(definitions, USUAL_INTERVAL, now);
        let hosts = definitions.hosts.iter().filter(|host| !host.command.is_empty()).map(|host| {
            let name: Arc<str> = host.name.as_str().into();
            (Subject::Host(name.clone()), name, host.check_interval)
        });
        let checks = definitions.checks.iter().filter(|check| is_run(check)).map(|check| {
            let never = Some(HumanDuration::from_secs(0));
            let interval = if check.kind == CheckType::Passive { never } else { check.check_interval };
            (Subject::Check(check.name.as_str().into()), check.host.as_str().into(), interval)
        });
        let plan = |(subject, host, interval): (Subject, Arc<str>, Option<HumanDuration>)| Planned {
            next_in: next_in(&subject),
            interval: interval.map_or(USUAL_INTERVAL, |interval| interval.0),
            subject,
            host,
        };
        self.scheduler.set(hosts.chain(checks).map(plan).collect(), now);
    }

    /// What is to be started now, ready to run; each counts as running until [`finished`](Self::finished).
    pub fn due(&mut self, now: Duration, at: Timestamp, estate: &dyn Estate) -> Vec<Job> {
        let starts = self.scheduler.due(now, |subject| estate.gate(subject));
        starts.into_iter().filter_map(|start| self.job(start, at, estate)).collect()
    }

    /// `next_in` is what the state machine says: the interval of the check, or the one for trying again.
    pub fn finished(&mut self, subject: &Subject, next_in: Duration, now: Duration) -> bool {
        self.scheduler.finished(subject, next_in, now)
    }

    /// A result came, of whatever kind: its freshness begins anew.
    pub fn seen(&mut self, subject: &Subject, next_in: Duration, latency: Duration, now: Duration) {
        self.freshness.seen(subject, next_in, latency, now);
    }

    /// Results that did not come in time, for the state machine. Where there is a command it is run instead.
    pub fn stale(&mut self, now: Duration, at: Timestamp, estate: &dyn Estate) -> Vec<(Subject, Outcome)> {
        if self.freshness.is_empty() {
            return Vec::new();
        }
        let scheduler = &self.scheduler;
        let is_wanted =
            |subject: &Subject| !scheduler.is_running(subject) && estate.gate(subject) == Gate::Run;
        let mut said = Vec::new();
        for stale in self.freshness.stale(now, at, is_wanted) {
            match stale {
                Stale::Run(subject) => drop(self.scheduler.force(&subject)),
                Stale::Say(subject, outcome) => said.push((subject, outcome)),
            }
        }
        said
    }

    /// One run of one check, out of its turn and without the scheduler: `check run`.
    pub fn once(&self, subject: &Subject, at: Timestamp, estate: &dyn Estate) -> Option<Job> {
        let start =
            Start { subject: subject.clone(), due: Duration::ZERO, latency: Duration::ZERO, forced: true };
        self.job(start, at, estate)
    }

    /// What its event handler runs now, if it has one.
    pub fn event_handler(&self, subject: &Subject, at: Timestamp, estate: &dyn Estate) -> Option<PluginRun> {
        let command = match subject {
            Subject::Host(name) => &self.book.hosts.get(name)?.event_handler,
            Subject::Check(name) => &self.book.checks.get(name)?.event_handler,
        };
        let timeout = self.settings.event_handler_timeout.0;
        (!command.is_empty()).then(|| self.plugin(subject, command, &[], timeout, at, estate))
    }

    /// The check or host that senders of results mean; an empty service is the host itself.
    pub fn meant(&self, host: &str, service: &str) -> Option<Subject> {
        if service.is_empty() {
            return self.book.hosts.get_key_value(host).map(|(name, _)| Subject::Host(name.clone()));
        }
        self.book.services.get(&(host.to_owned(), service.to_owned())).cloned().map(Subject::Check)
    }

    /// (host, service) of a check or host as its results and series are named; a host's service is empty.
    pub fn place(&self, subject: &Subject) -> Option<(&str, &str)> {
        match subject {
            Subject::Host(name) => self.book.hosts.get(name).map(|host| (host.name.as_str(), "")),
            Subject::Check(name) => {
                self.book.checks.get(name).map(|check| (check.host.as_str(), service_of(check)))
            }
        }
    }

    pub fn settings(&self) -> &ChecksConfig {
        &self.settings
    }

    pub fn stats(&self, now: Duration) -> ScheduleStats {
        self.scheduler.stats(now)
    }

    fn job(&self, start: Start, at: Timestamp, estate: &dyn Estate) -> Option<Job> {
        let (host, service) = self.place(&start.subject)?;
        let (host, service) = (host.to_owned(), service.to_owned());
        let work = match &start.subject {
            Subject::Host(name) => {
                let config = self.book.hosts.get(name)?;
                let timeout = config.timeout.unwrap_or(self.settings.host_timeout).0;
                Work::Plugin(self.plugin(&start.subject, &config.command, &[], timeout, at, estate))
            }
            Subject::Check(name) => self.check_work(self.book.checks.get(name)?, &start.subject, at, estate),
        };
        Some(Job { start, host, service, at, work })
    }

    fn check_work(&self, check: &CheckConfig, subject: &Subject, at: Timestamp, estate: &dyn Estate) -> Work {
        let timeout = check.timeout.unwrap_or(self.settings.timeout).0;
        match check.kind {
            // The command of a passive check is run when no result came in time.
            CheckType::Plugin | CheckType::Passive => {
                Work::Plugin(self.plugin(subject, &check.command, &check.arguments, timeout, at, estate))
            }
            _ => {
                let own = self.book.hosts.get(check.host.as_str());
                let of_host = own.map_or("", address_of);
                let address = check.address.as_deref().unwrap_or(of_host);
                Work::Ask { asking: self.prober.ask(check, address, timeout, at), timeout: timeout + GRACE }
            }
        }
    }

    fn plugin(
        &self,
        subject: &Subject,
        command: &[String],
        arguments: &[String],
        timeout: Duration,
        at: Timestamp,
        estate: &dyn Estate,
    ) -> PluginRun {
        let (host, service) = self.place(subject).unwrap_or_default();
        let known = Known { book: &self.book, estate };
        let context = Context {
            lookup: &known,
            host,
            service: matches!(subject, Subject::Check(_)).then_some(service),
            arguments,
            users: &self.settings.macros,
            now: at,
            zone: &self.zone,
        };
        let environment = if self.settings.environment_macros { environment(&context) } else { Vec::new() };
        PluginRun {
            command: expand_command(command, &context),
            timeout,
            path: self.settings.path.as_str().into(),
            environment,
        }
    }
}

/// A probe keeps to its time by itself, and says where it was when it was up.
const GRACE: Duration = Duration::from_secs(1);

/// A passive check runs only when its results are stale, and only if there is something to run.
fn is_run(check: &CheckConfig) -> bool {
    check.kind != CheckType::Passive || !check.command.is_empty()
}

fn service_of(check: &CheckConfig) -> &str {
    check.service.as_deref().unwrap_or(&check.name)
}

fn address_of(host: &HostConfig) -> &str {
    // Nagios's own default.
    host.address.as_deref().unwrap_or(&host.name)
}

impl Book {
    fn of(definitions: &Definitions) -> Book {
        let mut book = Book::default();
        for check in &definitions.checks {
            let name: Arc<str> = check.name.as_str().into();
            book.services.insert((check.host.clone(), service_of(check).to_owned()), name.clone());
            book.checks.insert(name, check.clone());
        }
        book.hosts = definitions.hosts.iter().map(|host| (host.name.as_str().into(), host.clone())).collect();
        book
    }
}

struct Known<'a> {
    book: &'a Book,
    estate: &'a dyn Estate,
}

impl Lookup for Known<'_> {
    fn host(&self, name: &str) -> Option<Facts<'_>> {
        let (name, host) = self.book.hosts.get_key_value(name)?;
        Some(Facts {
            address: address_of(host),
            variables: Some(&host.variables),
            max_attempts: host.max_check_attempts.unwrap_or(USUAL_ATTEMPTS),
            standing: self.estate.standing(&Subject::Host(name.clone())),
        })
    }

    fn service(&self, host: &str, service: &str) -> Option<Facts<'_>> {
        let name = self.book.services.get(&(host.to_owned(), service.to_owned()))?;
        let check = self.book.checks.get(name)?;
        Some(Facts {
            address: "",
            variables: Some(&check.variables),
            max_attempts: check.max_check_attempts.unwrap_or(USUAL_ATTEMPTS),
            standing: self.estate.standing(&Subject::Check(name.clone())),
        })
    }
}

/// Nothing is known: everything runs, and everything is as before its first result.
pub struct Blank;

impl Estate for Blank {
    fn gate(&self, _: &Subject) -> Gate {
        Gate::Run
    }

    fn standing(&self, _: &Subject) -> Option<Standing> {
        None
    }
}
