//! Why a call came to nothing.

use std::fmt;

use crate::certificate::Certificate;

/// What a caller can act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The call itself is wrong: a header with a line break, a file of authorities that cannot be read.
    Wrong,
    /// The rules forbid the address.
    Forbidden,
    /// The name has no address, or nobody could be asked.
    Unresolved,
    /// The other machine said no, or there is no way to it.
    Refused,
    /// It took too long.
    Late,
    /// No encrypted connection, or nobody whom we trust vouches for the other side.
    Tls,
    /// The connection ended in the middle.
    Closed,
    /// What came is not of the protocol.
    Garbled,
    /// What came is more than is taken.
    TooMuch,
    /// Sent on too often, or to something that is not HTTP.
    Redirected,
}

/// The message names no secret: of a URL only scheme, host and port.
#[derive(Clone, Debug)]
pub struct Failure {
    pub kind: Kind,
    pub message: String,
    /// What the other side showed, where that is what failed.
    pub certificate: Option<Box<Certificate>>,
}

impl Failure {
    pub fn new(kind: Kind, message: impl Into<String>) -> Failure {
        Failure { kind, message: message.into(), certificate: None }
    }

    /// The same with what was being done in front.
    pub fn while_doing(mut self, doing: &str) -> Failure {
        self.message = format!("{doing}: {}", self.message);
        self
    }

    /// Of a read or a write.
    pub fn of_io(doing: &str, error: &std::io::Error) -> Failure {
        use std::io::ErrorKind::*;
        let kind = match error.kind() {
            ConnectionRefused | HostUnreachable | NetworkUnreachable | AddrNotAvailable => Kind::Refused,
            ConnectionReset | ConnectionAborted | BrokenPipe | UnexpectedEof | NotConnected => Kind::Closed,
            TimedOut => Kind::Late,
            InvalidData => Kind::Garbled,
            _ => Kind::Refused,
        };
        Failure::new(kind, format!("{doing}: {}", plain(error)))
    }
}

/// `Connection refused` without `(os error 111)`.
fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}
