//! The rows of a dump, taken into the tables that it became: in the order in which they refer to each
//! other, piece by piece, each whole. What is interrupted goes on where it stopped.

use std::path::{Path, PathBuf};

use serde::Serialize;
use tandem_import::dump::rows::{Row, each_row};
use tandem_import::schema::{Draft, cell};
use tandem_import::text_file::TextFile;
use tandem_import::{Dump, DumpError};
use tandem_node::api::cell::Cell;
use tandem_node::api::error_kind;
use tandem_node::api::rows::{EditRows, RowEdit, Source};
use tandem_protocol::cause::Cause;
use tandem_protocol::name;
use tandem_protocol::schema::{ColumnType, Schema, TableOrder};
use tandem_protocol::value::Value;

use crate::batch;
use crate::client::Client;
use crate::dump::{ReadDump, refused};
use crate::dump_sorting::Sorting;
use crate::failure::{Failure, Outcome};
use crate::file;
use crate::progress::Progress;
use crate::terminal::say;
use crate::visible::value;

/// Bytes in memory of a cell and of its column's name, beside the value.
const CELL_BYTES: usize = 100;

/// What was taken in of a table, or would be.
#[derive(Debug, Default, Serialize)]
pub struct TakenTable {
    table: String,
    /// Rows of the file.
    rows: u64,
    inserted: u64,
    updated: u64,
}

/// What was taken in, or would be.
#[derive(Debug, Default, Serialize)]
pub struct Taken {
    tables: Vec<TakenTable>,
    /// Rows that an import of the same file had taken in before.
    before: u64,
    /// Nothing was written.
    pub dry_run: bool,
}

/// A dump, and the tables here that its rows are for.
pub struct DumpRows<'a> {
    files: &'a [PathBuf],
    dump: Dump,
    draft: Draft,
    /// In which order its tables are filled.
    order: TableOrder,
    /// Of each table, the bytes of its rows.
    bytes: Vec<u64>,
    schema: Schema,
    /// The only table whose rows are taken in, if it is one.
    only: Option<String>,
}

/// What is recorded with the rows.
#[derive(Clone, Copy, Default)]
pub struct Labels<'a> {
    /// Who.
    pub by: Option<&'a str>,
    /// Why: the names of the files, if nothing is said.
    pub message: Option<&'a str>,
}

/// Rows of one table that name the same columns.
struct Put {
    table: String,
    columns: Vec<String>,
    rows: Vec<Vec<Cell>>,
}

impl<'a> DumpRows<'a> {
    /// Looks at every row of the files that a dump was read from: nothing is written unless all of them
    /// fit the tables here.
    pub fn of(
        files: &'a [PathBuf],
        read: ReadDump,
        schema: Schema,
        only: Option<String>,
    ) -> Result<(Self, Taken), Failure> {
        let ReadDump { dump, draft, .. } = read;
        let order = TableOrder::of(draft.tables.len(), &|table| targets(&draft, table));
        if let Some(only) = only.as_ref().filter(|only| schema.table(only).is_none()) {
            return Err(error_kind::table_unknown.with("table", only).into());
        }
        let mut bytes = vec![0; draft.tables.len()];
        let mut rows = Self { files, dump, draft, order, bytes: Vec::new(), schema, only };
        let named = rows.draft.tables.iter();
        let tables = named.map(|table| TakenTable { table: table.name.clone(), ..TakenTable::default() });
        let mut taken = Taken { tables: tables.collect(), ..Taken::default() };
        rows.each(&mut |table, (_, cells)| {
            taken.tables[table].rows += 1;
            bytes[table] += size(&cells) as u64;
            Ok(())
        })?;
        rows.bytes = bytes;
        Ok((rows, taken))
    }

