//! What a request shows to say who sends it: a token, a password, a session, or the name that a trusted proxy says.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use base64::Engine;

use super::origin::{
    changes, is_known_name, is_of_our_page, refuse_foreign_changes, refuse_other_sites, text,
};
use crate::accounts::{self, Caller, Shown, Via};
use crate::answer::Problem;
use crate::server::Peer;
use crate::services::{Services, Settings};
use crate::sign_in::{self, Voucher};

/// Over plain HTTP.
pub const SESSION_COOKIE: &str = "bellwether_session";
/// Over TLS. By its name browsers know that only this host sets it, over TLS and for all of its paths: no neighbour of the
/// same domain can put another in its place.
pub const SECURE_SESSION_COOKIE: &str = "__Host-bellwether_session";

/// What a request shows to say who sends it.
pub(super) enum Credentials {
    Token(String),
    Password { name: String, password: String, source: IpAddr },
    Session(String),
    Proxy(Proxied),
}

/// What a trusted proxy says of who asks.
pub(super) struct Proxied {
    name: String,
    /// None: it is not asked for them, or says nothing of them.
    groups: Option<Vec<String>>,
}

/// The state database and Argon2 are slow enough to be kept off the threads that serve everybody.
pub(super) async fn by_credentials(
    services: &Arc<Services>,
    credentials: Option<Credentials>,
) -> Result<Option<Caller>, Problem> {
    let Some(credentials) = credentials else { return Ok(None) };
    let tried = match &credentials {
        Credentials::Password { name, source, .. } => Some((name.clone(), *source)),
        _ => None,
    };
    let asking = services.clone();
    let turn = match &tried {
        Some((_, source)) => Some(services.attempts.turn(*source).await?),
        None => None,
    };
    let asked = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        who(&asking, &credentials)
    });
    let answered = asked.await.map_err(Problem::internal)?;
    // Whoever guesses here is as worth knowing as whoever guesses at the form.
    if let Some((name, source)) = tried
        && answered.is_err()
    {
        crate::api_v1::session::note(services, name, source, &answered).await?;
    }
    answered
}

pub(super) fn credentials(
    services: &Services,
    request: &Request,
    peer: Peer,
) -> Result<Option<Credentials>, Problem> {
    let headers = request.headers();
    let proxied = proxied(services, headers, peer)?;
    let Some(value) = text(headers, header::AUTHORIZATION.as_str()) else {
        // What the proxy adds comes with whatever a browser is made to ask, as a cookie does.
        if let Some(proxied) = proxied {
            refuse_forgery(services, request)?;
            refuse_strange_names(services, headers)?;
            refuse_unsaid_groups(services, &proxied)?;
            return Ok(Some(Credentials::Proxy(proxied)));
        }
        let session = cookie(&services.settings.load(), headers);
        let session = session.map(|secret| Credentials::Session(secret.to_owned()));
        return if session.is_some() {
            refuse_forgery(services, request).map(|()| session)
        } else {
            Ok(None)
        };
    };
    match value.split_once(' ') {
        Some((scheme, secret)) if scheme.eq_ignore_ascii_case("bearer") => {
            Ok(Some(Credentials::Token(secret.trim().to_owned())))
        }
        Some((scheme, encoded)) if scheme.eq_ignore_ascii_case("basic") => {
            let shown = basic(encoded);
            let (name, password) =
                shown.ok_or_else(|| Problem::bad_request("the Authorization header cannot be read"))?;
            // A browser that once asked for them sends them along whoever asks it to, as it does a cookie.
            refuse_strange_pages(services, request)?;
            refuse_foreign_changes(request, &services.settings.load().http.public_url)?;
            // Grafana's data source knows basic authentication: a token may stand in place of the password.
            if password.starts_with("bw_") {
                return Ok(Some(Credentials::Token(password)));
            }
            Ok(Some(Credentials::Password { name, password, source: source_of(services, headers, peer) }))
        }
        _ => Err(Problem::bad_request("the Authorization header is neither Bearer nor Basic")),
    }
}

