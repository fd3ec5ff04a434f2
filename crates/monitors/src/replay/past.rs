//! The past of another monitoring once more: its archived states through our machine, and who would have been told.
//!
//! Archives hold changes. A result that says the same again is not in them, but it may tell somebody again, and the
//! history of flapping counts it: so between two changes results are put in at the check's own interval, counted from
//! the last moment at which there certainly was one (a change, or a notice). While a state is SOFT every try is in
//! the archive, and nothing is put in.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

use formats::nagios::command::{self, External, Target};
use jiff::tz::TimeZone;
use vocabulary::Timestamp;
use vocabulary::state::{Notice, NoticeKind, State, StateType};

use crate::config::Definitions;
use crate::machine::{Command, Happenings, Machine, NewDowntime, ObjectId, Problem, Switch};
use crate::outcome::Outcome;
use crate::past::{PastEvent, PastWhat};

/// A result that a program sent in is in the archive twice: as its command, and as the change that it made, so much
/// later at most (Nagios looks for results every `check_result_reaper_frequency`, 10 s, and may be late).
const REAPED_WITHIN: i64 = 15;
/// No result is put in nearer than this part of an interval before one that is known.
const KEPT_FREE: f64 = 0.75;
/// After so many good results in a row the history of flapping holds nothing else, and more change nothing.
const GOOD_IN_A_ROW: u32 = 24;

#[derive(Debug, Default)]
pub struct Told {
    pub notices: Vec<Notice>,
    pub results: u64,
    /// Commands that were not obeyed, and events of objects that are not defined now.
    pub passed_over: u64,
}

/// What is known of one object, in its order.
struct Evidence {
    at: i64,
    /// Its place among everything, so that one second keeps its order.
    order: usize,
    state: State,
    state_type: StateType,
    attempt: u32,
    text: String,
    is: Is,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Is {
    /// Its state as it was when the archive began: no result.
    Standing,
    Change,
    /// A notice was sent, so there was a result, which said the same.
    Told,
    /// Sent in by a program.
    Sent,
}

/// `events` in the order of their time. Up to `until`.
pub fn replay(
    definitions: &Definitions,
    zone: TimeZone,
    events: impl IntoIterator<Item = PastEvent>,
    until: Timestamp,
) -> Result<Told, Vec<Problem>> {
    let machine = Machine::new(definitions, zone)?;
    let mut replaying = Replaying::new(machine);
    for (order, event) in events.into_iter().enumerate() {
        replaying.take(event, order);
    }
    Ok(replaying.run(until.0))
}

struct Replaying {
    machine: Machine,
    evidence: BTreeMap<ObjectId, VecDeque<Evidence>>,
    commands: VecDeque<(i64, usize, External)>,
    cancelled: VecDeque<(i64, usize, ObjectId)>,
    good_in_a_row: BTreeMap<ObjectId, u32>,
    out: Happenings,
    told: Told,
}

/// When, in which order within its second, and of what.
type Due = Reverse<(i64, usize, Step)>;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Command,
    Cancelled,
    Known(ObjectId),
    Again(ObjectId),
}

impl Replaying {
    fn new(machine: Machine) -> Replaying {
        Replaying {
            machine,
            evidence: BTreeMap::new(),
            commands: VecDeque::new(),
            cancelled: VecDeque::new(),
            good_in_a_row: BTreeMap::new(),
            out: Happenings::default(),
            told: Told::default(),
        }
    }

    fn take(&mut self, event: PastEvent, order: usize) {
        let PastEvent { at, object, name, what, .. } = event;
        if let PastWhat::Command { command } = &what {
            return self.take_command(at, order, command);
        }
        let id = if object == "host" { self.machine.host(&name) } else { self.machine.check(&name) };
        let Some(id) = id else {
            self.told.passed_over += 1;
            return;
        };
        match what {
            PastWhat::State { state, state_type, attempt, changed, text } => {
                let is = if changed { Is::Change } else { Is::Standing };
                self.add(id, Evidence { at, order, state, state_type, attempt, text, is });
            }
            PastWhat::Notice { notice: NoticeKind::Problem | NoticeKind::Recovery, state, text, .. } => {
                let evidence = Evidence {
                    at,
                    order,
                    state,
                    state_type: StateType::Hard,
                    attempt: 0,
                    text,
                    is: Is::Told,
                };
                self.add(id, evidence);
            }
            PastWhat::Downtime { phase } if phase == "cancelled" => self.cancelled.push_back((at, order, id)),
            PastWhat::Notice { .. }
            | PastWhat::Downtime { .. }
            | PastWhat::Flapping { .. }
            | PastWhat::Command { .. } => {}
        }
    }

