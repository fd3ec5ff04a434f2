//! Bundles of artifacts, as sentry-cli uploads them: a zip archive behind eight bytes of its own, with a list of what its files
//! are in `manifest.json`.

use std::collections::HashMap;
use std::io::Read;

use flate2::read::GzDecoder;
use serde_json::Value;

use super::limits::{ARTIFACT_NAME_BYTES, MANIFEST_BYTES};
use super::zip::{Listing, Source};

const MANIFEST: &str = "manifest.json";

/// What a bundle says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    pub debug_id: Option<DebugId>,
    pub project: Option<String>,
    pub release: Option<String>,
    pub dist: Option<String>,
    /// In the order of their paths.
    pub files: Vec<Artifact>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// Within the archive.
    pub path: String,
    pub kind: ArtifactKind,
    /// `~/app.js`: of whatever host.
    pub url: String,
    pub debug_id: Option<DebugId>,
    /// Of a minified source: where its map is, from where it is.
    pub source_map: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArtifactKind {
    Source,
    MinifiedSource,
    SourceMap,
    IndexedRamBundle,
}

impl ArtifactKind {
    pub fn word(self) -> &'static str {
        match self {
            ArtifactKind::Source => "source",
            ArtifactKind::MinifiedSource => "minified_source",
            ArtifactKind::SourceMap => "source_map",
            ArtifactKind::IndexedRamBundle => "indexed_ram_bundle",
        }
    }

    fn read(word: &str) -> Option<ArtifactKind> {
        use ArtifactKind::*;
        [Source, MinifiedSource, SourceMap, IndexedRamBundle].into_iter().find(|kind| kind.word() == word)
    }
}

/// What a file and its map have in common: 32 lower-case hexadecimal digits, however they were written.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DebugId(String);

