//! What is sent when, and what an answer means. Without threads and sockets: the binary calls [`Forwarder::exchange`]
//! when it is time, and provides the [`Uplink`].

use std::sync::Arc;
use std::time::{Duration, Instant};

use formats::agent_batch::Greeting;

use super::limits;
use super::outbox::Outbox;
use super::spool::Load;

/// The way to the server. Whatever happens, it answers within some seconds.
pub trait Uplink {
    fn send(&mut self, body: Vec<u8>) -> Reply;
}

#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// Everything in the request is safe there, or was refused for good.
    Taken(Receipt),
    /// The server answered, and took nothing or not all.
    Refused { status: u16, why: String, retry_after: Option<Duration> },
    /// No answer.
    Away(String),
}

/// What became of the rows of a request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Receipt {
    pub stored: u64,
    pub too_old: u64,
    pub in_future: u64,
    pub refused_name: u64,
    pub refused_limit: u64,
    /// Names that the token may not write.
    pub outside: u64,
    /// Batches that the server had already.
    pub repeated: u64,
    /// One of the refused, in words.
    pub example: Option<String>,
    /// Something that a person should know.
    pub warning: Option<String>,
    /// What the server's clock said.
    pub server_clock: f64,
}

impl Receipt {
    /// Rows that were refused for good.
    pub fn refused(&self) -> u64 {
        self.too_old + self.in_future + self.refused_name + self.refused_limit + self.outside
    }

    fn add(&mut self, other: Receipt) {
        self.stored += other.stored;
        self.too_old += other.too_old;
        self.in_future += other.in_future;
        self.refused_name += other.refused_name;
        self.refused_limit += other.refused_limit;
        self.outside += other.outside;
        self.repeated += other.repeated;
        self.example = other.example.or(self.example.take());
        (self.warning, self.server_clock) = (other.warning, other.server_clock);
    }
}

/// Who sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub name: String,
    pub instance: u64,
    pub interval: Duration,
}

/// What is worth a line in the log.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Reached, for the first time or again.
    Connected {
        waiting: u64,
        after: Option<Duration>,
    },
    /// No longer reached, or not for another reason than before.
    Lost(String),
    /// Rows that the server refuses now.
    Refused {
        rows: u64,
        example: Option<String>,
    },
    /// A batch that it cannot read: given up.
    GivenUp {
        sequence: u64,
        why: String,
    },
    Warning(String),
}

/// What became of everything since the start.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ForwarderStats {
    pub sent: Receipt,
    /// Batches that no server can read.
    pub given_up: u64,
    pub given_up_points: u64,
    pub requests: u64,
    pub failures: u64,
    /// Why nothing is taken at the moment.
    pub failure: Option<String>,
}

pub struct Forwarder {
    outbox: Arc<Outbox>,
    identity: Identity,
    pub stats: ForwarderStats,
    /// Not before this moment.
    retry_at: Option<Instant>,
    pause: Duration,
    bytes_max: usize,
    /// The last request held a batch that cannot be read: find it.
    one_by_one: bool,
    is_connected: bool,
    lost_since: Option<Instant>,
    warned: Option<String>,
    refused_told: Option<Instant>,
    random: u64,
}

/// What the server goes on refusing is told again after this.
const TELL_AGAIN: Duration = Duration::from_secs(300);

impl Forwarder {
    pub fn new(outbox: Arc<Outbox>, identity: Identity) -> Forwarder {
        Forwarder {
            outbox,
            random: identity.instance | 1,
            identity,
            stats: ForwarderStats::default(),
            retry_at: None,
            pause: limits::FIRST_PAUSE,
            bytes_max: limits::REQUEST_BYTES,
            one_by_one: false,
            is_connected: false,
            lost_since: None,
            warned: None,
            refused_told: None,
        }
    }

    /// How long to wait before the next attempt; zero while all is well.
    pub fn pause(&self, now: Instant) -> Duration {
        self.retry_at.map_or(Duration::ZERO, |at| at.saturating_duration_since(now))
    }

    /// Sends one request of what waits, or a mere greeting.
    pub fn exchange(&mut self, now: Instant, now_ms: u64, uplink: &mut dyn Uplink) -> Vec<Change> {
        let (bytes_max, batches_max) = match (self.one_by_one, self.is_connected) {
            (true, _) => (0, 1),
            (false, true) => (self.bytes_max, limits::BATCHES_PER_REQUEST),
            // Most of these attempts fail.
            (false, false) => (self.bytes_max, limits::BATCHES_PER_ATTEMPT),
        };
        let load = self.outbox.load(bytes_max, batches_max);
        let mut body = Vec::with_capacity(load.bytes.len() + 256);
        self.greeting(now_ms).write(&mut body);
        body.extend_from_slice(&load.bytes);
        self.stats.requests += 1;
        match uplink.send(body) {
            Reply::Taken(receipt) => self.taken(&load, receipt, now),
            Reply::Refused { status: 422, why, .. } if !load.sent.is_empty() => self.unreadable(&load, why),
            Reply::Refused { status, why, retry_after } => self.refused(now, status, &why, retry_after),
            Reply::Away(why) => self.failed(now, why, None),
        }
    }

