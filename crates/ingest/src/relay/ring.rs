//! carbon's ring of consistent hashing: where each name belongs, with few of them moving when a destination comes
//! or goes. Positions, collisions and the order of neighbours are carbon 1.1.10's, so that both find the same.

use std::collections::HashSet;

use formats::carbon_rules::Destination;
use formats::python_regex::quoted;
use md5::{Digest, Md5};

use super::config::HashType;

/// Places of each destination on the ring.
const REPLICAS: usize = 100;

#[derive(Debug)]
pub struct Ring {
    hash: HashType,
    nodes: usize,
    /// (position, number of the destination), in order.
    places: Vec<(u32, usize)>,
}

impl Ring {
    pub fn new(destinations: &[Destination], hash: HashType) -> Ring {
        let mut taken = HashSet::new();
        let mut places = Vec::with_capacity(destinations.len() * REPLICAS);
        for (node, destination) in destinations.iter().enumerate() {
            for replica in 0..REPLICAS {
                let mut position = position(hash, &replica_key(hash, destination, replica));
                while !taken.insert(position) {
                    position += 1;
                }
                places.push((position, node));
            }
        }
        places.sort_unstable();
        Ring { hash, nodes: destinations.len(), places }
    }

    /// The destinations of a name, nearest first, each once.
    pub fn nodes(&self, name: &str) -> Vec<usize> {
        let length = self.places.len();
        if self.nodes < 2 {
            return (0..self.nodes).collect();
        }
        let position = position(self.hash, name);
        let first = self.places.partition_point(|(place, _)| *place < position);
        let mut found = Vec::with_capacity(self.nodes);
        // One place short of a whole turn, as carbon goes.
        for index in first..first + length - 1 {
            let (_, node) = self.places[index % length];
            if !found.contains(&node) {
                found.push(node);
                if found.len() == self.nodes {
                    break;
                }
            }
        }
        found
    }
}

/// carbon hashes the text of Python's tuple (host, instance), or with FNV only the instance.
fn replica_key(hash: HashType, destination: &Destination, replica: usize) -> String {
    let Destination { host, instance, .. } = destination;
    match hash {
        HashType::CarbonCh => {
            let instance = instance.as_deref().map_or_else(|| "None".to_owned(), quoted);
            format!("({}, {instance}):{replica}", quoted(host))
        }
        HashType::Fnv1aCh => format!("{replica}-{}", instance.as_deref().unwrap_or("None")),
    }
}

fn position(hash: HashType, key: &str) -> u32 {
    match hash {
        HashType::CarbonCh => {
            let digest = Md5::digest(key.as_bytes());
            u32::from(u16::from_be_bytes([digest[0], digest[1]]))
        }
        HashType::Fnv1aCh => {
            let step = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
            let long = key.bytes().fold(0x811c_9dc5, step);
            (long >> 16) ^ (long & 0xffff)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The figures are carbon.hashing's own; thousands of names are compared in scenarios/ingest/test_relay.py.
    #[test]
    fn positions_are_carbons() {
        assert_eq!(position(HashType::CarbonCh, "hosts.worker1.cpu"), 64833);
        assert_eq!(position(HashType::Fnv1aCh, "hosts.worker1.cpu"), 59573);
        let key = |text: &str, replica| replica_key(HashType::CarbonCh, &text.parse().unwrap(), replica);
        assert_eq!(key("127.0.0.1:2004:a", 7), "('127.0.0.1', 'a'):7");
        assert_eq!(key("[::1]:2004", 0), "('::1', None):0");
        assert_eq!(replica_key(HashType::Fnv1aCh, &"h:1:b".parse().unwrap(), 3), "3-b");
    }

    #[test]
    fn every_destination_is_found_once() {
        for count in 0..5 {
            let destinations: Vec<Destination> =
                (0..count).map(|n| format!("host{n}:2004").parse().unwrap()).collect();
            for hash in [HashType::CarbonCh, HashType::Fnv1aCh] {
                let mut nodes = Ring::new(&destinations, hash).nodes("a.b.c");
                nodes.sort_unstable();
                assert_eq!(nodes, (0..count).collect::<Vec<_>>(), "{hash:?}");
            }
        }
    }
}
