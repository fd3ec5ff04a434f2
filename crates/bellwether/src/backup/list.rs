//! What belongs to a backup.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::files::doing;

pub(super) const LIST: &str = "BACKUP.json";
pub(super) const UNFINISHED: &str = "BACKUP.unfinished";
/// 1 had lengths only.
const LIST_VERSION: u32 = 2;
/// A list of a million files is still smaller.
const LONGEST_LIST: u64 = 1 << 30;

#[derive(Serialize, Deserialize)]
pub(super) struct Listed {
    version: u32,
    made_by: String,
    made: i64,
    /// By path below the directory.
    pub files: Files,
}

pub(super) type Files = BTreeMap<String, Kept>;

/// A file as it is in the backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "ListedFile")]
pub(super) struct Kept {
    pub bytes: u64,
    /// None for blocks, and in lists of version 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crc32c: Option<u32>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ListedFile {
    /// As version 1 wrote it.
    Length(u64),
    Kept {
        bytes: u64,
        crc32c: Option<u32>,
    },
}

impl From<ListedFile> for Kept {
    fn from(listed: ListedFile) -> Kept {
        match listed {
            ListedFile::Length(bytes) => Kept { bytes, crc32c: None },
            ListedFile::Kept { bytes, crc32c } => Kept { bytes, crc32c },
        }
    }
}

impl Listed {
    pub fn of(files: Files, made: i64) -> Listed {
        Listed { version: LIST_VERSION, made_by: env!("CARGO_PKG_VERSION").into(), made, files }
    }

    pub fn bytes(&self) -> u64 {
        self.files.values().map(|kept| kept.bytes).sum()
    }

    pub fn by_length_only(&self) -> bool {
        self.version == 1
    }
}

pub(super) fn write_list(directory: &Path, name: &str, listed: &Listed) -> Result<(), String> {
    let path = directory.join(name);
    let text = serde_json::to_vec_pretty(listed).map_err(|error| error.to_string())?;
    let partial = directory.join("BACKUP.partial");
    let written = fs::write(&partial, text)
        .and_then(|()| File::open(&partial)?.sync_all())
        .and_then(|()| fs::rename(&partial, &path))
        .and_then(|()| File::open(directory)?.sync_all());
    written.map_err(|error| doing("write", &path, &error))
}

pub(super) fn read_list(path: &Path) -> Result<Listed, String> {
    let length = fs::metadata(path).map_err(|error| doing("read", path, &error))?.len();
    if length > LONGEST_LIST {
        return Err(format!("{} is too long to be the list of a backup", path.display()));
    }
    let text = fs::read_to_string(path).map_err(|error| doing("read", path, &error))?;
    let listed: Listed = serde_json::from_str(&text).map_err(|error| doing("understand", path, &error))?;
    if listed.version > LIST_VERSION {
        return Err(format!("{} was made by a newer version ({})", path.display(), listed.made_by));
    }
    Ok(listed)
}
