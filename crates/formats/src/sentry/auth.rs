//! Who sends: a public key in a header, in the query, or in the DSN of an envelope's header. The first that is found
//! counts, and none may contradict it.

use super::dsn::{self, Dsn};
use super::limits::CLIENT_BYTES;
use super::query;

/// Versions of the protocol differ in what they leave out; all of these are read alike.
const VERSIONS: std::ops::RangeInclusive<u8> = 2..=7;

#[derive(Clone, Copy, Debug, Default)]
pub struct Headers<'a> {
    pub x_sentry_auth: Option<&'a str>,
    pub authorization: Option<&'a str>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Auth {
    /// As [`dsn::public_key`] has it.
    pub key: String,
    /// Such as `sentry.python/2.19.0`.
    pub client: Option<String>,
    pub version: u8,
    /// By the clock of old clients that send events without an envelope.
    pub sent_at: Option<f64>,
}

/// Why not, and the status of the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub status: u16,
    pub detail: String,
}

impl Fault {
    fn new(status: u16, detail: impl Into<String>) -> Fault {
        Fault { status, detail: detail.into() }
    }
}

/// What one form says.
#[derive(Default)]
struct Claim {
    key: String,
    client: Option<String>,
    version: Option<String>,
    timestamp: Option<String>,
}

/// `dsn` is the one of an envelope's header.
pub fn read(headers: Headers<'_>, query: &str, dsn: Option<&str>) -> Result<Auth, Fault> {
    let schemed = headers.authorization.filter(|text| without_scheme(text).is_some());
    let claims = [
        headers.x_sentry_auth.and_then(of_header),
        schemed.and_then(of_header),
        of_query(query),
        dsn.map(of_dsn).transpose()?,
    ];
    let mut claims = claims.into_iter().flatten();
    let Some(first) = claims.next() else { return Err(Fault::new(401, missing(headers))) };
    let auth = checked(first)?;
    for other in claims {
        if checked(other)?.key != auth.key {
            return Err(Fault::new(401, "header, query and DSN name different public keys"));
        }
    }
    Ok(auth)
}

