//! Telling: the notice to each contact, numbers, escalations, and what is remembered of it.

use std::sync::Arc;

use vocabulary::Timestamp;
use vocabulary::state::{Notice, NoticeKind};

use super::filter::Hold;
use super::knobs::{Contact, ContactId, Escalation, Kind, Knobs, Options};
use super::live::Live;
use super::{Happenings, Machine, ObjectId};

/// What is told beside the state, and how.
#[derive(Clone, Debug, Default)]
pub(super) struct Note {
    pub author: Arc<str>,
    pub comment: Arc<str>,
    /// Past every filter.
    pub forced: bool,
    /// To the contacts of every escalation too.
    pub broadcast: bool,
    /// It counts as a problem notice.
    pub increment: bool,
}

const YEAR: i64 = 365 * 86_400;

impl Machine {
    pub(super) fn notify(&mut self, id: ObjectId, kind: NoticeKind, now: i64, out: &mut Happenings) {
        self.notify_with(id, kind, &self.no_note.clone(), now, out);
    }

    pub(super) fn notify_with(
        &mut self,
        id: ObjectId,
        kind: NoticeKind,
        note: &Note,
        now: i64,
        out: &mut Happenings,
    ) {
        if matches!(kind, NoticeKind::Problem | NoticeKind::Recovery) {
            self.mend_clocks(id, now);
        }
        // A rule in shadow tells nobody, whoever forces it.
        let shadow = self.of(id).knobs.shadow;
        if (shadow || !note.forced)
            && let Err(hold) = self.viable(id, kind, now)
        {
            self.not_told(id, kind, hold, now);
            return;
        }
        let counts = kind == NoticeKind::Problem || note.increment;
        self.live(id).number += u32::from(counts);
        let contacts = self.recipients(id, kind, note, now);
        if contacts.is_empty() {
            self.live(id).number -= u32::from(counts);
            return;
        }
        for contact in &contacts {
            let notice = self.notice(id, kind, *contact, note, now);
            out.notices.push(notice);
        }
        self.remember_told(id, kind, &contacts, now);
        out.touch(id);
    }

    /// Where the clock went back, what was "in the future" was now: nobody waits longer than one interval from here.
    fn mend_clocks(&mut self, id: ObjectId, now: i64) {
        let live = self.live(id);
        if live.last_notification > now {
            live.next_notification -= live.last_notification - now;
            live.last_notification = now;
        }
        live.last_hard_state_change = live.last_hard_state_change.min(now);
    }

    fn not_told(&mut self, id: ObjectId, kind: NoticeKind, hold: Hold, now: i64) {
        use vocabulary::state::Withheld;
        let knobs = self.of(id).knobs.clone();
        if kind == NoticeKind::Recovery && !knobs.options.has(Options::RECOVERY) {
            // 4.5: nobody wants to know of the end, so it is over.
            let live = self.live(id);
            live.notified_on = Options::NONE;
            live.number = 0;
        }
        if kind == NoticeKind::Problem && hold == Hold::For(Withheld::Period) {
            let next = self.shared.next_in_period(knobs.notification_period, now);
            self.live(id).next_notification = next.unwrap_or(now + YEAR);
        }
    }

    fn notice(&self, id: ObjectId, kind: NoticeKind, contact: ContactId, note: &Note, now: i64) -> Notice {
        let object = self.of(id);
        Notice {
            id: object.id.clone(),
            at: Timestamp(now),
            kind,
            state: object.live.state,
            contact: self.contact(contact).name.clone(),
            number: object.live.number,
            text: object.live.output.clone(),
            author: note.author.clone(),
            comment: note.comment.clone(),
        }
    }

