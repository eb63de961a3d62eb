//! `POST /v1/spaces/{space}/rows` and `GET /v1/spaces/{space}/sources/{source}`

use axum::extract::State;
use axum::http::HeaderMap;
use axum::{Extension, Json as Answer};

use super::body::{Json, Path};
use super::caller::{Caller, Waits};
use super::site::Site;
use super::transactions::idempotency_key;
use super::waiting::{answered, blocking};
use crate::api::Result;
use crate::api::access::Access;
use crate::api::rows::{EditRows, Source};
use crate::api::transaction::Transacted;

pub(super) async fn edit(
    State(site): State<Site>,
    Path(space): Path<String>,
    Extension(caller): Extension<Caller>,
    Extension(access): Extension<Access>,
    headers: HeaderMap,
    Json(mut request): Json<EditRows>,
) -> Result<Answer<Transacted>> {
    request.idempotency_key = idempotency_key(&headers);
    request.by = access.sign(request.by);
    let owner = site.api.writer(&caller.name(&headers), request.by.as_deref(), request.deadline)?;
    let waits = Waits::new(owner.clone());
    let answer = answered(|reply| site.api.edit_rows_for(&space, request, owner, reply)).await;
    waits.no_longer();
    answer.map(Answer)
}

pub(super) async fn source(
    State(site): State<Site>,
    Path((space, source)): Path<(String, String)>,
) -> Result<Answer<Source>> {
    blocking(move || site.api.source(&space, &source)).await.map(Answer)
}
