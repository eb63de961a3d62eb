//! Row edits: rows as they are to be, for whoever has rows and no SQL (files, databases beside). They
//! become statements, so that what judges a typed write judges them, and in the same way.

use tandem_protocol::schema::expression::quoted;
use tandem_protocol::value::Value;

use crate::clause::list;
use crate::statement::{Params, Statement};
use crate::view::Tables;

/// An edit of rows of one table that all name the same columns.
#[derive(Clone, Debug, PartialEq)]
pub enum RowEdit {
    /// The rows hold these values: one that is there in the columns named, one that is not is inserted.
    Put {
        /// The table.
        table: String,
        /// The columns, those of the key among them unless a key is to be generated.
        columns: Vec<String>,
        /// Of each row the values of these columns.
        rows: Vec<Vec<Value>>,
    },
    /// The rows go; one that is not there is gone already.
    Delete {
        /// The table.
        table: String,
        /// Of each row the values of its key.
        keys: Vec<Vec<Value>>,
    },
}

impl RowEdit {
    /// The table it edits.
    pub fn table(&self) -> &str {
        match self {
            Self::Put { table, .. } | Self::Delete { table, .. } => table,
        }
    }

    /// What it is, without its values.
    pub(crate) fn told(&self) -> String {
        match self {
            Self::Put { table, columns, .. } => format!("PUT {} ({})", quoted(table), list(columns)),
            Self::Delete { table, .. } => format!("DELETE {}", quoted(table)),
        }
    }

    /// The values, row by row.
    pub(crate) fn rows(&self) -> &[Vec<Value>] {
        match self {
            Self::Put { rows, .. } => rows,
            Self::Delete { keys, .. } => keys,
        }
    }

    /// The statement that does it. (Of a table or column that is not there, it is refused as any other.)
    pub(crate) fn statement(&self, tables: &Tables) -> Statement {
        let name = quoted(self.table());
        let table = tables.named(self.table());
        let key: &[String] = table.as_ref().map_or(&[], |table| &table.def.key);
        let sql = match self {
            Self::Put { columns, .. } if columns.is_empty() => format!("INSERT INTO {name} DEFAULT VALUES"),
            Self::Put { columns, .. } => {
                let is = |one: &String, other: &String| one.eq_ignore_ascii_case(other);
                let is_keyed = key.iter().all(|key| columns.iter().any(|column| is(column, key)));
                let others = columns.iter().filter(|column| !key.iter().any(|key| is(column, key)));
                let sets: Vec<String> = others
                    .map(|column| format!("{column} = excluded.{column}", column = quoted(column)))
                    .collect();
                let end = match (is_keyed && !key.is_empty(), sets.is_empty()) {
                    (false, _) => String::new(),
                    (true, true) => format!(" ON CONFLICT ({}) DO NOTHING", list(key)),
                    (true, false) => {
                        format!(" ON CONFLICT ({}) DO UPDATE SET {}", list(key), sets.join(", "))
                    }
                };
                let places = vec!["?"; columns.len()].join(", ");
                format!("INSERT INTO {name} ({}) VALUES ({places}){end}", list(columns))
            }
            Self::Delete { .. } => {
                let named: Vec<String> = key.iter().map(|column| format!("{} = ?", quoted(column))).collect();
                let condition = if named.is_empty() { "false".to_owned() } else { named.join(" AND ") };
                format!("DELETE FROM {name} WHERE {condition}")
            }
        };
        Statement { sql, params: Params::Many(self.rows().to_vec()) }
    }
}
