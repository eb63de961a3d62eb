//! What people chose where a name was declared in several ways.

use std::collections::BTreeMap;

use crate::name;
use crate::schema::id::{ColumnId, TableId};

/// Which of several definitions of a name somebody chose to be shown.
pub(super) struct ChosenDefinition<T> {
    /// The one chosen.
    pub shown: T,
    /// All that were looked at.
    pub looked_at: Vec<T>,
}

impl<T: PartialEq> ChosenDefinition<T> {
    /// Whether nothing is left to decide among these: all were looked at.
    pub fn settles(&self, mut definitions: impl Iterator<Item = T>) -> bool {
        definitions.all(|definition| self.looked_at.contains(&definition))
    }
}

/// What was chosen, name by name. Of several choices of one name the last counts.
#[derive(Default)]
pub(super) struct Choices {
    tables: BTreeMap<String, ChosenDefinition<TableId>>,
    columns: BTreeMap<(TableId, String), ChosenDefinition<ColumnId>>,
}

impl Choices {
    /// A table was chosen for a name.
    pub fn choose_table(&mut self, name: &str, chosen: ChosenDefinition<TableId>) {
        self.tables.insert(name::fold(name), chosen);
    }

    /// A definition was chosen for a name of a column.
    pub fn choose_column(&mut self, table: TableId, name: &str, chosen: ChosenDefinition<ColumnId>) {
        self.columns.insert((table, name::fold(name)), chosen);
    }

    /// What was chosen for a folded name.
    pub fn of_table(&self, folded: &str) -> Option<&ChosenDefinition<TableId>> {
        self.tables.get(folded)
    }

    /// What was chosen for the folded name of a column.
    pub fn of_column(&self, table: TableId, folded: &str) -> Option<&ChosenDefinition<ColumnId>> {
        self.columns.get(&(table, folded.to_owned()))
    }
}
