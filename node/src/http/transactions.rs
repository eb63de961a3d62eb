//! `POST /v1/spaces/{space}/transactions`

use axum::Json as Answer;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue};

use super::Site;
use super::answered;
use super::body::Json;
use crate::api::Result;
use crate::api::transaction::{Transact, Transacted};

const IDEMPOTENCY_KEY: &str = "idempotency-key";

pub(super) async fn transact(
    State(site): State<Site>,
    Path(space): Path<String>,
    headers: HeaderMap,
    Json(mut request): Json<Transact>,
) -> Result<Answer<Transacted>> {
    // What is no text is no key either: refused with those that are none.
    let text = |key: &HeaderValue| key.to_str().unwrap_or_default().to_owned();
    request.idempotency_key = headers.get(IDEMPOTENCY_KEY).map(text);
    answered(|reply| site.api.transact(&space, request, reply)).await.map(Answer)
}
