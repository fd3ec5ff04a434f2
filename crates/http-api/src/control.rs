//! What the API asks of the rest of the process. The binary implements it; the shapes are the API's own.

mod seen;

use std::path::{Path, PathBuf};
use std::pin::Pin;

use axum::body::Bytes;
use axum::http::HeaderMap;
use incidents::page::Message;
use monitors::Definitions;
use monitors::config::CheckConfig;
use monitors::kinds::check::Job;
use monitors::kinds::metric::Blind;
use monitors::machine::ObjectName;
use serde::{Deserialize, Serialize};
use state_store::StateError;
use utoipa::ToSchema;
use vocabulary::SeriesRef;
use vocabulary::ports::{Scope, StoreError};
use vocabulary::settings::Secret;

pub use seen::{COPIES_OF, sentence, worst};

/// The parts of the server that no port reaches: health of every part, storage maintenance, the log.
pub trait Control: Send + Sync {
    fn readiness(&self) -> Readiness;
    fn health(&self) -> Health;
    /// Only the worst state, and why the store is read-only if it is.
    fn state(&self) -> (State, Option<String>);
    fn cardinality(&self) -> Cardinality;
    fn retention(&self, question: Option<RetentionQuestion>) -> Result<Retention, String>;
    fn compact(&self) -> Result<Compacted, String>;
    fn fsck(&self) -> Result<Checked, String>;
    /// What the present rules mean for series that have older ones; with `apply` it is begun.
    fn repolicy(&self, apply: bool) -> Result<Repolicied, String>;
    fn backup(&self, directory: &Path) -> Result<BackedUp, String>;
    /// Takes a whisper tree over; ends early when nobody listens to what it tells.
    fn import_whisper(
        &self,
        wanted: &WhisperImport,
        tell: &mut dyn FnMut(Move<ImportCounts>) -> bool,
    ) -> Result<ImportCounts, String>;
    fn export_whisper(
        &self,
        wanted: &WhisperExport,
        tell: &mut dyn FnMut(Move<ExportCounts>) -> bool,
    ) -> Result<ExportCounts, String>;
    /// The effective configuration as documented TOML, without secrets.
    fn configuration(&self) -> String;
    fn set_log_level(&self, level: &str) -> Result<(), String>;
    fn identity(&self) -> Identity;
    /// Hands over every series of kind number that the scope sees, in no particular order.
    fn for_each_series(&self, scope: &Scope, take: &mut dyn FnMut(SeriesRef, &str));
    /// Makes series that have no points yet; how many are new.
    fn register_series(&self, names: &[String]) -> Result<u64, StoreError>;
    /// Takes series out, with their points; how many there were.
    fn delete_series(&self, series: &[SeriesRef]) -> Result<u64, String>;
    /// Every way in that is open, with what comes through it.
    fn arriving(&self) -> Vec<Arriving>;
    /// Graphs that show the host at a glance, of series that exist.
    fn host_panels(&self) -> Vec<Panel>;
    /// All times in which nothing was watched because the server was away.
    fn away(&self) -> Blind;
    /// When a check or host is looked at next, if we do it.
    fn next_check(&self, name: &ObjectName) -> Option<f64>;
    /// Looks at it now, or says why not.
    /// What is returned tells when its result is in.
    fn run_check(&self, name: &ObjectName) -> Result<tokio::sync::oneshot::Receiver<()>, String>;
    /// One run of a check that need not be defined, ready to go; or everything that is wrong with it.
    fn trial(&self, check: CheckConfig) -> Result<Job, String>;
    /// Other monitors are defined now: what is run, and who is told, is others too.
    fn definitions_changed(&self);
    /// How long events of errors are kept: what is too old by now goes at once.
    fn error_retention_changed(&self);
    /// Other teams are there now, or people are in others.
    fn people_changed(&self);
    /// What the configuration files say now, whether it is in effect or not.
    fn definitions_in_files(&self) -> Result<Definitions, Vec<String>>;
    /// Settings in effect that are not as the files say, beside definitions; none if the files have problems.
    fn settings_that_differ(&self) -> Vec<SettingDifference>;
    /// What a well-known series means, if this is one.
    fn help(&self, series: &str) -> Option<Help>;
    /// What a channel's provider has posted: carried out, if it is theirs.
    fn hear(&self, posted: &Posted) -> Result<(), NotHeard>;
    /// Was this form posted to this address by whoever makes our calls? None: no channel calls anybody.
    fn is_of_telephone(&self, url: &str, form: &[(String, String)], signature: &str) -> Option<bool>;
    /// Those that are defined, and those that are there without.
    fn channels(&self) -> Vec<DefinedChannel>;
    /// By what people may be reached, and the channels that send it.
    fn ways_offered(&self) -> Vec<OfferedWay>;
    /// What browsers subscribe with.
    fn push_key(&self) -> Option<String>;
    /// May somebody be reached so? Else which key is wrong, and why.
    fn check_way(
        &self,
        kind: &str,
        address: &str,
        channel: Option<&str>,
    ) -> Result<(), (&'static str, String)>;
    /// What became of the tests of somebody's own ways, and of the codes that have come back.
    fn tested(&self, person: &str) -> Result<Vec<TestedWay>, StateError>;
    /// Says it by this way now; when it was not taken, why.
    fn say(&self, way: &accounts::Way, what: ToSay) -> Said;
    /// What is usual where it is not now, and where that is measured.
    fn usual(&self, message: &Message) -> Usual;
    /// One call to the sign-in provider, bounded, by the rules for calls to the outside.
    fn ask_provider(&self, question: ProviderQuestion) -> BoxFuture<Result<ProviderAnswer, String>>;
}

pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What the sign-in provider is asked.
pub struct ProviderQuestion {
    pub url: String,
    /// Posted, if there is one.
    pub form: Option<String>,
    /// The header `Authorization`.
    pub authorization: Option<Secret>,
}

pub struct ProviderAnswer {
    pub status: u16,
    pub body: Vec<u8>,
}

/// One request in the name of a channel's provider.
pub struct Posted {
    pub channel: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// Why what was posted is nobody's deed.
#[derive(Debug)]
pub enum NotHeard {
    Unknown,
    NotTheirs(&'static str),
    Garbled(String),
    NotNow(String),
}

/// A channel as its definition says.
#[derive(Clone, Debug)]
pub struct DefinedChannel {
    pub name: String,
    pub r#type: &'static str,
    /// The file and the place in it; none: it needs no definition.
    pub origin: Option<String>,
    /// The other keys; secrets are hidden.
    pub settings: serde_json::Value,
}

/// One type by which people may be reached.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OfferedWay {
    /// As types of channels are called.
    pub r#type: &'static str,
    /// What an address of it looks like.
    pub shape: &'static str,
    /// Those that send to people's own addresses; the first is used if none is named.
    pub channels: Vec<String>,
}

/// How the last test by a channel went.
#[derive(Clone, Debug)]
pub struct TestedWay {
    pub channel: String,
    pub at: i64,
    /// Empty: it was taken.
    pub error: String,
}

/// What is said to one person by one way, at once.
#[derive(Clone, Debug)]
pub enum ToSay {
    Code(String),
    Test,
}

pub type Said = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// What a value usually is, in words, and the series of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Usual {
    pub words: Option<String>,
    pub series: Option<String>,
}

/// One key of the configuration, such as `statsd.flush_interval`.
#[derive(Clone, Debug)]
pub struct SettingDifference {
    pub key: String,
    pub running: serde_json::Value,
    pub file: serde_json::Value,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Readiness {
    Starting,
    Ready,
    /// Serving, but not all is well: read-only.
    Impaired(String),
    Stopping,
}

#[derive(Clone, Debug)]
pub struct Identity {
    pub version: &'static str,
    pub host: String,
    pub started: f64,
}

/// One way in: StatsD, Carbon, the host.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Arriving {
    pub source: &'static str,
    pub points_per_second: f64,
    pub series: u64,
    pub newest: Option<f64>,
    pub listening: Option<String>,
    /// The newest series of this source.
    pub latest: Option<String>,
    /// It has sent for minutes without a long pause: its silence is news.
    pub regular: bool,
    /// What draws how much comes, if own series are kept.
    pub target: Option<String>,
}

/// A graph that is worth looking at.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Panel {
    pub title: &'static str,
    pub targets: Vec<String>,
    pub unit: &'static str,
    pub help: &'static str,
}

