//! Crashes of native programs: the minidump is kept beside an event; what is in it is not read.

use std::borrow::Cow;

use axum::body::Bytes;
use axum::http::HeaderMap;
use formats::sentry::Tree;
use formats::sentry::json::{self, Limits};

use super::answers::Refusal;
use super::form::{self, File, Form};

/// As items of envelopes say it.
pub const KIND: &str = "event.minidump";
/// What the client says of the crash, as an event.
const EVENT: &str = "sentry";
const FILE: &str = "upload_file_minidump";
const MAGIC: &[u8] = b"MDMP";
/// Of a field's name.
const DEPTH: usize = 8;

pub fn is_dump(file: &File) -> bool {
    file.field == FILE && file.content.starts_with(MAGIC)
}

/// A form with a minidump in it, or the minidump alone. `bytes` are the body, unpacked.
pub async fn read(headers: &HeaderMap, bytes: Vec<u8>) -> Result<Form, Refusal> {
    if bytes.starts_with(MAGIC) {
        return Ok(Form::of_file(FILE, Bytes::from(bytes)));
    }
    let mut form = form::read(headers, bytes).await?;
    form.take_as_file(FILE);
    match form.files.iter().any(is_dump) {
        true => Ok(form),
        false => Err(form::broken(&format!("there is no minidump in the field {FILE}"))),
    }
}

/// What the form says beside the minidump: `sentry` as JSON, whole or in parts (`sentry__1` and so on), its members by themselves
/// (`sentry[release]`, `sentry___tags___a`), and what a program calls as it likes, which is extra. What cannot be read stands
/// there too: a crash is not lost for it.
pub fn said(form: &Form) -> Tree<'static> {
    let mut unreadable = None;
    let mut event =
        whole(form).map_or(Tree::Map(Vec::new()), |text| match json::read(&text, &Limits::default()) {
            Ok(map @ Tree::Map(_)) => map.into_owned(),
            _ => {
                unreadable = Some(String::from_utf8_lossy(&text).into_owned());
                Tree::Map(Vec::new())
            }
        });
    if let Some(text) = unreadable {
        put(&mut event, &["extra", EVENT], text);
    }
    for (field, value) in form.texts().filter(|(field, _)| *field != EVENT && part(field).is_none()) {
        let path = path(field).unwrap_or_else(|| vec!["extra", field]);
        put(&mut event, &path, String::from_utf8_lossy(value).into_owned());
    }
    event
}

fn whole(form: &Form) -> Option<Vec<u8>> {
    if let Some(whole) = form.text(EVENT) {
        return Some(whole.to_vec());
    }
    let mut parts: Vec<(u32, &[u8])> =
        form.texts().filter_map(|(field, text)| Some((part(field)?, text))).collect();
    parts.sort_by_key(|(number, _)| *number);
    (!parts.is_empty()).then(|| parts.iter().flat_map(|(_, text)| *text).copied().collect())
}

/// Of `sentry__1`: clients have fields of bounded length.
fn part(field: &str) -> Option<u32> {
    field.strip_prefix("sentry__")?.parse().ok()
}

/// Of `sentry[tags][a]` and `sentry___tags___a`.
fn path(field: &str) -> Option<Vec<&str>> {
    let in_brackets = field.strip_prefix("sentry[").and_then(|rest| rest.strip_suffix(']'));
    let path: Vec<&str> = match in_brackets {
        Some(names) => names.split("][").collect(),
        None => field.strip_prefix("sentry___")?.split("___").collect(),
    };
    Some(path).filter(|path| path.len() <= DEPTH)
}

/// What is there already and is no map stays as it is.
fn put(tree: &mut Tree<'static>, path: &[&str], text: String) {
    let (Tree::Map(entries), Some((first, rest))) = (tree, path.split_first()) else { return };
    let at = entries.iter().position(|(name, _)| name == first).unwrap_or_else(|| {
        entries.push((Cow::Owned((*first).to_owned()), Tree::Map(Vec::new())));
        entries.len() - 1
    });
    match rest {
        [] => entries[at].1 = Tree::owned_text(text),
        rest => put(&mut entries[at].1, rest, text),
    }
}

