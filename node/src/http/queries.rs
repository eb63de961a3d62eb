//! `POST /v1/spaces/{space}/queries`: an answer in one piece, within a bound; or line by line, as it
//! is found, of any length.

use std::convert::Infallible;
use std::ops::ControlFlow;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use futures::{StreamExt, stream};
use serde::Serialize;
use serde_json::json;
use tandem_protocol::cause::Cause;
use tandem_protocol::value::Value;
use tandem_store::{ANSWER_BYTES, Answer};
use tandem_words::Language;
use tokio::sync::mpsc;

use super::body::{Json, Path};
use super::caller::{Caller, Waits};
use super::problem;
use super::site::Site;
use super::waiting::blocking;
use crate::api::cell::Cell;
use crate::api::query::Query;
use crate::api::{ApiError, Result, error_kind};

const NDJSON: &str = "application/x-ndjson";
const JSON: &str = "application/json";

/// Bytes of a piece of an answer.
const PIECE_BYTES: usize = 64 << 10;
/// Pieces that wait for the network while the next are being found.
const PIECES: usize = 4;

pub(super) async fn query(
    State(site): State<Site>,
    Path(space): Path<String>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Json(request): Json<Query>,
) -> Result<Response> {
    let accepted = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    let owner = site.api.reader(&caller.name(&headers), &request)?;
    let language = problem::language_of(&headers);
    let waits = Waits::new(owner.clone());
    if accepted.is_some_and(|accept| accept.contains(NDJSON)) {
        let (send, mut pieces) = mpsc::channel(PIECES);
        let asking = blocking(move || {
            let version = site.api.version(&space)?;
            let mut lines = Lines { version, language, pieces: send, text: Vec::new(), begun: false };
            match site.api.query_for(&space, request, &owner, usize::MAX, &mut lines) {
                Ok(_) => Ok(lines.send()),
                Err(error) if lines.begun => Ok(lines.broke_off(&error)),
                Err(error) => Err(error),
            }
        });
        let asking = tokio::spawn(asking);
        let Some(first) = pieces.recv().await else {
            // It ended without a piece: the answer is an error.
            let ended = asking.await.unwrap_or_else(|_| Err(error_kind::stopping.error()));
            waits.no_longer();
            return Err(ended.err().unwrap_or_else(|| error_kind::stopping.error()));
        };
        let first = stream::iter([Ok::<_, Infallible>(first)]);
        let rest = stream::unfold((pieces, waits), |(mut pieces, waits)| async {
            match pieces.recv().await {
                Some(piece) => Some((Ok(piece), (pieces, waits))),
                None => {
                    waits.no_longer();
                    None
                }
            }
        });
        return Ok(([(header::CONTENT_TYPE, NDJSON)], Body::from_stream(first.chain(rest))).into_response());
    }
    let whole = blocking(move || {
        let mut whole = Whole::default();
        let version = site.api.query_for(&space, request, &owner, ANSWER_BYTES, &mut whole);
        match whole.failed.take() {
            Some(error) => Err(error),
            None => whole.finish(&version?),
        }
    });
    let pieces = whole.await;
    waits.no_longer();
    let pieces = stream::iter(pieces?.into_iter().map(Ok::<_, Infallible>));
    Ok(([(header::CONTENT_TYPE, JSON)], Body::from_stream(pieces)).into_response())
}

/// `{"columns": …, "rows": […], "version": …}`, in pieces: what it takes is its own length.
#[derive(Default)]
struct Whole {
    pieces: Vec<Bytes>,
    text: Vec<u8>,
    length: usize,
    rows: usize,
    failed: Option<ApiError>,
}

impl Whole {
    fn push(&mut self, before: &str, value: &impl Serialize) -> ControlFlow<()> {
        self.text.extend_from_slice(before.as_bytes());
        if let Err(error) = serde_json::to_writer(&mut self.text, value) {
            self.failed = Some(
                error_kind::failed.with("detail", Cause::new("json_made").with("said", error.to_string())),
            );
            return ControlFlow::Break(());
        }
        if self.text.len() >= PIECE_BYTES {
            self.length += self.text.len();
            self.pieces.push(std::mem::take(&mut self.text).into());
            self.text.reserve(PIECE_BYTES + PIECE_BYTES / 4);
        }
        if self.length > ANSWER_BYTES {
            self.failed = Some(error_kind::answer_too_large.with("most", ANSWER_BYTES >> 20));
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn finish(mut self, version: &str) -> Result<Vec<Bytes>> {
        assert!(self.failed.is_none(), "what failed is told, and not finished");
        let _whole_already = self.push("],\"version\":", &version);
        self.text.push(b'}');
        self.pieces.push(std::mem::take(&mut self.text).into());
        Ok(self.pieces)
    }
}

impl Answer for Whole {
    fn columns(&mut self, names: Vec<String>) -> ControlFlow<()> {
        self.push("{\"columns\":", &names)?;
        self.text.extend_from_slice(b",\"rows\":[");
        ControlFlow::Continue(())
    }

    fn row(&mut self, row: Vec<Value>) -> ControlFlow<()> {
        self.rows += 1;
        self.push(if self.rows > 1 { "," } else { "" }, &Cell::from_values(row))
    }
}

/// A line with `columns` and `version`, then each row on a line of its own. Where it breaks off, the
/// last line is an object with `error`.
struct Lines {
    version: String,
    /// Of whoever reads them.
    language: Language,
    pieces: mpsc::Sender<Bytes>,
    text: Vec<u8>,
    /// Whether a piece was sent: what goes wrong from then on is told in the last line.
    begun: bool,
}

impl Lines {
    fn push(&mut self, value: &impl Serialize) -> ControlFlow<()> {
        if serde_json::to_writer(&mut self.text, value).is_err() {
            return ControlFlow::Break(());
        }
        self.text.push(b'\n');
        if self.text.len() < PIECE_BYTES { ControlFlow::Continue(()) } else { self.send() }
    }

    fn send(&mut self) -> ControlFlow<()> {
        debug_assert!(self.text.last().is_none_or(|last| *last == b'\n'), "a piece ends with a line");
        let piece = std::mem::take(&mut self.text).into();
        self.begun = true;
        match self.pieces.blocking_send(piece) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    }

    fn broke_off(&mut self, error: &ApiError) -> ControlFlow<()> {
        assert!(self.begun, "what has not begun is refused, and does not break off");
        self.push(&json!({ "error": error.problem(self.language) }))?;
        self.send()
    }
}

impl Answer for Lines {
    fn columns(&mut self, names: Vec<String>) -> ControlFlow<()> {
        let head = json!({ "columns": names, "version": self.version });
        self.push(&head)
    }

    fn row(&mut self, row: Vec<Value>) -> ControlFlow<()> {
        self.push(&Cell::from_values(row))
    }
}