    fn greeting(&self, now_ms: u64) -> Greeting {
        let stats = self.outbox.stats().spool;
        let Identity { name, instance, interval } = self.identity.clone();
        let dropped = stats.dropped_full.points + stats.dropped_memory.points + stats.damaged.points;
        Greeting {
            name,
            instance,
            settled: self.outbox.settled(),
            now_ms,
            interval_ms: interval.as_millis() as u64,
            waiting_batches: stats.waiting.batches,
            waiting_points: stats.waiting.points,
            waiting_bytes: stats.waiting.bytes,
            dropped_points: dropped + self.stats.given_up_points,
        }
    }

    fn taken(&mut self, load: &Load, receipt: Receipt, now: Instant) -> Vec<Change> {
        let mut changes = Vec::new();
        self.outbox.settle(load);
        if !self.is_connected {
            let after = self.lost_since.take().map(|since| now.saturating_duration_since(since));
            changes.push(Change::Connected { waiting: self.outbox.waiting().batches, after });
        }
        self.is_connected = true;
        self.stats.failure = None;
        self.retry_at = None;
        self.pause = limits::FIRST_PAUSE;
        self.one_by_one = false;
        let is_news = self.refused_told.is_none_or(|told| now.saturating_duration_since(told) > TELL_AGAIN);
        if receipt.refused() > 0 && is_news {
            self.refused_told = Some(now);
            changes.push(Change::Refused { rows: receipt.refused(), example: receipt.example.clone() });
        }
        if receipt.warning != self.warned {
            self.warned.clone_from(&receipt.warning);
            changes.extend(receipt.warning.clone().map(Change::Warning));
        }
        self.stats.sent.add(receipt);
        changes
    }

    /// One of the batches cannot be read: they are sent one by one, and that one is given up.
    fn unreadable(&mut self, load: &Load, why: String) -> Vec<Change> {
        let [only] = load.sent.as_slice() else {
            self.one_by_one = true;
            self.outbox.give_back();
            return Vec::new();
        };
        self.outbox.give_up(only, &load.bytes);
        self.stats.given_up += 1;
        self.stats.given_up_points += only.amount.points;
        vec![Change::GivenUp { sequence: only.sequence, why }]
    }

    fn refused(
        &mut self,
        now: Instant,
        status: u16,
        why: &str,
        retry_after: Option<Duration>,
    ) -> Vec<Change> {
        let (pause, told) = match status {
            401 => {
                let hint = "make one there with `bellwether token create NAME --role editor`";
                let told = format!("the server does not know the token (401): {why}; {hint}");
                (Some(limits::REFUSED_PAUSE), told)
            }
            403 => (Some(limits::REFUSED_PAUSE), format!("the token may not send (403): {why}")),
            404 | 405 => {
                let hint = "is agent.server a Bellwether that is as new as this agent?";
                (
                    Some(limits::REFUSED_PAUSE),
                    format!("nothing takes batches there ({status}): {why}; {hint}"),
                )
            }
            413 => {
                self.bytes_max = (self.bytes_max / 2).max(limits::REQUEST_BYTES_MIN);
                let hint = "raise http.max_body_bytes there, or what a proxy before it takes";
                (None, format!("the request was too long for the server (413): {why}; {hint}"))
            }
            429 | 503 => {
                let wished = retry_after.map(|pause| pause.min(limits::RETRY_AFTER_MAX));
                (wished, format!("the server asks to wait ({status}): {why}"))
            }
            _ => (None, format!("the server answered {status}: {why}")),
        };
        self.failed(now, told, pause)
    }

    fn failed(&mut self, now: Instant, why: String, pause: Option<Duration>) -> Vec<Change> {
        self.outbox.give_back();
        self.stats.failures += 1;
        let pause = pause.unwrap_or(self.pause);
        self.pause = (self.pause * 2).min(limits::LONGEST_PAUSE);
        self.retry_at = Some(now + self.spread(pause));
        self.lost_since.get_or_insert(now);
        let is_news = self.stats.failure.as_ref() != Some(&why);
        self.is_connected = false;
        self.stats.failure = Some(why.clone());
        if is_news { vec![Change::Lost(why)] } else { Vec::new() }
    }

    /// Between half and the whole of it, so that agents that lost a server together do not return as one.
    fn spread(&mut self, pause: Duration) -> Duration {
        self.random =
            self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let share = (self.random >> 33) as f64 / f64::from(1u32 << 31);
        pause.mul_f64(0.5 + share / 2.0)
    }
}
