//! Whether anybody is to be told: Nagios's filter, in its order.

use vocabulary::state::{NoticeKind, State, Withheld};

use super::knobs::{Dependency, Kind, Knobs, Options};
use super::{Machine, ObjectId};

/// Longest chain of dependencies that is followed; a circle would have no end.
const LONGEST_CHAIN: u32 = 64;

/// Why nobody is told now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    /// Seen from outside too.
    For(Withheld),
    Soft,
    /// The object's options leave it out, or there is nothing to tell.
    NotWanted,
    /// Told already, and not yet due again.
    NotYet,
}

type Verdict = Result<(), Hold>;

fn hold_if(condition: bool, hold: Hold) -> Verdict {
    if condition { Err(hold) } else { Ok(()) }
}

impl Machine {
    pub(super) fn viable(&self, id: ObjectId, kind: NoticeKind, now: i64) -> Verdict {
        let knobs = &*self.of(id).knobs;
        hold_if(knobs.shadow, Hold::For(Withheld::Shadow))?;
        self.may_tell_at_all(id, knobs, now)?;
        match kind {
            NoticeKind::Custom => hold_if(self.in_own_or_host_downtime(id), Hold::For(Withheld::Downtime)),
            NoticeKind::Acknowledgement => hold_if(!self.of(id).live.is_bad(), Hold::NotWanted),
            NoticeKind::FlappingStart | NoticeKind::FlappingStop | NoticeKind::FlappingDisabled => {
                hold_if(!knobs.options.has(Options::FLAPPING), Hold::NotWanted)?;
                hold_if(self.in_own_or_host_downtime(id), Hold::For(Withheld::Downtime))
            }
            NoticeKind::DowntimeStart | NoticeKind::DowntimeEnd | NoticeKind::DowntimeCancelled => {
                hold_if(!knobs.options.has(Options::DOWNTIME), Hold::NotWanted)?;
                hold_if(self.of(id).live.downtime_depth > 0, Hold::For(Withheld::Downtime))
            }
            NoticeKind::Problem | NoticeKind::Recovery => self.state_may_be_told(id, knobs, kind, now),
        }
    }

    /// What applies to every kind of notice.
    fn may_tell_at_all(&self, id: ObjectId, knobs: &Knobs, now: i64) -> Verdict {
        // 4.5: behind nothing but hosts that are not up a check's word is not to be trusted.
        let host_cut_off = knobs.host.is_some_and(|host| self.is_cut_off(host));
        hold_if(host_cut_off, Hold::For(Withheld::HostDown))?;
        hold_if(!self.shared.in_period(knobs.notification_period, now), Hold::For(Withheld::Period))?;
        let enabled = self.of(id).live.switches.notifications.unwrap_or(knobs.notifications);
        hold_if(!enabled, Hold::For(Withheld::Off))
    }

    fn state_may_be_told(&self, id: ObjectId, knobs: &Knobs, kind: NoticeKind, now: i64) -> Verdict {
        let live = &self.of(id).live;
        hold_if(live.soft(), Hold::Soft)?;
        hold_if(live.acknowledgement.is_some(), Hold::For(Withheld::Acknowledged))?;
        hold_if(self.notices_depend_on_failed(id, now), Hold::For(Withheld::Dependency))?;
        hold_if(!knobs.options.has(Options::of(live.state)), Hold::NotWanted)?;
        hold_if(!live.is_bad() && live.notified_on == Options::NONE, Hold::NotWanted)?;
        hold_if(
            kind == NoticeKind::Problem && self.is_too_early(id, knobs, now),
            Hold::For(Withheld::Delayed),
        )?;
        hold_if(live.flapping, Hold::For(Withheld::Flapping))?;
        hold_if(self.is_in_downtime(id, knobs, now), Hold::For(Withheld::Downtime))?;
        hold_if(live.no_more_notifications, Hold::NotYet)?;
        hold_if(self.is_host_hard_down(knobs), Hold::For(Withheld::HostDown))?;
        hold_if(now < live.next_notification && !knobs.volatile, Hold::NotYet)
    }

    /// Why nobody would be told of the state as it is, whether it is due or not.
    pub(super) fn withheld(&self, id: ObjectId, now: i64) -> Option<Withheld> {
        self.withheld_by(id, true, now)
    }