    /// Gives each row with the columns and values that it has here.
    fn each(&self, take: &mut dyn FnMut(usize, (Vec<String>, Vec<Cell>)) -> Outcome) -> Outcome {
        let paths: Vec<&Path> = self.files.iter().map(PathBuf::as_path).collect();
        let mut last = vec![0; self.draft.tables.len()];
        each_row(&paths, &self.dump, &mut |row: Row<'_>| -> Result<(), Unread> {
            let (table, line) = (row.table, row.line);
            let is_other = |only: &String| !name::same(only, &self.draft.tables[table].name);
            if self.only.as_ref().is_some_and(is_other) {
                return Ok(());
            }
            let mut here = self.here(row).map_err(|cause| Unread::Row(line, cause))?;
            self.number(table, &mut here, &mut last[table]);
            take(table, here).map_err(Unread::Said)
        })
        .map_err(|(at, error)| match error {
            Unread::Dump(error) => refused(&self.files[at], &error),
            Unread::Row(line, cause) => {
                let path = self.files[at].display();
                let error = error_kind::csv_refused.with("path", path).with("line", line);
                error.with("detail", cause).into()
            }
            Unread::Said(failure) => failure,
        })
    }

    /// A row that leaves its number to the database has the one that it was given there, for others refer
    /// to it by that: the next after all before it.
    fn number(&self, table: usize, (columns, cells): &mut (Vec<String>, Vec<Cell>), last: &mut i64) {
        debug_assert_eq!(columns.len(), cells.len(), "each column that a row names has its value");
        let drafted = &self.draft.tables[table];
        let [key] = drafted.key.as_slice() else { return };
        let at = columns.iter().position(|column| column == key);
        let is_number = drafted.column(key).is_some_and(|column| column.kind == ColumnType::Integer);
        match at.map(|at| &mut cells[at]) {
            Some(Cell(Value::Integer(given))) => *last = (*last).max(*given),
            Some(Cell(value)) if value.is_null() && is_number => {
                *last += 1;
                *value = Value::Integer(*last);
            }
            None if is_number => {
                *last += 1;
                columns.push(key.clone());
                cells.push(Cell(Value::Integer(*last)));
            }
            _ => {}
        }
    }

    /// The columns and values that a row has here.
    fn here(&self, row: Row<'_>) -> Result<(Vec<String>, Vec<Cell>), Cause> {
        let drafted = &self.draft.tables[row.table];
        let table = self.schema.table(&drafted.name).map(|table| &table.shown);
        let table = table.ok_or_else(|| Cause::new("schema_no_table").with("table", &drafted.name))?;
        let mut here = (Vec::new(), Vec::new());
        for (name, written) in row.columns.iter().zip(row.values) {
            let column = drafted.of_source(name).and_then(|column| table.column(&column.name));
            let Some(column) = column else {
                // What is computed there is not kept here.
                if self.dump.tables[row.table].column(name).is_none() {
                    continue;
                }
                let known: Vec<String> = table.columns.iter().map(|column| column.name.clone()).collect();
                let cause = Cause::new("csv_column_unknown").with("table", &drafted.name);
                return Err(cause.with("column", name).with("columns", known.join(", ")));
            };
            let shown = written.beginning();
            let found = cell(column.kind, written).ok_or_else(|| {
                let cause = Cause::new("csv_value").with("column", &column.name).with("value", shown);
                cause.with("type", column.kind.to_string())
            })?;
            if found.is_null() && column.not_null && !table.is_key(&column.name) {
                return Err(Cause::new("dump_null").with("column", format!("{}.{}", table.name, column.name)));
            }
            here.0.push(column.name.clone());
            here.1.push(Cell(found));
        }
        Ok(here)
    }

    /// Takes the rows in, but for those that were taken in before, unless they are to be again.
    pub fn write(
        &self,
        (client, space): (&Client, &str),
        labels: Labels<'_>,
        again: bool,
        taken: &mut Taken,
    ) -> Outcome {
        let source = self.source()?;
        let before = client.source(space, &source)?.offset.and_then(|offset| offset.parse().ok());
        taken.before = before.filter(|_| !again).unwrap_or(0);
        let all: u64 = taken.tables.iter().map(|table| table.rows).sum();
        let counts: Vec<u64> = taken.tables.iter().map(|table| table.rows).collect();
        let are_whole: Vec<bool> =
            (0..self.order.places()).map(|place| self.is_whole(place, &counts)).collect();
        let mut batch = Batch::new();
        let mut sorting = Sorting::new(&self.order, &counts);
        while !sorting.is_done() {
            sorting.begin_pass();
            self.each(&mut |table, row| {
                let bytes = size(&row.1) + CELL_BYTES * row.1.len();
                sorting.take((table, row, bytes), &mut |table, (columns, cells)| {
                    let place = self.order.place(table);
                    let is_whole = are_whole[place];
                    if batch.place.replace(place) != Some(place) && is_whole {
                        self.flush(&mut batch, (client, space), (&source, labels, all), taken)?;
                    }
                    batch.is_cut |= self.order.is_circle(place) && !is_whole;
                    batch.add(&self.draft.tables[table].name, columns, cells, taken.before);
                    match batch.is_full() && !is_whole {
                        true => self.flush(&mut batch, (client, space), (&source, labels, all), taken),
                        false => Ok(()),
                    }
                })
            })?;
            if !sorting.met_all() {
                let names: Vec<String> = self.files.iter().map(|path| path.display().to_string()).collect();
                let detail = Cause::new("file_changed");
                return Err(error_kind::file_failed
                    .with("path", names.join(", "))
                    .with("detail", detail)
                    .into());
            }
        }
        self.flush(&mut batch, (client, space), (&source, labels, all), taken)
    }

    /// Whether the rows of a place are written together, for they may refer to each other: unless they are more
    /// than a transaction carries, and then they must come in an order that does.
    fn is_whole(&self, place: usize, rows: &[u64]) -> bool {
        let (rows, bytes) = (self.order.sum(place, rows), self.order.sum(place, &self.bytes));
        self.order.is_circle(place) && batch::is_one(rows, bytes)
    }

    fn flush(
        &self,
        batch: &mut Batch,
        (client, space): (&Client, &str),
        (source, labels, all): (&str, Labels<'_>, u64),
        taken: &mut Taken,
    ) -> Outcome {
        if batch.puts.is_empty() {
            return Ok(());
        }
        let edits = batch.puts.drain(..).map(|put| RowEdit::Put {
            table: put.table,
            columns: put.columns,
            rows: put.rows,
        });
        let named = self.files.iter().filter_map(|path| path.file_name());
        let named: Vec<String> = named.map(|name| name.to_string_lossy().into_owned()).collect();
        let request = EditRows {
            edits: edits.collect(),
            sources: vec![Source { name: source.to_owned(), offset: Some(batch.done.to_string()) }],
            message: Some(labels.message.map_or_else(|| named.join(", "), str::to_owned)),
            by: labels.by.map(str::to_owned),
            ..EditRows::default()
        };
        assert!(batch.done >= batch.count as u64, "the rows of a batch are among those that are done");
        let written_before = batch.done - batch.count as u64;
        (batch.count, batch.bytes) = (0, 0);
        let is_cut = std::mem::take(&mut batch.is_cut);
        let written = client.edit_rows(space, request).map_err(Failure::from);
        let written =
            written.map_err(|failure| if is_cut { batch::circle_refused(failure) } else { failure });
        if written.is_err() && written_before > 0 {
            batch.progress.clear();
            say(&t!("import.taken", count = written_before, file = named.join(", ")));
        }
        for change in written?.changes {
            if let Some(table) = taken.tables.iter_mut().find(|table| table.table == change.table) {
                table.inserted += change.inserted;
                table.updated += change.updated;
            }
        }
        batch.progress.bar(&named.join(", "), batch.done, all);
        Ok(())
    }

    /// Stands for the content of all files: what was taken in of it is known by that.
    fn source(&self) -> Result<String, Failure> {
        let mut source = "dump".to_owned();
        for path in self.files {
            let file = TextFile::open(path).map_err(|error| file::failed(path, &error))?;
            source += &format!(" {}", file.hash);
        }
        if let Some(only) = &self.only {
            source += &format!(" {}", name::fold(only));
        }
        Ok(source)
    }
}

