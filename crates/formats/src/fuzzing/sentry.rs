//! What Sentry's SDKs send.

use crate::sentry::json::{Limits, Tree, read, read_but, read_within};
use crate::sentry::limits::EVENT_BYTES;
use crate::sentry::{
    auth, bundle, check_in, client_report, dsn::Dsn, envelope, security, sessions, store_body, user_report,
    when,
};

/// Read within its bounds; what was written reads back as the same document.
pub fn sentry_json(input: &[u8]) {
    for limits in [Limits::default(), Limits { depth: 3, nodes: 10 }] {
        let read_alone = read(input, &limits);
        // Room for all texts that change, and for some of them.
        for bytes in [input.len(), input.len() / 8] {
            let mut room = vec![0; bytes];
            assert_eq!(read_within(input, &limits, &mut room), read_alone);
        }
        let unread = read_but(&["a", "lines"], input, &limits, &mut []).map(|tree| tree.to_bytes());
        assert_eq!(unread.and_then(|written| read(&written, &limits).map(Tree::into_owned)), read_alone);
        match read_alone {
            Ok(tree) => {
                assert!(depth(&tree) <= limits.depth && nodes(&tree) <= limits.nodes);
                let written = tree.to_bytes();
                assert!(!written.contains(&0));
                assert_eq!(
                    read(&written, &limits).as_ref(),
                    Ok(&tree),
                    "{}",
                    String::from_utf8_lossy(&written)
                );
                assert_eq!(tree.clone().into_owned(), tree);
            }
            // Bytes that are no text are read from a copy, in which each takes up to three.
            Err(error) => assert!(error.at <= 3 * input.len() + 3),
        }
    }
}

fn depth(tree: &Tree<'_>) -> usize {
    match tree {
        Tree::List(values) => 1 + values.iter().map(depth).max().unwrap_or(0),
        Tree::Map(entries) => 1 + entries.iter().map(|(_, value)| depth(value)).max().unwrap_or(0),
        _ => 0,
    }
}

fn nodes(tree: &Tree<'_>) -> usize {
    let below: usize =
        tree.list().iter().chain(tree.entries().iter().map(|(_, value)| value)).map(nodes).sum();
    1 + below
}

/// Payloads lie in the input, one behind the other.
pub fn sentry_envelope(input: &[u8]) {
    let Ok(envelope) = envelope::read(input) else { return };
    let mut end = input.as_ptr() as usize;
    for item in &envelope.items {
        let start = item.payload.as_ptr() as usize;
        assert!(start >= end, "no byte is in two items");
        end = start + item.payload.len();
    }
    assert!(end <= input.as_ptr() as usize + input.len());
}

/// What is listed can be asked for, and is no longer than it may be.
pub fn sentry_bundle(input: &[u8]) {
    let Ok((listing, manifest)) = bundle::read(input) else { return };
    for file in &manifest.files {
        assert!(listing.contains(&file.path));
        assert!(listing.file(input, &file.path, 1_000).map_or(0, |bytes| bytes.len()) <= 1_000);
    }
    let _ = bundle::gunzip(input, 1_000);
}

/// A header and a query at once, a DSN, a point in time.
pub fn sentry_auth(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let (header, query) = text.split_once('\n').unwrap_or((&*text, &*text));
    let headers = auth::Headers { x_sentry_auth: Some(header), authorization: Some(header) };
    if let Ok(auth) = auth::read(headers, query, None) {
        assert!(auth.key.bytes().all(|byte| byte.is_ascii_hexdigit()) && (2..=7).contains(&auth.version));
    }
    if let Ok(dsn) = text.parse::<Dsn>() {
        assert_eq!(dsn.to_string().parse().as_ref(), Ok(&dsn), "it reads back");
    }
    let at = when::read(&Tree::owned_text(&*text));
    assert!(at.is_none_or(f64::is_finite));
}

/// Every item that is read, and the body of `/store/`.
pub fn sentry_items(input: &[u8]) {
    if let Ok(event) = store_body::read(input) {
        assert!(event.len() <= EVENT_BYTES);
    }
    for report in security::read(input).unwrap_or_default() {
        assert!(report.blocked_host().is_none_or(|host| !host.is_empty()));
    }
    if let Ok(check_in) = check_in::read(input, None) {
        assert!(!check_in.slug.is_empty() && check_in.duration_seconds.is_none_or(f64::is_finite));
    }
    let text = String::from_utf8_lossy(input);
    drop(check_in::of_query("job", &text));
    drop(user_report::of_form(Default::default(), &text));
    drop(user_report::read(input));
    if let Ok(tree) = read(input, &Limits::default()) {
        drop(user_report::of_event(&tree));
    }
    if let Ok(session) = sessions::read(input) {
        assert!(session.started.is_finite());
    }
    if let Ok(counted) = sessions::read_aggregates(input) {
        counted.minutes.iter().for_each(|counts| assert!(counts.all() >= counts.exited));
    }
    if let Ok(report) = client_report::read(input) {
        assert!(report.lost.iter().all(|lost| lost.quantity > 0));
    }
}

#[cfg(test)]
mod tests {
    use crate::fuzzing::mutate;
    use crate::sentry::zip::writing::archive;

    #[test]
    fn who_sends() {
        let samples = [
            b"Sentry sentry_key=abc, sentry_version=7,sentry_client=a/1\nsentry_key=%61bc&b=+".to_vec(),
            b"https://ab:cd@h:1/p/17".to_vec(),
            b"2024-02-29T12:00:00.5+01:00".to_vec(),
        ];
        mutate(&samples, 20_000, super::sentry_auth);
    }

    #[test]
    fn bundles() {
        let manifest = br#"{"files":{"a":{"type":"source_map","url":"~/a","headers":{"debug-id":"0c5d0e2a9a9e5e6b8d5d0f6a7b8c9d0e"}}}}"#;
        let files: [(&str, &[u8]); 2] = [("a", b"{}"), ("manifest.json", manifest)];
        mutate(&[archive(b"SYSB\x02\0\0\0", &files), archive(b"", &files)], 20_000, super::sentry_bundle);
    }

    #[test]
    fn items() {
        let samples = [
            br#"{"csp-report":{"blocked-uri":"http://a:1/","document-uri":"http://a","line-number":1}}"#.to_vec(),
            br#"[{"type":"csp-violation","url":"u","body":{"blockedURL":"inline","effectiveDirective":"a b"}}]"#.to_vec(),
            br#"{"monitor_slug":"a","status":"ok","monitor_config":{"schedule":{"type":"interval","value":1,"unit":"day"}}}"#
                .to_vec(),
            br#"{"sid":"9ec79c33ec9942ab8353589fcb2e04dc","started":1e9,"aggregates":[{"started":1,"exited":18446744073709551615}]}"#
                .to_vec(),
            br#"{"discarded_events":[{"reason":"a","category":"error","quantity":1}],"comments":"c","event_id":"9ec79c33ec9942ab8353589fcb2e04dc"}"#
                .to_vec(),
            b"eJyrVspNLS5OTE9VslLKSM3JyVeqBQBDwga0".to_vec(),
            b"name=a&email=b%40c&comments=d&status=error&duration=1e9".to_vec(),
        ];
        mutate(&samples, 20_000, super::sentry_items);
    }
}
