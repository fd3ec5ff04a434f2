//! `/s/PATH` makes a short link, `/S/ID` follows it.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};

use super::kept::{self, Refused};
use super::page::redirect;
use super::plain;
use crate::accounts::{Caller, Via};
use crate::api_v1::off_thread;
use crate::guard::refuse_other_pages;
use crate::services::Services;

const DIGITS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789abcdefghijklmnopqrstuvwxyz";

/// What there are short links to: graphite-web's pages and pictures. Whoever is handed a short link does not see where it leads.
const PAGES: [&str; 4] = ["render", "graphlot", "composer", "dashboard"];

/// What pages add so that nobody answers from a cache; links to the same must be the same.
const ALWAYS_NEW: [&str; 3] = ["&_uniq=", "&_salt=", "&_dc="];

pub async fn shorten(
    method: Method,
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    // Links are kept for ever, so no page elsewhere may fill the table with frames.
    if let Err(problem) = refuse_other_pages(&services, &caller, &method, &headers) {
        return problem.into_response();
    }
    let address = uri.path_and_query().map_or("", |address| address.as_str());
    let address = without_salt(address.strip_prefix("/s/").unwrap_or_default());
    if !is_page(&address) {
        let why = "short links lead to /render, /graphlot, /composer and /dashboard/NAME only\n";
        return plain(StatusCode::BAD_REQUEST, why);
    }
    // Where nobody signs in all are one, and have the whole room.
    let by = if caller.via == Via::Loopback { String::new() } else { caller.name };
    let made = off_thread(&services, move |services| {
        match kept::link(&services.state, &address, &by, services.clock.now()) {
            Ok(number) => Ok(Ok(number)),
            Err(Refused::Because(why)) => Ok(Err(why)),
            Err(Refused::State(error)) => Err(error.into()),
        }
    });
    match made.await {
        Ok(Ok(number)) => plain(StatusCode::OK, &format!("/S/{}", spelled(number))),
        Ok(Err(why)) => plain(StatusCode::BAD_REQUEST, &format!("{why}\n")),
        Err(problem) => problem.into_response(),
    }
}

pub async fn follow(State(services): State<Arc<Services>>, Path(id): Path<String>) -> Response {
    let Some(number) = number(id.trim_end_matches('/')) else { return unknown() };
    let found = off_thread(&services, move |services| Ok(kept::link_to(&services.state, number)?));
    match found.await {
        // What was kept before only pages were may lead anywhere.
        Ok(Some(address)) if is_page(&address) => {
            redirect(StatusCode::MOVED_PERMANENTLY, &format!("/{address}"))
        }
        Ok(_) => unknown(),
        Err(problem) => problem.into_response(),
    }
}

fn unknown() -> Response {
    plain(StatusCode::NOT_FOUND, "There is no such short link.\n")
}

/// Browsers take `..`, also as `%2e%2e`, and `\` for steps to somewhere else.
fn is_page(address: &str) -> bool {
    let path = address.split(['?', '#']).next().unwrap_or_default();
    let nodes: Vec<&str> = path.split('/').collect();
    let leads_on = |node: &&str| {
        let node = node.to_ascii_lowercase().replace("%2e", ".");
        node.contains('\\') || node == "." || node == ".."
    };
    let changes = nodes.get(1).is_some_and(|node| node.starts_with("delete"));
    let is_known = path.is_empty() || PAGES.contains(&nodes[0]);
    is_known && !nodes.iter().any(leads_on) && !(changes && nodes.len() > 2)
}

fn without_salt(address: &str) -> String {
    let mut out = address.to_owned();
    for salt in ALWAYS_NEW {
        let mut from = 0;
        while let Some(at) = out[from..].find(salt).map(|at| from + at) {
            let value = &out[at + salt.len()..];
            let digits = value.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
            if digits > 0 {
                out.replace_range(at..at + salt.len() + digits, "");
            }
            from = if digits > 0 { at } else { at + salt.len() };
        }
    }
    out
}

fn spelled(mut number: i64) -> String {
    let mut digits = Vec::new();
    loop {
        digits.push(DIGITS[(number % 62) as usize]);
        number /= 62;
        if number == 0 {
            break;
        }
    }
    digits.iter().rev().map(|digit| char::from(*digit)).collect()
}

fn number(text: &str) -> Option<i64> {
    if text.is_empty() {
        return None;
    }
    text.bytes().try_fold(0i64, |number, byte| {
        let digit = DIGITS.iter().position(|digit| *digit == byte)?;
        number.checked_mul(62)?.checked_add(digit as i64)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_the_original_spells_them() {
        let check = |value: i64, wanted: &str| {
            assert_eq!(spelled(value), wanted);
            assert_eq!(number(wanted), Some(value));
        };
        check(0, "A");
        check(1, "B");
        check(26, "0");
        check(61, "z");
        check(62, "BA");
        check(62 * 62 + 61, "BAz");
        assert_eq!(number("AB"), Some(1));
        for bad in ["", "-", "a!", "zzzzzzzzzzzzzzzzzzzzzzzz"] {
            assert_eq!(number(bad), None, "{bad}");
        }
    }

    #[test]
    fn short_links_lead_to_pages() {
        for address in [
            "",
            "?x=1",
            "render?target=a",
            "render/?target=../a",
            "graphlot?x",
            "composer",
            "dashboard/Main",
            "dashboard/delete",
            "dashboard/of.hosts/web..1",
        ] {
            assert!(is_page(address), "{address}");
        }
        for address in [
            "dashboard/delete/Main",
            "dashboard/delete_template/x/",
            "dashboard/./delete/Main",
            "render/../dashboard/delete/Main",
            "render/.%2E/dashboard/delete/Main",
            "render\\..\\dashboard/delete/Main",
            "metrics/set-metadata?metric=a",
            "/elsewhere.example/",
            "\\elsewhere.example/",
            "https://elsewhere.example/",
            "s/render",
            "api/v1/session",
        ] {
            assert!(!is_page(address), "{address}");
        }
    }

    #[test]
    fn what_makes_requests_differ_is_left_out() {
        let check = |address: &str, wanted: &str| assert_eq!(without_salt(address), wanted);
        check("render?target=a&_salt=12.5&_uniq=0.5&x=1", "render?target=a&x=1");
        check("render?_salt=12&target=a", "render?_salt=12&target=a");
        check("render?target=a&_dc=x&_dc=1", "render?target=a&_dc=x");
    }
}
