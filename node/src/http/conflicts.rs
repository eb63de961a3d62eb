//! `/v1/spaces/{space}/conflicts`, `/conflicts/{id}`, `/conflicts/{id}/resolution`

use axum::extract::State;
use axum::{Extension, Json as Answer};

use super::body::{Asked, Json, Path};
use super::site::Site;
use super::waiting::blocking;
use crate::api::Result;
use crate::api::access::Access;
use crate::api::conflict::{Conflict, ConflictQuery, Conflicts, Resolve};
use crate::api::transaction::Transacted;

pub(super) async fn list(
    State(site): State<Site>,
    Path(space): Path<String>,
    Asked(query): Asked<ConflictQuery>,
) -> Result<Answer<Conflicts>> {
    blocking(move || site.api.conflicts().page(&space, &query)).await.map(Answer)
}

pub(super) async fn show(
    State(site): State<Site>,
    Path((space, id)): Path<(String, String)>,
) -> Result<Answer<Conflict>> {
    blocking(move || site.api.conflicts().one(&space, &id)).await.map(Answer)
}

pub(super) async fn resolve(
    State(site): State<Site>,
    Path((space, id)): Path<(String, String)>,
    Extension(access): Extension<Access>,
    Json(mut request): Json<Resolve>,
) -> Result<Answer<Transacted>> {
    request.by = access.sign(request.by);
    blocking(move || site.api.conflicts().resolve(&space, &id, request)).await.map(Answer)
}
