//! `POST /v1/spaces/{space}/transactions`

use axum::Json as Answer;
use axum::extract::{Path, State};
use axum::http::HeaderMap;

use super::Site;
use super::answered;
use super::body::Json;
use crate::api::transaction::{Transact, Transacted};
use crate::api::{Result, error_kind};

const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// Bytes of an idempotency key.
const KEY_BYTES: usize = 256;

pub(super) async fn transact(
    State(site): State<Site>,
    Path(space): Path<String>,
    headers: HeaderMap,
    Json(mut request): Json<Transact>,
) -> Result<Answer<Transacted>> {
    request.idempotency_key = match headers.get(IDEMPOTENCY_KEY) {
        None => None,
        Some(key) => match key.to_str() {
            Ok(key) if (1..=KEY_BYTES).contains(&key.len()) => Some(key.to_owned()),
            _ => {
                let detail = "an Idempotency-Key has 1 to 256 visible ASCII characters";
                return Err(error_kind::request_malformed.with("detail", detail));
            }
        },
    };
    answered(|reply| site.api.transact(&space, request, reply)).await.map(Answer)
}
