//! Start and stop of a site.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tandem_store::Store;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::Settings;
use crate::api::{Api, ApiError, Result, error_kind};
use crate::http::{Door, Token};
use crate::net::{NetError, NetSettings, Network, NetworkPeers};
use crate::running::Running;

/// How long requests under way may take to be answered once the node is to stop; statements that
/// still run are then ended.
const LAST_ANSWERS: Duration = Duration::from_secs(1);
/// How long their ends may take to be told.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A running site: its data folder open, its HTTP interface answering, its network up.
pub struct Node {
    api: Api,
    network: Network,
    folder: PathBuf,
    running: Running,
    stop: watch::Sender<bool>,
    server: JoinHandle<Result<()>>,
    server_ended: watch::Receiver<bool>,
}

impl Node {
    /// Starts a site. When this fails, nothing is left running.
    pub async fn start(settings: Settings) -> Result<Self> {
        let net = NetSettings::parse(&settings.listen, &settings.peers, settings.mdns)?;
        let folder = settings.data.clone();
        let holder = format!("the running node (process {})", std::process::id());
        let opening = tokio::task::spawn_blocking(move || Store::open(&folder, &holder));
        let store = opening.await.map_err(|error| error_kind::failed.with("detail", error))??;
        let started = Self::start_on(store.clone(), &settings, &net).await;
        if started.is_err() {
            store.close();
        }
        started
    }

    async fn start_on(store: Store, settings: &Settings, net: &NetSettings) -> Result<Self> {
        let folder = settings.data.clone();
        let unusable = |error| error_kind::folder_unusable.with("detail", format!("{error}"));
        let token = Token::of_folder(&folder).map_err(unusable)?;
        let door = Door::open(settings.http).await?;
        let running = Running::here(door.address());

        let network = Network::start(store.clone(), net)?;
        let api = Api::new(store);
        api.set_deadlines(settings.deadlines);
        api.attach(Arc::new(NetworkPeers::new(network.clone())));
        // Last: whoever finds the file finds a node that answers.
        let ready = network.ready().await.map_err(ApiError::from);
        if let Err(error) = ready.and_then(|()| running.announce(&folder).map_err(unusable)) {
            network.shutdown().await;
            return Err(error);
        }
        let (stop, stopping) = watch::channel(false);
        let (ended, server_ended) = watch::channel(false);
        let serving = door.serve(api.clone(), token, stopping);
        let server = tokio::spawn(async move {
            let result = serving.await;
            ended.send_replace(true);
            result
        });
        tracing::info!(http = %running.url(), data = %folder.display(), "the node runs");
        Ok(Self { api, network, folder, running, stop, server, server_ended })
    }

    /// The requests it answers.
    pub fn api(&self) -> &Api {
        &self.api
    }

    /// Its network.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The address of its HTTP interface.
    pub fn url(&self) -> String {
        self.running.url()
    }

    /// Waits for the end of the HTTP interface, which comes unasked only after a failure.
    pub async fn failed(&self) {
        let mut ended = self.server_ended.clone();
        // A sender that is gone means the same.
        let _ended = ended.wait_for(|ended| *ended).await;
    }

    /// Stops: answers what is under way, then leaves the network, then closes the folder.
    pub async fn stop(self) -> Result<()> {
        self.stop.send_replace(true);
        if let Err(error) = self.running.withdraw(&self.folder) {
            tracing::warn!(%error, "node.json could not be removed");
        }
        let (abort, mut server) = (self.server.abort_handle(), self.server);
        let store = self.api.store().clone();
        let ended = match tokio::time::timeout(LAST_ANSWERS, &mut server).await {
            Ok(ended) => Ok(ended),
            Err(_) => {
                store.interrupt();
                tokio::time::timeout(LAST_WORDS, server).await
            }
        };
        // From here on nobody can be answered, nor has to be waited for.
        store.interrupt();
        let served = match ended {
            Ok(Ok(served)) => served,
            Ok(Err(error)) => Err(error_kind::failed.with("detail", error)),
            Err(_) => {
                tracing::warn!("requests still under way were cut off");
                abort.abort();
                Ok(())
            }
        };
        self.network.shutdown().await;
        let closed = tokio::task::spawn_blocking(move || store.close()).await;
        tracing::info!("the node stopped");
        closed.map_err(|error| error_kind::failed.with("detail", error))?;
        served
    }
}

impl From<NetError> for ApiError {
    fn from(error: NetError) -> Self {
        match error {
            NetError::Address(text) => error_kind::address_refused.with("address", text),
            NetError::Stopped => error_kind::stopping.error(),
            other => error_kind::network_failed.with("detail", other),
        }
    }
}

/// Waits until the user or the system asks this process to end.
pub async fn asked_to_stop() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            },
            Err(error) => {
                tracing::warn!(%error, "only Ctrl-C stops this node");
                let _asked = tokio::signal::ctrl_c().await;
            }
        }
    }
    #[cfg(not(unix))]
    {
        let _asked = tokio::signal::ctrl_c().await;
    }
}
