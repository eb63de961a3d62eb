//! A sheet as it is read into a table: which column of it is which of the table's, and what a row says in
//! the table's types.

use serde::Serialize;
use tandem_import::sheets::{Row, Sheet, SheetError, folded, formula, meant};
use tandem_protocol::cause::Cause;
use tandem_protocol::schema::{ColumnDef, ColumnType, DefaultValue, TableDef, TableId};
use tandem_protocol::value::Value;

use crate::failure::Failure;

/// Characters of a refused value that are told.
const TOLD_CHARS: usize = 60;

/// The name of the column in which programs keep when a row was last changed.
const TIME_NAME: &str = "updatedat";

/// A name in the head, and the column that it is.
#[derive(Clone, Debug, Serialize)]
pub struct Heading {
    /// As it stands there.
    pub header: String,
    /// The column; none if it goes nowhere.
    pub column: Option<String>,
}

/// See the module.
pub struct Reading<'b> {
    /// What is read.
    pub sheet: &'b Sheet,
    /// What it is read into.
    pub table: TableDef,
    /// The columns that the sheet names.
    pub columns: Vec<ColumnDef>,
    /// Which of the sheet's columns each of these is.
    places: Vec<usize>,
    /// Columns of the sheet that have no name: nothing may stand in them.
    unnamed: Vec<usize>,
    /// Which of these are the key, in its order; none if the sheet does not name all of it.
    pub key: Vec<usize>,
    /// Which of these says when the row was last changed.
    pub time: Option<usize>,
    /// Whether an apostrophe before a formula is not part of the text.
    pub is_disarmed: bool,
}

/// A row in the table's types.
#[derive(Debug)]
pub struct Candidate {
    /// What it says, column by column; none where the table's own default is meant.
    pub values: Vec<Option<Value>>,
}

impl<'b> Reading<'b> {
    /// Finds each name of the head among the table's columns.
    pub fn of(
        sheet: &'b Sheet,
        table: &TableDef,
        may_ignore: bool,
        is_disarmed: bool,
    ) -> Result<Self, Failure> {
        let (mut columns, mut places): (Vec<ColumnDef>, Vec<usize>) = (Vec::new(), Vec::new());
        let mut unnamed = Vec::new();
        for (at, name) in sheet.head().iter().enumerate() {
            if name.is_empty() {
                unnamed.push(at);
                continue;
            }
            let Some(column) = column(table, plain(name, is_disarmed)) else {
                if may_ignore {
                    continue;
                }
                let known: Vec<String> = table.columns.iter().map(|column| column.name.clone()).collect();
                let cause = Cause::new("csv_column_unknown").with("table", &table.name);
                let cause = cause.with("column", name).with("columns", known.join(", "));
                return Err(sheet.wrong(1, cause).into());
            };
            if columns.iter().any(|other| other.name == column.name) {
                let cause = Cause::new("csv_column_twice").with("column", &column.name);
                return Err(sheet.wrong(1, cause).into());
            }
            columns.push(column.clone());
            places.push(at);
        }
        let place = |name: &String| columns.iter().position(|column| column.name == *name);
        let key: Option<Vec<usize>> = table.key.iter().map(place).collect();
        if let Some(missing) = table.key.iter().find(|key| place(key).is_none() && !is_generated(table, key))
        {
            let cause = Cause::new("csv_key_missing").with("table", &table.name).with("column", missing);
            return Err(sheet.wrong(1, cause).into());
        }
        let is_time = |column: &ColumnDef| match column.kind {
            ColumnType::Stamp => true,
            ColumnType::Timestamp => folded(&column.name) == TIME_NAME,
            _ => false,
        };
        let time = columns.iter().position(is_time);
        let (table, key) = (table.clone(), key.unwrap_or_default());
        if may_ignore {
            unnamed.clear();
        }
        Ok(Self { sheet, table, columns, places, unnamed, key, time, is_disarmed })
    }

