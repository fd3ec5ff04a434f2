//! Signing in with a provider (OpenID Connect): the browser is sent there, and comes back with a code.
//!
//! Whoever has a password signs in without it, so a provider that is away locks nobody out whom it should not.

mod coming;
mod provider;
mod taken;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use serde::Deserialize;

pub use coming::{Voucher, follow_groups, look_after_people, note_first, say_groups};
use coming::{gone_meanwhile, note_role};
use provider::Asking;
pub use provider::Provider;
pub use taken::{TakenNames, look_again};

use crate::accounts::oidc::{ATTEMPT_SECONDS, Attempt, Claims, OidcConfig};
use crate::accounts::{self, Arrived, VOUCHED_SESSION_SECONDS, Vouched};
use crate::answer::{Answer, Params, Problem};
use crate::api_v1::session::Cookie;
use crate::api_v1::{off_thread, session};
use crate::plain_page::{self, escape};
use crate::server::Peer;
use crate::services::{Services, Settings};
use crate::{audit, guard};

pub const BEGIN: &str = "/signin/provider";
pub const BACK: &str = "/signin/callback";

/// Only to where the browser comes back, and only for so long.
const ATTEMPT_COOKIE: &str = "bellwether_attempt";
/// Over TLS: by its name browsers know that no neighbour of the same domain has put it there, and with it a sign-in of theirs.
/// Such a cookie is sent to all paths.
const SECURE_ATTEMPT_COOKIE: &str = "__Host-bellwether_attempt";

#[derive(Deserialize)]
pub struct Begin {
    #[serde(default)]
    next: String,
}

pub async fn begin(State(services): State<Arc<Services>>, Params(asked): Params<Begin>) -> Response {
    let settings = services.settings.load_full();
    sent_away(&services, &settings, &asked.next).await.unwrap_or_else(|problem| failed(&settings, problem))
}

async fn sent_away(services: &Arc<Services>, settings: &Settings, next: &str) -> Answer<Response> {
    let config = provider_of(settings)?;
    let discovery = Asking { services, config }.discovery().await?;
    let attempt = Attempt::begin(next, services.clock.now())?;
    let cookie = attempt_cookie(settings, &attempt.sealed(&services.provider.attempt_key)?, ATTEMPT_SECONDS)?;
    see_other(&attempt.question(&discovery, config, &back(settings)), vec![cookie])
}

fn provider_of(settings: &Settings) -> Answer<&OidcConfig> {
    settings.auth.oidc.as_ref().ok_or_else(|| {
        Problem::not_found("no sign-in provider is set up here")
            .hint("sign in with a password; a provider is set up in the files, as [auth.oidc]")
    })
}

/// Where the provider sends people back; never by what a request says of its host.
fn back(settings: &Settings) -> String {
    format!("{}{BACK}", settings.http.public_url.trim_end_matches('/'))
}

/// Whoever signs out waits no longer for a provider.
const OUT_PATIENCE: Duration = Duration::from_secs(3);

/// Where whoever came by this voucher's word signs out there, too. None: nowhere, or it cannot be asked now; here they are out
/// all the same.
pub async fn way_out(services: &Arc<Services>, voucher: &str) -> Option<String> {
    let settings = services.settings.load_full();
    let config =
        settings.auth.oidc.as_ref().filter(|config| config.issuer == voucher && config.sign_out_there)?;
    let asked = tokio::time::timeout(OUT_PATIENCE, Asking { services, config }.discovery()).await;
    let home = format!("{}/", settings.http.public_url.trim_end_matches('/'));
    asked.ok()?.ok()?.way_out(config, &home)
}

/// With what the provider sends the browser back.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Back {
    code: String,
    state: String,
    /// Who sends it (RFC 9207), if it says so.
    iss: Option<String>,
    error: Option<String>,
}

pub async fn finish(
    State(services): State<Arc<Services>>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    Params(came): Params<Back>,
) -> Response {
    let settings = services.settings.load_full();
    let source = guard::source(&services, &headers, peer.map(|Extension(peer)| peer));
    came_back(&services, &settings, &headers, source, &came)
        .await
        .unwrap_or_else(|problem| failed(&settings, problem))
}

