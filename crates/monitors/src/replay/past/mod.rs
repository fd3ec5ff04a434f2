//! The past of another monitoring once more: its archived states through our machine, and who would have been told.
//!
//! ```text
//! events ──> evidence    what is known of each object, one result a moment
//!        ──> people      what was asked for, and downtimes as they were
//!        ──> run         in the order of time, with the results put in that the archive leaves out
//! ```
//!
//! Archives hold changes. A result that says the same again is not in them, but it may tell somebody again, and the
//! history of flapping counts it: so between two moments at which there certainly was one (a change, a notice)
//! results are put in, as many as the check's own interval has room for. While a state is SOFT every try is in the
//! archive, unless Nagios was told not to write them (`log_service_retries=0`): then they are put in too.

mod evidence;
mod people;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashSet, VecDeque};

use jiff::tz::TimeZone;
use vocabulary::Timestamp;
use vocabulary::state::{InstanceId, Notice, NoticeKind, State, StateChange, StateType};

use crate::config::{CheckType, Definitions};
use crate::history::Run;
use crate::machine::{Happenings, Kind, Machine, ObjectId, ObjectName, Problem};
use crate::outcome::Outcome;
use crate::past::PastEvent;
use evidence::{Evidence, Gathered, Is};
use people::{Act, People};

#[derive(Debug, Default)]
pub struct Told {
    pub notices: Vec<Notice>,
    /// Of the objects that were asked for.
    pub changes: Vec<StateChange>,
    pub results: u64,
    /// Commands that were not obeyed, and events of objects that are not defined now.
    pub passed_over: u64,
    /// Changes that came out otherwise than the archive has them.
    pub otherwise: u64,
}

/// `events` in the order of their time. Up to `until`.
pub fn replay(
    definitions: &Definitions,
    zone: TimeZone,
    events: impl IntoIterator<Item = PastEvent>,
    until: Timestamp,
) -> Result<Told, Vec<Problem>> {
    let mut rerun = Rerun::new(definitions, zone)?;
    events.into_iter().for_each(|event| rerun.event(event));
    Ok(rerun.finish(&BTreeSet::new(), until, &|| true))
}

/// What is known of the past is put in first: archived events in the order of their time, then what is kept here.
pub struct Rerun {
    machine: Machine,
    gathered: Gathered,
    people: People,
    order: usize,
    passed_over: u64,
}

impl Rerun {
    pub fn new(definitions: &Definitions, zone: TimeZone) -> Result<Rerun, Vec<Problem>> {
        let machine = Machine::new(definitions, zone)?;
        let gathered = Gathered::new(definitions, &machine);
        Ok(Rerun { machine, gathered, people: People::default(), order: 0, passed_over: 0 })
    }

    pub fn event(&mut self, event: PastEvent) {
        self.order += 1;
        let understood = self.gathered.take(&self.machine, &mut self.people, event, self.order);
        self.passed_over += u64::from(!understood);
    }

    /// Results of one object that were kept here, in order: from the first of them on the archive says no more of it.
    pub fn kept(&mut self, name: &ObjectName, runs: &[Run]) {
        let Some(id) = self.machine.named(name) else { return };
        for run in runs {
            self.order += 1;
            self.gathered.kept(id, run, self.order);
        }
    }

    /// A downtime that was in effect here.
    pub fn planned(&mut self, name: &ObjectName, began: i64, ended: i64) {
        let Some(id) = self.machine.named(name) else { return };
        for (at, phase) in [(began, "started"), (ended, "stopped")] {
            self.order += 1;
            self.people.note(at, self.order, Act::Downtime { id, phase: phase.to_owned() });
        }
    }

    pub fn acknowledged(&mut self, name: &ObjectName, at: i64, author: String, comment: String) {
        let Some(id) = self.machine.named(name) else { return };
        self.order += 1;
        let notice = NoticeKind::Acknowledgement;
        self.people.note(at, self.order, Act::Notice { id, notice, author, comment });
    }

    /// Nothing was written of tries; nothing of what people asked for.
    pub fn knows(&self) -> (bool, bool) {
        (self.gathered.knows_tries(), self.people.knows_commands())
    }

