//! `tandem invite`: a token with which another PC joins; or, where no network goes, the bundle with
//! which a PC that wrote a request joins.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use tandem_node::api::admission::{Admit, Admitted};
use tandem_node::api::invitation::Invite as Request;
use tandem_node::api::space::check_name;

use crate::Outcome;
use crate::client::Client;
use crate::context::Context;
use crate::failure::Failure;
use crate::file::failed;
use crate::moment;
use crate::terminal::print;
use crate::verb::bundle::made;

#[derive(Args)]
pub struct Invite {
    #[arg(long, value_name = "ROLE", value_parser = ["member", "admin", "reader"])]
    role: Option<String>,
    #[arg(long, value_name = "FILE")]
    admit: Option<PathBuf>,
    #[arg(long, value_name = "BUNDLE", requires = "admit")]
    out: Option<PathBuf>,
}

impl Invite {
    pub fn run(&self, context: &Context) -> Outcome {
        let client = context.client()?;
        let space = context.space(&client)?;
        if let Some(request) = &self.admit {
            return self.admit(context, &client, &space, request);
        }
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

    /// Admits the site that wrote the file, and writes the bundle that tells it so.
    fn admit(&self, context: &Context, client: &Client, space: &str, request: &Path) -> Outcome {
        let text = read_request(request)?;
        let admitted = client.admit(space, &Admit { request: text, role: self.role.clone() })?;
        let file = self.out.clone().unwrap_or_else(|| request.with_file_name(bundle_name(&admitted)));
        let held = made(client, space, Some(&admitted.site), &file)?;
        let path = file.display().to_string();
        if context.json {
            return context.print_json(&json!({ "admitted": admitted, "file": path, "bundle": held }));
        }
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let site = &admitted.site_name;
        let now = if admitted.new {
            t!("invite.admitted", site = site, space = space)
        } else {
            t!("invite.admitted_before", site = site, space = space)
        };
        let next = t!("invite.carry", site = site, file = path, name = name);
        print(&format!("{now}\n{next}"))
    }
}

/// A request is short: of any other file no more is read than shows that it is none.
pub const REQUEST_BYTES: u64 = 4096;

fn read_request(file: &Path) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    let read = File::open(file).and_then(|open| open.take(REQUEST_BYTES).read_to_end(&mut bytes));
    read.map_err(|error| failed(file, &error))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// After the site; by its id where its name is none for a file.
fn bundle_name(admitted: &Admitted) -> String {
    let name = &admitted.site_name;
    let stem = if check_name(name).is_ok() { name } else { &admitted.site };
    format!("{stem}.tandem")
}
