//! `/healthz`, `/metrics`, `/openapi.json`

use std::fmt::Write as _;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;

use super::site::Site;
use super::waiting::blocking;
use crate::api::Result;
use crate::api::status::{SpaceStatus, Status};

/// Describes every route; written by hand, kept complete by a test.
pub const OPENAPI: &str = include_str!("openapi.json");

pub(super) async fn healthz() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], "ok\n")
}

pub(super) async fn openapi() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], OPENAPI)
}

/// In the text format of Prometheus.
pub(super) async fn metrics(State(site): State<Site>) -> Result<impl IntoResponse> {
    let status = blocking(move || Ok(site.api.status())).await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], to_metrics(&status)))
}

type Measure = fn(&SpaceStatus) -> u64;

const MEASURES: [(&str, &str, Measure); 9] = [
    ("transactions", "Transactions held.", |space| space.transactions),
    ("ops", "Changes of rows, schema and membership held.", |space| space.ops),
    ("waiting", "Changes not understood yet: parked until a newer program or schema.", |space| space.waiting),
    ("open_conflicts", "Conflicts that nobody has settled.", |space| space.open_conflicts),
    ("log_bytes", "Bytes of the log.", |space| space.log_bytes),
    ("view_bytes", "Bytes of the view.", |space| space.view_bytes),
    ("rows", "Rows of all tables.", |space| space.tables.iter().map(|table| table.rows).sum()),
    ("peers_connected", "Sites connected now.", |space| {
        space.peers.iter().filter(|peer| peer.connected).count() as u64
    }),
    ("missing_here", "Transactions known to exist and not here yet.", |space| {
        space.peers.iter().map(|peer| peer.missing_here).max().unwrap_or(0)
    }),
];

fn to_metrics(status: &Status) -> String {
    let mut text = String::new();
    for (name, help, measure) in MEASURES {
        // Writing to a String cannot fail.
        let _infallible = writeln!(text, "# HELP tandem_{name} {help}\n# TYPE tandem_{name} gauge");
        for space in &status.spaces {
            let label = space.name.replace('\\', "\\\\").replace('"', "\\\"");
            let _infallible = writeln!(text, "tandem_{name}{{space=\"{label}\"}} {}", measure(space));
        }
    }
    text
}
