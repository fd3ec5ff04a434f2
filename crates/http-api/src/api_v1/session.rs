//! Signing in and out.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::status::off_thread;
use crate::accounts::{self, Caller, Role, SESSION_SECONDS, Via};
use crate::answer::{Answer, Body, Problem};
use crate::audit;
use crate::guard::{self, SECURE_SESSION_COOKIE, SESSION_COOKIE};
use crate::server::Peer;
use crate::services::Services;
use crate::sign_in;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    name: String,
    password: String,
}

#[derive(Serialize, ToSchema)]
pub struct SignedIn {
    pub user: String,
    pub role: Role,
}

#[utoipa::path(post, path = "/session", request_body = SignIn,
    responses((status = 200, body = SignedIn), (status = 401, body = Problem), (status = 429, body = Problem)))]
pub async fn sign_in(
    State(services): State<Arc<Services>>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    Body(form): Body<SignIn>,
) -> Answer<Response> {
    let source = guard::source(&services, &headers, peer.map(|Extension(peer)| peer));
    let before = guard::cookie(&services.settings.load(), &headers).map(str::to_owned);
    let secure = guard::is_secure(&services.settings.load(), &headers);
    let turn = services.attempts.turn(source).await?;
    let name = form.name.clone();
    let opened = off_thread(&services, move |services| {
        let _turn = turn;
        let shown = guard::by_password(services, &form.name, &form.password, source)?;
        let now = services.clock.now();
        let secret = accounts::open_session_by(&services.state, &shown, SESSION_SECONDS, now)?;
        let secret = secret.ok_or_else(guard::wrong_password)?;
        end_others(services, before.as_deref(), &shown.name)?;
        Ok((shown, secret))
    });
    let opened = opened.await;
    note(&services, name, source, &opened).await?;
    let (shown, secret) = opened?;
    let answer = Json(SignedIn { user: shown.name, role: shown.role });
    Ok((cookies_of(&secret, SESSION_SECONDS, secure)?, answer).into_response())
}

/// A session that was there before, perhaps put there by somebody else, does not go on beside the new one, and of too many of
/// one person the oldest has ended: so do their streams. Whoever is signed in still comes back at once.
pub fn end_others(services: &Services, before: Option<&str>, person: &str) -> Answer<()> {
    if let Some(before) = before
        && let Some(closed) = accounts::close_session(&services.state, before)?
    {
        services.hub.close_of(Some(&closed.person));
    }
    services.hub.close_of(Some(person));
    Ok(())
}

/// What is tried in vain under names that are nobody's is not kept with the name: it may be a password.
pub async fn note<T>(
    services: &Arc<Services>,
    name: String,
    source: IpAddr,
    opened: &Answer<T>,
) -> Answer<()> {
    let action = match opened {
        Ok(_) => "signed in",
        Err(problem) if problem.is(StatusCode::UNAUTHORIZED) => accounts::FAILED_SIGN_IN,
        Err(_) => return Ok(()),
    };
    let asked = name.clone();
    let known =
        off_thread(services, move |services| Ok(accounts::person(&services.state, &asked)?.is_some()));
    let who = if known.await? { name } else { String::new() };
    audit::note_sign_in(services, who, "password", source, action).await;
    Ok(())
}

#[derive(Serialize, ToSchema)]
pub struct SignedOut {
    /// Where the browser goes to sign out with the provider, too.
    to: String,
}

/// The session ends here in any case.
#[utoipa::path(delete, path = "/session",
    responses((status = 204), (status = 200, body = SignedOut, description = "it was opened by the word of a provider where one signs out, too")))]
