//! One process: an argument list without a shell, a small environment, a group of its own that ends with its time.

use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::time::{Instant as Deadline, sleep_until, timeout, timeout_at};

use super::cure::cure;
use super::limits;

/// What to run, with all macros in place.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PluginRun {
    /// The program and its arguments.
    pub command: Vec<String>,
    pub timeout: Duration,
    /// `PATH`, and where a program without a path is looked for.
    pub path: Arc<str>,
    /// `NAGIOS_…` and others.
    pub environment: Vec<(String, String)>,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    Exit(i32),
    Signal(i32),
    TimedOut,
    /// There is no such program.
    NotFound,
    /// It is there, and may not be run.
    NotExecutable,
    /// Our own fault or the machine's: no memory, no more processes.
    NotStarted(String),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    pub ending: Ending,
    pub output: Vec<u8>,
    pub error_output: Vec<u8>,
    /// Bytes of output that were more than is kept.
    pub cut: u64,
    pub took: Duration,
    /// Of what could not be started: what helps.
    pub cure: String,
}

impl Ended {
    /// Of what is no process, and took longer than it may.
    pub fn timed_out(took: Duration) -> Ended {
        Ended {
            ending: Ending::TimedOut,
            output: Vec::new(),
            error_output: Vec::new(),
            cut: 0,
            took,
            cure: String::new(),
        }
    }
}

/// Runs it to its end, or to the end of its time. Takes about that time, whatever the program does.
pub async fn run(run: &PluginRun) -> Ended {
    let began = Instant::now();
    let deadline = Deadline::now() + run.timeout;
    let mut output = Captured::new(limits::OUTPUT_BYTES_MAX);
    let mut errors = Captured::new(limits::ERROR_OUTPUT_BYTES_MAX);
    let ending = match start(run, deadline).await {
        Ok(child) => follow(child, deadline, &mut output, &mut errors).await,
        Err(ending) => ending,
    };
    let took = began.elapsed();
    let cure = cure(&ending, run);
    Ended { ending, output: output.kept, error_output: errors.kept, cut: output.cut, took, cure }
}

/// On a thread for blocking: to start a program is to read it from a disk, which may be a dead NFS server's.
async fn start(run: &PluginRun, deadline: Deadline) -> Result<Group, Ending> {
    let (mut command, mut as_script) = (prepared(&run.command, run)?, script(run)?);
    let given_up = Arc::new(AtomicBool::new(false));
    let seen = given_up.clone();
    let starting = tokio::task::spawn_blocking(move || {
        let started = command.spawn().or_else(|error| match is_no_program(&error) {
            true => as_script.spawn(),
            false => Err(error),
        });
        let started = started.map(Group::of);
        // Dropped here, if nobody waits any more: that ends it.
        (!seen.load(Ordering::Acquire)).then_some(started)
    });
    match timeout_at(deadline, starting).await {
        Ok(Ok(Some(Ok(group)))) => Ok(group),
        Ok(Ok(Some(Err(error)))) => Err(not_started(&error)),
        Ok(Ok(None)) => Err(Ending::TimedOut),
        Ok(Err(error)) => Err(Ending::NotStarted(error.to_string())),
        Err(_) => {
            given_up.store(true, Ordering::Release);
            Err(Ending::TimedOut)
        }
    }
}

/// A script without its first line is the shell's, as `execvp` has it, with which Nagios runs plugins.
fn script(run: &PluginRun) -> Result<Command, Ending> {
    let mut command = run.command.clone();
    if let Some(program) = command.first_mut().and_then(|name| Some((found(name, &run.path)?, name))) {
        *program.1 = program.0.to_string_lossy().into_owned();
    }
    command.insert(0, "/bin/sh".into());
    prepared(&command, run)
}

fn is_no_program(error: &io::Error) -> bool {
    rustix::io::Errno::from_io_error(error) == Some(rustix::io::Errno::NOEXEC)
}

fn prepared(command: &[String], run: &PluginRun) -> Result<Command, Ending> {
    let Some((program, arguments)) = command.split_first() else {
        return Err(Ending::NotStarted("there is no command".into()));
    };
    let program = found(program, &run.path).ok_or(Ending::NotFound)?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .env("PATH", &*run.path)
        .env("LC_ALL", "C")
        .envs(run.environment.iter().map(|(name, value)| (name, value)))
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    Ok(command)
}

/// A name without a slash is looked for as a shell would.
pub fn found(program: &str, path: &str) -> Option<std::path::PathBuf> {
    if program.contains('/') {
        return Some(program.into());
    }
    if program.is_empty() {
        return None;
    }
    path.split(':').map(|folder| Path::new(folder).join(program)).find(|file| file.is_file())
}

