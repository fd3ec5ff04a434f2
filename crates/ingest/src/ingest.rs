//! Opens the listeners that the configuration wants, changes them when it changes, and stops them.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::num::NonZero;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use ipnet::IpNet;
use statsd::Aggregator;
use statsd::config::StatsdConfig;
use vocabulary::ports::{PointSink, Successor};
use vocabulary::settings::Listen;
use vocabulary::time::Clock;
use vocabulary::{PointBatch, Timestamp};

use crate::allow::Allow;
use crate::carbon::{Datagrams, Lines, Outlet, Pickles};
use crate::collectd::CollectdPackets;
use crate::collectd::config::{CollectdConfig, Setup};
use crate::config::{CarbonConfig, RelayConfig};
use crate::datagrams::{self, Handler};
use crate::forward::Forwards;
use crate::intake::{AfterFlush, Intake, Lane, Recovered, Timers};
use crate::journal::JournalStats;
use crate::kernel;
use crate::limits;
use crate::listener::Listener;
use crate::nsca::{Nsca, NscaConfig, NscaSetup, ResultSink};
use crate::outgoing::{OutgoingStats, OwnAddresses};
use crate::relay::{Relay, RelayStats, Telling};
use crate::sockets::{self, BindError};
use crate::stats::ListenerStats;
use crate::statsd::{StatsdAdmin, StatsdDatagrams, StatsdLines};
use crate::stop::Stop;
use crate::streams::{ListenerId, Protocol, StreamLimits, StreamListener, Streams};

/// The sections of the configuration that this room works by.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    pub carbon: CarbonConfig,
    pub relay: RelayConfig,
    pub statsd: StatsdConfig,
    pub collectd: CollectdConfig,
    pub nsca: NscaConfig,
}

/// What this room needs of others.
#[derive(Clone)]
pub struct Ports {
    pub sink: Arc<dyn PointSink>,
    pub clock: Arc<dyn Clock>,
    pub aggregator: Arc<Aggregator>,
    /// Where StatsD's journal is kept, in a folder `statsd`; `None` keeps nothing.
    pub data_dir: Option<PathBuf>,
    /// Called after each flush, when its points are readable; must not take long, nor flush.
    pub after_flush: AfterFlush,
    /// Takes the results of checks that are sent here.
    pub results: ResultSink,
}

/// All open listeners and their threads.
pub struct Ingest {
    settings: Settings,
    clock: Arc<dyn Clock>,
    results: ResultSink,
    outlet: Outlet,
    telling: Telling,
    own: OwnAddresses,
    intake: Arc<Intake>,
    /// One for each stream worker.
    lanes: Arc<[Lane]>,
    timers: Timers,
    streams: Streams,
    open: Vec<Open>,
    recovered: Recovered,
}

/// Why nothing was started or changed.
#[derive(Debug)]
pub enum StartError {
    /// Each listener that could not be bound.
    Bind(Vec<BindError>),
    /// Threads or epoll sets could not be made.
    Resources(io::Error),
    /// A file that `[collectd]` names cannot be used.
    File(String),
    /// The journal cannot be opened.
    Journal(io::Error),
}

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            StartError::Bind(errors) => {
                let errors: Vec<_> = errors.iter().map(BindError::to_string).collect();
                f.write_str(&errors.join("; "))
            }
            StartError::File(problem) => f.write_str(problem),
            StartError::Journal(error) => write!(f, "open the journal of StatsD: {error}"),
            StartError::Resources(error) => write!(f, "start the threads of the listeners: {error}"),
        }
    }
}

impl std::error::Error for StartError {}

impl From<io::Error> for StartError {
    fn from(error: io::Error) -> StartError {
        StartError::Resources(error)
    }
}

/// A listener as the configuration wants it.
#[derive(Clone, Debug, PartialEq)]
struct Wanted {
    name: &'static str,
    allow: Allow,
    work: Work,
}

#[derive(Clone, Debug, PartialEq)]
enum Work {
    Stream { address: SocketAddr, talk: Talk, limits: StreamLimits },
    Packets { place: Place, options: SocketOptions, take: Take },
}

