//! Whisper trees in and out. What is read or written lies on the server's machine, so only the control socket
//! may ask; the answer is a line of JSON for each thing that happens, as it happens.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Extension;
use axum::body::{Body as Stream, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio_stream::wrappers::ReceiverStream;

use crate::accounts::{Caller, Via};
use crate::answer::{Answer, Body, Problem};
use crate::control::{Move, WhisperExport, WhisperImport};
use crate::services::Services;

/// Lines that wait for a reader.
const LINES_WAITING: usize = 64;

/// Takes over every point of a tree of whisper files.
#[utoipa::path(post, path = "/import/whisper", request_body = WhisperImport,
    responses((status = 200, content_type = "application/x-ndjson", body = String), (status = 403, body = Problem)))]
pub async fn import_whisper(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Body(wanted): Body<WhisperImport>,
) -> Answer<Response> {
    require_this_machine(&caller, "import")?;
    Ok(stream(services, move |services, tell| services.control.import_whisper(&wanted, tell)))
}

/// Writes series as a tree of whisper files.
#[utoipa::path(post, path = "/export/whisper", request_body = WhisperExport,
    responses((status = 200, content_type = "application/x-ndjson", body = String), (status = 403, body = Problem)))]
pub async fn export_whisper(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Body(wanted): Body<WhisperExport>,
) -> Answer<Response> {
    require_this_machine(&caller, "export")?;
    Ok(stream(services, move |services, tell| services.control.export_whisper(&wanted, tell)))
}

fn require_this_machine(caller: &Caller, what: &str) -> Answer<()> {
    if caller.via == Via::ControlSocket {
        return Ok(());
    }
    let why = "files are read and written where it is told, so only the control socket may ask for it";
    Err(Problem::forbidden(why).hint(format!("run `bellwether {what} whisper DIR` on the server's machine")))
}

/// The work goes on as long as somebody reads what it tells.
fn stream<C: Serialize + 'static>(
    services: Arc<Services>,
    work: impl FnOnce(&Services, &mut dyn FnMut(Move<C>) -> bool) -> Result<C, String> + Send + 'static,
) -> Response {
    let (lines, waiting) = tokio::sync::mpsc::channel::<Result<Bytes, Infallible>>(LINES_WAITING);
    tokio::task::spawn_blocking(move || {
        let mut tell = |what: Move<C>| {
            let mut line = serde_json::to_vec(&what).unwrap_or_default();
            line.push(b'\n');
            lines.blocking_send(Ok(line.into())).is_ok()
        };
        let last = match work(&services, &mut tell) {
            Ok(counts) => Move::Finished(counts),
            Err(error) => Move::Failed { error },
        };
        tell(last);
    });
    let kind = [(header::CONTENT_TYPE, "application/x-ndjson")];
    (kind, Stream::from_stream(ReceiverStream::new(waiting))).into_response()
}
