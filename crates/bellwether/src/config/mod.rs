//! The configuration: which files and variables there are, what they say, and everything wrong with it.
//!
//! Files and the environment are laid over each other as trees ([`tree`]), then read into the structs that
//! the rooms own. [`defaults.toml`](show) documents every key; a test holds it against the structs.

mod differing;
mod doubts;
mod emergencies;
mod own;
mod show;
mod source;
#[cfg(test)]
mod tests;
mod tree;

use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use incidents::oncall::{PolicyConfig, ScheduleConfig};
use incidents::{EnvironmentConfig, IncidentsConfig};
use monitors::config::{
    CheckConfig, ContactConfig, Definitions, DependencyConfig, DowntimeConfig, EscalationConfig, HostConfig,
    MonitorConfig, MonitorsConfig, ServiceConfig, TimePeriodConfig,
};
use monitors::kinds::heartbeat::HeartbeatsConfig;
use monitors::made::Origins;
use notify::ChannelConfig;
use notify::secret::read_secret;
use serde::{Deserialize, Serialize};
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use vocabulary::settings::Secret;

pub use differing::differences;
pub use own::SelfConfig;
pub use show::{DEFAULTS, show};
use source::Sources;
pub use source::{Problem, told};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Everything that is kept lives here.
    pub data_dir: DataDir,
    pub http: http_api::HttpConfig,
    pub auth: http_api::AuthConfig,
    pub pictures: http_api::PicturesConfig,
    pub statsd: statsd::StatsdConfig,
    pub carbon: ingest::CarbonConfig,
    pub relay: ingest::RelayConfig,
    pub collectd: ingest::CollectdConfig,
    pub nsca: ingest::NscaConfig,
    pub collectors: collectors::CollectorsConfig,
    pub agent: collectors::agent::AgentConfig,
    #[serde(rename = "self")]
    pub own: SelfConfig,
    pub storage: series_store::StorageConfig,
    pub state: StateConfig,
    pub egress: outbound::EgressConfig,
    pub checks: monitors::kinds::check::ChecksConfig,
    pub monitors: MonitorsConfig,
    pub heartbeats: HeartbeatsConfig,
    pub incidents: IncidentsConfig,
    pub errors: error_tracking::ErrorsConfig,
    pub status_page: http_api::StatusPageConfig,
    pub reports: http_api::ReportsConfig,
    pub log: LogConfig,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub monitor: Vec<MonitorConfig>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub check: Vec<CheckConfig>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub host: Vec<HostConfig>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contact: Vec<ContactConfig>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub time_period: Vec<TimePeriodConfig>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub escalation: Vec<EscalationConfig>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dependency: Vec<DependencyConfig>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub downtime: Vec<DowntimeConfig>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub service: Vec<ServiceConfig>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub channel: Vec<ChannelConfig>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub team: Vec<accounts::TeamConfig>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub environment: Vec<EnvironmentConfig>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub schedule: Vec<ScheduleConfig>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub escalation_policy: Vec<PolicyConfig>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub emergency: Vec<http_api::EmergencyConfig>,
    /// Where each monitor, check, host and schedule is written.
    #[serde(skip)]
    pub origins: Origins,
    /// What is hardly meant so.
    #[serde(skip)]
    pub doubts: Vec<Problem>,
}

/// A path that may be relative to the file that names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "PathBuf")]
pub struct DataDir(pub PathBuf);

impl TryFrom<PathBuf> for DataDir {
    type Error = &'static str;

    fn try_from(path: PathBuf) -> Result<DataDir, Self::Error> {
        match path.as_os_str().is_empty() {
            true => {
                Err("the path of the data directory is empty: write one, such as \"/var/lib/bellwether\"")
            }
            false => Ok(DataDir(path)),
        }
    }
}

impl Default for DataDir {
    fn default() -> Self {
        DataDir("data".into())
    }
}

