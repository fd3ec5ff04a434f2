//! The level of series by pattern.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vocabulary::ports::Scope;

use super::status::off_thread;
use crate::accounts::{Caller, Role};
use crate::answer::{Answer, Body, Problem};
use crate::levels::{self, LevelRule, MAX_RULES};
use crate::services::Services;

/// What is special in a pattern.
const SPECIAL: [char; 5] = ['*', '?', '[', '{', '\\'];

/// A pattern that begins with others' names tells them. One that begins with a star is about everybody's.
fn is_shown(scope: &Scope, pattern: &str) -> bool {
    let begin = pattern.split(SPECIAL).next().unwrap_or_default();
    let is_of_all = pattern.starts_with('*') && !pattern.contains(['{', '[']);
    scope.is_everything() || is_of_all || scope.sees(begin)
}

#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LevelRules {
    rules: Vec<LevelRule>,
}

#[utoipa::path(get, path = "/levels", responses((status = 200, body = LevelRules)))]
pub async fn rules(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
) -> Answer<Json<LevelRules>> {
    let mut rules = off_thread(&services, |services| Ok(levels::load(&services.state)?)).await?;
    rules.retain(|rule| is_shown(&caller.scope, &rule.pattern));
    Ok(Json(LevelRules { rules }))
}

#[utoipa::path(put, path = "/levels", request_body = LevelRules,
    responses((status = 200, body = LevelRules), (status = 400, body = Problem)))]
pub async fn set_rules(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Body(wanted): Body<LevelRules>,
) -> Answer<Json<LevelRules>> {
    super::watched::whole(&caller, Role::Editor)?;
    let too_long = wanted.rules.iter().any(|rule| rule.pattern.is_empty() || rule.pattern.len() > 512);
    if wanted.rules.len() > MAX_RULES || too_long {
        return Err(Problem::bad_request(format!(
            "at most {MAX_RULES} rules, with patterns of 1 to 512 characters"
        )));
    }
    off_thread(&services, move |services| {
        levels::save(&services.state, &wanted.rules)?;
        Ok(Json(wanted))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_others_are_not_told() {
        let shop = Scope::prefixes(vec!["shop.".into()]);
        let check = |pattern: &str, wanted: bool| assert_eq!(is_shown(&shop, pattern), wanted, "{pattern}");
        check("shop.orders", true);
        check("shop.*.{a,b}", true);
        check("*.orders", true);
        check("mail.orders", false);
        check("mail.*", false);
        check("sho*", false);
        check("{shop,mail}.orders", false);
        check("*.{shop,mail}", false);
        check("[sm]*", false);
        check("", false);
        assert!(is_shown(&Scope::everything(), "mail.*"));
    }
}
