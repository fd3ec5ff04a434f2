//! Definitions come and go, and what is known of each object stays with its name.

use std::sync::Arc;

use vocabulary::Timestamp;
use vocabulary::state::{State, StateChange, StateType};

use crate::inner::Inner;
use crate::look::instance_id;
use crate::machine::{Kept, ObjectId, ObjectName, Problem, Saved};
use crate::made::{Files, Made};
use crate::refused::plain;

impl Inner {
    /// Other definitions, or none of them.
    pub fn redefine(&mut self, files: Arc<Files>, made: Made, now: Timestamp) -> Result<(), Vec<Problem>> {
        let all = made.merged(&files.definitions);
        self.gather(now);
        let before: Vec<(ObjectId, ObjectName, Saved)> =
            self.machine.ids().map(|id| (id, self.machine.name(id), self.machine.save(id))).collect();
        self.machine.reload(&all)?;
        let mut rows = std::mem::take(&mut self.rows);
        for (id, name, saved) in before {
            let Some(row) = rows.remove(&id) else { continue };
            match self.machine.named(&name) {
                Some(id) => {
                    self.rows.insert(id, row);
                    // Ids may be others now.
                    self.batch.dirty.insert(id);
                }
                None if self.is_of_known_check(&name) => {
                    self.batch.dirty.remove(&id);
                    self.batch.removed.push(row.id);
                    self.no_longer_seen(&name, &saved, now);
                }
                None => {
                    self.batch.dirty.remove(&id);
                    self.batch.left.push((name.clone(), row.clone(), saved.clone()));
                    self.gone.insert(name, (row, saved));
                }
            }
        }
        (self.files, self.made, self.all) = (files, made, Arc::new(all));
        self.take_names();
        self.bring_back();
        self.machine.plan_new(now.0);
        self.batch.kept = true;
        self.gather(now);
        Ok(())
    }

    /// A part of a check that is there, but sees no parts any more.
    fn is_of_known_check(&self, name: &ObjectName) -> bool {
        matches!(name, ObjectName::Instance(check, _) if self.machine.check(check).is_some())
    }

    /// It does not come again; if it was bad, its trouble is over, and the change says why.
    fn no_longer_seen(&mut self, name: &ObjectName, saved: &Saved, now: Timestamp) {
        if saved.state.is_problem() {
            self.out.changes.push(StateChange {
                id: instance_id(name),
                at: now,
                from: saved.state,
                from_type: saved.state_type,
                to: State::Ok,
                to_type: StateType::Hard,
                attempt: 1,
                value: None,
                text: "its check does not look at it any more".into(),
                withheld: None,
                since: None,
                of_sender: None,
            });
        }
    }

    /// Objects that are defined, and were before.
    pub fn bring_back(&mut self) {
        let ids: Vec<ObjectId> = self.machine.ids().collect();
        for id in ids {
            if self.rows.contains_key(&id) {
                continue;
            }
            if let Some((row, saved)) = self.gone.remove(&self.machine.name(id)) {
                self.machine.restore(id, &saved);
                self.rows.insert(id, row);
            }
        }
    }

    /// Instances of monitors that are defined are there from the beginning: what has vanished is still in trouble.
    pub fn restore_instances(&mut self, now: Timestamp) {
        let instances = self.gone.keys().filter_map(|name| match name {
            ObjectName::Instance(monitor, instance) => Some((monitor.clone(), instance.clone())),
            _ => None,
        });
        for (monitor, instance) in instances.collect::<Vec<_>>() {
            // Of a monitor that is not defined now they stay where they are.
            let _ = self.instance(&monitor, &instance, now);
        }
    }

    /// A line for each that is made in the UI and does not fit.
    pub fn note_unfit(&mut self) {
        let lines: Vec<String> = self.made.unfit.iter().map(|(name, unfit)| unfit.line(name)).collect();
        self.left_out.extend(lines);
    }

    pub fn restore_kept(&mut self, kept: &Kept, now: Timestamp) {
        let gone = self.machine.restore_kept(kept, now.0);
        let told =
            gone.iter().map(|name| format!("a downtime or comment of `{}`, which is gone", plain(name)));
        self.left_out.extend(told);
    }

    /// Problems that somebody was told of do not count as healed by themselves.
    pub fn remember_told(&mut self, now: Timestamp) {
        for id in self.machine.ids() {
            if self.machine.status(id, now).notification_number > 0 {
                self.record.told(self.machine.instance_id(id));
            }
        }
    }

    pub fn take_names(&mut self) {
        let contacts = self.all.contacts.iter();
        self.channels =
            contacts.map(|contact| (contact.name.as_str().into(), contact.channels.clone())).collect();
        self.services.clear();
        for check in self.all.checks.iter().filter(|check| !check.host.is_empty()) {
            let service = check.service.as_ref().unwrap_or(&check.name).clone();
            self.services.entry(check.host.clone()).or_default().insert(service, check.name.clone());
        }
    }
}
