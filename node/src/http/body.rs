//! Request bodies and query strings, read strictly and within a bound.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::header;
use axum::http::request::Parts;
use futures::stream::{self, Stream, StreamExt};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use tandem_protocol::cause::Cause;

use super::unreadable::{self, malformed};
use crate::api::{ApiError, Result, error_kind};

/// Bytes of the largest JSON body: room for a transaction of 16 MiB in its JSON form.
pub const LIMIT_BYTES: usize = 64 << 20;

/// A body beyond the limit is read and thrown away up to here, so that its sender gets to read
/// why it was refused; beyond, the connection is closed on it.
const PATIENCE_BYTES: usize = 4 * LIMIT_BYTES;

/// A JSON body.
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _state: &S) -> Result<Self> {
        let bytes = whole(request).await?;
        serde_json::from_slice(&bytes).map(Self).map_err(|error| unreadable::of_json(&error))
    }
}

/// A body as it came, within the bound.
pub struct Raw(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for Raw {
    type Rejection = ApiError;

    async fn from_request(request: Request, _state: &S) -> Result<Self> {
        whole(request).await.map(Self)
    }
}

async fn whole(request: Request) -> Result<Bytes> {
    let declared = request.headers().get(header::CONTENT_LENGTH);
    let declared = declared.and_then(|length| length.to_str().ok()?.parse().ok());
    read(request.into_body(), declared.unwrap_or(0)).await
}

/// Seconds without a byte after which a body is not waited for any longer.
const SILENCE_S: u64 = 30;

/// A body, piece by piece, as it comes.
pub fn pieces(body: Body) -> impl Stream<Item = Result<Bytes>> + Unpin + Send {
    let pieces = body.into_data_stream();
    Box::pin(stream::unfold(Some(pieces), |pieces| async {
        let mut pieces = pieces?;
        match timeout(Duration::from_secs(SILENCE_S), pieces.next()).await {
            Ok(Some(Ok(piece))) => Some((Ok(piece), Some(pieces))),
            Ok(Some(Err(error))) => {
                tracing::debug!(%error, "a body broke off");
                Some((Err(malformed(Cause::new("http_body"))), None))
            }
            Ok(None) => None,
            Err(_) => Some((Err(error_kind::request_stalled.with("seconds", SILENCE_S)), None)),
        }
    }))
}

async fn read(body: Body, declared: usize) -> Result<Bytes> {
    let mut frames = pieces(body);
    let mut whole = Vec::new();
    let mut length = 0;
    while let Some(frame) = frames.next().await {
        let frame = frame?;
        if length == 0 && frame.len() >= declared && declared > 0 {
            return Ok(frame);
        }
        length += frame.len();
        if length > PATIENCE_BYTES {
            break;
        }
        if length <= LIMIT_BYTES {
            whole.reserve(if whole.is_empty() { declared.min(LIMIT_BYTES) } else { 0 });
            whole.extend_from_slice(&frame);
        } else {
            whole = Vec::new();
        }
    }
    if length > LIMIT_BYTES {
        return Err(error_kind::body_too_large.with("most", LIMIT_BYTES >> 20));
    }
    assert!(whole.len() <= LIMIT_BYTES, "no more of a body is kept than may be");
    Ok(whole.into())
}

/// The variable parts of the address's path.
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        match axum::extract::Path::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(path)) => Ok(Self(path)),
            Err(error) => {
                tracing::debug!(error = error.body_text(), "an address cannot be read");
                Err(malformed(Cause::new("http_path")))
            }
        }
    }
}

/// The part of the address after `?`.
pub struct Asked<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self> {
        Query::try_from_uri(&parts.uri)
            .map(|Query(asked)| Self(asked))
            .map_err(|error| unreadable::of_query(&error.body_text()))
    }
}
