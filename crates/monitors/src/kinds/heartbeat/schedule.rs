//! When a ping is expected: after a period, or at the times of a cron or calendar expression.

use jiff::tz::TimeZone;

use super::cron::{self, Cron};
use super::oncalendar::OnCalendar;

#[derive(Clone, Debug)]
pub enum Schedule {
    /// Milliseconds from one ping to the next.
    Period(i64),
    Cron(Cron, TimeZone),
    Calendar(OnCalendar, TimeZone),
}

impl Schedule {
    /// One line of five fields is a cron expression, anything else one of systemd's: Healthchecks tells them apart so.
    pub fn parse(text: &str, zone: TimeZone) -> Result<Schedule, String> {
        let text = text.trim();
        if text.is_empty() {
            return Err("the schedule is empty: write a cron expression, such as \"0 4 * * *\", or one of systemd's, such as \"Mon..Fri 09:00\"".into());
        }
        if text.len() > cron::MAX_LENGTH {
            return Err(format!("the schedule is longer than {} characters", cron::MAX_LENGTH));
        }
        if !text.contains('\n') && text.split_whitespace().count() == 5 {
            return Cron::parse(text).map(|cron| Schedule::Cron(cron, zone));
        }
        let read = OnCalendar::parse(text).map(|calendar| Schedule::Calendar(calendar, zone));
        read.map_err(|why| {
            format!(
                "{why}; a cron expression has five fields, and one of systemd's looks like \"Mon..Fri 09:00\""
            )
        })
    }

    /// When the ping after this moment is expected, in milliseconds since 1970.
    pub fn after(&self, at_ms: i64) -> Option<i64> {
        let whole = at_ms.div_euclid(1_000);
        let next = match self {
            Schedule::Period(period) => return at_ms.checked_add(*period),
            Schedule::Cron(cron, zone) => cron.next(zone, whole),
            Schedule::Calendar(calendar, zone) => calendar.next(zone, whole),
        };
        next.map(|seconds| seconds.saturating_mul(1_000))
    }

    /// The first time after `at_ms` of those that follow `since_ms`.
    pub fn resumed(&self, since_ms: i64, at_ms: i64) -> Option<i64> {
        match self {
            Schedule::Period(period) => {
                let missed = at_ms.saturating_sub(since_ms).max(0) / (*period).max(1);
                since_ms.checked_add((missed + 1).checked_mul(*period)?)
            }
            Schedule::Cron(..) | Schedule::Calendar(..) => self.after(at_ms),
        }
    }
}
