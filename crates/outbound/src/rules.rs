//! Which addresses may be called.
//!
//! One list of networks, each allowed or forbidden; **the smallest network that holds an address decides**, and of two
//! equal ones the user's before the built-in one, `deny` before `allow`. So `deny = ["0.0.0.0/0", "::/0"]` with
//! `allow = ["10.1.0.0/16"]` shuts all but one network, and `allow = ["0.0.0.0/0"]` still does not open the metadata
//! service, which has to be named by its own address.
//!
//! Checks and webhooks have the same rules. Loopback and private addresses are open: what people watch, and the chat
//! server that is told, stand beside us, and both are named in files or by whoever may configure. What an answer
//! can make of that is shut: a redirect from a public address to a private one is not followed unless `allow`
//! names the address.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use crate::config::EgressConfig;

/// Forbidden unless allowed, and why.
const FORBIDDEN: [(&str, &str); 14] = [
    ("0.0.0.0/8", "an unspecified address, which reaches this machine itself"),
    ("::/128", "the unspecified address, which reaches this machine itself"),
    ("169.254.0.0/16", "a link-local address"),
    ("fe80::/10", "a link-local address"),
    ("169.254.169.254/32", METADATA),
    ("169.254.170.2/32", METADATA),
    ("fd00:ec2::254/128", METADATA),
    ("fd20:ce::254/128", METADATA),
    ("100.100.100.200/32", METADATA),
    ("168.63.129.16/32", METADATA),
    ("192.0.0.192/32", METADATA),
    ("224.0.0.0/4", "a multicast address"),
    ("ff00::/8", "a multicast address"),
    ("255.255.255.255/32", "the broadcast address"),
];

const METADATA: &str = "an address of a cloud's metadata service, which hands out credentials";

/// Not of the Internet. A redirect from outside does not lead here.
const INSIDE: [&str; 9] = [
    "127.0.0.0/8",
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "198.18.0.0/15",
    "::1/128",
    "fc00::/7",
    "fec0::/10",
];

#[derive(Clone, Debug)]
pub struct Rules {
    entries: Vec<Entry>,
    inside: Vec<IpNet>,
}

#[derive(Clone, Debug)]
struct Entry {
    net: IpNet,
    /// Larger decides among networks of one size.
    weight: u8,
    verdict: Verdict,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Allowed,
    Forbidden(&'static str),
}

/// An address that may not be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forbidden {
    pub address: IpAddr,
    pub why: &'static str,
}

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Forbidden { address, why } = self;
        write!(f, "{address} is {why}; if it is meant, add it to `allow` of [egress]")
    }
}

impl Default for Rules {
    fn default() -> Self {
        Rules::new(&EgressConfig::default())
    }
}

impl Rules {
    pub fn new(config: &EgressConfig) -> Rules {
        let net = |text: &str| text.parse::<IpNet>().expect("the networks above are written well");
        let entry = |net: IpNet, weight, verdict| Entry { net: canonical_net(net), weight, verdict };
        let built_in = FORBIDDEN.iter().map(|(text, why)| entry(net(text), 0, Verdict::Forbidden(why)));
        let allowed = config.allow.iter().map(|net| entry(*net, 1, Verdict::Allowed));
        let denied = config.deny.iter().map(|net| entry(*net, 2, Verdict::Forbidden("denied by [egress]")));
        Rules {
            entries: built_in.chain(allowed).chain(denied).collect(),
            inside: INSIDE.iter().map(|text| net(text)).collect(),
        }
    }

    pub fn judge(&self, address: IpAddr) -> Result<(), Forbidden> {
        let faces = faces(address);
        let forbidden = faces.iter().find_map(|face| match self.entry_for(*face)?.verdict {
            Verdict::Forbidden(why) => Some(Forbidden { address: *face, why }),
            Verdict::Allowed => None,
        });
        forbidden.map_or(Ok(()), Err)
    }

    /// As [`Rules::judge`], of where an answer from `from` sends us.
    pub fn judge_redirect(&self, from: IpAddr, to: IpAddr) -> Result<(), Forbidden> {
        self.judge(to)?;
        let why = "not public, and a public server sent us there";
        let inside = faces(to).into_iter().find(|face| self.is_inside(*face) && !self.is_named(*face));
        match inside.filter(|_| !self.is_inside(canonical(from))) {
            Some(address) => Err(Forbidden { address, why }),
            None => Ok(()),
        }
    }

    fn entry_for(&self, address: IpAddr) -> Option<&Entry> {
        let holding = self.entries.iter().filter(|entry| entry.net.contains(&address));
        holding.max_by_key(|entry| (entry.net.prefix_len(), entry.weight))
    }

    fn is_inside(&self, address: IpAddr) -> bool {
        self.inside.iter().any(|net| net.contains(&address))
    }

    fn is_named(&self, address: IpAddr) -> bool {
        self.entry_for(address).is_some_and(|entry| entry.verdict == Verdict::Allowed)
    }
}

fn canonical(address: IpAddr) -> IpAddr {
    faces(address).pop().unwrap_or(address)
}

