//! `tandem import`: takes the rows of a CSV file into a table, or those of a dump into the tables that it
//! became.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use tandem_node::api::cell::Cell;
use tandem_node::api::error_kind;
use tandem_node::api::rows::{EditRows, RowEdit, Source};
use tandem_protocol::schema::{ColumnDef, ColumnType, MergeKind, Schema, TableDef};
use tandem_protocol::value::Value;

use crate::batch;
use crate::client::Client;
use crate::command::schema::planned;
use crate::context::Context;
use crate::csv_file::{CsvFile, Row};
use crate::dump::ReadDump;
use crate::dump_rows::{self, DumpRows, Labels};
use crate::failure::{Failure, Outcome};
use crate::progress::Progress;
use crate::terminal::say;
use crate::visible::value;

#[derive(Args)]
pub struct Import {
    file: PathBuf,
    #[arg(long, value_name = "TABLE")]
    table: Option<String>,
    #[arg(long)]
    dry_run: bool,
    #[arg(long)]
    again: bool,
    #[arg(short, long, value_name = "TEXT")]
    message: Option<String>,
    #[arg(long, value_name = "WHO")]
    by: Option<String>,
}

/// What an import did, or would do.
#[derive(Default, Serialize)]
struct Imported {
    table: String,
    /// Rows of the file.
    rows: u64,
    inserted: u64,
    updated: u64,
    /// Rows that an import of the same file had taken in before.
    before: u64,
    dry_run: bool,
}

impl Import {
    pub fn run(&self, context: &Context) -> Outcome {
        if self.file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("sql")) {
            return self.take_dump(context);
        }
        let file = CsvFile::open(&self.file)?;
        let client = context.client()?;
        let space = context.space(&client)?;
        let table = self.table(&client, &space)?;
        let columns = columns(&file, &table)?;
        let reading = Reading { file: &file, table: &table, columns: &columns };
        // All of it is looked at before any of it is written.
        let mut rows = 0;
        for row in file.rows()? {
            reading.cells(&row?)?;
            rows += 1;
        }
        let source = format!("csv {} {}", file.hash(), table.id());
        let before = match client.source(&space, &source)?.offset {
            Some(offset) if !self.again => offset.parse().unwrap_or(0),
            _ => 0,
        };
        let name = table.name.clone();
        let mut imported =
            Imported { table: name, rows, before, dry_run: self.dry_run, ..Imported::default() };
        if !self.dry_run {
            self.write((&client, &space), &reading, &source, &mut imported)?;
        }
        context.print(&imported, told)
    }

    /// The rows of a dump, into the tables that it became.
    fn take_dump(&self, context: &Context) -> Outcome {
        let client = context.client()?;
        let space = context.space(&client)?;
        let files = [self.file.clone()];
        let (rows, mut taken) = DumpRows::of(
            &files,
            ReadDump::read(&files, None)?,
            schema_of(&client, &space)?,
            self.table.clone(),
        )?;
        taken.dry_run = self.dry_run;
        if !self.dry_run {
            let labels = Labels { by: self.by.as_deref(), message: self.message.as_deref() };
            rows.write((&client, &space), labels, self.again, &mut taken)?;
        }
        context.print(&taken, dump_rows::told)
    }

    /// The table named, else the one that is called as the file is.
    fn table(&self, client: &Client, space: &str) -> Result<TableDef, Failure> {
        let stem = self.file.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let name = self.table.clone().or(stem).unwrap_or_default();
        let found = schema_of(client, space)?.table(&name).map(|table| table.shown.clone());
        found.ok_or_else(|| error_kind::table_unknown.with("table", name).into())
    }

    fn write(
        &self,
        (client, space): (&Client, &str),
        reading: &Reading<'_>,
        source: &str,
        imported: &mut Imported,
    ) -> Outcome {
        let mut progress = Progress::new();
        let (mut batch, mut bytes, mut done) = (Vec::new(), 0, imported.before);
        let mut rows =
            reading.file.rows()?.skip(usize::try_from(imported.before).unwrap_or(usize::MAX)).peekable();
        while let Some(row) = rows.next() {
            let row = row?;
            bytes += row.values.as_slice().len();
            batch.push(reading.cells(&row)?);
            if !batch::is_full(batch.len(), bytes) && rows.peek().is_some() {
                continue;
            }
            let taken = done;
            done += batch.len() as u64;
            let put = RowEdit::Put {
                table: reading.table.name.clone(),
                columns: reading.columns.iter().map(|column| column.name.clone()).collect(),
                rows: std::mem::take(&mut batch),
            };
            bytes = 0;
            let request = EditRows {
                edits: vec![put],
                source: Some(Source { name: source.to_owned(), offset: Some(done.to_string()) }),
                message: Some(self.message.clone().unwrap_or_else(|| name_of(&self.file))),
                by: self.by.clone(),
                ..EditRows::default()
            };
            let written = client.edit_rows(space, request);
            if written.is_err() && taken > 0 {
                progress.clear();
                // The error speaks of its own rows only.
                say(&t!("import.taken", count = taken));
            }
            for change in written?.changes {
                imported.inserted += change.inserted;
                imported.updated += change.updated;
            }
            progress.bar(&reading.table.name, done, imported.rows);
        }
        Ok(())
    }
}

