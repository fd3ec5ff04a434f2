//! `type = "icmp"`: a host answers echo requests, soon and every time.
//!
//! Linux lets ordinary processes send them through ping sockets (`net.ipv4.ping_group_range`); else a raw socket is
//! tried, which takes CAP_NET_RAW.

use std::net::{IpAddr, SocketAddr, UdpSocket as StdSocket};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use outbound::Failure;
use outbound::connection::{Target, resolve};
use rustix::net::{AddressFamily, Protocol, SocketFlags, SocketType, ipproto, socket_with};
use tokio::net::UdpSocket;

use super::seen::Seen;
use super::{Asked, Probe, Trouble};
use crate::config::{CheckConfig, CheckType, ThresholdConfig};

pub const PROBE: Probe = Probe {
    kind: CheckType::Icmp,
    name: "icmp",
    keys: &["address", "packets"],
    required: &[],
    main: "rta",
    problems,
    look: |asked| Box::pin(look(asked)),
};

const PACKETS: u16 = 5;
const PACKETS_MAX: u16 = 100;
/// As `ping` of most systems allows ordinary users.
const BETWEEN: Duration = Duration::from_millis(200);

async fn look(asked: &Asked<'_>) -> Result<Seen, Trouble> {
    let target = Target::new(asked.address()?, 0);
    let address = resolve(asked.egress, target, asked.deadline).await?.into_iter().next();
    let address = address.ok_or_else(|| Trouble::critical(format!("{} has no address", target.host)))?;
    let pinger = Pinger::new(address.ip()).await?;
    let count = asked.check.packets.unwrap_or(PACKETS);
    // The last one is waited for as long as the others together were sent.
    let patience = asked.deadline.left().saturating_sub(BETWEEN * u32::from(count - 1)) / 2;
    let mut times = Vec::new();
    for number in 0..count {
        if number > 0 {
            tokio::time::sleep(BETWEEN).await;
        }
        let left = asked.deadline.left().saturating_sub(Duration::from_millis(100));
        times.extend(pinger.ping(number, patience.min(left)).await?);
    }
    Ok(seen(address.ip(), count, &times))
}

fn seen(address: IpAddr, sent: u16, times: &[Duration]) -> Seen {
    let lost = 100.0 * f64::from(sent - times.len() as u16) / f64::from(sent);
    let seconds: Vec<f64> = times.iter().map(Duration::as_secs_f64).collect();
    let mean = seconds.iter().sum::<f64>() / seconds.len() as f64;
    let mut seen = Seen::new(if times.is_empty() {
        format!("{address} answers none of {sent} packets")
    } else {
        format!("{address} answers in {:.2} ms, {lost:.0} % lost", mean * 1e3)
    });
    seen.value("rta", mean, "s").min = Some(0.0);
    if !seconds.is_empty() {
        seen.value("rtmax", seconds.iter().copied().fold(0.0, f64::max), "s").min = Some(0.0);
    }
    let loss = seen.value("pl", lost, "%");
    loss.default = ThresholdConfig { warning: Some("20".into()), critical: Some("60".into()) };
    (loss.min, loss.max) = (Some(0.0), Some(100.0));
    seen
}

struct Pinger {
    socket: UdpSocket,
    is_raw: bool,
    is_v6: bool,
    /// Of a raw socket, which hears the answers to everybody.
    id: u16,
}

impl Pinger {
    async fn new(address: IpAddr) -> Result<Pinger, Trouble> {
        let is_v6 = address.is_ipv6();
        let (socket, is_raw) = open(is_v6)?;
        let failed = |error: std::io::Error| Failure::of_io(&format!("ping {address}"), &error);
        let socket = StdSocket::from(socket);
        socket.set_nonblocking(true).map_err(failed)?;
        let socket = UdpSocket::from_std(socket).map_err(failed)?;
        socket.connect(SocketAddr::new(address, 0)).await.map_err(failed)?;
        let mut id = [0; 2];
        getrandom::fill(&mut id).map_err(|error| Trouble::unknown(error.to_string()))?;
        Ok(Pinger { socket, is_raw, is_v6, id: u16::from_be_bytes(id) })
    }

