//! The command line. What each command does is in `commands/`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum, value_parser};
use vocabulary::time::HumanDuration;

/// StatsD, Carbon, Graphite and their pages in one process.
#[derive(Debug, Parser)]
#[command(name = "bellwether", version, disable_help_subcommand = true, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
    #[command(flatten)]
    pub common: Common,
}

/// Where the server, its data and its configuration are.
#[derive(Clone, Debug, Default, Args)]
pub struct Common {
    /// Configuration file; else ./bellwether.toml, /etc/bellwether/bellwether.toml, or the defaults.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Data directory; goes before what the configuration says.
    #[arg(long, global = true, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// A running server; else the environment variable BELLWETHER_URL (unless --config or --data-dir names another one), else
    /// the control socket in the data directory.
    #[arg(long, global = true, value_name = "URL")]
    pub url: Option<String>,
    /// Answers as JSON.
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run everything in one process.
    Serve,
    /// Watch this machine for a server elsewhere: collect, take StatsD and Carbon, send, and spool while it is away.
    Agent,
    /// Check or show the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Evaluate a target and print its points.
    Query(QueryOptions),
    /// Store one point.
    Send(SendOptions),
    /// Tell a heartbeat that its job has run, begins, or has failed.
    Ping(PingOptions),
    /// Mark a moment on every graph: a deploy, a flip, a note.
    Event(EventOptions),
    /// Run checks by hand.
    #[command(subcommand)]
    Check(CheckCommand),
    /// Try rules on the past.
    #[command(subcommand)]
    Monitor(MonitorCommand),
    /// Take over what other programs' files say.
    #[command(subcommand)]
    Import(ImportCommand),
    /// Write what is stored in other programs' form.
    #[command(subcommand)]
    Export(ExportCommand),
    /// Run beside the Graphite or the Nagios that is to be replaced, and tell every difference.
    Compare(CompareOptions),
    /// Look after the store.
    #[command(subcommand)]
    Storage(StorageCommand),
    /// Copy everything (points, state, secret key) to a directory, while the server runs or not.
    Backup { directory: PathBuf },
    /// Put a backup in place of an empty data directory.
    Restore { directory: PathBuf },
    /// Look before you leap.
    #[command(subcommand)]
    Upgrade(UpgradeCommand),
    /// People who sign in.
    #[command(subcommand)]
    User(UserCommand),
    /// API tokens.
    #[command(subcommand)]
    Token(TokenCommand),
    /// Projects, whose programs send their errors here.
    #[command(subcommand)]
    Project(ProjectCommand),
    /// Load a running server and report what it took.
    #[command(subcommand)]
    Bench(BenchCommand),
}

