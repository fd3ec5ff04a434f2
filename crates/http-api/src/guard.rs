//! Who may ask at all, and as whom. Every request passes here before any handler.
//!
//! With `auth.mode = "none"` nobody says who they are, so everything that is not clearly this machine's own
//! user is refused: other host names (DNS rebinding), forwarding headers (a proxy in front means the world
//! is in front), and other sites' pages. With `"required"` a token or a session says who asks.

mod credentials;
mod origin;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

pub use credentials::{
    PROXY, SECURE_SESSION_COOKIE, SESSION_COOKIE, by_password, cookie, cookie_called, is_secure, source,
    wrong_password,
};
use credentials::{by_credentials, credentials, refuse_strange_pages};
use origin::{
    changes, hosts, is_allowed, is_by_browser, is_forwarding, is_loopback_name, refuse_foreign_changes,
    refuse_links, refuse_other_sites, refuse_strange_calls,
};

use crate::accounts::{Caller, Role, Via};
use crate::answer::Problem;
use crate::config::AuthMode;
use crate::cross_origin;
use crate::sentry;
use crate::server::Peer;
use crate::services::Services;

/// Paths that need no sign-in: health for load balancers, and where one signs in or accepts an invitation. What is pinged by jobs is
/// another one: its UUID or key says enough; so does the token of a link that acknowledges.
const OPEN_PATHS: [&str; 6] = [
    "/healthz",
    "/readyz",
    "/api/v1/session",
    "/api/v1/status",
    "/api/v1/invitations/accept",
    // Its key is in the body.
    crate::alerts_in::pagerduty::PATH,
];

pub async fn guard(State(services): State<Arc<Services>>, request: Request, next: Next) -> Response {
    let origin = {
        let allowed = &services.settings.load().http.allowed_hosts;
        cross_origin::origin(&request, |host| is_allowed(host, allowed))
    };
    let mut response = admit(services, request, next, origin.is_some()).await;
    // Names and events say what others wrote: what is data must not be read as a page or a script.
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Some(origin) = origin {
        cross_origin::allow(response.headers_mut(), origin);
    }
    response
}

async fn admit(services: Arc<Services>, mut request: Request, next: Next, trusted_origin: bool) -> Response {
    let peer = request.extensions().get::<Peer>().copied().unwrap_or(Peer::Unknown);
    let mode = services.settings.load().auth_mode();
    let looked_at = services.hub.now();
    let preflight = trusted_origin && cross_origin::is_preflight(&request);
    let decided = match (peer, mode) {
        (Peer::ControlSocket, _) => Ok(Some(owner(Via::ControlSocket))),
        (_, AuthMode::None) => on_loopback(&services, &request).map(Some),
        // Their key says who sends, and what they say else of themselves is not for us.
        (_, AuthMode::Required) if sentry::is_ingest(request.uri().path()) => Ok(None),
        (_, AuthMode::Required) if preflight => Ok(None),
        (_, AuthMode::Required) => match credentials(&services, &request, peer) {
            Ok(credentials) => by_credentials(&services, credentials).await,
            Err(problem) => Err(problem),
        },
    };
    let decided = decided.and_then(|caller| {
        let by_browser = caller.as_ref().is_some_and(|caller| is_by_browser(caller.via, request.headers()));
        let allowed = &services.settings.load().http.allowed_hosts;
        refuse_strange_calls(&request, by_browser, allowed).map(|()| caller)
    });
    match decided {
        Ok(_) if preflight => cross_origin::preflight(),
        Ok(Some(caller)) => {
            let is_theirs = !matches!(caller.via, Via::Loopback | Via::ControlSocket);
            request.extensions_mut().insert(caller);
            request.extensions_mut().insert(looked_at);
            let mut response = next.run(request).await;
            if is_theirs {
                keep_private(response.headers_mut());
            }
            response
        }
        Ok(None) if is_open(&request) => match refuse_strange_sign_in(&services, &request) {
            Ok(()) => next.run(request).await,
            Err(problem) => refused(&services, problem),
        },
        Ok(None) => unauthorized(request.headers()),
        Err(problem) => refused(&services, problem),
    }
}

/// What somebody may see is not for a cache between us, which would give it to whoever asks for the same next.
fn keep_private(headers: &mut HeaderMap) {
    let said = headers.get(header::CACHE_CONTROL).map(|said| said.to_str().unwrap_or_default());
    let private = match said {
        None => "private".to_owned(),
        Some(said) if said.starts_with("max-age") && !said.contains("private") => format!("private, {said}"),
        Some(_) => return,
    };
    if let Ok(private) = HeaderValue::try_from(private) {
        headers.insert(header::CACHE_CONTROL, private);
    }
}

fn refused(services: &Services, problem: Problem) -> Response {
    services.counters.refused.fetch_add(1, Ordering::Relaxed);
    problem.into_response()
}

/// Another site's page must not sign a browser in as somebody of its choice: what is done then would be done in their name.
fn refuse_strange_sign_in(services: &Services, request: &Request) -> Result<(), Problem> {
    match changes(request.method()) && OPEN_PATHS.contains(&request.uri().path()) {
        true => refuse_strange_pages(services, request),
        false => Ok(()),
    }
}

/// Whoever has to say to nobody who they are.
pub const WHOEVER_OWNS_IT: &str = "you";

