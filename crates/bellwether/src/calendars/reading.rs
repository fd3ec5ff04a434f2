//! The text of a calendar: fetched by the rules of what may be called, or read from a file.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use outbound::{Egress, Url, http};
use parking_lot::Mutex;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const TIMEOUT: Duration = Duration::from_secs(30);
/// Years of somebody's whole calendar.
const CALENDAR_BYTES: usize = 10 << 20;
const REDIRECTS: u8 = 5;
/// What is longer is no mark of a version.
const TAG_BYTES: usize = 256;
const NOT_MODIFIED: u16 = 304;

pub struct Text {
    pub text: String,
    /// By which the server knows this version again.
    pub tag: Option<String>,
}

/// None: it is still the version of this tag. What is said of a failure names no path: the address may be a secret.
pub async fn text_of(egress: &Egress, place: &str, tag: Option<&str>) -> Result<Option<Text>, String> {
    if is_address(place) {
        return fetched(egress, place, tag).await;
    }
    let bytes = read_in_time(place).await?;
    Ok(Some(Text { text: text(&bytes), tag: None }))
}

/// How many are reading which file. One on a file system that does not answer keeps their threads.
static READERS: Mutex<BTreeMap<String, usize>> = Mutex::new(BTreeMap::new());
const MAX_READERS: usize = super::AT_ONCE;

fn may_read(place: &str) -> bool {
    let mut all = READERS.lock();
    let readers = all.entry(place.to_owned()).or_default();
    let may = *readers < MAX_READERS;
    *readers += usize::from(may);
    may
}

async fn read_in_time(place: &str) -> Result<Vec<u8>, String> {
    let hangs = || "the file system does not answer".to_owned();
    if !may_read(place) {
        return Err(hangs());
    }
    let place = place.to_owned();
    let reading = tokio::task::spawn_blocking(move || {
        let read = read(Path::new(&place));
        // It answers.
        READERS.lock().remove(&place);
        read
    });
    let read = tokio::time::timeout(TIMEOUT, reading).await.map_err(|_| hangs())?;
    read.map_err(|error| error.to_string())?
}

fn is_address(place: &str) -> bool {
    place.starts_with("https://") || place.starts_with("http://")
}

/// Of words in old encodings nothing is asked: times are the same in all of them.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

async fn fetched(egress: &Egress, place: &str, tag: Option<&str>) -> Result<Option<Text>, String> {
    let mut request = http::Request::new(http::get(), Url::parse(place)?);
    request.connect_timeout = CONNECT_TIMEOUT;
    request.timeout = TIMEOUT;
    request.body_most = CALENDAR_BYTES;
    request.redirects_most = REDIRECTS;
    if let Some(tag) = tag {
        request.header("if-none-match", tag).map_err(|failure| failure.message)?;
    }
    let answer = http::call(egress, &request).await.map_err(|failure| failure.message)?;
    let status = answer.status.as_u16();
    if tag.is_some() && status == NOT_MODIFIED {
        return Ok(None);
    }
    if !answer.status.is_success() {
        return Err(format!("{} answers {status}", answer.url.origin()));
    }
    if answer.is_cut {
        return Err(too_long());
    }
    let tag = answer.headers.get("etag").and_then(|tag| tag.to_str().ok());
    let tag = tag.filter(|tag| tag.len() <= TAG_BYTES).map(str::to_owned);
    Ok(Some(Text { text: text(&answer.body), tag }))
}

fn too_long() -> String {
    format!("it is longer than {} MB", CALENDAR_BYTES >> 20)
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let told = |error: std::io::Error| format!("the file cannot be read: {error}");
    let mut bytes = Vec::new();
    // Before it is opened: what opens a pipe waits until somebody writes to it.
    if !std::fs::metadata(path).map_err(told)?.is_file() {
        return Err("it is no file".to_owned());
    }
    let file = std::fs::File::open(path).map_err(told)?;
    file.take(CALENDAR_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(told)?;
    if bytes.len() > CALENDAR_BYTES {
        return Err(too_long());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_now(place: &str) -> Result<Vec<u8>, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(read_in_time(place))
    }

    #[test]
    fn a_pipe_is_no_file_and_what_hangs_is_asked_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
        std::fs::write(path("fine"), "text").unwrap();
        assert_eq!(read_now(&path("fine")), Ok(b"text".to_vec()));
        let made = std::process::Command::new("mkfifo").arg(path("pipe")).status();
        assert!(made.is_ok_and(|made| made.success()));
        assert_eq!(read_now(&path("pipe")), Err("it is no file".to_owned()));
        READERS.lock().insert(path("fine"), MAX_READERS);
        assert_eq!(read_now(&path("fine")), Err("the file system does not answer".to_owned()));
    }
}