/// `::ffff:10.0.0.0/104` is `10.0.0.0/8`.
fn canonical_net(net: IpNet) -> IpNet {
    let mapped = match net {
        IpNet::V6(v6) if v6.prefix_len() >= 96 => v6.addr().to_ipv4_mapped(),
        _ => None,
    };
    let prefix = net.prefix_len().saturating_sub(96);
    mapped.and_then(|v4| IpNet::new(v4.into(), prefix).ok()).unwrap_or(net)
}

/// The address, and the IPv4 address within it that a translator on the way would call: each is judged.
fn faces(address: IpAddr) -> Vec<IpAddr> {
    let IpAddr::V6(v6) = address else { return vec![address] };
    if let Some(v4) = v6.to_ipv4_mapped() {
        return vec![IpAddr::V4(v4)];
    }
    let mut faces = vec![address];
    faces.extend(embedded(v6).map(IpAddr::V4));
    faces
}

/// NAT64 (`64:ff9b::/96` and `64:ff9b:1::/48` with its last four bytes), 6to4 (`2002::/16`), and the old `::a.b.c.d`.
fn embedded(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let words = v6.segments();
    let bytes = v6.octets();
    let last = Ipv4Addr::new(bytes[12], bytes[13], bytes[14], bytes[15]);
    match words {
        [0x64, 0xff9b, 0 | 1, ..] => Some(last),
        [0x2002, ..] => Some(Ipv4Addr::new(bytes[2], bytes[3], bytes[4], bytes[5])),
        [0, 0, 0, 0, 0, 0, high, _] if high != 0 => Some(last),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(allow: &[&str], deny: &[&str]) -> Rules {
        let nets = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        Rules::new(&EgressConfig { allow: nets(allow), deny: nets(deny) })
    }

    fn is_open(rules: &Rules, address: &str) -> bool {
        rules.judge(address.parse().unwrap()).is_ok()
    }

    #[test]
    fn what_people_watch_is_open_and_what_hands_out_credentials_is_shut() {
        let fresh = Rules::default();
        for open in ["127.0.0.1", "10.1.2.3", "192.168.1.1", "8.8.8.8", "::1", "2001:db8::1", "fd12::1"] {
            assert!(is_open(&fresh, open), "{open}");
        }
        let shut = [
            "0.0.0.0",
            "0.1.2.3",
            "::",
            "169.254.1.1",
            "169.254.169.254",
            "fe80::1",
            "224.0.0.1",
            "ff02::1",
            "255.255.255.255",
            "100.100.100.200",
            "168.63.129.16",
            "fd00:ec2::254",
            "fd20:ce::254",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::a9fe:a9fe",
            "2002:a9fe:a9fe::1",
            "::169.254.169.254",
            "::ffff:0.0.0.0",
        ];
        for address in shut {
            assert!(!is_open(&fresh, address), "{address}");
        }
    }

    #[test]
    fn the_smallest_network_decides() {
        let check = |allow: &[&str], deny: &[&str], address: &str, open: bool| {
            assert_eq!(
                is_open(&rules(allow, deny), address),
                open,
                "allow {allow:?} deny {deny:?}: {address}"
            );
        };
        check(&["169.254.0.0/16"], &[], "169.254.1.1", true);
        check(&["169.254.0.0/16"], &[], "169.254.169.254", false);
        check(&["0.0.0.0/0"], &[], "169.254.169.254", false);
        check(&["169.254.169.254/32"], &[], "169.254.169.254", true);
        check(&["169.254.169.254/32"], &[], "::ffff:169.254.169.254", true);
        check(&[], &["10.0.0.0/8"], "10.1.2.3", false);
        check(&[], &["10.0.0.0/8"], "::ffff:10.1.2.3", false);
        check(&[], &["::ffff:10.0.0.0/104"], "10.1.2.3", false);
        check(&["10.1.0.0/16"], &["0.0.0.0/0"], "10.1.2.3", true);
        check(&["10.1.0.0/16"], &["0.0.0.0/0"], "10.2.2.3", false);
        check(&["10.1.0.0/16"], &["10.1.0.0/16"], "10.1.2.3", false);
        check(&["224.0.0.0/4"], &[], "224.0.0.1", true);
    }

    #[test]
    fn redirects_do_not_lead_from_outside_to_inside() {
        let check = |allow: &[&str], from: &str, to: &str, followed: bool| {
            let judged = rules(allow, &[]).judge_redirect(from.parse().unwrap(), to.parse().unwrap());
            assert_eq!(judged.is_ok(), followed, "allow {allow:?}: {from} to {to}");
        };
        check(&[], "8.8.8.8", "1.1.1.1", true);
        check(&[], "10.0.0.1", "127.0.0.1", true);
        check(&[], "8.8.8.8", "127.0.0.1", false);
        check(&[], "8.8.8.8", "::ffff:10.0.0.1", false);
        check(&[], "2001:4860::1", "fd12::1", false);
        check(&[], "::ffff:10.0.0.1", "10.0.0.2", true);
        check(&["10.0.0.0/24"], "8.8.8.8", "10.0.0.1", true);
        check(&["10.0.0.0/24"], "8.8.8.8", "10.0.1.1", false);
        check(&[], "127.0.0.1", "169.254.169.254", false);
    }

    #[test]
    fn a_refusal_says_what_helps() {
        let told = Rules::default().judge("169.254.169.254".parse().unwrap()).unwrap_err().to_string();
        assert!(told.contains("metadata") && told.contains("[egress]"), "{told}");
    }
}
