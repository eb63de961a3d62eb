//! `GET /v1/spaces/{space}/events`: server-sent events.
//!
//! Each event's id is its transaction's arrival number. A client that was cut off sends the last
//! id it saw as `Last-Event-ID` and misses nothing: what it missed is read from the log. Events of
//! the kind `conflicts` have no id: the newest one says it all. With `rows=true` those of the kind `rows`
//! come before each transaction; their ids say how many of its rows are told, behind a point.

use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::sse::{Event as Sent, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream::{self, Stream, StreamExt};
use serde::Deserialize;

use tandem_protocol::cause::Cause;

use super::body::{Asked, Path};
use super::caller::Caller;
use super::site::Site;
use super::unreadable::malformed;
use super::waiting::stopped;
use crate::api::event::{Event, Events};
use crate::api::row_event::{RowCursor, RowEvent, RowEvents};
use crate::api::{Result, error_kind};

/// Tells both ends of a silent stream that the other is there.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Since {
    /// Arrival number to begin with; without it, from now on.
    from: Option<u64>,
    /// Whether the rows that transactions write are told.
    #[serde(default)]
    rows: bool,
}

pub(super) async fn events(
    State(site): State<Site>,
    Path(space): Path<String>,
    Asked(since): Asked<Since>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
) -> Result<Response> {
    let malformed = || malformed(Cause::new("http_event_id"));
    let from = match headers.get("last-event-id") {
        None => since.from.map(|arrival| RowCursor { arrival, told: 0 }),
        Some(last) => Some(last.to_str().ok().and_then(next_of).ok_or_else(malformed)?),
    };
    if since.rows {
        let events = site.api.row_events(&space, from)?;
        caller.listens()?;
        let told = stream::unfold(Some(events), |events| async {
            let mut events: RowEvents = events?;
            match events.next().await? {
                Ok(event) => Some((row_to_sent(&event), Some(events))),
                Err(error) => Some((Err(error), None)),
            }
        });
        return Ok(streamed(told, site));
    }
    let events = site.api.events(&space, from.map(RowCursor::whole))?;
    caller.listens()?;
    let batches = stream::unfold(Some(events), |events| async {
        let mut events: Events = events?;
        match events.next().await? {
            Ok(batch) => Some((Ok(batch), Some(events))),
            Err(error) => Some((Err(error), None)),
        }
    });
    let told = batches.flat_map(|batch| {
        stream::iter(match batch {
            Ok(batch) => batch.iter().map(to_sent).collect(),
            Err(error) => vec![Err(error)],
        })
    });
    Ok(streamed(told, site))
}

/// Where to go on behind an event of that id.
fn next_of(id: &str) -> Option<RowCursor> {
    match id.trim().split_once('.') {
        None => {
            let arrival: u64 = id.trim().parse().ok()?;
            Some(RowCursor { arrival: arrival.saturating_add(1), told: 0 })
        }
        Some((arrival, told)) => Some(RowCursor { arrival: arrival.parse().ok()?, told: told.parse().ok()? }),
    }
}

fn streamed(told: impl Stream<Item = Result<Sent>> + Send + 'static, site: Site) -> Response {
    let until_stop = told.take_until(Box::pin(stopped(site.stop)));
    let stream = Sse::new(until_stop).keep_alive(KeepAlive::new().interval(SIGN_OF_LIFE));
    // A connection that was a stream is nothing else any more.
    ([(header::CONNECTION, "close")], stream).into_response()
}

fn row_to_sent(event: &RowEvent) -> Result<Sent> {
    match event {
        RowEvent::Plain(event) => to_sent(event),
        RowEvent::Rows(rows) => {
            let id = format!("{}.{}", rows.arrival, rows.told);
            made(Sent::default().id(id).event("rows").json_data(rows))
        }
    }
}

fn to_sent(event: &Event) -> Result<Sent> {
    made(match event {
        Event::Transaction(event) => {
            Sent::default().id(event.arrival.to_string()).event("transaction").json_data(event)
        }
        Event::Conflicts(conflicts) => Sent::default().event("conflicts").json_data(conflicts),
    })
}

fn made(sent: std::result::Result<Sent, axum::Error>) -> Result<Sent> {
    let unmade = |error: axum::Error| Cause::new("json_made").with("said", error.to_string());
    sent.map_err(|error| error_kind::failed.with("detail", unmade(error)))
}