async fn came_back(
    services: &Arc<Services>,
    settings: &Settings,
    headers: &HeaderMap,
    source: IpAddr,
    came: &Back,
) -> Answer<Response> {
    let config = provider_of(settings)?;
    let attempt = attempt_of(services, settings, headers, &came.state)?;
    if came.iss.as_ref().is_some_and(|iss| *iss != config.issuer) {
        return Err(Problem::forbidden("this answer is another provider's").hint("begin again"));
    }
    if let Some(error) = &came.error {
        let word: String = error.chars().filter(|c| !c.is_control()).take(50).collect();
        return Err(Problem::forbidden(format!("{} did not sign you in: {word}", config.name)));
    }
    // A code that is invented costs a call to the provider.
    services.provider.attempts.allow(source, attempt.id(), services.clock.now())?;
    let claims = Asking { services, config }.who(&attempt, &came.code, &back(settings)).await?;
    let (name, secret) = let_in(services, config, claims, headers, source).await?;
    services.provider.attempts.succeeded(source, attempt.id());
    audit::note_sign_in(services, name, "provider", source, "signed in").await;
    let AppendHeaders(mut cookies) =
        session::cookies_of(&secret, VOUCHED_SESSION_SECONDS, keeps_secure(settings, headers))?;
    cookies.push(attempt_cookie(settings, "", 0)?);
    see_other(attempt.next(), cookies)
}

/// The one that this browser began.
fn attempt_of(services: &Services, settings: &Settings, headers: &HeaderMap, state: &str) -> Answer<Attempt> {
    let (name, _) = attempt_cookie_of(is_secure(settings));
    let kept = guard::cookie_called(headers, name);
    let key = &services.provider.attempt_key;
    let attempt = kept.and_then(|kept| Attempt::opened(kept, key, services.clock.now()));
    attempt.filter(|attempt| attempt.is(state)).ok_or_else(|| {
        let minutes = ATTEMPT_SECONDS / 60;
        let why = format!(
            "this sign-in was begun in another browser, or more than {minutes} minutes ago, or is over already"
        );
        Problem::bad_request(why).hint("begin again; this server needs cookies for it")
    })
}

/// A session for whoever that is, in the place of one that was there before.
async fn let_in(
    services: &Arc<Services>,
    config: &OidcConfig,
    claims: Claims,
    headers: &HeaderMap,
    source: IpAddr,
) -> Answer<(String, String)> {
    let config = config.clone();
    let before = guard::cookie(&services.settings.load(), headers).map(str::to_owned);
    let opened = off_thread(services, move |services| {
        let now = services.clock.now();
        let newcomer = claims.newcomer(&config).map_err(Problem::forbidden)?;
        let voucher =
            Voucher { mark: &config.issuer, name: &config.name, via: "provider", source: source.to_string() };
        let vouched = Vouched {
            by: &config.issuer,
            subject: &newcomer.subject,
            name: &newcomer.name,
            display_name: &newcomer.display_name,
            role: newcomer.role,
            role_is_said: newcomer.role_is_said,
            join_existing: config.join_existing,
        };
        let known = accounts::arrived(&services.state, vouched.by, vouched.subject)?;
        let arrived = accounts::arrive(&services.state, &vouched, now);
        // Their role may be another now, or none. What they are called there may be somebody else here.
        if let Some(here) = known.as_ref().or(arrived.as_ref().ok()) {
            services.hub.close_of(Some(&here.name));
            // Those of their tokens, too.
            if known.as_ref().map(|known| known.role) != arrived.as_ref().ok().map(|arrived| arrived.role) {
                services.hub.close_of(None);
            }
        }
        if changes_who_is_told(known.as_ref(), arrived.as_ref().ok()) {
            services.control.people_changed();
        }
        if let Some(known) = &known {
            let role = arrived.as_ref().ok().map(|arrived| arrived.role);
            note_role(services, &known.name, &voucher, known.role, role);
        }
        let arrived = arrived.map_err(|error| match error {
            accounts::AccountError::Refused(why) => Problem::forbidden(why),
            other => other.into(),
        })?;
        note_first(services, &arrived, "provider", source.to_string());
        if let Some(groups) = &newcomer.groups {
            follow_groups(services, &arrived.name, &voucher, vouched.subject, groups)?;
        }
        let name = arrived.name;
        let by = (vouched.by, vouched.subject);
        let secret = accounts::open_vouched_session(&services.state, &name, by, now)?;
        let secret = secret.ok_or_else(gone_meanwhile)?;
        session::end_others(services, before.as_deref(), &name)?;
        Ok((name, secret))
    });
    let opened = opened.await;
    if opened.as_ref().is_err_and(|problem| problem.is(StatusCode::FORBIDDEN)) {
        audit::note_sign_in(services, String::new(), "provider", source, accounts::FAILED_SIGN_IN).await;
    }
    opened
}

