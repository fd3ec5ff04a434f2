//! The command line. What each command does is in `commands/`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

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
    /// A running server; else the environment variable BELLWETHER_URL, else the control socket in the data directory.
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
    /// Check or show the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Evaluate a target and print its points.
    Query(QueryOptions),
    /// Store one point.
    Send(SendOptions),
    /// Mark a moment on every graph: a deploy, a flip, a note.
    Event(EventOptions),
    /// Take over what other programs' files say.
    #[command(subcommand)]
    Import(ImportCommand),
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
    /// Carbon's storage-schemas.conf, as [[storage.retention]].
    StorageSchemas { file: PathBuf },
    /// Carbon's storage-aggregation.conf, as [[storage.aggregation]].
    StorageAggregation { file: PathBuf },
    /// StatsD's config.js, as [statsd].
    Statsd { file: PathBuf },
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
    /// Make a person, or set password and role of one. The password is read from standard input.
    Set {
        name: String,
        #[arg(long, value_enum, default_value = "admin")]
        role: RoleName,
    },
    List,
    Remove {
        name: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RoleName {
    Viewer,
    Responder,
    Editor,
    Admin,
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
    },
    List,
    Remove {
        id: i64,
    },
}

#[derive(Debug, Subcommand)]
pub enum BenchCommand {
    Statsd,
    Carbon,
    Query,
}