/// Whom the proxy in front says that it asks for, and what they are in.
fn proxied(services: &Services, headers: &HeaderMap, peer: Peer) -> Result<Option<Proxied>, Problem> {
    let auth = &services.settings.load().auth;
    let Some(header) = &auth.proxy_header else { return Ok(None) };
    let name = said_by_proxy(services, headers, peer, header)?;
    let groups = match &auth.proxy_groups_header {
        Some(header) => said_by_proxy(services, headers, peer, header)?.map(listed),
        None => None,
    };
    let Some(name) = name else { return Ok(None) };
    let name =
        name.to_str().map_err(|_| Problem::bad_request(format!("the header `{header}` cannot be read")))?;
    let name = name.trim().to_owned();
    Ok((!name.is_empty()).then_some(Proxied { name, groups }))
}

/// A browser at a trusted address, on the proxy's machine or in its network, could be made to say anything, by a page whose
/// name leads to this machine.
fn refuse_strange_names(services: &Services, headers: &HeaderMap) -> Result<(), Problem> {
    let host = text(headers, header::HOST.as_str()).unwrap_or_default();
    let http = &services.settings.load().http;
    if is_known_name(host, &http.public_url, &http.allowed_hosts) {
        return Ok(());
    }
    let why = format!("the proxy asks for `{host}`, which nobody has said is a name of this server");
    Err(Problem::forbidden(why).hint("set http.public_url, or add the name to http.allowed_hosts"))
}

/// That somebody is in no group is said by an empty header: one that is forgotten is not to end their teams.
fn refuse_unsaid_groups(services: &Services, said: &Proxied) -> Result<(), Problem> {
    match &services.settings.load().auth.proxy_groups_header {
        Some(header) if said.groups.is_none() => Err(Problem::forbidden(format!(
            "the proxy does not say in which groups `{}` is: the header `{header}` is missing",
            said.name
        ))
        .hint("the proxy has to send it with each request, for whoever is in no group empty or with a name that no team has")),
        _ => Ok(()),
    }
}

/// What is between the commas.
fn listed(said: &HeaderValue) -> Vec<String> {
    let said = String::from_utf8_lossy(said.as_bytes());
    said.split(',').map(str::trim).filter(|group| !group.is_empty()).map(str::to_owned).collect()
}

/// Anybody else who says so is lying, or the proxy is missing in the list.
fn said_by_proxy<'h>(
    services: &Services,
    headers: &'h HeaderMap,
    peer: Peer,
    header: &str,
) -> Result<Option<&'h HeaderValue>, Problem> {
    let mut said = headers.get_all(header).iter();
    let Some(value) = said.next() else { return Ok(None) };
    let trusted = &services.settings.load().auth.trusted_proxies;
    let is_proxy = |address: IpAddr| trusted.iter().any(|network| network.contains(&address.to_canonical()));
    if !matches!(peer, Peer::Address(address) if is_proxy(address.ip())) {
        services.counters.refused_headers.fetch_add(1, Ordering::Relaxed);
        return Err(Problem::forbidden(format!(
            "the header `{header}` is believed of auth.trusted_proxies only"
        ))
        .hint("sign in without it; if a proxy of yours sent it, add its address there"));
    }
    match said.next() {
        None => Ok(Some(value)),
        Some(_) => Err(Problem::bad_request(format!("the header `{header}` is there twice"))
            .hint("the proxy has to take away what others send under this name, and set its own")),
    }
}

/// What proxies are called where it stands who vouches for somebody.
pub const PROXY: &str = "proxy";

fn by_proxy(services: &Services, said: &Proxied) -> Result<Caller, Problem> {
    let settings = services.settings.load();
    let name = said.name.as_str();
    let arrived = match accounts::arrived(&services.state, PROXY, name)? {
        Some(known) => known,
        None => {
            let vouched = accounts::Vouched {
                by: PROXY,
                subject: name,
                name,
                display_name: "",
                role: settings.auth.proxy_default_role,
                role_is_said: false,
                join_existing: false,
            };
            let new = accounts::arrive(&services.state, &vouched, services.clock.now());
            let new = new.map_err(|error| match error {
                accounts::AccountError::Refused(why) => Problem::forbidden(why),
                other => other.into(),
            })?;
            services.control.people_changed();
            sign_in::note_first(services, &new, PROXY, String::new());
            new
        }
    };
    if let Some(groups) = &said.groups {
        let voucher = Voucher { mark: PROXY, name: PROXY, via: PROXY, source: String::new() };
        sign_in::follow_groups(services, &arrived.name, &voucher, name, groups)?;
    }
    let scope = accounts::scope_of(&services.state, &settings.teams, &arrived.name, arrived.role)?;
    Ok(Caller { name: arrived.name, role: arrived.role, scope, via: Via::Proxy, until: None })
}