    /// None: no answer in time, or the network says that there is no way.
    async fn ping(&self, number: u16, patience: Duration) -> Result<Option<Duration>, Trouble> {
        let begun = Instant::now();
        if self.socket.send(&self.packet(number)).await.is_err() {
            return Ok(None);
        }
        let heard = tokio::time::timeout(patience, async {
            let mut buffer = [0; 2048];
            loop {
                let count = self.socket.recv(&mut buffer).await.ok()?;
                if self.is_answer(&buffer[..count], number) {
                    return Some(begun.elapsed());
                }
            }
        });
        Ok(heard.await.ok().flatten())
    }

    /// `type code checksum:16 id:16 number:16 payload`
    fn packet(&self, number: u16) -> Vec<u8> {
        let mut packet = vec![if self.is_v6 { 128 } else { 8 }, 0, 0, 0];
        packet.extend(self.id.to_be_bytes());
        packet.extend(number.to_be_bytes());
        packet.extend(b"bellwether looks whether you are there..");
        // For IPv6 the kernel does it, since the addresses are part of it.
        if !self.is_v6 {
            let sum = checksum(&packet);
            packet[2..4].copy_from_slice(&sum.to_be_bytes());
        }
        packet
    }

    fn is_answer(&self, bytes: &[u8], number: u16) -> bool {
        // A raw socket of IPv4 gives the head of the packet too.
        let head =
            if self.is_raw && !self.is_v6 { usize::from(bytes.first().unwrap_or(&0) & 15) * 4 } else { 0 };
        let Some(bytes) = bytes.get(head..).filter(|bytes| bytes.len() >= 8) else { return false };
        let kind = if self.is_v6 { 129 } else { 0 };
        let is_ours = !self.is_raw || bytes[4..6] == self.id.to_be_bytes();
        bytes[0] == kind && bytes[6..8] == number.to_be_bytes() && is_ours
    }
}

fn open(is_v6: bool) -> Result<(OwnedFd, bool), Trouble> {
    let (family, protocol): (_, Protocol) =
        if is_v6 { (AddressFamily::INET6, ipproto::ICMPV6) } else { (AddressFamily::INET, ipproto::ICMP) };
    let of = |kind| socket_with(family, kind, SocketFlags::CLOEXEC, Some(protocol));
    if let Ok(socket) = of(SocketType::DGRAM) {
        return Ok((socket, false));
    }
    let socket = of(SocketType::RAW).map_err(|error| {
        Trouble::unknown(format!(
            "this process may not ping ({error}): let its group with `sysctl net.ipv4.ping_group_range=\"0 2147483647\"`, \
             or give it CAP_NET_RAW"
        ))
    })?;
    Ok((socket, true))
}

/// Of the Internet: the ones' complement of the sum of 16-bit words.
fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)));
    let sum: u32 = words.sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    !(((folded & 0xffff) + (folded >> 16)) as u16)
}

fn problems(check: &CheckConfig) -> Vec<(&'static str, String)> {
    let bad = check.packets.is_some_and(|packets| !(1..=PACKETS_MAX).contains(&packets));
    bad.then(|| ("packets", format!("must be between 1 and {PACKETS_MAX}"))).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_add_up() {
        let mut packet = vec![8, 0, 0, 0, 0x12, 0x34, 0, 1, b'x'];
        let sum = checksum(&packet);
        packet[2..4].copy_from_slice(&sum.to_be_bytes());
        assert_eq!(checksum(&packet), 0);
    }

    #[test]
    fn what_is_lost_is_counted() {
        use crate::kinds::probe::of;
        let judged = |times: &[Duration]| {
            let seen = seen(IpAddr::from([10, 0, 0, 1]), 5, times);
            seen.judge(of(CheckType::Icmp).unwrap(), &CheckConfig::default())
        };
        let time = Duration::from_millis(20);
        assert_eq!(judged(&[time; 5]).status, 0);
        assert_eq!(judged(&[time; 3]).status, 1);
        assert_eq!(judged(&[time; 1]).status, 2);
        let none = judged(&[]);
        assert_eq!((none.status, &*none.perfdata), (2, "rta=U;;;0 pl=100%;20;60;0;100"));
        assert!(none.output.contains("none of 5 packets"), "{}", none.output);
    }
}