    fn remember_told(&mut self, id: ObjectId, kind: NoticeKind, contacts: &[ContactId], now: i64) {
        let knobs = self.of(id).knobs.clone();
        match kind {
            NoticeKind::Problem => {
                let interval = self.interval_to_next(id, &knobs, now);
                let live = self.live(id);
                live.no_more_notifications = interval == 0 && !knobs.volatile;
                live.next_notification = now.saturating_add(interval);
                live.last_notification = now;
                live.notified_on = live.notified_on.with(Options::of(live.state));
                for contact in contacts {
                    if !live.told.contains(contact) {
                        live.told.push(*contact);
                    }
                }
            }
            NoticeKind::Recovery => {
                let live = self.live(id);
                live.last_notification = now;
                live.next_notification = now.saturating_add(knobs.notification_interval);
                live.notified_on = Options::NONE;
                live.number = 0;
                live.told.retain(|contact| !contacts.contains(contact));
            }
            _ => {}
        }
    }

    /// The shortest of the escalations that apply, else the object's own.
    fn interval_to_next(&self, id: ObjectId, knobs: &Knobs, now: i64) -> i64 {
        let live = &self.of(id).live;
        let escalations = knobs.escalations.iter();
        let matching =
            escalations.filter(|escalation| self.applies(escalation, live, NoticeKind::Problem, now));
        matching.map(|escalation| escalation.interval).min().unwrap_or(knobs.notification_interval)
    }

    /// Contacts of the escalations that apply, else the object's own; then each one's own filters.
    fn recipients(&self, id: ObjectId, kind: NoticeKind, note: &Note, now: i64) -> Vec<ContactId> {
        let object = self.of(id);
        let (knobs, live) = (&*object.knobs, &object.live);
        let mut found = Vec::new();
        // Nagios builds its list from behind.
        let mut add = |contacts: &[ContactId]| {
            for contact in contacts.iter().rev() {
                if !found.contains(contact)
                    && (note.forced || self.wants(self.contact(*contact), knobs.kind, live, kind, now))
                {
                    found.push(*contact);
                }
            }
        };
        let mut escalated = false;
        for escalation in &knobs.escalations {
            let applies = self.applies(escalation, live, kind, now);
            escalated |= applies;
            if applies || note.broadcast {
                add(&escalation.contacts);
            }
        }
        if !escalated || note.broadcast {
            add(&knobs.contacts);
        }
        found.reverse();
        found
    }

    /// A recovery goes by the number that the last problem notice had, as in 4.4.
    fn applies(&self, escalation: &Escalation, live: &Live, kind: NoticeKind, now: i64) -> bool {
        let back = !live.is_bad() && kind != NoticeKind::Recovery;
        let number = i64::from(live.number) - i64::from(back);
        i64::from(escalation.first) <= number
            && (escalation.last == 0 || number <= i64::from(escalation.last))
            && escalation.options.has(Options::of(live.state))
            && self.shared.in_period(escalation.period, now)
    }

    fn wants(&self, contact: &Contact, of: Kind, live: &Live, kind: NoticeKind, now: i64) -> bool {
        let (options, period) = match of {
            Kind::Host => (contact.host_options, contact.host_period),
            Kind::Check | Kind::Instance => (contact.check_options, contact.check_period),
        };
        if !contact.enabled || !self.shared.in_period(period, now) {
            return false;
        }
        match kind {
            NoticeKind::Custom => true,
            NoticeKind::FlappingStart | NoticeKind::FlappingStop | NoticeKind::FlappingDisabled => {
                options.has(Options::FLAPPING)
            }
            NoticeKind::DowntimeStart | NoticeKind::DowntimeEnd | NoticeKind::DowntimeCancelled => {
                options.has(Options::DOWNTIME)
            }
            NoticeKind::Problem | NoticeKind::Recovery | NoticeKind::Acknowledgement => {
                // Nobody hears the end of what they could not have heard of; a host's contacts do, as in Nagios.
                let knew = live.is_bad() || of == Kind::Host || live.notified_on.has(options);
                options.has(Options::of(live.state)) && knew
            }
        }
    }
}
