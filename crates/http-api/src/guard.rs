//! Who may ask at all, and as whom. Every request passes here before any handler.
//!
//! With `auth.mode = "none"` nobody says who they are, so everything that is not clearly this machine's own
//! user is refused: other host names (DNS rebinding), forwarding headers (a proxy in front means the world
//! is in front), and other sites' pages. With `"required"` a token or a session says who asks.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;

use crate::accounts::{self, Caller, Role, Via};
use crate::answer::Problem;
use crate::config::AuthMode;
use crate::cross_origin;
use crate::server::Peer;
use crate::services::Services;
use crate::sign_in;

/// Over plain HTTP.
pub const SESSION_COOKIE: &str = "bellwether_session";
/// Over TLS. By its name browsers know that only this host sets it, over TLS and for all of its paths: no neighbour of the
/// same domain can put another in its place.
pub const SECURE_SESSION_COOKIE: &str = "__Host-bellwether_session";

/// What proxies and content networks add, besides everything that begins with `x-forwarded`.
const FORWARDING_HEADERS: [&str; 12] = [
    "forwarded",
    "forwarded-for",
    "via",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-original-forwarded-for",
    "x-envoy-external-address",
    "true-client-ip",
    "cf-connecting-ip",
    "fastly-client-ip",
    "x-appengine-user-ip",
];

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
    let preflight = trusted_origin && cross_origin::is_preflight(&request);
    let decided = match (peer, mode) {
        (Peer::ControlSocket, _) => Ok(Some(owner(Via::ControlSocket))),
        (_, AuthMode::None) => on_loopback(&services, &request).map(Some),
        (_, AuthMode::Required) if preflight => Ok(None),
        (_, AuthMode::Required) => match credentials(&services, &request, peer) {
            Ok(credentials) => by_credentials(&services, credentials).await,
            Err(problem) => Err(problem),
        },
    };
    match decided {
        Ok(_) if preflight => cross_origin::preflight(),
        Ok(Some(caller)) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Ok(None) if is_open(&request) => match refuse_strange_sign_in(&services, &request) {
            Ok(()) => next.run(request).await,
            Err(problem) => refused(&services, problem),
        },
        Ok(None) => unauthorized(request.headers()),
        Err(problem) => refused(&services, problem),
    }
}

fn refused(services: &Services, problem: Problem) -> Response {
    services.counters.refused.fetch_add(1, Ordering::Relaxed);
    problem.into_response()
}

/// Another site's page must not sign a browser in as somebody of its choice: what is done then would be done in their name.
fn refuse_strange_sign_in(services: &Services, request: &Request) -> Result<(), Problem> {
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    match changes && OPEN_PATHS.contains(&request.uri().path()) {
        true => refuse_strange_pages(services, request),
        false => Ok(()),
    }
}

fn owner(via: Via) -> Caller {
    Caller { name: "you".into(), role: Role::Admin, scope: Default::default(), via, until: None }
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
    refuse_other_sites(request, hosts[0], &settings.http.allowed_hosts)?;
    Ok(owner(Via::Loopback))
}

/// Whom the request is addressed to, by its `Host` first, and by its line if that is a whole URL.
fn hosts(request: &Request) -> Result<Vec<&str>, Problem> {
    let named = request.headers().get_all(header::HOST).iter().map(|value| value.to_str());
    let named = named.collect::<Result<Vec<_>, _>>();
    let mut hosts = named.map_err(|_| Problem::bad_request("the request's Host cannot be read"))?;
    if hosts.len() > 1 {
        return Err(Problem::bad_request("the request has more than one Host"));
    }
    hosts.extend(request.uri().authority().map(|authority| authority.as_str()));
    if hosts.is_empty() {
        return Err(Problem::bad_request("the request names no Host"));
    }
    Ok(hosts)
}

fn is_forwarding(header: &str) -> bool {
    header.starts_with("x-forwarded") || FORWARDING_HEADERS.contains(&header)
}