fn missing(headers: Headers<'_>) -> &'static str {
    match headers.x_sentry_auth {
        Some(_) => "the header X-Sentry-Auth names no sentry_key",
        None => "no public key: expected X-Sentry-Auth, ?sentry_key= or the DSN in the envelope's header",
    }
}

/// `Sentry `, in any case, before the rest.
fn without_scheme(text: &str) -> Option<&str> {
    const SCHEME: &str = "sentry";
    let text = text.trim_start();
    let (scheme, rest) = text.split_at_checked(SCHEME.len())?;
    let ends = rest.starts_with([' ', '\t', ',']) || rest.is_empty();
    (scheme.eq_ignore_ascii_case(SCHEME) && ends).then_some(rest)
}

/// `sentry_key=…, sentry_client=…` in any order, with commas or spaces or both between them.
fn of_header(text: &str) -> Option<Claim> {
    let mut claim = Claim::default();
    let pairs = without_scheme(text).unwrap_or(text);
    for pair in pairs.split([',', ' ', '\t']) {
        let Some((name, value)) = pair.split_once('=') else { continue };
        let value = value.trim_matches('"');
        match name.trim().to_ascii_lowercase().as_str() {
            "sentry_key" => claim.key = value.to_owned(),
            "sentry_client" => claim.client = Some(value.to_owned()),
            "sentry_version" => claim.version = Some(value.to_owned()),
            "sentry_timestamp" => claim.timestamp = Some(value.to_owned()),
            // The secret is obsolete; others may come.
            _ => {}
        }
    }
    (!claim.key.is_empty()).then_some(claim)
}

fn of_query(text: &str) -> Option<Claim> {
    let get = |name| query::get(text, name).map(|value| value.into_owned());
    Some(Claim {
        key: get("sentry_key")?,
        client: get("sentry_client"),
        version: get("sentry_version"),
        timestamp: get("sentry_timestamp"),
    })
}

fn of_dsn(text: &str) -> Result<Claim, Fault> {
    let dsn: Dsn =
        text.parse().map_err(|why: String| Fault::new(400, format!("the envelope's DSN: {why}")))?;
    Ok(Claim { key: dsn.public_key, ..Claim::default() })
}

fn checked(claim: Claim) -> Result<Auth, Fault> {
    let version = match claim.version {
        None => *VERSIONS.end(),
        // Some write it as `2.0`.
        Some(text) => {
            let whole = text.split('.').next().and_then(|digits| digits.trim().parse().ok());
            let known = whole.filter(|version| VERSIONS.contains(version));
            known.ok_or_else(|| Fault::new(400, format!("sentry_version is `{text}`, expected 2 to 7")))?
        }
    };
    let key = dsn::public_key(&claim.key).map_err(|why| Fault::new(400, why))?;
    let client = claim.client.map(|client| super::cut(&client, CLIENT_BYTES).to_owned());
    let sent_at = claim.timestamp.as_deref().and_then(seconds);
    Ok(Auth { key, client, version, sent_at })
}

/// Clients for Node count milliseconds, all others seconds. What is neither says nothing: the event counts all the same.
fn seconds(text: &str) -> Option<f64> {
    const YEAR_5138: f64 = 1e11;
    let time = text.parse::<f64>().ok().filter(|time| time.is_finite() && *time > 0.0)?;
    Some(if time < YEAR_5138 { time } else { time / 1_000.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "0123456789abcdef0123456789abcdef";

    fn header(text: &str) -> Result<Auth, Fault> {
        read(Headers { x_sentry_auth: Some(text), ..Headers::default() }, "", None)
    }

    fn auth(client: Option<&str>, version: u8) -> Result<Auth, Fault> {
        Ok(Auth { key: KEY.into(), client: client.map(str::to_owned), version, sent_at: None })
    }

    #[test]
    fn headers_are_read_loosely() {
        let python = format!("Sentry sentry_key={KEY}, sentry_version=7, sentry_client=sentry.python/2.19.0");
        assert_eq!(header(&python), auth(Some("sentry.python/2.19.0"), 7));
        let raven = format!(
            "Sentry sentry_timestamp=1.5, sentry_client=raven-python/6.10.0, sentry_version=6, sentry_key={KEY}, \
             sentry_secret=ab"
        );
        let of_raven = auth(Some("raven-python/6.10.0"), 6).map(|auth| Auth { sent_at: Some(1.5), ..auth });
        assert_eq!(header(&raven), of_raven);
        assert_eq!(header(&format!("sentry_version=2.0 sentry_key=\"{KEY}\"")), auth(None, 2));
        assert_eq!(header(&format!("SENTRY Sentry_Key={},,x", KEY.to_uppercase())), auth(None, 7));
    }

    #[test]
    fn when_it_was_sent_is_in_seconds_or_milliseconds() {
        let check = |text: &str, expected: Option<f64>| {
            let read = header(&format!("Sentry sentry_key={KEY}, sentry_timestamp={text}"));
            assert_eq!(read.unwrap().sent_at, expected, "{text}");
        };
        check("1700000000", Some(1_700_000_000.0));
        check("1700000000.25", Some(1_700_000_000.25));
        check("1700000000250", Some(1_700_000_000.25));
        ["", "-5", "0", "nan", "inf", "yesterday"].iter().for_each(|text| check(text, None));
        let query = format!("sentry_key={KEY}&sentry_timestamp=17");
        assert_eq!(read(Headers::default(), &query, None).unwrap().sent_at, Some(17.0));
    }

    #[test]
    fn the_other_forms_are_read_too() {
        let authorization = format!("Sentry sentry_key={KEY}");
        let headers = Headers { authorization: Some(&authorization), ..Headers::default() };
        assert_eq!(read(headers, "", None), auth(None, 7));
        let query =
            format!("sentry_version=7&sentry_key={KEY}&sentry_client=sentry.javascript.browser%2F8.40.0");
        assert_eq!(read(Headers::default(), &query, None), auth(Some("sentry.javascript.browser/8.40.0"), 7));
        let dsn = format!("https://{KEY}@h/1");
        assert_eq!(read(Headers::default(), "", Some(&dsn)), auth(None, 7));
        // Somebody else's authorization beside it.
        let headers = Headers { authorization: Some("Bearer sentry_key=aa"), ..Headers::default() };
        assert_eq!(read(headers, &format!("sentry_key={KEY}"), Some(&dsn)), auth(None, 7));
    }

    #[test]
    fn a_header_without_a_key_leaves_it_to_the_query() {
        let headers = Headers { x_sentry_auth: Some("Sentry sentry_version=7"), ..Headers::default() };
        assert_eq!(read(headers, &format!("sentry_key={KEY}"), None), auth(None, 7));
    }

    #[test]
    fn what_is_missing_or_wrong_is_said() {
        let status = |answer: Result<Auth, Fault>| answer.map_err(|fault| fault.status).unwrap_err();
        assert_eq!(status(read(Headers::default(), "", None)), 401);
        assert_eq!(status(header("Sentry")), 401);
        assert_eq!(status(header("Sentry sentry_key=xyz")), 400);
        assert_eq!(status(header(&format!("Sentry sentry_key={KEY}, sentry_version=8"))), 400);
        assert_eq!(status(header(&format!("Sentry sentry_key={KEY}, sentry_version=x"))), 400);
        assert_eq!(status(read(Headers::default(), "", Some("nothing"))), 400);
        let headers = Headers { x_sentry_auth: Some("sentry_key=aa"), ..Headers::default() };
        assert_eq!(status(read(headers, "sentry_key=bb", None)), 401);
        assert_eq!(status(read(Headers::default(), "sentry_key=aa", Some("https://bb@h/1"))), 401);
    }

    #[test]
    fn a_client_is_cut() {
        let long = format!("sentry_key={KEY} sentry_client={}", "ä".repeat(200));
        assert_eq!(header(&long).unwrap().client.unwrap().len(), CLIENT_BYTES);
    }
}
