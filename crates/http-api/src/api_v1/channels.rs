//! Channels as they are defined, and how each is doing. Why one fails may name people and addresses, and so may its settings:
//! they are for administrators.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use incidents::desk::Standing;
use incidents::last_words::LastOfChannel;
use incidents::outbox::Failing;
use serde::Serialize;
use utoipa::ToSchema;

use super::status::off_thread;
use super::watched::may;
use crate::accounts::{Caller, Role};
use crate::answer::Answer;
use crate::control::DefinedChannel;
use crate::services::Services;

#[derive(Serialize, ToSchema)]
pub struct Channels {
    channels: Vec<ChannelItem>,
}

#[derive(Serialize, ToSchema)]
pub struct ChannelItem {
    name: String,
    r#type: &'static str,
    /// The file and the place in it; null: it is there without being defined.
    origin: Option<String>,
    /// What is written there; secrets are hidden.
    #[schema(value_type = Object)]
    settings: serde_json::Value,
    /// Who is reached by it: each of them may be sent a test.
    contacts: Vec<String>,
    /// Pages that wait for it.
    waiting: usize,
    /// When its receiver last took something.
    last_success: Option<i64>,
    last_trouble: Option<ChannelTrouble>,
}

#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub struct ChannelTrouble {
    /// When it began, or, if that is over or not known, when something was given up; null: before the server started.
    at: Option<i64>,
    /// Empty: it is not known any more.
    why: String,
    /// It lasts: that many tries in a row have failed.
    in_a_row: u32,
    /// Its receiver wants no more: nothing is sent before it is defined in another way.
    off: bool,
}

/// Every channel, with who is reached by it and how it did last.
#[utoipa::path(get, path = "/channels", responses((status = 200, body = Channels)))]
pub async fn list(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
) -> Answer<Json<Channels>> {
    may(&caller, Role::Admin)?;
    off_thread(&services, |services| {
        let standing = services.desk.standing();
        let defined = services.control.channels().into_iter();
        let channels = defined.map(|channel| item(services, &standing, channel)).collect::<Answer<_>>()?;
        Ok(Json(Channels { channels }))
    })
    .await
}

fn item(services: &Services, standing: &Standing, defined: DefinedChannel) -> Answer<ChannelItem> {
    let DefinedChannel { name, r#type, origin, settings } = defined;
    let last = services.desk.last_of_channel(&name)?;
    Ok(ChannelItem {
        contacts: services.desk.users_of(&name).iter().map(ToString::to_string).collect(),
        waiting: standing.waiting.get(name.as_str()).copied().unwrap_or(0),
        last_success: last.delivered,
        last_trouble: trouble(standing.failing.get(name.as_str()), last),
        name,
        r#type,
        origin,
        settings,
    })
}

fn trouble(failing: Option<&Failing>, last: LastOfChannel) -> Option<ChannelTrouble> {
    let Some(failing) = failing else {
        let (at, why) = last.given_up?;
        return Some(ChannelTrouble { at: Some(at), why, in_a_row: 0, off: false });
    };
    let (given_up_at, given_up_why) = last.given_up.unzip();
    // Of one that failed before the server started, only that is known.
    let is_known = failing.since > 0;
    Some(ChannelTrouble {
        at: if is_known { Some(failing.since) } else { given_up_at },
        why: if is_known { failing.why.clone() } else { given_up_why.unwrap_or_default() },
        in_a_row: failing.in_a_row,
        off: failing.off,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_that_lasts_goes_before_what_is_over() {
        let given_up = || LastOfChannel { delivered: Some(5), given_up: Some((7, "refused".into())) };
        let told =
            |failing: Option<&Failing>, last| trouble(failing, last).map(|it| (it.at, it.why, it.in_a_row));
        assert_eq!(told(None, LastOfChannel::default()), None);
        assert_eq!(told(None, given_up()), Some((Some(7), "refused".into(), 0)));
        let now = Failing { in_a_row: 2, since: 9, why: "no route".into(), ..Failing::default() };
        assert_eq!(told(Some(&now), given_up()), Some((Some(9), "no route".into(), 2)));
        let before = Failing { in_a_row: 3, ..Failing::default() };
        assert_eq!(told(Some(&before), given_up()), Some((Some(7), "refused".into(), 3)));
        assert_eq!(told(Some(&before), LastOfChannel::default()), Some((None, String::new(), 3)));
    }
}
