//! Crashes of native programs: the minidump is kept beside an event; what is in it is not read.

use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Request};
use axum::http::{HeaderMap, header};
use formats::sentry::Tree;
use formats::sentry::limits::ATTACHMENTS;

use super::answers::Refusal;

/// As items of envelopes say it.
pub const KIND: &str = "event.minidump";
const FILE: &str = "upload_file_minidump";
/// What the client says of the crash, as an event.
const EVENT: &str = "sentry";
/// Fields of a form; crash clients send some tens of annotations.
const FIELDS: usize = 200;

/// One file of the form.
pub struct File {
    pub name: String,
    pub content_type: String,
    pub content: Bytes,
    pub is_minidump: bool,
}

#[derive(Default)]
pub struct Form {
    pub event: Option<Bytes>,
    pub files: Vec<File>,
}

/// `bytes` are the body, unpacked.
pub async fn read(headers: &HeaderMap, bytes: Vec<u8>) -> Result<Form, Refusal> {
    let mut request = Request::new(Body::from(bytes));
    if let Some(kind) = headers.get(header::CONTENT_TYPE) {
        request.headers_mut().insert(header::CONTENT_TYPE, kind.clone());
    }
    // The body has been bounded already.
    DefaultBodyLimit::disable().apply(&mut request);
    let broken =
        |why: String| Refusal::bad_request(format!("a minidump comes as multipart/form-data: {why}"));
    let mut parts = Multipart::from_request(request, &()).await.map_err(|bad| broken(bad.body_text()))?;
    let mut form = Form::default();
    let mut fields = 0;
    while let Some(field) = parts.next_field().await.map_err(|bad| broken(bad.body_text()))? {
        fields += 1;
        if fields > FIELDS || form.files.len() > ATTACHMENTS {
            return Err(broken(format!("more than {FIELDS} fields or {ATTACHMENTS} files")));
        }
        let name = field.name().unwrap_or_default().to_owned();
        let file_name = field.file_name().map(str::to_owned);
        let content_type = field.content_type().unwrap_or_default().to_owned();
        let content = field.bytes().await.map_err(|bad| broken(bad.body_text()))?;
        let is_minidump = name == FILE;
        match file_name {
            None if name == EVENT => form.event = Some(content),
            None if !is_minidump => {}
            file_name => form.files.push(File {
                name: file_name.unwrap_or_else(|| name.clone()),
                content_type,
                content,
                is_minidump,
            }),
        }
    }
    match form.files.iter().any(|file| file.is_minidump && file.content.starts_with(b"MDMP")) {
        true => Ok(form),
        false => Err(broken(format!("there is no minidump in the field {FILE}"))),
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
    use axum::http::HeaderValue;

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
        assert_eq!(form_read.event.as_deref(), Some(&b"{\"release\":\"a\"}"[..]));
        assert_eq!((form_read.files.len(), form_read.files[0].name.as_str()), (1, "x.dmp"));
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
