//! Addresses elsewhere, as a project writes them: of a line of source, of a new issue in a tracker.

use crate::limits::MAX_SAID;

/// What `{…}` may name in the address of a line of source, and in that of a new issue.
pub(crate) const OF_SOURCE: [&str; 4] = ["path", "line", "release", "commit"];
pub(crate) const OF_ISSUE: [&str; 6] = ["title", "body", "short", "link", "level", "culprit"];

/// What is wrong with an address, whose `{…}` may be these.
pub(crate) fn problem(template: &str, names: &[&str]) -> Option<String> {
    let Some(host) = host_of(template) else {
        return Some(format!("`{template}` is no address: write one such as https://git.example/…"));
    };
    if template.len() > MAX_SAID {
        return Some(format!("it has {MAX_SAID} bytes at most"));
    }
    if host.contains('{') {
        return Some(format!(
            "what is filled in comes out of errors, and would choose the host `{host}`, to which people go: write the host out, and `{{…}}` only behind the `/` after it"
        ));
    }
    let all = || names.iter().map(|name| format!("{{{name}}}")).collect::<Vec<_>>().join(", ");
    let mut rest = template;
    while let Some((_, behind)) = rest.split_once('{') {
        let named = behind.split_once('}').filter(|(name, _)| names.contains(name));
        let Some((_, after)) = named else {
            let begun: String = behind.chars().take(20).collect();
            return Some(format!("`{{{begun}` names nothing that is filled in: {}", all()));
        };
        rest = after;
    }
    None
}

/// What stands between the scheme and the path: host, port, and whose they are. None: it is no address. Browsers pass over
/// slashes and blanks in the place of a host, and take what comes next.
fn host_of(template: &str) -> Option<&str> {
    let behind = template.strip_prefix("https://").or_else(|| template.strip_prefix("http://"))?;
    let host = behind.split(['/', '?', '#']).next()?;
    host.contains(|c: char| c.is_alphanumeric()).then_some(host)
}

/// What is not among the values stays as it is. None: versions before kept it, and errors would choose where it leads.
pub fn fill(template: &str, values: &[(&str, &str)]) -> Option<String> {
    host_of(template).filter(|host| !host.contains('{'))?;
    Some(values.iter().fold(template.to_owned(), |filled, (name, value)| {
        filled.replace(&format!("{{{name}}}"), &encoded(value))
    }))
}

/// Fits everywhere in an address; braces too are digits then, so that no value is filled in again.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            true => encoded.push(char::from(byte)),
            false => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// Of a release without commits: `web@4f2a9c1` is often made of one.
pub fn commit_of(release: &str) -> &str {
    release.rsplit_once('@').map_or(release, |(_, version)| version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_is_filled_in_and_cannot_break_out() {
        let template = "https://git.example/new?title={title}&body={body}&x={path}";
        let filled = fill(template, &[("title", "a & b=c {body}"), ("body", "ü\n")]);
        assert_eq!(
            filled.as_deref(),
            Some("https://git.example/new?title=a%20%26%20b%3Dc%20%7Bbody%7D&body=%C3%BC%0A&x={path}")
        );
        assert_eq!((commit_of("web@4f2a9c1"), commit_of("4f2a9c1")), ("4f2a9c1", "4f2a9c1"));
    }

    #[test]
    fn an_address_that_leads_nowhere_is_refused() {
        let check = |template: &str, why: Option<&str>| {
            let said = problem(template, &OF_SOURCE);
            assert_eq!(said.is_some(), why.is_some(), "{template}: {said:?}");
            assert!(said.unwrap_or_default().contains(why.unwrap_or_default()), "{template}");
        };
        check("https://git.example/{commit}/{path}#L{line}", None);
        check("http://git.example/", None);
        check("javascript:alert(1)", Some("is no address"));
        check("git.example/{path}", Some("is no address"));
        check("https://git.example/{file}", Some("`{file}` names nothing that is filled in: {path}, {line}"));
        check("https://git.example/{path", Some("names nothing"));
        check("https:///git.example/", Some("is no address"));
        check("https://git.example:8443?q={path}", None);
        check("https://git.example#{path}", None);
        check(&format!("https://{}", "a".repeat(MAX_SAID)), Some("at most"));
    }

    #[test]
    fn an_error_does_not_choose_the_host() {
        let values = [("path", "evil.example"), ("release", "evil")];
        for template in [
            "https://{path}",
            "https://{path}/x",
            "https://{release}.git.example/",
            "https://git.example{path}/",
            "https://git.example:{line}/",
            "https://me@{path}/",
            "https://git.example\\@{path}/",
        ] {
            let said = problem(template, &OF_SOURCE).unwrap_or_default();
            assert!(
                said.contains("would choose the host") && said.contains("behind the `/`"),
                "{template}: {said}"
            );
            assert_eq!(fill(template, &values), None, "{template}");
        }
        // Browsers pass over these on their way to a host.
        for template in ["https:///{path}", "https://\\/{path}", "https://\t/{path}", "https://?{path}"] {
            assert!(
                problem(template, &OF_SOURCE).is_some_and(|said| said.contains("is no address")),
                "{template}"
            );
            assert_eq!(fill(template, &values), None, "{template}");
        }
    }
}
