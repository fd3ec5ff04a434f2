//! Crashes of native programs: the minidump is kept beside an event; what is in it is not read.

use axum::http::HeaderMap;
use formats::sentry::Tree;

use super::answers::Refusal;
use super::form::{self, File, Form};

/// As items of envelopes say it.
pub const KIND: &str = "event.minidump";
/// What the client says of the crash, as an event.
pub const EVENT: &str = "sentry";

const FILE: &str = "upload_file_minidump";

pub fn is_dump(file: &File) -> bool {
    file.field == FILE && file.content.starts_with(b"MDMP")
}

/// A form with a minidump in it. `bytes` are the body, unpacked.
pub async fn read(headers: &HeaderMap, bytes: Vec<u8>) -> Result<Form, Refusal> {
    let mut form = form::read(headers, bytes).await?;
    form.take_as_file(FILE);
    match form.files.iter().any(is_dump) {
        true => Ok(form),
        false => Err(form::broken(&format!("there is no minidump in the field {FILE}"))),
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

    #[tokio::test]
    async fn a_minidump_and_what_is_said_of_it() {
        let form_read = read(&headers(), form("MDMPxyz")).await.unwrap();
        assert_eq!(form_read.text(EVENT), Some(&b"{\"release\":\"a\"}"[..]));
        assert_eq!((form_read.files.len(), form_read.files[0].name.as_str()), (1, "x.dmp"));
        let nameless = String::from_utf8(form("MDMPxyz")).unwrap().replace("; filename=\"x.dmp\"", "");
        let nameless = read(&headers(), nameless.into_bytes()).await.unwrap();
        assert_eq!(
            (nameless.files[0].name.as_str(), &nameless.files[0].content[..]),
            (FILE, &b"MDMPxyz"[..])
        );
        assert!(read(&headers(), form("no dump")).await.is_err());
        assert!(read(&HeaderMap::new(), form("MDMPxyz")).await.is_err());
        assert!(read(&headers(), b"nothing".to_vec()).await.is_err());
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