/// What is said on the connections.
#[derive(Clone, Debug, PartialEq)]
enum Talk {
    CarbonLines { line_bytes_max: usize },
    CarbonPickles { frame_bytes_max: usize },
    StatsdLines,
    StatsdAdmin,
    Nsca(Arc<NscaSetup>),
}

#[derive(Clone, Debug, PartialEq)]
enum Place {
    Udp(SocketAddr),
    Unix(PathBuf),
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct SocketOptions {
    receivers: usize,
    receive_buffer: usize,
}

/// What happens to the packets.
#[derive(Clone, Debug, PartialEq)]
enum Take {
    Carbon { line_bytes_max: usize },
    Statsd,
    Collectd(Arc<Setup>),
}

struct Open {
    wanted: Wanted,
    listener: Arc<Listener>,
    sockets: Sockets,
    service: Service,
}

/// Kept beside the threads' own handles: to ask for the kernel's drops, and to go on with other settings without
/// binding anew.
enum Sockets {
    Tcp(TcpListener),
    Datagrams(Vec<Arc<OwnedFd>>),
}

enum Service {
    Streams(ListenerId),
    Receivers(Receivers),
}

/// The threads that read the datagrams of one listener.
struct Receivers {
    stop: Arc<Stop>,
    threads: Vec<JoinHandle<()>>,
}

impl Drop for Receivers {
    /// Reads what has arrived and ends.
    fn drop(&mut self) {
        self.stop.request();
        for thread in self.threads.drain(..) {
            // A receiver that panicked has said so.
            let _ = thread.join();
        }
    }
}

impl Ingest {
    /// Tells again what the last run could not, and opens every listener, or none.
    pub fn start(settings: Settings, ports: Ports) -> Result<Ingest, StartError> {
        let wanted = wanted(&settings)?;
        // First of all, so that a second server on the same addresses does not touch the journal.
        let bound = bind_all(&wanted)?;
        let own = OwnAddresses::default();
        note_own(&own, wanted.iter().zip(&bound));
        let (relay, forwards) = (Relay::new(own.clone()), Forwards::new(own.clone()));
        forwards.set(&settings.carbon.forward)?;
        relay.set(&settings.relay, &settings.carbon, &*ports.sink)?;
        let outlet =
            Outlet { sink: Arc::clone(&ports.sink), relay: relay.clone(), forwards: forwards.clone() };
        let telling = Telling::start(outlet.clone(), Arc::clone(&ports.clock))?;
        let onward = (relay, forwards, own.clone());
        let (intake, recovered) =
            Intake::open(&ports, &settings.statsd, onward).map_err(StartError::Journal)?;
        let workers = stream_workers(&settings.carbon);
        let lanes = (0..workers).map(|_| intake.lane()).collect();
        let timers = Timers::start(&intake)?;
        let streams = Streams::start(workers, &ports.clock)?;
        let (clock, results) = (ports.clock, ports.results);
        let mut ingest = Ingest {
            settings,
            clock,
            results,
            outlet,
            telling,
            own,
            intake,
            lanes,
            timers,
            streams,
            open: Vec::new(),
            recovered,
        };
        for (wanted, sockets) in wanted.into_iter().zip(bound) {
            ingest.serve(wanted, sockets)?;
        }
        ingest.set_flushing();
        Ok(ingest)
    }

