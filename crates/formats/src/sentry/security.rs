//! What browsers report of themselves: breaches of a page's content security policy, and of its kin that are gone by now.

use super::json::{self, Limits, Malformed, Tree};
use super::limits::SECURITY_REPORTS;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Csp,
    ExpectCt,
    ExpectStaple,
    Hpkp,
}

impl Kind {
    /// As events of this kind are typed.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Csp => "csp",
            Kind::ExpectCt => "expectct",
            Kind::ExpectStaple => "expectstaple",
            Kind::Hpkp => "hpkp",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Report<'a> {
    pub kind: Kind,
    /// The page.
    pub document: Option<String>,
    /// Of CSP: which directive was breached, without its values.
    pub directive: Option<String>,
    /// Of CSP: what was blocked, a URL or a word such as `inline`. Of the others: the host.
    pub blocked: Option<String>,
    pub referrer: Option<String>,
    pub source_file: Option<String>,
    pub line: Option<u64>,
    pub column: Option<u64>,
    /// The beginning of the script or style.
    pub sample: Option<String>,
    /// `enforce` or `report`.
    pub disposition: Option<String>,
    /// All that the browser said.
    pub body: Tree<'a>,
    /// Browsers hold reports back: for how many milliseconds they did.
    pub age_milliseconds: u64,
}

/// What stands in front of a `;` in the content type of a report.
pub fn is_content_type(text: &str) -> bool {
    const TYPES: [&str; 7] = [
        "application/csp-report",
        "application/json",
        "application/reports+json",
        "application/expect-ct-report",
        "application/expect-ct-report+json",
        "application/expect-staple-report",
        "text/plain",
    ];
    let essence = text.split(';').next().unwrap_or_default().trim();
    TYPES.iter().any(|known| known.eq_ignore_ascii_case(essence))
}

/// One report, or those that the Reporting API collected. Of the latter, what is of another kind is left out.
pub fn read(bytes: &[u8]) -> Result<Vec<Report<'_>>, Malformed> {
    match json::read(bytes, &Limits::default())? {
        Tree::List(reports) if reports.len() > SECURITY_REPORTS => {
            Err(Malformed::new(0, format!("more than {SECURITY_REPORTS} reports")))
        }
        Tree::List(reports) => Ok(reports.into_iter().filter_map(collected).collect()),
        tree => single(tree).map(|report| vec![report]),
    }
}

