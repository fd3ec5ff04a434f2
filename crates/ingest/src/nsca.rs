//! NSCA: results of checks that `send_nsca` sends, handed on to whoever watches.
//!
//! As the original daemon: a greeting first, then packets until the sender goes; no answer; the connection ends with the
//! first packet that cannot be read. Unlike it, packets of both lengths are taken on one port.

use std::net::SocketAddr;
use std::sync::Arc;

use formats::nsca::crypt::{Decryptor, Method};
use formats::nsca::{self, IV_BYTES, OLD_PACKET_BYTES, PACKET_BYTES, Packet};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use vocabulary::Timestamp;
use vocabulary::settings::{Listen, Secret};
use vocabulary::time::HumanDuration;

use crate::listener::{Listener, Tally};
use crate::stats::BadInput;
use crate::streams::{Conversation, Desk, Progress, Protocol};

/// `[nsca]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NscaConfig {
    pub listen: Listen,
    /// `encryption_method` of send_nsca.cfg.
    pub method: u8,
    pub password: Secret,
    /// How long after the greeting a packet may come; "0s": at any time.
    pub max_packet_age: HumanDuration,
    /// Networks that may send. Others are refused and counted.
    pub allow: Vec<IpNet>,
    /// Methods 0 and 1 from other machines too.
    pub allow_open_methods: bool,
}

impl Default for NscaConfig {
    fn default() -> Self {
        NscaConfig {
            listen: Listen::Off,
            // send_nsca's own.
            method: 1,
            password: Secret::default(),
            max_packet_age: HumanDuration::from_secs(30),
            allow: vec![IpNet::V4("127.0.0.0/8".parse().expect("a network"))],
            allow_open_methods: false,
        }
    }
}

impl NscaConfig {
    /// What is wrong although each value by itself can be read.
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        if self.listen == Listen::Off {
            return Vec::new();
        }
        let method = match Method::try_from(self.method) {
            Ok(method) => method,
            Err(why) => return vec![("method", why)],
        };
        let mut problems = Vec::new();
        let from_here = self.allow.iter().all(|net| net.addr().is_loopback() && net.prefix_len() >= 8);
        if method.is_open() && !from_here && !self.allow_open_methods {
            let why = format!(
                "anybody on the way can read and write results with method {}: take another, such as 14 (in send_nsca.cfg too), or write allow_open_methods = true",
                self.method
            );
            problems.push(("method", why));
        }
        if !method.is_open() && self.password.is_empty() {
            let why = format!("method {} needs a password, the same as in send_nsca.cfg", self.method);
            problems.push(("password", why));
        }
        problems
    }

    pub(crate) fn setup(&self) -> Result<NscaSetup, String> {
        let seconds = i64::try_from(self.max_packet_age.0.as_secs()).unwrap_or(i64::MAX);
        Ok(NscaSetup {
            method: Method::try_from(self.method)?,
            password: self.password.clone(),
            max_age: (seconds > 0).then_some(seconds),
        })
    }
}

/// How connections are talked on.
#[derive(Debug, PartialEq)]
pub struct NscaSetup {
    method: Method,
    password: Secret,
    /// Seconds.
    max_age: Option<i64>,
}

/// What became of a result that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    Yes,
    /// Nothing is known of its host and service.
    Unknown,
    /// There is no room for it.
    Full,
}

/// Called for each result; must not wait.
pub type ResultSink = Arc<dyn Fn(SentResult) -> Taken + Send + Sync>;

/// A result as it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentResult {
    pub host: String,
    /// Empty: the result is the host's own.
    pub service: String,
    pub status: i16,
    /// As the sender wrote it.
    pub output: Vec<u8>,
    pub at: Timestamp,
}

pub struct Nsca {
    pub setup: Arc<NscaSetup>,
    pub results: ResultSink,
}

impl Protocol for Nsca {
    fn converse(&self, listener: &Arc<Listener>, peer: SocketAddr) -> Box<dyn Conversation> {
        let mut iv = [0; IV_BYTES];
        // Without randomness the greeting is the same each time: weaker, and no worse than what it protects.
        let _ = getrandom::fill(&mut iv);
        Box::new(Sender {
            setup: Arc::clone(&self.setup),
            results: Arc::clone(&self.results),
            listener: Arc::clone(listener),
            peer,
            decryptor: Decryptor::new(self.setup.method, self.setup.password.reveal(), &iv),
            iv,
            greeted: Timestamp(0),
            packet: Vec::new(),
            length: None,
        })
    }
}

struct Sender {
    setup: Arc<NscaSetup>,
    results: ResultSink,
    listener: Arc<Listener>,
    peer: SocketAddr,
    iv: [u8; IV_BYTES],
    decryptor: Decryptor,
    greeted: Timestamp,
    /// What has come of the next one, decrypted.
    packet: Vec<u8>,
    /// Of this sender's packets; not known before the first.
    length: Option<usize>,
}

impl Conversation for Sender {
    fn begun(&mut self, desk: &mut Desk) {
        self.greeted = desk.now;
        // Seconds in 32 bits, as the sender sends them back.
        desk.answer.extend_from_slice(&nsca::greeting(&self.iv, desk.now.0 as u32));
    }