    fn add(&mut self, id: ObjectId, new: Evidence) {
        let known = self.evidence.entry(id).or_default();
        match new.is {
            // Only the first tells something that was not known.
            Is::Standing if !known.is_empty() => return,
            // The change and all its notices are one result.
            Is::Told if known.back().is_some_and(|last| new.at - last.at <= 1 && last.is != Is::Standing) => {
                return;
            }
            Is::Change => {
                let same = |sent: &Evidence| {
                    sent.is == Is::Sent && new.at - sent.at <= REAPED_WITHIN && sent.state == new.state
                };
                if let Some(at) = known.iter().rposition(same) {
                    known.remove(at);
                }
            }
            _ => {}
        }
        known.push_back(new);
    }

    fn take_command(&mut self, at: i64, order: usize, text: &str) {
        match command::read(format!("[{at}] {text}").as_bytes()).map(|line| line.command) {
            Ok(External::Result { target, status, output }) => {
                let Some(id) = self.target(&target) else {
                    self.told.passed_over += 1;
                    return;
                };
                let of_host = matches!(target, Target::Host(_));
                let state = match (of_host, status) {
                    (true, 0) => State::Up,
                    (true, _) => State::Down,
                    (false, status) => State::of_status(u8::try_from(status).unwrap_or(3)),
                };
                let text = String::from_utf8_lossy(&output).into_owned();
                self.add(
                    id,
                    Evidence {
                        at,
                        order,
                        state,
                        state_type: StateType::Hard,
                        attempt: 0,
                        text,
                        is: Is::Sent,
                    },
                );
            }
            Ok(command) => self.commands.push_back((at, order, command)),
            Err(_) => self.told.passed_over += 1,
        }
    }

    fn target(&self, target: &Target) -> Option<ObjectId> {
        match target {
            Target::Host(host) => self.machine.host(host),
            Target::Service { host, service } => self.machine.check(&format!("{host}/{service}")),
        }
    }

    fn run(mut self, until: i64) -> Told {
        let mut due: BinaryHeap<Due> = BinaryHeap::new();
        due.extend(self.evidence.iter().filter_map(|(id, known)| {
            Some(Reverse((known.front()?.at, known.front()?.order, Step::Known(*id))))
        }));
        due.extend(self.commands.iter().map(|(at, order, _)| Reverse((*at, *order, Step::Command))));
        due.extend(self.cancelled.iter().map(|(at, order, _)| Reverse((*at, *order, Step::Cancelled))));
        while let Some(Reverse((at, order, step))) = due.pop() {
            if at > until {
                break;
            }
            self.clock(at);
            let next = match step {
                Step::Command => {
                    self.command(at);
                    None
                }
                Step::Cancelled => {
                    self.cancel(at);
                    None
                }
                Step::Known(id) => self.known(id, at),
                Step::Again(id) => self.again(id, at),
            };
            due.extend(next.map(|(at, step)| Reverse((at, order, step))));
            self.told.notices.append(&mut self.out.notices);
            self.out.clear();
        }
        self.clock(until);
        self.told.notices.append(&mut self.out.notices);
        self.told
    }

    /// Downtimes begin and end at their own time.
    fn clock(&mut self, now: i64) {
        while let Some(due) = self.machine.next_due().filter(|due| due.0 <= now) {
            self.machine.tick(due, &mut self.out);
            if self.machine.next_due() == Some(due) {
                break;
            }
        }
    }

    fn known(&mut self, id: ObjectId, now: i64) -> Option<(i64, Step)> {
        let evidence = self.evidence.get_mut(&id)?.pop_front()?;
        match evidence.is {
            Is::Standing => self.stand(id, &evidence),
            _ => self.result(id, &evidence.text, evidence.state, evidence.is != Is::Sent, now),
        }
        self.next(id, now)
    }

    /// As it was when the archive began. Of a problem somebody was told before, as far as that can be known.
    fn stand(&mut self, id: ObjectId, evidence: &Evidence) {
        let mut saved = self.machine.save(id);
        saved.state = evidence.state;
        saved.state_type = evidence.state_type;
        saved.last_hard_state = evidence.state;
        saved.attempt = evidence.attempt;
        saved.checked = true;
        (saved.last_check, saved.last_result) = (evidence.at, evidence.at);
        (saved.last_state_change, saved.last_hard_state_change) = (evidence.at, evidence.at);
        self.machine.restore(id, &saved);
    }