    /// As if nobody had acknowledged it, unless `acknowledgements` count.
    pub(super) fn withheld_by(&self, id: ObjectId, acknowledgements: bool, now: i64) -> Option<Withheld> {
        let (flaps, in_hand) = (self.flaps(id, now), self.acknowledgement(id).is_some());
        let id = self.of(id).knobs.part_of.unwrap_or(id);
        let object = self.of(id);
        let (knobs, live) = (&*object.knobs, &object.live);
        if knobs.shadow {
            return Some(Withheld::Shadow);
        }
        if let Err(Hold::For(reason)) = self.may_tell_at_all(id, knobs, now) {
            return Some(reason);
        }
        if !live.is_bad() && !flaps && live.downtime_depth == 0 && knobs.host.is_none() {
            return None;
        }
        let reasons = [
            (acknowledgements && in_hand, Withheld::Acknowledged),
            (self.notices_depend_on_failed(id, now), Withheld::Dependency),
            (live.is_bad() && self.is_too_early(id, knobs, now), Withheld::Delayed),
            (flaps, Withheld::Flapping),
            (self.is_in_downtime(id, knobs, now), Withheld::Downtime),
            (self.is_host_hard_down(knobs), Withheld::HostDown),
        ];
        reasons.iter().find(|(holds, _)| *holds).map(|(_, reason)| *reason)
    }

    /// Counted from the last HARD change, so it begins again when WARNING turns CRITICAL.
    fn is_too_early(&self, id: ObjectId, knobs: &Knobs, now: i64) -> bool {
        let live = &self.of(id).live;
        let since = live.last_hard_state_change.min(now);
        knobs.first_delay > 0
            && live.number == 0
            && live.is_bad()
            && now < since.saturating_add(knobs.first_delay)
    }

    fn is_in_downtime(&self, id: ObjectId, knobs: &Knobs, now: i64) -> bool {
        if self.in_own_or_host_downtime(id) {
            return true;
        }
        // A host's own notices do not wait for its flexible downtime, as in Nagios.
        knobs.kind != Kind::Host
            && (self.in_pending_flexible(id, now)
                || knobs.host.is_some_and(|host| self.in_pending_flexible(host, now)))
    }

    pub(super) fn in_own_or_host_downtime(&self, id: ObjectId) -> bool {
        let object = self.of(id);
        let depth_of_host = object.knobs.host.map_or(0, |host| self.of(host).live.downtime_depth);
        object.live.downtime_depth > 0 || depth_of_host > 0
    }

    fn is_host_hard_down(&self, knobs: &Knobs) -> bool {
        knobs.host.is_some_and(|host| {
            let host = &self.of(host).live;
            host.is_bad() && host.hard()
        })
    }

    /// It has parents, and none of them is up.
    pub(super) fn is_cut_off(&self, host: ObjectId) -> bool {
        let parents = &self.of(host).knobs.parents;
        !parents.is_empty() && parents.iter().all(|parent| self.of(*parent).live.is_bad())
    }

    fn notices_depend_on_failed(&self, id: ObjectId, now: i64) -> bool {
        self.depends_on_failed(id, now, |knobs| &knobs.notify_dependencies)
    }

    /// Its own dependencies, then its host's.
    fn depends_on_failed(
        &self,
        id: ObjectId,
        now: i64,
        which: impl Fn(&Knobs) -> &[Dependency] + Copy,
    ) -> bool {
        let host = self.of(id).knobs.host;
        self.any_fails(id, now, which, LONGEST_CHAIN)
            || host.is_some_and(|host| self.any_fails(host, now, which, LONGEST_CHAIN))
    }

    /// Nagios does not ask the host's dependencies before it runs a check.
    pub(super) fn depends_on_failed_alone(&self, id: ObjectId, now: i64) -> bool {
        self.any_fails(id, now, |knobs| &knobs.run_dependencies, LONGEST_CHAIN)
    }

    fn any_fails(
        &self,
        id: ObjectId,
        now: i64,
        which: impl Fn(&Knobs) -> &[Dependency] + Copy,
        chain: u32,
    ) -> bool {
        which(&self.of(id).knobs).iter().any(|dependency| {
            self.shared.in_period(dependency.period, now)
                && (dependency.fails_in.has(Options::of(self.state_for_dependents(dependency.master)))
                    || (dependency.inherits_parent
                        && chain > 0
                        && self.any_fails(dependency.master, now, which, chain - 1)))
        })
    }

    /// A master that is SOFT counts by what it was before.
    fn state_for_dependents(&self, master: ObjectId) -> State {
        let live = &self.of(master).live;
        if live.soft() { live.last_hard_state } else { live.state }
    }
}