/// `[state]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StateConfig {
    pub engine: StateEngine,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StateEngine {
    #[default]
    Sqlite,
    Postgres,
}

/// `[log]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    pub level: LogLevel,
}

impl Default for LogConfig {
    fn default() -> Self {
        LogConfig { level: LogLevel::Info }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// What decides which configuration is in effect, apart from the files' content.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// `--config`
    pub file: Option<PathBuf>,
    /// `--data-dir`
    pub data_dir: Option<PathBuf>,
    /// The environment, as (name, value).
    pub environment: Vec<(String, String)>,
}

/// Looked for in this order without `--config`.
const USUAL_FILES: [&str; 2] = ["bellwether.toml", "/etc/bellwether/bellwether.toml"];
/// A configuration longer than this is a mistake, such as naming a log file.
const LONGEST_FILE: u64 = 16 << 20;

impl Origin {
    pub fn from_process(file: Option<PathBuf>, data_dir: Option<PathBuf>) -> Origin {
        // What is not UTF-8 in other programs' variables is nothing to us; in ours it cannot be read, and is told.
        let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
        let environment = std::env::vars_os().map(|(name, value)| (text(name), text(value))).collect();
        Origin { file, data_dir, environment }
    }

    /// The main file, if there is one.
    pub fn main_file(&self) -> Option<PathBuf> {
        let usual = || USUAL_FILES.iter().map(PathBuf::from).find(|path| path.exists());
        self.file.clone().or_else(usual)
    }

    /// All files in the order in which they are read: the main one, then `conf.d/*.toml` beside it by name. A
    /// `conf.d` that cannot be listed stands for itself: reading it tells why.
    pub fn files(&self) -> Vec<PathBuf> {
        let Some(main) = self.main_file() else { return Vec::new() };
        let beside = main.parent().unwrap_or(Path::new("")).join("conf.d");
        let listed = std::fs::read_dir(&beside).and_then(|entries| {
            entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()
        });
        let mut extra = match listed {
            Ok(paths) => paths,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                Vec::new()
            }
            Err(_) => return vec![main, beside],
        };
        extra.retain(|path| path.extension().is_some_and(|ending| ending == "toml"));
        extra.sort();
        [vec![main], extra].concat()
    }

    /// Read everything. Either a configuration without any problem, or all problems.
    pub fn load(&self) -> Result<Config, Vec<Problem>> {
        let mut sources = Sources::default();
        let mut problems = Vec::new();
        for path in self.files() {
            match read_bounded(&path) {
                Ok(text) => sources.add_file(&path, &text),
                Err(message) => {
                    problems.push(Problem { place: path.display().to_string(), message, excerpt: None })
                }
            }
        }
        for (name, path, value) in self.variables() {
            sources.add_variable(name, &path, value);
        }
        let mut merged = DeTable::new();
        for (file, table, mistakes) in sources.parse() {
            problems.extend(mistakes);
            tree::merge(&mut merged, resolved(table, file));
        }
        let mut read = tree::read_all::<Config>(Spanned::new(0..0, merged), &sources);
        problems.append(&mut read.problems);
        let Some(mut config) = read.value.take() else { return Err(problems) };
        if let Some(directory) = &self.data_dir {
            config.data_dir = DataDir(directory.clone());
        }
        let found = config.problems().into_iter().filter(|(key, _)| read.is_complete(key));
        problems.extend(found.map(|(key, message)| {
            sources.problem(tree::position(&read.tree, &key), format!("{key}: {message}"))
        }));
        config.origins = origins(&config, &read.tree, &sources);
        let doubts =
            config.doubtful().into_iter().chain(emergencies::doubts(&config)).map(|(key, message)| {
                sources.problem(tree::position(&read.tree, &key), format!("{key}: {message}"))
            });
        config.doubts = doubts.collect();
        if problems.is_empty() { Ok(config) } else { Err(problems) }
    }