    /// Opens, closes and changes what the new settings have different, or nothing if a new address cannot be bound.
    /// Returns the keys that take effect only with a restart.
    pub fn reload(&mut self, settings: Settings) -> Result<Vec<&'static str>, StartError> {
        let wanted = wanted(&settings)?;
        let is_new = |wanted: &&Wanted| !self.open.iter().any(|open| open.wanted.is_at_the_place_of(wanted));
        let fresh: Vec<Wanted> = wanted.iter().filter(is_new).cloned().collect();
        let bound = bind_all(&fresh)?;
        self.intake.reconfigure(&settings.statsd)?;
        self.outlet.forwards.set(&settings.carbon.forward)?;
        self.outlet.relay.set(&settings.relay, &settings.carbon, &*self.outlet.sink)?;
        // From here on the worst is that a listener is missing: the others go on, and the first failure is told.
        let mut done = Ok(());
        for open in std::mem::take(&mut self.open) {
            match wanted.iter().find(|wanted| open.wanted.is_at_the_place_of(wanted)) {
                Some(wanted) if wanted.work == open.wanted.work => {
                    open.listener.allow.store(Arc::new(wanted.allow.clone()));
                    self.open.push(Open { wanted: wanted.clone(), ..open });
                }
                Some(wanted) => done = done.and(self.replace(open, wanted)),
                None => self.shut(open),
            }
        }
        for (wanted, sockets) in fresh.into_iter().zip(bound) {
            done = done.and(self.serve(wanted, sockets));
        }
        done?;
        let restart = if stream_workers(&settings.carbon) == stream_workers(&self.settings.carbon) {
            vec![]
        } else {
            vec!["carbon.workers"]
        };
        self.settings = settings;
        note_own(&self.own, self.open.iter().map(|open| (&open.wanted, &open.sockets)));
        self.set_flushing();
        Ok(restart)
    }

    /// Reads what has arrived on all listeners, closes them, and flushes StatsD a last time.
    pub fn stop(mut self) {
        for open in std::mem::take(&mut self.open) {
            self.shut(open);
        }
        drop(self.streams);
        self.timers.stop();
        drop(self.telling);
        self.outlet.relay.finish(&*self.outlet.sink);
        self.outlet.forwards.finish();
        self.intake.finish_repeating();
    }

    /// With every StatsD listener off nothing is aggregated, and nothing is written about it.
    fn set_flushing(&self) {
        self.timers.set_flushing(self.is_flushing());
    }

    /// Does a StatsD listener stand open, so that intervals end in flushes?
    pub fn is_flushing(&self) -> bool {
        self.open.iter().any(|open| open.wanted.name.starts_with("statsd."))
    }

    /// Ends StatsD's interval now, under the time `due`. For tests; otherwise it happens on time by itself.
    pub fn flush(&self, due: Timestamp) {
        self.intake.flush(due, true);
    }

    /// What the start found of the last run.
    pub fn recovered(&self) -> &Recovered {
        &self.recovered
    }

    pub fn journal_stats(&self) -> JournalStats {
        self.intake.journal_stats()
    }

    /// Of `[[carbon.forward]]`, in the order of the configuration.
    pub fn forward_stats(&self) -> Vec<OutgoingStats> {
        self.outlet.forwards.stats()
    }

    /// Of `[statsd] repeater`.
    pub fn repeater_stats(&self) -> Vec<OutgoingStats> {
        self.intake.repeater_stats()
    }

    /// Of the rules of `[carbon]` and `[relay]`, if there are any.
    pub fn relay_stats(&self) -> Option<RelayStats> {
        self.outlet.relay.stats()
    }

    /// Tells the aggregates that are due at `now`. For tests; otherwise it happens each second by itself.
    pub fn tell_aggregates(&self, now: Timestamp) {
        self.outlet.relay.tick(&*self.outlet.sink, now);
    }

    /// Whether who connects from `local` to `peer` reaches a listener of ours.
    pub fn is_own(&self, peer: SocketAddr, local: IpAddr) -> bool {
        self.own.take_connections(peer, local)
    }

    /// Of each open listener, in the order of their names. Counts begin anew when a reload changes a listener.
    pub fn stats(&self) -> Vec<ListenerStats> {
        let tell = |open: &Open| open.listener.stats(open.sockets.drops(), self.is_served(open));
        let mut stats: Vec<_> = self.open.iter().map(tell).collect();
        stats.sort_by_key(|listener| listener.name);
        stats
    }

    /// False if a thread that serves it has panicked.
    fn is_served(&self, open: &Open) -> bool {
        match &open.service {
            Service::Streams(_) => self.streams.are_running(),
            Service::Receivers(receivers) => receivers.threads.iter().all(|thread| !thread.is_finished()),
        }
    }

