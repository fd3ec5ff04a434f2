//! What pages depend on is taken out knowingly.

use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::answer::{Answer, Problem};

/// So many are named; the rest is a number.
const NAMED: usize = 8;

#[derive(Default, Deserialize, IntoParams)]
#[serde(default)]
pub struct Removing {
    /// Also if something depends on it.
    confirmed: bool,
}

impl Removing {
    /// `needed_by` is asked only if nobody has confirmed.
    pub fn check(&self, what: &str, needed_by: impl FnOnce() -> Vec<String>) -> Answer<()> {
        let needed_by = if self.confirmed { Vec::new() } else { needed_by() };
        if needed_by.is_empty() {
            return Ok(());
        }
        let more = match needed_by.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        let named = needed_by[..needed_by.len().min(NAMED)].join(", ");
        Err(Problem::new(StatusCode::CONFLICT, format!("pages depend on {what}: {named}{more}"))
            .hint("change these first, or remove it all the same with ?confirmed=true"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_depends_on_it_is_named_unless_it_is_meant() {
        let needed =
            |count: usize| move || (0..count).map(|number| format!("policy `p{number}`")).collect::<Vec<_>>();
        let asked = Removing::default();
        assert!(asked.check("`web`", needed(0)).is_ok());
        let problem = asked.check("`web`", needed(2)).unwrap_err();
        assert!(problem.hint.unwrap().contains("confirmed=true"));
        assert_eq!(problem.error, "pages depend on `web`: policy `p0`, policy `p1`");
        assert!(asked.check("`web`", needed(9)).unwrap_err().error.ends_with("`p7`, and 1 more"));
        assert!(Removing { confirmed: true }.check("`web`", needed(2)).is_ok());
    }
}
