//! Whose nights were disturbed lately: what Home says of the week. Who sees a part of all names reads of their own nights.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use incidents::reports::{self, Load};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::status::off_thread;
use crate::accounts::Caller;
use crate::answer::{Answer, Params, Problem};
use crate::services::Services;

const USUAL_DAYS: i64 = 7;
/// As long as reports.
const MAX_DAYS: i64 = 400;
const MAX_LISTED: usize = 200;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Lately {
    /// Default 7.
    days: Option<i64>,
}

#[derive(Serialize, ToSchema)]
pub struct NightsAnswer {
    now: i64,
    days: i64,
    /// Of all who are asked for together: one night that woke two people is two.
    nights: usize,
    /// Those who were woken, most often first.
    people: Vec<WokenPerson>,
}

#[derive(Serialize, ToSchema)]
struct WokenPerson {
    name: String,
    /// Different nights with a page.
    nights: usize,
    /// Pages in the night.
    at_night: u64,
}

/// Nights in which a page came, by person. docs/reports.md has the definition.
#[utoipa::path(get, path = "/nights", params(Lately), responses((status = 200, body = NightsAnswer), (status = 400, body = Problem)))]
pub async fn nights(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Params(lately): Params<Lately>,
) -> Answer<Json<NightsAnswer>> {
    let days = lately.days.unwrap_or(USUAL_DAYS);
    if !(1..=MAX_DAYS).contains(&days) {
        return Err(Problem::bad_request(format!("`days` is from 1 to {MAX_DAYS}")));
    }
    off_thread(&services, move |services| {
        let now = services.clock.now();
        let record = services.desk.words_of(now.minus(days * 86_400).0, now.0)?;
        let of = services.desk.nights(now).elsewhere(services.zone.clone());
        let woken = reports::load(&record, &of).into_iter().filter(|(_, load)| load.nights > 0);
        let mut people: Vec<WokenPerson> =
            woken.filter(|(name, _)| may_read(&caller, name)).map(person).collect();
        people.sort_by_key(|one| std::cmp::Reverse((one.nights, one.at_night)));
        let nights = people.iter().map(|one| one.nights).sum();
        people.truncate(MAX_LISTED);
        Ok(Json(NightsAnswer { now: now.0, days, nights, people }))
    })
    .await
}

/// Of others those who see everything, as in reports. A token is nobody, whatever it is called.
fn may_read(caller: &Caller, name: &str) -> bool {
    let is_own = caller.via.is_person() && caller.name == name;
    is_own || caller.scope.is_everything()
}

fn person((name, of): (String, Load)) -> WokenPerson {
    WokenPerson { name, nights: of.nights, at_night: of.at_night }
}

#[cfg(test)]
mod tests {
    use vocabulary::ports::Scope;

    use super::*;
    use crate::accounts::{Role, Via};

    #[test]
    fn who_sees_a_part_reads_of_their_own_nights() {
        let caller = |via, scope| Caller { name: "ana".into(), role: Role::Admin, scope, via, until: None };
        let part = || Scope::prefixes(vec!["shop.".into()]);
        let check = |via, scope, own: bool, others: bool| {
            let caller = caller(via, scope);
            assert_eq!((may_read(&caller, "ana"), may_read(&caller, "ben")), (own, others), "{via:?}");
        };
        check(Via::Session, Scope::everything(), true, true);
        check(Via::Session, part(), true, false);
        check(Via::Proxy, part(), true, false);
        check(Via::Token, Scope::everything(), true, true);
        check(Via::Token, part(), false, false);
    }
}
