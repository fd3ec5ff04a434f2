//! A result: SOFT and HARD, attempts, reachability, and what follows from them.
//!
//! The steps stand in the order in which Nagios does them, because what a later one sees depends on it.

use vocabulary::Timestamp;
use vocabulary::state::{NoticeKind, State, StateType};

use super::knobs::{Kind, Knobs, Options};
use super::limits::OLDEST_SIGHT_SECONDS;
use super::live::{Live, keep_text};
use super::{Handler, Happenings, Machine, ObjectId};
use crate::Outcome;

/// A host that was looked at less than this long ago is not looked at again because of its checks: Nagios's
/// `cached_host_check_horizon`.
const HOST_IS_FRESH: i64 = 15;

/// What one result has brought about so far.
struct Turn {
    last: State,
    at: i64,
    now: i64,
    state_change: bool,
    hard_change: bool,
    tell: bool,
    handle: bool,
}

impl Machine {
    /// A result of a check, a host, or an instance. They are taken in the order in which they come in.
    pub fn result(&mut self, id: ObjectId, outcome: &Outcome, now: Timestamp, out: &mut Happenings) {
        let knobs = self.of(id).knobs.clone();
        let before = self.seen(id);
        match knobs.kind {
            Kind::Host => self.host_result(id, &knobs, outcome, now.0, out),
            Kind::Check | Kind::Instance => self.check_result(id, &knobs, outcome, now.0, out),
        }
        self.show_change(id, before, now.0, out);
        out.touch(id);
    }

    fn check_result(
        &mut self,
        id: ObjectId,
        knobs: &Knobs,
        outcome: &Outcome,
        now: i64,
        out: &mut Happenings,
    ) {
        self.forget_flapping_of_alert(id, knobs, now);
        let mut turn = self.take(id, outcome, State::of_status(outcome.status), now);
        self.weigh_host(id, knobs, &mut turn, out);
        let live = self.live(id);
        if turn.last == State::Ok {
            check_was_good(live, &mut turn);
        } else {
            check_was_bad(live, &mut turn);
        }
        live.retry_next = live.soft();
        turn.state_change |= live.state != turn.last || (live.state == State::Ok && live.soft());
        count_check_attempt(live, knobs, &turn);
        let unconfirmed = live.state != live.last_hard_state || (live.soft() && live.is_bad());
        if live.attempt >= knobs.max_attempts && unconfirmed {
            live.retry_next = false;
            turn.hard_change = true;
            turn.tell = true;
        }
        self.change(id, &mut turn, out);
        self.watch_flapping(id, knobs, now, out);
        if let Some(host) = knobs.host {
            let host_knobs = self.of(host).knobs.clone();
            self.watch_flapping(host, &host_knobs, now, out);
        }
        self.tell_state(id, knobs, &turn, out);
        self.handle(id, knobs, &turn, out);
        self.settle_recovery(id, &turn);
    }

    /// Takes what the result says, as it says it.
    fn take(&mut self, id: ObjectId, outcome: &Outcome, state: State, now: i64) -> Turn {
        // A sender's clock may be ahead of ours; what it saw is not later than now.
        let at = if outcome.at.0 > 0 { outcome.at.0.min(now) } else { now };
        let live = self.live(id);
        let last = live.state;
        live.bad_since = bad_since(live, state, at, now);
        live.state = state;
        live.checked = true;
        live.last_check = at;
        live.last_result = now;
        live.last_was_active = outcome.active;
        live.value = outcome.value;
        live.seconds = outcome.seconds;
        live.of_sender.clone_from(&outcome.of_sender);
        keep_text(&mut live.output, &outcome.output);
        keep_text(&mut live.long_output, &outcome.long_output);
        keep_text(&mut live.perfdata, &outcome.perfdata);
        if live.last_state_change == 0 {
            live.last_state_change = at;
        }
        if live.last_hard_state_change == 0 {
            live.last_hard_state_change = at;
        }
        Turn { last, at, now, state_change: false, hard_change: false, tell: false, handle: false }
    }

