//! `bellwether bench statsd | carbon | query`: loads a running server of this machine and says what it took.
//!
//! `statsd`, `carbon` and `query` each make one kind of load, paced by `pace`; what became of it in the server is
//! asked of the server itself (`meter`), and `report` tells both.

mod carbon;
mod meter;
mod names;
mod pace;
mod query;
mod report;
mod statsd;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::cli::{BenchCommand, BenchLoad, Common};
use crate::client::Server;
use crate::failure::Failure;
use meter::Health;

pub fn run(common: &Common, command: &BenchCommand) -> Result<(), Failure> {
    let server = super::running_server(common)?;
    refuse_elsewhere(&server)?;
    match command {
        BenchCommand::Statsd(options) => {
            names::check(&options.load.prefix)?;
            statsd::run(&server, options)?.print(common.json)
        }
        BenchCommand::Carbon(options) => {
            names::check(&options.load.prefix)?;
            carbon::run(&server, options)?.print(common.json)
        }
        BenchCommand::Query(options) => query::run(&server, options)?.print(common.json),
    }
}

/// A load is for one's own machine: elsewhere it takes other people's network and somebody else's server.
fn refuse_elsewhere(server: &Server) -> Result<(), Failure> {
    let Server::Remote { url, .. } = server else { return Ok(()) };
    let host = url.host().unwrap_or_default().trim_matches(['[', ']']);
    let here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    if here { Ok(()) } else { Err(elsewhere(host)) }
}

fn elsewhere(host: impl std::fmt::Display) -> Failure {
    Failure::usage(format!(
        "{host} is not a loopback address: bench loads servers of this machine only; run it over there"
    ))
}

/// Where the load goes: as told, or where the server says that it listens.
fn target(load: &BenchLoad, health: &Health, listener: &str) -> Result<SocketAddr, Failure> {
    let address = match load.to {
        Some(address) => address,
        None => listening(health, listener)?,
    };
    if address.ip().is_loopback() { Ok(address) } else { Err(elsewhere(address)) }
}

fn listening(health: &Health, listener: &str) -> Result<SocketAddr, Failure> {
    let part = health.parts.iter().find(|part| part.id == listener);
    let address = part.and_then(|part| part.address.as_ref()?.parse::<SocketAddr>().ok());
    let mut address =
        address.ok_or_else(|| Failure::new(format!("the server has no listener {listener}")))?;
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    Ok(address)
}

/// The same work on so many threads at once, each with its number.
fn on_threads<T: Send>(
    count: u64,
    work: impl Fn(u64) -> Result<T, Failure> + Sync,
) -> Result<Vec<T>, Failure> {
    std::thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = (0..count).map(|index| scope.spawn(move || work(index))).collect();
        let panicked = |_| Err(Failure::new("a sender panicked"));
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(panicked)).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::parse_url;

    #[test]
    fn only_this_machine_is_loaded() {
        let check = |url: &str, here: bool| {
            let server = Server::Remote { url: parse_url(url).unwrap(), token: None, by_variable: false };
            assert_eq!(refuse_elsewhere(&server).is_ok(), here, "{url}");
        };
        check("http://localhost:8080", true);
        check("http://127.0.0.1:8080", true);
        check("http://[::1]:8080", true);
        check("http://10.0.0.1:8080", false);
        check("https://localhost.example.org", false);
    }

    #[test]
    fn a_listener_on_all_addresses_is_reached_on_loopback() {
        let check = |address: &str, expected: Option<&str>| {
            let part = serde_json::json!({"id": "carbon.line", "address": address, "dropped": []});
            let health = serde_json::json!({"now": 0.0, "parts": [part], "storage": {"resident_bytes": 0}});
            let health: Health = serde_json::from_value(health).unwrap();
            let found = listening(&health, "carbon.line").ok().map(|address| address.to_string());
            assert_eq!(found.as_deref(), expected, "{address}");
            assert!(listening(&health, "statsd.udp").is_err());
        };
        check("127.0.0.1:2003", Some("127.0.0.1:2003"));
        check("0.0.0.0:2003", Some("127.0.0.1:2003"));
        check("[::]:2003", Some("[::1]:2003"));
        check("off", None);
    }
}
