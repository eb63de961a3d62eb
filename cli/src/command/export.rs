//! `tandem export`: takes tables away as CSV: one file, a folder, or a ZIP; or as the school's own program
//! reads them.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use tandem_node::api::error_kind;
use tandem_node::api::now_ms;
use tandem_protocol::schema::{Schema, TableDef};

use crate::client::Client;
use crate::command::import::{figures, schema_of};
use crate::context::Context;
use crate::csv_text;
use crate::failure::{Failure, Outcome};
use crate::figures::bytes;
use crate::file;
use crate::intake::known::Known;
use crate::intake::meetings::Meetings;
use crate::intake::{manifest, school};
use crate::moment;
use crate::outgo::container::Container;
use crate::outgo::listing::{Listing, Style};
use crate::visible::value;

/// How often an export begins again because somebody wrote meanwhile.
const TIMES: usize = 3;

#[derive(Args)]
pub struct Export {
    file: PathBuf,
    #[arg(long, value_name = "TABLE")]
    table: Vec<String>,
    #[arg(long, conflicts_with = "table")]
    school: bool,
    #[arg(long)]
    for_spreadsheet: bool,
}

/// What was written of a table.
#[derive(Serialize)]
struct ExportedTable {
    table: String,
    /// Its file.
    file: String,
    rows: u64,
}

/// What was written.
#[derive(Serialize)]
struct Exported {
    file: String,
    bytes: u64,
    rows: u64,
    tables: Vec<ExportedTable>,
}

/// A table, and the name of its file.
type Named<'s> = (String, &'s TableDef);

impl Export {
    pub fn run(&self, context: &Context) -> Outcome {
        let client = context.client()?;
        let space = context.space(&client)?;
        let schema = schema_of(&client, &space)?;
        let (tables, path) = (self.tables(&schema)?, self.path()?);
        let is_list = is_called(&path, "csv");
        if is_list && tables.len() > 1 {
            return Err(Failure::usage(t!("export.one")));
        }
        let mut times = 1;
        let (mut container, written, known) = loop {
            let version = client.version(&space)?;
            let mut container = match is_list {
                true => Container::file(&path)?,
                false if is_called(&path, "zip") => Container::zip(&path)?,
                false => Container::folder(&path)?,
            };
            let mut known = Known::at(version.clone(), moment::comparable(now_ms()));
            let written = self.write((&client, &space), &tables, &mut container, &mut known)?;
            if !is_list {
                self.add_lists((&client, &space), &schema, &mut container)?;
            }
            // Tables read one after another while somebody writes may not fit together.
            if times >= TIMES || client.version(&space)? == version {
                break (container, written, known);
            }
            times += 1;
        };
        if !is_list {
            let said = self.manifest(&known.version, &written);
            container.add(&format!("{}.csv", school::MANIFEST), &mut |out| {
                out.write_all(said.as_bytes()).map_err(|error| file::failed(&path, &error))
            })?;
        }
        container.finish()?;
        if !is_list {
            let (id, _) = figures(&client, &space)?;
            let data = &context.settings.data.value;
            Meetings::export(&known, data, &id).map_err(|error| file::failed(data, &error))?;
        }
        let size = fs::metadata(&path).map(|found| found.len()).unwrap_or(0);
        let rows = written.iter().map(|table| table.rows).sum();
        let exported = Exported { file: path.display().to_string(), bytes: size, rows, tables: written };
        context.print(&exported, told)
    }

    /// Where it is written: the school's program knows its files by their names.
    fn path(&self) -> Result<PathBuf, Failure> {
        let is_file = ["csv", "zip"].iter().any(|ending| is_called(&self.file, ending));
        if !is_file && !self.file.is_dir() && is_of_another_kind(&self.file) {
            return Err(Failure::usage(t!("export.ending", path = value(self.file.display()))));
        }
        if !self.school || is_file {
            return Ok(self.file.clone());
        }
        fs::create_dir_all(&self.file).map_err(|error| file::failed(&self.file, &error))?;
        let (name, moment) = moment::in_name(now_ms());
        let year = school::year(moment.year(), moment.month().into());
        Ok(self.file.join(format!("sync_global_COMPLET_{year}_{name}.zip")))
    }