fn owner(via: Via) -> Caller {
    Caller { name: WHOEVER_OWNS_IT.into(), role: Role::Admin, scope: Default::default(), via, until: None }
}

fn on_loopback(services: &Services, request: &Request) -> Result<Caller, Problem> {
    let settings = services.settings.load();
    let headers = request.headers();
    let hosts = hosts(request)?;
    let strange =
        hosts.iter().find(|host| !is_loopback_name(host) && !is_allowed(host, &settings.http.allowed_hosts));
    if let Some(host) = strange {
        return Err(Problem::forbidden(format!("the host name `{host}` is not one that this server answers to"))
            .hint("open it as http://localhost, add the name to http.allowed_hosts, or set auth.mode = \"required\""));
    }
    if let Some(name) = headers.keys().find(|name| is_forwarding(name.as_str())) {
        return Err(Problem::forbidden(format!(
            "the request came through a proxy (header `{name}`), so people elsewhere may be asking"
        ))
        .hint(
            "set auth.mode = \"required\" and the proxy's address in auth.trusted_proxies; Grafana and other \
             programs then send a token: bellwether token create NAME --role viewer",
        ));
    }
    // Errors come from the pages that have them, and nothing of ours is told there.
    if !sentry::is_ingest(request.uri().path()) {
        refuse_other_sites(request, hosts[0], &settings.http.allowed_hosts)?;
        refuse_foreign_changes(request, &settings.http.public_url)?;
    }
    Ok(owner(Via::Loopback))
}

/// Does it ask for no sign-in?
pub fn is_open(request: &Request) -> bool {
    let path = request.uri().path();
    OPEN_PATHS.contains(&path)
        || path.starts_with(crate::ping::PREFIX)
        || path.starts_with(crate::acknowledge::PREFIX)
        || path.starts_with(crate::published::PREFIX)
        || path.starts_with(crate::api_v1::calendars::PREFIX)
        || path.starts_with(crate::emergency::PREFIX)
        || path.starts_with(crate::providers::PREFIX)
        || crate::status_page::PATHS.contains(&path)
        || path.starts_with(crate::status_page::MAIL_PREFIX)
        || sentry::is_ingest(path)
        || crate::ui::is_page_or_asset(request.method(), path)
}

fn unauthorized(headers: &HeaderMap) -> Response {
    let problem = Problem::new(StatusCode::UNAUTHORIZED, "sign in, or send a token")
        .hint("Authorization: Bearer TOKEN; make one with: bellwether token create NAME --role viewer");
    let mut response = problem.into_response();
    // Not to the scripts of our own pages: the browser would open its own dialog over ours.
    if !headers.contains_key("sec-fetch-mode") {
        let challenge = HeaderValue::from_static("Basic realm=\"Bellwether\", charset=\"UTF-8\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}

/// For handlers of what changes something by GET: nobody's link or picture does.
pub fn refuse_other_pages(
    services: &Services,
    caller: &Caller,
    method: &Method,
    headers: &HeaderMap,
) -> Result<(), Problem> {
    let by_browser = is_by_browser(caller.via, headers);
    refuse_links(method, headers, by_browser, &services.settings.load().http.allowed_hosts)
}

/// For handlers: does the caller's role suffice? Whoever sees only a part cannot administer the whole, and
/// could make a token that sees all.
pub fn require(caller: &Caller, role: Role) -> Result<(), Problem> {
    if role == Role::Admin && !caller.scope.is_everything() {
        let why = format!(
            "this needs the role admin for everything; {} is limited to prefixes of names",
            caller.name
        );
        return Err(Problem::forbidden(why));
    }
    if caller.role >= role {
        return Ok(());
    }
    Err(Problem::forbidden(format!(
        "this needs the role {}; {} has the role {}",
        role.name(),
        caller.name,
        caller.role.name()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_may_see_is_not_kept_between() {
        let check = |said: Option<&'static str>, wanted: &str| {
            let mut headers = HeaderMap::new();
            if let Some(said) = said {
                headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(said));
            }
            keep_private(&mut headers);
            assert_eq!(headers[header::CACHE_CONTROL], wanted);
        };
        check(None, "private");
        check(Some("max-age=60"), "private, max-age=60");
        check(Some("max-age=0, no-store, private"), "max-age=0, no-store, private");
        check(Some("no-cache"), "no-cache");
        check(Some("public, max-age=15"), "public, max-age=15");
    }

    #[test]
    fn a_part_is_not_administered_as_the_whole() {
        let caller = |role, prefixes: &[&str]| Caller {
            name: "t".into(),
            role,
            scope: vocabulary::ports::Scope::prefixes(
                prefixes.iter().map(|prefix| (*prefix).into()).collect(),
            ),
            via: Via::Token,
            until: None,
        };
        let check = |role, prefixes: &[&str], wanted, fine: bool| {
            assert_eq!(
                require(&caller(role, prefixes), wanted).is_ok(),
                fine,
                "{role:?} {prefixes:?} {wanted:?}"
            );
        };
        check(Role::Admin, &[], Role::Admin, true);
        check(Role::Admin, &["team.a."], Role::Admin, false);
        check(Role::Admin, &["team.a."], Role::Editor, true);
        check(Role::Editor, &[], Role::Admin, false);
    }
}
