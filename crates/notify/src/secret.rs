//! Secrets of channels: where they stand, and that they are never shown.

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize, Serializer};

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
