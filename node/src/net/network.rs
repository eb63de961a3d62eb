//! What the rest of the node holds of the network.

use std::sync::Arc;
use std::time::Duration;

use libp2p::Multiaddr;
use libp2p_stream::Control;
use tandem_protocol::cause::Cause;
use tandem_protocol::identity::{Author, SpaceId};
use tandem_protocol::invitation::{self, Invitation};
use tandem_protocol::membership::Role;
use tandem_store::{Space, Store};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::compat::FuturesAsyncReadCompatExt;

use super::driver::{Command, JOIN, Scene};
use super::error::{JoinError, NetError};
use super::link::Cards;
use super::runner::Runner;
use super::settings::NetSettings;
use super::{address, identity};
use crate::sync::{Hub, Invitations, InviteError, PeerStatus, join};

/// How often to look how far a first sync is.
const LOOK: Duration = Duration::from_millis(100);

/// How far a join is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JoinProgress {
    /// The inviter is being looked for.
    Looking,
    /// It was found and is being asked.
    Asking,
    /// It has admitted this site.
    Admitted {
        /// Name of the space.
        space: String,
    },
    /// The space's content arrives.
    Receiving {
        /// Transactions here.
        here: u64,
        /// Transactions known to be missing.
        missing: u64,
    },
}

/// The network of a running node. Cheap to clone.
#[derive(Clone)]
pub struct Network {
    hub: Arc<Hub>,
    invitations: Arc<Invitations>,
    /// How to open streams at present; it is another one when the site's key has changed.
    control: watch::Receiver<Option<Control>>,
    commands: mpsc::UnboundedSender<Command>,
    scene: watch::Receiver<Scene>,
    cards: Arc<Cards>,
    task: Arc<std::sync::Mutex<Option<JoinHandle<()>>>>,
}

impl Network {
    /// How long [`Network::join`] looks for an inviter.
    pub const SEARCH: Duration = Duration::from_secs(30);

    /// Starts the network of a store, inside a tokio runtime.
    pub fn start(store: Store, settings: &NetSettings) -> Result<Self, NetError> {
        let (tell, key_changed) = watch::channel(store.author());
        store.identity().subscribe(move |author| {
            tell.send_replace(author);
        });
        let invitations = Arc::new(Invitations::open(store.folder(), store.identity().clone())?);
        let hub = Hub::new(store);
        let mut runner = Runner {
            hub: hub.clone(),
            invitations: invitations.clone(),
            settings: settings.clone(),
            scene: watch::Sender::new(Scene::default()),
            control: watch::Sender::new(None),
            key_changed,
        };
        let (control, scene) = (runner.control.subscribe(), runner.scene.subscribe());
        let driver = runner.driver()?;
        let (commands, asked) = mpsc::unbounded_channel();
        let task = Arc::new(std::sync::Mutex::new(Some(tokio::spawn(runner.run(driver, asked)))));
        Ok(Self { hub, invitations, control, commands, scene, cards: Arc::default(), task })
    }

    /// Says goodbye to all sites and stops. Whatever is not acknowledged yet goes on from there
    /// next time.
    pub async fn shutdown(&self) {
        let (done, stopped) = oneshot::channel();
        if self.commands.send(Command::Stop(done)).is_ok() {
            let _stopped_either_way = stopped.await;
        }
        let task = self.task.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        if let Some(task) = task {
            let _stopped_either_way = task.await;
        }
    }

    /// Where this site listens.
    pub fn listening(&self) -> Vec<Multiaddr> {
        self.scene.borrow().listening.clone()
    }

    /// Returns once this site listens somewhere.
    pub async fn ready(&self) -> Result<(), NetError> {
        let mut scene = self.scene.clone();
        let ready = scene.wait_for(|scene| !scene.listening.is_empty()).await;
        ready.map(|_| ()).map_err(|_| NetError::Stopped)
    }

    /// Addresses other sites can use, best first; loopback ones only where there are no others. One
    /// whose cable is out, or whose Wi-Fi is off, nobody can use.
    pub fn addresses(&self) -> Vec<String> {
        let mut listening = self.listening();
        let without_link = self.cards.addresses_without();
        listening.retain(|address| address::ip(address).is_none_or(|ip| !without_link.contains(&ip)));
        listening.sort_by_key(|address| (!address::is_for_others(address), address.to_vec().len()));
        let reachable = listening.iter().filter(|address| address::is_for_others(address)).count();
        let keep = if reachable > 0 { reachable } else { listening.len() };
        listening.iter().take(keep).map(Multiaddr::to_string).collect()
    }

    /// A space of this node.
    pub fn space(&self, id: &SpaceId) -> Option<Space> {
        self.hub.store().spaces().into_iter().find(|space| space.id() == *id)
    }

    /// The other members of a space, and what is known of them.
    pub fn peers(&self, space: &SpaceId) -> Vec<PeerStatus> {
        self.hub.peers(space)
    }

