//! Alerts of others, as their senders write them: each is a part of one passive check, so that it has a state, a history,
//! an incident and people to be told like everything else.
//!
//! | file | whose |
//! |---|---|
//! | `api_v1/grafana_alerts.rs` | Grafana's webhook |
//! | [`pagerduty`] | PagerDuty's Events API v2, `POST /v2/enqueue` |
//! | [`alertmanager`] | Prometheus and amtool, `/api/v2/alerts` |
//! | [`by_hand`] | what closing and opening an incident by hand does with them |
//! | [`silences`], [`about`] | what else Alertmanager's clients ask, under `/api/v2` |
//! | [`filters`] | which labels they mean |
//! | [`details`] | what else a sender says of its alert |
//! | [`ends`] | when what is posted again and again is over |

pub mod about;
pub mod alertmanager;
pub mod by_hand;
pub mod details;
pub mod ends;
pub mod filters;
pub mod pagerduty;
pub mod silences;

use std::sync::Arc;

use ::monitors::config::{CheckConfig, CheckType};
use ::monitors::machine::ObjectName;
use ::monitors::made::Definition;
use ::monitors::{Merged, Part};
use axum::http::StatusCode;
use sha2::{Digest, Sha256};

use crate::answer::{Answer, Problem};
use crate::api_v1::grafana_alerts;
use crate::api_v1::off_thread;
use crate::api_v1::watched::change;
use crate::services::Services;

/// Of the senders that find the check for their alerts without anybody having defined it.
const USUAL_CHECKS: [&str; 3] =
    [pagerduty::USUAL_CHECK, alertmanager::USUAL_CHECK, grafana_alerts::USUAL_CHECK];
/// Who has made such a check, in its versions.
const MAKER: &str = "bellwether";
/// A name is shown on telephones.
const MAX_NAME: usize = 256;

/// What is told is asked once it is its turn.
pub async fn take(
    services: &Arc<Services>,
    check: &str,
    of: &str,
    told: impl FnOnce() -> Vec<Part> + Send + 'static,
) -> Answer<Merged> {
    let now = services.clock.now();
    let name = ObjectName::Check(check.to_owned());
    let check = check.to_owned();
    if services.monitors.look(&name, now).is_err() {
        make_usual(services, check.clone(), of).await?;
    }
    let named = check.clone();
    let merged =
        change(services, move |monitors| monitors.result_of_some(&named, || bounded(told()), now)).await?;
    off_thread(services, move |services| {
        services.alert_ends.note_sent_to(&services.state, &check)?;
        Ok(merged)
    })
    .await
}

/// Whoever sent what there was no room for has to know that nobody is told of it. How many of all that are known are in
/// trouble now.
pub fn all_taken(check: &str, merged: Merged) -> Answer<usize> {
    match merged.without_room {
        0 => Ok(merged.bad),
        some => {
            let why =
                format!("`{check}` has {} alerts already; {some} more were not taken", merged.bad - some);
            Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, why)
                .hint("end those that are over; send again, or to another check with ?check="))
        }
    }
}

/// The first alert of a usual sender makes its check, so that nothing that is sent goes nowhere. A file that defines one of
/// this name goes before it.
async fn make_usual(services: &Arc<Services>, check: String, of: &str) -> Answer<()> {
    if !USUAL_CHECKS.contains(&check.as_str()) {
        return Err(Problem::not_found(format!("there is no check `{check}` for {of}")).hint(format!(
            "define it: [[check]] name = \"{check}\", type = \"passive\", max_check_attempts = 1; or name another with ?check="
        )));
    }
    off_thread(services, move |services| {
        // Their senders have waited already.
        let passive =
            CheckConfig { kind: CheckType::Passive, max_check_attempts: Some(1), ..CheckConfig::default() };
        let definition = Definition::Check(Box::new(passive));
        services.monitors.define(&check, definition, MAKER, services.clock.now())?;
        services.control.definitions_changed();
        Ok(())
    })
    .await
}

/// All that is said of them is kept for as long as they are known.
fn bounded(mut told: Vec<Part>) -> Vec<Part> {
    for part in &mut told {
        if let Some((end, _)) = part.outcome.long_output.char_indices().nth(details::MAX_DETAILS) {
            part.outcome.long_output.truncate(end);
        }
    }
    told
}

/// One that cannot be read takes none of the others with it: those, and what is wrong with the first of the rest.
pub fn readable<T>(read: impl Iterator<Item = Answer<T>>) -> (Vec<T>, Answer<()>) {
    let (mut good, mut wrong) = (Vec::new(), Vec::new());
    for one in read {
        match one {
            Ok(one) => good.push(one),
            Err(problem) => wrong.push(problem),
        }
    }
    let count = wrong.len();
    let first = wrong.into_iter().next().map(|mut first| {
        if count > 1 {
            first.error = format!("{}; {count} cannot be read", first.error);
        }
        first.hint(format!("the other {} were taken", good.len()))
    });
    (good, first.map_or(Ok(()), Err))
}

pub fn one_line(text: &str) -> String {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("fires");
    first.replace(char::is_control, " ")
}

/// Of two long names that begin alike each stays its own: the last letters are made of the whole.
pub fn cut(name: String) -> String {
    if name.chars().count() <= MAX_NAME {
        return name;
    }
    let mark: String = Sha256::digest(&name)[..6].iter().map(|byte| format!("{byte:02x}")).collect();
    let begin: String = name.chars().take(MAX_NAME - 1 - mark.len()).collect();
    format!("{begin}…{mark}")
}

/// 0 to 3, as plugins say it, of a label or word for how bad it is. Without one it is bad.
pub fn status_of_word(word: &str) -> u8 {
    match word.to_ascii_lowercase().as_str() {
        "warning" | "warn" | "minor" | "low" | "info" | "notice" => 1,
        "none" | "ok" => 0,
        "unknown" => 3,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_that_begin_alike_are_two() {
        let long = |end: &str| cut(format!("Down;job={}{end}", "ä".repeat(300)));
        assert_ne!(long("a"), long("b"));
        assert_eq!((long("a").chars().count(), long("a")), (MAX_NAME, long("a")));
        assert!(long("a").starts_with("Down;job=ä"));
        let whole = "x".repeat(MAX_NAME);
        assert_eq!(cut(whole.clone()), whole);
    }

    #[test]
    fn who_sent_what_there_was_no_room_for_is_told() {
        assert_eq!(all_taken("pager", Merged { bad: 7, without_room: 0 }).unwrap(), 7);
        let problem = all_taken("pager", Merged { bad: 10_002, without_room: 2 }).unwrap_err();
        assert_eq!(problem.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(problem.error, "`pager` has 10000 alerts already; 2 more were not taken");
    }
}
