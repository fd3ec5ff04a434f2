//! External commands: a line of Nagios's command pipe, `[epoch] NAME;argument;argument`.
//!
//! The last argument is the rest of the line, so a comment and an output may have semicolons in them. Commands that
//! Nagios knows and we do not take are told apart from garbage.

use std::fmt;

/// Nagios reads no longer line.
pub const LINE_BYTES_MAX: usize = 8 * 1024;

/// Whom a command is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Host(String),
    Service { host: String, service: String },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    Checks,
    PassiveResults,
    Notifications,
    FlapDetection,
    EventHandler,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum External {
    /// `output` has `\n` for the end of a line.
    Result {
        target: Target,
        status: i32,
        output: Vec<u8>,
    },
    Acknowledge {
        target: Target,
        sticky: bool,
        notify: bool,
        persistent: bool,
        author: String,
        comment: String,
    },
    RemoveAcknowledgement {
        target: Target,
    },
    Downtime(Downtime),
    DeleteDowntime {
        id: u64,
    },
    /// `at` may have passed.
    Check {
        target: Target,
        at: i64,
        forced: bool,
    },
    Switch {
        target: Target,
        what: Switch,
        on: bool,
    },
    Notify {
        target: Target,
        broadcast: bool,
        forced: bool,
        increment: bool,
        author: String,
        comment: String,
    },
    Comment {
        target: Target,
        persistent: bool,
        author: String,
        comment: String,
    },
    DeleteComment {
        id: u64,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Downtime {
    pub target: Target,
    /// Of all services of the host, in the place of the host itself.
    pub of_services: bool,
    pub start: i64,
    pub end: i64,
    pub fixed: bool,
    /// Begins when that one does; 0: by itself.
    pub trigger: u64,
    pub duration: i64,
    pub author: String,
    pub comment: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When it was written, as it says.
    pub at: i64,
    pub command: External,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandError {
    /// Not `[epoch] NAME`.
    Form,
    TooLong,
    /// No command that is taken here.
    Unknown(String),
    /// There have to be more arguments.
    Missing(&'static str),
    Number(&'static str, String),
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CommandError::Form => f.write_str("a line is `[SECONDS SINCE 1970] NAME;ARGUMENT;ARGUMENT`"),
            CommandError::TooLong => write!(f, "the line is longer than {LINE_BYTES_MAX} bytes"),
            CommandError::Unknown(name) => write!(f, "{name} is no external command that is taken here"),
            CommandError::Missing(what) => write!(f, "the argument {what} is missing"),
            CommandError::Number(what, text) => write!(f, "{what}: `{text}` is no number that it may be"),
        }
    }
}

impl std::error::Error for CommandError {}

type Read = fn(&mut Arguments<'_>) -> Result<External, CommandError>;

/// Every command that is taken.
const COMMANDS: &[(&str, Read)] = &[
    ("PROCESS_SERVICE_CHECK_RESULT", |all| all.result(Kind::Service)),
    ("PROCESS_HOST_CHECK_RESULT", |all| all.result(Kind::Host)),
    ("ACKNOWLEDGE_SVC_PROBLEM", |all| all.acknowledge(Kind::Service)),
    ("ACKNOWLEDGE_HOST_PROBLEM", |all| all.acknowledge(Kind::Host)),
    ("REMOVE_SVC_ACKNOWLEDGEMENT", |all| {
        Ok(External::RemoveAcknowledgement { target: all.target(Kind::Service)? })
    }),
    ("REMOVE_HOST_ACKNOWLEDGEMENT", |all| {
        Ok(External::RemoveAcknowledgement { target: all.target(Kind::Host)? })
    }),
    ("SCHEDULE_SVC_DOWNTIME", |all| all.downtime(Kind::Service, false)),
    ("SCHEDULE_HOST_DOWNTIME", |all| all.downtime(Kind::Host, false)),
    ("SCHEDULE_HOST_SVC_DOWNTIME", |all| all.downtime(Kind::Host, true)),
    ("DEL_SVC_DOWNTIME", |all| Ok(External::DeleteDowntime { id: all.id()? })),
    ("DEL_HOST_DOWNTIME", |all| Ok(External::DeleteDowntime { id: all.id()? })),
    ("SCHEDULE_SVC_CHECK", |all| all.check(Kind::Service, false)),
    ("SCHEDULE_HOST_CHECK", |all| all.check(Kind::Host, false)),
    ("SCHEDULE_FORCED_SVC_CHECK", |all| all.check(Kind::Service, true)),
    ("SCHEDULE_FORCED_HOST_CHECK", |all| all.check(Kind::Host, true)),
    ("ENABLE_SVC_CHECK", |all| all.switch(Kind::Service, Switch::Checks, true)),
    ("DISABLE_SVC_CHECK", |all| all.switch(Kind::Service, Switch::Checks, false)),
    ("ENABLE_HOST_CHECK", |all| all.switch(Kind::Host, Switch::Checks, true)),
    ("DISABLE_HOST_CHECK", |all| all.switch(Kind::Host, Switch::Checks, false)),
    ("ENABLE_PASSIVE_SVC_CHECKS", |all| all.switch(Kind::Service, Switch::PassiveResults, true)),
    ("DISABLE_PASSIVE_SVC_CHECKS", |all| all.switch(Kind::Service, Switch::PassiveResults, false)),
    ("ENABLE_PASSIVE_HOST_CHECKS", |all| all.switch(Kind::Host, Switch::PassiveResults, true)),
    ("DISABLE_PASSIVE_HOST_CHECKS", |all| all.switch(Kind::Host, Switch::PassiveResults, false)),
    ("ENABLE_SVC_NOTIFICATIONS", |all| all.switch(Kind::Service, Switch::Notifications, true)),
    ("DISABLE_SVC_NOTIFICATIONS", |all| all.switch(Kind::Service, Switch::Notifications, false)),
    ("ENABLE_HOST_NOTIFICATIONS", |all| all.switch(Kind::Host, Switch::Notifications, true)),
    ("DISABLE_HOST_NOTIFICATIONS", |all| all.switch(Kind::Host, Switch::Notifications, false)),
    ("ENABLE_SVC_FLAP_DETECTION", |all| all.switch(Kind::Service, Switch::FlapDetection, true)),
    ("DISABLE_SVC_FLAP_DETECTION", |all| all.switch(Kind::Service, Switch::FlapDetection, false)),
    ("ENABLE_HOST_FLAP_DETECTION", |all| all.switch(Kind::Host, Switch::FlapDetection, true)),
    ("DISABLE_HOST_FLAP_DETECTION", |all| all.switch(Kind::Host, Switch::FlapDetection, false)),
    ("ENABLE_SVC_EVENT_HANDLER", |all| all.switch(Kind::Service, Switch::EventHandler, true)),
    ("DISABLE_SVC_EVENT_HANDLER", |all| all.switch(Kind::Service, Switch::EventHandler, false)),
    ("ENABLE_HOST_EVENT_HANDLER", |all| all.switch(Kind::Host, Switch::EventHandler, true)),
    ("DISABLE_HOST_EVENT_HANDLER", |all| all.switch(Kind::Host, Switch::EventHandler, false)),
    ("SEND_CUSTOM_SVC_NOTIFICATION", |all| all.notify(Kind::Service)),
    ("SEND_CUSTOM_HOST_NOTIFICATION", |all| all.notify(Kind::Host)),
    ("ADD_SVC_COMMENT", |all| all.comment(Kind::Service)),
    ("ADD_HOST_COMMENT", |all| all.comment(Kind::Host)),
    ("DEL_SVC_COMMENT", |all| Ok(External::DeleteComment { id: all.id()? })),
    ("DEL_HOST_COMMENT", |all| Ok(External::DeleteComment { id: all.id()? })),
];

/// A line without its end.
pub fn read(line: &[u8]) -> Result<Line, CommandError> {
    if line.len() > LINE_BYTES_MAX {
        return Err(CommandError::TooLong);
    }
    let (at, rest) = stamp(line).ok_or(CommandError::Form)?;
    let (name, rest) = match memchr::memchr(b';', rest) {
        Some(end) => (&rest[..end], Some(&rest[end + 1..])),
        None => (rest, None),
    };
    let name = std::str::from_utf8(name).map_err(|_| CommandError::Form)?.trim();
    if name.is_empty() {
        return Err(CommandError::Form);
    }
    let read = COMMANDS.iter().find(|(own, _)| *own == name).map(|(_, read)| *read);
    let read = read.ok_or_else(|| CommandError::Unknown(name.chars().take(64).collect()))?;
    Ok(Line { at, command: read(&mut Arguments { rest })? })
}

/// `[epoch]`, and what comes after it.
fn stamp(line: &[u8]) -> Option<(i64, &[u8])> {
    let line = line.trim_ascii_start().strip_prefix(b"[")?;
    let end = memchr::memchr(b']', line)?;
    let at = std::str::from_utf8(&line[..end]).ok()?.trim().parse().ok()?;
    Some((at, line[end + 1..].trim_ascii_start()))
}

#[derive(Clone, Copy)]
enum Kind {
    Host,
    Service,
}

/// What of a line is not read yet.
struct Arguments<'l> {
    rest: Option<&'l [u8]>,
}

impl<'l> Arguments<'l> {
    fn bytes(&mut self, what: &'static str) -> Result<&'l [u8], CommandError> {
        let rest = self.rest.take().ok_or(CommandError::Missing(what))?;
        let Some(end) = memchr::memchr(b';', rest) else { return Ok(rest) };
        self.rest = Some(&rest[end + 1..]);
        Ok(&rest[..end])
    }

    fn text(&mut self, what: &'static str) -> Result<String, CommandError> {
        Ok(String::from_utf8_lossy(self.bytes(what)?).trim().to_owned())
    }

    fn name(&mut self, what: &'static str) -> Result<String, CommandError> {
        let name = self.text(what)?;
        if name.is_empty() { Err(CommandError::Missing(what)) } else { Ok(name) }
    }

    /// With all semicolons that are left.
    fn last(&mut self, what: &'static str) -> Result<&'l [u8], CommandError> {
        self.rest.take().ok_or(CommandError::Missing(what))
    }

    fn number<T: std::str::FromStr>(&mut self, what: &'static str) -> Result<T, CommandError> {
        let text = self.text(what)?;
        text.parse().map_err(|_| CommandError::Number(what, text.chars().take(64).collect()))
    }

    fn flag(&mut self, what: &'static str) -> Result<bool, CommandError> {
        Ok(self.number::<i64>(what)? > 0)
    }

    fn id(&mut self) -> Result<u64, CommandError> {
        self.number("id")
    }

    fn target(&mut self, kind: Kind) -> Result<Target, CommandError> {
        let host = self.name("host")?;
        Ok(match kind {
            Kind::Host => Target::Host(host),
            Kind::Service => Target::Service { host, service: self.name("service")? },
        })
    }

    fn result(&mut self, kind: Kind) -> Result<External, CommandError> {
        let (target, status) = (self.target(kind)?, self.number("return code")?);
        // Nagios takes a result without any output.
        let output = self.rest.take().unwrap_or_default().to_vec();
        Ok(External::Result { target, status, output })
    }

    fn words(&mut self) -> Result<(String, String), CommandError> {
        let author = self.text("author")?;
        Ok((author, String::from_utf8_lossy(self.last("comment")?).trim().to_owned()))
    }

    fn acknowledge(&mut self, kind: Kind) -> Result<External, CommandError> {
        let target = self.target(kind)?;
        // 2 is sticky, 1 is not.
        let sticky = self.number::<i64>("sticky")? == 2;
        let (notify, persistent) = (self.flag("notify")?, self.flag("persistent")?);
        let (author, comment) = self.words()?;
        Ok(External::Acknowledge { target, sticky, notify, persistent, author, comment })
    }

    fn downtime(&mut self, kind: Kind, of_services: bool) -> Result<External, CommandError> {
        let target = self.target(kind)?;
        let (start, end, fixed) = (self.number("start")?, self.number("end")?, self.flag("fixed")?);
        let (trigger, duration) = (self.number("trigger id")?, self.number("duration")?);
        let (author, comment) = self.words()?;
        let of = Downtime { target, of_services, start, end, fixed, trigger, duration, author, comment };
        Ok(External::Downtime(of))
    }

    fn check(&mut self, kind: Kind, forced: bool) -> Result<External, CommandError> {
        Ok(External::Check { target: self.target(kind)?, at: self.number("time")?, forced })
    }

    fn switch(&mut self, kind: Kind, what: Switch, on: bool) -> Result<External, CommandError> {
        Ok(External::Switch { target: self.target(kind)?, what, on })
    }

    fn notify(&mut self, kind: Kind) -> Result<External, CommandError> {
        let target = self.target(kind)?;
        let options: u32 = self.number("options")?;
        let (author, comment) = self.words()?;
        let (broadcast, forced, increment) = (options & 1 != 0, options & 2 != 0, options & 4 != 0);
        Ok(External::Notify { target, broadcast, forced, increment, author, comment })
    }

    fn comment(&mut self, kind: Kind) -> Result<External, CommandError> {
        let (target, persistent) = (self.target(kind)?, self.flag("persistent")?);
        let (author, comment) = self.words()?;
        Ok(External::Comment { target, persistent, author, comment })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(text: &str) -> External {
        read(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}")).command
    }

    fn service() -> Target {
        Target::Service { host: "web1".into(), service: "disk /".into() }
    }

    #[test]
    fn results() {
        let seen = read(b" [1700000000] PROCESS_SERVICE_CHECK_RESULT;web1;disk /;2;full; very|a=1;2\\nlong")
            .unwrap();
        let output = b"full; very|a=1;2\\nlong".to_vec();
        assert_eq!(
            seen,
            Line { at: 1_700_000_000, command: External::Result { target: service(), status: 2, output } }
        );
        let host = Target::Host("web1".into());
        let expected = External::Result { target: host.clone(), status: 1, output: vec![] };
        assert_eq!(command("[0] PROCESS_HOST_CHECK_RESULT;web1;1"), expected);
        assert_eq!(command("[0]PROCESS_HOST_CHECK_RESULT;web1;1;"), expected);
    }

    #[test]
    fn what_people_do() {
        let (author, comment) = ("joe".to_owned(), "seen; it is me".to_owned());
        let words = "joe;seen; it is me";
        let acknowledged = command(&format!("[1] ACKNOWLEDGE_SVC_PROBLEM;web1;disk /;2;1;0;{words}"));
        let (sticky, notify, persistent) = (true, true, false);
        let (a, c) = (author.clone(), comment.clone());
        assert_eq!(
            acknowledged,
            External::Acknowledge { target: service(), sticky, notify, persistent, author: a, comment: c }
        );
        let downtime = command(&format!("[1] SCHEDULE_HOST_SVC_DOWNTIME;web1;10;20;0;7;5;{words}"));
        let target = Target::Host("web1".into());
        let of = Downtime {
            target,
            of_services: true,
            start: 10,
            end: 20,
            fixed: false,
            trigger: 7,
            duration: 5,
            author,
            comment,
        };
        assert_eq!(downtime, External::Downtime(of));
        assert_eq!(command("[1] DEL_SVC_DOWNTIME;12"), External::DeleteDowntime { id: 12 });
        let forced = External::Check { target: service(), at: 55, forced: true };
        assert_eq!(command("[1] SCHEDULE_FORCED_SVC_CHECK;web1;disk /;55"), forced);
        let off = External::Switch { target: service(), what: Switch::Notifications, on: false };
        assert_eq!(command("[1] DISABLE_SVC_NOTIFICATIONS;web1;disk /"), off);
        let custom = command("[1] SEND_CUSTOM_HOST_NOTIFICATION;web1;3;joe;hello");
        assert!(matches!(custom, External::Notify { broadcast: true, forced: true, increment: false, .. }));
    }

    #[test]
    fn garbage() {
        let check =
            |text: &str, expected: CommandError| assert_eq!(read(text.as_bytes()), Err(expected), "{text}");
        for text in ["", "hello", "[x] NAME;a", "[1]", "[1] ", "[1", "1 NAME"] {
            check(text, CommandError::Form);
        }
        check("[1] SHUTDOWN_PROGRAM", CommandError::Unknown("SHUTDOWN_PROGRAM".into()));
        check("[1] PROCESS_SERVICE_CHECK_RESULT", CommandError::Missing("host"));
        check("[1] PROCESS_SERVICE_CHECK_RESULT;web1", CommandError::Missing("service"));
        check("[1] PROCESS_SERVICE_CHECK_RESULT;web1;", CommandError::Missing("service"));
        check(
            "[1] PROCESS_SERVICE_CHECK_RESULT;web1;s;OK;x",
            CommandError::Number("return code", "OK".into()),
        );
        check("[1] ADD_SVC_COMMENT;web1;s;1;joe", CommandError::Missing("comment"));
        check("[1] DEL_SVC_DOWNTIME;-1", CommandError::Number("id", "-1".into()));
        check(&format!("[1] {}", "x".repeat(LINE_BYTES_MAX)), CommandError::TooLong);
    }
}
