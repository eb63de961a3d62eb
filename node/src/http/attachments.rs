//! `/v1/spaces/{space}/attachment`, and its `plan` and `comparison`

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use tandem_bridge::{Comparison, FirstDay, Plan};

use super::body::{Asked, Json, Path};
use super::site::Site;
use super::waiting::blocking;
use crate::api::Result;
use crate::api::attachment::{Attach, Detach, ShownAttachment};

pub(super) async fn show(
    State(site): State<Site>,
    Path(space): Path<String>,
) -> Result<Answer<ShownAttachment>> {
    blocking(move || site.api.attachments().show(&space)).await.map(Answer)
}

pub(super) async fn plan(
    State(site): State<Site>,
    Path(space): Path<String>,
    Json(request): Json<Attach>,
) -> Result<Answer<Plan>> {
    blocking(move || site.api.attachments().plan(&space, &request)).await.map(Answer)
}

pub(super) async fn attach(
    State(site): State<Site>,
    Path(space): Path<String>,
    Json(request): Json<Attach>,
) -> Result<(StatusCode, Answer<FirstDay>)> {
    let day = blocking(move || site.api.attachments().attach(&space, &request)).await?;
    Ok((StatusCode::CREATED, Answer(day)))
}

pub(super) async fn compare(
    State(site): State<Site>,
    Path(space): Path<String>,
) -> Result<Answer<Comparison>> {
    blocking(move || site.api.attachments().compare(&space)).await.map(Answer)
}

pub(super) async fn detach(
    State(site): State<Site>,
    Path(space): Path<String>,
    Asked(request): Asked<Detach>,
) -> Result<StatusCode> {
    blocking(move || site.api.attachments().detach(&space, &request)).await?;
    Ok(StatusCode::NO_CONTENT)
}