    /// (variable, key path, value) of the variables that are configuration.
    fn variables(&self) -> Vec<(&str, String, &str)> {
        let mut found: Vec<_> = self
            .environment
            .iter()
            .filter_map(|(name, value)| {
                let key = name.strip_prefix("BELLWETHER_")?;
                (key == "DATA_DIR" || key.contains("__"))
                    .then(|| (name.as_str(), key.to_ascii_lowercase().replace("__", "."), value.as_str()))
            })
            .collect();
        found.sort();
        found
    }
}

/// A file that people write, as far as such a file is ever long.
pub fn read_bounded(path: &Path) -> Result<String, String> {
    // By reading, as devices and pipes have no length.
    let mut text = String::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(LONGEST_FILE + 1).read_to_string(&mut text))
        .map_err(|error| format!("cannot be read: {error}"))?;
    if text.len() as u64 > LONGEST_FILE {
        return Err(format!("is longer than {LONGEST_FILE} bytes; is it a configuration?"));
    }
    Ok(text)
}

fn origins(config: &Config, merged: &Spanned<DeTable<'_>>, sources: &Sources) -> Origins {
    let monitors = config.monitor.iter().map(|monitor| ("monitor", &monitor.name));
    let checks = config.check.iter().map(|check| ("check", &check.name));
    let hosts = config.host.iter().map(|host| ("host", &host.name));
    let place = |(index, (list, name)): (usize, (&'static str, &String))| {
        let at = tree::position(merged, &format!("{list}.{index}.name"));
        ((list, name.clone()), sources.place(at.start))
    };
    let schedules = config.schedule.iter().map(|schedule| ("schedule", &schedule.name));
    let all = monitors.enumerate().chain(checks.enumerate()).chain(hosts.enumerate());
    let policies = config.escalation_policy.iter().map(|policy| ("escalation_policy", &policy.name));
    let channels = config.channel.iter().map(|channel| ("channel", &channel.name));
    let all = all.chain(schedules.enumerate()).chain(policies.enumerate()).chain(channels.enumerate());
    all.map(place).collect()
}

/// A relative `data_dir`, and a program that begins with `./` or `../`, are meant from the file that names them.
fn resolved<'s>(mut table: DeTable<'s>, file: Option<&Path>) -> DeTable<'s> {
    let Some(directory) = file.map(|file| file.parent().unwrap_or(Path::new(""))) else { return table };
    if let Some(value) = table.get_mut("data_dir")
        && value.get_ref().as_str().is_some_and(|path| !path.is_empty())
    {
        resolve(value, |path| directory.join(path));
    }
    // Absolute, as what we start runs in the root directory.
    let program_at = |path: &str| std::path::absolute(directory.join(path)).unwrap_or_else(|_| path.into());
    for list in ["check", "host"] {
        let Some(DeValue::Array(entries)) = table.get_mut(list).map(Spanned::get_mut) else { continue };
        for entry in entries.iter_mut().map(Spanned::get_mut) {
            for key in ["command", "event_handler"] {
                if let DeValue::Table(entry) = entry
                    && let Some(DeValue::Array(words)) = entry.get_mut(key).map(Spanned::get_mut)
                    && let Some(program) = words.first_mut()
                    && program.get_ref().as_str().is_some_and(|p| p.starts_with("./") || p.starts_with("../"))
                {
                    resolve(program, program_at);
                }
            }
        }
    }
    table
}

fn resolve(value: &mut Spanned<DeValue<'_>>, place: impl Fn(&str) -> PathBuf) {
    let Some(path) = value.get_ref().as_str().map(place) else { return };
    *value.get_mut() = DeValue::String(path.display().to_string().into());
}

