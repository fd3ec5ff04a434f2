//! Source maps, in chunks: sentry-cli asks which chunks are missing, sends those, and asks for them to be put together.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::multipart::{Multipart, MultipartError};
use axum::extract::{Path, State};
use axum::{Extension, Json};
use error_tracking::limits::{MAX_BUNDLE_BYTES, MAX_CHUNK_BYTES};
use error_tracking::symbols::{ArtifactError, Assembled, Assembly, Sum};
use formats::sentry::bundle::gunzip;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Sent, Told, find_projects, of_artifacts, working};
use crate::accounts::{Caller, Role};
use crate::answer::{Answer, Problem};
use crate::guard::require;
use crate::services::Services;

/// What stands around the chunks of one request: a boundary and two lines of header for each.
const CHUNKS_PER_REQUEST: usize = 64;
const FRAMING_BYTES: usize = CHUNKS_PER_REQUEST * 1_024;
const SMALLEST_CHUNK: usize = 64 << 10;
/// Without `release_files` sentry-cli 2 sends no chunks; with the others it makes bundles all the same. Debug files it offers by way
/// of `debug_files` before it sends any, and is told why not.
const ACCEPTED: [&str; 4] = ["release_files", "artifact_bundles", "artifact_bundles_v2", "debug_files"];

/// As much as a request may be, and chunks of a power of two that fit into one.
fn sizes(max_body: usize) -> (usize, usize) {
    let request = max_body.saturating_sub(FRAMING_BYTES).max(SMALLEST_CHUNK);
    let most = request.min(MAX_CHUNK_BYTES);
    let chunk = if most.is_power_of_two() { most } else { most.next_power_of_two() / 2 };
    (request, chunk)
}

pub async fn options(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(org): Path<String>,
) -> Told<Json<Value>> {
    require(&caller, Role::Editor)?;
    let (request, chunk) = sizes(services.settings.load().http.max_body_bytes);
    let org: String = form_urlencoded::byte_serialize(org.as_bytes()).collect();
    // Relative to `/api/0/` of whatever address the client came by, which is also whom it shows its token.
    let url = format!("organizations/{org}/chunk-upload/");
    Ok(Json(
        json!({"url": url, "chunkSize": chunk, "chunksPerRequest": CHUNKS_PER_REQUEST, "maxRequestSize": request,
        "maxFileSize": MAX_BUNDLE_BYTES, "maxWait": 60, "concurrency": 4, "hashAlgorithm": "sha1", "compression": ["gzip"],
        "accept": ACCEPTED}),
    ))
}

/// A chunk as it was sent.
struct Part {
    sum: Sum,
    bytes: Vec<u8>,
    is_packed: bool,
}

pub async fn take_chunks(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(_): Path<String>,
    form: Result<Multipart, axum::extract::multipart::MultipartRejection>,
) -> Told<()> {
    require(&caller, Role::Editor)?;
    let form = form.map_err(|unread| Problem::unread_body(unread.status(), unread.body_text()))?;
    let parts = parts(form).await?;
    working(&services, caller, Role::Editor, move |services, _| {
        let now = services.clock.now();
        for part in parts {
            let sum = part.sum;
            services.artifacts.put_chunk(sum, &part.unpacked()?, now).map_err(of_artifacts)?;
        }
        Ok(())
    })
    .await
}

async fn parts(mut form: Multipart) -> Answer<Vec<Part>> {
    let unread = |error: MultipartError| Problem::unread_body(error.status(), error.body_text());
    let mut parts = Vec::new();
    while let Some(field) = form.next_field().await.map_err(unread)? {
        let is_packed = match field.name() {
            Some("file") => false,
            Some("file_gzip") => true,
            _ => continue,
        };
        let sum = field.file_name().unwrap_or_default().parse::<Sum>();
        let sum = sum.map_err(|why| Problem::bad_request(format!("the name of a chunk: {why}")))?;
        parts.push(Part { sum, bytes: field.bytes().await.map_err(unread)?.to_vec(), is_packed });
        if parts.len() > CHUNKS_PER_REQUEST {
            let why = format!("a request has {CHUNKS_PER_REQUEST} chunks at most");
            return Err(Problem::bad_request(why));
        }
    }
    match parts.is_empty() {
        false => Ok(parts),
        true => Err(Problem::bad_request("no chunk was sent")
            .hint("each is a file of the form, called `file` or `file_gzip`, with its SHA-1 as file name")),
    }
}