/// One paragraph about a series: meaning, normal, what to do.
#[derive(Clone, Copy, Debug)]
pub struct Help {
    pub unit: Option<&'static str>,
    pub text: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Off,
    Ok,
    Warning,
    Critical,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Health {
    pub state: State,
    /// One line of plain words.
    pub sentence: String,
    /// Since when the state holds.
    pub since: Option<f64>,
    pub now: f64,
    /// Everything that cannot be trusted now, the worst first.
    pub doubts: Vec<Doubt>,
    pub parts: Vec<Part>,
    pub storage: StorageHealth,
    pub refused: Refused,
    pub bad_lines: Vec<BadLine>,
    pub widest: Vec<PrefixCount>,
    pub newest: Vec<NewSeries>,
}

/// Something that is not as it should be, and what cannot be trusted because of it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Doubt {
    /// The part that it is about; `server`: all of it.
    pub part: String,
    pub state: State,
    /// One line of plain words.
    pub text: String,
    pub since: Option<f64>,
    /// It is over, and what is of that time stays doubtful.
    pub until: Option<f64>,
    pub affects: String,
}

/// A listener, queue, collector or store: anything that must be running.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Part {
    pub id: String,
    #[schema(example = "listener")]
    pub kind: &'static str,
    pub title: String,
    pub address: Option<String>,
    pub state: State,
    /// Since when it is in this state.
    pub since: Option<f64>,
    pub text: String,
    /// Per second, over the last seconds.
    pub rate: Option<f64>,
    pub unit: Option<&'static str>,
    /// Seconds behind.
    pub lag: Option<f64>,
    pub last_success: Option<f64>,
    /// How full a queue is, 0 to 1.
    pub filled: Option<f64>,
    pub dropped: Vec<Dropped>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Dropped {
    pub cause: &'static str,
    pub total: u64,
    pub last_minute: u64,
    pub help: &'static str,
}

