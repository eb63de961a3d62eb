//! `tandem bundle`: carries transactions where no network goes.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use rust_i18n::t;
use serde_json::json;
use tandem_node::api::bundle::{Inspection, inspect};
use tandem_node::api::import::Imported;

use crate::Outcome;
use crate::client::Client;
use crate::context::Context;
use crate::failure::Failure;
use crate::moment;
use crate::verb::schema::of_file;
use crate::verb::sql::changes;
use crate::verb::status::{self, bytes};

#[derive(Args)]
pub struct Bundle {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    Export {
        file: PathBuf,
        #[arg(long = "for", value_name = "SITE")]
        site: Option<String>,
    },
    Import {
        file: PathBuf,
        #[arg(long)]
        dry_run: bool,
    },
    Inspect {
        file: PathBuf,
    },
}

impl Bundle {
    pub fn run(&self, context: &Context) -> Outcome {
        match &self.what {
            What::Export { file, site } => export(context, file, site.as_deref()),
            What::Import { file, dry_run } => import(context, file, *dry_run),
            What::Inspect { file } => {
                let held = read(file)?;
                context.print(&held, told)?;
                whole(held.complete)
            }
        }
    }
}

fn export(context: &Context, file: &Path, site: Option<&str>) -> Outcome {
    let client = context.client()?;
    let space = context.space(&client)?;
    let held = made(&client, &space, site, file)?;
    let size = fs::metadata(file).map(|meta| meta.len()).unwrap_or(0);
    if context.json {
        return context
            .print_json(&json!({ "file": file.display().to_string(), "bytes": size, "bundle": held }));
    }
    let told =
        t!("bundle.exported", file = file.display(), transactions = held.transactions, size = bytes(size));
    crate::context::print(&(changes(&held.changes) + &told))
}

/// Writes a bundle, under another name until it is whole and on the disk: what bears the name
/// asked for is never half a bundle.
pub fn made(client: &Client, space: &str, site: Option<&str>, file: &Path) -> Result<Inspection, Failure> {
    let mut draft = file.as_os_str().to_owned();
    draft.push(format!(".{}.part", std::process::id()));
    let draft = PathBuf::from(draft);
    let written = write(client, space, site, &draft, file);
    if written.is_err() {
        // What is left of it is of no use to anyone.
        let _never_begun = fs::remove_file(&draft);
    }
    written
}

fn write(
    client: &Client,
    space: &str,
    site: Option<&str>,
    draft: &Path,
    file: &Path,
) -> Result<Inspection, Failure> {
    let failed = |error: io::Error| of_file(file, &error);
    // One that is there was left by a process of this number, long ago.
    let _absent_mostly = fs::remove_file(draft);
    let mut out = BufWriter::new(File::create_new(draft).map_err(failed)?);
    match client {
        Client::Node(node) => {
            let mut bundle = node.download(&["spaces", space, "bundles"], &json!({ "for": site }))?;
            io::copy(&mut bundle, &mut out).map_err(failed)?;
        }
        Client::Folder(api) => api.export_bundle(space, site)?.write(&mut out)?,
    }
    out.flush().and_then(|()| out.get_ref().sync_all()).map_err(failed)?;
    let held = read(draft)?;
    if let Some(fault) = &held.fault {
        return Err(of_file(file, &io::Error::other(fault.clone())));
    }
    fs::rename(draft, file).map_err(failed)?;
    Ok(held)
}

fn import(context: &Context, file: &Path, dry_run: bool) -> Outcome {
    let bundle = open(file)?;
    let client = context.client()?;
    let how = json!({ "dry_run": dry_run });
    let space = context.settings.space.value.as_deref();
    // The bundle itself says to which space it belongs; naming one only makes sure.
    let imported: Imported = match (&client, space) {
        (Client::Node(node), Some(space)) => node.upload(&["spaces", space, "bundles"], &how, bundle)?,
        (Client::Node(node), None) => node.upload(&["bundles"], &how, bundle)?,
        (Client::Folder(api), Some(space)) => api.import_bundle(space, bundle, dry_run)?,
        (Client::Folder(api), None) => api.take_bundle(bundle, dry_run)?,
    };
    context.print(&imported, |imported| {
        let mut text = changes(&imported.changes);
        match &imported.joined {
            Some(space) if imported.dry_run => text += &t!("bundle.would_join", space = space),
            Some(space) => text += &t!("bundle.joined", space = space),
            None => {}
        }
        if imported.joined.is_some() {
            text.push('\n');
        }
        text += &if imported.dry_run {
            t!("bundle.would_import", transactions = imported.transactions)
        } else {
            t!("bundle.imported", transactions = imported.transactions)
        };
        if let Some(fault) = &imported.fault {
            text += &format!("\n{}", t!("bundle.cut", fault = fault));
        }
        text + &of_forks(imported)
    })?;
    whole(imported.complete)
}

/// What another history keeps out.
fn of_forks(imported: &Imported) -> String {
    if imported.forks.is_empty() {
        return String::new();
    }
    let mut text = format!("\n{}", t!("fork.seen"));
    for fork in &imported.forks {
        text += &format!("\n  {}", status::fork(fork));
    }
    for held in &imported.held_back {
        text += &format!("\n{}", t!("fork.held_back", site = held.site_name, from = held.from));
    }
    text
}

fn open(file: &Path) -> Result<BufReader<File>, Failure> {
    File::open(file).map(BufReader::new).map_err(|error| of_file(file, &error))
}

fn read(file: &Path) -> Result<Inspection, Failure> {
    Ok(inspect(open(file)?)?)
}

fn whole(complete: bool) -> Outcome {
    if complete { Ok(()) } else { Err(Failure::Said) }
}

fn told(held: &Inspection) -> String {
    let to = held
        .to
        .as_ref()
        .map_or_else(|| t!("bundle.anyone").into_owned(), |id| id[..7.min(id.len())].to_owned());
    let mut text = t!(
        "bundle.holds",
        space = held.space,
        from = held.from_name,
        to = to,
        created = moment::local(&held.created),
        transactions = held.transactions
    )
    .into_owned();
    text.push('\n');
    text += &changes(&held.changes);
    text += &match &held.fault {
        None => t!("bundle.whole"),
        Some(fault) => t!("bundle.cut", fault = fault),
    };
    text
}