    /// On a host that is not up a bad result is HARD at once, and nobody is told of it.
    fn weigh_host(&mut self, id: ObjectId, knobs: &Knobs, turn: &mut Turn, out: &mut Happenings) {
        let Some(host) = knobs.host else { return };
        let (host_up, host_checked, host_seen) = {
            let host = &self.of(host).live;
            (!host.is_bad(), host.checked, host.last_check)
        };
        let (state, bad) = (self.of(id).live.state, self.of(id).live.is_bad());
        let host_is_fresh = host_checked && turn.now.saturating_sub(host_seen) < HOST_IS_FRESH;
        match (bad, host_up) {
            (false, _) if !host_checked => out.look_at(host),
            (false, true) => {}
            (false, false) => {
                if turn.last != State::Ok || !host_is_fresh {
                    out.look_at(host);
                }
                self.live(id).host_problem_at_last_check = true;
            }
            (true, true) => {
                if turn.last != state && host_seen.saturating_add(HOST_IS_FRESH) < turn.now {
                    out.look_at(host);
                }
                let live = self.live(id);
                // The check gets all its attempts once its host is back.
                if live.host_problem_at_last_check && live.soft() {
                    live.attempt = 1;
                }
                live.host_problem_at_last_check = false;
            }
            (true, false) => {
                if turn.last == state {
                    self.notify(host, NoticeKind::Problem, turn.now, out);
                }
                self.live(id).host_problem_at_last_check = true;
            }
        }
        let live = self.live(id);
        if !host_up && live.last_hard_state != live.state {
            turn.hard_change = true;
            live.state_type = StateType::Hard;
            live.last_hard_state = live.state;
            live.attempt = knobs.max_attempts;
        }
    }

    fn host_result(
        &mut self,
        id: ObjectId,
        knobs: &Knobs,
        outcome: &Outcome,
        now: i64,
        out: &mut Happenings,
    ) {
        let mut turn = self.take(id, outcome, host_state(outcome), now);
        let live = self.live(id);
        match (turn.last == State::Up, live.state == State::Up) {
            (true, true) => {
                live.state_type = StateType::Hard;
                live.attempt = 1;
            }
            (true, false) => {
                live.state_type = StateType::Soft;
                live.attempt = 1;
                turn.handle = true;
            }
            (false, true) => {
                turn.handle = true;
                if live.hard() {
                    turn.tell = true;
                    turn.hard_change = true;
                    live.attempt = 1;
                }
            }
            (false, false) => {
                turn.handle |= live.soft();
                turn.tell |= live.hard();
            }
        }
        if turn.last.is_problem() != self.of(id).live.is_bad() {
            self.look_around(knobs, out);
        }
        if self.of(id).live.is_bad() && (outcome.active || knobs.translate_passive) {
            let state = self.reachability(id);
            self.live(id).state = state;
        }
        let live = self.live(id);
        live.retry_next = live.soft() && live.is_bad();
        turn.state_change = live.state != turn.last || (live.state == State::Up && live.soft());
        count_host_attempt(live, knobs, &turn);
        if live.attempt >= knobs.max_attempts && live.state != live.last_hard_state {
            live.retry_next = false;
            turn.hard_change = true;
            turn.tell = true;
        }
        if !outcome.active && !knobs.passive_soft {
            harden(live, &mut turn);
        }
        self.change(id, &mut turn, out);
        turn.tell |= turn.hard_change;
        self.watch_flapping(id, knobs, now, out);
        self.tell_state(id, knobs, &turn, out);
        self.handle(id, knobs, &turn, out);
    }

    /// Judged when a result of the host itself comes in, not when a parent changes.
    fn reachability(&self, id: ObjectId) -> State {
        let live = &self.of(id).live;
        let told_so = !live.last_was_active && live.state == State::Unreachable;
        if told_so || self.is_cut_off(id) { State::Unreachable } else { State::Down }
    }

    /// A host that changed makes its neighbours worth a look.
    fn look_around(&self, knobs: &Knobs, out: &mut Happenings) {
        for neighbour in knobs.parents.iter().chain(&knobs.children) {
            out.look_at(*neighbour);
        }
    }

    /// What a change of state or type brings: flexible downtimes begin, the clocks of notices start again,
    /// acknowledgements end.
    fn change(&mut self, id: ObjectId, turn: &mut Turn, out: &mut Happenings) {
        let live = self.live(id);
        if turn.state_change {
            live.last_state_change = turn.at;
            live.state_type = StateType::Soft;
        }
        if turn.hard_change {
            live.last_hard_state_change = turn.at;
            live.last_state_change = turn.at;
            live.last_hard_state = live.state;
            live.state_type = StateType::Hard;
        }
        if !turn.state_change && !turn.hard_change {
            return;
        }
        turn.handle = true;
        self.begin_flexible(id, turn.now, out);
        let live = self.live(id);
        live.last_notification = 0;
        live.next_notification = 0;
        live.no_more_notifications = false;
        let ends = live.acknowledgement.as_ref().is_some_and(|acknowledgement| {
            if acknowledgement.sticky { !live.is_bad() } else { turn.state_change || !turn.hard_change }
        });
        if ends {
            self.end_acknowledgement(id, out);
        }
    }