#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct StorageHealth {
    pub series: u64,
    pub points_per_second: f64,
    pub disk_bytes: u64,
    pub free_bytes: Option<u64>,
    pub seconds_to_full: Option<f64>,
    pub read_only: Option<String>,
    /// By what it is for.
    pub memory: Vec<Memory>,
    /// Of the whole process.
    pub resident_bytes: u64,
    pub memory_budget_bytes: u64,
    pub tiers: Vec<Tier>,
    pub wal_bytes: u64,
    pub sync_milliseconds: f64,
    /// Merges that are due.
    pub backlog: u64,
    /// The last times in which nothing was stored because the server was not running, or its machine slept; oldest first.
    pub gaps: Vec<(i64, i64)>,
    /// What was found missing at the start or since, in words.
    pub lost: Vec<String>,
    pub quarantined: Vec<String>,
    /// Some series have another retention than the present rules say.
    pub retention_differs: bool,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Memory {
    pub part: String,
    pub bytes: u64,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Tier {
    pub archive: String,
    pub files: u64,
    pub bytes: u64,
}

#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct Refused {
    pub total: u64,
    pub prefixes: Vec<RefusedPrefix>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RefusedPrefix {
    pub prefix: String,
    pub refused: u64,
    pub example: String,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BadLine {
    pub listener: String,
    pub source: String,
    pub reason: String,
    pub sample: String,
    pub at: f64,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PrefixCount {
    pub prefix: String,
    pub series: u64,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct NewSeries {
    pub name: String,
    pub created: i64,
}

#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct Cardinality {
    pub series: u64,
    pub max_series: u64,
    pub refused: Refused,
    pub widest: Vec<PrefixCount>,
    pub newest: Vec<NewSeries>,
}

/// What a rule would cost if it had these archives.
#[derive(Clone, Debug)]
pub struct RetentionQuestion {
    pub rule: String,
    pub archives: String,
}

#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct Retention {
    pub rules: Vec<RetentionRule>,
    /// Series kept under older rules.
    pub differing: Vec<DifferingRetention>,
    pub preview: Option<RetentionPreview>,
}

/// One rule of `[[storage.retention]]`, and what it costs.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RetentionRule {
    pub name: String,
    pub pattern: String,
    pub archives: Vec<String>,
    /// Where it is written, or "built in".
    pub origin: String,
    pub series: u64,
    pub bytes: u64,
    /// When all archives are full.
    pub bytes_per_series: u64,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DifferingRetention {
    pub rule: String,
    pub series: u64,
    /// The archives of the widest spread among them.
    pub have: Vec<String>,
    pub want: Vec<String>,
}

#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct RetentionPreview {
    pub rule: String,
    pub archives: Vec<String>,
    pub series: u64,
    pub bytes_now: u64,
    pub bytes_then: u64,
    pub bytes_per_series: u64,
    /// What the change does, in plain words.
    pub says: Vec<String>,
    pub error: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Compacted {
    pub seconds: f64,
    pub files: u64,
    pub bytes: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Checked {
    pub files: u64,
    pub pages: u64,
    /// What is damaged, a line each.
    pub damaged: Vec<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Repolicied {
    pub applied: bool,
    pub series: u64,
    pub bytes_now: u64,
    pub bytes_then: u64,
    /// One line for each change: from which archives to which, how many series.
    pub changes: Vec<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct BackedUp {
    pub directory: String,
    pub files: u64,
    pub bytes: u64,
}

/// A whisper tree to take over.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WhisperImport {
    #[schema(value_type = String)]
    pub directory: PathBuf,
    /// Only series whose names begin so; empty is all.
    pub prefix: Vec<String>,
    /// A list of names of tagged series, for files that are called after the hash of theirs.
    #[schema(value_type = Option<String>)]
    pub tagged_names: Option<PathBuf>,
    /// Threads; left out: all cores, but one beside a server.
    pub jobs: Option<u32>,
    /// Only look which files there are, and whether they can be read.
    pub dry_run: bool,
    /// Also what was imported before and has not changed since.
    pub again: bool,
}

/// Series to be written as whisper files.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WhisperExport {
    #[schema(value_type = String)]
    pub directory: PathBuf,
    /// Only series whose names begin so; empty is all.
    pub prefix: Vec<String>,
    /// Only series that these globs find; empty is all.
    pub target: Vec<String>,
    pub jobs: Option<u32>,
    /// Also files that are there already.
    pub overwrite: bool,
}

/// What is told of a move, as it happens.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Move<C> {
    Started {
        files: u64,
    },
    Progress(C),
    /// One file or series that could not be moved.
    Refused {
        path: String,
        why: String,
    },
    Finished(C),
    /// It ended early; what was moved before stays.
    Failed {
        error: String,
    },
}

/// `files` = `imported` + `empty` + `refused` + `already_done`, when it has come to its end.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ImportCounts {
    pub files: u64,
    pub imported: u64,
    /// Without a point that whisper still shows: only the name is taken.
    pub empty: u64,
    pub refused: u64,
    pub already_done: u64,
    /// That the archives hold.
    pub points: u64,
    /// Of those: the store had a value for the slot, which stays.
    pub kept: u64,
    /// Beside `points`: of earlier rounds of a ring, which whisper does not show any more.
    pub out_of_date: u64,
    /// Beside `points`: not a number.
    pub not_numbers: u64,
    /// Of the files that are not done yet.
    pub bytes: u64,
    pub read_bytes: u64,
    pub seconds: f64,
    /// Of the threads that import.
    pub cpu_seconds: f64,
}

/// `series` = `written` + `left` + `refused`, when it has come to its end.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ExportCounts {
    pub series: u64,
    pub written: u64,
    /// There was a file already, which stays as it is.
    pub left: u64,
    pub refused: u64,
    /// Of the written: whisper does not know their aggregation method, so that they say `average`.
    pub as_average: u64,
    pub points: u64,
    pub bytes: u64,
    pub seconds: f64,
}