    /// The head, and what each name of it is.
    pub fn headings(&self) -> Vec<Heading> {
        let of = |at: usize| self.places.iter().position(|place| *place == at);
        let column = |at: usize| of(at).map(|column| self.columns[column].name.clone());
        let names = self.sheet.head().iter().enumerate();
        names.map(|(at, name)| Heading { header: name.clone(), column: column(at) }).collect()
    }

    /// What a row says, or why it cannot be meant.
    pub fn candidate(&self, row: &Row) -> Result<Candidate, Cause> {
        if let Some(at) =
            self.unnamed.iter().find(|at| row.values.get(**at).is_some_and(|text| !text.is_empty()))
        {
            return Err(Cause::new("csv_unnamed").with("number", at + 1));
        }
        let mut values = Vec::with_capacity(self.columns.len());
        for (column, place) in self.columns.iter().zip(&self.places) {
            let text = plain(row.values.get(*place).unwrap_or_default(), self.is_disarmed);
            let value = meant(column, text, self.sheet.is_french()).ok_or_else(|| {
                let shown: String = text.chars().take(TOLD_CHARS).collect();
                let cause = Cause::new("csv_value").with("column", &column.name).with("value", shown);
                cause.with("type", column.kind.to_string())
            })?;
            let is_key = self.table.is_key(&column.name);
            if is_key && text.is_empty() && !is_generated(&self.table, &column.name) {
                return Err(Cause::new("csv_empty").with("column", &column.name));
            }
            let is_left_out =
                value.is_null() && (column.kind == ColumnType::Stamp || column.not_null || is_key);
            if is_left_out && !is_key && !has_default(column) {
                return Err(Cause::new("csv_empty").with("column", &column.name));
            }
            values.push((!is_left_out).then_some(value));
        }
        Ok(Candidate { values })
    }

    /// Gives every row, or what is wrong with it.
    pub fn each(
        &self,
        take: &mut dyn FnMut(Result<Candidate, (u64, Cause)>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.sheet.each(&mut |row: &Row| take(self.candidate(row).map_err(|cause| (row.line, cause))))
    }

    /// What is wrong in a line.
    pub fn wrong(&self, line: u64, cause: Cause) -> SheetError {
        self.sheet.wrong(line, cause)
    }
}

impl Candidate {
    /// Its key in bytes that are equal where the key is; none if it is to be given one.
    pub fn key(&self, reading: &Reading<'_>) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        for at in &reading.key {
            self.values[*at].as_ref()?.write_canonical(&mut bytes);
        }
        (!reading.key.is_empty()).then_some(bytes)
    }

    /// The same, together with its table.
    pub fn row_key(&self, reading: &Reading<'_>) -> Option<(TableId, Vec<u8>)> {
        self.key(reading).map(|key| (reading.table.id, key))
    }
}

/// A text as it was before something kept a spreadsheet from running it.
fn plain(text: &str, is_disarmed: bool) -> &str {
    if is_disarmed { formula::rearmed(text) } else { text }
}

/// The column that is called so, by its name or else as people write it.
fn column<'t>(table: &'t TableDef, name: &str) -> Option<&'t ColumnDef> {
    let is_meant = |column: &&ColumnDef| !name.is_empty() && folded(&column.name) == folded(name);
    table.column(name).or_else(|| table.columns.iter().find(is_meant))
}

/// Whether the table fills in such a column by itself.
fn has_default(column: &ColumnDef) -> bool {
    let is_filled = column.kind == ColumnType::Stamp || column.default != DefaultValue::None;
    is_filled || !column.unwritten().is_null()
}

/// Whether a row that does not name its key is given one.
fn is_generated(table: &TableDef, key: &str) -> bool {
    let kind = table.column(key).map(|column| column.kind);
    table.key.len() == 1 && matches!(kind, Some(ColumnType::Integer | ColumnType::Uuid))
}