impl Config {
    /// Listeners that would be in each other's way.
    fn ports_taken_twice(&self) -> Vec<(String, String)> {
        let (statsd, carbon) = (&self.statsd, &self.carbon);
        let http = self.http.listen.iter().map(|listen| ("http.listen", "TCP", *listen));
        let others = [
            ("statsd.tcp", "TCP", statsd.tcp),
            ("statsd.admin", "TCP", statsd.admin),
            ("carbon.line", "TCP", carbon.line),
            ("carbon.pickle", "TCP", carbon.pickle),
            ("statsd.udp", "UDP", statsd.udp),
            ("carbon.udp", "UDP", carbon.udp),
            ("collectd.listen", "UDP", self.collectd.listen),
            ("nsca.listen", "TCP", self.nsca.listen),
        ];
        let all: Vec<_> =
            http.chain(others).filter_map(|(key, kind, at)| Some((key, kind, at.address()?))).collect();
        let collide = |a: std::net::SocketAddr, b: std::net::SocketAddr| {
            let any = a.ip().is_unspecified() || b.ip().is_unspecified();
            a.port() == b.port() && a.port() != 0 && a.is_ipv4() == b.is_ipv4() && (any || a.ip() == b.ip())
        };
        let mut problems = Vec::new();
        for (index, (key, kind, at)) in all.iter().enumerate() {
            let first =
                all[..index].iter().find(|(_, other, address)| other == kind && collide(*address, *at));
            if let Some((taken_by, _, _)) = first {
                let why = format!(
                    "{kind} {at} is where {taken_by} listens: give each its own port, or set one to \"off\""
                );
                problems.push(((*key).to_owned(), why));
            }
        }
        problems
    }

    /// From one flush of StatsD to the next.
    pub fn flush_seconds(&self) -> i64 {
        self.statsd.flush_interval.duration().as_secs().max(1) as i64
    }

    /// What this server shows the sign-in provider, wherever it stands.
    fn provider_secret(&self) -> Result<Option<Secret>, String> {
        let Some(oidc) = &self.auth.oidc else { return Ok(None) };
        match read_secret(&None, &oidc.client_secret_file)? {
            Some(read) => Ok(Some(Secret::new(read.reveal()))),
            None => Ok(oidc.client_secret.clone()),
        }
    }

    fn auth_settings(&self) -> http_api::AuthConfig {
        let mut auth = self.auth.clone();
        // A file that cannot be read any more was told when it could not be.
        if let (Some(oidc), Ok(secret)) = (&mut auth.oidc, self.provider_secret()) {
            oidc.client_secret = secret;
        }
        auth
    }

    /// What changes under requests that are served.
    pub fn http_settings(&self) -> http_api::Settings {
        http_api::Settings {
            http: self.http.clone(),
            auth: self.auth_settings(),
            teams: self.team.clone(),
            emergencies: emergencies::doors(self),
            status_page: self.status_page.clone(),
            reports: self.reports.clone(),
            errors: self.errors.clone(),
        }
    }

    /// Those of the files, and what needs no definition.
    pub fn channels(&self) -> Vec<notify::ChannelConfig> {
        notify::config::with_built_in(&self.channel)
    }

    /// What is watched, and where it is written.
    pub fn files(&self) -> monitors::Files {
        monitors::Files { definitions: self.definitions(), origins: self.origins.clone() }
    }

    /// What is watched, as the files say.
    pub fn definitions(&self) -> Definitions {
        Definitions {
            monitors: self.monitor.clone(),
            checks: self.check.clone(),
            hosts: self.host.clone(),
            contacts: self.contact.clone(),
            time_periods: self.time_period.clone(),
            escalations: self.escalation.clone(),
            dependencies: self.dependency.clone(),
            downtimes: self.downtime.clone(),
            services: self.service.clone(),
        }
    }