/// Who may act is told of what names nobody, and whoever is suspended is told nothing.
fn changes_who_is_told(before: Option<&Arrived>, now: Option<&Arrived>) -> bool {
    before.map(|before| before.role) != now.map(|now| now.role) || now.is_some_and(|now| now.is_back)
}

/// The browser comes back to the address that the provider was told.
fn is_secure(settings: &Settings) -> bool {
    settings.http.public_url.starts_with("https://")
}

/// Is the session kept under the name of encrypted connections? It is looked for as the guard says: also where a proxy ends TLS
/// before a `public_url` that says nothing of it.
fn keeps_secure(settings: &Settings, headers: &HeaderMap) -> bool {
    is_secure(settings) || guard::is_secure(settings, headers)
}

/// Its name, and where and how it is kept.
fn attempt_cookie_of(secure: bool) -> (&'static str, String) {
    match secure {
        true => (SECURE_ATTEMPT_COOKIE, "Path=/; Secure".to_owned()),
        false => (ATTEMPT_COOKIE, format!("Path={BACK}")),
    }
}

fn attempt_cookie(settings: &Settings, value: &str, max_age: i64) -> Answer<Cookie> {
    let (name, kept) = attempt_cookie_of(is_secure(settings));
    let cookie = format!("{name}={value}; {kept}; HttpOnly; SameSite=Lax; Max-Age={max_age}");
    Ok((header::SET_COOKIE, HeaderValue::from_str(&cookie).map_err(Problem::internal)?))
}

fn see_other(to: &str, cookies: Vec<Cookie>) -> Answer<Response> {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, HeaderValue::from_str(to).map_err(Problem::internal)?);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    for (name, value) in cookies {
        headers.append(name, value);
    }
    Ok(response)
}

/// A page, since a person stands before it: what is wrong, and the other way in.
fn failed(settings: &Settings, problem: Problem) -> Response {
    let again = match settings.auth.oidc {
        Some(_) => format!("<p><a href=\"{BEGIN}\">Begin again</a></p>"),
        None => String::new(),
    };
    let hint = problem.hint.as_deref().map(|hint| format!("<p>{}</p>", escape(hint))).unwrap_or_default();
    let body = format!(
        "<h1>Not signed in</h1><p>{}</p>{hint}{again}<p><a href=\"/\">Sign in with a password</a></p>",
        escape(&problem.error)
    );
    plain_page::answer(problem.status(), plain_page::page("Not signed in", &body), "no-store")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::Role;

    #[test]
    fn over_tls_no_neighbour_can_begin_a_sign_in() {
        let (name, kept) = attempt_cookie_of(true);
        assert!(
            name.starts_with("__Host-") && kept == "Path=/; Secure",
            "browsers refuse that name otherwise"
        );
        assert_eq!(attempt_cookie_of(false), ("bellwether_attempt", "Path=/signin/callback".to_owned()));
    }

    #[test]
    fn the_session_is_kept_where_it_is_looked_for() {
        for public_url in ["http://bell.example", "https://bell.example"] {
            for proto in ["http", "https"] {
                let mut settings = Settings::default();
                settings.http.public_url = public_url.to_owned();
                let mut headers = HeaderMap::new();
                headers.insert("x-forwarded-proto", HeaderValue::from_static(proto));
                let secure = keeps_secure(&settings, &headers);
                let AppendHeaders(cookies) = session::cookies_of("s3cret", 60, secure).unwrap();
                let kept = cookies[0].1.to_str().unwrap().split(';').next().unwrap();
                headers.insert(header::COOKIE, HeaderValue::from_str(kept).unwrap());
                assert_eq!(guard::cookie(&settings, &headers), Some("s3cret"), "{public_url} by {proto}");
            }
        }
    }

    #[test]
    fn who_is_told_changes_with_who_may_act_and_who_is_back() {
        let one = |role, is_back| Arrived { name: "ana".into(), role, is_new: false, is_back };
        let before = one(Role::Responder, false);
        let check = |now: Option<Arrived>, changes: bool| {
            assert_eq!(changes_who_is_told(Some(&before), now.as_ref()), changes, "{now:?}");
        };
        check(Some(one(Role::Responder, false)), false);
        check(Some(one(Role::Responder, true)), true);
        check(Some(one(Role::Editor, false)), true);
        check(None, true);
        assert!(changes_who_is_told(None, Some(&before)));
    }
}