/// Refuse what another site's page sends. Browsers say so in `Sec-Fetch-Site`, older ones in `Origin`.
/// Following a link to us is no such thing: the other site cannot read what comes back.
fn refuse_other_sites(request: &Request, host: &str, allowed: &[String]) -> Result<(), Problem> {
    let headers = request.headers();
    let refusal = |from: &str| {
        Problem::forbidden(format!("a page of another site ({from}) sent this request"))
            .hint("if that page is yours, add its host to http.allowed_hosts")
    };
    if let Some(origin) = headers.get("origin") {
        let origin = origin.to_str().map_err(|_| refusal("unreadable"))?;
        let origin_host = origin.split_once("://").map_or("", |(_, host)| host);
        if origin_host != host && !is_allowed(origin_host, allowed) {
            return Err(refusal(origin));
        }
        return Ok(());
    }
    let reads = request.method() == Method::GET || request.method() == Method::HEAD;
    let follows_link = reads && text(headers, "sec-fetch-mode") == Some("navigate");
    let near =
        |site: &str| ["same-origin", "same-site", "none"].iter().any(|near| site.eq_ignore_ascii_case(near));
    match headers.get("sec-fetch-site").map(|site| site.to_str().unwrap_or("unreadable")) {
        Some(site) if !near(site) && !follows_link => Err(refusal(site)),
        _ => Ok(()),
    }
}

/// For what changes something by GET, as graphite-web's paths do: following another site's link must not. A script
/// of another site names its origin, which was looked at before.
pub fn refuse_other_pages(headers: &HeaderMap) -> Result<(), Problem> {
    match text(headers, "sec-fetch-site") {
        _ if headers.contains_key(header::ORIGIN) => Ok(()),
        None | Some("same-origin" | "none") => Ok(()),
        Some(site) => Err(Problem::forbidden(format!("a page of another site ({site}) sent this request"))),
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn without_port(host: &str) -> &str {
    match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
            _ => host,
        },
    }
}

fn is_loopback_name(host: &str) -> bool {
    let name = without_port(host).trim_end_matches('.').to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn is_allowed(host: &str, allowed: &[String]) -> bool {
    allowed
        .iter()
        .any(|entry| entry.eq_ignore_ascii_case(host) || entry.eq_ignore_ascii_case(without_port(host)))
}

/// What a request shows to say who sends it.
enum Credentials {
    Token(String),
    Password {
        name: String,
        password: String,
        source: IpAddr,
    },
    Session(String),
    /// The name that a trusted proxy says.
    Proxy(String),
}

/// The state database and Argon2 are slow enough to be kept off the threads that serve everybody.
async fn by_credentials(
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

fn credentials(services: &Services, request: &Request, peer: Peer) -> Result<Option<Credentials>, Problem> {
    let headers = request.headers();
    let proxied = proxied(services, headers, peer)?;
    let Some(value) = text(headers, header::AUTHORIZATION.as_str()) else {
        // What the proxy adds comes with whatever a browser is made to ask, as a cookie does.
        if let Some(name) = proxied {
            refuse_forgery(services, request)?;
            return Ok(Some(Credentials::Proxy(name)));
        }
        let session = cookie(headers).map(|secret| Credentials::Session(secret.to_owned()));
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
        Some((scheme, encoded)) if scheme.eq_ignore_ascii_case("basic") => match basic(encoded) {
            // Grafana's data source knows basic authentication: a token may stand in place of the password.
            Some((_, secret)) if secret.starts_with("bw_") => Ok(Some(Credentials::Token(secret))),
            // A browser that once asked for them sends them along whoever asks it to, as it does a cookie.
            Some((name, password)) => {
                refuse_strange_pages(services, request)?;
                Ok(Some(Credentials::Password { name, password, source: source_of(services, headers, peer) }))
            }
            None => Err(Problem::bad_request("the Authorization header cannot be read")),
        },
        _ => Err(Problem::bad_request("the Authorization header is neither Bearer nor Basic")),
    }
}

/// Whom the proxy in front says that it asks for. Anybody else who says so is lying, or the proxy is missing in the list.
fn proxied(services: &Services, headers: &HeaderMap, peer: Peer) -> Result<Option<String>, Problem> {
    let settings = services.settings.load();
    let Some(header) = &settings.auth.proxy_header else { return Ok(None) };
    let mut said = headers.get_all(header.as_str()).iter();
    let Some(name) = said.next() else { return Ok(None) };
    let trusted = &settings.auth.trusted_proxies;
    let is_proxy = |address: IpAddr| trusted.iter().any(|network| network.contains(&address.to_canonical()));
    if !matches!(peer, Peer::Address(address) if is_proxy(address.ip())) {
        services.counters.refused_headers.fetch_add(1, Ordering::Relaxed);
        return Err(Problem::forbidden(format!(
            "the header `{header}` is believed of auth.trusted_proxies only"
        ))
        .hint("sign in without it; if a proxy of yours sent it, add its address there"));
    }
    if said.next().is_some() {
        return Err(Problem::bad_request(format!("the header `{header}` is there twice"))
            .hint("the proxy has to take away what others send under this name, and set its own"));
    }
    let name =
        name.to_str().map_err(|_| Problem::bad_request(format!("the header `{header}` cannot be read")))?;
    Ok(Some(name.trim().to_owned()).filter(|name| !name.is_empty()))
}

/// What proxies are called where it stands who vouches for somebody.
pub const PROXY: &str = "proxy";

fn by_proxy(services: &Services, name: &str) -> Result<Caller, Problem> {
    let settings = services.settings.load();
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
    let scope = accounts::scope_of(&services.state, &settings.teams, &arrived.name, arrived.role)?;
    Ok(Caller { name: arrived.name, role: arrived.role, scope, via: Via::Proxy, until: None })
}

fn who(services: &Services, credentials: &Credentials) -> Result<Option<Caller>, Problem> {
    let now = services.clock.now();
    match credentials {
        Credentials::Session(secret) => {
            Ok(accounts::session(&services.state, secret, &services.settings.load().teams, now)?)
        }
        Credentials::Token(secret) => {
            accounts::token(&services.state, secret, now)?.map(Some).ok_or_else(wrong_credentials)
        }
        Credentials::Password { name, password, source } => {
            by_password(services, name, password, *source).map(Some)
        }
        Credentials::Proxy(name) => by_proxy(services, name).map(Some),
    }
}

/// The person, if name and password are right and this source has tries left.
pub fn by_password(
    services: &Services,
    name: &str,
    password: &str,
    source: IpAddr,
) -> Result<Caller, Problem> {
    services.attempts.allow(source, name, services.clock.now())?;
    let role = accounts::check_password(&services.state, name, password)?.ok_or_else(wrong_credentials)?;
    services.attempts.succeeded(source, name);
    let scope = accounts::scope_of(&services.state, &services.settings.load().teams, name, role)?;
    Ok(Caller { name: name.to_owned(), role, scope, via: Via::Session, until: None })
}

fn wrong_credentials() -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "the token or password is not right")
        .hint("make a token with: bellwether token create NAME --role viewer")
}

