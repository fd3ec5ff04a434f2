//! The state of an object as it is kept on the disk: small, and without what the definitions say.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use vocabulary::state::{State, StateType};

use super::commands::Comment;
use super::downtime::Downtime;
use super::flapping::History;
use super::knobs::Options;
use super::live::{Acknowledgement, Live, Switches};
use super::{Machine, ObjectId};

/// How an object is named where ids do not live long enough.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ObjectName {
    Check(String),
    Host(String),
    Instance(String, String),
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Times are seconds since 1970; 0 is never.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Saved {
    pub state: State,
    pub state_type: StateType,
    pub attempt: u32,
    pub checked: bool,
    pub last_hard_state: State,
    pub last_check: i64,
    pub last_result: i64,
    pub last_state_change: i64,
    pub last_hard_state_change: i64,
    /// Versions before wrote none.
    #[serde(default, skip_serializing_if = "is_default")]
    pub bad_since: i64,
    #[serde(default, skip_serializing_if = "is_default")]
    pub retry_next: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    pub last_was_active: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    pub last_notification: i64,
    #[serde(default, skip_serializing_if = "is_default")]
    pub next_notification: i64,
    #[serde(default, skip_serializing_if = "is_default")]
    pub no_more_notifications: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    pub number: u32,
    #[serde(default, skip_serializing_if = "is_default")]
    pub notified_on: u16,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub told: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledgement: Option<SavedAcknowledgement>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub host_problem_at_last_check: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    pub history: u64,
    #[serde(default, skip_serializing_if = "is_default")]
    pub flapping: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    pub tell_recovery_after_flapping: bool,
    /// Notifications, active checks, passive results, flap detection, event handler.
    #[serde(default, skip_serializing_if = "is_default")]
    pub switches: [Option<bool>; 5],
    #[serde(default, skip_serializing_if = "is_default")]
    pub output: String,
    #[serde(default, skip_serializing_if = "is_default")]
    pub long_output: String,
    #[serde(default, skip_serializing_if = "is_default")]
    pub perfdata: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub seconds: f64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedAcknowledgement {
    pub sticky: bool,
    pub author: String,
    pub comment: String,
    pub at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<i64>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub persistent: bool,
}

/// Downtimes and comments of all objects.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Kept {
    pub downtimes: Vec<SavedDowntime>,
    pub comments: Vec<SavedComment>,
    pub next_downtime: u64,
    pub next_comment: u64,
}

