//! `tandem start`: the node, in the foreground.

use std::io::Read;

use clap::Args;
use serde_json::json;
use tandem_node::api::{ApiError, error_kind};
use tandem_node::{Https, Node};
use tandem_protocol::cause::Cause;

use crate::context::Context;
use crate::failure::Failure;
use crate::failure::Outcome;
use crate::network::Network;
use crate::terminal::print;

#[derive(Args)]
pub struct Start {
    #[command(flatten)]
    pub network: Network,
    /// Stops when stdin ends: for a program that starts nodes and must not leave any behind.
    #[arg(long, hide = true)]
    until_stdin_ends: bool,
}

impl Start {
    pub fn run(&self, context: &Context) -> Outcome {
        context.log(true);
        runtime()?.block_on(self.serve(context))
    }

    async fn serve(&self, context: &Context) -> Outcome {
        let node = Node::start(context.settings.node()).await?;
        // Before anybody is told that it runs: who is told may ask it to end at once.
        let asked_to_stop = tandem_node::asked_to_stop();
        let https = node.https();
        let ready = json!({
            "http": node.url(),
            "https": https.map(|https| format!("https://{}", https.address)),
            "fingerprint": https.and_then(|https| https.fingerprint.as_ref()),
            "listening": node.network().addresses(),
            "data": context.settings.data.value,
        });
        context.print(&ready, |_| {
            let url = node.url();
            if node.api().store().spaces().is_empty() {
                t!("start.no_site", url = url).into_owned()
            } else {
                t!("start.ready", site = node.api().site_name(), url = url).into_owned()
            }
        })?;
        if let Some(Https { address, fingerprint }) = https.filter(|_| !context.json) {
            print(&match fingerprint {
                Some(fingerprint) => t!("start.https", address = address, fingerprint = fingerprint),
                None => t!("start.https_given", address = address),
            })?;
        }
        tokio::select! {
            () = asked_to_stop => {}
            () = stdin_ended(), if self.until_stdin_ends => {}
            () = node.failed() => {}
        }
        if !context.json {
            print(&t!("start.stopping"))?;
        }
        Ok(node.stop().await?)
    }
}

/// What a node runs on.
pub fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Runtime::new().map_err(|error| {
        let error: ApiError = error_kind::failed.with("detail", Cause::from(error));
        error.into()
    })
}

/// Waits for the end of stdin on a thread of its own: reading it cannot be interrupted.
async fn stdin_ended() {
    let (ended, wait) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 64];
        while matches!(std::io::stdin().read(&mut buffer), Ok(read) if read > 0) {}
        let _node_stopped_first = ended.send(());
    });
    let _thread_gone_means_the_same = wait.await;
}