    fn received(&mut self, input: &[u8], desk: &mut Desk) -> Progress {
        let mut tally = Tally::new(desk.now, 0, input.len() as u64);
        let goes_on = self.take(input, desk.now, &mut tally);
        tally.settle(&self.listener);
        Progress { goes_on, ..Progress::used(input.len()) }
    }

    fn ended(&mut self, _: &[u8], desk: &mut Desk) {
        if !self.packet.is_empty() {
            let mut tally = Tally::new(desk.now, 0, 0);
            let reason = format!("the connection ended within a packet, after {} bytes", self.packet.len());
            tally.bad(Some(self.peer.ip()), BadInput::Unterminated, reason, &[]);
            tally.settle(&self.listener);
        }
    }
}

impl Sender {
    /// False: this sender is not listened to any longer.
    fn take(&mut self, mut input: &[u8], now: Timestamp, tally: &mut Tally) -> bool {
        while !input.is_empty() {
            // Up to where something is known: the length of an old packet, or of one.
            let wanted = match self.length {
                Some(length) => length,
                None if self.packet.len() < OLD_PACKET_BYTES => OLD_PACKET_BYTES,
                None => PACKET_BYTES,
            };
            let (piece, rest) = input.split_at(input.len().min(wanted - self.packet.len()));
            input = rest;
            let from = self.packet.len();
            self.packet.extend_from_slice(piece);
            self.decryptor.decrypt(&mut self.packet[from..]);
            if self.packet.len() < wanted || !self.is_complete() {
                continue;
            }
            let goes_on = self.packet_ended(now, tally);
            self.length = Some(self.packet.len());
            self.packet.clear();
            self.decryptor.packet_ended();
            if !goes_on {
                return false;
            }
        }
        // One that takes for ever keeps no place.
        let is_late = self.setup.max_age.is_some_and(|most| now.since(self.greeted) > most);
        if is_late && !self.packet.is_empty() {
            let sent = format!("a packet is not complete {} s after the greeting", now.since(self.greeted));
            tally.bad(Some(self.peer.ip()), BadInput::Age, sent, &[]);
            self.packet.clear();
        }
        !is_late
    }

    /// A sender of old packets is known by the first one's checksum.
    fn is_complete(&self) -> bool {
        self.packet.len() == PACKET_BYTES || self.length.is_some() || nsca::is_whole(&self.packet)
    }

    fn packet_ended(&self, now: Timestamp, tally: &mut Tally) -> bool {
        tally.totals.packets += 1;
        let source = Some(self.peer.ip());
        let packet = match nsca::read(&self.packet) {
            Ok(packet) => packet,
            Err(error) => {
                tally.bad(source, BadInput::Security, error, &[]);
                return false;
            }
        };
        let sample = |packet: &Packet<'_>| [packet.host, b" ", packet.service].concat();
        let age = now.since(Timestamp(i64::from(packet.time)));
        if age < 0 || self.setup.max_age.is_some_and(|most| age > most) {
            let reason = format!(
                "the packet's time is {age} s old; [nsca] max_packet_age allows {}",
                self.setup.max_age.unwrap_or_default()
            );
            tally.bad(source, BadInput::Age, reason, &sample(&packet));
            return true;
        }
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let result = SentResult {
            host: text(packet.host),
            service: text(packet.service),
            status: packet.status,
            output: packet.output.to_vec(),
            at: now,
        };
        match (self.results)(result) {
            Taken::Yes => {
                tally.totals.lines += 1;
                tally.totals.samples += 1;
            }
            Taken::Unknown => {
                let reason = "there is no [[check]] with this host and service, or no [[host]]: add it, or correct the sender";
                tally.bad(source, BadInput::NoSuchCheck, reason, &sample(&packet));
            }
            Taken::Full => {
                let reason = "results come faster than they can be taken; this one was dropped";
                tally.bad(source, BadInput::QueueFull, reason, &sample(&packet));
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_open_stays_here_unless_it_is_said() {
        let check = |text: &str, expected: &[&str]| {
            let config: NscaConfig = toml::from_str(text).unwrap();
            let keys: Vec<_> = config.problems().into_iter().map(|(key, _)| key).collect();
            assert_eq!(keys, expected, "{text}");
        };
        check("", &[]);
        check("listen = \"127.0.0.1:5667\"", &[]);
        check("listen = \"0.0.0.0:5667\"\nmethod = 1\nallow = [\"10.0.0.0/8\"]", &["method"]);
        check(
            "listen = \"0.0.0.0:5667\"\nmethod = 1\nallow = [\"10.0.0.0/8\"]\nallow_open_methods = true",
            &[],
        );
        check("listen = \"127.0.0.1:5667\"\nmethod = 16", &["password"]);
        check("listen = \"127.0.0.1:5667\"\nmethod = 16\npassword = \"x\"\nallow = [\"::/0\"]", &[]);
        check("listen = \"127.0.0.1:5667\"\nmethod = 7", &["method"]);
    }
}
