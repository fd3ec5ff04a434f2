//! What each command of the command line does. All but `serve`, `config`, `import` and `restore` ask the API.

pub mod accounts;
pub mod backup;
pub mod bench;
pub mod check;
pub mod compare;
pub mod config;
pub mod event;
pub mod import;
pub mod import_grafana;
mod import_relay;
mod import_sentry;
mod kept_events;
pub mod monitor;
mod nagios;
pub mod ping;
pub mod project;
pub mod query;
pub mod send;
mod sentry_api;
pub mod storage;
pub mod upgrade;
pub mod whisper;

use std::io::Write;
use std::path::PathBuf;

use crate::cli::Common;
use crate::client::{self, Server};
use crate::config::{Config, Origin, told};
use crate::failure::Failure;
use crate::offline;

/// The configuration, or all its problems on stderr and exit status 2.
pub fn load_config(common: &Common) -> Result<Config, Failure> {
    let origin = Origin::from_process(common.config.clone(), common.data_dir.clone());
    origin.load().map_err(|problems| Failure::usage(told(&problems)))
}

/// A running server, or the data directory opened by this process.
pub fn server(common: &Common) -> Result<Server, Failure> {
    if let Some(remote) = remote(common)? {
        return Ok(remote);
    }
    let config = load_config(common)?;
    match local(&config) {
        Some(server) => Ok(server),
        None => offline::open(&config).map(Server::Here),
    }
}

/// For what makes no sense beside a directory that nobody serves.
pub fn running_server(common: &Common) -> Result<Server, Failure> {
    if let Some(remote) = remote(common)? {
        return Ok(remote);
    }
    let config = load_config(common)?;
    local(&config).ok_or_else(|| {
        Failure::new(format!(
            "no server answers at {} (start one, or name it with --url, --data-dir or --config)",
            control_socket(&config).display()
        ))
    })
}

fn remote(common: &Common) -> Result<Option<Server>, Failure> {
    let Some(url) = named_url(common) else { return Ok(None) };
    let token = std::env::var("BELLWETHER_TOKEN").ok().filter(|token| !token.is_empty());
    Ok(Some(Server::Remote { url: client::parse_url(&url)?, token, by_variable: common.url.is_none() }))
}

/// What this very command was told goes before what the shell was told at some time.
pub fn named_url(common: &Common) -> Option<String> {
    let is_named = common.config.is_some() || common.data_dir.is_some();
    let by_variable = || std::env::var(client::URL_VARIABLE).ok().filter(|_| !is_named);
    common.url.clone().or_else(by_variable).filter(|url| !url.is_empty())
}

fn local(config: &Config) -> Option<Server> {
    let socket = control_socket(config);
    client::socket_answers(&socket).then_some(Server::Socket(socket))
}

pub fn control_socket(config: &Config) -> PathBuf {
    config.data_dir.0.join("control.sock")
}

/// Run one exchange with the API.
pub fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(Failure::doing("start"))?.block_on(work)
}

/// Words on stdout. A closed pipe (`| head`) is a way to say that it is enough: the status still tells how it went.
pub fn print(text: impl AsRef<[u8]>) -> Result<(), Failure> {
    match write_out(text.as_ref()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(Failure::doing("write to standard output")),
    }
}

/// The same for what goes on until nobody reads it any more.
pub fn print_or_end(text: impl AsRef<[u8]>) -> Result<(), Failure> {
    match write_out(text.as_ref()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
        written => written.map_err(Failure::doing("write to standard output")),
    }
}

fn write_out(text: &[u8]) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text).and_then(|()| out.flush())
}

/// A line on stdout.
pub fn say(line: impl std::fmt::Display) -> Result<(), Failure> {
    print(format!("{line}\n"))
}

pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// For people: columns of equal width, the last one as it is.
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|c| rows.iter().filter_map(|row| row.get(c)).map(|cell| cell.chars().count()).max().unwrap_or(0))
        .collect();
    let mut out = String::new();
    for row in rows {
        for (index, cell) in row.iter().enumerate() {
            let last = index + 1 == row.len();
            let pad = if last { 0 } else { widths[index] - cell.chars().count() + 2 };
            out.push_str(cell);
            out.push_str(&" ".repeat(pad));
        }
        out.push('\n');
    }
    out
}
