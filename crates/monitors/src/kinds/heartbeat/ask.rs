//! What the path of a ping says: `/ping/<uuid>`, `/ping/<key>/<slug>`, and what may follow.

use super::heart::PingKind;
use super::limits::MAX_SLUG;

/// Which heartbeat is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whom {
    Uuid(String),
    Slug {
        key: String,
        slug: String,
        create: bool,
    },
    /// By name, slug or UUID; asked by our own command line.
    Name(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    pub whom: Whom,
    pub kind: PingKind,
    pub exit: Option<u8>,
    pub rid: Option<String>,
    pub method: String,
    pub body: Vec<u8>,
}

/// As Healthchecks answers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    NotFound,
    /// More than 255 cannot be an exit status.
    BadExit,
    BadRid,
    Ambiguous,
    /// Too many wait.
    Busy,
    /// Pings have made as many heartbeats as they may.
    TooMany,
    /// It could not be written.
    Disk,
}

/// The path behind `/ping/`, and the query string's `rid` and `create`.
pub fn read(
    path: &str,
    rid: Option<&str>,
    create: bool,
) -> Result<(Whom, PingKind, Option<u8>, Option<String>), Refused> {
    let path = path.strip_suffix('/').unwrap_or(path);
    let parts: Vec<&str> = path.split('/').collect();
    let (whom, action) = match parts[..] {
        [uuid] if is_uuid(uuid) => (Whom::Uuid(uuid.to_ascii_lowercase()), None),
        [uuid, action] if is_uuid(uuid) && is_action(action) => {
            (Whom::Uuid(uuid.to_ascii_lowercase()), Some(action))
        }
        [key, slug] if is_slug(key) && is_slug(slug) => (by_slug(key, slug, create), None),
        [key, slug, action] if is_slug(key) && is_slug(slug) => (by_slug(key, slug, create), Some(action)),
        _ => return Err(Refused::NotFound),
    };
    let (kind, exit) = match action {
        None => (PingKind::Success, None),
        Some("start") => (PingKind::Start, None),
        Some("fail") => (PingKind::Fail, None),
        Some("log") => (PingKind::Log, None),
        Some(exit) if is_exit(exit) => {
            let exit: u8 = exit.parse().map_err(|_| Refused::BadExit)?;
            (if exit == 0 { PingKind::Success } else { PingKind::Fail }, Some(exit))
        }
        Some(_) => return Err(Refused::NotFound),
    };
    let rid = match rid {
        Some(rid) if !is_uuid(rid) => return Err(Refused::BadRid),
        rid => rid.map(str::to_ascii_lowercase),
    };
    Ok((whom, kind, exit, rid))
}

fn by_slug(key: &str, slug: &str, create: bool) -> Whom {
    Whom::Slug { key: key.to_owned(), slug: slug.to_owned(), create }
}

fn is_exit(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_action(text: &str) -> bool {
    matches!(text, "start" | "fail" | "log") || is_exit(text)
}

pub fn is_slug(text: &str) -> bool {
    let fine = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !text.is_empty() && text.len() <= MAX_SLUG && text.bytes().all(fine)
}

/// 8-4-4-4-12 hex digits.
pub fn is_uuid(text: &str) -> bool {
    let groups = text.split('-').map(str::len);
    groups.eq([8, 4, 4, 4, 12]) && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

/// Of random bytes, as version 4 has it.
pub fn uuid_of(mut bytes: [u8; 16]) -> String {
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}