/// The tables of a space.
fn schema_of(client: &Client, space: &str) -> Result<Schema, Failure> {
    planned(&client.schema(space)?.sql)
}

fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The columns that the file's head names. A key that nobody generates is named whole.
fn columns(file: &CsvFile, table: &TableDef) -> Result<Vec<ColumnDef>, Failure> {
    let known = || table.columns.iter().map(|column| column.name.clone()).collect::<Vec<_>>().join(", ");
    let column = |name: &String| {
        table.column(name).cloned().ok_or_else(|| {
            let params = [("table", table.name.clone()), ("column", name.clone()), ("columns", known())];
            file.wrong(1, "csv_column_unknown", &params)
        })
    };
    let columns: Vec<ColumnDef> = file.head.iter().map(column).collect::<Result<_, _>>()?;
    let is_named = |key: &&String| columns.iter().any(|column| column.name == **key);
    let is_generated = |key: &String| {
        let kind = table.column(key).map(|column| column.kind);
        table.key.len() == 1 && matches!(kind, Some(ColumnType::Integer | ColumnType::Uuid))
    };
    match table.key.iter().find(|key| !is_named(key) && !is_generated(key)) {
        Some(key) => {
            let params = [("table", table.name.clone()), ("column", key.clone())];
            Err(file.wrong(1, "csv_key_missing", &params))
        }
        None => Ok(columns),
    }
}

/// A file as it is read into a table.
struct Reading<'i> {
    file: &'i CsvFile,
    table: &'i TableDef,
    columns: &'i [ColumnDef],
}

impl Reading<'_> {
    fn cells(&self, row: &Row) -> Result<Vec<Cell>, Failure> {
        let cell = |(column, text): (&ColumnDef, &str)| {
            let found = meant(column, text, self.file.is_french());
            found.map(Cell).ok_or_else(|| {
                let params = [
                    ("column", column.name.clone()),
                    ("value", text.to_owned()),
                    ("type", column.kind.to_string()),
                ];
                self.file.wrong(row.line, "csv_value", &params)
            })
        };
        self.columns.iter().zip(row.values.iter()).map(cell).collect()
    }
}

/// The value of a column that a text stands for; none if there is no such.
fn meant(column: &ColumnDef, text: &str, is_french: bool) -> Option<Value> {
    let kind = column.kind;
    let is_text =
        matches!(kind, ColumnType::Text | ColumnType::Quiet) || kind.merge_kind() == MergeKind::Document;
    if text.is_empty() {
        // A spreadsheet knows no other nothing.
        return Some(if is_text && column.not_null { Value::Text(String::new()) } else { Value::Null });
    }
    let canonical = |text: &str| kind.canonical(Value::Text(text.to_owned())).ok();
    if is_text {
        return canonical(text);
    }
    let text = text.trim();
    let number = || text.parse().ok().map(Value::Integer).and_then(|number| kind.canonical(number).ok());
    let real = || text.parse().ok().filter(|real: &f64| real.is_finite()).map(Value::Real);
    let plain = canonical(text).or_else(number).or_else(|| real().filter(|_| kind == ColumnType::Real));
    plain.or_else(|| french(text).filter(|_| is_french).and_then(|text| meant(column, &text, false)))
}