    /// `wanted`: whose changes are asked for. Once `go_on` says no, what has come until then is all.
    pub fn finish(
        mut self,
        wanted: &BTreeSet<ObjectName>,
        until: Timestamp,
        go_on: &dyn Fn() -> bool,
    ) -> Told {
        let wanted = wanted
            .iter()
            .filter_map(|name| self.machine.named(name))
            .map(|id| self.machine.instance_id(id).clone());
        let wanted: HashSet<InstanceId> = wanted.collect();
        self.gathered.settle(&self.machine);
        let mut replaying = Replaying::new(self.machine, self.gathered, self.people, wanted);
        replaying.told.passed_over = self.passed_over;
        replaying.run(until.0, go_on)
    }
}

/// Nagios's results of one check come up to a second earlier or later. Those that told somebody are known to the second;
/// the others are put in so much aside that none of them comes due by a rounded second.
const EARLY: i64 = 2;

/// When, in which order within its second, of what, and in which turn of its object: another one made it void.
type Due = Reverse<(i64, usize, Step, u32)>;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    People,
    Known(ObjectId),
    /// The same once more.
    Again(ObjectId),
    /// A SOFT try of the problem that is known next.
    Try(ObjectId),
}

/// What the run remembers of an object.
#[derive(Clone, Copy, Default)]
struct Course {
    last_result: i64,
    turn: u32,
    /// Nothing comes of further results, so none are put in until something happens.
    resting: bool,
    /// The last result was kept here, as every other one was: none is put in.
    kept: bool,
    /// The archive had it HARD, so further tries are not in it.
    was_hard: bool,
}

struct Replaying {
    machine: Machine,
    gathered: Gathered,
    people: People,
    courses: Vec<Course>,
    due: BinaryHeap<Due>,
    out: Happenings,
    told: Told,
    wanted: HashSet<InstanceId>,
}

impl Replaying {
    fn new(machine: Machine, gathered: Gathered, people: People, wanted: HashSet<InstanceId>) -> Replaying {
        let courses = vec![Course::default(); gathered.objects()];
        let (due, out, told) = (BinaryHeap::new(), Happenings::default(), Told::default());
        Replaying { machine, gathered, people, courses, due, out, told, wanted }
    }

    fn run(mut self, until: i64, go_on: &dyn Fn() -> bool) -> Told {
        for (id, first) in self.gathered.firsts() {
            let due = match self.hidden_tries(id) {
                Some((at, 1..)) => (at, 0, Step::Try(id), 0),
                _ => (first.0, first.1, Step::Known(id), 0),
            };
            self.due.push(Reverse(due));
        }
        for (at, order) in self.people.moments() {
            self.due.push(Reverse((at, order, Step::People, 0)));
        }
        while let Some(Reverse((at, order, step, turn))) = self.due.pop() {
            if at > until || !go_on() {
                break;
            }
            self.clock(at);
            match step {
                Step::People => {
                    if let Some(act) = self.people.take(at, order) {
                        self.told.passed_over += self.people.obey(act, &mut self.machine, at, &mut self.out);
                    }
                }
                Step::Known(id) | Step::Again(id) | Step::Try(id) if self.course(id).turn == turn => {
                    self.one(id, step, at, order);
                }
                Step::Known(_) | Step::Again(_) | Step::Try(_) => {}
            }
            self.collect();
        }
        self.clock(until);
        self.collect();
        self.told
    }

    fn collect(&mut self) {
        self.told.notices.append(&mut self.out.notices);
        let wanted = self.out.changes.drain(..).filter(|change| self.wanted.contains(&change.id));
        self.told.changes.extend(wanted);
        self.out.clear();
    }

    fn course(&mut self, id: ObjectId) -> &mut Course {
        &mut self.courses[id.0 as usize]
    }

    /// Downtimes begin and end at their own time.
    fn clock(&mut self, now: i64) {
        while let Some(due) = self.machine.next_due().filter(|due| due.0 <= now) {
            self.people.before_downtimes(&mut self.machine, due.0, &mut self.out);
            self.machine.tick(due, &mut self.out);
            if self.machine.next_due() == Some(due) {
                break;
            }
        }
    }

