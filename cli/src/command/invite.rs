//! `tandem invite`: a token with which another PC joins; or, where no network goes, the bundle with
//! which a PC that wrote a request joins.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use tandem_node::api::admission::{Admit, Admitted};
use tandem_node::api::invitation::{Invitation, Invite as Request};
use tandem_node::api::space::check_name;

use crate::client::Client;
use crate::command::bundle::made;
use crate::context::Context;
use crate::failure::Failure;
use crate::failure::Outcome;
use crate::file::failed;
use crate::moment;
use crate::terminal::print;

#[derive(Args)]
pub struct Invite {
    #[arg(long, value_name = "ROLE", value_parser = ["member", "admin", "reader"])]
    role: Option<String>,
    #[arg(long, value_name = "FILE")]
    admit: Option<PathBuf>,
    #[arg(long, value_name = "FILE")]
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
        if let Some(file) = &self.out {
            return keep(context, &space, &invitation, file);
        }
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

/// Writes an invitation into a file: it is seen by nobody on the way.
fn keep(context: &Context, space: &str, invitation: &Invitation, file: &Path) -> Outcome {
    let text = format!("{}\n", invitation.token);
    tandem_store::write_private(file, text.as_bytes()).map_err(|error| failed(file, &error))?;
    let (path, until) = (file.display().to_string(), moment::local(&invitation.expires));
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let told = json!({ "file": path, "expires": invitation.expires });
    context.print(&told, |_| {
        t!("invite.kept", space = space, file = path, name = name, until = until).into_owned()
    })
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
    let stem = if check_name(name).is_ok() && !is_device(name) { name } else { &admitted.site };
    format!("{stem}.tandem")
}

/// Whether Windows takes a file of that name, whatever its ending, for a device.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).trim_end().to_ascii_lowercase();
    let numbered = |device: &str| {
        let rest = stem.strip_prefix(device);
        rest.is_some_and(|rest| rest.chars().count() == 1 && rest.contains(|c: char| c.is_numeric()))
    };
    matches!(&*stem, "con" | "prn" | "aux" | "nul" | "conin$" | "conout$")
        || numbered("com")
        || numbered("lpt")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_is_called_like_its_site_unless_no_file_can_be() {
        let named = |name: &str| {
            bundle_name(&Admitted {
                site_name: name.to_owned(),
                site: "abc".to_owned(),
                role: String::new(),
                new: true,
            })
        };
        for name in ["Salle 4", "console", "com", "lpt10", "auxiliaire"] {
            assert_eq!(named(name), format!("{name}.tandem"));
        }
        for name in ["con", "NUL", "Aux.salle", "com1", "LPT9", "com\u{b9}", "a/b", "a:b"] {
            assert_eq!(named(name), "abc.tandem", "{name}");
        }
    }
}
