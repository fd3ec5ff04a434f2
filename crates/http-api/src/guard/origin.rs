//! Where a request comes from: the host it is addressed to, a proxy before it, the page that sends it.

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::{HeaderMap, Method, header};

use crate::answer::Problem;

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
    header.starts_with("x-forwarded") || FORWARDING_HEADERS.contains(&header)
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

/// For what changes something by GET, as graphite-web's paths do: following another site's link must not. A script
/// of another site names its origin, which was looked at before.
pub fn refuse_other_pages(headers: &HeaderMap) -> Result<(), Problem> {
    match text(headers, "sec-fetch-site") {
        _ if headers.contains_key(header::ORIGIN) => Ok(()),
        None | Some("same-origin" | "none") => Ok(()),
        Some(site) => Err(Problem::forbidden(format!("a page of another site ({site}) sent this request"))),
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
            None => referrer(headers).is_some_and(|page| {
                text(headers, header::HOST.as_str()).is_some_and(|host| page.eq_ignore_ascii_case(host))
            }),
        };
        if !ours && !referrer(headers).is_some_and(|page| is_allowed(page, allowed)) {
            let site = site.unwrap_or("it does not say which");
            let why = format!("a page of another site ({site}) asked for a script with our data (`jsonp`)");
            return Err(Problem::forbidden(why).hint(
                "if that page is yours, add its host to http.allowed_hosts, and let it ask without `jsonp`; programs show a token",
            ));
        }
    }
    Ok(())
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

pub(super) fn is_allowed(host: &str, allowed: &[String]) -> bool {
    allowed
        .iter()
        .any(|entry| entry.eq_ignore_ascii_case(host) || entry.eq_ignore_ascii_case(without_port(host)))
}

/// A page of `http.allowed_hosts` may read some paths; it is no page of ours, although a neighbour's request brings the cookie.
pub(super) fn is_of_our_page(headers: &HeaderMap) -> bool {
    match text(headers, "sec-fetch-site") {
        Some(site) => ["same-origin", "none"].iter().any(|ours| site.eq_ignore_ascii_case(ours)),
        None => headers.contains_key(header::ORIGIN),
    }
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
