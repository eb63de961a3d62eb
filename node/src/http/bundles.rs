//! `/v1/bundles`, `/v1/spaces/{space}/bundles`: bundles of any size, streamed both ways.

use std::io::{self, BufWriter, Read, Write};

use axum::Json as Answer;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{Request, header};
use axum::response::{IntoResponse, Response};
use futures::{StreamExt, stream};
use serde::Deserialize;
use tokio::sync::mpsc;

use super::body::Asked;
use super::{Site, blocking};
use crate::api::Result;
use crate::api::import::Imported;

const BUNDLE: &str = "application/vnd.tandem.bundle";

/// Pieces under way between the network and the thread that reads or writes the log.
const PIECES: usize = 4;
const PIECE_BYTES: usize = 64 << 10;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct For {
    /// The site it is for; without it, for any.
    r#for: Option<String>,
}

pub(super) async fn export(
    State(site): State<Site>,
    Path(space): Path<String>,
    Asked(asked): Asked<For>,
) -> Result<Response> {
    let export = blocking(move || site.api.export_bundle(&space, asked.r#for.as_deref())).await?;
    let (send, receive) = mpsc::channel(PIECES);
    tokio::task::spawn_blocking(move || {
        let out = BufWriter::with_capacity(PIECE_BYTES, Outgoing(send.clone()));
        if let Err(error) = export.write(out) {
            tracing::warn!(%error, "the bundle was not sent whole");
            // Breaks the connection off, so that the other end does not take it for whole.
            let _client_left = send.blocking_send(Err(io::Error::other(error)));
        }
    });
    let pieces = stream::unfold(receive, |mut receive| async { Some((receive.recv().await?, receive)) });
    Ok(([(header::CONTENT_TYPE, BUNDLE)], Body::from_stream(pieces)).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct How {
    /// Only says what it would bring.
    #[serde(default)]
    dry_run: bool,
}

pub(super) async fn import(
    State(site): State<Site>,
    Path(space): Path<String>,
    Asked(how): Asked<How>,
    request: Request<Body>,
) -> Result<Answer<Imported>> {
    fed(request, move |input| site.api.import_bundle(&space, input, how.dry_run)).await
}

/// Into whichever space the bundle belongs to.
pub(super) async fn take(
    State(site): State<Site>,
    Asked(how): Asked<How>,
    request: Request<Body>,
) -> Result<Answer<Imported>> {
    fed(request, move |input| site.api.take_bundle(input, how.dry_run)).await
}

/// Runs an import on a request's body as it arrives.
async fn fed(
    request: Request<Body>,
    import: impl FnOnce(Incoming) -> Result<Imported> + Send + 'static,
) -> Result<Answer<Imported>> {
    let (send, receive) = mpsc::channel(PIECES);
    let importing = blocking(move || import(Incoming { receive, piece: Bytes::new() }));
    let feeding = async move {
        let mut pieces = request.into_body().into_data_stream();
        while let Some(piece) = pieces.next().await {
            // Once the import has ended, the rest is read and thrown away, so that the sender
            // gets to read how it ended.
            let _import_ended = send.send(piece.map_err(io::Error::other)).await;
        }
    };
    let (imported, ()) = tokio::join!(importing, feeding);
    imported.map(Answer)
}

/// Writes pieces into a response body.
struct Outgoing(mpsc::Sender<io::Result<Bytes>>);

impl Write for Outgoing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let piece = Bytes::copy_from_slice(bytes);
        self.0.blocking_send(Ok(piece)).map_err(|_| io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads the pieces of a request body.
struct Incoming {
    receive: mpsc::Receiver<io::Result<Bytes>>,
    piece: Bytes,
}

impl Read for Incoming {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.receive.blocking_recv() {
                Some(piece) => self.piece = piece?,
                None => return Ok(0),
            }
        }
        let length = self.piece.len().min(buffer.len());
        buffer[..length].copy_from_slice(&self.piece.split_to(length));
        Ok(length)
    }
}
