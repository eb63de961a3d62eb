//! One reference of a table, as the view follows it: from the row that refers to the one that is
//! referred to, and back.

use std::sync::Arc;

use rusqlite::Connection;
use tandem_protocol::schema::expression::quoted;
use tandem_protocol::schema::{OnDelete, Reference, RuleId, TableDef, TableId, Unique};
use tandem_protocol::value::Value;

use super::ViewResult;
use super::table::ViewTable;
use crate::clause;

/// A reference of a table.
pub(crate) struct ViewReference {
    /// Positions of the columns that refer, in the order of those they refer to.
    pub columns: Vec<usize>,
    /// The table referred to.
    pub target: TableId,
    /// The UNIQUE referred to; none where it is the key.
    pub unique: Option<RuleId>,
    /// What a deletion there does here.
    pub on_delete: OnDelete,
    /// Names of the columns referred to.
    targets: Vec<String>,
    /// Whether there is a row that is referred to, by its values.
    exists: String,
    /// What the index is called by which rows that refer are found, and the statement that makes it.
    pub index: (String, String),
    /// The rows that refer to values, all columns; how many at most is the last parameter.
    pub referrers: String,
    /// How many they are.
    pub count: String,
    /// Empties the columns of a row, by key.
    pub set_null: String,
}

impl ViewReference {
    pub(super) fn new(def: &TableDef, reference: &Reference) -> Self {
        let position = |name: &String| def.columns.iter().position(|column| column.name == *name);
        let columns: Vec<usize> = reference.columns.iter().filter_map(position).collect();
        assert_eq!(columns.len(), reference.targets.len(), "every column of a reference is shown");
        let (table, target) = (quoted(&def.name), quoted(&reference.table));
        let all = clause::list(def.columns.iter().map(|column| &column.name));
        let own = clause::list(&reference.columns);
        let index = format!("_tandem_reference_{}", reference.id);
        let empty: Vec<String> =
            reference.columns.iter().map(|name| format!("{} = NULL", quoted(name))).collect();
        let refers = clause::equal(&reference.columns, 1);
        let limit = columns.len() + 1;
        Self {
            columns,
            target: reference.table_id,
            unique: (!reference.is_to_key).then(|| Unique::id_of(reference.table_id, &reference.targets)),
            on_delete: reference.on_delete,
            exists: format!("SELECT 1 FROM {target} WHERE {}", clause::equal(&reference.targets, 1)),
            index: (
                index.clone(),
                format!("CREATE INDEX IF NOT EXISTS {} ON {table} ({own})", quoted(&index)),
            ),
            referrers: format!("SELECT {all} FROM {table} WHERE {refers} LIMIT ?{limit}"),
            count: format!("SELECT count(*) FROM {table} WHERE {refers}"),
            set_null: format!("UPDATE {table} SET {} WHERE {}", empty.join(", "), clause::equal(&def.key, 1)),
            targets: reference.targets.clone(),
        }
    }

    /// What a row refers to. None, where a column that refers is NULL: then nothing is.
    pub fn values(&self, row: &[Value]) -> Option<Vec<Value>> {
        let values: Vec<Value> = self.columns.iter().map(|at| row[*at].clone()).collect();
        (!values.iter().any(Value::is_null)).then_some(values)
    }

    /// What a row of the table referred to is referred to by.
    pub fn told_by(&self, target: &ViewTable, row: &[Value]) -> Option<Vec<Value>> {
        let values: Vec<Value> = self.places_in(target).map(|at| row[at].clone()).collect();
        (!values.iter().any(Value::is_null)).then_some(values)
    }

    /// Whether there is a row of those values.
    pub fn leads(&self, connection: &Connection, target: &ViewTable, values: &[Value]) -> ViewResult<bool> {
        debug_assert_eq!(target.id, self.target, "a reference is asked of the table it refers to");
        debug_assert_eq!(values.len(), self.columns.len(), "each column refers to one value");
        let stored = self.places_in(target).zip(values).map(|(at, value)| target.stored(at, value));
        let mut exists = connection.prepare_cached(&self.exists)?;
        Ok(exists.exists(rusqlite::params_from_iter(stored))?)
    }

    fn places_in<'t>(&'t self, target: &'t ViewTable) -> impl Iterator<Item = usize> + 't {
        let place = |name: &String| target.def.columns.iter().position(|column| column.name == *name);
        self.targets.iter().filter_map(place)
    }

    /// The columns that refer, for people.
    pub fn told(&self, table: &ViewTable) -> String {
        let names: Vec<&str> = self.columns.iter().map(|at| &*table.def.columns[*at].name).collect();
        names.join(", ")
    }

    /// The columns referred to, for people.
    pub fn targets_told(&self) -> String {
        self.targets.join(", ")
    }
}

/// A table that refers to another, and by which of its references.
pub(crate) struct Referring {
    pub table: Arc<ViewTable>,
    /// Its place among the table's.
    pub place: usize,
}

impl Referring {
    pub fn reference(&self) -> &ViewReference {
        &self.table.references[self.place]
    }
}
