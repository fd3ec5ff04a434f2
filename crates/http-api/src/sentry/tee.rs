//! A copy of what a project's programs send, for the Sentry that the project comes from: as it came, for as long as `tee` stands in
//! the project's settings. The binary keeps copies until they are there; nobody who sends waits for that.

use axum::http::{HeaderName, header};
use error_tracking::Project;
use serde::Serialize;
use utoipa::ToSchema;
use vocabulary::Timestamp;

use super::answers::Refusal;
use super::body::Packed;
use super::door::{Asked, Sender};
use crate::services::Services;

/// On each copy. One that comes back, round about or straight, is not sent on again.
pub const MARK: &str = "x-bellwether-tee";

/// What the old side reads a body by, and whom an error is of.
const HEADERS: [HeaderName; 4] =
    [header::CONTENT_TYPE, header::CONTENT_ENCODING, header::USER_AGENT, header::ORIGIN];

/// What was sent by query as who sends: the copy says it by a header, with the key of the old side.
const KEYS: [&str; 3] = ["sentry_key", "sentry_secret", "sentry_version"];

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copy {
    pub project: u64,
    pub at: Timestamp,
    /// Below `/api/PROJECT/`.
    pub way: String,
    /// Without what says who sends.
    pub query: String,
    pub headers: Vec<(String, String)>,
    pub client: Option<String>,
    /// Empty: it was asked for with GET.
    pub body: Vec<u8>,
}

/// What became of a project's copies since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Passed {
    pub sent: u64,
    /// The old side did not want them: it answered with a status of 3xx or 4xx.
    pub refused: u64,
    /// Too many waited, too long, or the disk did not take them.
    pub dropped: u64,
    pub waiting: u64,
    pub waiting_bytes: u64,
    pub last_sent: Option<i64>,
    /// Why the last one was not taken, until one is.
    pub failure: Option<String>,
}

pub trait Tee: Send + Sync {
    /// Writes it down and returns; it goes on by and by.
    fn take(&self, copy: Copy);

    /// What waits may tell of somebody who is to be forgotten: nobody can look into all of it, so all of it goes.
    fn forget(&self, project: u64);

    fn of(&self, project: u64) -> Option<Passed>;
}

/// Of a request on the way of this project (None: the body will say which), if there is anybody to have it.
pub fn copy(
    services: &Services,
    project: Option<u64>,
    way: &str,
    asked: &Asked,
    packed: &mut Packed,
) -> Result<Option<Copy>, Refusal> {
    let is_wanted = match project {
        Some(id) => services.projects.get(id).is_some_and(|project| project.settings.tee.is_some()),
        None => services.projects.list().iter().any(|project| project.settings.tee.is_some()),
    };
    if !is_wanted || asked.headers.contains_key(MARK) {
        return Ok(None);
    }
    let text = |name: &HeaderName| {
        let value = asked.headers.get(name).and_then(|value| value.to_str().ok());
        value.map(|value| (name.as_str().to_owned(), value.to_owned()))
    };
    let mut headers: Vec<(String, String)> = HEADERS.iter().filter_map(text).collect();
    // Who had an error is known by the address that it came from; this machine's own says nothing there.
    if !asked.peer.is_loopback() {
        headers.push(("x-forwarded-for".to_owned(), asked.peer.to_string()));
    }
    Ok(Some(Copy {
        project: project.unwrap_or_default(),
        at: asked.at,
        way: way.to_owned(),
        query: without_keys(&asked.query),
        headers,
        client: None,
        body: packed.copied()?,
    }))
}

/// Its key holds. Whatever becomes of it here, it goes on.
pub fn pass_on(services: &Services, sender: &Sender, copy: Option<Copy>) {
    if let Some(copy) = copy.filter(|_| is_teed(&sender.project)) {
        services.tee.take(Copy { project: sender.project.id, client: sender.client.clone(), ..copy });
    }
}

fn is_teed(project: &Project) -> bool {
    project.settings.tee.is_some()
}

fn without_keys(query: &str) -> String {
    let kept = form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| !KEYS.contains(&&**key));
    form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_does_not_say_who_sent_it_here() {
        assert_eq!(
            without_keys("sentry_key=ab&sentry_version=7&sentry_release=web%401"),
            "sentry_release=web%401"
        );
        assert_eq!(without_keys(""), "");
    }
}
