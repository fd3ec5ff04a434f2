//! Results and commands that other programs send without waiting for an answer: NSCA, and Nagios's command pipe.
//!
//! | thread | does | falls behind |
//! |---|---|---|
//! | `sent` | hands on what came, and waits until it is on the disk | the queue fills: results of NSCA are dropped, counted; the pipe's writers wait |
//! | `command-pipe` | reads lines | its writers wait |

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use formats::nagios::command::{self, CommandError, External, LINE_BYTES_MAX, Line, Target};
use formats::nagios::plugin_output::Text;
use ingest::{SentResult, Taken};
use monitors::machine::{Command, NewDowntime, ObjectId, ObjectName, Switch};
use monitors::{Monitors, Outcome, Refused, Ticket};
use rustix::event::{PollFd, PollFlags};
use vocabulary::Timestamp;

use crate::failure::Failure;
use crate::house::House;

/// Some 40 MB of longest results; at a thousand a second, ten seconds of a disk that does not write.
const QUEUE: usize = 10_000;
/// Taken together before the disk is waited for.
const AT_ONCE: usize = 1_000;
const LONGEST_SLEEP: Duration = Duration::from_millis(200);
const LONGEST_WRITE: Duration = Duration::from_secs(5);

/// What was sent and what became of it.
#[derive(Debug, Default)]
pub struct SentStats {
    pub results: AtomicU64,
    pub commands: AtomicU64,
    /// Of a check or host that is not there, or not taken for another reason; the log says which.
    pub refused: AtomicU64,
    /// Lines of the pipe that are no command.
    pub bad_lines: AtomicU64,
}

/// What stands in the queue.
pub enum Sent {
    Line(Line),
    /// Nothing comes after it.
    End,
}

/// Where it is put; never waits.
#[derive(Clone)]
pub struct Inbox {
    queue: SyncSender<Sent>,
    monitors: Arc<Monitors>,
    pub stats: Arc<SentStats>,
}

impl Inbox {
    pub fn open(monitors: Arc<Monitors>) -> (Inbox, Receiver<Sent>) {
        let (queue, receiver) = sync_channel(QUEUE);
        (Inbox { queue, monitors, stats: Arc::default() }, receiver)
    }

    /// Of NSCA.
    pub fn result(&self, sent: SentResult) -> Taken {
        let SentResult { host, service, status, output, at } = sent;
        let is_known = match service.is_empty() {
            true => self.monitors.definitions().hosts.iter().any(|known| known.name == host),
            false => self.monitors.check_of(&host, &service).is_some(),
        };
        if !is_known {
            return Taken::Unknown;
        }
        let target = match service.is_empty() {
            true => Target::Host(host),
            false => Target::Service { host, service },
        };
        let command = External::Result { target, status: i32::from(status), output: escaped(&output) };
        match self.queue.try_send(Sent::Line(Line { at: at.0, command })) {
            Ok(()) => Taken::Yes,
            Err(_) => Taken::Full,
        }
    }
}

/// The threads; they end when [`stop`](Self::stop) is called.
pub struct Running {
    inbox: Inbox,
    stop: Arc<AtomicBool>,
    reader: Option<JoinHandle<()>>,
    taker: JoinHandle<()>,
}

impl Running {
    pub fn start(
        house: &Arc<House>,
        inbox: &Inbox,
        queue: Receiver<Sent>,
        pipe: Option<&Path>,
    ) -> Result<Running, Failure> {
        let stop = Arc::new(AtomicBool::new(false));
        let pipe = pipe.map(|path| Pipe::open(path, inbox.clone(), stop.clone())).transpose()?;
        let (taking, stats) = (house.clone(), inbox.stats.clone());
        let take = move || Taker { house: &taking, stats: &stats }.run(&queue);
        let thread = |name: &str| std::thread::Builder::new().name(name.into());
        let taker = thread("sent").spawn(take).map_err(Failure::doing("start"))?;
        let read = |mut pipe: Pipe| thread("command-pipe").spawn(move || pipe.run());
        let reader = pipe.map(read).transpose().map_err(Failure::doing("start"))?;
        Ok(Running { inbox: inbox.clone(), stop, reader, taker })
    }