#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Every problem of a configuration, each with its place and how to mend it.
    Check { file: Option<PathBuf> },
    /// The effective configuration, documented.
    Show {
        /// The defaults instead of what is in effect.
        #[arg(long)]
        defaults: bool,
    },
    /// What a running server works by, against what its files say now; status 1 when they differ.
    Diff,
    /// What was made in the UI or by the API, as files.
    Export {
        /// A file for each monitor and check goes here, such as conf.d; else all of it is printed.
        directory: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
pub enum CheckCommand {
    /// Run one check now and show what was parsed; nobody is told of it. What stands in the files is run here and as this
    /// user, what was made in the UI by the server.
    Run(CheckRunOptions),
}

#[derive(Debug, Args)]
pub struct CheckRunOptions {
    /// Of a check, or of a host with a command.
    #[arg(required_unless_present = "command", conflicts_with = "command")]
    pub name: Option<String>,
    /// A plugin that is tried: `bellwether check run -- check_http -H localhost`.
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<String>,
    /// For a plugin that is tried.
    #[arg(long, requires = "command")]
    pub timeout: Option<HumanDuration>,
}

#[derive(Debug, Subcommand)]
pub enum MonitorCommand {
    /// What a metric monitor would have done over stored history: when it would have fired, and whom it would have told.
    Test(MonitorTestOptions),
}

#[derive(Debug, Args)]
pub struct MonitorTestOptions {
    /// A file with a [[monitor]] (or several), or with [[check]]s and [[host]]s; or the name of a monitor, check or host
    /// that is defined ('web*/disk': several of them).
    #[arg(value_name = "FILE|NAME")]
    pub rule: String,
    #[arg(long, default_value = "-24h", allow_hyphen_values = true)]
    pub from: String,
    #[arg(long, default_value = "now", allow_hyphen_values = true)]
    pub until: String,
    /// A file with another version of the rule: what would it have done differently?
    #[arg(long, value_name = "FILE")]
    pub compare: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct QueryOptions {
    /// A target in Graphite's language.
    pub target: String,
    #[arg(long, default_value = "-1h", allow_hyphen_values = true)]
    pub from: String,
    #[arg(long, default_value = "now", allow_hyphen_values = true)]
    pub until: String,
    /// Go on with new points as they arrive.
    #[arg(long)]
    pub follow: bool,
    #[arg(long, value_enum)]
    pub format: Option<QueryFormat>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum QueryFormat {
    Table,
    Json,
    Csv,
    Sparkline,
}

#[derive(Debug, Args)]
pub struct SendOptions {
    pub name: String,
    #[arg(allow_hyphen_values = true)]
    pub value: f64,
    /// Seconds since 1970; left out = now.
    #[arg(allow_hyphen_values = true)]
    pub time: Option<f64>,
}

#[derive(Debug, Args)]
pub struct PingOptions {
    /// Its name, slug or UUID.
    pub heartbeat: String,
    /// The job begins: its end tells how long it took.
    #[arg(long, conflicts_with_all = ["fail", "log", "exit"])]
    pub start: bool,
    /// It has failed.
    #[arg(long, conflicts_with_all = ["log", "exit"])]
    pub fail: bool,
    /// Only to be kept; says nothing of how it went.
    #[arg(long, conflicts_with = "exit")]
    pub log: bool,
    /// The exit status of the job: 0 is well, anything else a failure.
    #[arg(long, value_name = "N")]
    pub exit: Option<u8>,
    /// A UUID that is the same at the start and at the end of a run.
    #[arg(long, value_name = "UUID")]
    pub rid: Option<String>,
    /// What the job said; its first line becomes the text of a failure.
    #[arg(long, default_value = "", allow_hyphen_values = true)]
    pub body: String,
}

#[derive(Debug, Args)]
pub struct EventOptions {
    /// What happened: "deployed 4.2"
    pub what: String,
    /// May be given more than once.
    #[arg(long, value_name = "TAG")]
    pub tag: Vec<String>,
    /// More about it.
    #[arg(long, default_value = "")]
    pub data: String,
    /// Seconds since 1970; left out = now.
    #[arg(long)]
    pub when: Option<f64>,
}

#[derive(Debug, Subcommand)]
pub enum ImportCommand {
    /// Every point of every archive of a tree of whisper files; the tree is only read. Goes on where it was interrupted.
    Whisper(ImportWhisperOptions),
    /// Carbon's storage-schemas.conf, as [[storage.retention]].
    StorageSchemas { file: PathBuf },
    /// Carbon's storage-aggregation.conf, as [[storage.aggregation]].
    StorageAggregation { file: PathBuf },
    /// Carbon's relay-rules.conf, as [[relay.rule]].
    RelayRules { file: PathBuf },
    /// Carbon's aggregation-rules.conf, as [[relay.aggregation]].
    AggregationRules { file: PathBuf },
    /// Carbon's rewrite-rules.conf, as [[relay.rewrite]].
    RewriteRules { file: PathBuf },
    /// Carbon's blacklist.conf, as [carbon] blacklist.
    Blacklist { file: PathBuf },
    /// Carbon's whitelist.conf, as [carbon] whitelist.
    Whitelist { file: PathBuf },
    /// Grafana's dashboards (JSON files, or directories of them): a preview, and what cannot be carried over.
    Grafana {
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// StatsD's config.js, as [statsd].
    Statsd { file: PathBuf },
    /// Nagios's configuration, as [[host]], [[check]], [[contact]] and so on; what has no counterpart is told line by line.
    /// A retention.dat: the states, acknowledgements, downtimes and comments in it, which the server takes over.
    Nagios(ImportNagiosOptions),
    /// The past out of Nagios's archives (nagios-*.log): states, and who was told what. Goes on where it was interrupted.
    NagiosArchive(ImportArchiveOptions),
    /// Projects of a Sentry or a GlitchTip, with their numbers and keys: what `sentry export` or `dumpdata` wrote, or the lists of
    /// /api/0/projects/ and …/keys/.
    Sentry(ImportSentryOptions),
}

#[derive(Debug, Args)]
pub struct ImportSentryOptions {
    #[arg(required_unless_present = "from")]
    pub files: Vec<PathBuf>,
    /// Asks the API of the old one, with the token in SENTRY_AUTH_TOKEN, for projects, keys and issues.
    #[arg(long, value_name = "URL")]
    pub from: Option<String>,
    /// What comes for these projects goes to the old one too, while both are looked at.
    #[arg(long, value_name = "URL")]
    pub tee: Option<String>,
    /// So many days long what is seen for the first time is not told of as new.
    #[arg(long, value_name = "DAYS", default_value_t = 7, value_parser = clap::value_parser!(u32).range(0..=90))]
    pub baseline_days: u32,
    /// Only look: nothing is made.
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, Args)]
pub struct ImportArchiveOptions {
    /// log_archive_path of nagios.cfg, or one file.
    pub directory: PathBuf,
    /// Also files that were read to the end before and have not changed.
    #[arg(long)]
    pub again: bool,
    /// Only look: nothing is written.
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, Args)]
pub struct ImportNagiosOptions {
    /// nagios.cfg, or a directory with one; an object file, or a directory of them; retention.dat.
    pub source: PathBuf,
    /// Written here, such as conf.d/nagios.toml; else on stdout.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Write over the file that is there.
    #[arg(long)]
    pub force: bool,
    /// Only look: nothing is written.
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, Args)]
pub struct ImportWhisperOptions {
    /// Carbon's LOCAL_DATA_DIR, such as /opt/graphite/storage/whisper.
    pub directory: PathBuf,
    /// Only series whose names begin so; may be given more than once.
    #[arg(long, value_name = "PREFIX")]
    pub prefix: Vec<String>,
    /// Names of tagged series, one in each line or as JSON, for files that are called after the hash of theirs.
    #[arg(long, value_name = "FILE")]
    pub tagged_names: Option<PathBuf>,
    /// Threads; left out: all cores, but one beside a running server.
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..=64))]
    pub jobs: Option<u32>,
    /// Only look which files there are and whether they can be read.
    #[arg(long)]
    pub dry_run: bool,
    /// Also files that were imported before and have not changed since.
    #[arg(long)]
    pub again: bool,
}

