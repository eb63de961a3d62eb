//! Start and stop of a site.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tandem_protocol::cause::Cause;
use tandem_store::{OpenError, Store};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::Settings;
use crate::api::{Api, ApiError, Result, error_kind};
use crate::certificate::Certificate;
use crate::http::{HttpListener, Token};
use crate::net::{NetError, NetSettings, Network, NetworkPeers};
use crate::running::Running;

/// How long requests under way may take to be answered once the node is to stop; statements that
/// still run are then ended. Windows grants five seconds to a program whose window is closed; the log
/// and the network close in what is left.
const LAST_ANSWERS: Duration = Duration::from_secs(1);
/// How long their ends may take to be told.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How long a node that starts waits for commands that are under way.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(5);

/// A running site: its data folder open, its HTTP interface answering, its network up.
pub struct Node {
    api: Api,
    network: Network,
    folder: PathBuf,
    running: Running,
    https: Option<Https>,
    stop: watch::Sender<bool>,
    server: JoinHandle<Result<()>>,
    server_ended: watch::Receiver<bool>,
}

impl Node {
    /// Starts a site. When this fails, nothing is left running.
    pub async fn start(settings: Settings) -> Result<Self> {
        let net = NetSettings::parse(&settings.listen, &settings.peers, settings.mdns)?;
        let folder = settings.data.clone();
        let opening = tokio::task::spawn_blocking(move || open(&folder));
        let store = opening.await.map_err(of_task)??;
        if store.is_read_only() {
            store.close();
            return Err(error_kind::folder_read_only.error());
        }
        let started = Self::start_on(store.clone(), &settings, &net).await;
        if started.is_err() {
            store.close();
        }
        started
    }

    async fn start_on(store: Store, settings: &Settings, net: &NetSettings) -> Result<Self> {
        let folder = settings.data.clone();
        let unusable = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::StorageFull => error_kind::disk_full.error(),
            _ => error_kind::folder_unusable.with("detail", Cause::from(error)),
        };
        let token = Token::of_folder(&folder).map_err(unusable)?;
        let listener = HttpListener::open(settings.http).await?;
        let encrypted = Encrypted::open(settings).await?;
        let running = Running::here(listener.address());

        let network = Network::start(store.clone(), net)?;
        let api = Api::new(store);
        api.set_deadlines(settings.deadlines);
        if settings.certificate.is_some() {
            api.certificate_is_given();
        }
        api.attach(Arc::new(NetworkPeers::new(network.clone())));
        api.start_bridges();
        // Last: whoever finds the file finds a node that answers.
        let ready = network.ready().await.map_err(ApiError::from);
        if let Err(error) = ready.and_then(|()| running.announce(&folder).map_err(unusable)) {
            network.shutdown().await;
            return Err(error);
        }
        let (stop, stopping) = watch::channel(false);
        let (ended, server_ended) = watch::channel(false);
        let https = encrypted.as_ref().map(|encrypted| encrypted.https.clone());
        let here = listener.serve(api.clone(), token.clone(), stopping.clone());
        let elsewhere = encrypted.map(|encrypted| encrypted.listener.serve(api.clone(), token, stopping));
        let server = tokio::spawn(async move {
            let elsewhere = async {
                match elsewhere {
                    Some(serving) => serving.await,
                    None => Ok(()),
                }
            };
            let (here, elsewhere) = tokio::join!(here, elsewhere);
            ended.send_replace(true);
            here.and(elsewhere)
        });
        tracing::info!(http = %running.url(), data = %folder.display(), "the node runs");
        Ok(Self { api, network, folder, running, https, stop, server, server_ended })
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

    /// Where other PCs reach it, if they do.
    pub fn https(&self) -> Option<&Https> {
        self.https.as_ref()
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
            Ok(Err(error)) => Err(of_task(error)),
            Err(_) => {
                tracing::warn!("requests still under way were cut off");
                abort.abort();
                Ok(())
            }
        };
        self.network.shutdown().await;
        let api = self.api.clone();
        let closed = tokio::task::spawn_blocking(move || {
            api.stop_bridges();
            store.close();
        })
        .await;
        tracing::info!("the node stopped");
        closed.map_err(of_task)?;
        served
    }
}

/// How other PCs reach a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Https {
    /// Where it listens.
    pub address: SocketAddr,
    /// The fingerprint of its own certificate; none, if one is given.
    pub fingerprint: Option<String>,
}

/// The listener for other PCs.
struct Encrypted {
    listener: HttpListener,
    https: Https,
}

impl Encrypted {
    async fn open(settings: &Settings) -> Result<Option<Self>> {
        let Some(address) = settings.https else { return Ok(None) };
        let (certificate, fingerprint) = match &settings.certificate {
            Some(given) => (Certificate::given(given)?, None),
            None => {
                let own = Certificate::of_folder(&settings.data)?;
                let fingerprint = own.fingerprint();
                (own, Some(fingerprint))
            }
        };
        let listener = HttpListener::open_encrypted(address, certificate.into_config()?).await?;
        let https = Https { address: listener.address(), fingerprint };
        Ok(Some(Self { listener, https }))
    }
}

/// Opens the folder for a node. Commands hold it for moments, and are waited for; a node is not.
fn open(folder: &Path) -> std::result::Result<Store, OpenError> {
    let holder = format!("tandem start (PID {})", std::process::id());
    let deadline = Instant::now() + PATIENCE;
    loop {
        match Store::open(folder, &holder) {
            Err(OpenError::Held { holder, .. })
                if !is_running_node(folder, &holder) && Instant::now() < deadline =>
            {
                std::thread::sleep(PAUSE);
            }
            opened => return opened,
        }
    }
}

/// Whether who holds the folder is a node that has said where it answers, and so goes on.
fn is_running_node(folder: &Path, holder: &str) -> bool {
    Running::read(folder).is_some_and(|running| holder == format!("tandem start (PID {})", running.pid))
}

/// A task of the program that did not come to its end.
fn of_task(error: tokio::task::JoinError) -> ApiError {
    error_kind::failed.with("detail", Cause::new("task").with("said", error.to_string()))
}

impl From<NetError> for ApiError {
    fn from(error: NetError) -> Self {
        match error {
            NetError::Address(text) => error_kind::address_refused.with("address", text),
            NetError::Stopped => error_kind::stopping.error(),
            other => error_kind::network_failed.with("detail", Cause::from(&other)),
        }
    }
}