    /// What is known of one site.
    pub fn peer(&self, author: &Author) -> PeerStatus {
        self.hub.peer(author)
    }

    /// Changes whenever a site comes or goes.
    pub fn peers_changed(&self) -> watch::Receiver<u64> {
        self.hub.peers_changed()
    }

    /// To be called when a space was created on this node: sessions begin anew with it.
    pub fn spaces_changed(&self) {
        let _stopping = self.commands.send(Command::SpacesChanged);
    }

    /// Ends all sync sessions and begins none until [`Network::resume`].
    pub fn pause(&self) {
        let _stopping = self.commands.send(Command::Pause(true));
    }

    /// Whether sync is paused.
    pub fn paused(&self) -> bool {
        self.scene.borrow().paused
    }

    /// Goes on syncing at once.
    pub fn resume(&self) {
        let _stopping = self.commands.send(Command::Pause(false));
    }

    /// Makes an invitation to a space of which this site is an admin, good for so many
    /// milliseconds.
    pub fn invite(&self, space: &Space, role: Role, good_for_ms: i64) -> Result<Invitation, InviteError> {
        let now_ms = self.hub.now().wall_ms;
        let mut addresses = self.addresses();
        addresses.truncate(invitation::ADDRESSES);
        self.invitations.invite(space, role, (now_ms, now_ms.saturating_add(good_for_ms)), addresses)
    }

    /// Follows an invitation: finds the inviter, proves the invitation to it, and sets up the
    /// space it admits this site to. What the space holds arrives from then on; see
    /// [`Network::first_sync`]. `peers` are addresses of the inviter beside those in the
    /// invitation.
    pub async fn join(
        &self,
        invitation: &Invitation,
        site_name: &str,
        peers: &[String],
        progress: impl Fn(JoinProgress) + Send,
    ) -> Result<Space, JoinError> {
        let store = self.hub.store().clone();
        let held: Vec<String> = store.spaces().iter().map(|space| space.name().to_owned()).collect();
        if !held.is_empty() {
            return Err(JoinError::HoldsASpace(held));
        }
        if invitation.inviter == self.hub.author() {
            return Err(JoinError::Own);
        }
        progress(JoinProgress::Looking);
        let tried: Vec<Multiaddr> =
            peers.iter().chain(&invitation.addresses).filter_map(|text| address::parse(text)).collect();
        self.find(invitation.inviter, &tried).await?;
        progress(JoinProgress::Asking);
        let control = self.control.borrow().clone();
        let mut control = control.ok_or(JoinError::Stopped)?;
        let peer = identity::peer_id(&invitation.inviter).ok_or(JoinError::NotFound(Vec::new()))?;
        let stream = control.open_stream(peer, JOIN).await;
        let stream = stream.map_err(|error| JoinError::Broken(std::io::Error::other(error)))?;
        let mut stream = stream.compat();
        let admitted = join::ask(&mut stream, invitation, self.hub.author(), site_name.to_owned()).await?;
        progress(JoinProgress::Admitted { space: admitted.space_name.clone() });
        let name = site_name.to_owned();
        let adopt = move || store.adopt_space(admitted.space, &admitted.space_name, &name);
        let space = tokio::task::spawn_blocking(adopt).await;
        let space =
            space.map_err(|_| JoinError::Stopped)?.map_err(|error| JoinError::Store(Cause::from(&error)))?;
        self.spaces_changed();
        // Only now may the inviter begin the session: closing the stream tells it so.
        drop(stream);
        Ok(space)
    }

    /// Returns once a space that was just joined holds all that the sites in reach hold.
    pub async fn first_sync(
        &self,
        space: &Space,
        progress: impl Fn(JoinProgress) + Send,
    ) -> Result<(), JoinError> {
        let me = self.hub.author();
        let mut said = None;
        loop {
            let vector = space.vector();
            let peers = self.peers(&space.id());
            let open =
                peers.iter().filter(|peer| peer.spaces.get(&space.id()).is_some_and(|shared| shared.open));
            let missing = open.map(|peer| peer.missing_here(&space.id(), &vector)).max();
            let now = JoinProgress::Receiving { here: vector.transactions(), missing: missing.unwrap_or(0) };
            if said.as_ref() != Some(&now) {
                progress(now.clone());
                said = Some(now);
            }
            if missing == Some(0) && space.membership().member(&me).is_some() {
                return Ok(());
            }
            if self.commands.is_closed() {
                return Err(JoinError::Stopped);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn find(&self, inviter: Author, tried: &[Multiaddr]) -> Result<(), JoinError> {
        self.commands.send(Command::Seek(inviter, tried.to_vec())).map_err(|_| JoinError::Stopped)?;
        let mut scene = self.scene.clone();
        let found = timeout(Self::SEARCH, scene.wait_for(|scene| scene.connected.contains(&inviter))).await;
        match found {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err(JoinError::Stopped),
            Err(_) => Err(JoinError::NotFound(tried.iter().map(Multiaddr::to_string).collect())),
        }
    }
}