    fn result(&mut self, id: ObjectId, text: &str, state: State, active: bool, now: i64) {
        let status = match state {
            State::Ok | State::Up => 0,
            State::Warning => 1,
            State::Critical | State::Down | State::Unreachable => 2,
            State::Unknown => 3,
        };
        let outcome =
            Outcome { status, output: text.to_owned(), at: Timestamp(now), active, ..Outcome::default() };
        self.machine.result(id, &outcome, Timestamp(now), &mut self.out);
        self.told.results += 1;
        let good = self.good_in_a_row.entry(id).or_default();
        *good = if state.is_problem() { 0 } else { *good + 1 };
    }

    /// The same once more.
    fn again(&mut self, id: ObjectId, now: i64) -> Option<(i64, Step)> {
        let (state, _) = self.machine.state(id)?;
        let text = self.machine.save(id).output;
        self.result(id, &text, state, true, now);
        self.next(id, now)
    }

    /// What comes next of this object: the same again, or what is known.
    fn next(&self, id: ObjectId, now: i64) -> Option<(i64, Step)> {
        let known = self.evidence.get(&id).and_then(VecDeque::front).map(|evidence| evidence.at);
        let interval = self.machine.interval(id).as_secs() as i64;
        let again = now + interval;
        let is_hard = self
            .machine
            .state(id)
            .is_some_and(|(state, state_type)| state_type == StateType::Hard || !state.is_problem());
        let changes_something = self.good_in_a_row.get(&id).is_none_or(|good| *good < GOOD_IN_A_ROW);
        let kept_free = (interval as f64 * KEPT_FREE) as i64;
        let fits = known.is_none_or(|known| again + kept_free <= known);
        match known {
            _ if interval > 0 && is_hard && changes_something && fits => Some((again, Step::Again(id))),
            Some(known) => Some((known, Step::Known(id))),
            None => None,
        }
    }

    fn command(&mut self, now: i64) {
        let Some((_, _, command)) = self.commands.pop_front() else { return };
        let done = match self.commands_of(command, now) {
            commands if commands.is_empty() => false,
            commands => {
                let mut obeyed = true;
                for command in commands {
                    obeyed &= self.machine.command(command, Timestamp(now), &mut self.out).is_ok();
                }
                obeyed
            }
        };
        self.told.passed_over += u64::from(!done);
    }

    /// Ids of downtimes and comments are the other side's: what is deleted by them is taken from its own lines.
    fn commands_of(&self, command: External, now: i64) -> Vec<Command> {
        let one = |target: &Target, make: &dyn Fn(ObjectId) -> Command| {
            self.target(target).map(make).into_iter().collect()
        };
        match command {
            External::Acknowledge { target, sticky, notify, persistent, author, comment } => {
                one(&target, &|object| Command::Acknowledge {
                    object,
                    sticky,
                    notify,
                    persistent,
                    expires: None,
                    author: author.clone(),
                    comment: comment.clone(),
                })
            }
            External::RemoveAcknowledgement { target } => {
                one(&target, &|object| Command::RemoveAcknowledgement { object })
            }
            External::Notify { target, broadcast, forced, increment, author, comment } => {
                one(&target, &|object| Command::Notify {
                    object,
                    author: author.clone(),
                    comment: comment.clone(),
                    forced,
                    broadcast,
                    increment,
                })
            }
            External::Switch { target, what, on } => {
                one(&target, &|object| Command::Switch { object, what: switch(what), on })
            }
            External::Downtime(downtime) => {
                let Some(object) = self.target(&downtime.target) else { return Vec::new() };
                let objects =
                    if downtime.of_services { self.machine.checks_on(object).to_vec() } else { vec![object] };
                let make = |object| {
                    Command::ScheduleDowntime(NewDowntime {
                        object,
                        start: downtime.start.max(now.min(downtime.end)),
                        end: downtime.end,
                        fixed: downtime.fixed,
                        duration: downtime.duration,
                        triggered_by: None,
                        author: downtime.author.as_str().into(),
                        comment: downtime.comment.as_str().into(),
                    })
                };
                objects.into_iter().map(make).collect()
            }
            External::Result { .. }
            | External::DeleteDowntime { .. }
            | External::Check { .. }
            | External::Comment { .. }
            | External::DeleteComment { .. } => Vec::new(),
        }
    }

    fn cancel(&mut self, now: i64) {
        let Some((_, _, id)) = self.cancelled.pop_front() else { return };
        let running =
            self.machine.downtimes_of(id).find(|downtime| downtime.in_effect).map(|downtime| downtime.id);
        if let Some(id) = running {
            let cancelled =
                self.machine.command(Command::CancelDowntime { id }, Timestamp(now), &mut self.out);
            self.told.passed_over += u64::from(cancelled.is_err());
        }
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