fn who(services: &Services, credentials: &Credentials) -> Result<Option<Caller>, Problem> {
    let now = services.clock.now();
    match credentials {
        Credentials::Session(secret) => {
            let settings = services.settings.load();
            let say_groups = sign_in::say_groups(&settings.auth);
            let provider = settings.auth.oidc.as_ref().map(|oidc| oidc.issuer.as_str());
            Ok(accounts::session(&services.state, secret, &settings.teams, &say_groups, provider, now)?)
        }
        Credentials::Token(secret) => {
            accounts::token(&services.state, secret, now)?.map(Some).ok_or_else(wrong_credentials)
        }
        Credentials::Password { name, password, source } => {
            let shown = by_password(services, name, password, *source)?;
            let teams = &services.settings.load().teams;
            let scope = accounts::scope_of(&services.state, teams, &shown.name, shown.role)?;
            Ok(Some(Caller { name: shown.name, role: shown.role, scope, via: Via::Session, until: None }))
        }
        Credentials::Proxy(said) => by_proxy(services, said).map(Some),
    }
}

/// The person, if name and password are right and this source has tries left.
pub fn by_password(
    services: &Services,
    name: &str,
    password: &str,
    source: IpAddr,
) -> Result<Shown, Problem> {
    services.attempts.allow(source, name, services.clock.now())?;
    let shown = accounts::check_password(&services.state, name, password)?.ok_or_else(wrong_password)?;
    services.attempts.succeeded(source, name);
    Ok(shown)
}

fn wrong_credentials() -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "the token is not right")
        .hint("make a token with: bellwether token create NAME --role viewer")
}

/// Which of the two is told to nobody.
pub fn wrong_password() -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "the name or password is not right")
        .hint("an administrator sets a new one with: bellwether user set NAME")
}

/// The same for handlers; where no connection is behind it, this machine asks.
pub fn source(services: &Services, headers: &HeaderMap, peer: Option<Peer>) -> IpAddr {
    source_of(services, headers, peer.unwrap_or(Peer::Unknown))
}

/// Who is really asking: the peer, or whom a trusted proxy says it asks for.
fn source_of(services: &Services, headers: &HeaderMap, peer: Peer) -> IpAddr {
    let Peer::Address(address) = peer else { return IpAddr::from([127, 0, 0, 1]) };
    let trusted = &services.settings.load().auth.trusted_proxies;
    let is_trusted = |ip: &IpAddr| trusted.iter().any(|network| network.contains(ip));
    let mut source = address.ip().to_canonical();
    // A proxy appends to the header, or adds one of its own behind those that came.
    let chain = headers.get_all("x-forwarded-for").iter().map(|value| value.to_str().unwrap_or_default());
    let chain: Vec<&str> = chain.flat_map(|value| value.split(',')).map(str::trim).collect();
    for hop in chain.iter().rev() {
        match hop.parse::<IpAddr>() {
            Ok(ip) if is_trusted(&source) => source = ip.to_canonical(),
            _ => break,
        }
    }
    source
}

/// A browser sends the cookie along whoever asks it to, so the page that asks must be ours.
fn refuse_forgery(services: &Services, request: &Request) -> Result<(), Problem> {
    let headers = request.headers();
    refuse_strange_pages(services, request)?;
    if changes(request.method()) && !is_of_our_page(headers, &services.settings.load().http.public_url) {
        return Err(Problem::forbidden("a request with a session cookie must say which page it comes from")
            .hint("scripts use a token: Authorization: Bearer TOKEN; for people who come by a proxy set http.public_url to what they open"));
    }
    Ok(())
}

pub(super) fn refuse_strange_pages(services: &Services, request: &Request) -> Result<(), Problem> {
    let host = text(request.headers(), header::HOST.as_str()).unwrap_or_default();
    refuse_other_sites(request, host, &services.settings.load().http.allowed_hosts)
}

