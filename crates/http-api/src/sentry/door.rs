//! Who sends: the project and whether its key holds.

use std::net::IpAddr;
use std::sync::Arc;

use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use error_tracking::Project;
use formats::sentry::auth::{self, Headers};
use vocabulary::Timestamp;

use super::answers::Refusal;
use super::room::Held;
use crate::guard;
use crate::server::Peer;
use crate::services::Services;

/// What of a request says who sends, and from where.
pub struct Asked {
    pub headers: HeaderMap,
    pub query: String,
    pub peer: IpAddr,
    pub at: Timestamp,
}

#[derive(Clone)]
pub struct Sender {
    pub project: Arc<Project>,
    pub key: String,
    pub client: Option<String>,
    /// By its clock; envelopes say it themselves.
    pub sent_at: Option<f64>,
}

impl Asked {
    pub fn of(services: &Services, parts: &Parts) -> Asked {
        let peer = parts.extensions.get::<Peer>().copied();
        Asked {
            peer: guard::source(services, &parts.headers, peer),
            headers: parts.headers.clone(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            at: services.clock.now(),
        }
    }

    /// Room for the body.
    pub fn hold(&self, services: &Services) -> Held {
        services.room.hold(self.peer, &services.settings.load().auth.trusted_proxies)
    }

    /// By whatever says it, which must not disagree; `dsn` is of an envelope's header. `project`: the one of the path.
    pub fn sender(
        &self,
        services: &Services,
        project: Option<u64>,
        dsn: Option<&str>,
    ) -> Result<Sender, Refusal> {
        let text = |name: &str| self.headers.get(name).and_then(|value| value.to_str().ok());
        let said = Headers {
            x_sentry_auth: text("x-sentry-auth"),
            authorization: text(header::AUTHORIZATION.as_str()),
        };
        let auth = auth::read(said, &self.query, dsn)?;
        let project = of_key(services, project, &auth.key)?;
        let agent = || text(header::USER_AGENT.as_str()).map(str::to_owned);
        let client = auth.client.or_else(agent);
        Ok(Sender { project, key: auth.key, client, sent_at: auth.sent_at })
    }

    /// For paths that say the key themselves.
    pub fn sender_of_key(&self, services: &Services, project: u64, key: &str) -> Result<Sender, Refusal> {
        let key = formats::sentry::dsn::public_key(key).map_err(Refusal::bad_request)?;
        Ok(Sender { project: of_key(services, Some(project), &key)?, key, client: None, sent_at: None })
    }
}

/// For paths that say nothing but the key: whose it is, and how it is kept.
pub fn of_written_key(services: &Services, written: &str) -> Result<(Arc<Project>, String), Refusal> {
    let key = formats::sentry::dsn::public_key(written).map_err(Refusal::bad_request)?;
    Ok((of_key(services, None, &key)?, key))
}

fn of_key(services: &Services, project: Option<u64>, key: &str) -> Result<Arc<Project>, Refusal> {
    let refused = |why: String| Refusal::new(StatusCode::FORBIDDEN, why);
    let owner = services.projects.of_key(key);
    let owner = owner.ok_or_else(|| refused("no project has this public key".into()))?;
    if let Some(wanted) = project.filter(|wanted| *wanted != owner.id) {
        return Err(refused(format!("the public key is not one of project {wanted}")));
    }
    match owner.accepts(key) {
        true => Ok(owner),
        false => Err(refused("this public key is switched off: take a newer DSN of the project".into())),
    }
}
