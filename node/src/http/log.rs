//! `/v1/spaces/{space}/log`, `/log/{dot}`, `/movements`, `/verification`

use axum::Json as Answer;
use axum::extract::State;

use super::body::{Asked, Path};
use super::site::Site;
use super::waiting::blocking;
use crate::api::Result;
use crate::api::log_entry::{LogEntry, LogPage, LogQuery};
use crate::api::movement::{MovementPage, MovementQuery};
use crate::api::verification::Verification;

pub(super) async fn log(
    State(site): State<Site>,
    Path(space): Path<String>,
    Asked(query): Asked<LogQuery>,
) -> Result<Answer<LogPage>> {
    blocking(move || site.api.log().page(&space, &query)).await.map(Answer)
}

pub(super) async fn movements(
    State(site): State<Site>,
    Path(space): Path<String>,
    Asked(query): Asked<MovementQuery>,
) -> Result<Answer<MovementPage>> {
    blocking(move || site.api.log().movements(&space, &query)).await.map(Answer)
}

pub(super) async fn transaction(
    State(site): State<Site>,
    Path((space, dot)): Path<(String, String)>,
) -> Result<Answer<LogEntry>> {
    blocking(move || site.api.log().transaction(&space, &dot)).await.map(Answer)
}

pub(super) async fn verify(
    State(site): State<Site>,
    Path(space): Path<String>,
) -> Result<Answer<Verification>> {
    blocking(move || site.api.log().verify(&space)).await.map(Answer)
}

pub(super) async fn verify_rows(
    State(site): State<Site>,
    Path(space): Path<String>,
) -> Result<Answer<Verification>> {
    blocking(move || site.api.log().verify_rows(&space)).await.map(Answer)
}
