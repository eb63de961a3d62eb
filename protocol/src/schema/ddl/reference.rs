//! References out of SQL: as they are typed, and what they refer to once all tables are known.

use sqlparser::ast::{ForeignKeyConstraint, Ident, ReferentialAction, Spanned};

use super::Plan;
use super::error::{DdlError, refuse};
use super::known::{KnownTable, Rule};
use super::names::{ident, object_name};
use crate::cause::Cause;
use crate::name;
use crate::schema::SchemaOp;
use crate::schema::reference::{OnDelete, ReferenceDeclaration, ReferringColumn};

/// A reference as it is typed: what it names may be declared further down.
pub(super) struct TypedReference {
    /// The referring columns.
    columns: Vec<String>,
    line: u64,
    table: String,
    /// The columns referred to; none where the key is meant.
    targets: Vec<String>,
    on_delete: OnDelete,
    /// Whether a change there is to change it here.
    on_update: bool,
}

impl TypedReference {
    /// Reads it. `column`: the one at which it stands, if it stands at one.
    pub fn read(column: Option<&str>, foreign: &ForeignKeyConstraint) -> Result<Self, DdlError> {
        let on_delete = match foreign.on_delete {
            None | Some(ReferentialAction::NoAction | ReferentialAction::Restrict) => OnDelete::Restrict,
            Some(ReferentialAction::Cascade) => OnDelete::Cascade,
            Some(ReferentialAction::SetNull) => OnDelete::SetNull,
            Some(ReferentialAction::SetDefault) => return Err(refuse("schema_set_default")),
        };
        let is_still = matches!(
            foreign.on_update,
            None | Some(ReferentialAction::NoAction | ReferentialAction::Restrict)
        );
        let names = |columns: &[Ident]| columns.iter().map(ident).collect::<Vec<_>>();
        Ok(Self {
            columns: column.map_or_else(|| names(&foreign.columns), |column| vec![column.to_owned()]),
            line: foreign.foreign_table.span().start.line,
            table: object_name(&foreign.foreign_table)?,
            targets: names(&foreign.referred_columns),
            on_delete,
            on_update: !is_still,
        })
    }

    fn refused(&self, table: &str, why: Cause) -> DdlError {
        let from = match self.columns.as_slice() {
            [column] => format!("{table}.{column}"),
            columns => format!("{table} ({})", columns.join(", ")),
        };
        let targets = match self.targets.as_slice() {
            [] => String::new(),
            targets => format!(" ({})", targets.join(", ")),
        };
        let cause = Cause::new("schema_reference").with("column", from);
        let to = format!("{}{targets}", self.table);
        DdlError::NotSupported(cause.with("target", to).with("fault", why))
    }

    /// Points it from the columns of one table to the key, or a UNIQUE, of the other.
    fn resolve(
        &self,
        table: &KnownTable,
        target: Option<&KnownTable>,
    ) -> Result<ReferenceDeclaration, DdlError> {
        let refused = |why: Cause| self.refused(&table.name, why);
        let target = target.ok_or_else(|| refused(Cause::new("reference_no_table")))?;
        let targets = if self.targets.is_empty() { &target.key } else { &self.targets };
        if targets.len() != self.columns.len() {
            let count = Cause::new("reference_count").with("count", targets.len() as u64);
            return Err(refused(count));
        }
        let key = || target.key.join(", ");
        let is_to_key = targets.len() == target.key.len()
            && targets.iter().all(|named| target.key.iter().any(|key| name::same(key, named)));
        if !is_to_key && !target.has_unique(targets) {
            return Err(refused(Cause::new("reference_not_unique").with("key", key())));
        }
        if !is_to_key && self.on_update {
            return Err(refused(Cause::new("reference_on_update")));
        }
        let mut columns = Vec::new();
        for (own, to) in self.columns.iter().zip(targets) {
            let Some(column) = table.column(own) else {
                let what = Cause::new("part_table").with("name", &table.name);
                let cause = Cause::new("schema_lacks_column").with("what", what);
                return Err(DdlError::NotSupported(cause.with("column", own)));
            };
            let to = target.column(to);
            let to = to.ok_or_else(|| refused(Cause::new("reference_not_unique").with("key", key())))?;
            columns.push(ReferringColumn {
                name: column.name.clone(),
                kind: column.kind,
                target: to.name.clone(),
                target_kind: to.kind,
            });
        }
        let (table, table_id) = (target.name.clone(), target.id);
        Ok(ReferenceDeclaration { columns, table, table_id, on_delete: self.on_delete })
    }
}

impl Plan {
    /// All tables are known now: references find theirs.
    pub(super) fn resolve_references(&mut self) {
        for (at, typed) in std::mem::take(&mut self.references) {
            self.found.line = Some(typed.line).filter(|line| *line > 0);
            let resolved = self.resolve_reference(at, &typed);
            self.found.sound(resolved);
        }
    }

    /// Adds a reference to the table at that place, unless it is there.
    fn resolve_reference(&mut self, at: usize, typed: &TypedReference) -> Result<(), DdlError> {
        if self.is_unread(&typed.table) {
            return Ok(());
        }
        let target = self.place(&typed.table).map(|at| &self.tables[at]);
        let reference = typed.resolve(&self.tables[at], target)?;
        let table = &mut self.tables[at];
        let (name, id) = (table.name.clone(), reference.id(table.id));
        self.said.push(Rule::Reference(id));
        match table.references.iter().find(|(known, _)| *known == id) {
            Some((_, on_delete)) if *on_delete == reference.on_delete => return Ok(()),
            Some(_) => {
                let what = reference.told(&name);
                let cause = Cause::new("schema_reference_differs").with("what", crate::cause::part(&what));
                return Err(DdlError::NotAdditive(cause));
            }
            None => table.references.push((id, reference.on_delete)),
        }
        let table_id = table.id;
        let created = self.ops.iter_mut().find_map(|op| match op {
            SchemaOp::CreateTable(table) if table.id() == table_id => Some(table),
            _ => None,
        });
        match created {
            Some(table) => table.references.push(reference),
            None => self.add(SchemaOp::AddReference { of: name, of_id: table_id, reference }),
        }
        Ok(())
    }
}
