//! What the archive says of each object, put together to one result a moment.

use std::sync::Arc;

use formats::nagios::command::{self, External, Target};
use vocabulary::state::{NoticeKind, State, StateType};

use super::people::{Act, People};
use super::{Queue, runs};
use crate::config::Definitions;
use crate::history::Run;
use crate::machine::{Kind, Machine, ObjectId};
use crate::past::{PastEvent, PastWhat};

/// A result that a program sent in is in the archive as its command, and once more as what came of it, so much later
/// at most (Nagios looks for results every `check_result_reaper_frequency`, 10 s, and may be late).
const REAPED_WITHIN: i64 = 15;
/// A change and its notices have one second, or two where it ends in between.
const TOGETHER: i64 = 1;

#[derive(Clone)]
pub(super) struct Evidence {
    pub at: i64,
    /// Its place among everything, so that one second keeps its order.
    pub order: usize,
    pub state: State,
    pub state_type: StateType,
    pub attempt: u32,
    pub text: Arc<str>,
    pub is: Is,
    /// Nagios looked for itself.
    pub active: bool,
    /// Further results of the kind, and when the last of them was.
    more: (u64, i64),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Is {
    /// Its state as it was when the archive began: no result.
    Standing,
    Change,
    /// A notice was sent, so there was a result, which said the same.
    Told,
    /// Sent in by a program, at this time or up to [`REAPED_WITHIN`] later.
    Sent,
    /// Taken from what was sent in.
    Taken,
    /// Kept here, as all others of its time.
    Kept,
    /// It must have been good in between, at a moment that was not written: what was HARD because its host was down is
    /// good again by a SOFT recovery.
    Unwritten,
}

pub(super) struct Gathered {
    of: Vec<Queue>,
    is_run: Vec<bool>,
    /// SOFT tries of checks, and of hosts, are in the archive.
    tries_written: [bool; 2],
    /// One of them was HARD after more than one try, which then were somewhere.
    tried: [bool; 2],
}

impl Gathered {
    pub fn new(definitions: &Definitions, machine: &Machine) -> Gathered {
        let count = machine.ids().map(|id| id.0 as usize + 1).max().unwrap_or(0);
        let mut is_run = vec![false; count];
        for (kind, name) in runs(definitions) {
            let id = if kind == Kind::Host { machine.host(name) } else { machine.check(name) };
            if let Some(id) = id {
                is_run[id.0 as usize] = true;
            }
        }
        Gathered {
            of: (0..count).map(|_| Queue::new()).collect(),
            is_run,
            tries_written: [false; 2],
            tried: [false; 2],
        }
    }

    pub fn objects(&self) -> usize {
        self.of.len()
    }

    pub fn is_run(&self, id: ObjectId) -> bool {
        self.is_run[id.0 as usize]
    }

    pub fn firsts(&self) -> impl Iterator<Item = (ObjectId, (i64, usize))> + '_ {
        let firsts = self.of.iter().enumerate();
        firsts.filter_map(|(index, known)| {
            known.front().map(|first| (ObjectId(index as u32), (first.at, first.order)))
        })
    }

    pub fn peek(&self, id: ObjectId) -> Option<&Evidence> {
        self.of[id.0 as usize].front()
    }

    pub fn next(&mut self, id: ObjectId) -> Option<Evidence> {
        self.of[id.0 as usize].pop_front()
    }

    /// The next is a problem that is HARD after tries, and tries are not in the archive.
    pub fn has_hidden_tries(&self, machine: &Machine, id: ObjectId) -> bool {
        let written = self.tries_written[usize::from(machine.kind(id) == Kind::Host)];
        let hard = |known: &Evidence| {
            known.is == Is::Change
                && known.state.is_problem()
                && known.state_type == StateType::Hard
                && known.attempt > 1
        };
        let good = |(state, kind): (State, StateType)| !state.is_problem() || kind == StateType::Soft;
        !written && self.peek(id).is_some_and(hard) && machine.state(id).is_none_or(good)
    }

    /// None is missing: neither of checks nor of hosts.
    pub fn knows_tries(&self) -> bool {
        self.tries_written.iter().zip(self.tried).all(|(written, tried)| *written || !tried)
    }

    /// Where tries were written nothing was left out.
    pub fn settle(&mut self, machine: &Machine) {
        for (index, known) in self.of.iter_mut().enumerate() {
            let host = machine.kind(ObjectId(index as u32)) == Kind::Host;
            if self.tries_written[usize::from(host)] {
                known.retain(|one| one.is != Is::Unwritten);
            }
        }
    }

    /// Results of one run, evenly.
    pub fn kept(&mut self, id: ObjectId, run: &Run, order: usize) {
        let known = &mut self.of[id.0 as usize];
        if known.back().is_none_or(|last| last.is != Is::Kept) {
            known.truncate(known.partition_point(|one| one.at < run.began));
        }
        known.push_back(Evidence {
            at: run.began,
            order,
            state: run.state,
            state_type: run.state_type,
            attempt: run.attempt,
            text: run.text.as_str().into(),
            is: Is::Kept,
            active: run.active,
            more: (run.count.saturating_sub(1), run.ended),
        });
    }

    /// What is left of a run of results after the first.
    pub fn rest_of(&mut self, id: ObjectId, first: Evidence) {
        let (left, ended) = first.more;
        if left > 0 {
            let at = first.at + (ended - first.at) / left as i64;
            self.of[id.0 as usize].push_front(Evidence { at, more: (left - 1, ended), ..first });
        }
    }

