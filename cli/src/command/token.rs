//! `tandem token`: what programs on this PC, or on others, may do.

use clap::{Args, Subcommand};
use serde_json::json;
use tandem_node::api::access::Right;
use tandem_node::api::token::{NewToken, ShownToken};

use crate::context::Context;
use crate::failure::Outcome;
use crate::moment;
use crate::table::Table;

#[derive(Args)]
pub struct Token {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Subcommand)]
enum What {
    List,
    Add {
        name: String,
        #[arg(long, value_parser = right, default_value = "read")]
        right: Right,
        #[arg(long, value_name = "LABEL")]
        device: Option<String>,
    },
    Revoke {
        name: String,
    },
}

impl Token {
    pub fn run(&self, context: &Context) -> Outcome {
        let client = context.client()?;
        match self.what.as_ref().unwrap_or(&What::List) {
            What::List => {
                let tokens = client.tokens()?;
                context.print(&json!({ "tokens": tokens }), |_| list(&tokens))
            }
            What::Add { name, right, device } => {
                let space = context.space(&client)?;
                let new = NewToken { name: name.clone(), space, right: *right, device: device.clone() };
                let added = client.add_token(new)?;
                context.print(&added, |added| {
                    let shown = &added.shown;
                    let told = t!("token.added", name = shown.name, right = told(shown.right));
                    format!("{told}\n\n  {}\n\n{}", added.token, t!("token.shown_once"))
                })
            }
            What::Revoke { name } => {
                client.revoke_token(name)?;
                context.print(&json!({ "revoked": name }), |_| t!("token.revoked", name = name).into_owned())
            }
        }
    }
}

fn list(tokens: &[ShownToken]) -> String {
    if tokens.is_empty() {
        return t!("token.none").into_owned();
    }
    let heads = ["name", "space", "right", "device", "created"];
    let mut table = Table::new(heads.map(|key| t!(format!("token.head_{key}")).into_owned()));
    for token in tokens {
        table.row([
            token.name.clone(),
            token.space.clone().unwrap_or_default(),
            told(token.right),
            token.device.clone(),
            moment::local(&token.created),
        ]);
    }
    table.render()
}

fn told(right: Right) -> String {
    t!(format!("token.right_{}", right.code())).into_owned()
}

/// A right, by its code.
fn right(text: &str) -> Result<Right, String> {
    let found = Right::ALL.into_iter().find(|right| right.code() == text);
    let allowed = Right::ALL.map(Right::code).join(", ");
    found.ok_or_else(|| t!("failure.one_of", name = "right", value = text, allowed = allowed).into_owned())
}
