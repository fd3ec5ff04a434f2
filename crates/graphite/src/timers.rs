//! A timer as functions see it: a row of distributions.

use std::sync::Arc;

use vocabulary::{Sketch, Step, Timestamp};

use crate::series::Tags;

#[derive(Clone, Debug)]
pub struct Timer {
    pub name: String,
    pub path_expression: Arc<str>,
    pub tags: Tags,
    pub start: Timestamp,
    pub step: Step,
    pub slots: Arc<Vec<Option<Sketch>>>,
}

impl Timer {
    /// The first moment after the last slot.
    pub fn end(&self) -> Timestamp {
        self.start.plus(self.slots.len() as i64 * self.step.seconds())
    }
}
