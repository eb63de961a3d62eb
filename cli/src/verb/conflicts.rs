//! `tandem conflicts`: what concurrent edits left to decide.

use clap::{Args, Subcommand};
use serde_json::json;
use tandem_node::api::conflict::Resolve as Request;
use tandem_node::api::transaction::Transacted;

use crate::Outcome;
use crate::conflict;
use crate::context::Context;
use crate::parameter;
use crate::verb::sql::changes;

#[derive(Args)]
pub struct Conflicts {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Subcommand)]
enum What {
    List,
    Show { id: String },
    Resolve(Resolve),
}

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
        match self.what.as_ref().unwrap_or(&What::List) {
            What::List => {
                let conflicts = client.conflicts(&space)?;
                context.print(&conflicts, |conflicts| conflict::list(&conflicts.conflicts))
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
