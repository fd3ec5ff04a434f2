//! `[carbon]`. The keys of `[statsd]`, its sockets included, are in `statsd::config`.

use std::net::SocketAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use statsd::config::{RepeaterProtocol, StatsdConfig};
use vocabulary::settings::Listen;
use vocabulary::time::HumanDuration;

use crate::limits;
use crate::outgoing::is_reached_by;
pub use crate::relay::config::RelayConfig;
use crate::relay::config::{Expression, Text};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CarbonConfig {
    /// Plaintext protocol over TCP: `name value timestamp` and a line feed.
    pub line: Listen,
    /// The same lines in datagrams.
    pub udp: Listen,
    /// Python pickles, each behind its length in four bytes.
    pub pickle: Listen,
    /// Networks that may send. Others are refused and counted.
    pub allow: Vec<IpNet>,
    /// Connections that one listener holds at once; further ones are closed and counted.
    pub max_connections: usize,
    /// Close a connection that has sent nothing for so long. "0s" is never, as in Carbon: hosts that went away are
    /// found by keep-alive, and whoever sends once a day loses nothing.
    pub idle_timeout: HumanDuration,
    /// Longest line. Longer ones are skipped and counted.
    pub max_line_bytes: usize,
    /// Longest pickle.
    pub max_frame_bytes: usize,
    /// Buffer asked of the kernel for the UDP socket.
    pub receive_buffer_bytes: usize,
    /// Threads that read all TCP connections, StatsD's too. 0 is half of the cores, at most 8.
    pub workers: usize,
    /// Send what comes in (Carbon's points, StatsD's flushes) on to other Carbons.
    pub forward: Vec<ForwardConfig>,
    /// Names that are refused: regular expressions of Python's, searched anywhere in the name as it came.
    pub blacklist: Vec<Text<Expression>>,
    /// If there are any, only names that match one are taken.
    pub whitelist: Vec<Text<Expression>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForwardConfig {
    /// HOST:PORT of the other Carbon.
    pub address: String,
    /// `"line"` or `"pickle"`, over TCP.
    #[serde(default)]
    pub protocol: ForwardProtocol,
    /// Points that wait while the other is slow or away; beyond, the oldest are dropped and counted.
    #[serde(default = "default_queue")]
    pub queue: usize,
    /// Not StatsD's flushes: for a tee to an old system that has a StatsD of its own.
    #[serde(default)]
    pub only_carbon: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ForwardProtocol {
    #[default]
    Line,
    Pickle,
}

fn default_queue() -> usize {
    limits::FORWARD_QUEUE_POINTS
}

impl Default for CarbonConfig {
    fn default() -> Self {
        let loopback = |port| Listen::On((std::net::Ipv4Addr::LOCALHOST, port).into());
        CarbonConfig {
            line: loopback(2003),
            udp: loopback(2003),
            pickle: loopback(2004),
            allow: vec![IpNet::V4("127.0.0.0/8".parse().expect("a network"))],
            max_connections: limits::CONNECTIONS_MAX,
            idle_timeout: HumanDuration::from_secs(0),
            max_line_bytes: limits::LINE_BYTES_MAX,
            max_frame_bytes: limits::FRAME_BYTES_MAX,
            receive_buffer_bytes: limits::RECEIVE_BUFFER_BYTES,
            workers: 0,
            forward: Vec::new(),
            blacklist: Vec::new(),
            whitelist: Vec::new(),
        }
    }
}

impl CarbonConfig {
    /// What is wrong although each value by itself can be read.
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        if self.max_connections == 0 {
            problems.push((
                "max_connections",
                "must be at least 1; to have no listener set it to \"off\"".into(),
            ));
        }
        if !(64..=limits::READ_BYTES).contains(&self.max_line_bytes) {
            problems.push(("max_line_bytes", format!("must be between 64 and {}", limits::READ_BYTES)));
        }
        if !(64..=limits::CARRIED_BYTES_MAX / 4).contains(&self.max_frame_bytes) {
            problems.push((
                "max_frame_bytes",
                format!("must be between 64 and {}", limits::CARRIED_BYTES_MAX / 4),
            ));
        }
        if self.workers > 256 {
            problems.push(("workers", "must be at most 256".into()));
        }
        for forward in &self.forward {
            if !is_host_and_port(&forward.address) {
                problems.push(("forward", format!("`{}` is not HOST:PORT", forward.address)));
            }
            if forward.queue == 0 {
                problems.push((
                    "forward",
                    format!("the queue to {} must hold at least 1 point", forward.address),
                ));
            }
        }
        problems
    }
}

/// What is sent to addresses of our own would come in again without an end. Names of hosts are looked at when they are
/// connected to.
pub fn loops(carbon: &CarbonConfig, relay: &RelayConfig, statsd: &StatsdConfig) -> Vec<(String, String)> {
    let tcp = [("carbon.line", carbon.line), ("carbon.pickle", carbon.pickle), ("statsd.tcp", statsd.tcp)];
    let udp = [("carbon.udp", carbon.udp), ("statsd.udp", statsd.udp)];
    let reached = |own: &[(&'static str, Listen)], address: &str| {
        let peer: SocketAddr = address.replacen("localhost:", "127.0.0.1:", 1).parse().ok()?;
        let hears = |listen: Listen| listen.address().is_some_and(|own| is_reached_by(own, peer, None));
        own.iter().find(|(_, listen)| hears(*listen)).map(|(name, _)| *name)
    };
    let forwards = carbon.forward.iter().map(|forward| ("carbon.forward", &tcp[..], forward.address.clone()));
    let relayed = relay.all_destinations();
    let key = if relay.destinations.is_empty() { "relay.rule" } else { "relay.destinations" };
    let relayed = relayed.iter().map(|destination| (key, &tcp[..], destination.address()));
    let over = if statsd.repeater_protocol == RepeaterProtocol::Tcp { &tcp[..] } else { &udp[..] };
    let repeated = statsd.repeater.iter().map(|target| ("statsd.repeater", over, target.address()));
    let all = forwards.chain(relayed).chain(repeated);
    let problem = |(key, own, address): (&str, &[(&'static str, Listen)], String)| {
        let listener = reached(own, &address)?;
        let why = format!(
            "{address} is where {listener} listens: what is sent there would come in again without an end"
        );
        Some((key.to_owned(), why))
    };
    all.filter_map(problem).collect()
}

fn is_host_and_port(address: &str) -> bool {
    let port = |port: &str| port.parse::<u16>().is_ok_and(|port| port != 0);
    address.rsplit_once(':').is_some_and(|(host, end)| !host.is_empty() && port(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_have_no_problem_and_bad_values_are_named() {
        let mut config = CarbonConfig::default();
        assert_eq!(config.problems(), []);
        config.max_connections = 0;
        config.max_line_bytes = 1;
        config.max_frame_bytes = usize::MAX;
        let forward = |address: &str, queue| ForwardConfig {
            address: address.into(),
            protocol: ForwardProtocol::Line,
            queue,
            only_carbon: false,
        };
        config.forward = vec![forward("relay", 1), forward("relay:2003", 0), forward("[::1]:2003", 5)];
        let keys: Vec<_> = config.problems().into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["max_connections", "max_line_bytes", "max_frame_bytes", "forward", "forward"]);
    }
}