    /// The same address with other settings. Its sockets are kept where they fit, so that nothing sent meanwhile is
    /// refused.
    fn replace(&mut self, open: Open, wanted: &Wanted) -> Result<(), StartError> {
        let fits = open.wanted.socket_options() == wanted.socket_options();
        let sockets = self.close(open);
        let sockets = if fits {
            sockets
        } else {
            drop(sockets);
            wanted.bind().map_err(|error| StartError::Bind(vec![error]))?
        };
        self.serve(wanted.clone(), sockets)
    }

    fn serve(&mut self, wanted: Wanted, sockets: Sockets) -> Result<(), StartError> {
        let listener = Listener::new(wanted.name, sockets.address(&wanted)?, wanted.allow.clone());
        let service = match (&sockets, &wanted.work) {
            (Sockets::Tcp(socket), Work::Stream { talk, limits, .. }) => {
                let (socket, protocol) = (socket.try_clone()?, self.protocol(talk));
                let listener = Arc::clone(&listener);
                Service::Streams(self.streams.open(StreamListener {
                    socket,
                    listener,
                    protocol,
                    limits: *limits,
                }))
            }
            (Sockets::Datagrams(sockets), Work::Packets { take, .. }) => {
                self.receive(sockets, take, &listener)?
            }
            (Sockets::Tcp(_), Work::Packets { .. }) | (Sockets::Datagrams(_), Work::Stream { .. }) => {
                let what = "the sockets of one kind of listener were given to another";
                return Err(StartError::Resources(io::Error::other(what)));
            }
        };
        self.open.push(Open { wanted, listener, sockets, service });
        Ok(())
    }

    fn receive(
        &self,
        sockets: &[Arc<OwnedFd>],
        take: &Take,
        listener: &Arc<Listener>,
    ) -> io::Result<Service> {
        let mut receivers = Receivers { stop: Arc::new(Stop::new()?), threads: Vec::new() };
        for (index, socket) in sockets.iter().enumerate() {
            let (socket, listener, stop) =
                (Arc::clone(socket), Arc::clone(listener), Arc::clone(&receivers.stop));
            let mut handler = self.handler(take);
            let name = format!("{}-{index}", listener.name);
            let run = move || datagrams::run(&socket, &listener, &stop, handler.as_mut());
            receivers.threads.push(thread::Builder::new().name(name).spawn(run)?);
        }
        Ok(Service::Receivers(receivers))
    }

    fn protocol(&self, talk: &Talk) -> Arc<dyn Protocol> {
        let outlet = self.outlet.clone();
        match talk {
            Talk::CarbonLines { line_bytes_max } => {
                Arc::new(Lines { outlet, line_bytes_max: *line_bytes_max })
            }
            Talk::CarbonPickles { frame_bytes_max } => {
                Arc::new(Pickles { outlet, frame_bytes_max: *frame_bytes_max })
            }
            Talk::Nsca(setup) => {
                Arc::new(Nsca { setup: Arc::clone(setup), results: Arc::clone(&self.results) })
            }
            Talk::StatsdLines => Arc::new(StatsdLines { lanes: Arc::clone(&self.lanes) }),
            Talk::StatsdAdmin => Arc::new(StatsdAdmin { lanes: Arc::clone(&self.lanes) }),
        }
    }

    fn handler(&self, take: &Take) -> Box<dyn Handler> {
        match take {
            Take::Carbon { line_bytes_max } => Box::new(Datagrams {
                outlet: self.outlet.clone(),
                line_bytes_max: *line_bytes_max,
                clock: Arc::clone(&self.clock),
                batch: PointBatch::default(),
                hint: Successor::default(),
            }),
            Take::Collectd(setup) => Box::new(CollectdPackets::new(
                self.outlet.clone(),
                Arc::clone(&self.clock),
                Arc::clone(setup),
            )),
            Take::Statsd => {
                Box::new(StatsdDatagrams { lane: self.intake.lane(), clock: Arc::clone(&self.clock) })
            }
        }
    }

    /// For good: whoever sends to a Unix socket next finds out at once that nobody listens.
    fn shut(&self, open: Open) {
        if let Work::Packets { place: Place::Unix(path), .. } = &open.wanted.work {
            // Gone already if somebody tidied up.
            let _ = std::fs::remove_file(path);
        }
        self.close(open);
    }