/// The same for handlers; where no connection is behind it, this machine asks.
pub fn source(services: &Services, headers: &HeaderMap, peer: Option<Peer>) -> IpAddr {
    source_of(services, headers, peer.unwrap_or(Peer::Unknown))
}

/// Who is really asking: the peer, or whom a trusted proxy says it asks for.
pub fn source_of(services: &Services, headers: &HeaderMap, peer: Peer) -> IpAddr {
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
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if changes && !is_of_our_page(headers) {
        return Err(Problem::forbidden("a request with a session cookie must say which page it comes from")
            .hint("scripts use a token: Authorization: Bearer TOKEN"));
    }
    Ok(())
}

/// A page of `http.allowed_hosts` may read some paths; it is no page of ours, although a neighbour's request brings the cookie.
fn is_of_our_page(headers: &HeaderMap) -> bool {
    match text(headers, "sec-fetch-site") {
        Some(site) => ["same-origin", "none"].iter().any(|ours| site.eq_ignore_ascii_case(ours)),
        None => headers.contains_key(header::ORIGIN),
    }
}

fn refuse_strange_pages(services: &Services, request: &Request) -> Result<(), Problem> {
    let host = text(request.headers(), header::HOST.as_str()).unwrap_or_default();
    refuse_other_sites(request, host, &services.settings.load().http.allowed_hosts)
}

