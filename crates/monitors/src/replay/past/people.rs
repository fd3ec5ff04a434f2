//! What people asked for, out of the commands that Nagios wrote down; and where it did not (`log_external_commands=0`,
//! or before the archive began), out of what came of it.
//!
//! Ids of downtimes are Nagios's own: it counts them in the order in which they are asked for, so the place in that
//! order tells which is meant, and a downtime that is cancelled while it lasts has a line that names its object.

use std::collections::{BTreeMap, BTreeSet};

use formats::nagios::command::{self, External, Target};
use vocabulary::Timestamp;
use vocabulary::state::NoticeKind;

use super::evidence::target_of;
use crate::machine::{Command, Done, Happenings, Machine, NewDowntime, ObjectId, Switch};

/// A downtime begins within the second; Nagios looks at those that were planned before it started a little later.
const BEGINS_WITHIN: i64 = 90;
/// The line that a downtime was cancelled is written with the command.
const CANCELLED_WITHIN: i64 = 2;
/// A command and what comes of it.
const TOGETHER: i64 = 2;
/// As long as a downtime may last whose end is not in the archive.
const NO_END: i64 = 10 * 365 * 86_400;

#[derive(Debug)]
pub(super) enum Act {
    Command(External),
    /// An acknowledgement or a custom notice; of downtimes and flapping their own lines tell.
    Notice {
        id: ObjectId,
        notice: NoticeKind,
        author: String,
        comment: String,
    },
    /// `started`, `stopped`, `cancelled`.
    Downtime {
        id: ObjectId,
        phase: String,
    },
}

#[derive(Default)]
pub(super) struct People {
    acts: BTreeMap<(i64, usize), Act>,
    /// When downtimes of an object began, and ended, by the archive.
    began: BTreeSet<(ObjectId, i64)>,
    ended: BTreeSet<(ObjectId, i64)>,
    cancelled: BTreeSet<(i64, ObjectId)>,
    /// The archive's last line about a downtime: up to it what has none did not happen.
    last_line: i64,
    /// In the order in which they were asked for: the machine's id, if it took it.
    asked: Vec<Option<u64>>,
    /// Nagios's id of the first of them.
    first_id: Option<i64>,
    told_of: BTreeSet<(ObjectId, i64)>,
    commands: bool,
}

impl People {
    pub fn note(&mut self, at: i64, order: usize, act: Act) {
        self.commands |= matches!(act, Act::Command(_));
        match &act {
            Act::Downtime { id, phase } => {
                self.last_line = at;
                match phase.as_str() {
                    "started" => self.began.insert((*id, at)),
                    "cancelled" => self.cancelled.insert((at, *id)) && self.ended.insert((*id, at)),
                    _ => self.ended.insert((*id, at)),
                };
                // A command or a result of the same second may bring it: what did not come is mended afterwards.
                self.acts.insert((at + 1, order), act);
            }
            Act::Notice { notice: NoticeKind::Acknowledgement | NoticeKind::Custom, .. }
            | Act::Command(_) => {
                self.acts.insert((at, order), act);
            }
            Act::Notice { .. } => {}
        }
    }

    pub fn moments(&self) -> Vec<(i64, usize)> {
        self.acts.keys().copied().collect()
    }

    pub fn knows_commands(&self) -> bool {
        self.commands
    }

    pub fn take(&mut self, at: i64, order: usize) -> Option<Act> {
        self.acts.remove(&(at, order))
    }

    /// Fixed ones that are about to begin and did not, by the archive: they were deleted before.
    pub fn before_downtimes(&self, machine: &mut Machine, now: i64, out: &mut Happenings) {
        if now + BEGINS_WITHIN > self.last_line || self.began.is_empty() {
            return;
        }
        let begins = |downtime: &&crate::machine::Downtime| {
            downtime.fixed
                && !downtime.in_effect
                && downtime.triggered_by.is_none()
                && downtime.start <= now
                && downtime.end > now
        };
        let about: Vec<(u64, ObjectId)> =
            machine.downtimes().filter(begins).map(|downtime| (downtime.id, downtime.object)).collect();
        for (id, object) in about {
            let lasts = machine.downtimes_of(object).any(|downtime| downtime.in_effect);
            let began = self.began.range((object, now - 1)..=(object, now + BEGINS_WITHIN)).next().is_some();
            if !lasts && !began {
                // It is not in effect: nobody is told.
                let _ = machine.command(Command::CancelDowntime { id }, Timestamp(now), out);
            }
        }
    }

    /// How many were not obeyed.
    pub fn obey(&mut self, act: Act, machine: &mut Machine, now: i64, out: &mut Happenings) -> u64 {
        let obeyed = match act {
            Act::Command(command) => self.command(command, machine, now, out),
            Act::Notice { id, notice, author, comment } => {
                self.seen_by_its_notice(id, notice, author, comment, machine, now, out)
            }
            Act::Downtime { id, phase } => {
                self.downtime_as_it_was(id, &phase, machine, now - 1, out);
                true
            }
        };
        u64::from(!obeyed)
    }

    fn command(&mut self, command: External, machine: &mut Machine, now: i64, out: &mut Happenings) -> bool {
        let target = |target: &Target| target_of(machine, target);
        let command = match command {
            External::Acknowledge { target: of, sticky, notify, persistent, author, comment } => target(&of)
                .map(|object| Command::Acknowledge {
                    object,
                    sticky,
                    notify,
                    persistent,
                    expires: None,
                    author,
                    comment,
                }),
            External::RemoveAcknowledgement { target: of } => {
                target(&of).map(|object| Command::RemoveAcknowledgement { object })
            }
            External::Notify { target: of, broadcast, forced, increment, author, comment } => target(&of)
                .map(|object| {
                    self.told_of.insert((object, now));
                    Command::Notify { object, author, comment, forced, broadcast, increment }
                }),
            External::Switch { target: of, what, on } => {
                target(&of).map(|object| Command::Switch { object, what: switch(what), on })
            }
            External::Downtime(downtime) => return self.plan(&downtime, machine, now, out),
            External::DeleteDowntime { id } => return self.delete(id, machine, now, out),
            // Results are evidence; a look that was asked for is seen by what came of it.
            External::Result { .. }
            | External::Check { .. }
            | External::Comment { .. }
            | External::DeleteComment { .. } => {
                return true;
            }
        };
        command.is_some_and(|command| machine.command(command, Timestamp(now), out).is_ok())
    }