    fn tell_state(&mut self, id: ObjectId, knobs: &Knobs, turn: &Turn, out: &mut Happenings) {
        let live = &self.of(id).live;
        let volatile = knobs.volatile && live.is_bad() && live.hard();
        // 4.5: whoever was told of the problem is told of its end, as soon as nothing keeps that back.
        let recovery = live.notified_on != Options::NONE && !live.is_bad() && live.hard();
        if recovery {
            self.notify(id, NoticeKind::Recovery, turn.now, out);
        } else if turn.tell || volatile {
            self.notify(id, NoticeKind::Problem, turn.now, out);
        }
    }

    fn handle(&self, id: ObjectId, knobs: &Knobs, turn: &Turn, out: &mut Happenings) {
        let live = &self.of(id).live;
        let volatile = knobs.volatile && live.is_bad() && live.hard();
        let enabled = knobs.event_handler && live.switches.event_handler.unwrap_or(true);
        if enabled && !knobs.shadow && (turn.handle || volatile) {
            out.handlers.push(Handler {
                object: id,
                at: Timestamp(turn.now),
                state: live.state,
                state_type: live.state_type,
                attempt: live.attempt,
            });
        }
    }

    /// A check that is good again is HARD at once, after its SOFT recovery was handled as such.
    fn settle_recovery(&mut self, id: ObjectId, turn: &Turn) {
        let live = self.live(id);
        if live.state == State::Ok && turn.state_change {
            if turn.hard_change {
                live.host_problem_at_last_check = false;
            }
            live.last_hard_state_change = turn.at;
            live.last_hard_state = State::Ok;
            live.attempt = 1;
            live.state_type = StateType::Hard;
        }
    }
}

/// What is bad is bad since it was first seen so, whether that is confirmed yet or not.
fn bad_since(live: &Live, state: State, at: i64, now: i64) -> i64 {
    // Versions before kept only the last change of a bad state.
    let known = if live.bad_since > 0 { live.bad_since } else { live.last_state_change };
    match (state.is_problem(), live.is_bad()) {
        (false, _) => 0,
        (true, true) if known > 0 => known,
        (true, _) if at >= now.saturating_sub(OLDEST_SIGHT_SECONDS) => at,
        (true, _) => now,
    }
}

/// Of an active result 1 is UP, for plugins say WARNING so; a passive one says the state itself.
fn host_state(outcome: &Outcome) -> State {
    match (outcome.active, outcome.status) {
        (_, 0) | (true, 1) => State::Up,
        (false, 2) => State::Unreachable,
        _ => State::Down,
    }
}

fn check_was_good(live: &mut Live, turn: &mut Turn) {
    live.attempt = 1;
    if live.state == State::Ok {
        live.state_type = StateType::Hard;
    } else {
        if !live.host_problem_at_last_check && !turn.hard_change {
            live.state_type = StateType::Soft;
        }
        turn.handle = true;
    }
}

fn check_was_bad(live: &mut Live, turn: &mut Turn) {
    if live.state == State::Ok {
        turn.handle = true;
        turn.state_change = true;
        if live.hard() {
            turn.tell = true;
            turn.hard_change = true;
            live.attempt = 1;
        }
    } else if live.soft() {
        turn.handle = true;
    } else if !live.host_problem_at_last_check {
        turn.tell = true;
    }
}

/// WARNING, CRITICAL and UNKNOWN share the count; a soft recovery counts too, until it is settled.
fn count_check_attempt(live: &mut Live, knobs: &Knobs, turn: &Turn) {
    if live.hard() {
        return;
    }
    if turn.last == State::Ok && turn.state_change && live.is_bad() {
        live.attempt = 1;
    } else if live.attempt < knobs.max_attempts {
        live.attempt += 1;
    } else if turn.state_change && live.is_bad() {
        live.attempt = 1;
    }
}

fn count_host_attempt(live: &mut Live, knobs: &Knobs, turn: &Turn) {
    if live.hard() {
        return;
    }
    if turn.last.is_problem() && live.is_bad() && live.attempt < knobs.max_attempts {
        live.attempt += 1;
    } else if turn.state_change || live.state == State::Up {
        live.attempt = 1;
    } else if live.attempt < knobs.max_attempts {
        live.attempt += 1;
    }
}

/// Passive results of hosts need no confirmation, unless it is asked for.
fn harden(live: &mut Live, turn: &mut Turn) {
    if turn.state_change {
        live.attempt = 1;
        turn.hard_change = true;
    }
    live.state_type = StateType::Hard;
}
