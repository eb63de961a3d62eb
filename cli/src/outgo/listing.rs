//! A table as CSV: its columns in their order, its rows by their key, each value as it is exactly.

use std::io::Write;
use std::ops::ControlFlow;

use tandem_node::api::cell::Cell;
use tandem_node::api::query::Query;
use tandem_protocol::schema::expression::quoted;
use tandem_protocol::schema::{ColumnType, TableDef};
use tandem_protocol::value::Value;

use crate::client::{Client, Rows};
use crate::csv_text;
use crate::failure::Failure;
use crate::file;
use crate::intake::known::{self, Known};

/// How values are written.
#[derive(Clone, Copy, Default)]
pub struct Style {
    /// So that a spreadsheet runs none.
    pub spreadsheet: bool,
    /// `True` and `False`, as the school's program writes them.
    pub words: bool,
}

/// See the module.
pub struct Listing<'l> {
    /// The table.
    pub table: &'l TableDef,
    /// Of its columns, only these.
    pub columns: Vec<&'l str>,
    /// How.
    pub style: Style,
}

impl<'l> Listing<'l> {
    /// All of a table.
    pub fn of(table: &'l TableDef, style: Style) -> Self {
        let columns = table.columns.iter().map(|column| column.name.as_str()).collect();
        Self { table, columns, style }
    }

    /// Its keys.
    pub fn keys(table: &'l TableDef, style: Style) -> Self {
        Self { table, columns: table.key.iter().map(String::as_str).collect(), style }
    }

    /// Writes it, notes what was written, and says how many rows.
    pub fn write(
        &self,
        (client, space): (&Client, &str),
        out: &mut dyn Write,
        known: Option<&mut Known>,
    ) -> Result<u64, Failure> {
        let list = |names: &mut dyn Iterator<Item = &str>| names.map(quoted).collect::<Vec<_>>().join(", ");
        let key = list(&mut self.table.key.iter().map(String::as_str));
        let (names, name) = (list(&mut self.columns.iter().copied()), quoted(&self.table.name));
        let sql = format!("SELECT {names} FROM {name} ORDER BY {key}");
        let kinds = self.columns.iter().filter_map(|name| Some(self.table.column(name)?.kind)).collect();
        let place = |key: &String| self.columns.iter().position(|name| name == key);
        let key = self.table.key.iter().filter_map(place).collect();
        let mut lines = Lines { listing: self, kinds, key, out, known, rows: 0, failed: None };
        if let Some(known) = &mut lines.known {
            let columns: Vec<String> = self.columns.iter().map(|name| (*name).to_owned()).collect();
            known.begin(&self.table.name, &columns);
        }
        client.query_rows(space, Query { sql, ..Query::default() }, &mut lines)?;
        match lines.failed {
            Some(error) => Err(file::failed(self.table.name.as_ref(), &error)),
            None => Ok(lines.rows),
        }
    }

    fn field(&self, value: &Value) -> String {
        match value {
            Value::Null => String::new(),
            Value::Text(text) => csv_text::field(text, self.style.spreadsheet),
            Value::Blob(bytes) => csv_text::hexadecimal(bytes),
            other => other.to_string(),
        }
    }
}

/// Rows on their way into a file.
struct Lines<'w, 'l> {
    listing: &'w Listing<'l>,
    kinds: Vec<ColumnType>,
    key: Vec<usize>,
    out: &'w mut dyn Write,
    known: Option<&'w mut Known>,
    rows: u64,
    failed: Option<std::io::Error>,
}

impl Lines<'_, '_> {
    fn put(&mut self, fields: &[String]) -> ControlFlow<()> {
        match writeln!(self.out, "{}", fields.join(",")) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                self.failed = Some(error);
                ControlFlow::Break(())
            }
        }
    }
}

impl Rows for Lines<'_, '_> {
    fn columns(&mut self, names: &[String]) -> ControlFlow<()> {
        let spreadsheet = self.listing.style.spreadsheet;
        let fields: Vec<String> = names.iter().map(|name| csv_text::field(name, spreadsheet)).collect();
        self.put(&fields)
    }

    fn row(&mut self, row: &[Cell]) -> ControlFlow<()> {
        let values: Vec<Value> = self.kinds.iter().zip(row).map(|(kind, cell)| cell.written(*kind)).collect();
        self.rows += 1;
        if let Some(known) = &mut self.known {
            let mut key = Vec::new();
            self.key.iter().for_each(|at| values[*at].write_canonical(&mut key));
            let cells = values.iter().map(|value| known::cell(Some(value))).collect();
            known.add(&self.listing.table.name, &key, cells);
        }
        let field = |(kind, value): (&ColumnType, &Value)| match (kind, value) {
            (ColumnType::Boolean, Value::Integer(truth)) if self.listing.style.words => {
                if *truth == 0 {
                    "False".to_owned()
                } else {
                    "True".to_owned()
                }
            }
            _ => self.listing.field(value),
        };
        let fields: Vec<String> = self.kinds.iter().zip(&values).map(field).collect();
        self.put(&fields)
    }
}
