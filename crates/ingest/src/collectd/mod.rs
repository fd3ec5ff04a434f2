//! collectd's binary packets, over UDP, straight into the store, under the names and with the numbers that collectd's
//! own write_graphite plugin would send.

pub mod config;
mod rates;

use std::sync::Arc;

use formats::collectd::{PacketError, PacketSink, Value, Values, read_packet};
use vocabulary::ports::Successor;
use vocabulary::time::Clock;
use vocabulary::{PointBatch, Timestamp};

use crate::carbon::Outlet;
use crate::datagrams::{Handler, Packet, Packets};
use crate::listener::Tally;
use crate::stats::BadInput;
use config::Setup;
use rates::{Rate, Rates};

/// One thread reads them all: rates need the packets of a host in their order.
pub struct CollectdPackets {
    outlet: Outlet,
    clock: Arc<dyn Clock>,
    setup: Arc<Setup>,
    rates: Rates,
    batch: PointBatch,
    hint: Successor,
    name: String,
}

impl CollectdPackets {
    pub fn new(outlet: Outlet, clock: Arc<dyn Clock>, setup: Arc<Setup>) -> CollectdPackets {
        CollectdPackets {
            outlet,
            clock,
            setup,
            rates: Rates::default(),
            batch: PointBatch::default(),
            hint: Successor::default(),
            name: String::new(),
        }
    }
}

impl Handler for CollectdPackets {
    fn packets(&mut self, packets: &Packets<'_>) {
        let now = self.clock.now();
        let mut tally = Tally::new(now, packets.len() as u64, 0);
        self.batch.clear();
        for packet in packets.iter() {
            tally.totals.bytes += packet.bytes.len() as u64;
            let mut reading = Reading {
                setup: &self.setup,
                rates: &mut self.rates,
                batch: &mut self.batch,
                name: &mut self.name,
                tally: &mut tally,
                now,
                packet: &packet,
            };
            read_packet(packet.bytes, &self.setup.security, &mut reading);
        }
        self.outlet.hand_over(&self.batch, &mut self.hint, tally, packets.listener);
    }

    fn pausing(&mut self, _idle: bool) {
        self.rates.sweep(self.clock.now());
    }
}

/// One packet, while it is read.
struct Reading<'r> {
    setup: &'r Setup,
    rates: &'r mut Rates,
    batch: &'r mut PointBatch,
    name: &'r mut String,
    tally: &'r mut Tally,
    now: Timestamp,
    packet: &'r Packet<'r>,
}

impl PacketSink for Reading<'_> {
    fn values(&mut self, values: &Values<'_>) {
        let Some(names) = self.setup.types.names(values.kind, values.len()) else {
            let (kind, count) = (values.kind, values.len());
            let why = format!("{count} values of type {kind}, which types_db does not say of it");
            return self.refuse(BadInput::Type, why, kind.as_bytes());
        };
        let time = Timestamp(values.time.rounded_seconds());
        for (index, value) in values.iter().enumerate() {
            self.name.clear();
            self.setup.naming.write(values, names.get(index), self.name);
            match self.number(value, values) {
                Rate::PerSecond(number) => self.batch.push(self.name.as_bytes(), time, number),
                // It is not lost: it is half of what the next one becomes.
                Rate::NotYet => self.not_a_point(),
                Rate::Backwards => self.refuse_name(BadInput::Backwards, "not newer than the value before"),
                Rate::Full => self.refuse_name(BadInput::Counters, "more counters than are remembered"),
            }
        }
    }

    fn notification(&mut self) {
        self.not_a_point();
    }

    fn bad(&mut self, error: PacketError) {
        let what = if error.is_about_security() { BadInput::Security } else { BadInput::Packet };
        let error = if self.packet.cut { PacketError::Length } else { error };
        self.refuse(what, error.to_string(), self.packet.bytes);
    }
}

impl Reading<'_> {
    fn number(&mut self, value: Value, values: &Values<'_>) -> Rate {
        if self.setup.store_rates {
            return self.rates.rate(self.name, value, values.time, values.interval, self.now);
        }
        Rate::PerSecond(match value {
            Value::Gauge(value) => value,
            Value::Counter(raw) | Value::Absolute(raw) => raw as f64,
            Value::Derive(raw) => raw as f64,
        })
    }

    fn not_a_point(&mut self) {
        self.tally.totals.lines += 1;
        self.tally.totals.samples += 1;
    }

    #[cold]
    fn refuse(&mut self, what: BadInput, why: String, sample: &[u8]) {
        self.tally.bad(self.packet.source, what, why, sample);
    }

    #[cold]
    fn refuse_name(&mut self, what: BadInput, why: &str) {
        self.tally.bad(self.packet.source, what, why, self.name.as_bytes());
    }
}
