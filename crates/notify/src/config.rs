//! `[[channel]]`

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize, Serializer};

use crate::channels::{email, webhook};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChannelType {
    #[default]
    Email,
    Webhook,
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

/// A way to reach people. Keys of one type only are optional.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChannelConfig {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: ChannelType,

    // email
    /// `host` or `host:port`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Default: the contact's own address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Vec<String>>,
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

    // webhook
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_file: Option<PathBuf>,

    // both
    /// PEM of the authorities that are trusted instead of the machine's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
}

/// Never shown: not in logs, nor in the configuration that is shown.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// For the one place that sends it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("hidden")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("(hidden)")
    }
}

/// A secret is a line of text; a longer file is another one.
const SECRET_BYTES_MAX: u64 = 4_096;

/// The secret itself, wherever it stands.
pub fn read_secret(here: &Option<Secret>, file: &Option<PathBuf>) -> Result<Option<Secret>, String> {
    let Some(path) = file else { return Ok(here.clone()) };
    read_line(path).map(|text| Some(Secret::new(text))).map_err(|why| format!("{}: {why}", path.display()))
}

fn read_line(path: &Path) -> Result<String, String> {
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    file.take(SECRET_BYTES_MAX + 1).read_to_string(&mut text).map_err(|error| error.to_string())?;
    match text.trim() {
        "" => Err("is empty: it holds the secret, as one line".into()),
        _ if text.len() as u64 > SECRET_BYTES_MAX => Err("is too long for a secret".into()),
        line if line.contains('\n') => Err("has more than one line: it holds the secret, as one line".into()),
        line => Ok(line.to_owned()),
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
        let of_type = match channel.kind {
            ChannelType::Email => email::problems(channel),
            ChannelType::Webhook => webhook::problems(channel),
        };
        let misplaced = misplaced(channel)
            .into_iter()
            .map(|(key, kind)| (key, format!("this is of type = \"{kind}\" only: leave it out")));
        let all = why.map(|why| ("name", why)).into_iter().chain(of_type).chain(misplaced);
        problems.extend(all.map(|(key, why)| (format!("channel.{index}.{key}"), why)));
    }
    problems
}

/// Keys that belong to another type.
fn misplaced(channel: &ChannelConfig) -> Vec<(&'static str, &'static str)> {
    let of_email = [
        ("server", channel.server.is_some()),
        ("from", channel.from.is_some()),
        ("to", channel.to.is_some()),
        ("username", channel.username.is_some()),
        ("password", channel.password.is_some()),
        ("password_file", channel.password_file.is_some()),
        ("tls", channel.tls.is_some()),
        ("mails_a_minute", channel.mails_a_minute.is_some()),
    ];
    let of_webhook = [
        ("url", channel.url.is_some()),
        ("secret", channel.secret.is_some()),
        ("secret_file", channel.secret_file.is_some()),
    ];
    let (others, kind): (&[(&str, bool)], _) = match channel.kind {
        ChannelType::Email => (&of_webhook, "webhook"),
        ChannelType::Webhook => (&of_email, "email"),
    };
    others.iter().filter(|(_, set)| *set).map(|(key, _)| (*key, kind)).collect()
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