    /// What had come is handed on. Whoever else puts something in has ended before.
    pub fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        // Threads that panicked have said so; a queue that nobody reads any more needs no end.
        if let Some(reader) = self.reader {
            let _ = reader.join();
        }
        let _ = self.inbox.queue.send(Sent::End);
        let _ = self.taker.join();
    }
}

/// Hands on what came.
struct Taker<'h> {
    house: &'h Arc<House>,
    stats: &'h SentStats,
}

impl Taker<'_> {
    fn run(&self, queue: &Receiver<Sent>) {
        let mut is_over = false;
        while !is_over && let Ok(Sent::Line(first)) = queue.recv() {
            is_over = self.take(first, queue);
        }
    }

    /// True: the end came.
    fn take(&self, first: Line, queue: &Receiver<Sent>) -> bool {
        let (mut last, mut is_over) = (self.one(first), false);
        for next in queue.try_iter().take(AT_ONCE - 1) {
            match next {
                Sent::Line(next) => last = self.one(next).or(last),
                Sent::End => {
                    is_over = true;
                    break;
                }
            }
        }
        // Nobody has to be told; but who writes faster than the disk has to wait somewhere.
        if let Some(ticket) = last
            && let Err(why) = self.house.monitors.wait(ticket, LONGEST_WRITE)
        {
            tracing::warn!(%why, "what was sent is not on the disk yet");
        }
        is_over
    }

    fn one(&self, line: Line) -> Option<Ticket> {
        let is_result = matches!(line.command, External::Result { .. });
        let counter = if is_result { &self.stats.results } else { &self.stats.commands };
        match self.apply(line) {
            Ok(ticket) => {
                counter.fetch_add(1, Ordering::Relaxed);
                ticket
            }
            Err(why) => {
                self.stats.refused.fetch_add(1, Ordering::Relaxed);
                tracing::info!(%why, "sent, and not taken");
                None
            }
        }
    }

    fn apply(&self, line: Line) -> Result<Option<Ticket>, Refused> {
        let now = self.house.clock.now();
        let monitors = &self.house.monitors;
        let done = |name: &ObjectName, command: &dyn Fn(ObjectId) -> Command| {
            monitors.command(name, command, now).map(|(_, ticket)| Some(ticket))
        };
        match line.command {
            External::Result { target, status, output } => {
                // What it says of its own time counts only if it can be true.
                let at = if line.at > 0 && line.at <= now.0 { Timestamp(line.at) } else { now };
                let name = self.named(target)?;
                monitors.result(&name, &outcome(status, &output, at), now).map(Some)
            }
            External::Acknowledge { target, sticky, notify, persistent, author, comment } => {
                done(&self.named(target)?, &|object| {
                    let (author, comment) = (author.clone(), comment.clone());
                    Command::Acknowledge {
                        object,
                        sticky,
                        notify,
                        persistent,
                        expires: None,
                        author,
                        comment,
                    }
                })
            }
            External::RemoveAcknowledgement { target } => {
                done(&self.named(target)?, &|object| Command::RemoveAcknowledgement { object })
            }
            External::Downtime(downtime) => self.downtime(downtime, now),
            External::DeleteDowntime { id } => monitors.cancel_downtime(id, now).map(Some),
            External::Check { target, at, forced } => {
                self.check(target, Timestamp(at), forced, now).map(|()| None)
            }
            External::Switch { target, what, on } => {
                let what = switch(what);
                done(&self.named(target)?, &|object| Command::Switch { object, what, on })
            }
            External::Notify { target, broadcast, forced, increment, author, comment } => {
                done(&self.named(target)?, &|object| {
                    let (author, comment) = (author.clone(), comment.clone());
                    Command::Notify { object, author, comment, forced, broadcast, increment }
                })
            }
            External::Comment { target, persistent, author, comment } => {
                done(&self.named(target)?, &|object| {
                    let (author, comment) = (author.clone(), comment.clone());
                    Command::Comment { object, author, comment, persistent }
                })
            }
            External::DeleteComment { id } => monitors.remove_comment(id, now).map(Some),
        }
    }

    fn named(&self, target: Target) -> Result<ObjectName, Refused> {
        match target {
            Target::Host(host) => Ok(ObjectName::Host(host)),
            Target::Service { host, service } => {
                let name = self.house.monitors.check_of(&host, &service);
                let why = || {
                    format!(
                        "there is no check with host = \"{host}\" and service = \"{service}\": add one, or correct the sender"
                    )
                };
                name.map(ObjectName::Check).ok_or_else(|| Refused::NotFound(why()))
            }
        }
    }

    fn downtime(&self, of: command::Downtime, now: Timestamp) -> Result<Option<Ticket>, Refused> {
        let monitors = &self.house.monitors;
        let names = match (&of.target, of.of_services) {
            (Target::Host(host), true) => {
                let all = monitors.definitions();
                let on_it = all.checks.iter().filter(|check| check.host == *host);
                on_it.map(|check| ObjectName::Check(check.name.clone())).collect()
            }
            _ => vec![self.named(of.target.clone())?],
        };
        let mut last = None;
        for name in names {
            let new = |object| {
                Command::ScheduleDowntime(NewDowntime {
                    object,
                    start: of.start,
                    end: of.end,
                    fixed: of.fixed,
                    duration: of.duration,
                    triggered_by: (of.trigger != 0).then_some(of.trigger),
                    author: of.author.as_str().into(),
                    comment: of.comment.as_str().into(),
                })
            };
            last = Some(monitors.command(&name, new, now)?.1);
        }
        Ok(last)
    }

    fn check(&self, target: Target, at: Timestamp, forced: bool, now: Timestamp) -> Result<(), Refused> {
        let name = self.named(target)?;
        let watching = self.house.watching.load();
        let Some(watching) = watching.as_ref() else { return Ok(()) };
        if forced && at <= now {
            return watching.run_now(&name).map(drop).map_err(Refused::Conflict);
        }
        let wait = u64::try_from(at.since(now)).unwrap_or(0);
        watching.run_in(&name, Duration::from_secs(wait));
        Ok(())
    }
}

