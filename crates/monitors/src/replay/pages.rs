//! What the state machine makes of results of the past: flapping, and who would have been told.

use jiff::tz::TimeZone;
use vocabulary::Timestamp;
use vocabulary::state::{NoticeKind, State, StateType};

use crate::Outcome;
use crate::config::{Definitions, MonitorConfig};
use crate::kinds::metric::telling::Voice;
use crate::kinds::metric::{Rule, Standing};
use crate::limits::{FLAP_MEMORY, REPEAT_SECONDS};
use crate::machine::{Happenings, Machine, ObjectId};

/// The state machine with this monitor only, its contacts and their periods.
pub struct Teller {
    machine: Machine,
    monitor: String,
    out: Happenings,
    contacts: bool,
}

/// A notice that would have gone out.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    pub at: i64,
    pub kind: NoticeKind,
    pub state: State,
    /// Empty: nobody is named, an incident would have told whoever its policy names.
    pub contact: String,
}

impl Teller {
    pub fn new(config: &MonitorConfig, all: &Definitions, zone: TimeZone) -> Result<Teller, String> {
        // A rule in shadow tells nobody, but what it would tell is the question.
        let monitor = MonitorConfig { shadow: false, ..config.clone() };
        let definitions = Definitions {
            monitors: vec![monitor],
            contacts: all.contacts.clone(),
            time_periods: all.time_periods.clone(),
            ..Definitions::default()
        };
        let machine = Machine::new(&definitions, zone)
            .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))?;
        let contacts = config.contacts.as_ref().is_some_and(|contacts| !contacts.is_empty());
        Ok(Teller { machine, monitor: config.name.clone(), out: Happenings::default(), contacts })
    }

    /// Standings of one instance in order, from the first second of the window to its last.
    pub fn tell(
        &mut self,
        rule: &Rule,
        instance: &str,
        standings: &[(i64, Standing)],
        until: i64,
    ) -> Result<Vec<Page>, String> {
        let id = self
            .machine
            .add_instance(&self.monitor, instance, until)
            .map_err(|refusal| format!("{refusal:?}"))?;
        let mut pages = Vec::new();
        let Some((begin, _)) = standings.first() else { return Ok(pages) };
        let mut voice = Voice::new((State::Ok, StateType::Hard), *begin);
        for (index, (at, standing)) in standings.iter().enumerate() {
            let end = standings.get(index + 1).map_or(until, |next| next.0);
            self.say(&mut voice, rule, id, *standing, *at, &mut pages);
            // Results that repeat what was said push changes out of the memory for flapping; when none is left,
            // nothing more comes of them.
            for _ in 0..FLAP_MEMORY {
                let next = voice.next_repeat();
                if next >= end {
                    break;
                }
                self.say(&mut voice, rule, id, *standing, next, &mut pages);
                if voice.next_repeat() == next {
                    break;
                }
            }
            voice.skip_to(end - (end - *at).rem_euclid(REPEAT_SECONDS));
        }
        Ok(pages)
    }

    fn say(
        &mut self,
        voice: &mut Voice,
        rule: &Rule,
        id: ObjectId,
        standing: Standing,
        at: i64,
        pages: &mut Vec<Page>,
    ) {
        for _ in 0..voice.say(rule, standing, at) {
            let shown = standing.pending.filter(|_| standing.state == State::Ok).unwrap_or(standing.state);
            let status = match shown {
                State::Ok => 0,
                State::Warning => 1,
                State::Critical => 2,
                _ => 3,
            };
            let outcome = Outcome { status, at: Timestamp(at), active: true, ..Outcome::default() };
            self.machine.result(id, &outcome, Timestamp(at), &mut self.out);
            self.collect(pages);
            self.out.clear();
        }
    }

    fn collect(&self, pages: &mut Vec<Page>) {
        if self.contacts {
            pages.extend(self.out.notices.iter().map(|notice| Page {
                at: notice.at.0,
                kind: notice.kind,
                state: notice.state,
                contact: notice.contact.to_string(),
            }));
            return;
        }
        // An incident opens with a problem that nothing holds back, and ends with it.
        for change in self.out.changes.iter().filter(|change| change.to_type == StateType::Hard) {
            let was_bad = change.from.is_problem() && change.from_type == StateType::Hard;
            let kind = match (was_bad, change.to.is_problem()) {
                (false, true) if change.withheld.is_none() => NoticeKind::Problem,
                (true, false) => NoticeKind::Recovery,
                _ => continue,
            };
            pages.push(Page { at: change.at.0, kind, state: change.to, contact: String::new() });
        }
    }
}