    /// False: nothing here is called so, or it cannot be understood.
    pub fn take(&mut self, machine: &Machine, people: &mut People, event: PastEvent, order: usize) -> bool {
        let PastEvent { at, object, name, what, .. } = event;
        if let PastWhat::Command { command } = &what {
            return self.command(machine, people, at, order, command);
        }
        let id = if object == "host" { machine.host(&name) } else { machine.check(&name) };
        let Some(id) = id else { return false };
        let active = self.is_run(id);
        let evidence = |state, state_type, attempt, text: String, is| Evidence {
            at,
            order,
            state,
            state_type,
            attempt,
            text: text.into(),
            is,
            active,
            more: (0, at),
        };
        match what {
            PastWhat::State { state, state_type, attempt, changed, text } => {
                let kind = usize::from(machine.kind(id) == Kind::Host);
                self.tries_written[kind] |= changed && state_type == StateType::Soft;
                self.tried[kind] |=
                    changed && state_type == StateType::Hard && state.is_problem() && attempt > 1;
                let is = if changed { Is::Change } else { Is::Standing };
                self.add(machine, id, evidence(state, state_type, attempt, text, is));
            }
            PastWhat::Notice { notice: NoticeKind::Problem | NoticeKind::Recovery, state, text, .. } => {
                self.add(machine, id, evidence(state, StateType::Hard, 0, text, Is::Told));
            }
            PastWhat::Result { status, text } => {
                let sent =
                    evidence(state_of(machine, id, i32::from(status)), StateType::Hard, 0, text, Is::Taken);
                self.add(machine, id, Evidence { active: false, ..sent });
            }
            PastWhat::Notice { notice, author, comment, .. } => {
                people.note(at, order, Act::Notice { id, notice, author, comment });
            }
            PastWhat::Downtime { phase } => people.note(at, order, Act::Downtime { id, phase }),
            PastWhat::Flapping { .. } | PastWhat::Command { .. } => {}
        }
        true
    }

    fn command(&mut self, machine: &Machine, people: &mut People, at: i64, order: usize, text: &str) -> bool {
        match command::read(format!("[{at}] {text}").as_bytes()).map(|line| line.command) {
            Ok(External::Result { target, status, output }) => {
                let Some(id) = target_of(machine, &target) else { return false };
                let text = String::from_utf8_lossy(&output);
                let text = text.split_once('|').map_or(&*text, |(text, _)| text).trim();
                let sent = Evidence {
                    at,
                    order,
                    state: state_of(machine, id, status),
                    state_type: StateType::Hard,
                    attempt: 0,
                    text: text.into(),
                    is: Is::Sent,
                    active: false,
                    more: (0, at),
                };
                self.add(machine, id, sent);
            }
            Ok(command) => people.note(at, order, Act::Command(command)),
            Err(_) => return false,
        }
        true
    }

    fn add(&mut self, machine: &Machine, id: ObjectId, mut new: Evidence) {
        let known = &mut self.of[id.0 as usize];
        let was_bad = known.back().is_some_and(|last| {
            last.state.is_problem()
                && last.state_type == StateType::Hard
                && matches!(last.is, Is::Change | Is::Told)
        });
        if new.is == Is::Standing && !known.is_empty() {
            // Only the first tells something that was not known, or one that says otherwise than all before.
            if was_bad && !new.state.is_problem() {
                known.push_back(Evidence { is: Is::Unwritten, ..new });
            }
            return;
        }
        // What goes from bad to bad keeps its attempts.
        let again = known.back().is_some_and(|last| {
            let anew = last.state == new.state || (last.is == Is::Change && last.attempt != new.attempt);
            anew && new.at - last.at > TOGETHER
        });
        if new.is == Is::Change
            && was_bad
            && again
            && new.state_type == StateType::Hard
            && !machine.is_volatile(id)
        {
            let good = if machine.kind(id) == Kind::Host { State::Up } else { State::Ok };
            let tries = machine.retry_interval(id).as_secs() as i64 * i64::from(new.attempt);
            let at = (new.at - tries).max(known.back().map_or(0, |last| last.at));
            known.push_back(Evidence { is: Is::Unwritten, state: good, at, ..new.clone() });
        }
        if matches!(new.is, Is::Change | Is::Told | Is::Taken) {
            // What came of a result that was sent in, at its right time.
            let since = known.partition_point(|one| one.at < new.at - REAPED_WITHIN);
            let sent =
                (since..known.len()).find(|at| known[*at].is == Is::Sent && known[*at].state == new.state);
            new.active &= sent.and_then(|at| known.remove(at)).is_none();
        }
        let same = |last: &&mut Evidence| last.state == new.state && new.at - last.at <= TOGETHER;
        if let Some(last) = known.back_mut().filter(same) {
            match (last.is, new.is) {
                // The change and all its notices are one result.
                (Is::Change | Is::Told | Is::Taken, Is::Told | Is::Taken) => {
                    last.active &= new.active;
                    return;
                }
                // Of a volatile one, and of one that was sent in, the change is written last.
                (Is::Told | Is::Taken, Is::Change) => {
                    new.active &= last.active;
                    known.pop_back();
                }
                _ => {}
            }
        }
        known.push_back(new);
    }
}

pub(super) fn target_of(machine: &Machine, target: &Target) -> Option<ObjectId> {
    match target {
        Target::Host(host) => machine.host(host),
        Target::Service { host, service } => machine.check(&format!("{host}/{service}")),
    }
}

fn state_of(machine: &Machine, id: ObjectId, status: i32) -> State {
    match (machine.kind(id), status) {
        (Kind::Host, 0) => State::Up,
        (Kind::Host, 2) => State::Unreachable,
        (Kind::Host, _) => State::Down,
        (_, status) => State::of_status(u8::try_from(status).unwrap_or(3)),
    }
}
