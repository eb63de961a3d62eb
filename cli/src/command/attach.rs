//! `tandem attach`: a database that a site already has, kept equal with the space.

use clap::{Args, Subcommand};
use serde_json::json;
use tandem_bridge::{BridgeStatus, Comparison, FirstDay, Plan};
use tandem_node::api::attachment::{self, Detach, ShownAttachment};
use tandem_node::api::error_kind;
use tandem_protocol::cause::Cause;

use crate::attachment::state as attachment_state;
use crate::context::Context;
use crate::failure::Outcome;
use crate::speech::told;
use crate::table::Table;
use crate::visible::value;

/// Notes and rows that are listed; the others are counted.
const LISTED: usize = 20;

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Attach {
    #[command(subcommand)]
    what: Option<What>,
    #[arg(env = "TANDEM_DATABASE", hide_env_values = true)]
    database: Option<String>,
    #[arg(long, value_name = "TABLE", value_delimiter = ',')]
    tables: Vec<String>,
    #[arg(long, value_name = "TABLE", value_delimiter = ',')]
    exclude: Vec<String>,
    #[arg(long, value_name = "TABLE.COLUMN", value_delimiter = ',')]
    counter: Vec<String>,
    #[arg(long, value_name = "TABLE.COLUMN", value_delimiter = ',')]
    stamp: Vec<String>,
    #[arg(long, value_name = "TABLE.COLUMN", value_delimiter = ',')]
    quiet: Vec<String>,
    #[arg(long)]
    dry_run: bool,
}

#[derive(Subcommand)]
enum What {
    Show,
    Compare,
    Detach {
        #[arg(long)]
        gone: bool,
    },
}

impl Attach {
    pub fn run(&self, context: &Context) -> Outcome {
        let client = context.client()?;
        let space = context.space(&client)?;
        match &self.what {
            Some(What::Show) => context.print(&client.attachment(&space)?, shown),
            Some(What::Compare) => context.print(&client.compare_attachment(&space)?, compared),
            Some(What::Detach { gone }) => {
                client.detach(&space, &Detach { gone: *gone })?;
                context.print(&json!({ "detached": space }), |_| t!("attach.detached").into_owned())
            }
            None => {
                let request = self.request()?;
                if self.dry_run {
                    return context.print(&client.plan_attachment(&space, &request)?, |plan| {
                        format!("{}\n\n{}\n{}", planned(plan), plan.sql, t!("attach.nothing_changed"))
                    });
                }
                context.print(&client.attach_database(&space, &request)?, attached)
            }
        }
    }

    fn request(&self) -> Result<attachment::Attach, crate::failure::Failure> {
        let url = self
            .database
            .clone()
            .ok_or_else(|| error_kind::database_refused.with("detail", Cause::new("bridge_scheme")))?;
        let (tables, exclude) = (self.tables.clone(), self.exclude.clone());
        let (counter, stamp, quiet) = (self.counter.clone(), self.stamp.clone(), self.quiet.clone());
        Ok(attachment::Attach { url, tables, exclude, counter, stamp, quiet })
    }
}

fn planned(plan: &Plan) -> String {
    let names: Vec<String> = plan.tables.iter().map(|table| value(&table.here).to_string()).collect();
    let database = &plan.database;
    let mut text =
        t!("attach.plan", database = database, count = names.len(), tables = names.join(", ")).into_owned();
    if !plan.left_out.is_empty() {
        let names: Vec<String> = plan.left_out.iter().map(|name| value(name).to_string()).collect();
        text += &format!("\n{}", t!("attach.left_out", tables = names.join(", ")));
    }
    for (note, place) in plan.notes.iter().filter(|(note, _)| note.code != "dump_type").take(LISTED) {
        text += &format!("\n  {}: {}", value(place), told(note));
    }
    text
}

fn attached(day: &FirstDay) -> String {
    let plan = planned(&day.plan);
    let all = t!("attach.attached", taken_in = day.taken_in, equal = day.equal, to_apply = day.to_apply);
    format!("{plan}\n\n{all}")
}

fn shown(shown: &ShownAttachment) -> String {
    let Some(database) = &shown.database else { return t!("attach.none").into_owned() };
    let tables: Vec<String> = shown.tables.iter().map(|name| value(name).to_string()).collect();
    let mut text = t!("attach.shown", database = database, count = tables.len(), tables = tables.join(", "))
        .into_owned();
    text += &match &shown.status {
        Some(status) => format!("\n{}", going(status)),
        None => format!("\n{}", t!("attach.no_node")),
    };
    text
}

fn going(status: &BridgeStatus) -> String {
    let mut lines = vec![attachment_state(&status.state)];
    lines.push(t!("attach.counts", taken_in = status.taken_in, applied = status.applied).into_owned());
    let counts = [
        ("missed", status.missed),
        ("put_back", status.put_back),
        ("altered", status.altered),
        ("unread", status.unread),
        ("uncounted", status.uncounted),
        ("reinstalled", status.reinstalled),
    ];
    for (name, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
        lines.push(t!(format!("attach.{name}"), count = count).into_owned());
    }
    if !status.parked.is_empty() {
        lines.push(t!("attach.parked", count = status.parked.len()).into_owned());
        for row in status.parked.iter().take(LISTED) {
            lines.push(format!("  {} {}: {}", value(&row.table), value(&row.key), told(&row.reason)));
        }
    }
    lines.join("\n")
}

fn compared(comparison: &Comparison) -> String {
    let heads = ["table", "equal", "only_here", "only_there", "different"];
    let mut table = Table::new(heads.map(|key| t!(format!("attach.head_{key}")).into_owned()));
    for one in &comparison.tables {
        let counts = [one.equal, one.only_here, one.only_there, one.different].map(|count| count.to_string());
        let [equal, only_here, only_there, different] = counts;
        table.row([one.table.clone(), equal, only_here, only_there, different]);
    }
    let all = match comparison.is_equal() {
        true => t!("attach.equal"),
        false => t!("attach.not_equal"),
    };
    format!("{}\n{all}", table.render())
}
