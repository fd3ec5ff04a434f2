//! Pages go out: the sender over the desk's outbox, with what it has to know of the rest.

use std::path::Path;
use std::sync::Arc;

use http_api::annotations::{self, Query, TagSet};
use notify::sender::Marks;
use notify::{Mark, Sender, Settings};
use sha2::{Digest, Sha256};
use tokio::runtime::Handle;

use crate::config::Config;
use crate::house::House;

pub fn start(house: &Arc<House>, runtime: &Handle) -> Sender {
    let config = house.config.load_full();
    warn_of_policies(house);
    let egress = Arc::new(outbound::Egress::new(&config.egress));
    Sender::start(house.desk.clone(), settings(&config), egress, house.clock.clone(), marks(house), runtime)
}

pub fn settings(config: &Config) -> Settings {
    Settings {
        channels: config.channel.clone(),
        public_url: config.http.public_url.clone(),
        server_id: server_id(&config.data_dir.0),
        zone: jiff::tz::TimeZone::system(),
    }
}

/// Of the secret key, so that it is the same for as long as the data directory is.
fn server_id(directory: &Path) -> String {
    let key = crate::config::read_bounded(&directory.join("secret.key")).unwrap_or_default();
    Sha256::digest([key.as_bytes(), b"server id"].concat())[..6]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Annotations, which tell what was changed.
fn marks(house: &Arc<House>) -> Marks {
    let state = house.state.clone();
    Arc::new(move |from, until| {
        let query = Query { from: from as f64, until: until as f64, tags: None, set: TagSet::All };
        let found = annotations::list(&state, &query).unwrap_or_default();
        let mark = |event: annotations::Annotation| {
            let tags =
                if event.tags.is_empty() { String::new() } else { format!(" ({})", event.tags.join(", ")) };
            Mark { at: event.at as i64, what: format!("{}{tags}", event.what) }
        };
        found.into_iter().map(mark).collect()
    })
}

/// Nobody is reached by a policy yet, and whoever wrote one has to know.
pub fn warn_of_policies(house: &House) {
    let all = house.monitors.definitions();
    let monitors =
        all.monitors.iter().map(|monitor| (&monitor.name, &monitor.escalation_policy, &monitor.contacts));
    let checks = all.checks.iter().map(|check| (&check.name, &check.escalation_policy, &check.contacts));
    let hosts = all.hosts.iter().map(|host| (&host.name, &host.escalation_policy, &host.contacts));
    let named = monitors.chain(checks).chain(hosts).filter(|(_, policy, _)| policy.is_some());
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for (name, _, contacts) in named {
        let told = contacts.as_ref().is_some_and(|contacts| !contacts.is_empty());
        if told { with.push(name.as_str()) } else { without.push(name.as_str()) }
    }
    if !with.is_empty() || !without.is_empty() {
        tracing::warn!(
            with_contacts = with.join(", "),
            without_contacts = without.join(", "),
            "escalation policies are not carried out by this version: contacts are told, and of what names none those of \
             [incidents] contacts"
        );
    }
}
