//! `/v1/tokens`, `/v1/tokens/{name}`

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;

use super::body::{Json, Path};
use super::site::Site;
use super::waiting::blocking;
use crate::api::Result;
use crate::api::token::{AddedToken, NewToken, ShownToken};

pub(super) async fn list(State(site): State<Site>) -> Result<Answer<Vec<ShownToken>>> {
    blocking(move || site.api.tokens().list()).await.map(Answer)
}

pub(super) async fn add(
    State(site): State<Site>,
    Json(request): Json<NewToken>,
) -> Result<(StatusCode, Answer<AddedToken>)> {
    let added = blocking(move || site.api.tokens().add(request)).await?;
    Ok((StatusCode::CREATED, Answer(added)))
}

pub(super) async fn revoke(State(site): State<Site>, Path(name): Path<String>) -> Result<StatusCode> {
    blocking(move || site.api.tokens().revoke(&name)).await?;
    Ok(StatusCode::NO_CONTENT)
}
