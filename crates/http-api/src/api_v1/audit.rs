//! The audit log, and taking it along.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::status::off_thread;
use crate::accounts::{self, Asked, AuditEntry, Caller, Role};
use crate::answer::{Answer, Params, Problem};
use crate::guard::require;
use crate::services::Services;

const USUAL_LISTED: usize = 100;
/// All that are kept.
const MAX_LISTED: usize = 100_000;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Which {
    /// Seconds since 1970; both ends are part of it.
    from: Option<i64>,
    until: Option<i64>,
    who: Option<String>,
    /// The next part of a long list: entries that are older than this one.
    before_id: Option<i64>,
    /// The first so many; default 100, of an export all.
    limit: Option<usize>,
    /// `json` (default), `csv`, or `jsonl` with one entry in a line.
    format: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct Audit {
    /// The newest first.
    entries: Vec<AuditEntry>,
    more: bool,
}

#[utoipa::path(get, path = "/audit", params(Which), responses((status = 200, body = Audit), (status = 400, body = Problem)))]
pub async fn audit(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Params(which): Params<Which>,
) -> Answer<Response> {
    require(&caller, Role::Admin)?;
    let write: fn(Vec<AuditEntry>) -> Answer<Response> = match which.format.as_deref() {
        None | Some("json") => return list(&services, which).await,
        Some("csv") => |entries| Ok(file("text/csv; charset=utf-8", "audit.csv", csv(&entries))),
        Some("jsonl") => |entries| Ok(file("application/x-ndjson", "audit.jsonl", lines(&entries)?)),
        Some(other) => {
            let why = format!("`format` is `{other}`");
            return Err(Problem::bad_request(why).hint("write json, csv or jsonl"));
        }
    };
    let asked = asked(which, MAX_LISTED);
    write(off_thread(&services, move |services| Ok(accounts::audit(&services.state, &asked)?)).await?)
}

fn asked(which: Which, usual: usize) -> Asked {
    Asked {
        from: which.from,
        until: which.until,
        who: which.who,
        before_id: which.before_id,
        settings_only: false,
        limit: which.limit.unwrap_or(usual).min(MAX_LISTED),
    }
}

async fn list(services: &Arc<Services>, which: Which) -> Answer<Response> {
    let mut asked = asked(which, USUAL_LISTED);
    let limit = asked.limit;
    asked.limit += 1;
    off_thread(services, move |services| {
        let mut entries = accounts::audit(&services.state, &asked)?;
        let more = entries.len() > limit;
        entries.truncate(limit);
        Ok(Json(Audit { entries, more }).into_response())
    })
    .await
}

fn file(kind: &'static str, name: &'static str, text: String) -> Response {
    let disposition = format!("attachment; filename=\"{name}\"");
    ([(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, disposition)], text)
        .into_response()
}

fn lines(entries: &[AuditEntry]) -> Answer<String> {
    let line =
        |entry: &AuditEntry| serde_json::to_string(entry).map(|line| line + "\n").map_err(Problem::internal);
    entries.iter().map(line).collect()
}

fn csv(entries: &[AuditEntry]) -> String {
    let mut out = String::from("id,at,who,via,source,action,subject,before,after,commit\r\n");
    for entry in entries {
        let maybe = |text: &Option<String>| text.clone().unwrap_or_default();
        let cells = [
            entry.id.to_string(),
            entry.at.to_string(),
            cell(&entry.who),
            cell(&entry.via),
            cell(&entry.source),
            cell(&entry.action),
            cell(&entry.subject),
            cell(&maybe(&entry.before)),
            cell(&maybe(&entry.after)),
            cell(&maybe(&entry.commit)),
        ];
        out += &(cells.join(",") + "\r\n");
    }
    out
}

/// A spreadsheet takes what begins so for a formula, and names are chosen by whoever makes things.
fn cell(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    match text.contains(['"', ',', '\n', '\r']) {
        true => format!("\"{guard}{}\"", text.replace('"', "\"\"")),
        false => format!("{guard}{text}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_are_no_formulas() {
        let check = |text: &str, expected: &str| assert_eq!(cell(text), expected);
        check("ana", "ana");
        check("a,\"b\"", "\"a,\"\"b\"\"\"");
        check("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0");
        check("@x\ny", "\"'@x\ny\"");
    }
}
