//! What Sentry's SDKs send.

use crate::sentry::json::{Limits, Tree, read};
use crate::sentry::{auth, dsn::Dsn, envelope, when};

/// Read within its bounds; what was written reads back as the same document.
pub fn sentry_json(input: &[u8]) {
    for limits in [Limits::default(), Limits { depth: 3, nodes: 10 }] {
        match read(input, &limits) {
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

#[cfg(test)]
mod tests {
    use crate::fuzzing::mutate;

    #[test]
    fn who_sends() {
        let samples = [
            b"Sentry sentry_key=abc, sentry_version=7,sentry_client=a/1\nsentry_key=%61bc&b=+".to_vec(),
            b"https://ab:cd@h:1/p/17".to_vec(),
            b"2024-02-29T12:00:00.5+01:00".to_vec(),
        ];
        mutate(&samples, 20_000, super::sentry_auth);
    }
}