/// As Debian's nsca writes it to the command pipe: what the sender wrote as it is, whatever it looks like.
fn escaped(output: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(output.len());
    for byte in output {
        match byte {
            b'\\' => escaped.extend_from_slice(b"\\\\"),
            b'\n' => escaped.extend_from_slice(b"\\n"),
            other => escaped.push(*other),
        }
    }
    escaped
}

/// What a passive result says; a status that is none is UNKNOWN.
fn outcome(status: i32, output: &[u8], at: Timestamp) -> Outcome {
    let text = Text::of_escaped(output);
    Outcome {
        status: u8::try_from(status).ok().filter(|status| *status <= 3).unwrap_or(3),
        output: text.output,
        long_output: text.long_output,
        perfdata: text.perfdata,
        at,
        ..Outcome::default()
    }
}

fn switch(what: command::Switch) -> Switch {
    match what {
        command::Switch::Checks => Switch::ActiveChecks,
        command::Switch::PassiveResults => Switch::PassiveResults,
        command::Switch::Notifications => Switch::Notifications,
        command::Switch::FlapDetection => Switch::FlapDetection,
        command::Switch::EventHandler => Switch::EventHandler,
    }
}

/// Nagios's command pipe: whoever may write to it may do what its lines say.
struct Pipe {
    file: File,
    path: PathBuf,
    inbox: Inbox,
    stop: Arc<AtomicBool>,
    line: Vec<u8>,
    /// In the middle of a line that is too long, already counted.
    skipping: bool,
}

