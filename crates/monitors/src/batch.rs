//! What was done and is not yet on the disk, until it is written all at once.

use std::collections::BTreeSet;

use state_store::{StateError, Transaction};
use vocabulary::Timestamp;
use vocabulary::state::{Notice, StateChange};

use crate::Outcome;
use crate::history::Run;
use crate::machine::{Handler, KeptChanges, ObjectId, ObjectName, Saved};
use crate::planned::{self, PlannedRow};
use crate::record::Days;
use crate::store::{self, KeptNotice, ObjectRow};

/// What is kept of an object beside what the machine knows.
#[derive(Clone, Debug)]
pub struct Row {
    pub id: i64,
    /// The run of results that goes on.
    pub run: Option<Run>,
}

#[derive(Default)]
pub(crate) struct Batch {
    pub dirty: BTreeSet<ObjectId>,
    /// Objects that were taken out of the definitions, as they were.
    pub left: Vec<(ObjectName, Row, Saved)>,
    /// Rows of objects that do not come again.
    pub removed: Vec<i64>,
    /// Runs that have ended, by the row of their object.
    pub runs: Vec<(i64, Run)>,
    pub notices: Vec<KeptNotice>,
    /// Downtimes that began, or ended before their time.
    pub planned: Vec<PlannedRow>,
    /// Downtimes or comments are others now.
    pub kept: bool,
    pub days: Days,
    pub carried: Carried,
}

impl Batch {
    pub fn is_empty(&self) -> bool {
        let Batch { dirty, left, removed, runs, notices, planned, kept, days, carried } = self;
        dirty.is_empty()
            && left.is_empty()
            && removed.is_empty()
            && runs.is_empty()
            && notices.is_empty()
            && planned.is_empty()
            && !kept
            && days.is_empty()
            && carried.is_empty()
    }
}

/// What others have to know of, once it is on the disk.
#[derive(Debug, Default)]
pub struct Carried {
    pub changes: Vec<StateChange>,
    /// With whether a silence holds it back: then it is listed, and not sent.
    pub notices: Vec<(Notice, bool)>,
    /// Event handlers to be run.
    pub handlers: Vec<(ObjectName, Handler)>,
    /// Hosts that are worth a look now.
    pub looks: BTreeSet<ObjectName>,
    /// Results of checks and hosts with how much too late they were looked for: their numbers become points.
    pub results: Vec<(ObjectName, Outcome, f64)>,
}

impl Carried {
    pub fn is_empty(&self) -> bool {
        let Carried { changes, notices, handlers, looks, results } = self;
        changes.is_empty()
            && notices.is_empty()
            && handlers.is_empty()
            && looks.is_empty()
            && results.is_empty()
    }
}

/// A batch that is being written; it is written again until that succeeds.
pub struct Prepared {
    pub(crate) upto: u64,
    pub(crate) at: Timestamp,
    pub(crate) rows: Vec<(ObjectName, Row, Saved)>,
    pub(crate) removed: Vec<i64>,
    pub(crate) runs: Vec<(i64, Run)>,
    pub(crate) notices: Vec<KeptNotice>,
    pub(crate) planned: Vec<PlannedRow>,
    pub(crate) kept: Option<KeptChanges>,
    pub(crate) days: Days,
    pub carried: Carried,
}

impl Prepared {
    pub fn write(&self, tx: &Transaction<'_>) -> Result<(), StateError> {
        for (name, row, saved) in &self.rows {
            store::write_object(tx, &ObjectRow::new(name, row, saved), self.at.0)?;
        }
        self.removed.iter().try_for_each(|row| store::remove_object(tx, *row))?;
        self.runs.iter().try_for_each(|(object, run)| store::write_run(tx, *object, run))?;
        self.notices.iter().try_for_each(|notice| store::write_notice(tx, notice))?;
        self.planned.iter().try_for_each(|row| planned::write(tx, row))?;
        self.days.write(tx)?;
        match &self.kept {
            Some(kept) => store::keep(tx, kept),
            None => Ok(()),
        }
    }
}