    /// Channels, environments, and who is named by them and by whom.
    fn problems_of_telling(&self) -> Vec<(String, String)> {
        let mut problems = notify::config::problems(&self.channel);
        let of_contacts = notify::config::unknown(
            &self.channels(),
            self.contact.iter().map(|contact| &contact.channels[..]),
        );
        problems.extend(of_contacts.into_iter().map(|(index, channel)| {
            let why =
                format!("there is no channel `{channel}`: define it as a [[channel]], or write \"log\"");
            (format!("contact.{index}.channels"), why)
        }));
        problems.extend(self.problems_of_addresses());
        for (index, environment) in self.environment.iter().enumerate() {
            let found = environment.problems().into_iter();
            problems.extend(found.map(|(key, why)| (format!("environment.{index}.{key}"), why)));
        }
        let known = |name: &String| self.contact.iter().any(|contact| contact.name == *name);
        let unknown = self.incidents.contacts.iter().filter(|name| !known(name));
        problems.extend(unknown.map(|name| {
            (
                "incidents.contacts".to_owned(),
                format!("there is no contact `{name}`: define it as a [[contact]]"),
            )
        }));
        problems.extend(self.problems_of_mail());
        problems
    }

    /// A number or mailbox that can be none is better known before somebody is to be woken by it.
    fn problems_of_addresses(&self) -> Vec<(String, String)> {
        let of_contact = |(index, contact): (usize, &ContactConfig)| {
            let written = [
                ("email", contact.email.as_deref()),
                ("phone", contact.phone.as_deref()),
                ("telegram", contact.telegram.as_deref()),
                ("pushover", contact.pushover.as_deref()),
                ("ntfy", contact.ntfy.as_ref().map(|topic| topic.0.as_str())),
            ];
            let wrong = written.into_iter().filter_map(|(key, address)| {
                let why = notify::config::address_problem(key, address?)?;
                Some((format!("contact.{index}.{key}"), why))
            });
            wrong.collect::<Vec<_>>()
        };
        self.contact.iter().enumerate().flat_map(of_contact).collect()
    }

    /// Who gets letters.
    fn problems_of_mail(&self) -> Vec<(String, String)> {
        let mail = notify::config::mail(&self.channel);
        let has_mail = |channels: &[String]| channels.iter().any(|name| mail.contains(name.as_str()));
        let why = |name: &String| match self.contact.iter().find(|contact| contact.name == *name) {
            None => Some(format!("there is no contact `{name}`: define it as a [[contact]]")),
            Some(contact) if !has_mail(&contact.channels) => {
                Some(format!("`{name}` has no channel of type \"email\", by which reports go: give it one"))
            }
            Some(_) => None,
        };
        let of_reports = self.reports.contacts.iter().filter_map(why);
        let mut problems: Vec<(String, String)> =
            of_reports.map(|why| ("reports.contacts".to_owned(), why)).collect();
        if let Some(channel) = &self.status_page.mail {
            if !mail.contains(channel.as_str()) {
                let why =
                    format!("there is no channel `{channel}` of type \"email\": define it as a [[channel]]");
                problems.push(("status_page.mail".to_owned(), why));
            }
            if self.http.public_url.is_empty() {
                let why = "its mails have links: set http.public_url to the address that readers reach";
                problems.push(("status_page.mail".to_owned(), why.to_owned()));
            }
        }
        problems
    }

