//! `tandem import`: takes in rows that people bring, in a CSV file, a folder, a ZIP or a workbook, or the
//! rows of a dump.

use std::path::PathBuf;

use clap::Args;
use tandem_import::sheets::Brought;
use tandem_node::api::error_kind;
use tandem_protocol::schema::Schema;

use crate::client::Client;
use crate::command::schema::planned;
use crate::context::Context;
use crate::dump::ReadDump;
use crate::dump_rows::{self, DumpRows, Labels};
use crate::failure::{Failure, Outcome};
use crate::intake::plan::{Choice, Plan};
use crate::intake::scratch;
use crate::intake::tally::Tally;
use crate::intake::writing::{Manner, Target, Writing};

#[derive(Args)]
pub struct Import {
    file: PathBuf,
    #[arg(long, value_name = "TABLE")]
    table: Option<String>,
    #[arg(long)]
    dry_run: bool,
    #[arg(long)]
    again: bool,
    #[arg(long)]
    ignore_unknown: bool,
    #[arg(long)]
    disarmed: bool,
    #[arg(long)]
    many_deletions: bool,
    #[arg(short, long, value_name = "TEXT")]
    message: Option<String>,
    #[arg(long, value_name = "WHO")]
    by: Option<String>,
}

impl Import {
    pub fn run(&self, context: &Context) -> Outcome {
        if self.file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("sql")) {
            return self.take_dump(context);
        }
        let client = context.client()?;
        let space = context.space(&client)?;
        let data = &context.settings.data.value;
        let brought = Brought::open(&self.file, &scratch::folder(data)?)?;
        let schema = schema_of(&client, &space)?;
        let choice = Choice {
            table: self.table.as_deref(),
            may_ignore: self.ignore_unknown,
            is_disarmed: self.disarmed,
        };
        let plan = Plan::of(&brought, &schema, choice)?;
        let (id, open) = figures(&client, &space)?;
        let name = self.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let manner = Manner {
            by: self.by.as_deref(),
            message: self.message.as_deref().unwrap_or(&name),
            file: &name,
            again: self.again,
            dry_run: self.dry_run,
            many_deletions: self.many_deletions,
        };
        let target = Target { client: &client, space: &space, id: &id, data };
        let mut writing = Writing::begin(target, manner, &plan)?;
        writing.rows(&plan)?;
        writing.missing(&plan)?;
        writing.keep_known(&plan)?;
        let mut tally = writing.tally;
        tally.to_decide = figures(&client, &space)?.1.saturating_sub(open);
        tally.sum();
        context.print(&tally, Tally::told)
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
}

/// The tables of a space.
pub fn schema_of(client: &Client, space: &str) -> Result<Schema, Failure> {
    planned(&client.schema(space)?.sql)
}

/// The id of a space, and how many conflicts are open in it.
pub fn figures(client: &Client, space: &str) -> Result<(String, u64), Failure> {
    let spaces = client.status()?.spaces;
    let found = spaces.into_iter().find(|one| one.name == space);
    let found = found.ok_or_else(|| error_kind::space_unknown.with("space", space))?;
    Ok((found.id, found.open_conflicts))
}
