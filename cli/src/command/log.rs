//! `tandem log`: who changed what, where and when.

use clap::{Args, Subcommand};
use tandem_node::api::log_entry::{LogEntry, LogQuery};
use tandem_node::api::log_op::LogOp;

use crate::client::Client;
use crate::context::Context;
use crate::failure::Failure;
use crate::failure::Outcome;
use crate::moment;
use crate::pairs::pairs;
use crate::speech;
use crate::terminal::print;
use crate::visible::value;

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Log {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    filter: Filter,
    #[arg(long)]
    follow: bool,
}

#[derive(Subcommand)]
enum What {
    Show { dot: String },
    Verify,
}

#[derive(Args)]
struct Filter {
    #[arg(long, value_name = "TABLE")]
    table: Option<String>,
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    #[arg(long, value_name = "SITE")]
    site: Option<String>,
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    #[arg(long, value_name = "N", default_value_t = 20, hide_default_value = true)]
    limit: usize,
}

/// Transactions asked for at a time.
const PAGE: usize = 1000;

/// Changes of one transaction that the list shows; `log show` shows all.
const OPS_SHOWN: usize = 5;

impl Log {
    pub fn run(&self, context: &Context) -> Outcome {
        let query = self.filter.query()?;
        let client = context.client()?;
        let space = context.space(&client)?;
        match &self.what {
            Some(What::Show { dot }) => {
                let entry = client.transaction(&space, dot)?;
                context.print(&entry, |entry| told(entry, usize::MAX))
            }
            Some(What::Verify) => verify(context, &client, &space),
            None if self.follow => follow(context, &client, &space, &query),
            None => list(context, &client, &space, query, self.filter.limit),
        }
    }
}

impl Filter {
    fn query(&self) -> Result<LogQuery, Failure> {
        let time = |text: &Option<String>| match text {
            None => Ok(None),
            Some(text) => match moment::typed(text) {
                Some(iso) => Ok(Some(iso)),
                None => Err(Failure::usage(t!("log.bad_time", time = text))),
            },
        };
        Ok(LogQuery {
            table: self.table.clone(),
            key: self.key.clone(),
            site: self.site.clone(),
            since: time(&self.since)?,
            until: time(&self.until)?,
            ..LogQuery::default()
        })
    }
}

fn list(context: &Context, client: &Client, space: &str, mut query: LogQuery, limit: usize) -> Outcome {
    let (mut left, mut found) = (limit, false);
    while left > 0 {
        query.limit = Some(left.min(PAGE));
        let page = client.log(space, &query)?;
        for entry in &page.entries {
            found = true;
            show(context, entry)?;
        }
        left -= page.entries.len().min(left);
        match page.next {
            Some(next) => query.before = Some(next),
            None => break,
        }
    }
    if found || context.json {
        return Ok(());
    }
    print(&match &query.key {
        Some(key) => t!("log.nothing_of_key", key = key),
        None => t!("log.nothing"),
    })
}

/// Shows each transaction as it becomes durable, until the node stops or the user does.
fn follow(context: &Context, client: &Client, space: &str, query: &LogQuery) -> Outcome {
    for event in client.node()?.events(space)? {
        let arrival = event?.arrival;
        let this = LogQuery { from: Some(arrival), before: Some(arrival + 1), ..query.clone() };
        for entry in client.log(space, &this)?.entries {
            show(context, &entry)?;
        }
    }
    Ok(())
}

fn show(context: &Context, entry: &LogEntry) -> Outcome {
    context.print(entry, |entry| told(entry, OPS_SHOWN))
}

fn verify(context: &Context, client: &Client, space: &str) -> Outcome {
    let report = client.verify(space)?;
    context.print(&report, |report| {
        let mut faults: String =
            report.faults.iter().map(|fault| format!("  {}\n", speech::told(fault))).collect();
        if !report.altered_tables.is_empty() {
            let tables = report.altered_tables.join(", ");
            faults += &format!("{}\n", t!("log.altered", tables = tables));
            faults += &format!("{}\n", t!("log.altered_next", view = report.view));
        }
        if !report.mended_tables.is_empty() {
            let tables = report.mended_tables.join(", ");
            faults += &format!("{}\n", t!("log.mended", tables = tables));
        }
        let verdict = if report.faults.is_empty() {
            t!("log.intact", transactions = report.transactions)
        } else {
            t!("log.faulty", transactions = report.transactions, faults = report.faults.len())
        };
        faults + &verdict
    })?;
    if report.ok { Ok(()) } else { Err(Failure::Said) }
}

fn told(entry: &LogEntry, most: usize) -> String {
    let mut text = format!("{}  {}", moment::local(&entry.head.time), entry.head.site_name);
    if let Some(by) = &entry.head.by {
        text += &format!(" ({})", value(by));
    }
    text += &format!("  {}\n", entry.head.dot);
    if let Some(message) = &entry.head.message {
        text += &format!("  “{}”\n", value(message));
    }
    for op in entry.ops.iter().take(most) {
        text += &format!("  {}\n", told_op(op));
    }
    if entry.ops.len() > most {
        text += &format!("  {}\n", t!("log.more", count = entry.ops.len() - most));
    }
    text
}

fn told_op(op: &LogOp) -> String {
    // Of a row that was settled to be there nothing else is written.
    let kept = op.kind == "update" && op.values.is_empty();
    let kind = if kept { t!("log.kept") } else { t!(format!("log.{}", op.kind)) };
    let key = pairs(&op.key);
    let values = pairs(&op.values);
    [&*kind, &op.table, &key, &values]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("  ")
}