    fn plan(
        &mut self,
        asked: &command::Downtime,
        machine: &mut Machine,
        now: i64,
        out: &mut Happenings,
    ) -> bool {
        let Some(object) = target_of(machine, &asked.target) else {
            self.asked.push(None);
            return false;
        };
        let objects = if asked.of_services { machine.checks_on(object).to_vec() } else { vec![object] };
        let triggered_by = self.own_id(asked.trigger).filter(|_| asked.trigger != 0);
        let mut obeyed = true;
        for object in objects {
            let new = NewDowntime {
                object,
                start: asked.start,
                end: asked.end,
                fixed: asked.fixed,
                duration: if asked.fixed { asked.end - asked.start } else { asked.duration },
                triggered_by,
                author: asked.author.as_str().into(),
                comment: asked.comment.as_str().into(),
            };
            let done = machine.command(Command::ScheduleDowntime(new), Timestamp(now), out);
            obeyed &= done.is_ok();
            self.asked.push(match done {
                Ok(Done::Downtime(id)) => Some(id),
                _ => None,
            });
        }
        obeyed
    }

    fn own_id(&self, theirs: u64) -> Option<u64> {
        let place = i64::try_from(theirs).ok()? - self.first_id.unwrap_or(1);
        self.asked.get(usize::try_from(place).ok()?).copied().flatten()
    }

    /// Nagios's id. Where its own line says that another object's was cancelled, ids do not begin at 1.
    fn delete(&mut self, theirs: u64, machine: &mut Machine, now: i64, out: &mut Happenings) -> bool {
        let by_place =
            self.own_id(theirs).filter(|id| machine.downtimes().any(|downtime| downtime.id == *id));
        let object_of = |machine: &Machine, id: u64| {
            machine.downtimes().find(|downtime| downtime.id == id).map(|downtime| downtime.object)
        };
        let named: Vec<ObjectId> = self
            .cancelled
            .range((now, ObjectId(0))..(now + CANCELLED_WITHIN, ObjectId(0)))
            .map(|(_, id)| *id)
            .collect();
        let agrees = by_place
            .and_then(|id| object_of(machine, id))
            .is_some_and(|object| named.is_empty() || named.contains(&object));
        let id = if agrees {
            by_place
        } else {
            let lasting = named.iter().find_map(|object| {
                machine.downtimes_of(*object).find(|downtime| downtime.in_effect).map(|downtime| downtime.id)
            });
            if let Some(place) = lasting.and_then(|id| self.asked.iter().position(|asked| *asked == Some(id)))
            {
                self.first_id = i64::try_from(theirs).ok().map(|theirs| theirs - place as i64);
            }
            lasting
        };
        id.is_some_and(|id| machine.command(Command::CancelDowntime { id }, Timestamp(now), out).is_ok())
    }

    /// Where the command is not in the archive, its notice is.
    #[allow(clippy::too_many_arguments, reason = "one line of the archive")]
    fn seen_by_its_notice(
        &mut self,
        id: ObjectId,
        notice: NoticeKind,
        author: String,
        comment: String,
        machine: &mut Machine,
        now: i64,
        out: &mut Happenings,
    ) -> bool {
        let command = match notice {
            NoticeKind::Acknowledgement if !machine.is_acknowledged(id) => Command::Acknowledge {
                object: id,
                // Which kind it was does not stand there; most are.
                sticky: true,
                notify: true,
                persistent: false,
                expires: None,
                author,
                comment,
            },
            NoticeKind::Custom if self.told_of.range((id, now - TOGETHER)..=(id, now)).next().is_none() => {
                self.told_of.insert((id, now));
                Command::Notify {
                    object: id,
                    author,
                    comment,
                    forced: false,
                    broadcast: false,
                    increment: false,
                }
            }
            _ => return true,
        };
        machine.command(command, Timestamp(now), out).is_ok()
    }

    /// A downtime that nobody asked for, as far as the archive goes, and one that ended earlier than it should have.
    fn downtime_as_it_was(
        &mut self,
        id: ObjectId,
        phase: &str,
        machine: &mut Machine,
        at: i64,
        out: &mut Happenings,
    ) {
        let lasting =
            machine.downtimes_of(id).find(|downtime| downtime.in_effect).map(|downtime| downtime.id);
        match (phase, lasting) {
            ("started", None) => {
                let end =
                    self.ended.range((id, at)..=(id, i64::MAX)).next().map_or(at + NO_END, |(_, end)| *end);
                let new = NewDowntime {
                    object: id,
                    start: at,
                    end: end.max(at + 1),
                    fixed: true,
                    duration: end - at,
                    triggered_by: None,
                    author: "".into(),
                    comment: "".into(),
                };
                if end > at + 1 {
                    let _ = machine.command(Command::ScheduleDowntime(new), Timestamp(at), out);
                }
            }
            ("cancelled", Some(lasting))
                if self.began.range((id, at - 1)..=(id, at + 1)).next().is_none() =>
            {
                let _ = machine.command(Command::CancelDowntime { id: lasting }, Timestamp(at), out);
            }
            _ => {}
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
