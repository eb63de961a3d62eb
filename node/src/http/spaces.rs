//! `/v1/status`, and what a space is: its sites, its schema, its invitations.

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;

use super::body::{Json, Path};
use super::site::Site;
use super::waiting::{answered, blocking};
use crate::api::Result;
use crate::api::admission::{Admit, Admitted, JoinRequest, WantJoin};
use crate::api::invitation::{Invitation, Invite, Join, Joined};
use crate::api::peer::Sync;
use crate::api::schema::{SchemaChange, SchemaChanged, ShownSchema};
use crate::api::site::{Rename, Site as Member};
use crate::api::space::{Founded, NewSpace};
use crate::api::status::{SpaceStatus, Status};

pub(super) async fn status(State(site): State<Site>) -> Result<Answer<Status>> {
    blocking(move || Ok(site.api.status())).await.map(Answer)
}

pub(super) async fn space_status(
    State(site): State<Site>,
    Path(space): Path<String>,
) -> Result<Answer<SpaceStatus>> {
    blocking(move || site.api.space_status(&space)).await.map(Answer)
}

pub(super) async fn create(
    State(site): State<Site>,
    Json(request): Json<NewSpace>,
) -> Result<(StatusCode, Answer<Founded>)> {
    let founded = blocking(move || site.api.create_space(&request)).await?;
    Ok((StatusCode::CREATED, Answer(founded)))
}

pub(super) async fn join(State(site): State<Site>, Json(request): Json<Join>) -> Result<Answer<Joined>> {
    blocking(move || site.api.admission().join(&request)).await.map(Answer)
}

pub(super) async fn request_join(
    State(site): State<Site>,
    Json(request): Json<WantJoin>,
) -> Result<Answer<JoinRequest>> {
    blocking(move || site.api.admission().request_join(&request)).await.map(Answer)
}

pub(super) async fn pause(State(site): State<Site>, Json(request): Json<Sync>) -> Result<Answer<Sync>> {
    site.api.pause(request).map(Answer)
}

pub(super) async fn invite(
    State(site): State<Site>,
    Path(space): Path<String>,
    Json(request): Json<Invite>,
) -> Result<Answer<Invitation>> {
    blocking(move || site.api.admission().invite(&space, &request)).await.map(Answer)
}

pub(super) async fn admit(
    State(site): State<Site>,
    Path(space): Path<String>,
    Json(request): Json<Admit>,
) -> Result<Answer<Admitted>> {
    blocking(move || site.api.admission().admit(&space, &request)).await.map(Answer)
}

pub(super) async fn sites(
    State(site): State<Site>,
    Path(space): Path<String>,
) -> Result<Answer<Vec<Member>>> {
    blocking(move || site.api.sites(&space)).await.map(Answer)
}

pub(super) async fn rename_site(
    State(site): State<Site>,
    Path((space, member)): Path<(String, String)>,
    Json(request): Json<Rename>,
) -> Result<StatusCode> {
    answered(|reply| site.api.rename_site(&space, &member, &request, reply)).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn schema(
    State(site): State<Site>,
    Path(space): Path<String>,
) -> Result<Answer<ShownSchema>> {
    blocking(move || site.api.schema(&space)).await.map(Answer)
}

pub(super) async fn apply_schema(
    State(site): State<Site>,
    Path(space): Path<String>,
    Json(request): Json<SchemaChange>,
) -> Result<Answer<SchemaChanged>> {
    answered(|reply| site.api.apply_schema(&space, &request, reply)).await.map(Answer)
}
