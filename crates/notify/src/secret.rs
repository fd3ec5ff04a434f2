//! Secrets of channels: where they stand, and that they are never shown.

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize, Serializer};

use crate::config::ChannelConfig;

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

/// Files of secrets that cannot be read now, as (the channel's place, key, why). They may be there later: each try reads them anew.
pub fn unreadable(channels: &[ChannelConfig]) -> Vec<(usize, &'static str, String)> {
    let of_channel = |(index, channel): (usize, &ChannelConfig)| {
        let files = [
            ("token_file", &channel.token_file),
            ("secret_file", &channel.secret_file),
            ("password_file", &channel.password_file),
            ("routing_key_file", &channel.routing_key_file),
            ("bot_token_file", &channel.bot_token_file),
            ("app_token_file", &channel.app_token_file),
        ];
        let wrong = files.into_iter().filter_map(|(key, file)| Some((key, read_secret(&None, file).err()?)));
        wrong.map(|(key, why)| (index, key, why)).collect::<Vec<_>>()
    };
    channels.iter().enumerate().flat_map(of_channel).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_there_is_named_with_its_key() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| Some(directory.path().join(name));
        std::fs::write(path("good").unwrap(), "geheim\n").unwrap();
        let mail = ChannelConfig { password_file: path("good"), ..ChannelConfig::default() };
        let chat =
            ChannelConfig { secret_file: path("none"), token_file: path("good"), ..ChannelConfig::default() };
        let [(index, key, why)] = &unreadable(&[mail, chat])[..] else { panic!("one is not there") };
        assert_eq!((*index, *key), (1, "secret_file"));
        assert!(why.contains("none: No such file"), "{why}");
    }
}