    /// One moment of one object, and what comes next of it.
    fn one(&mut self, id: ObjectId, step: Step, at: i64, order: usize) {
        let step = if self.is_back(id) { Step::Known(id) } else { step };
        match step {
            Step::Known(_) => {
                let Some(mut evidence) = self.gathered.next(id) else { return };
                evidence.at = at;
                let course = self.course(id);
                course.kept = evidence.is == Is::Kept;
                course.was_hard = evidence.state_type == StateType::Hard;
                match evidence.is {
                    Is::Standing => self.stand(id, &evidence),
                    _ => self.known(id, &evidence),
                }
                self.gathered.rest_of(id, evidence);
            }
            Step::Try(_) => {
                if let Some((state, text)) =
                    self.gathered.peek(id).map(|next| (next.state, next.text.clone()))
                {
                    self.result(id, &text, state, true, at);
                }
            }
            Step::Again(_) if self.machine.may_run(id, Timestamp(at)).is_err() => {}
            Step::Again(_) => {
                if let Some((state, _)) = self.machine.state(id) {
                    let text = self.machine.output(id);
                    self.result(id, &text, state, true, at);
                }
            }
            Step::People => {}
        }
        self.course(id).last_result = at;
        self.go_on(id, at, order);
    }

    /// As it was when the archive began. Of a problem somebody was told before, so nobody is told anew: the archive
    /// says when somebody was told again.
    fn stand(&mut self, id: ObjectId, evidence: &Evidence) {
        let mut saved = self.machine.save(id);
        saved.state = evidence.state;
        saved.state_type = evidence.state_type;
        saved.last_hard_state = evidence.state;
        saved.attempt = evidence.attempt;
        saved.checked = true;
        (saved.last_check, saved.last_result) = (evidence.at, evidence.at);
        (saved.last_state_change, saved.last_hard_state_change) = (evidence.at, evidence.at);
        if evidence.state.is_problem() && evidence.state_type == StateType::Hard {
            saved.number = 1;
            saved.notified_on = self.machine.bit_of(evidence.state);
            let again =
                self.gathered.peek(id).filter(|next| next.is == Is::Told && next.state == evidence.state);
            saved.next_notification = again.map_or(0, |next| next.at);
            saved.no_more_notifications = again.is_none();
        }
        self.machine.restore(id, &saved);
    }

    fn known(&mut self, id: ObjectId, evidence: &Evidence) {
        self.result(id, &evidence.text, evidence.state, evidence.active, evidence.at);
        if evidence.is == Is::Change {
            let made = self.machine.state(id);
            // A check that is good again is HARD here at once, which its archived line calls SOFT.
            let same = made.is_some_and(|(state, kind)| {
                state == evidence.state && (kind == evidence.state_type || !state.is_problem())
            });
            self.told.otherwise += u64::from(!same);
        }
    }

    fn result(&mut self, id: ObjectId, text: &str, state: State, active: bool, now: i64) {
        let status = match (state, active) {
            (State::Ok | State::Up, _) => 0,
            (State::Warning, _) | (State::Down, false) => 1,
            (State::Critical | State::Down | State::Unreachable, _) => 2,
            (State::Unknown, _) => 3,
        };
        let outcome =
            Outcome { status, output: text.to_owned(), at: Timestamp(now), active, ..Outcome::default() };
        self.machine.result(id, &outcome, Timestamp(now), &mut self.out);
        self.told.results += 1;
        if state.is_problem() && self.machine.kind(id) == Kind::Host {
            self.wake_checks(id, now);
        }
    }

    /// Results of its checks count in the flapping of a host that is not steady.
    fn wake_checks(&mut self, host: ObjectId, now: i64) {
        for check in self.machine.checks_on(host).to_vec() {
            if !std::mem::take(&mut self.course(check).resting) {
                continue;
            }
            let interval = self.machine.interval(check).as_secs().max(1) as i64;
            let course = self.course(check);
            course.turn += 1;
            let turn = course.turn;
            let next = now + interval - (now - course.last_result).rem_euclid(interval);
            let known = self.gathered.peek(check).map(|known| (known.at, known.order));
            let due = match known {
                Some((at, order)) if at < next + interval / 2 => (at, order, Step::Known(check), turn),
                _ => (next, 0, Step::Again(check), turn),
            };
            self.due.push(Reverse(due));
        }
    }

    fn go_on(&mut self, id: ObjectId, now: i64, order: usize) {
        let resting = self.rests(id);
        let turn = self.course(id).turn;
        self.course(id).resting = resting;
        let known = self.gathered.peek(id).map(|known| (known.at, known.order));
        let step = if resting { None } else { self.in_between(id, now) };
        let next = match (step, known) {
            (Some((at, step)), _) => (at, order, step, turn),
            (None, Some((at, order))) => (at.max(now), order, Step::Known(id), turn),
            (None, None) => return,
        };
        self.due.push(Reverse(next));
    }