impl DebugId {
    /// With or without dashes. What comes behind the 32 digits is the age of a debug file, which maps do not have.
    pub fn read(text: &str) -> Option<DebugId> {
        let digits: String = text.trim().chars().filter(|letter| *letter != '-').take(32).collect();
        let is_one = digits.len() == 32
            && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
            && digits.bytes().any(|digit| digit != b'0');
        is_one.then(|| DebugId(digits.to_ascii_lowercase()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The list of an archive's files, and what they are.
pub fn read<S: Source + ?Sized>(source: &S) -> Result<(Listing, Manifest), String> {
    let listing = Listing::read(source)?;
    let text = listing.file(source, MANIFEST, MANIFEST_BYTES)?;
    let json: Value = serde_json::from_slice(&text).map_err(|error| format!("{MANIFEST}: {error}"))?;
    let manifest = manifest(&json, &listing)?;
    Ok((listing, manifest))
}

fn manifest(json: &Value, listing: &Listing) -> Result<Manifest, String> {
    let text = |key: &str| json[key].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let files = json["files"].as_object().ok_or_else(|| format!("{MANIFEST} lists no files"))?;
    let mut files: Vec<Artifact> = files
        .iter()
        .filter(|(path, _)| listing.contains(path))
        .filter_map(|(path, file)| artifact(path, file))
        .collect();
    files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(Manifest {
        debug_id: json["debug_id"].as_str().and_then(DebugId::read),
        project: text("project"),
        release: text("release"),
        dist: text("dist"),
        files,
    })
}

/// In the place of a map's name: it stands in the file itself.
pub const INLINE: &str = "data:";

/// None: of a kind that is not used.
fn artifact(path: &str, file: &Value) -> Option<Artifact> {
    let headers = headers(&file["headers"]);
    let bounded = |text: &str| (text.len() <= ARTIFACT_NAME_BYTES).then(|| text.to_owned());
    Some(Artifact {
        path: bounded(path)?,
        kind: ArtifactKind::read(file["type"].as_str()?)?,
        url: bounded(file["url"].as_str().unwrap_or_default())?,
        debug_id: headers.get("debug-id").and_then(|id| DebugId::read(id)),
        source_map: headers.get("sourcemap").or(headers.get("x-sourcemap")).and_then(|map| {
            // The whole map may stand there: it is read from the file.
            if map.starts_with(INLINE) { Some(INLINE.to_owned()) } else { bounded(map) }
        }),
    })
}

/// By their names in lower case.
fn headers(json: &Value) -> HashMap<String, &str> {
    let headers = json.as_object().into_iter().flatten();
    headers.filter_map(|(name, value)| Some((name.to_ascii_lowercase(), value.as_str()?))).collect()
}

/// A part that was packed to be sent. None: it is longer than `most`.
pub fn gunzip(packed: &[u8], most: usize) -> Result<Option<Vec<u8>>, String> {
    let mut bytes = Vec::new();
    GzDecoder::new(packed)
        .take(most as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("it is no gzip: {error}"))?;
    Ok((bytes.len() <= most).then_some(bytes))
}

#[cfg(test)]
mod tests {
    use super::super::zip::writing::archive;
    use super::*;

    #[test]
    fn a_bundle_says_what_its_files_are() {
        let manifest = r#"{"files":{
            "files/_/_/app.js.map":{"type":"source_map","url":"~/app.js.map","headers":{"debug-id":"0C5D0E2A-9A9E-5E6B-8D5D-0F6A7B8C9D0E-0"}},
            "files/_/_/app.js":{"type":"minified_source","url":"~/app.js","headers":{"Sourcemap":"app.js.map","debug-id":"no id"}},
            "files/_/_/gone.js":{"type":"minified_source","url":"~/gone.js"},
            "files/_/_/x":{"type":"something new","url":"~/x"}},
            "org":"o","project":"p","release":"r1","dist":""}"#;
        let files: [(&str, &[u8]); 4] = [
            ("files/_/_/app.js", b"x"),
            ("files/_/_/app.js.map", b"{}"),
            ("files/_/_/x", b""),
            (MANIFEST, manifest.as_bytes()),
        ];
        let bytes = archive(b"SYSB\x02\0\0\0", &files);
        let (listing, manifest) = read(&*bytes).unwrap();
        assert_eq!(listing.len(), 4);
        assert_eq!((manifest.release.as_deref(), manifest.dist.as_deref()), (Some("r1"), None));
        let [source, map] = &manifest.files[..] else { panic!("{manifest:?}") };
        assert_eq!((source.url.as_str(), source.source_map.as_deref()), ("~/app.js", Some("app.js.map")));
        assert_eq!((source.kind, &source.debug_id), (ArtifactKind::MinifiedSource, &None));
        let id = map.debug_id.as_ref().map(DebugId::as_str);
        assert_eq!(id, Some("0c5d0e2a9a9e5e6b8d5d0f6a7b8c9d0e"));
    }

    #[test]
    fn what_is_no_bundle_is_told() {
        let check = |files: &[(&str, &[u8])], why: &str| {
            let error = read(&*archive(b"", files)).unwrap_err();
            assert!(error.contains(why), "{error}");
        };
        check(&[("a", b"x")], "no manifest.json");
        check(&[(MANIFEST, b"{")], "manifest.json: ");
        check(&[(MANIFEST, b"{}")], "lists no files");
    }

    #[test]
    fn ids_are_the_same_however_they_are_written() {
        let id = DebugId::read("0c5d0e2a9a9e5e6b8d5d0f6a7b8c9d0e").unwrap();
        assert_eq!(DebugId::read(" 0C5D0E2A-9A9E-5E6B-8D5D-0F6A7B8C9D0E "), Some(id.clone()));
        assert_eq!(DebugId::read("0c5d0e2a9a9e5e6b8d5d0f6a7b8c9d0e1"), Some(id));
        for none in ["", "0c5d", "00000000000000000000000000000000", "zc5d0e2a9a9e5e6b8d5d0f6a7b8c9d0e"] {
            assert_eq!(DebugId::read(none), None, "{none}");
        }
    }
}
