//! One copy on its way to the old side.

use std::sync::Arc;
use std::time::Duration;

use formats::sentry::dsn::Dsn;
use http_api::sentry::tee::{Copy, MARK};
use outbound::http::{Request, Spared};
use outbound::{Egress, Kind, Url, http};

use super::Tried;
use crate::house::House;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(20);
const ANSWER_BYTES: usize = 500;

pub(super) async fn send(house: &Arc<House>, old: &Dsn, copy: Copy) -> Tried {
    match request(old, copy) {
        Ok(request) => ask(&house.egress, &Request { spared: Some(own_listeners(house)), ..request }).await,
        Err(why) => Tried::Refused(why),
    }
}

/// Each line of a copy would be one of Carbon's.
fn own_listeners(house: &Arc<House>) -> Spared {
    let house = house.clone();
    Arc::new(move |peer, local| {
        let config = house.config.load();
        let mut pages = config.http.listen.iter().filter_map(|listen| listen.address());
        pages.any(|own| ingest::is_reached_by(own, peer, Some(local)))
            || house.ingest.read().as_ref().is_some_and(|ingest| ingest.is_own(peer, local))
    })
}

fn request(old: &Dsn, copy: Copy) -> Result<Request, String> {
    let Dsn { scheme, public_key, host, path, project } = old;
    let query = if copy.query.is_empty() { String::new() } else { format!("?{}", copy.query) };
    let url = Url::parse(&format!("{scheme}://{host}{path}/api/{project}/{}{query}", copy.way))?;
    let method = if copy.body.is_empty() { http::get() } else { http::post() };
    let mut request = Request::new(method, url);
    request.connect_timeout = CONNECT_TIMEOUT;
    request.timeout = TIMEOUT;
    request.body_most = ANSWER_BYTES;
    request.redirects_most = 0;
    let client = copy.client.as_deref().map(in_a_list).unwrap_or_default();
    let auth = format!("Sentry sentry_version=7, sentry_key={public_key}, sentry_client={client}");
    let own = [("x-sentry-auth".to_owned(), auth), (MARK.to_owned(), "1".to_owned())];
    for (name, value) in own.iter().chain(&copy.headers) {
        request.header(name, value).map_err(|failure| failure.message)?;
    }
    request.body = copy.body.into();
    Ok(request)
}

/// A client's name, as one part of a list that is separated by commas and blanks.
fn in_a_list(client: &str) -> String {
    let plain = |letter: char| if letter.is_ascii_graphic() && letter != ',' { letter } else { '_' };
    client.chars().take(100).map(plain).collect()
}

async fn ask(egress: &Egress, request: &Request) -> Tried {
    let answer = match http::call(egress, request).await {
        Ok(answer) => answer,
        // It is written wrongly, or nobody may be called there: who sets that right wants what waits.
        Err(failure) if failure.kind == Kind::Wrong => return Tried::Refused(failure.message),
        Err(failure) => return Tried::Later(failure.message),
    };
    let why = || format!("{} answers {}", answer.url.origin(), answer.status.as_u16());
    match answer.status.as_u16() {
        200..=299 => Tried::Sent,
        // Of 429 too: clients would have dropped it.
        300..=407 | 409..=499 => Tried::Refused(why()),
        _ => Tried::Later(why()),
    }
}

#[cfg(test)]
mod tests {
    use vocabulary::Timestamp;

    use super::*;

    fn copy(query: &str, body: &str) -> Copy {
        Copy {
            project: 1,
            at: Timestamp(5),
            way: "security/".into(),
            query: query.into(),
            headers: vec![("content-type".into(), "application/json".into())],
            client: Some("sentry python, 2".into()),
            body: body.into(),
        }
    }

    #[test]
    fn a_copy_goes_to_the_old_project_with_its_key() {
        let old: Dsn = "https://0123456789abcdef@old.example:9000/sentry/42".parse().unwrap();
        let made = request(&old, copy("sentry_release=web%401", "{}")).unwrap();
        assert_eq!(made.url.origin(), "https://old.example:9000");
        assert_eq!(made.url.path_and_query(), "/sentry/api/42/security/?sentry_release=web%401");
        let auth = made.headers["x-sentry-auth"].to_str().unwrap();
        assert_eq!(
            auth,
            "Sentry sentry_version=7, sentry_key=0123456789abcdef, sentry_client=sentry_python__2"
        );
        assert!(made.headers.contains_key(MARK));
        assert_eq!((made.method == http::post(), &made.body[..]), (true, &b"{}"[..]));
        assert!(request(&old, copy("", "")).unwrap().method == http::get());
    }
}
