//! `[[channel]]`

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::channels::own::{self, Own};
pub use crate::channels::webhook::Format;
use crate::channels::{self, TYPES};
pub use crate::secret::{Secret, read_secret};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChannelType {
    #[default]
    Email,
    Webhook,
    Pagerduty,
    Opsgenie,
    Slack,
    Ntfy,
    Telegram,
    Pushover,
    Sms,
    Voice,
    Push,
    Command,
}

/// How mail is encrypted on its way to the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailTls {
    /// STARTTLS if the server offers it.
    #[default]
    Offered,
    /// STARTTLS, or nothing is sent.
    Required,
    /// From the first byte (port 465).
    Implicit,
    /// Never, such as for a server on this machine.
    None,
}

/// A way to reach people. All keys that some type has, in one table, so that a mistake is told at its place; which type
/// has which is in [`TYPES`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChannelConfig {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: ChannelType,

    /// Where it posts to; of providers: another address than their usual one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<Secret>,
    /// Who gets it. Default: where the contact itself is reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// What signs in at a provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
    /// What signs what goes out, or what comes back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_file: Option<PathBuf>,
    /// PEM of the authorities that are trusted instead of the machine's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,

    // email
    /// `host` or `host:port`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<MailTls>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mails_a_minute: Option<u32>,

    // pagerduty
    #[serde(skip_serializing_if = "Option::is_none")]
    pub routing_key: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub routing_key_file: Option<PathBuf>,
    /// Where incidents are asked for, with `token`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_url: Option<String>,

    // opsgenie
    /// `team:web`, `user:ana@example.org`, `schedule:…`, `escalation:…`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub responders: Option<Vec<String>>,

    // slack
    /// Of an app: who writes, and who hears what is pressed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bot_token: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bot_token_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_token: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_token_file: Option<PathBuf>,

    // webhook
    /// A ready form of its body, such as that of Teams.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
    /// Or one of your own, in minijinja.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,

    // sms, voice
    /// Of Twilio: `AC…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,

    // command
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<Vec<String>>,

    // push
    /// Push services that are trusted beside those of the usual browsers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hosts: Option<Vec<String>>,

    // ntfy
    /// Where the button of a message writes to, and we read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_topic: Option<Secret>,
}

impl ChannelConfig {
    /// What is written, without `name` and `type`; secrets are hidden.
    pub fn settings(&self) -> serde_json::Value {
        let mut table = serde_json::to_value(self).unwrap_or_default();
        if let Some(table) = table.as_object_mut() {
            table.retain(|key, _| key != "name" && key != "type");
        }
        table
    }

    fn keys(&self) -> Vec<String> {
        self.settings().as_object().map(|table| table.keys().cloned().collect()).unwrap_or_default()
    }
}

/// The name of the channel that is always there and only lists.
pub use incidents::book::LOG_CHANNEL;

/// What is wrong with all of them together, as (key, message); `key` begins with `channel.N`.
pub fn problems(channels: &[ChannelConfig]) -> Vec<(String, String)> {
    let mut problems = Vec::new();
    for (index, channel) in channels.iter().enumerate() {
        let name = &channel.name;
        let taken = channels[..index].iter().any(|other| other.name == *name);
        let why = match name.as_str() {
            "" => Some("a channel needs a name, such as \"ops-mail\"".to_owned()),
            LOG_CHANNEL => {
                Some("`log` is always there and lists what it is given: choose another name".to_owned())
            }
            _ if taken => Some(format!("there is a channel `{name}` already: choose another name")),
            _ => None,
        };
        let of_type = (channels::of(channel.kind).problems)(channel);
        let of_type = of_type.into_iter().map(|(key, why)| (key.to_owned(), why));
        let all = why.map(|why| ("name".to_owned(), why)).into_iter().chain(of_type);
        let all = all.chain(misplaced(channel));
        problems.extend(all.map(|(key, why)| (format!("channel.{index}.{key}"), why)));
    }
    problems
}

/// Keys that belong to other types.
fn misplaced(channel: &ChannelConfig) -> Vec<(String, String)> {
    let own = channels::of(channel.kind);
    let foreign = channel.keys().into_iter().filter(|key| !own.keys.contains(&key.as_str()));
    let told = |key: String| {
        let owners: Vec<_> = TYPES.iter().filter(|entry| entry.keys.contains(&key.as_str())).collect();
        let owners: Vec<_> = owners.iter().map(|entry| format!("\"{}\"", entry.word)).collect();
        (key, format!("this is of type = {} only: leave it out", owners.join(", ")))
    };
    foreign.map(told).collect()
}