/// A number or a date in the French manner (`1 234,50`, `31/01/2026`), as it is written here.
fn french(text: &str) -> Option<String> {
    if let [day, month, year] = text.split('/').collect::<Vec<_>>()[..] {
        let is_number = |part: &str, digits: usize| {
            part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit())
        };
        let is_date = is_number(day, 2) && is_number(month, 2) && is_number(year, 4);
        return is_date.then(|| format!("{year}-{month}-{day}"));
    }
    let number: String = text.chars().filter(|char| !matches!(char, ' ' | '\u{a0}' | '\u{202f}')).collect();
    let number = number.replacen(',', ".", 1);
    (number != text && !number.contains(',')).then_some(number)
}

fn told(imported: &Imported) -> String {
    let table = value(&imported.table);
    if imported.dry_run {
        let after = imported.rows.saturating_sub(imported.before);
        return t!("import.would", table = table, rows = imported.rows, count = after).into_owned();
    }
    if imported.before >= imported.rows && imported.rows > 0 {
        return t!("import.before", table = table, rows = imported.rows).into_owned();
    }
    let same = imported.rows - imported.before - imported.inserted - imported.updated;
    let mut text = String::new();
    if imported.before > 0 {
        text = format!("{}\n", t!("import.goes_on", count = imported.before));
    }
    text + &t!(
        "import.done",
        table = table,
        inserted = imported.inserted,
        updated = imported.updated,
        same = same
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_text_stands_for_depends_on_the_column() {
        let sql = "CREATE TABLE t (id INTEGER PRIMARY KEY, t TEXT, n TEXT NOT NULL, d DECIMAL(9,2), r REAL, \
             c COUNTER, day DATE, b BOOLEAN)";
        let schema = planned(sql).unwrap_or_else(|_| panic!("{sql}"));
        let table = &schema.table("t").unwrap().shown;
        let of = |column: &str, text: &str, french: bool| {
            meant(table.column(column).unwrap(), text, french).map(|value| value.to_string())
        };
        for (column, text, plain, french) in [
            ("id", "7", Some("7"), Some("7")),
            ("id", " 7 ", Some("7"), Some("7")),
            ("id", "1 234", None, Some("1234")),
            ("id", "7,5", None, None),
            ("id", "seven", None, None),
            ("t", " 1 234,50 ", Some(" 1 234,50 "), Some(" 1 234,50 ")),
            ("t", "", Some("NULL"), Some("NULL")),
            ("n", "", Some(""), Some("")),
            ("d", "1234.5", Some("1234.50"), Some("1234.50")),
            ("d", "1 234,50", None, Some("1234.50")),
            ("d", "1\u{202f}234,50", None, Some("1234.50")),
            ("d", "1,234,50", None, None),
            ("d", "1.234", Some("1.23"), Some("1.23")),
            ("r", "0.5", Some("0.5"), Some("0.5")),
            ("r", "0,5", None, Some("0.5")),
            ("r", "nan", None, None),
            ("c", "40", Some("40"), Some("40")),
            ("day", "2026-01-31", Some("2026-01-31"), Some("2026-01-31")),
            ("day", "31/01/2026", None, Some("2026-01-31")),
            ("day", "31/13/2026", None, None),
            ("day", "", Some("NULL"), Some("NULL")),
            ("b", "1", Some("1"), Some("1")),
        ] {
            assert_eq!(of(column, text, false).as_deref(), plain, "{column} {text:?}");
            assert_eq!(of(column, text, true).as_deref(), french, "{column} {text:?}");
        }
    }
}
