//! The dump of another database, read and told.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Serialize;
use tandem_import::dialect::Dialect;
use tandem_import::schema::{Draft, draft};
use tandem_import::{Dump, DumpError, Notes, OfKind, Section};
use tandem_node::api::error_kind;
use tandem_protocol::cause::Cause;

use crate::failure::Failure;
use crate::file;
use crate::speech::words;

/// Places of one kind that are listed; the others are counted.
const PLACES: usize = 10;

/// A dump, the schema that it becomes, and what is to be told of both.
pub struct ReadDump {
    /// What it declares.
    pub dump: Dump,
    /// What that becomes.
    pub draft: Draft,
    notes: Notes,
}

/// A table, for programs.
#[derive(Serialize)]
struct TableJson<'a> {
    name: &'a str,
    columns: usize,
}

/// Notes of one kind, for programs.
#[derive(Serialize)]
struct KindJson<'a> {
    #[serde(flatten)]
    kind: &'a Cause,
    text: String,
    count: usize,
    places: Vec<PlaceJson<'a>>,
}

/// Where a note stands, for programs.
#[derive(Serialize)]
struct PlaceJson<'a> {
    line: u64,
    what: &'a str,
}

/// All of it, for programs.
#[derive(Serialize)]
pub struct ReadDumpJson<'a> {
    dialect: &'static str,
    tables: Vec<TableJson<'a>>,
    rows: u64,
    notes: Vec<KindJson<'a>>,
    sql: String,
}

impl ReadDump {
    /// Reads dumps, one after another.
    pub fn read(files: &[PathBuf], dialect: Option<Dialect>) -> Result<Self, Failure> {
        let paths: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
        let dump = Dump::read(&paths, dialect).map_err(|(at, error)| refused(&files[at], &error))?;
        let (mut draft, mut more) = draft(&dump);
        let told = |detail: Cause| {
            let path = files.last().map(|path| path.display().to_string()).unwrap_or_default();
            error_kind::dump_refused.with("path", path).with("detail", detail)
        };
        let schema = draft.schema().map_err(|error| told(Cause::from(&error)))?;
        draft.settle_views(tandem_store::unread_queries(&schema).map_err(told)?, &mut more);
        let mut notes = dump.notes.clone();
        notes.append(more);
        Ok(Self { dump, draft, notes })
    }

    fn rows(&self) -> u64 {
        self.dump.tables.iter().map(|table| table.rows).sum()
    }

    /// The schema in tandem's SQL.
    pub fn sql(&self) -> String {
        self.draft.sql()
    }

    /// What was read and what became of it, for people.
    pub fn told(&self) -> String {
        let columns: usize = self.draft.tables.iter().map(|table| table.columns.len()).sum();
        let mut text = t!(
            "dump.read",
            dialect = self.dump.dialect.name(),
            tables = self.draft.tables.len(),
            columns = columns,
            rows = self.rows()
        )
        .into_owned();
        let headings = [
            (Section::Changed, t!("dump.changed")),
            (Section::Decided, t!("dump.decided")),
            (Section::LeftOut, t!("dump.left_out")),
        ];
        for (section, heading) in headings {
            let kinds = self.notes.by_kind();
            let mut kinds = kinds.iter().filter(|of| Section::of(of.kind) == section).peekable();
            if kinds.peek().is_none() {
                continue;
            }
            text += &format!("\n\n{heading}");
            for OfKind { kind, count, notes } in kinds {
                let said = words().cause(kind).unwrap_or_default();
                let line = t!("dump.kind", text = said, count = count, line = notes[0].line);
                text += &format!("\n  {line}");
                // Of types, the count says all.
                if section == Section::Changed && kind.code.starts_with("dump_type") {
                    continue;
                }
                for note in notes.iter().take(PLACES) {
                    text += &format!("\n    {}", t!("dump.place", line = note.line, what = note.what));
                }
                if *count > PLACES {
                    text += &format!("\n    {}", t!("dump.more", count = count - PLACES));
                }
            }
        }
        text
    }

    /// The same for programs.
    pub fn json(&self) -> ReadDumpJson<'_> {
        let table = |table: &'_ tandem_import::schema::DraftTable| table.columns.len();
        let tables = &self.draft.tables;
        let kinds = self.notes.by_kind().into_iter().map(|OfKind { kind, count, notes }| KindJson {
            kind,
            count,
            text: words().cause(kind).unwrap_or_default(),
            places: notes.iter().map(|note| PlaceJson { line: note.line, what: &note.what }).collect(),
        });
        ReadDumpJson {
            dialect: self.dump.dialect.name(),
            tables: tables.iter().map(|one| TableJson { name: &one.name, columns: table(one) }).collect(),
            rows: self.rows(),
            notes: kinds.collect(),
            sql: self.sql(),
        }
    }
}

/// The dialect that is called so on the command line.
pub fn dialect_named(name: &str) -> Result<Dialect, String> {
    match name.to_ascii_lowercase().as_str() {
        "mysql" | "mariadb" => Ok(Dialect::MySql),
        "postgresql" | "postgres" => Ok(Dialect::PostgreSql),
        "sqlite" => Ok(Dialect::Sqlite),
        _ => Err("mysql, postgresql, sqlite".to_owned()),
    }
}

/// A dump that is not read.
pub fn refused(path: &Path, error: &DumpError) -> Failure {
    match error {
        DumpError::Io(error) if error.kind() != ErrorKind::InvalidData => file::failed(path, error),
        error => {
            error_kind::dump_refused.with("path", path.display()).with("detail", Cause::from(error)).into()
        }
    }
}