/// What needs no account anywhere, so that whoever has just begun is reached: the public server of ntfy, and browsers.
const BUILT_IN: [(ChannelType, &str); 2] = [(ChannelType::Ntfy, "ntfy"), (ChannelType::Push, "push")];

/// Those that are defined, and each built-in one, unless there is one of its type, or another one of its name.
pub fn with_built_in(channels: &[ChannelConfig]) -> Vec<ChannelConfig> {
    let stands_for = |(kind, name): &(ChannelType, &str)| {
        channels.iter().any(|channel| channel.kind == *kind || channel.name == *name)
    };
    let missing = BUILT_IN.into_iter().filter(|built_in| !stands_for(built_in));
    let missing =
        missing.map(|(kind, name)| ChannelConfig { name: name.into(), kind, ..ChannelConfig::default() });
    channels.iter().cloned().chain(missing).collect()
}

/// The names of channels whose provider keeps a state of each incident.
pub fn followers(channels: &[ChannelConfig]) -> BTreeSet<Arc<str>> {
    let follows = channels.iter().filter(|channel| (channels::of(channel.kind).follows)(channel));
    follows.map(|channel| Arc::from(channel.name.as_str())).collect()
}

/// The names of channels that are rooms, which may be empty.
pub fn rooms(channels: &[ChannelConfig]) -> BTreeSet<Arc<str>> {
    let rooms = channels.iter().filter(|channel| !(channels::of(channel.kind).reaches)(channel));
    rooms.map(|channel| Arc::from(channel.name.as_str())).collect()
}

/// The names of channels that ring for trouble only, if at all: what else is told may go by them.
pub fn quiet(channels: &[ChannelConfig]) -> BTreeSet<Arc<str>> {
    use ChannelType::{Command, Opsgenie, Pagerduty, Sms, Voice};
    let rings = |kind: ChannelType| matches!(kind, Pagerduty | Opsgenie | Sms | Voice | Command);
    let quiet = channels.iter().filter(|channel| !rings(channel.kind));
    quiet.map(|channel| Arc::from(channel.name.as_str())).chain([Arc::from(LOG_CHANNEL)]).collect()
}

/// The names of channels that call, and only for trouble: there is nothing to say of anything else there.
pub fn calls(channels: &[ChannelConfig]) -> BTreeSet<Arc<str>> {
    let calls = channels.iter().filter(|channel| channel.kind == ChannelType::Voice);
    calls.map(|channel| Arc::from(channel.name.as_str())).collect()
}

/// The names of channels that send mail.
pub fn mail(channels: &[ChannelConfig]) -> BTreeSet<Arc<str>> {
    let mail = channels.iter().filter(|channel| channel.kind == ChannelType::Email);
    mail.map(|channel| Arc::from(channel.name.as_str())).collect()
}

/// By channel what of a contact it goes by, of which one is enough; those with a `to` go there. Whose browsers have subscribed is
/// known elsewhere.
pub fn needs(channels: &[ChannelConfig]) -> BTreeMap<Arc<str>, Vec<&'static str>> {
    let of_people = own::ALL.iter().filter(|own| own.kind != ChannelType::Push);
    let needs = of_people.flat_map(|own| {
        let of_type = own::channels(own, channels);
        of_type.map(move |channel| (Arc::from(channel.name.as_str()), ways_of(own)))
    });
    needs.collect()
}

/// The keys of a contact that a channel of this type reads.
fn ways_of(own: &Own) -> Vec<&'static str> {
    match own.kind {
        ChannelType::Sms | ChannelType::Voice => vec![own.word, "phone"],
        _ => vec![own.word],
    }
}

/// What is wrong with the address that a contact has by this key.
pub fn address_problem(key: &str, address: &str) -> Option<String> {
    let own = own::of(if key == "phone" { "sms" } else { key })?;
    (!(own.is_fine)(address)).then(|| format!("this leads nowhere: write {}", own.shape))
}

