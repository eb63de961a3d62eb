//! `GET /v1/spaces/{space}/events`: server-sent events.
//!
//! Each event's id is its transaction's arrival number. A client that was cut off sends the last
//! id it saw as `Last-Event-ID` and misses nothing: what it missed is read from the log. Events of
//! the kind `conflicts` have no id: the newest one says it all.

use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::IntoResponse;
use axum::response::sse::{Event as Sent, KeepAlive, Sse};
use futures::stream::{self, StreamExt};
use serde::Deserialize;

use tandem_protocol::cause::Cause;

use super::body::{Asked, Path};
use super::caller::Caller;
use super::site::Site;
use super::unreadable::malformed;
use super::waiting::stopped;
use crate::api::event::{Event, Events};
use crate::api::{Result, error_kind};

/// Tells both ends of a silent stream that the other is there.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Since {
    /// Arrival number to begin with; without it, from now on.
    from: Option<u64>,
}

pub(super) async fn events(
    State(site): State<Site>,
    Path(space): Path<String>,
    Asked(since): Asked<Since>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
) -> Result<impl IntoResponse> {
    let from = match headers.get("last-event-id") {
        None => since.from,
        Some(last) => {
            let last: Option<u64> = last.to_str().ok().and_then(|id| id.trim().parse().ok());
            let malformed = || malformed(Cause::new("http_event_id"));
            Some(last.ok_or_else(malformed)?.saturating_add(1))
        }
    };
    let events = site.api.events(&space, from)?;
    caller.listens()?;
    let batches = stream::unfold(Some(events), |events| async {
        let mut events: Events = events?;
        match events.next().await? {
            Ok(batch) => Some((Ok(batch), Some(events))),
            Err(error) => Some((Err(error), None)),
        }
    });
    let sent = batches.flat_map(|batch| {
        stream::iter(match batch {
            Ok(batch) => batch.iter().map(to_sent).collect(),
            Err(error) => vec![Err(error)],
        })
    });
    let until_stop = sent.take_until(Box::pin(stopped(site.stop)));
    let stream = Sse::new(until_stop).keep_alive(KeepAlive::new().interval(SIGN_OF_LIFE));
    // A connection that was a stream is nothing else any more.
    Ok(([(header::CONNECTION, "close")], stream))
}

fn to_sent(event: &Event) -> Result<Sent> {
    let sent = match event {
        Event::Transaction(event) => {
            Sent::default().id(event.arrival.to_string()).event("transaction").json_data(event)
        }
        Event::Conflicts(conflicts) => Sent::default().event("conflicts").json_data(conflicts),
    };
    let unmade = |error: axum::Error| Cause::new("json_made").with("said", error.to_string());
    sent.map_err(|error| error_kind::failed.with("detail", unmade(error)))
}