    fn close(&self, open: Open) -> Sockets {
        match open.service {
            Service::Streams(id) => self.streams.close(id),
            Service::Receivers(receivers) => drop(receivers),
        }
        open.sockets
    }
}

impl Wanted {
    /// The same listener on the same address, whatever else is different.
    fn is_at_the_place_of(&self, other: &Wanted) -> bool {
        let same = match (&self.work, &other.work) {
            (Work::Stream { address: a, .. }, Work::Stream { address: b, .. }) => a == b,
            (Work::Packets { place: a, .. }, Work::Packets { place: b, .. }) => a == b,
            _ => false,
        };
        same && self.name == other.name
    }

    fn socket_options(&self) -> Option<SocketOptions> {
        match self.work {
            Work::Stream { .. } => None,
            Work::Packets { options, .. } => Some(options),
        }
    }

    fn bind(&self) -> Result<Sockets, BindError> {
        let (address, bound) = match &self.work {
            Work::Stream { address, .. } => (address.to_string(), sockets::tcp(*address).map(Sockets::Tcp)),
            Work::Packets { place: Place::Udp(address), options, .. } => {
                let group = sockets::udp_group(*address, options.receivers, options.receive_buffer);
                let shared =
                    |group: Vec<UdpSocket>| group.into_iter().map(|socket| Arc::new(socket.into())).collect();
                (address.to_string(), group.map(|group| Sockets::Datagrams(shared(group))))
            }
            Work::Packets { place: Place::Unix(path), options, .. } => {
                let socket = sockets::unix_datagram(path, options.receive_buffer);
                (
                    path.display().to_string(),
                    socket.map(|socket| Sockets::Datagrams(vec![Arc::new(socket.into())])),
                )
            }
        };
        bound.map_err(|error| BindError { listener: self.name, address, error })
    }
}

/// All of them, or the errors of those that could not be bound.
fn bind_all(wanted: &[Wanted]) -> Result<Vec<Sockets>, StartError> {
    let mut bound = Vec::new();
    let mut errors = Vec::new();
    for result in wanted.iter().map(Wanted::bind) {
        match result {
            Ok(sockets) => bound.push(sockets),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(bound) } else { Err(StartError::Bind(errors)) }
}

/// Tells those who send on what would come back to us.
fn note_own<'o>(own: &OwnAddresses, open: impl Iterator<Item = (&'o Wanted, &'o Sockets)> + Clone) {
    let of = |is_tcp: bool| {
        let of_kind = open.clone().filter(move |(_, sockets)| matches!(sockets, Sockets::Tcp(_)) == is_tcp);
        of_kind.filter_map(|(wanted, sockets)| sockets.address(wanted).ok()?.parse().ok()).collect()
    };
    own.set(of(true), of(false));
}

impl Sockets {
    /// Where it really listens: a port asked for as 0 is filled in.
    fn address(&self, wanted: &Wanted) -> io::Result<String> {
        Ok(match (self, &wanted.work) {
            (Sockets::Tcp(socket), _) => socket.local_addr()?.to_string(),
            (_, Work::Packets { place: Place::Unix(path), .. }) => path.display().to_string(),
            (Sockets::Datagrams(sockets), _) => match sockets.first() {
                Some(socket) => UdpSocket::from(socket.try_clone()?).local_addr()?.to_string(),
                None => String::new(),
            },
        })
    }

    fn drops(&self) -> Option<u64> {
        match self {
            Sockets::Tcp(_) => None,
            Sockets::Datagrams(sockets) => sockets.iter().map(kernel::drops).sum(),
        }
    }
}