/// Channels that contacts name and that are not there, as (index of the contact, channel).
pub fn unknown<'c>(
    channels: &[ChannelConfig],
    contacts: impl IntoIterator<Item = &'c [String]>,
) -> Vec<(usize, String)> {
    let known = |name: &str| name == LOG_CHANNEL || channels.iter().any(|channel| channel.name == name);
    let of = |(index, names): (usize, &'c [String])| {
        let missing: Vec<_> =
            names.iter().filter(|name| !known(name)).map(|name| (index, name.clone())).collect();
        missing
    };
    contacts.into_iter().enumerate().flat_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, wanted: &[&str]) {
        #[derive(Deserialize)]
        struct File {
            channel: Vec<ChannelConfig>,
        }
        let file: File = toml::from_str(&format!("[[channel]]\nname = \"x\"\n{text}")).unwrap();
        let found: Vec<String> =
            problems(&file.channel).into_iter().map(|(key, why)| format!("{key}: {why}")).collect();
        assert_eq!(found.len(), wanted.len(), "{text}: {found:#?}");
        for (found, wanted) in found.iter().zip(wanted) {
            assert!(found.contains(wanted), "{found} has no {wanted}");
        }
    }

    #[test]
    fn a_channel_needs_an_address_unless_it_goes_elsewhere() {
        let channel = |name: &str, kind: ChannelType, to: Option<Vec<String>>| ChannelConfig {
            name: name.into(),
            kind,
            to,
            ..ChannelConfig::default()
        };
        let all = [
            channel("mail", ChannelType::Email, None),
            channel("ops", ChannelType::Email, Some(vec!["ops@example.org".into()])),
            channel("text", ChannelType::Sms, None),
            channel("hook", ChannelType::Webhook, None),
        ];
        let found = needs(&all);
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!((&found["mail"], &found["text"]), (&vec!["email"], &vec!["sms", "phone"]));
    }

    #[test]
    fn an_address_of_a_contact_has_the_shape_of_a_way_of_ones_own() {
        for (key, wrong, fine) in [
            ("phone", "030 123456", "+4930123456"),
            ("email", "ana at example", "ana@example.org"),
            ("ntfy", "a b/c", "ana-3f7c1a9e"),
        ] {
            let why = address_problem(key, wrong).unwrap();
            assert!(why.starts_with("this leads nowhere: write ") && !why.contains(wrong), "{why}");
            assert_eq!(address_problem(key, fine), None);
        }
        assert_eq!(address_problem("slack_user", "U0123"), None);
    }

    #[test]
    fn c107_chats_are_rooms() {
        let check = |kind: ChannelType, format: Option<Format>, is_room: bool| {
            let channel = ChannelConfig { name: "x".into(), kind, format, ..ChannelConfig::default() };
            assert_eq!(!rooms(&[channel]).is_empty(), is_room, "{kind:?} {format:?}");
        };
        check(ChannelType::Slack, None, true);
        for format in [Format::Teams, Format::Discord, Format::Mattermost] {
            check(ChannelType::Webhook, Some(format), true);
        }
        for format in [None, Some(Format::Gotify), Some(Format::Alertmanager)] {
            check(ChannelType::Webhook, format, false);
        }
        for kind in [ChannelType::Email, ChannelType::Ntfy, ChannelType::Pagerduty, ChannelType::Sms] {
            check(kind, None, false);
        }
    }

    #[test]
    fn a_mistake_is_told_at_its_key() {
        check("type = \"pagerduty\"\nrouting_key = \"0123456789abcdef0123456789abcdef\"", &[]);
        check("type = \"pagerduty\"", &["channel.0.routing_key: "]);
        check("type = \"pagerduty\"\nrouting_key = \"short\"", &["32 letters"]);
        check(
            "type = \"pagerduty\"\nrouting_key = \"0123456789abcdef0123456789abcdef\"\nserver = \"x\"\nreply_topic = \"y\"",
            &["channel.0.reply_topic: ", "channel.0.server: this is of type = \"email\" only"],
        );
        check(
            "type = \"opsgenie\"\ntoken = \"a\"\ntoken_file = \"b\"",
            &["channel.0.token_file: `token` is set too"],
        );
        check("type = \"opsgenie\"\ntoken = \"a\"\nresponders = [\"ana\"]", &["channel.0.responders: "]);
        check("type = \"slack\"\nurl = \"hooks\"", &["channel.0.url: "]);
        check("type = \"slack\"", &["needs the address"]);
        let app = "type = \"slack\"\nbot_token = \"xoxb-1\"\napp_token = \"xapp-1\"";
        check(app, &[]);
        check(&format!("{app}\nto = [\"C0123ABCD\"]"), &[]);
        check(&format!("{app}\nto = [\"#ops\"]"), &["channel.0.to: `#ops` is not"]);
        check(&format!("{app}\nto = [\"C0123ABCD\", \"C0123ABCE\"]"), &["channel.0.to: one room"]);
        check("type = \"slack\"\napp_token = \"xapp-1\"", &["channel.0.bot_token: "]);
        check("type = \"slack\"\nbot_token = \"xapp-1\"", &["channel.0.bot_token: this is no bot token"]);
        check(
            "type = \"pagerduty\"\nrouting_key = \"0123456789abcdef0123456789abcdef\"\nsecret = \"\"",
            &["channel.0.secret: this is empty"],
        );
        check("type = \"webhook\"\nurl = \"http://x/\"\nfrom = \"y\"", &["channel.0.from: "]);
        check("type = \"ntfy\"", &[]);
        check("type = \"ntfy\"\nto = [\"a b\"]", &["channel.0.to: "]);
    }
}
