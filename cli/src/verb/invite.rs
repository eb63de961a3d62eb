//! `tandem invite`: a token with which another PC joins.

use clap::Args;
use rust_i18n::t;
use tandem_node::api::invitation::Invite as Request;

use crate::Outcome;
use crate::context::Context;
use crate::moment;

#[derive(Args)]
pub struct Invite {
    #[arg(long, value_name = "ROLE", value_parser = ["member", "admin", "reader"])]
    role: Option<String>,
}

impl Invite {
    pub fn run(&self, context: &Context) -> Outcome {
        let client = context.client()?;
        let space = context.space(&client)?;
        let invitation = client.invite(&space, &Request { role: self.role.clone() })?;
        context.print(&invitation, |invitation| {
            let until = moment::local(&invitation.expires);
            let mut text =
                t!("invite.done", space = space, token = invitation.token, until = until).into_owned();
            if client.node().is_err() {
                text += &format!("\n{}", t!("invite.start"));
            }
            text
        })
    }
}
