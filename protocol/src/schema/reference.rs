//! References: that columns of a row hold what tells a row of another table, its key or a UNIQUE.

use bincode::{Decode, Encode};

use super::column_type::ColumnType;
use super::definition::TableDef;
use super::id::{RuleId, TableId, id_of};
use crate::name;

/// What happens to the referring rows when a row is deleted (at the site that deletes it).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub enum OnDelete {
    /// The deletion is refused.
    Restrict,
    /// The referring rows are deleted too.
    Cascade,
    /// The referring cells become NULL.
    SetNull,
}

impl OnDelete {
    /// What is said of it in SQL; nothing, where the deletion is refused.
    pub fn sql(self) -> &'static str {
        match self {
            Self::Restrict => "",
            Self::Cascade => " ON DELETE CASCADE",
            Self::SetNull => " ON DELETE SET NULL",
        }
    }
}

/// A column that refers, and the one it refers to. Both are meant by name and type, whatever their
/// defaults are: so a reference means the same while sites differ about those.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct ReferringColumn {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: ColumnType,
    /// The name of the column it refers to.
    pub target: String,
    /// The type of that one.
    pub target_kind: ColumnType,
}

/// A reference, as an op declares it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct ReferenceDeclaration {
    /// The columns that refer.
    pub columns: Vec<ReferringColumn>,
    /// The name of the table referred to, for people.
    pub table: String,
    /// Its id, which is what counts.
    pub table_id: TableId,
    /// What a deletion there does here.
    pub on_delete: OnDelete,
}

impl ReferenceDeclaration {
    /// Its identity as a reference of that table, in whatever order its columns are named. What a deletion
    /// does is no part of it: of two that differ in that alone one counts.
    pub fn id(&self, table: TableId) -> RuleId {
        let names = |one: &ReferringColumn| {
            (name::fold(&one.name), one.kind, name::fold(&one.target), one.target_kind)
        };
        let mut columns: Vec<_> = self.columns.iter().map(names).collect();
        columns.sort_by(|one, other| (&one.0, &one.2).cmp(&(&other.0, &other.2)));
        RuleId(id_of("reference", &(table, columns, self.table_id)))
    }

    /// For people: from what to what.
    pub(super) fn told(&self, table: &str) -> String {
        let from: Vec<&str> = self.columns.iter().map(|one| &*one.name).collect();
        let to: Vec<&str> = self.columns.iter().map(|one| &*one.target).collect();
        format!("REFERENCES ({}) of {table} to {} ({})", from.join(", "), self.table, to.join(", "))
    }
}

/// A reference of a shown table.
#[derive(Clone, PartialEq, Eq, Debug, Encode)]
pub struct Reference {
    /// Its identity.
    pub id: RuleId,
    /// The columns that refer, as they are spelled there, in the order of those they refer to.
    pub columns: Vec<String>,
    /// The name under which the table referred to is shown.
    pub table: String,
    /// Its id.
    pub table_id: TableId,
    /// The columns referred to: all of that table's key, in its order, or all of one of its UNIQUEs.
    pub targets: Vec<String>,
    /// Whether they are the key.
    pub is_to_key: bool,
    /// What a deletion there does here.
    pub on_delete: OnDelete,
}

impl Reference {
    /// As it stands among a table's rules.
    pub fn sql(&self, spelled: impl Fn(&str) -> String + Copy) -> String {
        format!("FOREIGN KEY ({}){}", list(&self.columns, spelled), self.sql_at_column(spelled))
    }

    /// As it stands at the column that refers. A key of one column goes without saying.
    pub fn sql_at_column(&self, spelled: impl Fn(&str) -> String + Copy) -> String {
        let targets = match self.targets.as_slice() {
            [_] if self.is_to_key => String::new(),
            targets => format!(" ({})", list(targets, spelled)),
        };
        format!(" REFERENCES {}{targets}{}", spelled(&self.table), self.on_delete.sql())
    }
}

fn list(names: &[String], spelled: impl Fn(&str) -> String) -> String {
    names.iter().map(|name| spelled(name)).collect::<Vec<_>>().join(", ")
}

impl TableDef {
    /// The references that a column takes part in.
    pub fn references_of(&self, column: &str) -> impl Iterator<Item = &Reference> {
        self.references.iter().filter(move |one| one.columns.iter().any(|name| name::same(name, column)))
    }
}
