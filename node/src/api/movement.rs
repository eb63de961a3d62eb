//! Movements of a counter: what was added to it or taken from it, by whom, and what it was before and
//! after.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use tandem_protocol::membership::Membership;
use tandem_protocol::schema::TableDef;
use tandem_store::{MovementFilter, MovementKind, MovementsError};

use super::cell::Cell;
use super::error::{ApiError, Result};
use super::log_entry::LogRequests;
use super::log_filter::{key_of, time_of};
use super::log_op::to_json;
use super::transaction_head::TransactionHead;
use super::{error_kind, page_limit};

/// Which movements to show, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MovementQuery {
    /// The table.
    pub table: String,
    /// Its counter.
    pub column: String,
    /// Only of the row with this key; one of several columns as in the log.
    #[serde(default)]
    pub key: Option<String>,
    /// Not before this time, ISO 8601.
    #[serde(default)]
    pub since: Option<String>,
    /// Those of at most so many transactions: 100 when not said, never more than 1,000.
    #[serde(default)]
    pub limit: Option<usize>,
    /// Only what arrived as that number or later: the `next` of the page before.
    #[serde(default)]
    pub from: Option<u64>,
}

/// One page of movements.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MovementPage {
    /// The movements, in order of arrival.
    pub movements: Vec<Movement>,
    /// Where the next page begins, if there is more to look at.
    pub next: Option<u64>,
}

/// One movement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Movement {
    /// Place of its transaction in the order of arrival here.
    pub arrival: u64,
    /// What that says of itself.
    #[serde(flatten)]
    pub head: TransactionHead,
    /// The row's key, by column.
    pub key: Map<String, Json>,
    /// `added`, `set` (by an insert, or as counted) or `deleted`.
    pub kind: String,
    /// The difference; all of a row add up to what the counter is.
    pub delta: Cell,
    /// What the counter was; NULL where the row was not there.
    pub before: Cell,
    /// What it is since.
    pub after: Cell,
}

impl LogRequests<'_> {
    /// A page of the movements of a counter.
    pub fn movements(&self, space: &str, query: &MovementQuery) -> Result<MovementPage> {
        let space = self.0.space(space)?;
        let (membership, schema) = (space.membership(), space.schema());
        let unknown = || error_kind::table_unknown.with("table", &query.table);
        let table = &schema.table(&query.table).ok_or_else(unknown)?.shown;
        let limit = page_limit(query.limit);
        let filter = MovementFilter {
            table: query.table.clone(),
            column: query.column.clone(),
            key: query.key.as_ref().map(|key| key_of(key, table)).transpose()?,
            since_ms: time_of(query.since.as_deref())?,
            from: query.from.unwrap_or(0),
            limit,
        };
        let found = space.movements().page(&filter)?;
        let shown = |movement| described(movement, table, &membership);
        Ok(MovementPage { movements: found.movements.into_iter().map(shown).collect(), next: found.next })
    }
}

fn described(movement: tandem_store::Movement, table: &TableDef, membership: &Membership) -> Movement {
    let tandem_store::Movement { arrival, header, key, kind, before, after, delta } = movement;
    let cell = |value: Option<_>| Cell(value.unwrap_or(tandem_protocol::value::Value::Null));
    Movement {
        arrival,
        head: TransactionHead::of(&header, membership),
        key: table.key.iter().cloned().zip(key.0.iter().map(to_json)).collect(),
        kind: match kind {
            MovementKind::Added => "added",
            MovementKind::Set => "set",
            MovementKind::Deleted => "deleted",
        }
        .to_owned(),
        delta: Cell(delta),
        before: cell(before),
        after: cell(after),
    }
}

impl From<MovementsError> for ApiError {
    fn from(error: MovementsError) -> Self {
        match error {
            MovementsError::Refused(refusal) => refusal.into(),
            MovementsError::Log(error) => error.into(),
        }
    }
}