#[derive(Debug, Subcommand)]
pub enum ExportCommand {
    /// Whisper files, where carbon would have them; the way back.
    Whisper(ExportWhisperOptions),
}

#[derive(Debug, Args)]
pub struct ExportWhisperOptions {
    /// Made if it is not there.
    pub directory: PathBuf,
    /// Only series whose names begin so; may be given more than once.
    #[arg(long, value_name = "PREFIX")]
    pub prefix: Vec<String>,
    /// Only series that this glob finds, such as 'servers.*.cpu.*'; may be given more than once.
    #[arg(long, value_name = "GLOB")]
    pub target: Vec<String>,
    /// Threads; left out: all cores, but one beside a running server.
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..=64))]
    pub jobs: Option<u32>,
    /// Also write files that are there already.
    #[arg(long)]
    pub overwrite: bool,
}

#[derive(Debug, Subcommand)]
pub enum StorageCommand {
    /// Flush and merge everything to final blocks.
    Compact,
    /// Check every checksum.
    Fsck,
    /// Say what the present retention rules mean for series that have older ones; with --apply, do it.
    Repolicy {
        #[arg(long)]
        apply: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum UpgradeCommand {
    /// Can this binary open the present data and configuration, and what will it change?
    Check { new_binary: PathBuf },
    /// Which forms of stored data this version knows, for `check` of another one.
    #[command(hide = true)]
    Formats,
}

#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Make a person, or set the password of one. The password is read from standard input.
    Set {
        name: String,
        /// Whoever is there keeps theirs; a new person needs one, but for the first, who is an administrator.
        #[arg(long, value_enum)]
        role: Option<RoleName>,
    },
    /// Print a link with which somebody chooses their password, once and within a week.
    Invite {
        name: String,
        #[arg(long, value_enum, default_value = "viewer")]
        role: RoleName,
        /// As others read it.
        #[arg(long, value_name = "TEXT", default_value = "")]
        display_name: String,
    },
    /// Give somebody another role; ends their sessions.
    Role {
        name: String,
        #[arg(value_enum)]
        role: RoleName,
    },
    /// Whoever comes next under this name by the provider's or proxy's word, within a week, is this person.
    Link {
        name: String,
        #[arg(long, value_enum)]
        by: VoucherName,
    },
    /// Whoever comes by that word is this person no more, and nobody is waited for.
    Unlink {
        name: String,
        #[arg(long, value_enum)]
        by: VoucherName,
    },
    List,
    Remove {
        name: String,
        /// Also if pages depend on them, or incidents are in their hands: these are nobody's then, and told anew.
        #[arg(long)]
        confirmed: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum VoucherName {
    Provider,
    Proxy,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RoleName {
    Viewer,
    Responder,
    Editor,
    Admin,
}

#[derive(Debug, Subcommand)]
pub enum ProjectCommand {
    /// Make a project and print its DSN, which is what its programs' SDKs are given.
    Create {
        /// Letters, digits, `-` and `_`, such as shop-web; groups of its errors are called SHOP-WEB-1.
        name: String,
        /// The number that it had elsewhere; else the next one.
        #[arg(long)]
        id: Option<u64>,
        /// The key that its programs send already: 32 hexadecimal digits; else one is made.
        #[arg(long, value_name = "HEX")]
        public_key: Option<String>,
    },
    List,
}

#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Make a token and print its secret, this once.
    Create {
        name: String,
        #[arg(long, value_enum, default_value = "viewer")]
        role: RoleName,
        /// Only series whose names begin so; may be given more than once.
        #[arg(long, value_name = "PREFIX")]
        prefix: Vec<String>,
        /// It ends after this time, such as 90d; else it holds until it is removed.
        #[arg(long, value_name = "DURATION")]
        expires: Option<HumanDuration>,
    },
    List,
    Remove {
        id: i64,
    },
}

/// Asks both the same, again and again, until Ctrl-C: which names there are, every stored point of every archive,
/// and the answers to given targets.
#[derive(Debug, Args)]
pub struct CompareOptions {
    /// graphite-web, perhaps with NAME:PASSWORD@ before the host; else what GRAPHITE_AUTHORIZATION holds is sent
    /// as the Authorization header.
    #[arg(long, value_name = "URL", required_unless_present = "nagios", conflicts_with = "nagios")]
    pub graphite: Option<String>,
    /// Nagios's status file (status_file of nagios.cfg): states side by side.
    #[arg(long, value_name = "STATUS_DAT")]
    pub nagios: Option<PathBuf>,
    /// Targets to compare the answers of, one a line, or a Grafana dashboard (.json); may be given more than once.
    #[arg(long, value_name = "FILE")]
    pub targets: Vec<PathBuf>,
    /// Also the targets of the dashboards that graphite-web keeps.
    #[arg(long)]
    pub dashboards: bool,
    /// Only series whose names begin so; may be given more than once.
    #[arg(long, value_name = "PREFIX")]
    pub only: Vec<String>,
    /// Queries a second to graphite-web, at most; it rests at least as long as it worked.
    #[arg(long, default_value_t = 5.0, value_name = "N")]
    pub rate: f64,
    /// Points newer than this are not compared: they reach both at slightly different moments.
    #[arg(long, default_value = "2min", value_name = "DURATION")]
    pub settle: HumanDuration,
    /// Between one round and the next.
    #[arg(long, default_value = "10s", value_name = "DURATION")]
    pub rest: HumanDuration,
    /// Go through everything one time: status 0 without a difference, 1 with.
    #[arg(long)]
    pub once: bool,
}

/// Servers of this machine only. What others send at the same time is in the server's figures too.
#[derive(Debug, Subcommand)]
pub enum BenchCommand {
    /// Metrics over UDP, as many programs send them.
    Statsd(BenchStatsd),
    /// Lines over TCP, as a relay or collectd sends them.
    Carbon(BenchCarbon),
    /// One target, asked again and again.
    Query(BenchQuery),
}

#[derive(Debug, Args)]
pub struct BenchLoad {
    /// Where to send; left out: the address that the server itself names.
    #[arg(long, value_name = "IP:PORT")]
    pub to: Option<SocketAddr>,
    /// Metrics or points a second, all connections together; 0 = as fast as they are taken.
    #[arg(long, default_value_t = 50_000, value_name = "N", value_parser = value_parser!(u64).range(..=100_000_000))]
    pub rate: u64,
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = value_parser!(u64).range(1..=600))]
    pub seconds: u64,
    /// Different names.
    #[arg(long, default_value_t = 1_000, value_name = "N", value_parser = value_parser!(u64).range(1..=5_000_000))]
    pub series: u64,
    /// What all names begin with.
    #[arg(long, default_value = "bench", value_name = "NAME")]
    pub prefix: String,
    /// Sockets that send at the same time, a thread each.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = value_parser!(u64).range(1..=64))]
    pub connections: u64,
}

#[derive(Debug, Args)]
pub struct BenchStatsd {
    #[command(flatten)]
    pub load: BenchLoad,
    /// Metrics in one packet.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = value_parser!(u64).range(1..=1_000))]
    pub per_packet: u64,
    #[arg(long, value_enum, default_value = "counter")]
    pub metric: BenchMetric,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BenchMetric {
    Counter,
    Timer,
    Gauge,
    Set,
}

#[derive(Debug, Args)]
pub struct BenchCarbon {
    #[command(flatten)]
    pub load: BenchLoad,
    /// Begin so far back and let each further round of the names be a second later, up to now; else all carry the
    /// present second.
    #[arg(long, default_value = "0s", value_name = "DURATION")]
    pub age: HumanDuration,
}

#[derive(Debug, Args)]
pub struct BenchQuery {
    /// A target in Graphite's language.
    #[arg(long, default_value = "bellwether.process.*")]
    pub target: String,
    #[arg(long, default_value = "-1h", allow_hyphen_values = true)]
    pub from: String,
    #[arg(long, default_value = "now", allow_hyphen_values = true)]
    pub until: String,
    /// Connections that ask at the same time.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = value_parser!(u64).range(1..=64))]
    pub concurrency: u64,
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = value_parser!(u64).range(1..=600))]
    pub seconds: u64,
    /// End after so many answers, if that is sooner.
    #[arg(long, default_value_t = 1_000_000, value_name = "N", value_parser = value_parser!(u64).range(1..=1_000_000))]
    pub requests: u64,
}
