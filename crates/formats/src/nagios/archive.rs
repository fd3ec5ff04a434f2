//! Nagios's log and its archives (`nagios-11-21-2026-00.log`): `[1795270679] SERVICE ALERT: host;service;CRITICAL;HARD;3;text`.
//!
//! Only changes are written there: of results that say the same again nothing is told, but for their notices.

use vocabulary::state::{NoticeKind, State, StateType};

/// Longer lines are cut by nobody, but nothing that is read needs more.
pub const MAX_LINE_BYTES: usize = 64 * 1024;

/// What a line is about; without a service the host itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subject<'a> {
    pub host: &'a str,
    pub service: Option<&'a str>,
}

/// Why a state was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// It changed, or its type or attempt did.
    Changed,
    /// At the beginning of an archive.
    Current,
    /// When Nagios started.
    Initial,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Started,
    Stopped,
    Cancelled,
}

/// One line. Seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ArchivedEvent<'a> {
    pub at: i64,
    pub what: What<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum What<'a> {
    State {
        subject: Subject<'a>,
        said: Said,
        state: State,
        state_type: StateType,
        attempt: u32,
        text: &'a str,
    },
    Notice {
        subject: Subject<'a>,
        contact: &'a str,
        kind: NoticeKind,
        state: State,
        text: &'a str,
        author: &'a str,
        comment: &'a str,
    },
    Downtime {
        subject: Subject<'a>,
        phase: Phase,
    },
    Flapping {
        subject: Subject<'a>,
        phase: Phase,
    },
    /// A result that was sent in, changed or not; only with `log_passive_checks`.
    Passive {
        subject: Subject<'a>,
        status: u8,
        text: &'a str,
    },
    Command {
        name: &'a str,
        arguments: &'a str,
    },
    /// Nagios began or ended.
    Process(Phase),
}

/// Why a line gives no event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoEvent {
    /// It tells of something else, as many do.
    OfNoInterest,
    /// It has the form of none of Nagios's lines.
    Unreadable,
}

pub fn read_line(line: &str) -> Result<ArchivedEvent<'_>, NoEvent> {
    let line = line.trim_end_matches(['\r', '\n']);
    let (at, rest) =
        line.strip_prefix('[').and_then(|rest| rest.split_once("] ")).ok_or(NoEvent::Unreadable)?;
    let at = at.parse().ok().filter(|at| *at >= 0).ok_or(NoEvent::Unreadable)?;
    let event = |what| ArchivedEvent { at, what };
    if rest.starts_with("Nagios ") && rest.contains(" starting...") {
        return Ok(event(What::Process(Phase::Started)));
    }
    if rest.starts_with("Successfully shutdown") || rest.starts_with("Caught SIG") {
        return Ok(event(What::Process(Phase::Stopped)));
    }
    let (kind, rest) = rest.split_once(": ").ok_or(NoEvent::OfNoInterest)?;
    if kind == "EXTERNAL COMMAND" {
        let (name, arguments) = rest.split_once(';').unwrap_or((rest, ""));
        return Ok(event(What::Command { name, arguments }));
    }
    let (of_service, kind) = match kind {
        "PASSIVE SERVICE CHECK" => (true, "PASSIVE"),
        "PASSIVE HOST CHECK" => (false, "PASSIVE"),
        "CURRENT SERVICE STATE" => (true, "CURRENT"),
        "CURRENT HOST STATE" => (false, "CURRENT"),
        "INITIAL SERVICE STATE" => (true, "INITIAL"),
        "INITIAL HOST STATE" => (false, "INITIAL"),
        _ => match (kind.strip_prefix("SERVICE "), kind.strip_prefix("HOST ")) {
            (Some(kind), _) => (true, kind),
            (_, Some(kind)) => (false, kind),
            _ => return Err(NoEvent::OfNoInterest),
        },
    };
    let mut fields = Fields { rest: Some(rest), of_service };
    let what = match kind {
        "ALERT" => fields.state(Said::Changed),
        "CURRENT" => fields.state(Said::Current),
        "INITIAL" => fields.state(Said::Initial),
        "NOTIFICATION" => fields.notice(),
        "DOWNTIME ALERT" => fields.phase().map(|(subject, phase)| What::Downtime { subject, phase }),
        "FLAPPING ALERT" => fields.phase().map(|(subject, phase)| What::Flapping { subject, phase }),
        "PASSIVE" => fields.passive(),
        _ => return Err(NoEvent::OfNoInterest),
    };
    what.map(event).ok_or(NoEvent::Unreadable)
}