/// Rows that are going to be written together.
struct Batch {
    puts: Vec<Put>,
    count: usize,
    bytes: usize,
    /// Rows before the end of this batch, those taken in before included.
    done: u64,
    /// The place of the last one's table.
    place: Option<usize>,
    /// Whether some of them may refer to rows of another batch, and those to them.
    is_cut: bool,
    progress: Progress,
}

impl Batch {
    fn new() -> Self {
        let progress = Progress::new();
        Self { puts: Vec::new(), count: 0, bytes: 0, done: 0, place: None, is_cut: false, progress }
    }

    /// One row more, unless it is one of the first `before`, which are here already.
    fn add(&mut self, table: &str, columns: Vec<String>, cells: Vec<Cell>, before: u64) {
        self.done += 1;
        if self.done <= before {
            return;
        }
        self.count += 1;
        self.bytes += size(&cells);
        match self.puts.last_mut() {
            Some(put) if put.table == table && put.columns == columns => put.rows.push(cells),
            _ => self.puts.push(Put { table: table.to_owned(), columns, rows: vec![cells] }),
        }
    }

    fn is_full(&self) -> bool {
        batch::is_full(self.count, self.bytes)
    }
}

fn size(cells: &[Cell]) -> usize {
    let of = |Cell(value): &Cell| match value {
        Value::Text(text) => text.len(),
        Value::Blob(bytes) => bytes.len(),
        _ => 8,
    };
    cells.iter().map(of).sum()
}

/// Why a row is not taken in.
enum Unread {
    Dump(DumpError),
    Row(u64, Cause),
    Said(Failure),
}

impl From<DumpError> for Unread {
    fn from(error: DumpError) -> Self {
        Self::Dump(error)
    }
}

/// The tables that one refers to.
fn targets(draft: &Draft, table: usize) -> Vec<usize> {
    let place = |name: &str| draft.tables.iter().position(|table| table.name == name);
    draft.tables[table].references.iter().filter_map(|reference| place(&reference.table)).collect()
}

/// What was taken in, table by table.
pub fn told(taken: &Taken) -> String {
    let mut text = String::new();
    if taken.before > 0 {
        text = format!("{}\n", t!("import.goes_on", count = taken.before));
    }
    let with_rows = taken.tables.iter().filter(|table| table.rows > 0);
    let lines = with_rows.map(|table| {
        let name = value(&table.table);
        match taken.dry_run {
            true => t!("import.would", table = name, rows = table.rows, count = table.rows).into_owned(),
            false => t!(
                "import.done",
                table = name,
                inserted = table.inserted,
                updated = table.updated,
                same = table.rows.saturating_sub(table.inserted + table.updated)
            )
            .into_owned(),
        }
    });
    text + &lines.collect::<Vec<_>>().join("\n")
}
