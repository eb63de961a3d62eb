//! A table of the database beside, and the one here that it is.

use tandem_protocol::schema::ColumnType;
use tandem_protocol::value::{Key, Value};

use crate::held::{Held, Row};

/// A column that stands on both sides.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PairedColumn {
    /// Its name here.
    pub here: String,
    /// Its name in the database.
    pub there: String,
    /// Its type here.
    pub kind: ColumnType,
    /// Its type in the database, as the database writes it.
    pub type_there: String,
    /// Whether its values are those of a list, by a CHECK.
    pub is_choice: bool,
}

/// A table that stands on both sides.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PairedTable {
    /// Its name here.
    pub here: String,
    /// The schema in the database in which it stands.
    pub schema: String,
    /// Its name there.
    pub there: String,
    /// The columns, in the order in which rows are told.
    pub columns: Vec<PairedColumn>,
    /// Columns there whose values are not read: they stay there.
    pub aside: Vec<String>,
    /// The places of the key's columns among them, in the order of the key.
    pub key: Vec<usize>,
}

impl PairedTable {
    /// A row's key; none, where it cannot be held here.
    pub fn key_of(&self, row: &Row) -> Option<Key> {
        assert_eq!(row.len(), self.columns.len(), "a row has a value for each column that both sides have");
        self.key.iter().map(|at| row[*at].value().cloned()).collect::<Option<Vec<Value>>>().map(Key)
    }

    /// The id that a key is, if it is one number.
    pub fn id_of(&self, key: &Key) -> Option<i64> {
        match key.0.as_slice() {
            [Value::Integer(id)] => Some(*id),
            _ => None,
        }
    }

    /// A row of the view, whose values have many forms, in the one form.
    pub fn canonical(&self, values: Vec<Value>) -> Row {
        let held = |(column, value): (&PairedColumn, Value)| {
            let told = value.to_string();
            column.kind.canonical(value).map_or(Held::Unread(told), Held::Value)
        };
        assert_eq!(values.len(), self.columns.len(), "the view was asked for these columns");
        self.columns.iter().zip(values).map(held).collect()
    }
}