/// The secret of the session that the request carries. The name that says less is read where the other is missing: it is
/// that of plain HTTP, and of sessions that were opened before there was the other.
pub fn cookie(headers: &HeaderMap) -> Option<&str> {
    cookie_called(headers, SECURE_SESSION_COOKIE).or_else(|| cookie_called(headers, SESSION_COOKIE))
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

fn is_open(request: &Request) -> bool {
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
    fn loopback_names() {
        for host in [
            "localhost",
            "LOCALHOST:8080",
            "127.0.0.1:80",
            "127.1.2.3",
            "[::1]:8080",
            "a.localhost",
            "localhost.",
        ] {
            assert!(is_loopback_name(host), "{host}");
        }
        for host in [
            "example.com",
            "127.0.0.1.example.com",
            "localhost.example.com",
            "10.0.0.1",
            "",
            "[fe80::1]",
            "localhost:80@evil.example",
            "localhost:evil",
        ] {
            assert!(!is_loopback_name(host), "{host}");
        }
    }

    #[test]
    fn basic_credentials() {
        assert_eq!(basic("YW5hOnNlY3JldDp4"), Some(("ana".into(), "secret:x".into())));
        assert_eq!(basic("YQ=="), None);
        assert_eq!(basic("!"), None);
    }

    fn other_site(headers: &[(&str, &str)], method: Method) -> bool {
        let mut request = Request::builder().method(method).uri("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(axum::body::Body::empty()).unwrap();
        refuse_other_sites(&request, "localhost:8080", &["grafana.example".into()]).is_err()
    }

    #[test]
    fn everything_that_names_a_host_is_looked_at() {
        let check = |line: &str, headers: &[&str], expected: Option<&[&str]>| {
            let mut request = Request::builder().uri(line);
            for host in headers {
                request = request.header("host", *host);
            }
            let request = request.body(axum::body::Body::empty()).unwrap();
            assert_eq!(hosts(&request).ok().as_deref(), expected, "{line} {headers:?}");
        };
        check("/", &["localhost:1"], Some(&["localhost:1"]));
        check("http://evil.example/", &["localhost"], Some(&["localhost", "evil.example"]));
        check("http://localhost/", &[], Some(&["localhost"]));
        check("/", &["localhost", "evil.example"], None);
        check("/", &["l\u{f6}calhost"], None);
        check("/", &[], None);
    }

    #[test]
    fn proxies_are_known_by_their_headers() {
        for name in ["x-forwarded-port", "x-forwarded-for", "forwarded", "via", "cf-connecting-ip"] {
            assert!(is_forwarding(name), "{name}");
        }
        assert!(!is_forwarding("x-grafana-org-id"));
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

    #[test]
    fn the_cookie_that_only_this_host_can_set_counts() {
        let check = |value: &'static str, wanted: Option<&str>| {
            let headers = HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_static(value))]);
            assert_eq!(cookie(&headers), wanted, "{value}");
        };
        check("bellwether_session=a", Some("a"));
        check("__Host-bellwether_session=b", Some("b"));
        check("bellwether_session=a; __Host-bellwether_session=b", Some("b"));
        check("__host-bellwether_session=c", None);
        check("x__Host-bellwether_session=c", None);
        check("", None);
    }

    #[test]
    fn links_of_other_sites_change_nothing() {
        let check = |name: &'static str, value: &str, refused: bool| {
            let headers = HeaderMap::from_iter([(
                header::HeaderName::from_static(name),
                HeaderValue::from_str(value).unwrap(),
            )]);
            assert_eq!(refuse_other_pages(&headers).is_err(), refused, "{name}: {value}");
        };
        check("accept", "*/*", false);
        check("sec-fetch-site", "same-origin", false);
        check("sec-fetch-site", "none", false);
        check("sec-fetch-site", "same-site", true);
        check("sec-fetch-site", "cross-site", true);
        check("origin", "http://wall.example", false);
    }

    #[test]
    fn a_session_changes_things_from_pages_of_ours_only() {
        let check = |sent: &[(&'static str, &'static str)], ours: bool| {
            let named = |(name, value): &(&'static str, &'static str)| {
                (header::HeaderName::from_static(name), HeaderValue::from_static(value))
            };
            assert_eq!(is_of_our_page(&HeaderMap::from_iter(sent.iter().map(named))), ours, "{sent:?}");
        };
        check(&[], false);
        check(&[("origin", "https://bellwether.example")], true);
        check(&[("sec-fetch-site", "same-origin")], true);
        check(&[("sec-fetch-site", "same-site"), ("origin", "https://grafana.example")], false);
        check(&[("sec-fetch-site", "cross-site"), ("origin", "https://grafana.example")], false);
    }

    #[test]
    fn other_sites_are_refused() {
        let check = |headers: &[(&str, &str)], method: Method, refused: bool| {
            assert_eq!(other_site(headers, method.clone()), refused, "{method} {headers:?}");
        };
        check(&[], Method::POST, false);
        check(&[("sec-fetch-site", "same-origin")], Method::POST, false);
        check(&[("sec-fetch-site", "none")], Method::GET, false);
        check(&[("sec-fetch-site", "cross-site")], Method::GET, true);
        check(&[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")], Method::GET, false);
        check(&[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")], Method::POST, true);
        check(&[("sec-fetch-site", "Cross-Site")], Method::GET, true);
        check(&[("sec-fetch-site", "elsewhere")], Method::GET, true);
        check(&[("sec-fetch-site", "same-site")], Method::GET, false);
        check(&[("origin", "http://localhost:8080")], Method::POST, false);
        check(&[("origin", "http://l\u{f6}calhost:8080")], Method::POST, true);
        check(&[("origin", "http://localhost:3000")], Method::POST, true);
        check(&[("origin", "https://grafana.example")], Method::POST, false);
        check(&[("origin", "https://evil.example")], Method::GET, true);
        check(&[("origin", "null")], Method::GET, true);
    }
}