    /// It is good and has long been, and so has its host: the same again changes nothing.
    fn rests(&self, id: ObjectId) -> bool {
        let good = self.machine.state(id).is_none_or(|(state, _)| !state.is_problem());
        let steady = self.machine.is_steady(id)
            && self.machine.host_of(id).is_none_or(|host| self.machine.is_steady(host));
        good && steady
            && !self.machine.recovery_is_due(id)
            && !self.gathered.has_hidden_tries(&self.machine, id)
    }

    /// A result that is not in the archive, before the next one that is.
    fn in_between(&self, id: ObjectId, now: i64) -> Option<(i64, Step)> {
        let course = self.courses[id.0 as usize];
        let known = self.gathered.peek(id);
        if course.kept || known.is_some_and(|known| known.is == Is::Kept) {
            return None;
        }
        let (state, kind) = self.machine.state(id)?;
        let soft = state.is_problem() && kind == StateType::Soft;
        let interval = self.machine.interval(id).as_secs() as i64;
        let is_run = self.gathered.is_run(id) && interval > 0;
        if let Some((first, tries)) = self.hidden_tries(id) {
            let room = if is_run && !soft { spread(now, first, interval) } else { None };
            return match (tries, room) {
                (0, _) => None,
                (_, Some(at)) => Some((at, Step::Again(id))),
                (_, None) => Some((first.max(now), Step::Try(id))),
            };
        }
        // Every one of these is in the archive.
        let all_written =
            (soft && !course.was_hard) || (state.is_problem() && !soft && self.machine.is_volatile(id));
        if !is_run || all_written {
            return None;
        }
        match known {
            None => Some((now + interval, Step::Again(id))),
            Some(known) if known.is == Is::Unwritten => {
                (now + interval < known.at).then_some((now + interval, Step::Again(id)))
            }
            // A check's result tells of its host's trouble again, which the archive has among the host's.
            Some(known) if self.host_is_bad(id) => {
                spread(now, known.at, interval).map(|at| ((at + EARLY).min(known.at - 1), Step::Again(id)))
            }
            Some(known) => {
                spread(now, known.at, interval).map(|at| ((at - EARLY).max(now + 1), Step::Again(id)))
            }
        }
    }

    /// It is good again as soon as its host is, which was not written.
    fn is_back(&self, id: ObjectId) -> bool {
        let unwritten = self.gathered.peek(id).is_some_and(|known| known.is == Is::Unwritten);
        unwritten && !self.host_is_bad(id)
    }

    fn host_is_bad(&self, id: ObjectId) -> bool {
        let host = self.machine.host_of(id).and_then(|host| self.machine.state(host));
        host.is_some_and(|(host, _)| host.is_problem())
    }

    /// When the next of the tries was that are not in the archive, and how many are left.
    fn hidden_tries(&self, id: ObjectId) -> Option<(i64, u32)> {
        let known = self.gathered.peek(id).filter(|_| self.gathered.has_hidden_tries(&self.machine, id))?;
        let soft =
            self.machine.state(id).is_some_and(|(state, kind)| state.is_problem() && kind == StateType::Soft);
        let done = if soft { self.machine.attempt(id) } else { 0 };
        let tries = known.attempt.saturating_sub(done + 1);
        Some((known.at - self.retry(id) * i64::from(tries), tries))
    }

    fn retry(&self, id: ObjectId) -> i64 {
        self.machine.retry_interval(id).as_secs().max(1) as i64
    }
}

/// The first of as many results as have room before `known`, evenly: Nagios is a little later each time.
fn spread(now: i64, known: i64, interval: i64) -> Option<i64> {
    let count = (known - now + interval / 2) / interval;
    (count >= 2).then(|| now + (known - now) / count)
}

/// Is it looked at by itself, so that results come in between?
fn runs(definitions: &Definitions) -> impl Iterator<Item = (Kind, &str)> {
    let checks = definitions.checks.iter().filter(|check| check.kind != CheckType::Passive);
    let hosts = definitions.hosts.iter().filter(|host| !host.command.is_empty());
    checks
        .map(|check| (Kind::Check, check.name.as_str()))
        .chain(hosts.map(|host| (Kind::Host, host.name.as_str())))
}

/// Of an object, in their order.
type Queue = VecDeque<Evidence>;
