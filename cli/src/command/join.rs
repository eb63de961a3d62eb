//! `tandem join`: becomes a member of a space, through the running node or alone; or writes the
//! request with which an admin lets this PC in where no network goes.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde_json::json;
use tandem_node::Node;
use tandem_node::api::admission::WantJoin;
use tandem_node::api::error_kind;
use tandem_node::api::invitation::{Join as Request, Joined};
use tandem_node::net::JoinProgress;
use tandem_protocol::cause::Cause;
use tandem_protocol::join_file::JoinFile;

use crate::client::{Client, Remote};
use crate::command::invite::REQUEST_BYTES;
use crate::command::start::runtime;
use crate::context::Context;
use crate::failure::Failure;
use crate::failure::Outcome;
use crate::file::{Draft, failed};
use crate::network::Network;
use crate::progress::Progress;
use crate::settings::Origin;
use crate::terminal::{self, print};
use crate::this_pc::this_pc;

#[derive(Args)]
pub struct Join {
    token: Option<String>,
    #[arg(long, value_name = "FILE", conflicts_with = "token")]
    invitation_file: Option<PathBuf>,
    #[arg(long, value_name = "FILE", conflicts_with_all = ["token", "invitation_file"])]
    request: Option<PathBuf>,
    #[arg(long, value_name = "SITE")]
    name: Option<String>,
    #[command(flatten)]
    pub network: Network,
}

/// How often to look how far the running node is.
const LOOK: Duration = Duration::from_millis(100);

impl Join {
    pub fn run(&self, context: &Context) -> Outcome {
        context.log(false);
        let site_name = self.name.clone().unwrap_or_else(this_pc);
        if let Some(file) = &self.request {
            return write_request(context, file, site_name);
        }
        let request =
            Request { token: self.invitation()?, site_name, peers: context.settings.peers.value.clone() };
        match Client::of_folder_or_new(&context.settings.data.value)? {
            Client::Node(node) => through(context, &node, &request),
            Client::Folder(api) => {
                // Before the network is brought up for it.
                api.admission().check_join(&request)?;
                // The node opens it again.
                api.store().close();
                drop(api);
                runtime()?.block_on(alone(context, request))
            }
        }
    }
}

impl Join {
    /// The invitation: as an argument, from a file, from stdin, or asked for. Arguments are seen by
    /// everybody who can list the PC's processes; the others are not.
    fn invitation(&self) -> Result<String, Failure> {
        let stdin = || std::io::stdin().lock();
        let text = match (self.token.as_deref(), &self.invitation_file) {
            (Some("-"), _) => typed(stdin()),
            (Some(token), _) => return Ok(token.trim().to_owned()),
            (None, Some(file)) => {
                typed(BufReader::new(File::open(file).map_err(|error| failed(file, &error))?))
            }
            (None, None) if std::io::stdin().is_terminal() => {
                terminal::ask(&t!("join.ask"));
                typed(stdin())
            }
            (None, None) => return Err(Failure::usage(t!("failure.missing", what = t!("join.invitation")))),
        };
        let named = self.invitation_file.clone().unwrap_or_else(|| PathBuf::from("stdin"));
        text.map_err(|error| failed(&named, &error))
    }
}

/// More is no invitation.
const INVITATION_BYTES: u64 = 16 << 10;

/// The first line with something on it; `tandem join TOKEN` as `tandem invite` prints it will do too.
fn typed(from: impl BufRead) -> std::io::Result<String> {
    for line in from.take(INVITATION_BYTES).lines() {
        let line = line?;
        if let Some(token) = line.split_whitespace().last() {
            return Ok(token.to_owned());
        }
    }
    Ok(String::new())
}

/// Writes the file that says which site wants to join, and under which name.
fn write_request(context: &Context, file: &Path, site_name: String) -> Outcome {
    let client = Client::of_folder_or_new(&context.settings.data.value)?;
    let asked = client.request_join(&WantJoin { site_name })?;
    let draft = Draft::begin(file, is_request)?;
    draft
        .file()
        .write_all(format!("{}\n", asked.request).as_bytes())
        .map_err(|error| draft.failed(&error))?;
    draft.finish()?;
    let path = file.display().to_string();
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let told = json!({ "file": path, "site": asked.site, "site_name": asked.site_name });
    context.print(&told, |_| t!("join.requested", file = path, name = name).into_owned())
}

/// Whether a file holds a request to join; of any other no more is read than shows that it is none.
fn is_request(file: File) -> io::Result<bool> {
    let mut bytes = Vec::new();
    file.take(REQUEST_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).parse::<JoinFile>().is_ok())
}

/// Asks the running node to join, and watches until it holds everything.
fn through(context: &Context, node: &Remote, request: &Request) -> Outcome {
    let mut progress = Progress::new();
    progress.show(&t!("join.joining"));
    let joined: Joined = node.post(&["join"], request)?;
    loop {
        let status = node.status()?;
        let Some(space) = status.spaces.iter().find(|space| space.id == joined.id) else {
            return Err(error_kind::space_unknown.with("space", &joined.space).into());
        };
        let missing = space.peers.iter().filter(|peer| peer.connected).map(|peer| peer.missing_here).max();
        if missing == Some(0) && space.role.is_some() {
            drop(progress);
            return done(context, &joined, space.transactions);
        }
        receiving(&mut progress, &joined.space, space.transactions, missing.unwrap_or(0));
        std::thread::sleep(LOOK);
    }
}

/// Brings up the network itself, until this site holds everything.
async fn alone(context: &Context, request: Request) -> Outcome {
    let mut settings = context.settings.node();
    settings.https = None;
    if context.settings.http.origin == Origin::Default {
        // For the time it takes, any port will do.
        settings.http.set_port(0);
    }
    let node = Node::start(settings).await?;
    let outcome = tokio::select! {
        outcome = follow(context, &node, request) => outcome,
        () = tandem_node::asked_to_stop() => match node.api().only_space() {
            Ok(space) => {
                print(&t!("join.stopped", space = space.name())).and(Err(Failure::Said))
            }
            Err(_) => Err(error_kind::failed.with("detail", Cause::new("interrupted")).into()),
        },
    };
    let stopped = node.stop().await;
    outcome.and(Ok(stopped?))
}

async fn follow(context: &Context, node: &Node, request: Request) -> Outcome {
    let mut progress = Progress::new();
    progress.show(&t!("join.joining"));
    let api = node.api().clone();
    let joining = tokio::task::spawn_blocking(move || api.admission().join(&request)).await;
    let joined = joining.map_err(|error| {
        error_kind::failed.with("detail", Cause::new("task").with("said", error.to_string()))
    })??;
    let space = node.api().space(&joined.space)?;
    // Told from inside of the future, which may only borrow.
    let line = std::sync::Mutex::new(progress);
    let synced = node.network().first_sync(&space, |step| {
        if let (JoinProgress::Receiving { here, missing }, Ok(mut line)) = (step, line.lock()) {
            receiving(&mut line, &joined.space, here, missing);
        }
    });
    synced.await.map_err(|_| error_kind::stopping.error())?;
    drop(line);
    done(context, &joined, space.vector().transactions())
}

fn receiving(progress: &mut Progress, space: &str, here: u64, missing: u64) {
    progress.bar(&t!("join.receiving", space = space), here, here + missing);
}

fn done(context: &Context, joined: &Joined, transactions: u64) -> Outcome {
    let told = json!({ "space": joined.space, "id": joined.id, "transactions": transactions });
    context.print(&told, |_| t!("join.done", space = joined.space, transactions = transactions).into_owned())
}