pub async fn sign_out(
    State(services): State<Arc<Services>>,
    caller: Option<Extension<Caller>>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
) -> Answer<Response> {
    let secret = guard::cookie(&services.settings.load(), &headers).map(str::to_owned);
    let closed = match secret {
        Some(secret) => {
            off_thread(&services, move |services| Ok(accounts::close_session(&services.state, &secret)?))
                .await?
        }
        None => None,
    };
    if let Some(Extension(caller)) = caller.filter(|caller| caller.via == Via::Session) {
        let source = guard::source(&services, &headers, peer.map(|Extension(peer)| peer));
        services.hub.close_of(Some(&caller.name));
        audit::note_sign_in(&services, caller.name, "session", source, "signed out").await;
    }
    let secure = guard::is_secure(&services.settings.load(), &headers);
    let cookies = cookies_of("", 0, secure)?;
    let to = match closed.and_then(|closed| closed.voucher) {
        Some(voucher) => sign_in::way_out(&services, &voucher).await,
        None => None,
    };
    Ok(match to {
        Some(to) => (cookies, Json(SignedOut { to })).into_response(),
        None => (StatusCode::NO_CONTENT, cookies).into_response(),
    })
}

pub type Cookie = (header::HeaderName, HeaderValue);

/// The session, and the end of one under the other name: whichever were left behind might be the one that is read.
pub fn cookies_of(secret: &str, max_age: i64, secure: bool) -> Answer<AppendHeaders<Vec<Cookie>>> {
    let name = |secure| if secure { SECURE_SESSION_COOKIE } else { SESSION_COOKIE };
    let session = cookie_of(name(secure), secret, max_age, secure)?;
    Ok(AppendHeaders(vec![session, cookie_of(name(!secure), "", 0, !secure)?]))
}

fn cookie_of(name: &str, secret: &str, max_age: i64, secure: bool) -> Answer<Cookie> {
    let secure = if secure { "; Secure" } else { "" };
    let cookie = format!("{name}={secret}; Path=/; HttpOnly; SameSite=Lax; Max-Age={max_age}{secure}");
    let value = HeaderValue::from_str(&cookie).map_err(Problem::internal)?;
    Ok((header::SET_COOKIE, value))
}

/// A new password of one's own.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPassword {
    current: String,
    new: String,
}

/// Ends all of one's other sessions. Whoever found a browser signed in does not know the current one.
#[utoipa::path(post, path = "/session/password", request_body = NewPassword,
    responses((status = 204), (status = 400, body = Problem), (status = 401, body = Problem), (status = 429, body = Problem)))]
pub async fn change_password(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    Body(form): Body<NewPassword>,
) -> Answer<StatusCode> {
    if caller.via != Via::Session {
        return Err(Problem::forbidden("only who is signed in with a password has one to change")
            .hint("an administrator sets one with: bellwether user set NAME"));
    }
    let source = guard::source(&services, &headers, peer.map(|Extension(peer)| peer));
    let session = guard::cookie(&services.settings.load(), &headers).map(str::to_owned);
    let turn = services.attempts.turn(source).await?;
    off_thread(&services, move |services| {
        let _turn = turn;
        let shown = guard::by_password(services, &caller.name, &form.current, source)?;
        if !accounts::change_password(&services.state, &shown, &form.new, session.as_deref())? {
            return Err(guard::wrong_password());
        }
        services.hub.close_of(Some(&caller.name));
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_left_with_one_session() {
        let check = |secure: bool, wanted: [&str; 2]| {
            let AppendHeaders(cookies) = cookies_of("s3", 60, secure).unwrap();
            let told: Vec<&str> = cookies.iter().map(|(_, value)| value.to_str().unwrap()).collect();
            assert_eq!(told, wanted);
        };
        let plain = "bellwether_session=s3; Path=/; HttpOnly; SameSite=Lax; Max-Age=60";
        let ends = "__Host-bellwether_session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0; Secure";
        check(false, [plain, ends]);
        let secure = "__Host-bellwether_session=s3; Path=/; HttpOnly; SameSite=Lax; Max-Age=60; Secure";
        check(true, [secure, "bellwether_session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0"]);
    }
}
