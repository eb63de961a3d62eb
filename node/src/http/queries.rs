//! `POST /v1/spaces/{space}/queries`

use axum::Json as Answered;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::body::Json;
use super::{Site, blocking};
use crate::api::query::{Answer, Query};
use crate::api::{Result, error_kind};

const NDJSON: &str = "application/x-ndjson";

pub(super) async fn query(
    State(site): State<Site>,
    Path(space): Path<String>,
    headers: HeaderMap,
    Json(request): Json<Query>,
) -> Result<Response> {
    let accepted = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    let lines = accepted.is_some_and(|accept| accept.contains(NDJSON));
    let answer = blocking(move || site.api.query(&space, request)).await?;
    if !lines {
        return Ok(Answered(answer).into_response());
    }
    let text = to_lines(&answer).map_err(|error| error_kind::failed.with("detail", error))?;
    Ok(([(header::CONTENT_TYPE, NDJSON)], text).into_response())
}

/// A line with `columns` and `version`, then each row on a line of its own.
fn to_lines(answer: &Answer) -> serde_json::Result<Vec<u8>> {
    let head = json!({ "columns": answer.columns, "version": answer.version });
    let mut lines = serde_json::to_vec(&head)?;
    lines.push(b'\n');
    for row in &answer.rows {
        serde_json::to_writer(&mut lines, row)?;
        lines.push(b'\n');
    }
    Ok(lines)
}
