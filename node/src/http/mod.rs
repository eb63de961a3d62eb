//! The site over HTTP: JSON in, JSON out, for this PC only unless asked otherwise.
//!
//! A handler does three things: take the request apart, ask [`Api`], turn the answer into a
//! response. Errors become `application/problem+json` in `problem`, and nowhere else.

mod body;
mod bundles;
mod caller;
mod conflicts;
mod door;
mod events;
mod guard;
mod health;
mod log;
mod problem;
mod proof;
mod queries;
mod share;
mod spaces;
mod stall;
mod token;
mod transactions;
mod unreadable;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, patch, post};
use tokio::sync::watch;

use tandem_protocol::cause::Cause;

use crate::api::{Api, ApiError, Result, error_kind};

pub use door::Door;
pub use guard::Hosts;
pub use token::{TOKEN_FILE, Token};

/// What every handler can reach.
#[derive(Clone)]
struct Site {
    api: Api,
    guard: Arc<guard::Guard>,
    /// Turns true when the node stops: streams without end then end.
    stop: watch::Receiver<bool>,
}

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

fn network_failed(address: SocketAddr, error: &std::io::Error) -> ApiError {
    let cause = Cause::new("network_listen").with("address", address);
    error_kind::network_failed.with("detail", cause.with("fault", Cause::from(error)))
}

/// Waits until the node stops.
async fn stopped(mut stop: watch::Receiver<bool>) {
    // A sender that is gone means the same.
    let _stopping = stop.wait_for(|stop| *stop).await;
}

/// Runs a request that blocks where it holds nobody up.
async fn blocking<T: Send + 'static>(request: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(request).await {
        Ok(answer) => answer,
        Err(error) if error.is_cancelled() => Err(error_kind::stopping.error()),
        Err(error) => {
            Err(error_kind::failed.with("detail", Cause::new("task").with("said", error.to_string())))
        }
    }
}

/// Awaits a request that answers through a callback from another thread.
async fn answered<T: Send + 'static>(request: impl FnOnce(Box<dyn FnOnce(Result<T>) + Send>)) -> Result<T> {
    let (send, receive) = tokio::sync::oneshot::channel();
    request(Box::new(move |answer| {
        let _client_left = send.send(answer);
    }));
    receive.await.unwrap_or_else(|_| Err(error_kind::stopping.error()))
}
