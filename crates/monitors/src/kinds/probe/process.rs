//! `type = "process"`: what must run runs, so often, and is not started again and again. Watches what is supervised by
//! Monit, God, runit, supervisord, or by nobody.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use regex::Regex;

use super::limits::{CRASH_LOOP_WINDOW, HISTORIES_MAX};
use super::seen::Seen;
use super::{Asked, Probe, Trouble, keys, text};
use crate::config::{CheckConfig, CheckType, ThresholdConfig};

pub const PROBE: Probe = Probe {
    kind: CheckType::Process,
    name: "process",
    keys: &["process", "pattern", "pidfile", "user"],
    required: &[],
    main: "processes",
    problems,
    look: |asked| Box::pin(look(asked)),
};

/// Restarts within an hour. One is a deploy, two perhaps; at every look it is a crash loop.
const RESTARTS_WARNING: &str = "2";
const RESTARTS_CRITICAL: &str = "5";

async fn look(asked: &Asked<'_>) -> Result<Seen, Trouble> {
    let check = asked.check.clone();
    let found = tokio::task::spawn_blocking(move || matching(&check)).await;
    let found = found.map_err(|error| Trouble::unknown(error.to_string()))??;
    let name = described(asked.check);
    let mut seen = Seen::new(format!("{} of {name}", plural(found.len())));
    let count = seen.value("processes", found.len() as f64, "");
    count.min = Some(0.0);
    count.default = ThresholdConfig { warning: None, critical: Some("1:".into()) };
    let eldest = found.iter().min_by_key(|process| process.started);
    if let Some(eldest) = eldest {
        let uptime = asked.now.0 as f64 - eldest.started_at;
        seen.value("uptime", uptime.max(0.0), "s");
        seen.value("memory", found.iter().map(|process| process.memory as f64).sum(), "B");
        seen.value("threads", found.iter().map(|process| process.threads as f64).sum(), "");
        seen.summary = format!("{}, the first since {}", seen.summary, text::duration(uptime));
    } else if asked.check.critical.is_none() && !asked.check.thresholds.contains_key("processes") {
        seen.summary = format!("no process of {name} runs");
    }
    let identity = eldest.map(|eldest| (eldest.pid, eldest.started));
    restarts(&asked.check.name, identity, asked.now.0, &mut seen);
    Ok(seen)
}

/// What earlier looks saw, by the name of the check. What begins and ends between two looks is not seen, except as a
/// short `uptime`.
static SEEN_BEFORE: Mutex<Option<HashMap<String, History>>> = Mutex::new(None);

#[derive(Default)]
struct History {
    identity: Option<(u32, u64)>,
    restarts: VecDeque<i64>,
}

impl History {
    /// How many there were within the window.
    fn note(&mut self, identity: Option<(u32, u64)>, now: i64) -> usize {
        if let Some(new) = identity
            && let Some(old) = self.identity.replace(new)
            && old != new
        {
            self.restarts.push_back(now);
        }
        while self.restarts.front().is_some_and(|at| now - at > CRASH_LOOP_WINDOW.as_secs() as i64) {
            self.restarts.pop_front();
        }
        self.restarts.len()
    }
}

fn restarts(check: &str, identity: Option<(u32, u64)>, now: i64, seen: &mut Seen) {
    let mut before = SEEN_BEFORE.lock().unwrap_or_else(PoisonError::into_inner);
    let before = before.get_or_insert_default();
    if before.len() >= HISTORIES_MAX && !before.contains_key(check) {
        seen.details
            .push(format!("restarts are not counted: {HISTORIES_MAX} checks have them counted already"));
        return;
    }
    let count = before.entry(check.to_owned()).or_default().note(identity, now);
    tell_restarts(count as f64, seen);
}

/// The value, and what it means.
pub fn tell_restarts(count: f64, seen: &mut Seen) {
    let value = seen.value("restarts", count, "");
    value.min = Some(0.0);
    value.default =
        ThresholdConfig { warning: Some(RESTARTS_WARNING.into()), critical: Some(RESTARTS_CRITICAL.into()) };
    if count > 2.0 {
        seen.summary = format!("a crash loop: started again {count} times within an hour; {}", seen.summary);
    }
}

fn plural(count: usize) -> String {
    if count == 1 { "1 process".into() } else { format!("{count} processes") }
}

