//! What goes back to whoever asked, apart from the connection.

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub content_type: &'static str,
    /// Further headers.
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

pub const JSON: &str = "application/json";
pub const JAVASCRIPT: &str = "text/javascript";

impl Answer {
    pub fn new(content_type: &'static str, body: Vec<u8>) -> Answer {
        Answer { content_type, headers: Vec::new(), body }
    }

    /// Json, or a call of a function with it if a name for that is given.
    pub fn json(body: Vec<u8>, callback: Option<&str>) -> Answer {
        let Some(callback) = callback else { return Answer::new(JSON, body) };
        let mut called = Vec::with_capacity(callback.len() + body.len() + 2);
        called.extend_from_slice(callback.as_bytes());
        called.push(b'(');
        called.extend_from_slice(&body);
        called.push(b')');
        Answer::new(JAVASCRIPT, called)
    }

    pub fn with(mut self, header: &'static str, value: impl Into<String>) -> Answer {
        self.headers.push((header, value.into()));
        self
    }
}
