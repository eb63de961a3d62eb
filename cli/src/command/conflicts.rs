//! `tandem conflicts`: what concurrent edits left to decide.

use clap::{Args, Subcommand};
use serde_json::json;
use tandem_node::api::conflict::{ConflictQuery, Conflicts as Found, Resolve as Request};
use tandem_node::api::transaction::Transacted;

use crate::client::Client;
use crate::command::sql::changes;
use crate::conflict;
use crate::context::Context;
use crate::failure::Failure;
use crate::failure::Outcome;
use crate::parameter;

#[derive(Args)]
pub struct Conflicts {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Subcommand)]
enum What {
    List(List),
    Show { id: String },
    Resolve(Resolve),
}

#[derive(Args)]
struct List {
    #[arg(long, value_name = "N", default_value_t = SHOWN, hide_default_value = true)]
    limit: usize,
}

/// Conflicts shown when nothing is said.
const SHOWN: usize = 100;

#[derive(Args)]
struct Resolve {
    id: String,
    #[command(flatten)]
    choice: Choice,
    #[arg(long, value_name = "TOKEN")]
    seen: Option<String>,
    #[arg(short, long, value_name = "TEXT")]
    message: Option<String>,
    #[arg(long, value_name = "WHO")]
    by: Option<String>,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct Choice {
    #[arg(long = "use", value_name = "DOT")]
    version: Option<String>,
    #[arg(long, value_name = "VALUE", allow_hyphen_values = true)]
    value: Option<String>,
    #[arg(long)]
    keep_all: bool,
}

impl Conflicts {
    pub fn run(&self, context: &Context) -> Outcome {
        let client = context.client()?;
        let space = context.space(&client)?;
        match self.what.as_ref().unwrap_or(&What::List(List { limit: SHOWN })) {
            What::List(list) => {
                let found = list.pages(&client, &space)?;
                context.print(&found, conflict::list)
            }
            What::Show { id } => {
                let conflict = client.conflict(&space, id)?;
                context.print(&conflict, conflict::show)
            }
            What::Resolve(resolve) => {
                let settled = client.resolve(&space, &resolve.id, resolve.request())?;
                let answer = json!({ "dot": settled.dot, "changes": settled.changes });
                context.print(&answer, |_| told(&settled))
            }
        }
    }
}

impl List {
    /// As many conflicts as wanted, page by page.
    fn pages(&self, client: &Client, space: &str) -> Result<Found, Failure> {
        let mut query = ConflictQuery { limit: Some(self.limit), after: None };
        let mut found = client.conflicts(space, &query)?;
        while let Some(next) = found.next.take().filter(|_| found.conflicts.len() < self.limit) {
            query = ConflictQuery { limit: Some(self.limit - found.conflicts.len()), after: Some(next) };
            let page = client.conflicts(space, &query)?;
            found.conflicts.extend(page.conflicts);
            found.next = page.next;
        }
        Ok(found)
    }
}

impl Resolve {
    fn request(&self) -> Request {
        Request {
            version: self.choice.version.clone(),
            value: self.choice.value.as_deref().map(parameter::parse),
            keep_all: self.choice.keep_all,
            seen: self.seen.clone(),
            by: self.by.clone(),
            message: self.message.clone(),
        }
    }
}

fn told(settled: &Transacted) -> String {
    let dot = settled.dot.as_deref().unwrap_or_default();
    changes(&settled.changes) + &t!("conflict.settled", dot = dot)
}
