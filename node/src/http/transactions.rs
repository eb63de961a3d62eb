//! `POST /v1/spaces/{space}/transactions`

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue};
use axum::{Extension, Json as Answer};

use super::body::{Json, Path};
use super::caller::{Caller, Waits};
use super::site::Site;
use super::waiting::answered;
use crate::api::Result;
use crate::api::access::Access;
use crate::api::transaction::{Transact, Transacted};

const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The key of a request that may come again. What is no text is no key either: refused with those that
/// are none.
pub(super) fn idempotency_key(headers: &HeaderMap) -> Option<String> {
    let text = |key: &HeaderValue| key.to_str().unwrap_or_default().to_owned();
    headers.get(IDEMPOTENCY_KEY).map(text)
}

pub(super) async fn transact(
    State(site): State<Site>,
    Path(space): Path<String>,
    Extension(caller): Extension<Caller>,
    Extension(access): Extension<Access>,
    headers: HeaderMap,
    Json(mut request): Json<Transact>,
) -> Result<Answer<Transacted>> {
    request.idempotency_key = idempotency_key(&headers);
    request.by = access.sign(request.by);
    let owner = site.api.writer(&caller.name(&headers), request.by.as_deref(), request.deadline)?;
    let waits = Waits::new(owner.clone());
    let answer = answered(|reply| site.api.transact_for(&space, request, owner, reply)).await;
    waits.no_longer();
    answer.map(Answer)
}
