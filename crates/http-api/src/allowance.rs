//! What one answer may take when it is made of several targets: the limits of a query hold for all of them together.

use graphite::EvaluationError;
use vocabulary::ports::{QueryLimits, StoreError};

use crate::evaluate::TargetError;

const POINTS: &str = "points";
const BYTES: &str = "bytes of memory";

pub struct Allowance<'l> {
    limits: &'l QueryLimits,
    points: usize,
    bytes: usize,
}

impl Allowance<'_> {
    pub fn new(limits: &QueryLimits) -> Allowance<'_> {
        Allowance { limits, points: 0, bytes: 0 }
    }

    /// For the next target.
    pub fn left(&self) -> QueryLimits {
        let QueryLimits { max_series, max_points, max_bytes, deadline, ref cancelled } = *self.limits;
        QueryLimits {
            max_series,
            max_points: max_points.saturating_sub(self.points),
            max_bytes: max_bytes.saturating_sub(self.bytes),
            deadline,
            cancelled: cancelled.clone(),
        }
    }

    pub fn read(&mut self, points: usize) {
        self.points += points;
    }

    /// Bytes of the answer that stay until it is written.
    pub fn keep(&mut self, bytes: usize) -> Result<(), TargetError> {
        if bytes > self.limits.max_bytes.saturating_sub(self.bytes) {
            return Err(self.refused(EvaluationError::Store(self.too_much(BYTES, 0))));
        }
        self.bytes += bytes;
        Ok(())
    }

    /// In the words of a query that goes beyond its limits by itself.
    pub fn whole(&self, error: EvaluationError) -> EvaluationError {
        match error {
            EvaluationError::Store(StoreError::TooMuch { what, limit }) => {
                EvaluationError::Store(self.too_much(what, limit))
            }
            other => other,
        }
    }

    fn too_much(&self, what: &'static str, limit: usize) -> StoreError {
        let limit = match what {
            POINTS => self.limits.max_points,
            BYTES => self.limits.max_bytes,
            _ => limit,
        };
        StoreError::TooMuch { what, limit }
    }

    fn refused(&self, error: EvaluationError) -> TargetError {
        let message = graphite::Refusal::of(error, &[]).text;
        TargetError { message, start: None, end: None, hint: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_targets_together_take_what_one_may() {
        let limits = QueryLimits { max_points: 100, max_bytes: 1_000, ..QueryLimits::default() };
        let mut allowance = Allowance::new(&limits);
        allowance.read(60);
        allowance.keep(900).unwrap();
        assert_eq!((allowance.left().max_points, allowance.left().max_bytes), (40, 100));
        let told = allowance.keep(101).unwrap_err().message;
        assert!(told.contains("1000 bytes of memory") && told.contains("max_query_bytes"), "{told}");
        allowance.keep(100).unwrap();
        allowance.read(1_000);
        assert_eq!((allowance.left().max_points, allowance.left().max_bytes), (0, 0));
        let beyond = StoreError::TooMuch { what: POINTS, limit: 40 };
        let whole = allowance.whole(EvaluationError::Store(beyond));
        assert!(
            matches!(whole, EvaluationError::Store(StoreError::TooMuch { what: POINTS, limit: 100 })),
            "{whole:?}"
        );
    }
}
