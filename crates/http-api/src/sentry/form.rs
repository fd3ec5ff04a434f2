//! Files that come as `multipart/form-data`, and what is said beside them.

use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Request};
use axum::http::{HeaderMap, header};
use formats::sentry::limits::ATTACHMENTS;

use super::answers::Refusal;

/// Of a form; crash clients send some tens of annotations.
const FIELDS: usize = 200;

pub struct File {
    /// Of the form.
    pub field: String,
    pub name: String,
    pub content_type: String,
    pub content: Bytes,
}

#[derive(Default)]
pub struct Form {
    texts: Vec<(String, Bytes)>,
    pub files: Vec<File>,
}

impl Form {
    /// What is no file, by its field.
    pub fn text(&self, field: &str) -> Option<&[u8]> {
        self.texts.iter().find(|(name, _)| name == field).map(|(_, text)| &text[..])
    }

    pub fn of_file(field: &str, content: Bytes) -> Form {
        let (field, name) = (field.to_owned(), field.to_owned());
        Form { texts: Vec::new(), files: vec![File { field, name, content_type: String::new(), content }] }
    }

    pub fn texts(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.texts.iter().map(|(field, text)| (&**field, &text[..]))
    }

    /// What is a file by its field, though it came without a name.
    pub fn take_as_file(&mut self, field: &str) {
        if let Some(at) = self.texts.iter().position(|(name, _)| name == field) {
            let (field, content) = self.texts.remove(at);
            self.files.push(File { name: field.clone(), content_type: String::new(), field, content });
        }
    }
}

pub fn broken(why: &str) -> Refusal {
    Refusal::bad_request(format!("files come as multipart/form-data: {why}"))
}

/// `bytes` are the body, unpacked.
pub async fn read(headers: &HeaderMap, bytes: Vec<u8>) -> Result<Form, Refusal> {
    let mut request = Request::new(Body::from(bytes));
    if let Some(kind) = headers.get(header::CONTENT_TYPE) {
        request.headers_mut().insert(header::CONTENT_TYPE, kind.clone());
    }
    // The body has been bounded already.
    DefaultBodyLimit::disable().apply(&mut request);
    let mut parts = Multipart::from_request(request, &()).await.map_err(|bad| broken(&bad.body_text()))?;
    let mut form = Form::default();
    while let Some(part) = parts.next_field().await.map_err(|bad| broken(&bad.body_text()))? {
        if form.texts.len() + form.files.len() >= FIELDS || form.files.len() > ATTACHMENTS {
            return Err(broken(&format!("more than {FIELDS} fields or {ATTACHMENTS} files")));
        }
        let field = part.name().unwrap_or_default().to_owned();
        let name = part.file_name().map(str::to_owned);
        let content_type = part.content_type().unwrap_or_default().to_owned();
        let content = part.bytes().await.map_err(|bad| broken(&bad.body_text()))?;
        match name {
            None => form.texts.push((field, content)),
            Some(name) => form.files.push(File { field, name, content_type, content }),
        }
    }
    Ok(form)
}