/// The fields of a line from left to right; the text at the end may hold a `;` itself.
struct Fields<'a> {
    rest: Option<&'a str>,
    of_service: bool,
}

impl<'a> Fields<'a> {
    fn next(&mut self) -> Option<&'a str> {
        let rest = self.rest?;
        let (field, after) = rest.split_once(';').map_or((rest, None), |(field, after)| (field, Some(after)));
        self.rest = after;
        Some(field)
    }

    fn subject(&mut self) -> Option<Subject<'a>> {
        let host = self.next().filter(|host| !host.is_empty())?;
        let service =
            if self.of_service { Some(self.next().filter(|service| !service.is_empty())?) } else { None };
        Some(Subject { host, service })
    }

    fn state(&mut self, said: Said) -> Option<What<'a>> {
        let subject = self.subject()?;
        let state = state_of(self.next()?, self.of_service)?;
        let state_type = match self.next()? {
            "SOFT" => StateType::Soft,
            "HARD" => StateType::Hard,
            _ => return None,
        };
        let attempt = self.next()?.parse().ok()?;
        let text = self.rest.filter(|text| *text != "(null)").unwrap_or_default();
        Some(What::State { subject, said, state, state_type, attempt, text })
    }

    /// `contact;host;service;CRITICAL;command;text`, or `…;ACKNOWLEDGEMENT (CRITICAL);command;text;author;comment`.
    fn notice(&mut self) -> Option<What<'a>> {
        let contact = self.next()?;
        let subject = self.subject()?;
        let said = self.next()?;
        let _command = self.next()?;
        let (kind, state) = match said.split_once(" (") {
            Some((kind, state)) => (notice_kind(kind)?, state_of(state.strip_suffix(')')?, self.of_service)?),
            None => {
                let state = state_of(said, self.of_service)?;
                (if state.is_problem() { NoticeKind::Problem } else { NoticeKind::Recovery }, state)
            }
        };
        let rest = self.rest.unwrap_or_default();
        let (mut text, mut author, mut comment) = (rest, "", "");
        // Who said it and what, which stand behind the text, are only there where somebody did.
        if !matches!(kind, NoticeKind::Problem | NoticeKind::Recovery) {
            let mut parts = rest.splitn(3, ';');
            text = parts.next().unwrap_or_default();
            author = parts.next().unwrap_or_default();
            comment = parts.next().unwrap_or_default();
        }
        Some(What::Notice { subject, contact, kind, state, text, author, comment })
    }

    fn phase(&mut self) -> Option<(Subject<'a>, Phase)> {
        let subject = self.subject()?;
        let phase = match self.next()? {
            "STARTED" => Phase::Started,
            "STOPPED" => Phase::Stopped,
            "CANCELLED" | "DISABLED" => Phase::Cancelled,
            _ => return None,
        };
        Some((subject, phase))
    }

    fn passive(&mut self) -> Option<What<'a>> {
        let subject = self.subject()?;
        let status = self.next()?.parse().ok().filter(|status| *status <= 3).unwrap_or(3);
        Some(What::Passive { subject, status, text: self.rest.unwrap_or_default() })
    }
}

fn state_of(word: &str, of_service: bool) -> Option<State> {
    Some(match (of_service, word) {
        (true, "OK") => State::Ok,
        (true, "WARNING") => State::Warning,
        (true, "CRITICAL") => State::Critical,
        (true, "UNKNOWN") => State::Unknown,
        // Of a host that was never checked; `RECOVERY` is what old versions wrote.
        (false, "UP" | "PENDING") => State::Up,
        (false, "DOWN") => State::Down,
        (false, "UNREACHABLE") => State::Unreachable,
        _ => return None,
    })
}

