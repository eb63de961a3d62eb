//! `tandem bundle`: carries transactions where no network goes.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Seek, Write};
use std::path::{Path, PathBuf};

use crate::speech;
use clap::{Args, Subcommand};
use serde_json::json;
use tandem_node::api::bundle::{Inspection, inspect};
use tandem_node::api::error_kind;
use tandem_node::api::export::ExportError;
use tandem_node::api::import::Imported;
use tandem_protocol::bundle::{BundleError, BundleReader};
use tandem_protocol::cause::Cause;

use crate::client::Client;
use crate::command::sql::changes;
use crate::context::Context;
use crate::failure::Failure;
use crate::failure::Outcome;
use crate::figures::{bytes, short};
use crate::file::{self, Draft};
use crate::fork;
use crate::moment;

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
    crate::terminal::print(&(changes(&held.changes) + &told))
}

/// Writes a bundle: what bears the name asked for is never half a bundle, and was none of anything
/// else.
pub fn made(client: &Client, space: &str, site: Option<&str>, file: &Path) -> Result<Inspection, Failure> {
    let draft = Draft::begin(file, is_bundle)?;
    let failed = |error: io::Error| draft.failed(&error);
    let mut out = BufWriter::new(draft.file());
    match client {
        Client::Node(node) => {
            let bundle = node.download(&["spaces", space, "bundles"], &json!({ "for": site }))?;
            let broken = |error| error_kind::node_unreachable.with("detail", Cause::from(error)).into();
            file::copy(bundle, &mut out, broken, failed)?;
        }
        Client::Folder(api) => {
            api.bundles().export(space, site)?.write(&mut out).map_err(|error| match error {
                ExportError::Target(error) => failed(error),
                ExportError::Log(error) => error.into(),
            })?;
        }
    }
    out.flush().map_err(failed)?;
    drop(out);
    // Read again as it lies there.
    let mut written = draft.file();
    written.rewind().map_err(failed)?;
    let held = inspect(BufReader::new(written))?;
    if let Some(fault) = &held.fault {
        return Err(error_kind::file_failed.with("path", draft.shown()).with("detail", fault.clone()).into());
    }
    draft.finish()?;
    Ok(held)
}

/// Whether a file is a bundle, be it a damaged or a newer one.
fn is_bundle(file: File) -> io::Result<bool> {
    match BundleReader::new(BufReader::new(file)) {
        Err(BundleError::NotABundle) => Ok(false),
        Err(BundleError::Io(error)) => Err(error),
        _ => Ok(true),
    }
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
        (Client::Folder(api), Some(space)) => api.bundles().import(space, bundle, dry_run)?,
        (Client::Folder(api), None) => api.bundles().take(bundle, dry_run)?,
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
        text += &match (imported.conflicts_opened, imported.dry_run) {
            (0, _) => String::new(),
            (count, true) => format!("\n{}", t!("bundle.would_open", count = count)),
            (count, false) => format!("\n{}", t!("bundle.opened", count = count)),
        };
        if let Some(fault) = &imported.fault {
            text += &format!("\n{}", t!("bundle.cut", fault = speech::told(fault)));
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
        text += &format!("\n  {}", fork::told(fork));
    }
    for held in &imported.held_back {
        text += &format!("\n{}", t!("fork.held_back", site = held.site_name, from = held.from));
    }
    text
}

fn open(path: &Path) -> Result<BufReader<File>, Failure> {
    File::open(path).map(BufReader::new).map_err(|error| file::failed(path, &error))
}

fn read(file: &Path) -> Result<Inspection, Failure> {
    Ok(inspect(open(file)?)?)
}

fn whole(complete: bool) -> Outcome {
    if complete { Ok(()) } else { Err(Failure::Said) }
}

fn told(held: &Inspection) -> String {
    let to = held.to.as_ref().map_or_else(|| t!("bundle.anyone").into_owned(), |id| short(id).to_owned());
    let mut text = t!(
        "bundle.holds",
        space = held.space,
        id = short(&held.space_id),
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
        Some(fault) => t!("bundle.cut", fault = speech::told(fault)),
    };
    text
}
