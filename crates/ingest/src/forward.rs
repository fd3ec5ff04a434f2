//! Sends points on to other Carbons, as lines or pickles.

use std::io::{self, Write};
use std::sync::Arc;

use arc_swap::ArcSwap;
use formats::pickle;
use vocabulary::PointBatch;

use crate::config::{ForwardConfig, ForwardProtocol};
use crate::limits;
use crate::outgoing::{Broken, Outgoing, OutgoingStats};

/// All targets. Cloned freely; a reload changes it for everybody.
#[derive(Clone, Default)]
pub struct Forwards(Arc<ArcSwap<Vec<Arc<Target>>>>);

struct Target {
    config: ForwardConfig,
    outgoing: Outgoing,
}

impl Forwards {
    /// Targets that stay keep their queue and connection.
    pub fn set(&self, configs: &[ForwardConfig]) -> io::Result<()> {
        let now = self.0.load();
        let open = |config: &ForwardConfig| match now.iter().find(|target| target.config == *config) {
            Some(target) => Ok(Arc::clone(target)),
            None => Target::open(config).map(Arc::new),
        };
        let next = configs.iter().map(open).collect::<io::Result<_>>()?;
        self.0.store(Arc::new(next));
        Ok(())
    }

    /// Never waits.
    pub fn offer(&self, batch: &PointBatch) {
        let targets = self.0.load();
        for protocol in [ForwardProtocol::Line, ForwardProtocol::Pickle] {
            let mut speaking = targets.iter().filter(|target| target.config.protocol == protocol).peekable();
            if speaking.peek().is_none() {
                continue;
            }
            let pieces = encode(batch, protocol);
            for target in speaking {
                pieces.iter().for_each(|(bytes, points)| target.outgoing.offer(bytes, *points));
            }
        }
    }

    /// Sends what is queued if that is quick.
    pub fn finish(&self) {
        self.0.load().iter().for_each(|target| target.outgoing.finish());
    }

    pub fn stats(&self) -> Vec<OutgoingStats> {
        self.0.load().iter().map(|target| target.outgoing.stats()).collect()
    }
}

impl Target {
    fn open(config: &ForwardConfig) -> io::Result<Target> {
        let outgoing = Outgoing::start(&config.address, config.queue, Broken::Repeat)?;
        Ok(Target { config: config.clone(), outgoing })
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
