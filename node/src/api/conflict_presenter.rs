//! A conflict of a space as it is told: with its sites' names, its tables' columns.

use std::sync::Arc;

use serde_json::{Map, Value as Json};
use tandem_protocol::conflict::{self as told, ConflictKind, VersionContent as ToldContent};
use tandem_protocol::membership::Membership;
use tandem_protocol::schema::Schema;
use tandem_protocol::value::{Key, Value};
use tandem_store::{Referrers, Space};

use super::cell::Cell;
use super::conflict::{Conflict, Referrer, Version, VersionContent};
use super::error::Result;
use super::log_op::to_json;
use super::to_iso;

/// Rows shown that refer to a deleted one.
const REFERRERS: usize = 10;

/// Tells of conflicts in the words of one space: its sites' names, its tables' columns.
pub(super) struct ConflictPresenter<'a> {
    space: &'a Space,
    membership: Arc<Membership>,
    schema: Arc<Schema>,
}

impl<'a> ConflictPresenter<'a> {
    pub fn of(space: &'a Space) -> Self {
        Self { space, membership: space.membership(), schema: space.schema() }
    }

    /// One conflict.
    pub fn present(&self, conflict: &told::Conflict) -> Result<Conflict> {
        let versions = conflict.versions.iter().enumerate();
        let referrers = match conflict.kind {
            ConflictKind::Reference => self.space.conflicts().referrers(conflict, REFERRERS)?,
            _ => Referrers::default(),
        };
        let referrer = |referrer: tandem_store::Referrer| Referrer {
            key: self.key(&referrer.table, &referrer.key.0),
            table: referrer.table,
            column: referrer.column,
        };
        Ok(Conflict {
            id: conflict.id().to_string(),
            kind: conflict.kind.name().to_owned(),
            table: conflict.table.clone(),
            key: self.key_of(conflict),
            columns: conflict.columns.clone(),
            seen: format!("{:016x}", conflict.versions_hash()),
            versions: versions.map(|(place, version)| self.version(conflict, place, version)).collect(),
            referrer_count: referrers.count,
            referrers: referrers.rows.into_iter().map(referrer).collect(),
        })
    }

    fn key_of(&self, conflict: &told::Conflict) -> Option<Map<String, Json>> {
        match conflict.kind {
            ConflictKind::Schema | ConflictKind::Duplicate => None,
            ConflictKind::Unique => Some(named(&conflict.columns, &conflict.key_values())),
            _ => Some(self.key(&conflict.table, &conflict.key_values())),
        }
    }

    /// A key by the names of its table's key columns.
    fn key(&self, table: &str, values: &[Value]) -> Map<String, Json> {
        let names = self.schema.table(table).map(|table| table.shown.key.clone());
        named(&names.unwrap_or_default(), values)
    }

    fn version(&self, conflict: &told::Conflict, place: usize, version: &told::Version) -> Version {
        let author = version.by.author;
        let (held, column) = self.held(&conflict.table, &version.held);
        Version {
            dot: version.dot().to_string(),
            site: author.to_string(),
            site_name: self.membership.shown_name(&author),
            time: to_iso(version.by.time_ms),
            shown: self.is_shown(conflict, place, version),
            by: None,
            message: None,
            held,
            column,
            changes: Vec::new(),
        }
    }

    fn held(&self, table: &str, held: &ToldContent) -> (VersionContent, Option<String>) {
        match held {
            ToldContent::Value { column, value } => {
                (VersionContent::Value(Cell(value.value().unwrap_or(Value::Null))), Some(column.clone()))
            }
            ToldContent::Alive => (VersionContent::Deleted(false), None),
            ToldContent::Deleted => (VersionContent::Deleted(true), None),
            ToldContent::Row(key) => {
                let key = Key::from_bytes(key).map(|key| key.0).unwrap_or_default();
                (VersionContent::Row(self.key(table, &key)), None)
            }
            ToldContent::Definition(sql) => (VersionContent::Definition(sql.clone()), None),
            ToldContent::Transaction => (VersionContent::Transaction(true), None),
        }
    }

    fn is_shown(&self, conflict: &told::Conflict, place: usize, version: &told::Version) -> bool {
        match (conflict.kind, &version.held) {
            // Greatest first.
            (ConflictKind::Register | ConflictKind::Deleted, _) => place == 0,
            // The row is there, whatever its deletion says.
            (ConflictKind::Reference, held) => *held == ToldContent::Alive,
            (ConflictKind::Schema, ToldContent::Definition(sql)) => {
                let table = self.schema.table(&conflict.table);
                let shown = table.and_then(|table| match conflict.columns.first() {
                    None => Some(table.shown.definition()),
                    Some(column) => table.shown.column(column).map(|column| column.definition()),
                });
                shown.as_ref() == Some(sql)
            }
            _ => true,
        }
    }
}

/// Values by name; by place where the names are not known (yet).
fn named(names: &[String], values: &[Value]) -> Map<String, Json> {
    let name = |place: usize| names.get(place).cloned().unwrap_or_else(|| format!("key{}", place + 1));
    values.iter().enumerate().map(|(place, value)| (name(place), to_json(value))).collect()
}
