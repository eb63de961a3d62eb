//! What is left to decide about one row.

use super::{Cell, RowState, Sibling, WriteId};
use crate::conflict::{Conflict, ConflictKind, Version, VersionContent};
use crate::schema::{ColumnDef, ColumnId, Constant, MergeKind, Rule, TableDef};
use crate::value::Value;
use crate::wide::Wide;

/// The content of a document column's cell, given what its register holds (an id, or NULL).
pub type Content<'a> = dyn FnMut(&ColumnDef, &Value) -> Value + 'a;

impl RowState {
    /// The conflicts that follow from the row's state alone: of its cells (where it is shown), of
    /// its life, and that it is shown although it is deleted.
    pub fn conflicts(
        &self,
        table: &TableDef,
        key: &[u8],
        is_shown: bool,
        content: &mut Content<'_>,
    ) -> Vec<Conflict> {
        let conflict = |kind, columns, versions| Conflict {
            kind,
            table: table.name.clone(),
            key: key.to_vec(),
            columns,
            versions,
        };
        let mut open = Vec::new();
        let life = || self.life.siblings().iter().map(life_version).collect::<Vec<_>>();
        if self.life.siblings().windows(2).any(|pair| pair[0].value != pair[1].value) {
            open.push(conflict(ConflictKind::Deleted, Vec::new(), life()));
        }
        if !is_shown {
            return open;
        }
        if !self.is_alive() {
            open.push(conflict(ConflictKind::Reference, Vec::new(), life()));
        }
        // Mostly none: then no column's id need be computed.
        if self.cells.values().all(|cell| cell.set.siblings().len() < 2) {
            return open;
        }
        for column in table.columns.iter().filter(|column| !table.is_key(&column.name)) {
            let Some(cell) = self.cells.get(&column.id()) else { continue };
            if cell.set.siblings().len() < 2 {
                continue;
            }
            if let Some(versions) = cell.versions(column, content) {
                open.push(conflict(ConflictKind::Register, vec![column.name.clone()], versions));
            }
        }
        open
    }

    /// That a shown row breaks a rule.
    pub fn breach(&self, table: &TableDef, key: &[u8], rule: &Rule<'_>, shown: &[Value]) -> Conflict {
        assert_eq!(shown.len(), table.columns.len(), "a row is judged by what all its columns show");
        let versions = |(column, value): (&ColumnDef, &Value)| {
            let outside = rule.mentions(column) && !table.is_key(&column.name);
            let cell = outside.then(|| self.cells.get(&column.id())).flatten();
            let makers = cell.map(|cell| cell.makers(column.kind)).unwrap_or_default();
            let held = held(column, value);
            makers.into_iter().map(|by| Version { by, held: held.clone() }).collect::<Vec<_>>()
        };
        Conflict {
            kind: ConflictKind::Check,
            table: table.name.clone(),
            key: key.to_vec(),
            columns: vec![rule.name().to_owned()],
            versions: table.columns.iter().zip(shown).flat_map(versions).collect(),
        }
    }

    /// That counters of a shown row are beyond what their columns are meant to hold; `ids` are those of
    /// the table's columns.
    pub fn overflows(
        &self,
        table: &TableDef,
        ids: &[ColumnId],
        key: &[u8],
        shown: &[Value],
    ) -> Vec<Conflict> {
        assert_eq!(ids.len(), table.columns.len(), "the ids are those of the table's columns");
        assert_eq!(shown.len(), table.columns.len(), "counters are looked at in a whole row");
        let columns = table.columns.iter().zip(ids).zip(shown);
        let counters = columns.filter(|((column, _), _)| column.kind.merge_kind() == MergeKind::Counter);
        let overflow = |((column, id), shown): ((&ColumnDef, &ColumnId), &Value)| {
            let cell = self.cells.get(id)?;
            let total = cell.total(column.kind, &column.unwritten())?;
            (column.kind.excess(total) != Wide::ZERO).then_some(())?;
            let held = held(column, shown);
            let version = |by| Version { by, held: held.clone() };
            Some(Conflict {
                kind: ConflictKind::Check,
                table: table.name.clone(),
                key: key.to_vec(),
                columns: vec![format!("{} {}", column.name, column.kind)],
                versions: cell.makers(column.kind).into_iter().map(version).collect(),
            })
        };
        counters.filter_map(overflow).collect()
    }

    /// The greatest of the writes shown in these columns, by which a unique value is this row's.
    pub fn holder(&self, table: &TableDef, columns: &[String]) -> Option<WriteId> {
        let of_column = |name: &String| {
            let column = table.column(name).filter(|column| !table.is_key(&column.name))?;
            Some(self.cells.get(&column.id())?.shown_sibling(column.kind)?.by)
        };
        let of_life = || self.life.shown().map(|sibling| sibling.by);
        columns.iter().filter_map(of_column).max().or_else(of_life)
    }
}

impl Cell {
    /// All siblings as versions, if their values differ.
    fn versions(&self, column: &ColumnDef, content: &mut Content<'_>) -> Option<Vec<Version>> {
        let kind = column.kind.merge_kind();
        if matches!(kind, MergeKind::Stamp | MergeKind::Quiet) {
            return None;
        }
        let value = |sibling: &Sibling<Constant>| sibling.value.value().unwrap_or(Value::Null);
        let mut values: Vec<Value> = self.set.siblings().iter().map(value).collect();
        if kind == MergeKind::Document {
            values = values.iter().map(|id| content(column, id)).collect();
        }
        if values.windows(2).all(|pair| pair[0] == pair[1]) {
            return None;
        }
        let versions = self.set.siblings().iter().zip(&values).map(|(sibling, value)| Version {
            by: sibling.by,
            held: held(column, &self.counted(column.kind, value.clone())),
        });
        Some(versions.collect())
    }
}

fn held(column: &ColumnDef, value: &Value) -> VersionContent {
    VersionContent::Value { column: column.name.clone(), value: Constant::new(value) }
}

fn life_version(sibling: &Sibling<bool>) -> Version {
    Version {
        by: sibling.by,
        held: if sibling.value { VersionContent::Alive } else { VersionContent::Deleted },
    }
}