impl Part {
    fn unpacked(self) -> Answer<Vec<u8>> {
        if !self.is_packed {
            return Ok(self.bytes);
        }
        let sum = self.sum;
        let wrong = |why: String| Problem::bad_request(format!("the chunk {sum}: {why}"));
        let bytes = gunzip(&self.bytes, MAX_CHUNK_BYTES).map_err(wrong)?;
        bytes.ok_or_else(|| wrong(format!("it has more than {MAX_CHUNK_BYTES} bytes")))
    }
}

#[derive(Deserialize)]
pub struct Assemble {
    checksum: String,
    #[serde(default)]
    chunks: Vec<String>,
    #[serde(default)]
    projects: Vec<String>,
    version: Option<String>,
    dist: Option<String>,
}

fn sum(text: &str) -> Answer<Sum> {
    text.parse::<Sum>().map_err(Problem::bad_request)
}

pub async fn assemble(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(_): Path<String>,
    Sent(wanted): Sent<Assemble>,
) -> Told<Json<Value>> {
    working(&services, caller, Role::Editor, move |services, caller| {
        let projects = find_projects(services, caller, &wanted.projects)?;
        let said = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let assembly = Assembly {
            checksum: sum(&wanted.checksum)?,
            chunks: wanted.chunks.iter().map(|chunk| sum(chunk)).collect::<Answer<_>>()?,
            projects: projects.iter().map(|project| project.id).collect(),
            release: said(&wanted.version),
            dist: said(&wanted.dist),
        };
        let done = services.artifacts.assemble(&assembly, services.clock.now());
        Ok(Json(state(done)?))
    })
    .await
}

/// What was sent and cannot be used is told as the end of the upload, which sentry-cli shows; it tries again what failed here.
fn state(done: Result<Assembled, ArtifactError>) -> Answer<Value> {
    let told = |state: &str, missing: &[Sum], detail: Option<String>| {
        let missing: Vec<String> = missing.iter().map(Sum::to_string).collect();
        json!({"state": state, "missingChunks": missing, "detail": detail})
    };
    match done {
        Ok(Assembled::Done) => Ok(told("ok", &[], None)),
        Ok(Assembled::Missing(missing)) => Ok(told("not_found", &missing, None)),
        Err(ArtifactError::Wrong(why)) => Ok(told("error", &[], Some(why))),
        Err(error) => Err(of_artifacts(error)),
    }
}

/// Debug files of native programs. None is asked for, so none is sent in vain.
pub async fn refuse_debug_files(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path((_, slug)): Path<(String, String)>,
    Sent(wanted): Sent<BTreeMap<String, Value>>,
) -> Told<Json<Value>> {
    working(&services, caller, Role::Editor, move |services, caller| {
        find_projects(services, caller, &[slug])?;
        let why = "debug files are not used here: crashes of native programs are kept as they come, and only JavaScript's source maps are applied";
        let refused = |sum: &String| {
            (sum.clone(), json!({"state": "error", "missingChunks": [], "detail": why, "dif": null}))
        };
        Ok(Json(wanted.keys().map(refused).collect()))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_fit_into_requests() {
        let check = |max_body: usize, expected: (usize, usize)| assert_eq!(sizes(max_body), expected);
        check(16 << 20, ((16 << 20) - FRAMING_BYTES, 8 << 20));
        check(8 << 20, ((8 << 20) - FRAMING_BYTES, 4 << 20));
        check(1 << 10, (SMALLEST_CHUNK, SMALLEST_CHUNK));
    }

    #[test]
    fn what_became_of_an_upload_is_told_as_sentry_cli_reads_it() {
        let sum = Sum::of(b"abc");
        let missing = state(Ok(Assembled::Missing(vec![sum]))).unwrap();
        assert_eq!(
            (&missing["state"], &missing["missingChunks"][0]),
            (&json!("not_found"), &json!(sum.to_string()))
        );
        assert_eq!(state(Ok(Assembled::Done)).unwrap()["state"], "ok");
        assert_eq!(state(Err(ArtifactError::Wrong("no".into()))).unwrap()["detail"], "no");
        assert!(state(Err(ArtifactError::Full("full".into()))).is_err());
    }

    #[test]
    fn a_packed_chunk_is_bounded_and_told_of() {
        let part = Part { sum: Sum::of(b"abc"), bytes: b"no gzip".to_vec(), is_packed: true };
        assert!(part.unpacked().unwrap_err().error.contains("no gzip"));
        let part = Part { sum: Sum::of(b"abc"), bytes: b"abc".to_vec(), is_packed: false };
        assert_eq!(part.unpacked().unwrap(), b"abc");
    }
}
