//! What browsers report of their own becomes an event like any other.

use std::borrow::Cow;

use formats::sentry::security::Report;

use crate::read::Tree;

/// `release` and `environment` are of the address that the report was sent to.
pub fn event_of<'r>(report: Report<'r>, release: Option<&str>, environment: Option<&str>) -> Tree<'r> {
    let Report { kind, document, directive, blocked, source_file, line, disposition, body, .. } = report;
    let mut event: Vec<(Cow<'r, str>, Tree<'r>)> = Vec::new();
    let add = |entries: &mut Vec<(Cow<'r, str>, Tree<'r>)>, key: &'static str, value: Option<String>| {
        entries.extend(value.map(|value| (Cow::Borrowed(key), Tree::owned_text(value))));
    };
    let mut csp = Vec::new();
    // Its kin have no directive: what they are is what was breached.
    add(&mut csp, "effective_directive", Some(directive.unwrap_or_else(|| kind.name().to_owned())));
    add(&mut csp, "blocked_uri", blocked);
    add(&mut csp, "document_uri", document.clone());
    add(&mut csp, "source_file", source_file);
    add(&mut csp, "line_number", line.map(|line| line.to_string()));
    add(&mut csp, "disposition", disposition);
    csp.push((Cow::Borrowed("report"), body));
    add(&mut event, "platform", Some("other".to_owned()));
    add(&mut event, "logger", Some(kind.name().to_owned()));
    add(&mut event, "release", release.map(str::to_owned));
    add(&mut event, "environment", environment.map(str::to_owned));
    let mut request = Vec::new();
    add(&mut request, "url", document);
    event.push((Cow::Borrowed("request"), Tree::Map(request)));
    event.push((Cow::Borrowed("csp"), Tree::Map(csp)));
    Tree::Map(event)
}

#[cfg(test)]
mod tests {
    use formats::sentry::security;

    use super::event_of;
    use crate::tests::digested_tree;

    #[test]
    fn reports_of_browsers_are_grouped_by_what_was_refused_and_from_where() {
        let event = |directive: &str, blocked: &str| {
            let sent = format!(
                r#"{{"csp-report":{{"document-uri":"https://shop.example/a","effective-directive":"{directive}","blocked-uri":"{blocked}"}}}}"#
            );
            let mut reports = security::read(sent.as_bytes()).unwrap();
            digested_tree(event_of(reports.remove(0), Some("1.0.0"), None).into_owned())
        };
        let one = event("script-src", "https://evil.example/x.js");
        assert_eq!(one.title, "Blocked 'script-src' from 'evil.example'");
        assert_eq!((one.release.as_deref(), one.logger.as_deref()), (Some("1.0.0"), Some("csp")));
        assert_eq!(one.hashes[0].value, event("script-src", "https://evil.example/y.js?1").hashes[0].value);
        assert_ne!(one.hashes[0].value, event("img-src", "https://evil.example/x.js").hashes[0].value);
        assert_eq!(event("img-src", "https://shop.example/x.png").title, "Blocked 'img-src' from 'self'");
        assert_eq!(event("script-src", "inline").title, "Blocked 'script-src' from 'inline'");
    }
}
