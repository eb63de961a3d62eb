//! `tandem schema`: shows or changes the tables, or reads those of another database.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use tandem_import::dialect::Dialect;
use tandem_node::api::error_kind;
use tandem_node::api::schema::{SchemaChange, SchemaChanged, ShownSchema, Waiting};
use tandem_protocol::bounds;
use tandem_protocol::cause::{Cause, part};
use tandem_protocol::schema::{self, Judge, ddl};

use crate::context::Context;
use crate::dump::{self, ReadDump};
use crate::failure::Failure;
use crate::failure::Outcome;
use crate::file;
use crate::speech;
use crate::terminal::{print_data, say};
use crate::visible::value;

#[derive(Args)]
pub struct Schema {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Subcommand)]
enum What {
    Show,
    Import {
        #[arg(required = true)]
        file: Vec<PathBuf>,
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        #[arg(long, value_name = "DIALECT", value_parser = dump::dialect_named)]
        from: Option<Dialect>,
    },
    Apply {
        file: PathBuf,
        #[arg(long)]
        dry_run: bool,
    },
}

impl Schema {
    pub fn run(&self, context: &Context) -> Outcome {
        match self.what.as_ref().unwrap_or(&What::Show) {
            What::Show => {
                let client = context.client()?;
                let schema = client.schema(&context.space(&client)?)?;
                if context.json {
                    return context.print_json(&schema);
                }
                print_data(&schema.sql)?;
                if let Some(told) = not_in_force(&schema) {
                    say(&told);
                }
                Ok(())
            }
            What::Import { file, out, from } => {
                let read = ReadDump::read(file, *from)?;
                if let Some(out) = out {
                    write_new(out, &read.sql())?;
                }
                if context.json {
                    return context.print_json(&read.json());
                }
                say(&read.told());
                match out {
                    Some(out) => {
                        say(&format!("\n{}", t!("dump.written", path = out.display())));
                        Ok(())
                    }
                    None => print_data(&read.sql()),
                }
            }
            What::Apply { file, dry_run } => {
                let sql = read_schema(file)?;
                let client = context.client()?;
                let request = SchemaChange { sql, dry_run: *dry_run };
                let changed = client.apply_schema(&context.space(&client)?, &request)?;
                context.print(&changed, told)
            }
        }
    }
}

/// What was declared and is not in force here, if there is such; not in the SQL, which a program may read back.
fn not_in_force(schema: &ShownSchema) -> Option<String> {
    let of = |Waiting { what, reason }: &Waiting| {
        let told = Cause::new("schema_waiting").with("what", part(what)).with("reason", reason.clone());
        format!("\n  {}", speech::told(&told))
    };
    let list: String = schema.waiting.iter().chain(&schema.not_shown).map(of).collect();
    (!list.is_empty()).then(|| format!("{}{list}", t!("schema.waiting")))
}

fn told(changed: &SchemaChanged) -> String {
    if changed.changes.is_empty() {
        return t!("schema.nothing").into_owned();
    }
    let list: String = changed.changes.iter().map(|change| format!("  {}\n", value(change))).collect();
    let end = match &changed.dot {
        Some(dot) => t!("schema.applied", dot = dot),
        None => t!("schema.dry_run"),
    };
    list + &end
}

/// Writes a text into a file that is not there yet.
fn write_new(path: &Path, text: &str) -> Outcome {
    let draft = file::Draft::begin(path, |_| Ok(false))?;
    draft.file().write_all(text.as_bytes()).map_err(|error| draft.failed(&error))?;
    draft.finish()
}

/// The schema that an empty space comes to have by that SQL.
pub fn planned(sql: &str) -> Result<schema::Schema, Failure> {
    let mut schema = schema::Schema::new(Judge::default());
    let ops =
        ddl::plan(sql, &schema).map_err(|error| error_kind::failed.with("detail", Cause::from(&error)))?;
    schema.add_next(&ops);
    schema.rejudge();
    Ok(schema)
}

/// A file with a schema.
pub fn read_schema(path: &Path) -> Result<String, Failure> {
    file::read_text(path, bounds::SCHEMA_MIB)
}
