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
use crate::guard::require;
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

/// It says of nobody else's names how much they matter.
fn is_theirs(scope: &Scope, pattern: &str) -> bool {
    scope.is_everything() || scope.sees(pattern.split(SPECIAL).next().unwrap_or_default())
}

/// Whoever sees a part of all names puts their own rules in the place of those before; those of others stay, and what went before
/// theirs still does.
fn merged(scope: &Scope, before: Vec<LevelRule>, wanted: Vec<LevelRule>) -> Result<Vec<LevelRule>, String> {
    let shared = |rule: &LevelRule| before.contains(rule) && is_shown(scope, &rule.pattern);
    if let Some(foreign) = wanted.iter().find(|rule| !is_theirs(scope, &rule.pattern) && !shared(rule)) {
        return Err(foreign.pattern.clone());
    }
    let place = before.iter().position(|rule| is_theirs(scope, &rule.pattern)).unwrap_or(before.len());
    let mut rules = before;
    let later: Vec<LevelRule> = rules.split_off(place);
    rules.extend(wanted.into_iter().filter(|rule| is_theirs(scope, &rule.pattern)));
    rules.extend(later.into_iter().filter(|rule| !is_theirs(scope, &rule.pattern)));
    Ok(rules)
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
    require(&caller, Role::Editor)?;
    let too_long = wanted.rules.iter().any(|rule| rule.pattern.is_empty() || rule.pattern.len() > 512);
    if wanted.rules.len() > MAX_RULES || too_long {
        return Err(Problem::bad_request(format!(
            "at most {MAX_RULES} rules, with patterns of 1 to 512 characters"
        )));
    }
    off_thread(&services, move |services| {
        let set = levels::change(&services.state, |before| together(&caller.scope, before, wanted.rules));
        let mut rules = set??;
        rules.retain(|rule| is_shown(&caller.scope, &rule.pattern));
        Ok(Json(LevelRules { rules }))
    })
    .await
}

fn together(scope: &Scope, before: Vec<LevelRule>, wanted: Vec<LevelRule>) -> Answer<Vec<LevelRule>> {
    let rules = merged(scope, before, wanted).map_err(|pattern| {
        let why = format!("`{pattern}` is about names of others, too, or was not there");
        Problem::forbidden(why)
            .hint("begin patterns as your names begin; the rest is for whoever sees everything")
    })?;
    match rules.len() > MAX_RULES {
        true => Err(Problem::bad_request(format!(
            "with those of others there would be more than {MAX_RULES} rules"
        ))),
        false => Ok(rules),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guess::Level;

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

    #[test]
    fn of_the_rules_a_part_changes_its_own() {
        let shop = Scope::prefixes(vec!["shop.".into()]);
        let rules = |patterns: &[&str]| -> Vec<LevelRule> {
            let rule = |pattern: &&str| LevelRule { pattern: (*pattern).into(), level: Level::Business };
            patterns.iter().map(rule).collect()
        };
        let check = |before: &[&str], wanted: &[&str], then: Result<&[&str], &str>| {
            let then = then.map(rules).map_err(str::to_owned);
            assert_eq!(merged(&shop, rules(before), rules(wanted)), then, "{before:?} {wanted:?}");
        };
        let before = ["*.revenue", "shop.a", "mail.x", "shop.b"];
        check(&before, &["shop.c", "shop.d"], Ok(&["*.revenue", "shop.c", "shop.d", "mail.x"]));
        check(&before, &[], Ok(&["*.revenue", "mail.x"]));
        check(&before, &["*.revenue", "shop.a"], Ok(&["*.revenue", "shop.a", "mail.x"]));
        check(&["mail.x"], &["shop.a"], Ok(&["mail.x", "shop.a"]));
        for foreign in ["mail.y", "mail.x", "*.other", "sho*", "{shop,mail}.x", "**"] {
            check(&before, &["shop.a", foreign], Err(foreign));
        }
        assert_eq!(merged(&Scope::everything(), rules(&before), rules(&["a"])), Ok(rules(&["a"])));
    }
}
