//! Who is one source, and what one of them may hold at once of something that all share: nobody takes the whole of it.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use ipnet::IpNet;
use parking_lot::Mutex;

/// Whoever has one address of IPv6 has all 2^64 of its network: they are one source.
pub fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
        short => short,
    }
}

/// What each source holds; sources that hold nothing take no room here.
#[derive(Debug)]
pub struct Shares {
    most: usize,
    held: Mutex<HashMap<IpAddr, usize>>,
}

impl Shares {
    pub fn new(most: usize) -> Shares {
        Shares { most, held: Mutex::default() }
    }

    /// Nothing as yet. Behind this machine's addresses and those of proxies there may be everybody: they have no bound.
    pub fn of(self: &Arc<Self>, source: IpAddr, proxies: &[IpNet]) -> Share {
        let source = source.to_canonical();
        let is_many = source.is_loopback() || proxies.iter().any(|network| network.contains(&source));
        let most = if is_many { usize::MAX } else { self.most };
        Share { shares: self.clone(), network: network(source), most, amount: 0 }
    }
}

/// What one request or connection holds of its source's part, until it is dropped.
#[derive(Debug)]
pub struct Share {
    shares: Arc<Shares>,
    network: IpAddr,
    most: usize,
    amount: usize,
}

impl Share {
    /// False: then there is not so much left for this source.
    #[must_use]
    pub fn take(&mut self, more: usize) -> bool {
        let mut held = self.shares.held.lock();
        let all = held.get(&self.network).copied().unwrap_or(0).saturating_add(more);
        if all > self.most {
            return false;
        }
        held.insert(self.network, all);
        self.amount += more;
        true
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut held = self.shares.held.lock();
        let left = held.get(&self.network).copied().unwrap_or(0).saturating_sub(self.amount);
        match left {
            0 => held.remove(&self.network),
            left => held.insert(self.network, left),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_network_of_ipv6_is_one_source() {
        let check = |address: &str, wanted: &str| assert_eq!(network(at(address)), at(wanted));
        check("192.0.2.7", "192.0.2.7");
        check("::ffff:192.0.2.7", "192.0.2.7");
        check("2001:db8:0:1:2::3", "2001:db8:0:1::");
    }

    #[test]
    fn one_source_takes_its_part_only() {
        let shares = Arc::new(Shares::new(2));
        let proxies: [IpNet; 1] = ["192.0.2.0/24".parse().unwrap()];
        let take = |address: &str| {
            let mut share = shares.of(at(address), &proxies);
            share.take(1).then_some(share)
        };
        let held: Vec<_> = (0..3).map(|n| take(&format!("2001:db8::{n}"))).collect();
        assert_eq!(held.iter().flatten().count(), 2);
        assert!(take("2001:db8:0:1::1").is_some(), "a neighbour is another source");
        for many in ["127.0.0.1", "::1", "192.0.2.7", "::ffff:192.0.2.7"] {
            let held: Vec<_> = (0..5).map(|_| take(many)).collect();
            assert_eq!(held.iter().flatten().count(), 5, "{many}");
        }
        drop(held);
        assert!(take("2001:db8::9").is_some());
        assert!(shares.held.lock().is_empty(), "who holds nothing takes no room");
    }
}