fn notice_kind(word: &str) -> Option<NoticeKind> {
    Some(match word {
        "ACKNOWLEDGEMENT" => NoticeKind::Acknowledgement,
        "FLAPPINGSTART" => NoticeKind::FlappingStart,
        "FLAPPINGSTOP" => NoticeKind::FlappingStop,
        "FLAPPINGDISABLED" => NoticeKind::FlappingDisabled,
        "DOWNTIMESTART" => NoticeKind::DowntimeStart,
        "DOWNTIMEEND" => NoticeKind::DowntimeEnd,
        "DOWNTIMECANCELLED" => NoticeKind::DowntimeCancelled,
        "CUSTOM" => NoticeKind::Custom,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVICE: Subject<'_> = Subject { host: "u", service: Some("s 1") };
    const HOST: Subject<'_> = Subject { host: "h", service: None };

    fn read(line: &str) -> What<'_> {
        read_line(line).unwrap_or_else(|why| panic!("{line}: {why:?}")).what
    }

    #[test]
    fn states() {
        assert_eq!(
            read_line("[1795270670] SERVICE ALERT: u;s 1;CRITICAL;SOFT;2;a; b\n"),
            Ok(ArchivedEvent {
                at: 1_795_270_670,
                what: What::State {
                    subject: SERVICE,
                    said: Said::Changed,
                    state: State::Critical,
                    state_type: StateType::Soft,
                    attempt: 2,
                    text: "a; b"
                }
            })
        );
        let up = What::State {
            subject: HOST,
            said: Said::Initial,
            state: State::Up,
            state_type: StateType::Hard,
            attempt: 1,
            text: "",
        };
        assert_eq!(read("[1] INITIAL HOST STATE: h;UP;HARD;1;(null)"), up);
        assert!(matches!(
            read("[1] CURRENT SERVICE STATE: u;s 1;OK;HARD;1;fine"),
            What::State { said: Said::Current, text: "fine", .. }
        ));
    }

    #[test]
    fn notices() {
        let What::Notice { subject, contact, kind, state, text, author, comment } =
            read("[1] SERVICE NOTIFICATION: me;u;s 1;ACKNOWLEDGEMENT (CRITICAL);c;text;joe;seen; it")
        else {
            panic!("a notice")
        };
        assert_eq!(
            (subject, contact, kind, state),
            (SERVICE, "me", NoticeKind::Acknowledgement, State::Critical)
        );
        assert_eq!((text, author, comment), ("text", "joe", "seen; it"));
        let plain = read("[1] HOST NOTIFICATION: me;h;UP;c;back; again");
        assert!(matches!(
            plain,
            What::Notice {
                subject: HOST,
                kind: NoticeKind::Recovery,
                state: State::Up,
                text: "back; again",
                ..
            }
        ));
    }

    #[test]
    fn other_lines() {
        assert_eq!(
            read("[1] SERVICE DOWNTIME ALERT: u;s 1;STARTED; Service has entered"),
            What::Downtime { subject: SERVICE, phase: Phase::Started }
        );
        assert_eq!(
            read("[1] HOST FLAPPING ALERT: h;STOPPED; Host appears"),
            What::Flapping { subject: HOST, phase: Phase::Stopped }
        );
        assert_eq!(
            read("[1] EXTERNAL COMMAND: ADD_SVC_COMMENT;u;s;1"),
            What::Command { name: "ADD_SVC_COMMENT", arguments: "u;s;1" }
        );
        assert_eq!(
            read("[1] PASSIVE SERVICE CHECK: u;s 1;2;bad"),
            What::Passive { subject: SERVICE, status: 2, text: "bad" }
        );
        assert_eq!(read("[1] Nagios 4.4.6 starting... (PID=1)"), What::Process(Phase::Started));
        assert_eq!(read("[1] Caught SIGTERM, shutting down..."), What::Process(Phase::Stopped));
        for line in [
            "[1] LOG VERSION: 2.0",
            "[1] wproc: x",
            "[1] SERVICE EVENT HANDLER: a;b",
            "[1] Warning: Service 'x' has",
        ] {
            assert_eq!(read_line(line), Err(NoEvent::OfNoInterest), "{line}");
        }
        for line in [
            "",
            "x",
            "[x] A: b",
            "[1] SERVICE ALERT: u",
            "[1] SERVICE ALERT: u;s;BAD;HARD;1;x",
            "[1] HOST NOTIFICATION: me;h;WHAT (DOWN);c;t",
            "[-1] A: b",
        ] {
            assert!(read_line(line).is_err(), "{line}");
        }
    }
}
