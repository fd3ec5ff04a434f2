//! Which sources a listener takes.

use std::net::IpAddr;

use ipnet::IpNet;

/// The networks of an `allow` list, with the question asked per packet made cheap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allow {
    networks: Vec<IpNet>,
    everybody: bool,
}

impl Allow {
    pub fn new(networks: &[IpNet]) -> Allow {
        let whole = |v4: bool| networks.iter().any(|net| net.prefix_len() == 0 && net.addr().is_ipv4() == v4);
        Allow { networks: networks.to_vec(), everybody: whole(true) && whole(false) }
    }

    /// There is no need to look at the source at all.
    pub fn everybody(&self) -> bool {
        self.everybody
    }

    /// An IPv4 source that came in over an IPv6 socket is judged as the IPv4 address that it is.
    pub fn takes(&self, source: IpAddr) -> bool {
        let source = source.to_canonical();
        self.everybody || self.networks.iter().any(|network| network.contains(&source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources() {
        let check = |networks: &[&str], source: &str, wanted: bool| {
            let networks: Vec<IpNet> = networks.iter().map(|net| net.parse().unwrap()).collect();
            assert_eq!(Allow::new(&networks).takes(source.parse().unwrap()), wanted, "{networks:?} {source}");
        };
        check(&["127.0.0.0/8"], "127.9.9.9", true);
        check(&["127.0.0.0/8"], "128.0.0.1", false);
        check(&["127.0.0.0/8"], "::ffff:127.0.0.1", true);
        check(&["127.0.0.0/8"], "::1", false);
        check(&["10.0.0.0/8", "fd00::/8"], "fd00::7", true);
        check(&["0.0.0.0/0"], "8.8.8.8", true);
        check(&["0.0.0.0/0"], "::1", false);
        check(&["0.0.0.0/0", "::/0"], "::1", true);
        check(&[], "127.0.0.1", false);
    }
}