fn single(mut tree: Tree<'_>) -> Result<Report<'_>, Malformed> {
    const KINDS: [(&str, Kind); 3] = [
        ("csp-report", Kind::Csp),
        ("expect-ct-report", Kind::ExpectCt),
        ("expect-staple-report", Kind::ExpectStaple),
    ];
    for (key, kind) in KINDS {
        if let Some(body @ Tree::Map(_)) = tree.take(key) {
            return Ok(report(kind, body));
        }
    }
    match tree.get("known-pins") {
        Some(_) => Ok(report(Kind::Hpkp, tree)),
        None => Err(Malformed::new(0, "this is no report: expected csp-report or one of its kin")),
    }
}

/// One of the Reporting API.
fn collected(mut tree: Tree<'_>) -> Option<Report<'_>> {
    if tree.get("type").and_then(Tree::text) != Some("csp-violation") {
        return None;
    }
    let age_milliseconds = tree.get("age").and_then(Tree::count).unwrap_or(0);
    let page = tree.get("url").and_then(Tree::text).map(str::to_owned);
    let body = tree.take("body").filter(|body| matches!(body, Tree::Map(_)))?;
    let report = report(Kind::Csp, body);
    Some(Report { age_milliseconds, document: report.document.or(page), ..report })
}

/// Fields have dashes in one form and humps in the other.
fn report(kind: Kind, body: Tree<'_>) -> Report<'_> {
    let value = |keys: &[&str]| keys.iter().find_map(|key| body.get(key).filter(|value| !value.is_null()));
    let text =
        |keys: &[&str]| value(keys)?.text().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    let number = |keys: &[&str]| value(keys)?.count();
    let directive = text(&["effective-directive", "effectiveDirective"])
        .or_else(|| text(&["violated-directive", "violatedDirective"]))
        .and_then(|text| text.split_ascii_whitespace().next().map(str::to_owned));
    Report {
        kind,
        document: text(&["document-uri", "documentURL", "document-url"]),
        directive,
        blocked: text(&["blocked-uri", "blockedURL", "blocked-url", "hostname"]),
        referrer: text(&["referrer"]),
        source_file: text(&["source-file", "sourceFile"]),
        line: number(&["line-number", "lineNumber"]),
        column: number(&["column-number", "columnNumber"]),
        sample: text(&["script-sample", "sample"]),
        disposition: text(&["disposition"]),
        age_milliseconds: 0,
        body,
    }
}

impl Report<'_> {
    /// Whose it is that was blocked: `self` for the page's own, a host, or the word that stands there.
    pub fn blocked_host(&self) -> Option<&str> {
        let blocked = self.blocked.as_deref()?;
        let blocked_host = host(blocked).unwrap_or(blocked);
        let own = self.document.as_deref().and_then(host) == Some(blocked_host);
        Some(if own { "self" } else { blocked_host })
    }
}

/// Of a URL; its port and who signs in are no part of it.
fn host(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let place = rest.split(['/', '?', '#']).next()?;
    let place = place.rsplit('@').next()?;
    let end = if place.starts_with('[') { place.find(']').map(|at| at + 1) } else { place.find(':') };
    Some(&place[..end.unwrap_or(place.len())]).filter(|host| !host.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_old_form() {
        let bytes = br#"{"csp-report":{"document-uri":"https://shop.example/cart","violated-directive":"img-src https://cdn.example",
            "blocked-uri":"http://evil.example:81/x.png","line-number":"12","column-number":3,"source-file":null,"referrer":""}}"#;
        let reports = read(bytes).unwrap();
        let [report] = &reports[..] else { panic!("{reports:?}") };
        assert_eq!((report.kind, report.directive.as_deref()), (Kind::Csp, Some("img-src")));
        assert_eq!(report.blocked_host(), Some("evil.example"));
        assert_eq!((report.line, report.column), (Some(12), Some(3)));
        assert_eq!((&report.source_file, &report.referrer), (&None, &None));
        assert_eq!(
            report.body.get("violated-directive").and_then(Tree::text),
            Some("img-src https://cdn.example")
        );
    }

    #[test]
    fn the_reporting_api() {
        let bytes = br#"[{"type":"csp-violation","age":1500,"url":"https://shop.example/","body":{"blockedURL":"inline",
            "effectiveDirective":"script-src-elem","disposition":"enforce","sample":"alert(1)"}},
            {"type":"deprecation","body":{}},{"type":"csp-violation"},7]"#;
        let reports = read(bytes).unwrap();
        let [report] = &reports[..] else { panic!("{reports:?}") };
        assert_eq!((report.blocked_host(), report.age_milliseconds), (Some("inline"), 1_500));
        assert_eq!(report.document.as_deref(), Some("https://shop.example/"));
        assert_eq!(report.sample.as_deref(), Some("alert(1)"));
    }

    #[test]
    fn the_pages_own_is_self_and_kin_are_read() {
        let own = br#"{"csp-report":{"document-uri":"https://a.example:8443/x","blocked-uri":"https://a.example/y"}}"#;
        assert_eq!(read(own).unwrap()[0].blocked_host(), Some("self"));
        let kin = br#"{"expect-ct-report":{"hostname":"b.example"}}"#;
        let reports = read(kin).unwrap();
        assert_eq!((reports[0].kind, reports[0].blocked_host()), (Kind::ExpectCt, Some("b.example")));
        let pins = br#"{"hostname":"c.example","known-pins":[]}"#;
        assert_eq!(read(pins).unwrap()[0].kind, Kind::Hpkp);
        assert_eq!(
            (host("https://[::1]:80/"), host("wss://u:p@h?x"), host("data")),
            (Some("[::1]"), Some("h"), None)
        );
    }

    #[test]
    fn what_is_no_report_is_refused() {
        assert!(read(b"{}").unwrap_err().why.contains("no report"));
        assert!(read(b"{\"csp-report\":1}").unwrap_err().why.contains("no report"));
        assert!(read(b"7").is_err() && read(b"").is_err());
        assert!(read(format!("[{}1]", "1,".repeat(SECURITY_REPORTS)).as_bytes()).is_err());
        assert!(
            is_content_type("application/reports+json; charset=utf-8")
                && is_content_type("Application/CSP-Report")
        );
        assert!(!is_content_type("image/png") && !is_content_type(""));
    }
}