    /// Who is on call.
    fn problems_of_oncall(&self) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        for (index, schedule) in self.schedule.iter().enumerate() {
            let found = schedule.problems().into_iter();
            problems.extend(found.map(|(key, why)| (format!("schedule.{index}.{key}"), why)));
            let misplaced = schedule.with_calendars().filter(|(_, layer)| {
                layer.calendar.as_ref().is_some_and(|place| !monitors::config::is_calendar(&place.0))
            });
            problems.extend(misplaced.map(|(layer, _)| {
                (format!("schedule.{index}.layer.{layer}.calendar"), monitors::config::NO_CALENDAR.to_owned())
            }));
        }
        let names = self.schedule.iter().map(|schedule| schedule.name.as_str());
        let twice = incidents::oncall::config::twice(names).into_iter();
        problems.extend(twice.map(|(index, why)| (format!("schedule.{index}.name"), why)));
        problems.extend(self.problems_of_policies());
        problems
    }

    fn problems_of_policies(&self) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        let schedule = |name: &str| self.schedule.iter().any(|schedule| schedule.name == name);
        let channels = self.channels();
        let channel = |name: &str| {
            name == incidents::book::LOG_CHANNEL || channels.iter().any(|channel| channel.name == name)
        };
        let period = |name: &str| {
            name == monitors::config::ALWAYS || self.time_period.iter().any(|period| period.name == name)
        };
        for (index, policy) in self.escalation_policy.iter().enumerate() {
            let found = policy.problems().into_iter().chain(policy.unknown(schedule, channel, period));
            problems.extend(found.map(|(key, why)| (format!("escalation_policy.{index}.{key}"), why)));
        }
        let names = self.escalation_policy.iter().map(|policy| policy.name.as_str());
        let twice = incidents::oncall::config::twice(names).into_iter();
        problems.extend(twice.map(|(index, why)| (format!("escalation_policy.{index}.name"), why)));
        problems
    }

    /// What no single value can tell, as (key, what is wrong and how to mend it).
    fn problems(&self) -> Vec<(String, String)> {
        let in_section = |section: &'static str| {
            move |(key, message): (&'static str, String)| (format!("{section}.{key}"), message)
        };
        let mut problems: Vec<(String, String)> = Vec::new();
        problems.extend(
            self.http.problems(&self.auth).into_iter().map(|(key, message)| (key.to_owned(), message)),
        );
        problems.extend(self.auth.problems(&self.http));
        if let Err(why) = self.provider_secret() {
            problems.push(("auth.oidc.client_secret_file".into(), why));
        }
        problems.extend(self.pictures.problems().into_iter().map(|(key, message)| (key.to_owned(), message)));
        problems.extend(self.statsd.problems().into_iter().map(in_section("statsd")));
        problems.extend(self.carbon.problems().into_iter().map(in_section("carbon")));
        let of_relay = |(key, message): (String, String)| (format!("relay.{key}"), message);
        problems.extend(self.relay.problems().into_iter().map(of_relay));
        problems.extend(ingest::loops(&self.carbon, &self.relay, &self.statsd));
        problems.extend(self.agent.problems().into_iter().map(in_section("agent")));
        let authorities = self.agent.ca_file.as_deref().map(crate::tls::certificates);
        if let Some(Err(failure)) = authorities {
            problems.push(("agent.ca_file".into(), failure.message));
        }
        problems.extend(self.collectd.problems().into_iter().map(in_section("collectd")));
        problems.extend(self.nsca.problems().into_iter().map(in_section("nsca")));
        problems.extend(self.own.problems().into_iter().map(in_section("self")));
        problems.extend(self.storage.problems().into_iter().map(in_section("storage")));
        problems.extend(self.checks.problems().into_iter().map(in_section("checks")));
        problems.extend(self.monitors.problems().into_iter().map(in_section("monitors")));
        problems.extend(self.heartbeats.problems().into_iter().map(in_section("heartbeats")));
        problems.extend(self.incidents.problems().into_iter().map(in_section("incidents")));
        problems.extend(self.errors.problems().into_iter().map(in_section("errors")));
        problems.extend(self.definitions().problems());
        problems.extend(accounts::problems(&self.team));
        problems.extend(self.problems_of_telling());
        problems.extend(self.problems_of_oncall());
        problems.extend(self.status_page.problems().into_iter().map(in_section("status_page")));
        problems.extend(emergencies::problems(self));
        problems.extend(self.ports_taken_twice());
        if self.state.engine == StateEngine::Postgres {
            problems.push((
                "state.engine".into(),
                "this version keeps its state in SQLite only: write \"sqlite\"".into(),
            ));
        }
        problems
    }
}
