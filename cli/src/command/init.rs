//! `tandem init`: a site, and a new space on it.

use std::path::PathBuf;

use clap::Args;
use tandem_node::api::space::{Founded, NewSpace};

use crate::client::Client;
use crate::command::schema::{planned, read_schema};
use crate::context::Context;
use crate::dump::ReadDump;
use crate::dump_rows::{self, DumpRows, Labels};
use crate::failure::Outcome;
use crate::terminal::say;
use crate::this_pc::this_pc;

const DEFAULT_SPACE: &str = "main";

#[derive(Args)]
pub struct Init {
    #[arg(long, value_name = "FILE")]
    schema: Option<PathBuf>,
    #[arg(long, value_name = "FILE", conflicts_with = "schema")]
    import: Vec<PathBuf>,
    #[arg(long, requires = "import")]
    with_data: bool,
    #[arg(long, value_name = "SITE")]
    name: Option<String>,
}

impl Init {
    pub fn run(&self, context: &Context) -> Outcome {
        let mut schema = self.schema.as_deref().map(read_schema).transpose()?;
        let mut rows = None;
        if !self.import.is_empty() {
            let read = ReadDump::read(&self.import, None)?;
            say(&format!("{}\n", read.told()));
            let sql = read.sql();
            if self.with_data {
                rows = Some(DumpRows::of(&self.import, read, planned(&sql)?, None)?);
            }
            schema = Some(sql);
        }
        context.log(false);
        let client = Client::of_folder_or_new(&context.settings.data.value)?;
        let name = context.settings.space.value.clone().unwrap_or_else(|| DEFAULT_SPACE.to_owned());
        let site_name = self.name.clone().unwrap_or_else(this_pc);
        let founded = client.create_space(&NewSpace { name, site_name, schema })?;
        if let Some((rows, mut taken)) = rows {
            let written = rows.write((&client, &founded.name), Labels::default(), false, &mut taken);
            // The error speaks of its own rows only.
            if written.is_err() {
                say(&t!("init.without_rows", space = founded.name));
            }
            written?;
            say(&format!("{}\n", dump_rows::told(&taken)));
        }
        context.print(&founded, |founded| told(founded, context))
    }
}

fn told(founded: &Founded, context: &Context) -> String {
    let mut text = t!(
        "init.done",
        space = founded.name,
        site = founded.site_name,
        data = context.settings.data.value.display()
    )
    .into_owned();
    text.push('\n');
    if founded.tables.is_empty() {
        text += &t!("init.no_tables");
    } else {
        text += &t!("init.tables", tables = founded.tables.join(", "));
    }
    text.push('\n');
    text += &t!("init.next");
    text
}