/// What of [`Kept`] is other than it was when this was asked last: `None` went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeptChanges {
    pub downtimes: Vec<(u64, Option<SavedDowntime>)>,
    pub comments: Vec<(u64, Option<SavedComment>)>,
    pub next_downtime: u64,
    pub next_comment: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedDowntime {
    pub id: u64,
    pub object: ObjectName,
    pub start: i64,
    pub end: i64,
    pub fixed: bool,
    #[serde(default)]
    pub duration: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub triggered_by: Option<u64>,
    pub author: String,
    pub comment: String,
    #[serde(default)]
    pub entered: i64,
    #[serde(default)]
    pub in_effect: bool,
    #[serde(default)]
    pub began: i64,
    #[serde(default)]
    pub start_told: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recurring: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedComment {
    pub id: u64,
    pub object: ObjectName,
    pub at: i64,
    pub author: String,
    pub comment: String,
    pub persistent: bool,
    #[serde(default)]
    pub of_acknowledgement: bool,
}

impl Machine {
    pub fn save(&self, id: ObjectId) -> Saved {
        let live = &self.of(id).live;
        let Switches { notifications, active_checks, passive_results, flap_detection, event_handler } =
            live.switches;
        Saved {
            state: live.state,
            state_type: live.state_type,
            attempt: live.attempt,
            checked: live.checked,
            last_hard_state: live.last_hard_state,
            last_check: live.last_check,
            last_result: live.last_result,
            last_state_change: live.last_state_change,
            last_hard_state_change: live.last_hard_state_change,
            bad_since: live.bad_since,
            retry_next: live.retry_next,
            last_was_active: live.last_was_active,
            last_notification: live.last_notification,
            next_notification: live.next_notification,
            no_more_notifications: live.no_more_notifications,
            number: live.number,
            notified_on: live.notified_on.bits(),
            told: live.told.iter().map(|contact| self.contact(*contact).name.to_string()).collect(),
            acknowledgement: live.acknowledgement.as_deref().map(save_acknowledgement),
            host_problem_at_last_check: live.host_problem_at_last_check,
            history: live.history.0,
            flapping: live.flapping,
            tell_recovery_after_flapping: live.tell_recovery_after_flapping,
            switches: [notifications, active_checks, passive_results, flap_detection, event_handler],
            output: live.output.to_string(),
            long_output: live.long_output.to_string(),
            perfdata: live.perfdata.to_string(),
            value: live.value,
            seconds: live.seconds,
        }
    }

    /// Puts an object where it was. Nothing is told by that.
    pub fn restore(&mut self, id: ObjectId, saved: &Saved) {
        let told = saved.told.iter().filter_map(|name| self.contact_named(name)).collect();
        let acknowledgement = saved.acknowledgement.as_ref().map(restore_acknowledgement);
        if let Some(at) = acknowledgement.as_ref().and_then(|acknowledgement| acknowledgement.expires) {
            self.expiring.insert((at, id));
        }
        let [notifications, active_checks, passive_results, flap_detection, event_handler] = saved.switches;
        let nothing = self.nothing.clone();
        let kept = |text: &str| if text.is_empty() { nothing.clone() } else { Arc::from(text) };
        let live = self.live(id);
        *live = Live {
            state: saved.state,
            state_type: saved.state_type,
            attempt: saved.attempt,
            checked: saved.checked,
            last_hard_state: saved.last_hard_state,
            last_check: saved.last_check,
            last_result: saved.last_result,
            last_state_change: saved.last_state_change,
            last_hard_state_change: saved.last_hard_state_change,
            bad_since: saved.bad_since,
            retry_next: saved.retry_next,
            last_was_active: saved.last_was_active,
            last_notification: saved.last_notification,
            next_notification: saved.next_notification,
            no_more_notifications: saved.no_more_notifications,
            number: saved.number,
            notified_on: Options::from_bits(saved.notified_on),
            told,
            acknowledgement: acknowledgement.map(Box::new),
            host_problem_at_last_check: saved.host_problem_at_last_check,
            history: History(saved.history & History::MASK),
            flapping: saved.flapping,
            tell_recovery_after_flapping: saved.tell_recovery_after_flapping,
            withheld: None,
            downtime_depth: live.downtime_depth,
            pending_flexible: live.pending_flexible,
            switches: Switches {
                notifications,
                active_checks,
                passive_results,
                flap_detection,
                event_handler,
            },
            output: kept(&saved.output),
            long_output: kept(&saved.long_output),
            perfdata: kept(&saved.perfdata),
            value: saved.value,
            seconds: saved.seconds,
            of_sender: None,
        };
    }

    pub fn keep(&self) -> Kept {
        Kept {
            downtimes: self.downtimes.by_id.values().map(|downtime| self.save_downtime(downtime)).collect(),
            comments: self.comments.by_id.values().map(|comment| self.save_comment(comment)).collect(),
            next_downtime: self.downtimes.next_id,
            next_comment: self.comments.next_id,
        }
    }

    /// After a [`Machine::restore_kept`] of what is on the disk: what is as it is there needs no writing. True if
    /// something does.
    pub fn compare_kept(&mut self, kept: &Kept) -> bool {
        for saved in &kept.downtimes {
            let now = self.downtimes.by_id.get(&saved.id).map(|downtime| self.save_downtime(downtime));
            match now.as_ref() == Some(saved) {
                true => drop(self.downtimes.changed.remove(&saved.id)),
                false => drop(self.downtimes.changed.insert(saved.id)),
            }
        }
        for saved in &kept.comments {
            let now = self.comments.by_id.get(&saved.id).map(|comment| self.save_comment(comment));
            match now.as_ref() == Some(saved) {
                true => drop(self.comments.changed.remove(&saved.id)),
                false => drop(self.comments.changed.insert(saved.id)),
            }
        }
        !self.downtimes.changed.is_empty() || !self.comments.changed.is_empty()
    }

    pub fn take_kept_changes(&mut self) -> KeptChanges {
        let downtimes = std::mem::take(&mut self.downtimes.changed).into_iter();
        let comments = std::mem::take(&mut self.comments.changed).into_iter();
        let downtime = |id| (id, self.downtimes.by_id.get(&id).map(|downtime| self.save_downtime(downtime)));
        let comment = |id| (id, self.comments.by_id.get(&id).map(|comment| self.save_comment(comment)));
        KeptChanges {
            downtimes: downtimes.map(downtime).collect(),
            comments: comments.map(comment).collect(),
            next_downtime: self.downtimes.next_id,
            next_comment: self.comments.next_id,
        }
    }

    /// After [`Machine::restore`] of all objects. Gives the names of objects that are gone, whose downtimes and
    /// comments are left out.
    pub fn restore_kept(&mut self, kept: &Kept, now: i64) -> Vec<ObjectName> {
        let mut gone = Vec::new();
        // What was planned from the definitions is planned again, except what is held now.
        let planned: Vec<u64> = self.downtimes.by_id.keys().copied().collect();
        for id in planned {
            self.forget_downtime(id);
        }
        self.downtimes.next_id = self.downtimes.next_id.max(kept.next_downtime);
        self.comments.next_id = self.comments.next_id.max(kept.next_comment);
        for saved in &kept.downtimes {
            match self.named(&saved.object) {
                Some(object) => self.enter(restore_downtime(saved, object)),
                None => gone.push(saved.object.clone()),
            }
        }
        for saved in &kept.comments {
            match self.named(&saved.object) {
                Some(object) => {
                    self.comments.insert(restore_comment(saved, object));
                }
                None => gone.push(saved.object.clone()),
            }
        }
        self.drop_outdated_recurring();
        self.plan_recurring(now);
        self.look_at_withheld(now);
        gone
    }

    /// After other definitions were taken over: recurring downtimes of what is new are planned.
    pub fn plan_new(&mut self, now: i64) {
        self.plan_recurring(now);
        self.look_at_withheld(now);
    }

    /// So that the first result after a restart does not look as if something had changed.
    fn look_at_withheld(&mut self, now: i64) {
        let ids: Vec<ObjectId> = self.ids().collect();
        for id in ids {
            if self.of(id).live.is_bad() {
                self.live(id).withheld = self.withheld(id, now);
            }
        }
    }

    fn save_downtime(&self, downtime: &Downtime) -> SavedDowntime {
        SavedDowntime {
            id: downtime.id,
            object: self.name(downtime.object),
            start: downtime.start,
            end: downtime.end,
            fixed: downtime.fixed,
            duration: downtime.duration,
            triggered_by: downtime.triggered_by,
            author: downtime.author.to_string(),
            comment: downtime.comment.to_string(),
            entered: downtime.entered,
            in_effect: downtime.in_effect,
            began: downtime.began,
            start_told: downtime.start_told,
            recurring: downtime.recurring.as_deref().map(str::to_owned),
        }
    }

    fn save_comment(&self, comment: &Comment) -> SavedComment {
        SavedComment {
            id: comment.id,
            object: self.name(comment.object),
            at: comment.at,
            author: comment.author.to_string(),
            comment: comment.comment.to_string(),
            persistent: comment.persistent,
            of_acknowledgement: comment.of_acknowledgement,
        }
    }
}

fn save_acknowledgement(from: &Acknowledgement) -> SavedAcknowledgement {
    SavedAcknowledgement {
        sticky: from.sticky,
        author: from.author.to_string(),
        comment: from.comment.to_string(),
        at: from.at,
        expires: from.expires,
        persistent: from.persistent,
    }
}

fn restore_acknowledgement(saved: &SavedAcknowledgement) -> Acknowledgement {
    Acknowledgement {
        sticky: saved.sticky,
        author: Arc::from(saved.author.as_str()),
        comment: Arc::from(saved.comment.as_str()),
        at: saved.at,
        expires: saved.expires,
        persistent: saved.persistent,
    }
}

fn restore_downtime(saved: &SavedDowntime, object: ObjectId) -> Downtime {
    Downtime {
        id: saved.id,
        object,
        start: saved.start,
        end: saved.end,
        fixed: saved.fixed,
        duration: saved.duration,
        triggered_by: saved.triggered_by,
        author: Arc::from(saved.author.as_str()),
        comment: Arc::from(saved.comment.as_str()),
        entered: saved.entered,
        in_effect: saved.in_effect,
        began: saved.began,
        start_told: saved.start_told,
        recurring: saved.recurring.as_deref().map(Arc::from),
    }
}

fn restore_comment(saved: &SavedComment, object: ObjectId) -> Comment {
    Comment {
        id: saved.id,
        object,
        at: saved.at,
        author: Arc::from(saved.author.as_str()),
        comment: Arc::from(saved.comment.as_str()),
        persistent: saved.persistent,
        of_acknowledgement: saved.of_acknowledgement,
    }
}