    /// The tables, and what their files are called.
    fn tables<'s>(&self, schema: &'s Schema) -> Result<Vec<Named<'s>>, Failure> {
        let find = |name: &str| school::table(schema, name);
        let unknown = |name: &str| Failure::from(error_kind::table_unknown.with("table", name));
        if self.school {
            let of = |(file, table): (&str, &str)| {
                Ok((file.to_owned(), find(table).ok_or_else(|| unknown(table))?))
            };
            return school::FILES.into_iter().map(of).collect();
        }
        let stem = self.file.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let named: Vec<String> = match (self.table.is_empty(), is_called(&self.file, "csv")) {
            (true, true) => stem.into_iter().collect(),
            (true, false) => schema.tables().map(|table| table.shown.name.clone()).collect(),
            (false, _) => self.table.clone(),
        };
        named
            .iter()
            .map(|name| find(name).map(|table| (table.name.clone(), table)).ok_or_else(|| unknown(name)))
            .collect()
    }

    fn style(&self) -> Style {
        Style { spreadsheet: self.for_spreadsheet, words: self.school }
    }

    fn write(
        &self,
        target: (&Client, &str),
        tables: &[Named<'_>],
        container: &mut Container,
        known: &mut Known,
    ) -> Result<Vec<ExportedTable>, Failure> {
        let mut written = Vec::new();
        for (name, table) in tables {
            let (file, mut rows) = (format!("{name}.csv"), 0);
            container.add(&file, &mut |out| {
                rows = Listing::of(table, self.style()).write(target, out, Some(known))?;
                Ok(())
            })?;
            written.push(ExportedTable { table: table.name.clone(), file, rows });
        }
        Ok(written)
    }

    /// The lists of ids, from which the school's program tells what was deleted.
    fn add_lists(&self, target: (&Client, &str), schema: &Schema, container: &mut Container) -> Outcome {
        for (name, table) in school::ID_LISTS.iter().filter(|_| self.school) {
            let Some(table) = school::table(schema, table) else { continue };
            container.add(&format!("{name}.csv"), &mut |out| {
                Listing::keys(table, self.style()).write(target, out, None).map(drop)
            })?;
        }
        Ok(())
    }

    /// What the files say of themselves.
    fn manifest(&self, version: &str, written: &[ExportedTable]) -> String {
        let (_, moment) = moment::in_name(now_ms());
        let date = moment::comparable(now_ms());
        let mut said = vec![
            ("key".to_owned(), "value".to_owned()),
            ("export_date".to_owned(), date),
            ("academic_year".to_owned(), school::year(moment.year(), moment.month().into())),
            ("version".to_owned(), format!("tandem {}", env!("CARGO_PKG_VERSION"))),
        ];
        said.extend(
            written.iter().map(|table| {
                (format!("{}_count", table.file.trim_end_matches(".csv")), table.rows.to_string())
            }),
        );
        said.push((manifest::DISARMED.to_owned(), u8::from(self.for_spreadsheet).to_string()));
        said.push((manifest::VERSION.to_owned(), version.to_owned()));
        let line = |(name, value): &(String, String)| {
            format!("{},{}\n", csv_text::field(name, false), csv_text::field(value, false))
        };
        said.iter().map(line).collect()
    }
}

fn is_called(path: &Path, ending: &str) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(ending))
}

/// Whether a name ends as that of a file does which nothing here writes: a folder is hardly meant.
fn is_of_another_kind(path: &Path) -> bool {
    let ending = path.extension().unwrap_or_default().to_string_lossy();
    !ending.is_empty() && ending.chars().all(char::is_alphabetic)
}

fn told(exported: &Exported) -> String {
    let line = |table: &ExportedTable| {
        t!("export.table", table = value(&table.table), file = value(&table.file), rows = table.rows)
            .into_owned()
    };
    let mut lines: Vec<String> = exported.tables.iter().map(line).collect();
    lines.push(
        t!("export.done", file = value(&exported.file), rows = exported.rows, size = bytes(exported.bytes))
            .into_owned(),
    );
    lines.join("\n")
}
