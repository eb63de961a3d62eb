//! The site over HTTP: JSON in, JSON out, for this PC only unless asked otherwise.
//!
//! A handler does three things: take the request apart, ask [`Api`](crate::api::Api), turn the answer into a
//! response. Errors become `application/problem+json` in `problem`, and nowhere else.

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
mod token;
mod transactions;
mod unreadable;
mod waiting;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, patch, post};

use site::Site;

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

    let guarded = Router::new()
        .route("/metrics", get(health::metrics))
        .route("/v1/status", get(spaces::status))
        .route("/v1/spaces", post(spaces::create))
        .route("/v1/join", post(spaces::join))
        .route("/v1/join-requests", post(spaces::request_join))
        .route("/v1/bundles", post(bundles::take))
        .route("/v1/sync", post(spaces::pause))
        .route("/v1/spaces/{space}/status", get(spaces::space_status))
        .route("/v1/spaces/{space}/transactions", post(transactions::transact))
        .route("/v1/spaces/{space}/batch", post(batch::batch))
        .route("/v1/spaces/{space}/rows", post(rows::edit))
        .route("/v1/spaces/{space}/sources/{source}", get(rows::source))
        .route("/v1/spaces/{space}/queries", post(queries::query))
        .route("/v1/spaces/{space}/log", get(log::log))
        .route("/v1/spaces/{space}/log/{dot}", get(log::transaction))
        .route("/v1/spaces/{space}/verification", get(log::verify_rows).post(log::verify))
        .route("/v1/spaces/{space}/conflicts", get(conflicts::list))
        .route("/v1/spaces/{space}/conflicts/{id}", get(conflicts::show))
        .route("/v1/spaces/{space}/conflicts/{id}/resolution", post(conflicts::resolve))
        .route("/v1/spaces/{space}/events", get(events::events))
        .route("/v1/spaces/{space}/schema", get(spaces::schema).post(spaces::apply_schema))
        .route("/v1/spaces/{space}/sites", get(spaces::sites))
        .route("/v1/spaces/{space}/sites/{site}", patch(spaces::rename_site))
        .route("/v1/spaces/{space}/invitations", post(spaces::invite))
        .route("/v1/spaces/{space}/admissions", post(spaces::admit))
        .route("/v1/spaces/{space}/bundles", get(bundles::export).post(bundles::import))
        .route_layer(from_fn_with_state(site.clone(), guard::check_token));

    open.merge(guarded)
        .fallback(|request| guard::refuse(request, error_kind::route_unknown.error()))
        .method_not_allowed_fallback(|request| guard::refuse(request, error_kind::method_refused.error()))
        .layer(from_fn_with_state(site.clone(), guard::check_host))
        .layer(from_fn(problem::in_language))
        .with_state(site)
}