impl Pipe {
    /// One that is there is taken as it is, with its permissions.
    fn open(path: &Path, inbox: Inbox, stop: Arc<AtomicBool>) -> Result<Pipe, Failure> {
        let doing = format!("checks.command_pipe: open {}", path.display());
        let is_pipe = |path: &Path| std::fs::symlink_metadata(path).map(|it| it.file_type().is_fifo());
        match is_pipe(path) {
            Ok(true) => {}
            Ok(false) => {
                let what = "there is another file at this place: remove it, or name another path";
                return Err(Failure::new(format!("{doing}: {what}")));
            }
            Err(_) => make(path).map_err(Failure::doing(&doing))?,
        }
        // For writing too, so that it does not end when the last writer leaves.
        let open = File::options().read(true).write(true).custom_flags(libc::O_NONBLOCK).open(path);
        let file = open.map_err(Failure::doing(&doing))?;
        Ok(Pipe { file, path: path.to_owned(), inbox, stop, line: Vec::new(), skipping: false })
    }

    fn run(&mut self) {
        let mut buffer = vec![0; 64 * 1024];
        while !self.stop.load(Ordering::Relaxed) {
            match self.file.read(&mut buffer) {
                Ok(length) => self.take(&buffer[..length]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.wait(),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    tracing::error!(%error, path = %self.path.display(), "the command pipe cannot be read");
                    std::thread::sleep(LONGEST_SLEEP);
                }
            }
        }
    }

    fn wait(&self) {
        let timeout = rustix::time::Timespec { tv_sec: 0, tv_nsec: LONGEST_SLEEP.as_nanos() as i64 };
        // Interrupted: it is looked at again.
        let _ = rustix::event::poll(&mut [PollFd::new(&self.file, PollFlags::IN)], Some(&timeout));
    }

    fn take(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let is_whole = piece.ends_with(b"\n");
            if !self.skipping {
                self.line.extend_from_slice(piece);
            }
            if self.line.len() > LINE_BYTES_MAX + 1 {
                self.bad(&CommandError::TooLong);
                self.line.clear();
                self.skipping = true;
            }
            if is_whole {
                if !std::mem::take(&mut self.skipping) {
                    self.ended();
                }
                self.line.clear();
            }
        }
    }

    fn ended(&mut self) {
        let line = self.line.trim_ascii();
        if line.is_empty() {
            return;
        }
        match command::read(line) {
            Ok(line) => self.hand_on(line),
            Err(error) => self.bad(&error),
        }
    }

    fn bad(&self, error: &CommandError) {
        self.inbox.stats.bad_lines.fetch_add(1, Ordering::Relaxed);
        let start: String = String::from_utf8_lossy(&self.line).chars().take(100).collect();
        tracing::info!(%error, line = ?start, "a line of the command pipe is no command");
    }

    /// There is always room in a moment; whoever writes waits as long.
    fn hand_on(&self, line: Line) {
        let mut sent = Sent::Line(line);
        loop {
            match self.inbox.queue.try_send(sent) {
                Err(TrySendError::Full(back)) if !self.stop.load(Ordering::Relaxed) => sent = back,
                _ => return,
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// For its owner and its group, as Nagios has it: the group is whose scripts may write.
fn make(path: &Path) -> std::io::Result<()> {
    use rustix::fs::{FileType, Mode};
    let mode = Mode::from_raw_mode(0o660);
    rustix::fs::mknodat(rustix::fs::CWD, path, FileType::Fifo, mode, 0)?;
    // The mask of the process took the group's away.
    Ok(rustix::fs::chmod(path, mode)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nsca_brings_is_taken_as_it_is() {
        let seen = outcome(0, &escaped(b"a\\n b\nlong"), Timestamp(5));
        assert_eq!((seen.output.as_str(), seen.long_output.as_str()), ("a\\n b", "long"));
    }

    #[test]
    fn results_are_read_as_nagios_reads_them() {
        let seen = outcome(1, b"low|a=1\\nlong", Timestamp(5));
        assert_eq!((seen.status, seen.output.as_str(), seen.long_output.as_str()), (1, "low", "long"));
        assert_eq!((seen.perfdata.as_str(), seen.at.0, seen.active), ("a=1", 5, false));
        assert_eq!(outcome(-1, b"", Timestamp(5)).status, 3);
        assert_eq!(outcome(256, b"", Timestamp(5)).status, 3);
    }
}
