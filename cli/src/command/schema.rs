//! `tandem schema`: shows or changes the tables.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use tandem_node::api::schema::{SchemaChange, SchemaChanged};

use crate::context::Context;
use crate::failure::Failure;
use crate::failure::Outcome;
use crate::file;
use crate::terminal::print_data;
use crate::visible::value;

#[derive(Args)]
pub struct Schema {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Subcommand)]
enum What {
    Show,
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
                if context.json { context.print_json(&schema) } else { print_data(&schema.sql) }
            }
            What::Apply { file, dry_run } => {
                let sql = read_file(file)?;
                let client = context.client()?;
                let request = SchemaChange { sql, dry_run: *dry_run };
                let changed = client.apply_schema(&context.space(&client)?, &request)?;
                context.print(&changed, told)
            }
        }
    }
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

/// A file named on the command line.
pub fn read_file(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| file::failed(path, &error))
}
