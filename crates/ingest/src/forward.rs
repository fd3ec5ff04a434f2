//! Sends points on to other Carbons, as lines or pickles.

use std::io::{self, Write};
use std::sync::Arc;

use arc_swap::ArcSwap;
use formats::pickle;
use vocabulary::PointBatch;

use crate::config::{ForwardConfig, ForwardProtocol};
use crate::limits;
use crate::outgoing::{Broken, Outgoing, OutgoingStats, OwnAddresses, Place};

/// All targets of `[[carbon.forward]]`. Cloned freely; a reload changes it for everybody.
#[derive(Clone)]
pub struct Forwards {
    targets: Arc<ArcSwap<Vec<Arc<Target>>>>,
    own: OwnAddresses,
}

/// What a point that is sent on came by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    Carbon,
    /// A flush of StatsD.
    Flush,
}

impl Forwards {
    pub fn new(own: OwnAddresses) -> Forwards {
        Forwards { targets: Arc::default(), own }
    }

    /// Targets that stay keep their queue and connection.
    pub fn set(&self, configs: &[ForwardConfig]) -> io::Result<()> {
        let now = self.targets.load();
        let open = |config: &ForwardConfig| {
            let ForwardConfig { address, protocol, queue, only_carbon } = config.clone();
            let wanted = Wanted { label: address.clone(), address, protocol, queue, only_carbon };
            Target::keep_or_open(now.iter(), wanted, &self.own)
        };
        let next = configs.iter().map(open).collect::<io::Result<_>>()?;
        self.targets.store(Arc::new(next));
        Ok(())
    }

    /// Never waits.
    pub fn offer(&self, batch: &PointBatch, origin: Origin) {
        let targets = self.targets.load();
        for protocol in [ForwardProtocol::Line, ForwardProtocol::Pickle] {
            let takes = |target: &&Arc<Target>| {
                target.wanted.protocol == protocol && (origin == Origin::Carbon || !target.wanted.only_carbon)
            };
            let mut speaking = targets.iter().filter(takes).peekable();
            if speaking.peek().is_none() {
                continue;
            }
            let pieces = encode(batch, protocol);
            for target in speaking {
                target.offer_pieces(&pieces);
            }
        }
    }

    /// Sends what is queued if that is quick.
    pub fn finish(&self) {
        Target::finish_all(&self.targets.load());
    }

    pub fn stats(&self) -> Vec<OutgoingStats> {
        self.targets.load().iter().map(|target| target.stats()).collect()
    }
}

/// Another Carbon, and what is queued for it.
pub struct Target {
    wanted: Wanted,
    outgoing: Outgoing,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// What people call it.
    pub label: String,
    pub address: String,
    pub protocol: ForwardProtocol,
    pub queue: usize,
    pub only_carbon: bool,
}

impl Target {
    pub fn keep_or_open<'t>(
        mut open: impl Iterator<Item = &'t Arc<Target>>,
        wanted: Wanted,
        own: &OwnAddresses,
    ) -> io::Result<Arc<Target>> {
        if let Some(target) = open.find(|target| target.wanted == wanted) {
            return Ok(Arc::clone(target));
        }
        let place = Place { label: wanted.label.clone(), address: wanted.address.clone(), own: own.clone() };
        let outgoing = Outgoing::start(place, wanted.queue, Broken::Repeat)?;
        Ok(Arc::new(Target { wanted, outgoing }))
    }

    /// Never waits.
    pub fn offer(&self, batch: &PointBatch) {
        self.offer_pieces(&encode(batch, self.wanted.protocol));
    }

    fn offer_pieces(&self, pieces: &[(Arc<[u8]>, usize)]) {
        pieces.iter().for_each(|(bytes, points)| self.outgoing.offer(bytes, *points));
    }

    pub fn stats(&self) -> OutgoingStats {
        self.outgoing.stats()
    }

    pub fn finish_all(targets: &[Arc<Target>]) {
        Outgoing::finish_all(targets.iter().map(|target| &target.outgoing));
    }
}

fn encode(batch: &PointBatch, protocol: ForwardProtocol) -> Vec<(Arc<[u8]>, usize)> {
    let mut pieces = Vec::new();
    let mut rows = batch.iter();
    while rows.len() > 0 {
        let points = rows.len().min(limits::POINTS_PER_PIECE);
        let mut bytes = Vec::with_capacity(points * 64);
        let some = rows.by_ref().take(points);
        match protocol {
            ForwardProtocol::Line => {
                for point in some {
                    bytes.extend_from_slice(point.name);
                    // Writing into a Vec cannot fail. The shortest text that reads back as the same number.
                    let _ = writeln!(bytes, " {} {}", point.value, point.time);
                }
            }
            ForwardProtocol::Pickle => {
                bytes.extend_from_slice(&[0; 4]);
                pickle::write(some, &mut bytes);
                let length = (bytes.len() - 4) as u32;
                bytes[..4].copy_from_slice(&length.to_be_bytes());
            }
        }
        pieces.push((bytes.into(), points));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use formats::carbon_line::StreamLines;
    use vocabulary::Timestamp;

    use super::*;

    #[test]
    fn what_is_sent_reads_back_as_the_same_points() {
        let mut batch = PointBatch::default();
        let values = [0.1, -1.5e300, f64::INFINITY, 5e-324, 3.0, 1e22];
        for n in 0..1_234i64 {
            let value = values[n as usize % values.len()];
            batch.push(format!("name.{n};tag=ü").as_bytes(), Timestamp(n * 3_000_000), value);
        }
        let wanted: Vec<_> =
            batch.iter().map(|point| (point.name.to_vec(), point.time, point.value)).collect();
        let mut lines = Vec::new();
        for (bytes, points) in encode(&batch, ForwardProtocol::Line) {
            let read: Vec<_> =
                StreamLines::new(&bytes, Timestamp(0)).map(|(point, _)| point.unwrap()).collect();
            assert_eq!(read.len(), points);
            lines.extend(read.iter().map(|point| (point.name.to_vec(), point.time, point.value)));
        }
        assert_eq!(lines, wanted);
        let mut pickled = Vec::new();
        let mut unpickler = pickle::Unpickler::default();
        for (bytes, points) in encode(&batch, ForwardProtocol::Pickle) {
            assert_eq!(
                u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize,
                bytes.len() - 4
            );
            let entries = unpickler.read(&bytes[4..]).unwrap();
            let read: Vec<_> = entries.points(Timestamp(0)).map(Result::unwrap).collect();
            assert_eq!(read.len(), points);
            pickled.extend(read.iter().map(|point| (point.name.to_vec(), point.time, point.value)));
        }
        assert_eq!(pickled, wanted);
    }
}
