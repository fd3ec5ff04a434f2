//! Where a request comes from: the host it is addressed to, a proxy before it, the page that sends it.

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::{HeaderMap, Method, header};

use crate::accounts::Via;
use crate::answer::Problem;
use crate::cross_origin;

/// What proxies and content networks add, besides everything that begins with `x-forwarded` or `tailscale-`.
const FORWARDING_HEADERS: [&str; 17] = [
    "forwarded",
    "forwarded-for",
    "via",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-original-forwarded-for",
    "x-original-host",
    "x-original-url",
    "x-envoy-external-address",
    "true-client-ip",
    "cf-connecting-ip",
    "cf-ray",
    "cdn-loop",
    "x-amzn-trace-id",
    "fastly-client-ip",
    "x-appengine-user-ip",
];

/// Whom the request is addressed to, by its `Host` first, and by its line if that is a whole URL.
pub(super) fn hosts(request: &Request) -> Result<Vec<&str>, Problem> {
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

pub(super) fn is_forwarding(header: &str) -> bool {
    header.starts_with("x-forwarded")
        || header.starts_with("tailscale-")
        || FORWARDING_HEADERS.contains(&header)
}

/// Refuse what another site's page sends. Browsers say so in `Sec-Fetch-Site`, older ones in `Origin`.
/// Following a link to us is no such thing: the other site cannot read what comes back.
pub(super) fn refuse_other_sites(request: &Request, host: &str, allowed: &[String]) -> Result<(), Problem> {
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

/// For what changes something by GET, as graphite-web's paths do: following a link must not, of another site or of a note on a
/// page of ours. A script of another site names its origin, which was looked at before. Over plain HTTP browsers say only which
/// page refers to it.
pub(super) fn refuse_links(
    method: &Method,
    headers: &HeaderMap,
    by_browser: bool,
    allowed: &[String],
) -> Result<(), Problem> {
    let programs = "programs send it as POST, or with a token: Authorization: Bearer TOKEN";
    if !changes(method) && is_followed(headers, by_browser) {
        return Err(Problem::forbidden("this changes something, and a link leads here").hint(programs));
    }
    match text(headers, "sec-fetch-site") {
        _ if headers.contains_key(header::ORIGIN) => Ok(()),
        Some("same-origin") => Ok(()),
        Some(site) => Err(Problem::forbidden(format!("a page of another site ({site}) sent this request"))),
        None if !by_browser || changes(method) || is_referred(headers, allowed) => Ok(()),
        None => {
            Err(Problem::forbidden("this changes something, and does not say which page sent it")
                .hint(programs))
        }
    }
}

/// Does a browser go there, or show it as a part of a page, instead of a script that asks for it? Over plain HTTP it does not
/// say so, but whoever goes somewhere wants a page.
fn is_followed(headers: &HeaderMap, by_browser: bool) -> bool {
    match text(headers, "sec-fetch-mode") {
        Some(mode) => !["cors", "same-origin"].iter().any(|asks| mode.eq_ignore_ascii_case(asks)),
        None => {
            let wanted = text(headers, header::ACCEPT.as_str()).unwrap_or_default();
            by_browser && wanted.contains("text/html")
        }
    }
}

/// Pages of `http.allowed_hosts` ask for Graphite's paths; what else is changed is for pages of ours. Whoever says nothing of a
/// page is a program: browsers name at least the origin of whatever is no GET.
pub(super) fn refuse_foreign_changes(request: &Request, public_url: &str) -> Result<(), Problem> {
    let headers = request.headers();
    let says_page = headers.contains_key(header::ORIGIN) || headers.contains_key("sec-fetch-site");
    if !changes(request.method())
        || !says_page
        || is_of_our_page(headers, public_url)
        || cross_origin::is_graphite(request.uri().path())
    {
        return Ok(());
    }
    Err(Problem::forbidden("a page of another site sent this request")
        .hint("pages of http.allowed_hosts are answered on Graphite's paths only"))
}

pub(super) fn changes(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Does a browser send what says who asks along with whatever a page asks? It does so with cookies, with passwords (and tokens in
/// their place) that it remembers, and with what a proxy adds. Where nobody signs in, to reach us is enough: under a name
/// that is not this machine's, and here of whatever calls itself as all browsers do, which no page can change.
pub(super) fn is_by_browser(via: Via, headers: &HeaderMap) -> bool {
    match via {
        Via::Session | Via::Proxy => true,
        Via::Token => {
            let shown = text(headers, header::AUTHORIZATION.as_str()).and_then(|value| value.split_once(' '));
            shown.is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"))
        }
        Via::Loopback => {
            let host = text(headers, header::HOST.as_str()).unwrap_or_default();
            let program = text(headers, header::USER_AGENT.as_str()).unwrap_or_default();
            !is_loopback_name(host) || program.starts_with("Mozilla/")
        }
        Via::ControlSocket => false,
    }
}

/// An answer that calls a function (`jsonp`) is read by whatever page asks for it as a script, so only our pages and those of
/// `http.allowed_hosts` get one; and the function is one that is there, not a script of somebody's own under our name.
/// Programs that are no browsers do not say where their page is, and are answered as by graphite-web, which echoes anything.
/// Over plain HTTP browsers do not say it either, so that whoever is known by what a browser sends along (`by_browser`) must be
/// referred by a page of ours.
pub(super) fn refuse_strange_calls(
    request: &Request,
    by_browser: bool,
    allowed: &[String],
) -> Result<(), Problem> {
    let headers = request.headers();
    let site = headers.get("sec-fetch-site").map(|site| site.to_str().unwrap_or("unreadable"));
    if site.is_none() && !by_browser {
        return Ok(());
    }
    let query = form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes());
    let is_name = |character: char| character.is_ascii_alphanumeric() || "_$.[]".contains(character);
    for (_, function) in query.filter(|(name, function)| name == "jsonp" && !function.is_empty()) {
        if !function.chars().all(is_name) {
            return Err(Problem::bad_request("`jsonp` names no function")
                .hint("a name has letters, digits and any of _ $ . [ ]"));
        }
        let ours = match site {
            Some(site) => ["same-origin", "none"].iter().any(|ours| site.eq_ignore_ascii_case(ours)),
            None => false,
        };
        if !ours && !is_referred(headers, allowed) {
            let site = site.unwrap_or("it does not say which");
            let why = format!("a page of another site ({site}) asked for a script with our data (`jsonp`)");
            return Err(Problem::forbidden(why).hint(
                "if that page is yours, add its host to http.allowed_hosts, and let it ask without `jsonp`; programs show a token",
            ));
        }
    }
    Ok(())
}

/// Does a page of ours ask, or one of `http.allowed_hosts`, as far as a browser says?
fn is_referred(headers: &HeaderMap, allowed: &[String]) -> bool {
    let host = text(headers, header::HOST.as_str()).filter(|_| !headers.contains_key("sec-fetch-site"));
    let is_ours = |page: &str| host.is_some_and(|host| page.eq_ignore_ascii_case(host));
    referrer(headers).is_some_and(|page| is_ours(page) || is_allowed(page, allowed))
}

/// The host of the page that asks. A page cannot say that it is another one; it may say nothing.
fn referrer(headers: &HeaderMap) -> Option<&str> {
    let (_, rest) = text(headers, header::REFERER.as_str())?.split_once("://")?;
    rest.split('/').next()
}

pub(super) fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
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

pub(super) fn is_loopback_name(host: &str) -> bool {
    let name = without_port(host).trim_end_matches('.').to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Is it a name of ours, as far as anybody has said so? Whoever owns another one may have made it lead to this machine, and
/// what their page asks under it browsers take for its own (DNS rebinding). An address is nobody's to lead elsewhere, and a name
/// without a dot, as neighbours in one container network have, nobody's to buy.
pub(super) fn is_known_name(host: &str, public_url: &str, allowed: &[String]) -> bool {
    let name = without_port(host);
    let public = public_url.split_once("://").and_then(|(_, rest)| rest.split('/').next());
    name.parse::<IpAddr>().is_ok()
        || is_single_label(name)
        || is_loopback_name(host)
        || is_allowed(host, allowed)
        || public.is_some_and(|public| without_port(public).eq_ignore_ascii_case(name))
}

fn is_single_label(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

pub(super) fn is_allowed(host: &str, allowed: &[String]) -> bool {
    allowed
        .iter()
        .any(|entry| entry.eq_ignore_ascii_case(host) || entry.eq_ignore_ascii_case(without_port(host)))
}

/// A page of `http.allowed_hosts` may read some paths; it is no page of ours, although a neighbour's request brings the cookie.
/// Over plain HTTP its origin is whom it asks, or what a proxy in front is called by people.
pub(super) fn is_of_our_page(headers: &HeaderMap, public_url: &str) -> bool {
    if let Some(site) = text(headers, "sec-fetch-site") {
        return ["same-origin", "none"].iter().any(|ours| site.eq_ignore_ascii_case(ours));
    }
    let Some(origin) = text(headers, header::ORIGIN.as_str()) else { return false };
    let host = text(headers, header::HOST.as_str());
    let page = origin.split_once("://").map(|(_, page)| page);
    let is_host = page.zip(host).is_some_and(|(page, host)| page.eq_ignore_ascii_case(host));
    is_host || public_url.trim_end_matches('/').eq_ignore_ascii_case(origin)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

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
    fn names_that_somebody_has_said_are_ours() {
        let is_known = |host: &str| {
            is_known_name(host, "https://Bell.example:8443/here", &["metrics.office".to_owned()])
        };
        for host in [
            "bell.example",
            "bell.example:8443",
            "metrics.office:80",
            "localhost:1",
            "10.0.0.7:8080",
            "[fe80::1]:80",
            "bellwether:8080",
            "metrics_1",
        ] {
            assert!(is_known(host), "{host}");
        }
        for host in [
            "evil.example",
            "bell.example.evil.example",
            "",
            ":80",
            "xbell.example",
            "evil.",
            "evil:x",
            "internal.office",
        ] {
            assert!(!is_known(host), "{host}");
        }
        assert!(!is_known_name("", "", &[]));
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
        for name in
            ["x-forwarded-port", "x-forwarded-for", "forwarded", "via", "cf-ray", "tailscale-user-login"]
        {
            assert!(is_forwarding(name), "{name}");
        }
        assert!(!is_forwarding("x-grafana-org-id"));
    }

    #[test]
    fn links_of_other_sites_change_nothing() {
        let ask = |method: Method, by_browser: bool, name: &'static str, value: &str, refused: bool| {
            let headers = HeaderMap::from_iter([
                (header::HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()),
                (header::HOST, HeaderValue::from_static("bw.example:80")),
            ]);
            let answer = refuse_links(&method, &headers, by_browser, &["wall.example".into()]);
            assert_eq!(answer.is_err(), refused, "{method} {by_browser} {name}: {value}");
        };
        let check = |name, value: &str, refused| ask(Method::GET, true, name, value, refused);
        ask(Method::GET, false, "accept", "*/*", false);
        ask(Method::POST, true, "accept", "*/*", false);
        check("accept", "*/*", true);
        check("referer", "http://evil.example/bw.example:80", true);
        check("referer", "http://bw.example:80/dashboard", false);
        check("referer", "http://wall.example/", false);
        check("sec-fetch-site", "same-origin", false);
        check("sec-fetch-site", "none", true);
        check("sec-fetch-site", "same-site", true);
        check("sec-fetch-site", "cross-site", true);
        check("origin", "http://wall.example", false);
    }

    #[test]
    fn links_of_our_own_pages_change_nothing_either() {
        let check =
            |method: Method, by_browser: bool, name: &'static str, value: &'static str, refused: bool| {
                let ours = [("sec-fetch-site", "same-origin"), ("host", "bw.example"), (name, value)];
                let answer = refuse_links(&method, &headers_of(&ours), by_browser, &[]);
                assert_eq!(answer.is_err(), refused, "{method} {by_browser} {name}: {value}");
            };
        for (mode, refused) in
            [("cors", false), ("same-origin", false), ("navigate", true), ("no-cors", true)]
        {
            check(Method::GET, true, "sec-fetch-mode", mode, refused);
        }
        check(Method::POST, true, "sec-fetch-mode", "navigate", false);
        let page = "text/html,application/xhtml+xml,*/*;q=0.8";
        check(Method::GET, true, "accept", page, true);
        check(Method::GET, true, "accept", "*/*", false);
        check(Method::GET, false, "accept", page, false);
    }

    #[test]
    fn scripts_with_our_data_are_for_our_pages() {
        let ask = |query: &str, by_browser: bool, sent: &[(&str, &str)], refused: bool| {
            let mut request =
                Request::builder().uri(format!("/render?{query}")).header("host", "bw.example:80");
            for (name, value) in sent {
                request = request.header(*name, *value);
            }
            let request = request.body(axum::body::Body::empty()).unwrap();
            let strange = refuse_strange_calls(&request, by_browser, &["wall.example".into()]);
            assert_eq!(strange.is_err(), refused, "{query} {by_browser} {sent:?}");
        };
        let check = |query: &str, sent: &[(&str, &str)], refused: bool| ask(query, false, sent, refused);
        let from = |site: &'static str| [("sec-fetch-site", site), ("sec-fetch-mode", "no-cors")];
        for (site, refused) in
            [("same-origin", false), ("none", false), ("same-site", true), ("cross-site", true)]
        {
            check("jsonp=call", &from(site), refused);
            check("target=a", &from(site), false);
            check("jsonp=", &from(site), false);
        }
        check("%6asonp=call", &from("same-site"), true);
        check("jsonp=jQuery17_1.a%5B0%5D.%24x", &from("same-origin"), false);
        check("jsonp=alert(1)//", &from("same-origin"), true);
        check("jsonp=a&jsonp=a;b", &from("same-origin"), true);
        // Programs, and pages that the configuration trusts.
        check("jsonp=a;b", &[], false);
        let referred = |page: &'static str| [("sec-fetch-site", "same-site"), ("referer", page)];
        check("jsonp=call", &referred("https://wall.example/tv"), false);
        check("jsonp=call", &referred("https://evil.example/wall.example"), true);
        check("jsonp=call", &referred("https://wall.example@evil.example/"), true);
        // Over plain HTTP there is only the page that refers to it, if anything.
        let plain = |sent: &[(&str, &str)], refused: bool| ask("jsonp=call", true, sent, refused);
        plain(&[], true);
        plain(&[("referer", "http://evil.example/bw.example:80")], true);
        plain(&[("referer", "http://bw.example/")], true);
        plain(&[("referer", "http://bw.example:80/graph")], false);
        plain(&[("referer", "http://wall.example/")], false);
        plain(&[("sec-fetch-site", "same-origin")], false);
        ask("jsonp=a;b", true, &[("referer", "http://bw.example:80/")], true);
        ask("target=a", true, &[], false);
    }

    #[test]
    fn a_session_changes_things_from_pages_of_ours_only() {
        let check = |sent: &[(&'static str, &'static str)], ours: bool| {
            let ours_said = is_of_our_page(&headers_of(sent), "https://bellwether.example/");
            assert_eq!(ours_said, ours, "{sent:?}");
        };
        check(&[], false);
        check(&[("host", "127.0.0.1:8080"), ("origin", "https://bellwether.example")], true);
        check(&[("host", "bw.lan:8080"), ("origin", "http://bw.lan:8080")], true);
        check(&[("host", "bw.lan:8080"), ("origin", "http://wall.lan:8080")], false);
        check(&[("origin", "null")], false);
        check(&[("sec-fetch-site", "same-origin")], true);
        check(&[("sec-fetch-site", "same-site"), ("origin", "https://grafana.example")], false);
        check(&[("sec-fetch-site", "cross-site"), ("origin", "https://grafana.example")], false);
    }

    fn headers_of(sent: &[(&'static str, &'static str)]) -> HeaderMap {
        let named = |(name, value): &(&'static str, &'static str)| {
            (header::HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        sent.iter().map(named).collect()
    }

    #[test]
    fn what_a_browser_sends_along_by_itself_is_by_browser() {
        let check = |via: Via, sent: &[(&'static str, &'static str)], by_browser: bool| {
            assert_eq!(is_by_browser(via, &headers_of(sent)), by_browser, "{via:?} {sent:?}");
        };
        check(Via::Session, &[], true);
        check(Via::Proxy, &[], true);
        check(Via::Token, &[("authorization", "Bearer bw_x")], false);
        check(Via::Token, &[("authorization", "basic eDpid194")], true);
        check(Via::Loopback, &[("host", "localhost:8080"), ("user-agent", "curl/8.5")], false);
        check(Via::Loopback, &[("host", "localhost:8080"), ("user-agent", "Mozilla/5.0 (X11)")], true);
        check(Via::Loopback, &[("host", "metrics.office"), ("user-agent", "curl/8.5")], true);
        check(Via::ControlSocket, &[("user-agent", "Mozilla/5.0")], false);
    }

    #[test]
    fn pages_of_others_change_what_is_graphites_only() {
        let check = |method: Method, path: &str, sent: &[(&'static str, &'static str)], refused: bool| {
            let mut request =
                Request::builder().method(method).uri(path).body(axum::body::Body::empty()).unwrap();
            *request.headers_mut() = headers_of(sent);
            assert_eq!(refuse_foreign_changes(&request, "").is_err(), refused, "{path} {sent:?}");
        };
        let wall = [("host", "bw.lan"), ("origin", "http://wall.lan")];
        check(Method::POST, "/api/v1/people", &wall, true);
        check(Method::POST, "/events/", &wall, false);
        check(Method::GET, "/api/v1/people", &wall, false);
        check(Method::POST, "/api/v1/people", &[("host", "bw.lan"), ("origin", "http://bw.lan")], false);
        check(Method::POST, "/api/v1/people", &[("host", "bw.lan")], false);
        check(Method::PUT, "/api/v1/people", &[("sec-fetch-site", "same-site")], true);
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