/// The secret of the session that the request carries. The name that says less is that of plain HTTP: elsewhere a neighbour of
/// the same domain may have set it.
pub fn cookie<'h>(settings: &Settings, headers: &'h HeaderMap) -> Option<&'h str> {
    let secret = cookie_called(headers, SECURE_SESSION_COOKIE);
    match is_secure(settings, headers) {
        true => secret,
        false => secret.or_else(|| cookie_called(headers, SESSION_COOKIE)),
    }
}

/// Did the browser come by an encrypted connection, to which it may keep the session? So it did where we speak TLS, where a proxy
/// says so, and under the name of a `public_url` that is one.
pub fn is_secure(settings: &Settings, headers: &HeaderMap) -> bool {
    let http = &settings.http;
    let is_said = headers.get("x-forwarded-proto").is_some_and(|proto| proto == "https");
    let public = http.public_url.strip_prefix("https://").and_then(|rest| rest.split('/').next());
    let host = text(headers, header::HOST.as_str());
    let is_public = public.zip(host).is_some_and(|(public, host)| public.eq_ignore_ascii_case(host));
    http.uses_tls() || is_said || is_public
}

pub fn cookie_called<'h>(headers: &'h HeaderMap, wanted: &str) -> Option<&'h str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == wanted)
        .map(|(_, secret)| secret)
}

fn basic(encoded: &str) -> Option<(String, String)> {
    let decoded = base64::engine::general_purpose::STANDARD.decode(encoded.trim()).ok()?;
    let decoded = String::from_utf8(decoded).ok()?;
    let (name, password) = decoded.split_once(':')?;
    Some((name.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_credentials() {
        assert_eq!(basic("YW5hOnNlY3JldDp4"), Some(("ana".into(), "secret:x".into())));
        assert_eq!(basic("YQ=="), None);
        assert_eq!(basic("!"), None);
    }

    #[test]
    fn the_cookie_that_only_this_host_can_set_counts() {
        let check = |value: &'static str, wanted: Option<&str>| {
            let headers = HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_static(value))]);
            assert_eq!(cookie(&Settings::default(), &headers), wanted, "{value}");
        };
        check("bellwether_session=a", Some("a"));
        check("__Host-bellwether_session=b", Some("b"));
        check("bellwether_session=a; __Host-bellwether_session=b", Some("b"));
        check("__host-bellwether_session=c", None);
        check("x__Host-bellwether_session=c", None);
        check("", None);
    }

    #[test]
    fn over_an_encrypted_connection_no_other_cookie_counts() {
        let mut settings = Settings::default();
        settings.http.public_url = "https://bell.example/".to_owned();
        let read = |said: (&'static str, &'static str), value: &'static str| {
            let headers = HeaderMap::from_iter([
                (header::COOKIE, HeaderValue::from_static(value)),
                (header::HeaderName::from_static(said.0), HeaderValue::from_static(said.1)),
            ]);
            cookie(&settings, &headers).map(str::to_owned)
        };
        for secure in [("x-forwarded-proto", "https"), ("host", "Bell.example")] {
            assert_eq!(read(secure, "bellwether_session=a"), None, "{secure:?}");
            assert_eq!(read(secure, "__Host-bellwether_session=b").as_deref(), Some("b"), "{secure:?}");
        }
        for plain in [("x-forwarded-proto", "http"), ("host", "10.0.0.7:8080")] {
            assert_eq!(read(plain, "bellwether_session=a").as_deref(), Some("a"), "{plain:?}");
        }
    }

    #[test]
    fn groups_stand_between_commas() {
        let check = |said: &'static str, wanted: &[&str]| {
            assert_eq!(listed(&HeaderValue::from_bytes(said.as_bytes()).unwrap()), wanted, "{said}");
        };
        check("shop, mail,,", &["shop", "mail"]);
        check("Verk\u{e4}ufer; x", &["Verk\u{e4}ufer; x"]);
        check("", &[]);
        assert_eq!(listed(&HeaderValue::from_bytes(b"\xff,a").unwrap()), ["\u{fffd}", "a"]);
    }
}