fn described(check: &CheckConfig) -> String {
    let parts = [
        check.process.clone(),
        check.pattern.as_ref().map(|pattern| format!("/{pattern}/")),
        check.pidfile.as_ref().map(|path| path.display().to_string()),
        check.user.as_ref().map(|user| format!("user {user}")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

struct Process {
    pid: u32,
    /// Clock ticks after the boot.
    started: u64,
    /// Seconds since the epoch.
    started_at: f64,
    memory: u64,
    threads: u64,
}

fn matching(check: &CheckConfig) -> Result<Vec<Process>, Trouble> {
    let pattern = check.pattern.as_deref().map(keys::regex).transpose().map_err(Trouble::unknown)?;
    let user = check.user.as_deref().map(user_id).transpose()?;
    let wanted = Wanted { name: check.process.as_deref(), pattern, user };
    let pids = match &check.pidfile {
        Some(path) => pid_of(path)?.into_iter().collect(),
        None => all_pids()?,
    };
    let boot = boot_time()?;
    Ok(pids.into_iter().filter_map(|pid| process(pid, &wanted, boot)).collect())
}

struct Wanted<'w> {
    name: Option<&'w str>,
    pattern: Option<Regex>,
    user: Option<u32>,
}

fn all_pids() -> Result<Vec<u32>, Trouble> {
    let entries =
        std::fs::read_dir("/proc").map_err(|error| Trouble::unknown(format!("read /proc: {error}")))?;
    let own = std::process::id();
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    Ok(pids.filter(|pid| *pid != own).collect())
}

/// None: there is no such file, so nothing runs.
fn pid_of(path: &std::path::Path) -> Result<Option<u32>, Trouble> {
    let wrong = |why: String| Trouble::unknown(format!("{}: {why}", path.display()));
    match std::fs::File::open(path) {
        Ok(file) => {
            let text = read(file).map_err(|error| wrong(error.to_string()))?;
            let first = text.split_whitespace().next().unwrap_or_default();
            first.parse().map(Some).map_err(|_| wrong("holds no number of a process".into()))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(wrong(error.to_string())),
    }
}

/// Files of /proc, and others that should be as short.
fn read(file: std::fs::File) -> std::io::Result<String> {
    use std::io::Read;
    const ENOUGH: u64 = 1 << 20;
    let mut bytes = Vec::new();
    file.take(ENOUGH).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// None: it does not match, or it has ended meanwhile.
fn process(pid: u32, wanted: &Wanted<'_>, boot: f64) -> Option<Process> {
    let of = |name: &str| read(std::fs::File::open(format!("/proc/{pid}/{name}")).ok()?).ok();
    if let Some(user) = wanted.user {
        use std::os::unix::fs::MetadataExt;
        if std::fs::metadata(format!("/proc/{pid}")).ok()?.uid() != user {
            return None;
        }
    }
    let stat = of("stat")?;
    let command_line = of("cmdline")?.replace('\0', " ");
    // The name stands in brackets and may hold brackets and spaces itself.
    let (name, rest) = (stat.get(stat.find('(')? + 1..stat.rfind(')')?)?, stat.get(stat.rfind(')')? + 2..)?);
    let fields: Vec<&str> = rest.split(' ').collect();
    // What has ended and waits for its parent to notice does not run.
    if matches!(fields.first(), Some(&"Z" | &"X")) || !is_wanted(wanted, name, &command_line) {
        return None;
    }
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    let started = number(19)?;
    Some(Process {
        pid,
        started,
        started_at: boot + started as f64 / ticks_a_second(),
        memory: number(21)? * rustix::param::page_size() as u64,
        threads: number(17)?,
    })
}

/// The kernel's name has fifteen letters at most, so the program's own is looked at too.
fn is_wanted(wanted: &Wanted<'_>, name: &str, command_line: &str) -> bool {
    let program = command_line.split(' ').next().unwrap_or_default();
    let program = program.rsplit('/').next().unwrap_or_default();
    wanted.name.is_none_or(|wanted| wanted == name || wanted == program)
        && wanted.pattern.as_ref().is_none_or(|pattern| pattern.is_match(command_line.trim_end()))
}

fn ticks_a_second() -> f64 {
    rustix::param::clock_ticks_per_second() as f64
}

fn boot_time() -> Result<f64, Trouble> {
    let cannot = || Trouble::unknown("/proc/stat does not say when the machine was started");
    let stat = std::fs::File::open("/proc/stat").and_then(read).map_err(|_| cannot())?;
    let line = stat.lines().find_map(|line| line.strip_prefix("btime ")).ok_or_else(cannot)?;
    line.trim().parse().map_err(|_| cannot())
}

/// A number, or a name of /etc/passwd.
fn user_id(user: &str) -> Result<u32, Trouble> {
    if let Ok(id) = user.parse() {
        return Ok(id);
    }
    let users = std::fs::File::open("/etc/passwd").and_then(read).unwrap_or_default();
    let line = users.lines().find_map(|line| line.strip_prefix(user)?.strip_prefix(':'));
    let id = line.and_then(|rest| rest.split(':').nth(1)?.parse().ok());
    id.ok_or_else(|| Trouble::unknown(format!("this machine has no user `{user}`")))
}

fn problems(check: &CheckConfig) -> Vec<(&'static str, String)> {
    let mut problems = Vec::new();
    if check.process.is_none() && check.pattern.is_none() && check.pidfile.is_none() {
        problems.push(("name", "a check of type \"process\" needs process, pattern or pidfile".into()));
    }
    problems
        .extend(check.pattern.as_deref().and_then(|pattern| Some(("pattern", keys::regex(pattern).err()?))));
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restarts_are_counted_and_forgotten() {
        let mut history = History::default();
        assert_eq!(history.note(Some((1, 10)), 0), 0);
        assert_eq!(history.note(Some((1, 10)), 60), 0);
        assert_eq!(history.note(None, 120), 0);
        assert_eq!(history.note(Some((2, 20)), 180), 1, "it was away, and is another one");
        assert_eq!(history.note(Some((2, 30)), 240), 2, "the same number, used again");
        assert_eq!(history.note(Some((2, 30)), 3_800), 1);
        assert_eq!(history.note(Some((2, 30)), 10_000), 0);
    }

    #[test]
    fn names_and_command_lines() {
        let check = |name: Option<&str>, pattern: Option<&str>, matches: bool| {
            let pattern = pattern.map(|pattern| keys::regex(pattern).unwrap());
            let wanted = Wanted { name, pattern, user: None };
            assert_eq!(
                is_wanted(&wanted, "a-name-of-fifte", "/usr/bin/a-name-of-fifteen-and-more --port 1 "),
                matches
            );
        };
        check(Some("a-name-of-fifteen-and-more"), None, true);
        check(Some("a-name-of-fifte"), None, true);
        check(Some("a-name"), None, false);
        check(None, Some("--port 1$"), true);
        check(Some("a-name-of-fifte"), Some("--port 2"), false);
    }
}
