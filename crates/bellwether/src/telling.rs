//! Pages go out: the sender over the desk's outbox, with what it has to know of the rest.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http_api::Undone;
use http_api::annotations::{self, Query, TagSet};
use http_api::control::{DefinedChannel, NotHeard, Posted};
use incidents::page::Message;
use incidents::{Answer, Deed, What};
use notify::config::Secret;
use notify::incoming;
use notify::{Mark, Sender, Settings, Surroundings};
use sha2::{Digest, Sha256};
use tokio::runtime::Handle;

use crate::config::Config;
use crate::house::House;
use crate::usual;

pub fn start(house: &Arc<House>, url: &str, runtime: &Handle) -> Sender {
    let settings = settings(house, &house.config.load(), url);
    let known = Arc::new(Known(house.clone()));
    Sender::start(house.desk.clone(), settings, house.egress.clone(), house.clock.clone(), known, runtime)
}

/// `url`: where this server listens, for when nobody has said where others reach it.
pub fn settings(house: &House, config: &Config, url: &str) -> Settings {
    let public = &config.http.public_url;
    let url = if public.is_empty() { url } else { public };
    Settings {
        channels: config.channels(),
        url: url.to_owned(),
        url_is_local: is_local(url),
        server_id: server_id(&config.data_dir.0),
        secret: Secret::new(derived(&config.data_dir.0, "channels", 32)),
        push_key: house.push_key.clone(),
        zone: jiff::tz::TimeZone::system(),
    }
}

/// The channels that are defined, and those that somebody uses without that.
pub fn used(house: &House) -> Vec<String> {
    let config = house.config.load();
    let names = config.channels().into_iter().map(|channel| channel.name);
    let is_used = |name: &String| {
        config.channel.iter().any(|channel| channel.name == *name) || house.desk.is_used(name)
    };
    names.filter(is_used).collect()
}

/// For whoever asks what there is.
pub fn defined(config: &Config) -> Vec<DefinedChannel> {
    let defined = |channel: notify::ChannelConfig| DefinedChannel {
        origin: config.origins.get(&("channel", channel.name.clone())).cloned(),
        r#type: notify::channels::of(channel.kind).word,
        settings: channel.settings(),
        name: channel.name,
    };
    config.channels().into_iter().map(defined).collect()
}

/// Nobody else gets there.
pub fn is_local(url: &str) -> bool {
    match outbound::Url::parse(url) {
        Ok(url) => url.is_of_this_machine(),
        Err(_) => true,
    }
}

/// Of the secret key, so that it is the same for as long as the data directory is.
fn server_id(directory: &Path) -> String {
    derived(directory, "server id", 6)
}

fn derived(directory: &Path, purpose: &str, bytes: usize) -> String {
    let key = crate::config::read_bounded(&directory.join("secret.key")).unwrap_or_default();
    Sha256::digest([key.as_bytes(), purpose.as_bytes()].concat())
        .iter()
        .take(bytes)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// A page does not wait longer for its graph.
const GRAPH_PATIENCE: Duration = Duration::from_secs(10);

/// What pages say beside what the incident knows.
struct Known(Arc<House>);

impl Surroundings for Known {
    /// Annotations, which tell what was changed.
    fn marks(&self, contact: &str, from: i64, until: i64) -> Vec<Mark> {
        let query = Query { from: from as f64, until: until as f64, tags: None, set: TagSet::All };
        let (state, teams) = (&self.0.state, &self.0.config.load().team);
        let seen = accounts::scope_of_contact(state, teams, contact)
            .and_then(|scope| Ok(annotations::seen(&scope, annotations::marks(state, &query)?)));
        let found = seen.unwrap_or_default();
        let mark = |event: annotations::Annotation| {
            let tags =
                if event.tags.is_empty() { String::new() } else { format!(" ({})", event.tags.join(", ")) };
            Mark { at: event.at as i64, what: format!("{}{tags}", event.what) }
        };
        found.into_iter().map(mark).collect()
    }

    fn usual(&self, message: &Message) -> Option<String> {
        usual::usual(&self.0, message)
    }

    /// Asked for by a thread that may wait.
    fn picture(&self, token: &str) -> Option<Vec<u8>> {
        let services = self.0.services.load();
        let services = services.as_ref().as_ref()?;
        let drawn = http_api::draw_incident(services, token.to_owned(), false);
        let drawn = async { tokio::time::timeout(GRAPH_PATIENCE, drawn).await };
        Handle::current().block_on(drawn).ok()?.ok()
    }

    fn picture_path(&self, incident: i64, contact: &str) -> Option<String> {
        // Whoever has that address sees all that is drawn of it.
        if self.0.desk.is_limited(contact) {
            return None;
        }
        let services = self.0.services.load();
        let services = services.as_ref().as_ref()?;
        match self.0.reach.links().reachable {
            Some(true) => http_api::graph_of_incident(services, incident),
            // A chat would show a broken picture, or refuse the message.
            Some(false) | None => None,
        }
    }

    fn gone(&self, contact: &str, kind: &str, address: &str) {
        crate::reaching::lost(&self.0, contact, kind, address);
    }

    fn answered(&self, answer: &Answer) -> bool {
        carry_out(&self.0, answer)
    }
}

/// False: it cannot be done now, and is to be asked for again.
fn carry_out(house: &House, answer: &Answer) -> bool {
    let services = house.services.load();
    let Some(services) = services.as_ref() else { return false };
    let comment = answer.how.clone();
    let deed = match answer.what {
        What::Acknowledge => Deed::Acknowledge { comment },
        What::Resolve => Deed::Resolve { comment, helped: String::new() },
        What::Snooze(seconds) => Deed::Snooze { until: house.clock.now().plus(seconds), comment },
    };
    let (incident, contact) = (answer.incident, &*answer.contact);
    match http_api::act_on_incident(services, incident, contact, &deed) {
        Ok(()) => true,
        // Somebody may have been quicker, or it is over: then there is nothing left to do.
        Err(Undone::Never(why)) => {
            tracing::warn!(incident, contact, why, "an answer to a page came to nothing");
            true
        }
        Err(Undone::NotNow(why)) => {
            tracing::warn!(incident, contact, why, "an answer to a page has to wait");
            false
        }
    }
}

/// What a channel's provider has posted.
pub fn hear(house: &House, posted: &Posted) -> Result<(), NotHeard> {
    let now = house.clock.now().0;
    let request = incoming::Posted { headers: &posted.headers, body: &posted.body, now };
    let config = house.config.load();
    let answers =
        incoming::hear(&config.channel, &house.desk, &posted.channel, &request).map_err(not_heard)?;
    match answers.iter().all(|answer| carry_out(house, answer)) {
        true => Ok(()),
        false => Err(NotHeard::NotNow(
            "nothing can be done now: this server starts or stops, or cannot write, which its health says"
                .into(),
        )),
    }
}

fn not_heard(why: incoming::NotHeard) -> NotHeard {
    match why {
        incoming::NotHeard::Unknown => NotHeard::Unknown,
        incoming::NotHeard::NotTheirs(why) => NotHeard::NotTheirs(why),
        incoming::NotHeard::Garbled(why) => NotHeard::Garbled(why),
        incoming::NotHeard::NotNow(why) => NotHeard::NotNow(why),
    }
}