fn not_started(error: &io::Error) -> Ending {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Ending::NotFound,
        io::ErrorKind::PermissionDenied | io::ErrorKind::IsADirectory => Ending::NotExecutable,
        _ => Ending::NotStarted(error.to_string()),
    }
}

/// A child with all that it starts. Dropping it kills them, unless it has ended by itself.
struct Group {
    child: Child,
    leader: Option<Pid>,
}

impl Group {
    fn of(child: Child) -> Group {
        let leader = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        Group { child, leader }
    }

    async fn ended(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait().await;
        // Its number may be another's from now on.
        self.leader = None;
        status
    }

    fn kill(&self) {
        if let Some(leader) = self.leader {
            // Gone already: as well.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

async fn follow(
    mut group: Group,
    deadline: Deadline,
    output: &mut Captured,
    errors: &mut Captured,
) -> Ending {
    let (stdout, stderr) = (group.child.stdout.take(), group.child.stderr.take());
    let reading = async { tokio::join!(output.read(stdout), errors.read(stderr)) };
    tokio::pin!(reading);
    let mut all_read = false;
    let status = loop {
        tokio::select! {
            biased;
            _ = &mut reading, if !all_read => all_read = true,
            status = group.ended() => break status,
            () = sleep_until(deadline) => {
                group.kill();
                // One that sleeps in the kernel is reaped when it wakes; nobody waits for it here.
                let _ = timeout(limits::AFTER_KILL, group.ended()).await;
                return Ending::TimedOut;
            }
        }
    };
    if !all_read {
        // What it wrote is in the pipe; something that it left behind may hold the pipe open for ever.
        let _ = timeout(limits::AFTER_END, reading).await;
    }
    match status {
        Ok(status) => ending(status),
        Err(error) => Ending::NotStarted(error.to_string()),
    }
}

fn ending(status: ExitStatus) -> Ending {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => Ending::Exit(code),
        (None, Some(signal)) => Ending::Signal(signal),
        (None, None) => Ending::NotStarted(format!("ended in a way that is not known: {status}")),
    }
}

/// The beginning of what is written; the rest is read and counted.
struct Captured {
    kept: Vec<u8>,
    most: usize,
    cut: u64,
}

impl Captured {
    fn new(most: usize) -> Captured {
        Captured { kept: Vec::new(), most, cut: 0 }
    }

    async fn read(&mut self, from: Option<impl AsyncRead + Unpin>) {
        let Some(mut from) = from else { return };
        let mut buffer = [0; 4096];
        while self.kept.len() < self.most {
            let room = buffer.len().min(self.most - self.kept.len());
            match from.read(&mut buffer[..room]).await {
                Ok(0) | Err(_) => return,
                Ok(length) => self.kept.extend_from_slice(&buffer[..length]),
            }
        }
        self.drain(from).await;
    }

    async fn drain(&mut self, mut from: impl AsyncRead + Unpin) {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match from.read(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(length) => self.cut += length as u64,
            }
            if self.cut >= buffer.len() as u64 {
                tokio::time::sleep(limits::FLOOD_PAUSE).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> PluginRun {
        plain(&["/bin/sh", "-c", script])
    }

    fn plain(command: &[&str]) -> PluginRun {
        PluginRun {
            command: command.iter().map(|&part| part.to_owned()).collect(),
            timeout: Duration::from_secs(20),
            path: "/usr/bin:/bin".into(),
            environment: vec![("NAGIOS_HOSTNAME".into(), "web 1".into())],
        }
    }

    fn ended(plugin: &PluginRun) -> Ended {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { timeout(Duration::from_secs(60), run(plugin)).await.unwrap() })
    }

    fn text(ended: &Ended) -> &str {
        std::str::from_utf8(&ended.output).unwrap()
    }

    #[test]
    fn output_and_status() {
        let seen = ended(&shell("echo 'a | b=1'; echo wrong >&2; exit 2"));
        assert_eq!((text(&seen), &seen.ending), ("a | b=1\n", &Ending::Exit(2)));
        assert_eq!(seen.error_output, b"wrong\n");
        assert_eq!(ended(&shell("kill -9 $$")).ending, Ending::Signal(9));
        assert_eq!(ended(&plain(&["true"])).ending, Ending::Exit(0));
    }

    #[test]
    fn its_surroundings_are_small_and_always_the_same() {
        let seen = ended(&shell("env | grep -v '^_=\\|^PWD=\\|^SHLVL=\\|^OLDPWD=' | sort; pwd; cat"));
        let lines: Vec<&str> = text(&seen).lines().collect();
        assert_eq!(lines, ["LC_ALL=C", "NAGIOS_HOSTNAME=web 1", "PATH=/usr/bin:/bin", "/"]);
    }

    #[test]
    fn what_cannot_be_run() {
        let folder = tempfile::tempdir().unwrap();
        // Written by another process: a test beside this one that starts a program takes our open files along, and
        // what is open for writing cannot be run.
        let file = |name: &str, text: &str, mode: &str| {
            let path = folder.path().join(name).to_str().unwrap().to_owned();
            let write = "printf %s \"$1\" > \"$2\" && chmod \"$3\" \"$2\"";
            let written =
                std::process::Command::new("/bin/sh").args(["-c", write, "sh", text, &path, mode]).status();
            assert!(written.unwrap().success());
            path
        };
        let check = |program: &str, expected: Ending| {
            assert_eq!(ended(&plain(&[program])).ending, expected, "{program}")
        };
        check("", Ending::NotFound);
        check("no-such-program", Ending::NotFound);
        check("/no/such/program", Ending::NotFound);
        check(&file("readable", "#!/bin/sh\n", "600"), Ending::NotExecutable);
        check(folder.path().to_str().unwrap(), Ending::NotExecutable);
        check(&file("interpreter", "#!/no/such/shell\n", "700"), Ending::NotFound);
        check(&file("script", "exit 3", "700"), Ending::Exit(3));
        assert_eq!(
            ended(&PluginRun { command: vec![], ..shell("") }).ending,
            Ending::NotStarted("there is no command".into())
        );
        let too_long = ended(&plain(&["true", &"x".repeat(3 << 20)]));
        assert!(
            matches!(&too_long.ending, Ending::NotStarted(why) if why.contains("too long")),
            "{too_long:?}"
        );
    }

    #[test]
    fn time_is_up_for_the_whole_group() {
        // Neither minds being asked to end, and the second would go on for long.
        let script = "trap '' TERM; sleep 600 & echo $!; wait";
        let seen = ended(&PluginRun { timeout: Duration::from_secs(3), ..shell(script) });
        assert_eq!(seen.ending, Ending::TimedOut);
        wait_until_gone(text(&seen).trim());
    }

    /// Killed, that is: an orphan that nobody has reaped yet is gone too.
    fn wait_until_gone(pid: &str) {
        assert!(pid.parse::<u32>().is_ok(), "no process began: {pid:?}");
        let runs = || {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
        };
        let end = Instant::now() + Duration::from_secs(60);
        while runs() {
            assert!(Instant::now() < end, "what it had started went on");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn a_pipe_that_stays_open_holds_nobody() {
        let began = Instant::now();
        let seen = ended(&shell("sleep 30 & echo done; exit 1"));
        assert_eq!((text(&seen), &seen.ending), ("done\n", &Ending::Exit(1)));
        assert!(began.elapsed() < Duration::from_secs(10));
        // Closed early, and still running: the status is waited for.
        let seen = ended(&shell("echo early; exec >&- 2>&-; sleep 0.3; exit 2"));
        assert_eq!((text(&seen), &seen.ending), ("early\n", &Ending::Exit(2)));
    }

    #[test]
    fn floods() {
        let seen =
            ended(&shell("head -c 1000000 /dev/zero | tr '\\0' x; head -c 100000 /dev/zero >&2; exit 1"));
        assert_eq!((seen.output.len(), seen.error_output.len()), (65_536, 4_096));
        assert_eq!((seen.cut, seen.ending), (1_000_000 - 65_536, Ending::Exit(1)));
        let seen = ended(&PluginRun { timeout: Duration::from_secs(2), ..plain(&["yes"]) });
        assert_eq!((seen.output.len(), seen.ending), (65_536, Ending::TimedOut));
        assert!(seen.cut < 200_000_000, "read at its own speed: {}", seen.cut);
    }

    #[test]
    fn none_are_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pid");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            // Given up in the middle, as at a stop.
            let plugin = shell(&format!("echo $$ > {}; sleep 60", file.display()));
            let begun = async {
                while !std::fs::read_to_string(&file).is_ok_and(|pid| pid.ends_with('\n')) {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            };
            tokio::select! {
                ended = run(&plugin) => panic!("it was to go on: {ended:?}"),
                () = begun => {}
            }
            // Whoever was given up is reaped when another one ends.
            run(&plain(&["true"])).await;
        });
        let pid = std::fs::read_to_string(&file).unwrap();
        let process = format!("/proc/{}", pid.trim());
        let end = Instant::now() + Duration::from_secs(60);
        while Path::new(&process).exists() && Instant::now() < end {
            runtime.block_on(run(&plain(&["true"])));
        }
        assert!(!Path::new(&process).exists(), "{process} is still there");
    }
}