/// What is known of a crash whose minidump nobody reads: that it happened.
pub fn event(said: Option<Tree<'_>>) -> Tree<'_> {
    let mut event = match said {
        Some(event @ Tree::Map(_)) => event,
        _ => Tree::Map(Vec::new()),
    };
    let text = |text: &str| Tree::owned_text(text);
    if event.get("exception").is_none() && event.get("message").is_none() {
        let mechanism = Tree::Map(vec![
            ("type".into(), text("minidump")),
            ("handled".into(), Tree::Bool(false)),
            ("synthetic".into(), Tree::Bool(false)),
        ]);
        let crash = Tree::Map(vec![
            ("type".into(), text("Minidump")),
            ("value".into(), text("The program crashed")),
            ("mechanism".into(), mechanism),
        ]);
        event.set("exception", Tree::Map(vec![("values".into(), Tree::List(vec![crash]))]));
    }
    for (key, value) in [("platform", "native"), ("level", "fatal")] {
        if event.get(key).is_none() {
            event.set(key, text(value));
        }
    }
    event
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderValue, header};

    use super::*;

    fn headers() -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("multipart/form-data; boundary=b"));
        headers
    }

    fn form(file: &str) -> Vec<u8> {
        format!(
            "--b\r\nContent-Disposition: form-data; name=\"sentry\"\r\n\r\n{{\"release\":\"a\"}}\r\n--b\r\nContent-Disposition: \
             form-data; name=\"upload_file_minidump\"; filename=\"x.dmp\"\r\nContent-Type: application/octet-stream\r\n\r\n{file}\r\n--b--\r\n"
        )
        .into_bytes()
    }

    /// With nothing beside it.
    fn dump() -> Vec<u8> {
        let form = String::from_utf8(form("MDMPxyz")).unwrap();
        form.split_inclusive("--b\r\n")
            .skip(2)
            .fold("--b\r\n".to_owned(), |form, part| form + part)
            .into_bytes()
    }

    #[tokio::test]
    async fn a_minidump_and_what_is_said_of_it() {
        let form_read = read(&headers(), form("MDMPxyz")).await.unwrap();
        assert_eq!(said(&form_read).get("release").and_then(Tree::text), Some("a"));
        assert_eq!((form_read.files.len(), form_read.files[0].name.as_str()), (1, "x.dmp"));
        let nameless = String::from_utf8(form("MDMPxyz")).unwrap().replace("; filename=\"x.dmp\"", "");
        let nameless = read(&headers(), nameless.into_bytes()).await.unwrap();
        assert_eq!(
            (nameless.files[0].name.as_str(), &nameless.files[0].content[..]),
            (FILE, &b"MDMPxyz"[..])
        );
        assert!(read(&headers(), form("no dump")).await.is_err());
        assert!(read(&HeaderMap::new(), form("MDMPxyz")).await.is_err());
        let alone = read(&HeaderMap::new(), b"MDMPxyz".to_vec()).await.unwrap();
        assert!(is_dump(&alone.files[0]) && alone.files.len() == 1);
        assert!(read(&headers(), b"nothing".to_vec()).await.is_err());
    }

    #[tokio::test]
    async fn what_is_said_field_by_field_is_put_together() {
        let check = async |fields: &[(&str, &str)], expected: &str| {
            let field = |(name, text): &(&str, &str)| {
                format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n")
            };
            let fields: String = fields.iter().map(field).collect();
            let bytes = [fields.into_bytes(), dump()].concat();
            let event = said(&read(&headers(), bytes).await.unwrap());
            assert_eq!(String::from_utf8(event.to_bytes()).unwrap(), expected);
        };
        let by_name =
            [("sentry[release]", "n@1"), ("sentry[tags][a]", "b"), ("sentry___tags___c", "d"), ("gpu", "x")];
        check(&by_name, r#"{"release":"n@1","tags":{"a":"b","c":"d"},"extra":{"gpu":"x"}}"#).await;
        check(&[("sentry__2", r#":"n@1"}"#), ("sentry__1", r#"{"release""#)], r#"{"release":"n@1"}"#).await;
        check(&[("sentry", "{broken")], r#"{"extra":{"sentry":"{broken"}}"#).await;
        check(&[("sentry", r#"{"tags":5}"#), ("sentry[tags][a]", "b")], r#"{"tags":5}"#).await;
    }

    #[test]
    fn what_the_client_says_goes_before_what_we_guess() {
        let said = Tree::Map(vec![("level".into(), Tree::owned_text("error"))]);
        let event = event(Some(said));
        assert_eq!(event.get("level").and_then(Tree::text), Some("error"));
        assert_eq!(event.get("platform").and_then(Tree::text), Some("native"));
        assert_eq!(
            event.get("exception").map(|chain| chain.get("values").map(Tree::list).unwrap_or_default().len()),
            Some(1)
        );
    }
}
