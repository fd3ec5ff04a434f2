use std::collections::BTreeMap;

use statsd::{Aggregator, Flush, Shard, StatsdConfig};
use vocabulary::Timestamp;

pub const START: Timestamp = Timestamp(1_000_000);

/// An aggregator with one receiver.
pub struct Server {
    pub aggregator: Aggregator,
    pub shard: Shard,
    pub config: StatsdConfig,
    now: Timestamp,
}

impl Server {
    pub fn new(config: &str) -> Server {
        let config: StatsdConfig = toml::from_str(config).expect("the test's configuration reads");
        let aggregator = Aggregator::new(&config, START);
        let shard = aggregator.shard();
        Server { aggregator, shard, config, now: START }
    }

    pub fn send(&self, packet: &str) {
        self.send_bytes(packet.as_bytes());
    }

    pub fn send_bytes(&self, packet: &[u8]) {
        let mut receiving = self.shard.receive(self.now);
        formats::statsd::read_packet(packet, self.config.dialect, &mut receiving);
    }

    pub fn flush(&mut self) -> Flush {
        self.now = self.now.plus(self.config.flush_interval.duration().as_secs() as i64);
        self.aggregator.flush(self.now)
    }

    /// The points of a flush but for the aggregation's own.
    pub fn points(&mut self) -> BTreeMap<String, f64> {
        let mut points = all_points(&self.flush());
        points.retain(|name, _| !name.contains("statsd."));
        points
    }

    pub fn admin(&self, command: &str) -> String {
        self.aggregator.admin(command.as_bytes(), self.now).text
    }
}

pub fn all_points(flush: &Flush) -> BTreeMap<String, f64> {
    flush.points.iter().map(|point| (String::from_utf8_lossy(point.name).into_owned(), point.value)).collect()
}

/// `name=value` words, in order of the names.
pub fn words(points: &BTreeMap<String, f64>) -> String {
    points.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}
