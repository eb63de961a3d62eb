//! `/v1/bundles`, `/v1/spaces/{space}/bundles`: bundles of any size, streamed both ways.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};

use axum::Json as Answer;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{Request, header};
use axum::response::{IntoResponse, Response};
use futures::{StreamExt, stream};
use serde::Deserialize;
use tokio::io::{AsyncSeekExt, AsyncWriteExt};
use tokio::sync::mpsc;

use tandem_protocol::cause::Cause;

use super::body;
use super::body::{Asked, Path};
use super::site::Site;
use super::waiting::blocking;
use crate::api::import::Imported;
use crate::api::{Result, error_kind};

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
    let export = blocking(move || site.api.bundles().export(&space, asked.r#for.as_deref())).await?;
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
    let api = site.api.clone();
    received(&site, request, move |input| api.bundles().import(&space, input, how.dry_run)).await
}

/// Into whichever space the bundle belongs to.
pub(super) async fn take(
    State(site): State<Site>,
    Asked(how): Asked<How>,
    request: Request<Body>,
) -> Result<Answer<Imported>> {
    let api = site.api.clone();
    received(&site, request, move |input| api.bundles().take(input, how.dry_run)).await
}

/// Bytes received between two looks whether there is room for more.
const LOOK_BYTES: u64 = 4 << 20;

/// Runs an import on a request's body once all of it is here: while it comes, however slowly, it
/// holds a file, and no thread.
async fn received(
    site: &Site,
    request: Request<Body>,
    import: impl FnOnce(BufReader<File>) -> Result<Imported> + Send + 'static,
) -> Result<Answer<Imported>> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::StorageFull => error_kind::disk_full.error(),
        _ => error_kind::failed.with("detail", Cause::from(error)),
    };
    let (api, mut looked, mut length) = (site.api.clone(), 0, 0);
    let folder = api.store().folder().to_owned();
    // It has no name, and is gone with this request.
    let file = blocking(move || tempfile::tempfile_in(folder).map_err(failed)).await?;
    let mut file = tokio::fs::File::from_std(file);
    let mut pieces = body::pieces(request.into_body());
    while let Some(piece) = pieces.next().await {
        let piece = piece?;
        if length >= looked {
            looked = length + LOOK_BYTES;
            let api = api.clone();
            let free = blocking(move || api.store().free_bytes().map_err(failed)).await?;
            if free < 2 * LOOK_BYTES {
                return Err(error_kind::disk_full.error());
            }
        }
        length += piece.len() as u64;
        file.write_all(&piece).await.map_err(failed)?;
    }
    file.flush().await.map_err(failed)?;
    file.rewind().await.map_err(failed)?;
    let file = file.into_std().await;
    blocking(move || import(BufReader::with_capacity(PIECE_BYTES, file))).await.map(Answer)
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
