//! The site over HTTP: JSON in, JSON out; for this PC, and, encrypted, for others if asked to.
//!
//! A handler does three things: take the request apart, ask [`Api`](crate::api::Api), turn the answer into a
//! response. Who may ask it, by which right, is decided here, route by route. Errors become `application/problem+json` in `problem`, and nowhere else.

mod attachments;
mod batch;
mod body;
mod bundles;
mod caller;
mod conflicts;
mod listener;
mod events;
mod guard;
mod health;
mod log;
mod problem;
mod proof;
mod queries;
mod rows;
mod share;
mod site;
mod spaces;
mod stall;
#[cfg(test)]
mod stated_limits;
mod token;
mod tokens;
mod transactions;
mod unreadable;
mod waiting;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{delete, get, patch, post};

use site::Site;

use crate::api::access::Right;
use crate::api::error_kind;

pub use guard::Hosts;
pub use listener::HttpListener;
pub use token::{TOKEN_FILE, Token};

/// All routes.
fn routes(site: Site) -> Router {
    let open = Router::new()
        .route("/healthz", get(health::healthz))
        .route("/proof/{question}", get(proof::prove))
        .route("/openapi.json", get(health::openapi));

    let whole = Router::new()
        .route("/metrics", get(health::metrics))
        .route("/v1/status", get(spaces::status))
        .route("/v1/spaces", post(spaces::create))
        .route("/v1/join", post(spaces::join))
        .route("/v1/join-requests", post(spaces::request_join))
        .route("/v1/bundles", post(bundles::take))
        .route("/v1/sync", post(spaces::pause))
        .route("/v1/tokens", get(tokens::list).post(tokens::add))
        .route("/v1/tokens/{name}", delete(tokens::revoke))
        .route(
            "/v1/spaces/{space}/attachment",
            get(attachments::show).post(attachments::attach).delete(attachments::detach),
        )
        .route("/v1/spaces/{space}/attachment/plan", post(attachments::plan))
        .route("/v1/spaces/{space}/attachment/comparison", get(attachments::compare))
        .route_layer(from_fn(guard::check_whole));

    let guarded = of_a_space(&site).merge(whole);
    let guarded = guarded.route_layer(from_fn_with_state(site.clone(), guard::check_token));

    open.merge(guarded)
        .fallback(|request| guard::refuse(request, error_kind::route_unknown.error()))
        .method_not_allowed_fallback(|request| guard::refuse(request, error_kind::method_refused.error()))
        .layer(from_fn_with_state(site.clone(), guard::check_host))
        .layer(from_fn(problem::in_language))
        .with_state(site)
}

/// The routes of one space, by the right that they need.
fn of_a_space(site: &Site) -> Router<Site> {
    let reading = Router::new()
        .route("/v1/spaces/{space}/status", get(spaces::space_status))
        .route("/v1/spaces/{space}/sources/{source}", get(rows::source))
        .route("/v1/spaces/{space}/queries", post(queries::query))
        .route("/v1/spaces/{space}/log", get(log::log))
        .route("/v1/spaces/{space}/log/{dot}", get(log::transaction))
        .route("/v1/spaces/{space}/movements", get(log::movements))
        .route("/v1/spaces/{space}/conflicts", get(conflicts::list))
        .route("/v1/spaces/{space}/conflicts/{id}", get(conflicts::show))
        .route("/v1/spaces/{space}/events", get(events::events))
        .route("/v1/spaces/{space}/sites", get(spaces::sites))
        .route_layer(from_fn_with_state((site.clone(), Right::Read), guard::check_right));

    let writing = Router::new()
        .route("/v1/spaces/{space}/transactions", post(transactions::transact))
        .route("/v1/spaces/{space}/batch", post(batch::batch))
        .route("/v1/spaces/{space}/rows", post(rows::edit))
        .route("/v1/spaces/{space}/conflicts/{id}/resolution", post(conflicts::resolve))
        .route_layer(from_fn_with_state((site.clone(), Right::Write), guard::check_right));

    let administering = Router::new()
        .route("/v1/spaces/{space}/verification", get(log::verify_rows).post(log::verify))
        .route("/v1/spaces/{space}/sites/{site}", patch(spaces::rename_site))
        .route("/v1/spaces/{space}/invitations", post(spaces::invite))
        .route("/v1/spaces/{space}/admissions", post(spaces::admit))
        .route("/v1/spaces/{space}/bundles", get(bundles::export).post(bundles::import))
        .route_layer(from_fn_with_state((site.clone(), Right::Admin), guard::check_right));

    // Who may read a space may see its tables, but not change them.
    let schema = Router::new()
        .route("/v1/spaces/{space}/schema", get(spaces::schema).post(spaces::apply_schema))
        .route_layer(from_fn_with_state(site.clone(), guard::check_schema_right));

    reading.merge(writing).merge(administering).merge(schema)
}