fn wanted(settings: &Settings) -> Result<Vec<Wanted>, StartError> {
    let mut wanted = Vec::new();
    let carbon = &settings.carbon;
    let mut add = |name, listen: Listen, allow: &[IpNet], work: &dyn Fn(SocketAddr) -> Work| {
        if let Some(address) = listen.address() {
            wanted.push(Wanted { name, allow: Allow::new(allow), work: work(address) });
        }
    };
    let limits = StreamLimits {
        connections_max: carbon.max_connections,
        idle_timeout: Some(carbon.idle_timeout.0).filter(|timeout| !timeout.is_zero()),
    };
    add("carbon.line", carbon.line, &carbon.allow, &|address| {
        let talk = Talk::CarbonLines { line_bytes_max: carbon.max_line_bytes };
        Work::Stream { address, talk, limits }
    });
    add("carbon.pickle", carbon.pickle, &carbon.allow, &|address| {
        let talk = Talk::CarbonPickles { frame_bytes_max: carbon.max_frame_bytes };
        Work::Stream { address, talk, limits }
    });
    add("carbon.udp", carbon.udp, &carbon.allow, &|address| {
        let take = Take::Carbon { line_bytes_max: carbon.max_line_bytes };
        let options = SocketOptions { receivers: 1, receive_buffer: carbon.receive_buffer_bytes };
        Work::Packets { place: Place::Udp(address), options, take }
    });
    let statsd = &settings.statsd;
    let options =
        SocketOptions { receivers: receivers(statsd), receive_buffer: limits::RECEIVE_BUFFER_BYTES };
    let limits = StreamLimits { connections_max: limits::CONNECTIONS_MAX, idle_timeout: None };
    add("statsd.udp", statsd.udp, &statsd.allow, &|address| Work::Packets {
        place: Place::Udp(address),
        options,
        take: Take::Statsd,
    });
    add("statsd.tcp", statsd.tcp, &statsd.allow, &|address| Work::Stream {
        address,
        talk: Talk::StatsdLines,
        limits,
    });
    add("statsd.admin", statsd.admin, &statsd.allow, &|address| Work::Stream {
        address,
        talk: Talk::StatsdAdmin,
        limits,
    });
    if let Some(path) = &statsd.unix.0 {
        let place = Place::Unix(path.clone());
        let options = SocketOptions { receivers: 1, ..options };
        let work = Work::Packets { place, options, take: Take::Statsd };
        wanted.push(Wanted { name: "statsd.unix", allow: Allow::new(&statsd.allow), work });
    }
    wanted.extend(wanted_collectd(&settings.collectd)?);
    wanted.extend(wanted_nsca(&settings.nsca)?);
    Ok(wanted)
}

fn wanted_collectd(collectd: &CollectdConfig) -> Result<Option<Wanted>, StartError> {
    let Some(address) = collectd.listen.address() else { return Ok(None) };
    let setup = collectd.setup().map_err(|(key, why)| StartError::File(format!("collectd.{key}: {why}")))?;
    let options = SocketOptions { receivers: 1, receive_buffer: collectd.receive_buffer_bytes };
    let work = Work::Packets { place: Place::Udp(address), options, take: Take::Collectd(Arc::new(setup)) };
    Ok(Some(Wanted { name: "collectd.udp", allow: Allow::new(&collectd.allow), work }))
}

fn wanted_nsca(nsca: &NscaConfig) -> Result<Option<Wanted>, StartError> {
    let Some(address) = nsca.listen.address() else { return Ok(None) };
    let setup = nsca.setup().map_err(|why| StartError::File(format!("nsca.method: {why}")))?;
    let limits = StreamLimits {
        connections_max: limits::NSCA_CONNECTIONS_MAX,
        idle_timeout: Some(limits::NSCA_IDLE_TIMEOUT),
    };
    let work = Work::Stream { address, talk: Talk::Nsca(Arc::new(setup)), limits };
    Ok(Some(Wanted { name: "nsca", allow: Allow::new(&nsca.allow), work }))
}

fn receivers(statsd: &StatsdConfig) -> usize {
    match statsd.receivers {
        0 => (cores() / 4).clamp(1, 16),
        receivers => receivers,
    }
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// Half of the cores by default: the store's own work and the queries want the others. One takes more lines a second
/// than a 10 Gbit/s link carries.
fn stream_workers(carbon: &CarbonConfig) -> usize {
    match carbon.workers {
        0 => (cores() / 2).clamp(1, 8),
        workers => workers,
    }
}
