//! The task that owns the swarm: turns what happens on the network, and what the node asks for,
//! into dials, sessions and their ends.

mod connections;
mod links;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use libp2p::core::ConnectedPoint;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{ConnectionId, SwarmEvent};
use libp2p::{Multiaddr, PeerId, Stream, StreamProtocol, Swarm, mdns};
use libp2p_stream::Control;
use tandem_protocol::identity::Author;
use tandem_protocol::session::{Input, Listing};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::compat::FuturesAsyncReadCompatExt;

use self::connections::Connections;
use self::links::{Ended, Links};
use super::address;
use super::book::AddressBook;
use super::dialer::{Attempt, Dialer};
use super::identity::{author_of, peer_id};
use super::swarm::{Behaviour, BehaviourEvent};
use crate::sync::{Hub, Invitations, join};

pub(super) const SYNC: StreamProtocol = StreamProtocol::new("/tandem/sync/1");
pub(super) const JOIN: StreamProtocol = StreamProtocol::new("/tandem/join/1");

/// Streams waiting to be looked at; beyond these they are refused.
const STREAMS: usize = 64;
/// Join requests answered at the same time.
const JOINS: usize = 8;
/// Connections from sites that are no members here.
const STRANGERS: usize = 32;
/// The site with the higher id leaves it to the other to open the session, for so long.
const COURTESY_MS: u64 = 500;
/// How often the address book is written, if it changed.
const SAVE_EVERY: Duration = Duration::from_secs(5);
/// How long sessions may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(2);

/// What the rest of the node asks for.
pub(super) enum Command {
    /// Look for a site at these addresses.
    Seek(Author, Vec<Multiaddr>),
    /// There are spaces that sessions do not know yet.
    SpacesChanged,
    /// End all sessions and begin none, or go on.
    Pause(bool),
    /// Stop.
    Stop(oneshot::Sender<()>),
}

/// What the driver lets others see.
#[derive(Clone, Default)]
pub(super) struct Scene {
    /// Where this site listens.
    pub listening: Vec<Multiaddr>,
    /// With whom there is a connection.
    pub connected: Vec<Author>,
}

/// See the module.
pub(super) struct Driver {
    swarm: Swarm<Behaviour>,
    control: Control,
    hub: Arc<Hub>,
    invitations: Arc<Invitations>,
    dialer: Dialer,
    book: AddressBook,
    dials: HashMap<ConnectionId, Attempt>,
    connections: Connections,
    links: Links,
    hearsay: mpsc::Receiver<(Author, Vec<Listing>)>,
    ended: mpsc::UnboundedReceiver<Ended>,
    joined: (mpsc::Sender<Author>, mpsc::Receiver<Author>),
    joins: Arc<tokio::sync::Semaphore>,
    scene: watch::Sender<Scene>,
    paused: bool,
}

impl Driver {
    pub fn new(
        swarm: Swarm<Behaviour>,
        hub: Arc<Hub>,
        invitations: Arc<Invitations>,
        book: AddressBook,
        places: &[Multiaddr],
    ) -> Self {
        let control = swarm.behaviour().streams.new_control();
        let (hearsay_in, hearsay) = mpsc::channel(STREAMS);
        let (ended_in, ended) = mpsc::unbounded_channel();
        let links = Links::new(hub.clone(), control.clone(), hearsay_in, ended_in);
        let mut driver = Self {
            swarm,
            control,
            invitations,
            dialer: Dialer::default(),
            dials: HashMap::new(),
            connections: Connections::default(),
            links,
            hearsay,
            ended,
            joined: mpsc::channel(JOINS),
            joins: Arc::new(tokio::sync::Semaphore::new(JOINS)),
            scene: watch::Sender::new(Scene::default()),
            paused: false,
            hub,
            book,
        };
        let now_ms = driver.now_ms();
        for address in places {
            match address::split(address.clone()) {
                (address, Some(peer)) => {
                    if let Some(author) = author_of(&peer) {
                        driver.dialer.add(author, &address, true, now_ms);
                    }
                }
                (address, None) => driver.dialer.add_place(address),
            }
        }
        for (author, entry) in driver.book.sites() {
            for address in &entry.addresses {
                driver.dialer.add(*author, address, false, now_ms);
            }
            let seen_ms = entry.last_seen_ms;
            driver.hub.note(*author, |status| status.last_seen_ms = seen_ms);
        }
        driver
    }

    pub fn control(&self) -> Control {
        self.control.clone()
    }

    pub fn scene(&self) -> watch::Receiver<Scene> {
        self.scene.subscribe()
    }

    /// Runs until told to stop, or until nobody is left to tell.
    pub async fn run(mut self, mut commands: mpsc::UnboundedReceiver<Command>) {
        let (Some(mut syncs), Some(mut joins)) = (self.incoming(SYNC), self.incoming(JOIN)) else {
            return tracing::error!("the stream protocols are registered twice");
        };
        let mut members = self.hub.members_changed();
        let mut save = tokio::time::interval(SAVE_EVERY);
        loop {
            self.try_what_is_due();
            let wake_ms = self.dialer.next_ms().unwrap_or(u64::MAX).saturating_sub(self.now_ms());
            // A day stands for never.
            let wake = Instant::now() + Duration::from_millis(wake_ms.min(86_400_000));
            tokio::select! {
                event = self.swarm.select_next_some() => self.happened(event),
                Some((peer, stream)) = syncs.recv() => self.session_offered(&peer, stream),
                Some((peer, stream)) = joins.recv() => self.join_asked(&peer, stream),
                Some(ended) = self.ended.recv() => self.session_ended(ended),
                Some((from, listings)) = self.hearsay.recv() => self.told_of(from, listings),
                Some(author) = self.joined.1.recv() => self.someone_joined(author),
                Ok(()) = members.changed() => {
                    self.remember();
                    self.dialer.hurry(self.now_ms());
                }
                _ = save.tick() => self.save(),
                () = sleep_until(wake) => {}
                command = commands.recv() => match command {
                    Some(Command::Seek(author, addresses)) => {
                        let now_ms = self.now_ms();
                        self.dialer.after(author, 0, now_ms);
                        addresses.iter().for_each(|address| self.dialer.add(author, address, true, now_ms));
                    }
                    Some(Command::SpacesChanged) => self.begin_anew(),
                    Some(Command::Pause(paused)) => self.pause(paused),
                    Some(Command::Stop(done)) => {
                        self.stop().await;
                        let _nobody_waits = done.send(());
                        return;
                    }
                    None => return self.stop().await,
                },
            }
        }
    }

    /// Streams others open, through a queue: libp2p drops them when nobody looks at once.
    fn incoming(&mut self, protocol: StreamProtocol) -> Option<mpsc::Receiver<(PeerId, Stream)>> {
        let mut streams = self.control.accept(protocol).ok()?;
        let (queue, waiting) = mpsc::channel(STREAMS);
        tokio::spawn(async move {
            while let Some(stream) = streams.next().await {
                if let Err(mpsc::error::TrySendError::Closed(_)) = queue.try_send(stream) {
                    return;
                }
            }
        });
        Some(waiting)
    }

    fn try_what_is_due(&mut self) {
        if self.paused {
            return;
        }
        let now_ms = self.now_ms();
        for attempt in self.dialer.due(now_ms, |author| self.connections.any(author)) {
            match &attempt {
                Attempt::Site(author, _) if self.connections.any(author) => self.links.open(*author),
                Attempt::Site(author, addresses) => match peer_id(author) {
                    Some(peer) => {
                        let opts = DialOpts::peer_id(peer).addresses(addresses.clone());
                        let opts = opts.condition(PeerCondition::DisconnectedAndNotDialing);
                        self.dial(attempt, opts.allocate_new_port().build());
                    }
                    None => self.dialer.failed(&attempt, random(), now_ms),
                },
                Attempt::Place(address) => {
                    let opts = DialOpts::unknown_peer_id().address(address.clone());
                    self.dial(attempt, opts.allocate_new_port().build());
                }
            }
        }
    }

    fn dial(&mut self, attempt: Attempt, opts: DialOpts) {
        let id = opts.connection_id();
        match self.swarm.dial(opts) {
            Ok(()) => {
                self.dials.insert(id, attempt);
            }
            Err(error) => {
                tracing::debug!(%error, "not dialled");
                self.dialer.failed(&attempt, random(), self.now_ms());
            }
        }
    }

    fn happened(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, .. } => {
                self.connected(&peer_id, connection_id, &endpoint);
            }
            SwarmEvent::ConnectionClosed { peer_id, connection_id, .. } => {
                if let Some(author) = author_of(&peer_id)
                    && self.connections.closed(author, connection_id)
                {
                    self.show();
                }
            }
            SwarmEvent::OutgoingConnectionError { connection_id, error, .. } => {
                if let Some(attempt) = self.dials.remove(&connection_id) {
                    tracing::debug!(?attempt, %error, "not reached");
                    if let Attempt::Site(author, _) = &attempt {
                        self.hub.note(*author, |status| status.trouble = Some("not reachable at any known address".into()));
                    }
                    self.dialer.failed(&attempt, random(), self.now_ms());
                }
            }
            SwarmEvent::NewListenAddr { address, .. } => {
                tracing::info!(%address, "listening");
                self.network_changed();
            }
            SwarmEvent::ExpiredListenAddr { address, .. } => {
                tracing::info!(%address, "no longer listening");
                self.network_changed();
            }
            SwarmEvent::ListenerError { error, .. } => tracing::warn!(%error, "a listener has a problem"),
            SwarmEvent::ListenerClosed { reason: Err(error), .. } => tracing::error!(%error, "a listener closed"),
            SwarmEvent::Behaviour(BehaviourEvent::Mdns(mdns::Event::Discovered(found))) => {
                for (peer, address) in found {
                    if let Some(author) = author_of(&peer) {
                        let (address, now_ms) = (address::split(address).0, self.now_ms());
                        self.dialer.add(author, &address, true, now_ms);
                    }
                }
            }
            SwarmEvent::Behaviour(BehaviourEvent::Mdns(mdns::Event::Expired(gone))) => {
                for (peer, address) in gone {
                    if let Some(author) = author_of(&peer) {
                        self.dialer.doubt(&author, &address::split(address).0);
                    }
                }
            }
            _ => {}
        }
    }

    fn connected(&mut self, peer: &PeerId, id: ConnectionId, endpoint: &ConnectedPoint) {
        let attempt = self.dials.remove(&id);
        let Some(author) = author_of(peer) else {
            self.swarm.close_connection(id);
            return;
        };
        if endpoint.is_listener() && !self.hub.knows(&author) && self.strangers() >= STRANGERS {
            tracing::debug!(peer = author.short(), "too many strangers");
            self.swarm.close_connection(id);
            return;
        }
        let now_ms = self.now_ms();
        let (address, _) = address::split(endpoint.get_remote_address().clone());
        if endpoint.is_dialer() {
            self.dialer.connected(author, matches!(attempt, Some(Attempt::Place(_))).then_some(&address));
            self.dialer.add(author, &address, false, now_ms);
            if self.hub.knows(&author) {
                self.book.add(author, &address);
            }
        }
        self.hub.note(author, |status| status.address = Some(address.to_string()));
        self.connections.opened(author, id);
        self.show();
        if self.links.runs(&author) {
            // It would not have connected again if it believed in the session that runs.
            self.dialer.busy(&author);
            if let Some(inbox) = self.hub.inbox(&author) {
                inbox.push(Input::Probe);
            }
        } else {
            let wait_ms = if self.hub.author() < author { 0 } else { COURTESY_MS };
            self.dialer.after(author, wait_ms, now_ms);
        }
    }

    fn session_offered(&mut self, peer: &PeerId, stream: Stream) {
        let Some(author) = author_of(peer).filter(|_| !self.paused) else { return };
        // Both may open at the same time: then the one opened by the lower id counts.
        if self.links.is_young(&author) && self.hub.author() < author {
            return;
        }
        self.dialer.after(author, 0, self.now_ms());
        self.dialer.busy(&author);
        self.links.accept(author, stream);
    }

    fn session_ended(&mut self, ended: Ended) {
        let Some(after) = self.links.ended(&ended) else { return };
        let now_ms = self.now_ms();
        tracing::info!(peer = ended.peer.short(), reason = %ended.end, "session over");
        if self.hub.knows(&ended.peer) {
            self.book.seen(&ended.peer, self.hub.now().wall_ms);
        }
        let attempt = Attempt::Site(ended.peer, Vec::new());
        match after {
            links::After::Again => self.dialer.after(ended.peer, 50, now_ms),
            links::After::Later => {
                self.dialer.after(ended.peer, 0, now_ms);
                self.dialer.failed(&attempt, random(), now_ms);
            }
            links::After::MuchLater => {
                self.dialer.after(ended.peer, 0, now_ms);
                self.dialer.refused(&ended.peer, random(), now_ms);
            }
            links::After::Reconnect { began } => {
                for id in self.connections.older(&ended.peer, began) {
                    self.swarm.close_connection(id);
                    self.connections.closed(ended.peer, id);
                }
                self.dialer.after(ended.peer, 0, now_ms);
                self.show();
            }
        }
        self.tell_addresses();
    }

    fn join_asked(&mut self, peer: &PeerId, stream: Stream) {
        let Some(author) = author_of(peer).filter(|_| !self.paused) else { return };
        let Ok(permit) = self.joins.clone().try_acquire_owned() else { return };
        let (hub, invitations, joined) = (self.hub.clone(), self.invitations.clone(), self.joined.0.clone());
        tokio::spawn(async move {
            let mut stream = stream.compat();
            match join::answer(&mut stream, hub, invitations, author).await {
                Ok(true) => {
                    let _stopping = joined.send(author).await;
                }
                Ok(false) => {}
                Err(error) => tracing::debug!(peer = author.short(), %error, "a join request broke off"),
            }
            drop(permit);
        });
    }

    /// It was a stranger until now.
    fn someone_joined(&mut self, author: Author) {
        if !self.links.runs(&author) {
            self.dialer.after(author, 0, self.now_ms());
        }
    }

    /// What a member says of where sites can be reached.
    fn told_of(&mut self, from: Author, listings: Vec<Listing>) {
        let now_ms = self.now_ms();
        for Listing { author, addresses } in listings {
            if author == self.hub.author() || (author != from && !self.hub.knows(&author)) {
                continue;
            }
            for bytes in addresses.into_iter().rev() {
                let Ok(address) = Multiaddr::try_from(bytes) else { continue };
                let (address, _) = address::split(address);
                self.dialer.add(author, &address, false, now_ms);
                if self.hub.knows(&author) && (author == from || self.book.addresses(&author).is_empty()) {
                    self.book.add(author, &address);
                }
            }
            if self.links.runs(&author) {
                self.dialer.busy(&author);
            }
        }
        self.tell_addresses();
    }

    fn network_changed(&mut self) {
        self.hub.tell_all(|| Input::Probe);
        self.dialer.hurry(self.now_ms());
        self.show();
        self.tell_addresses();
    }

    fn begin_anew(&mut self) {
        if self.hub.watch_spaces() {
            self.hub.tell_all(|| Input::Leave);
            let now_ms = self.now_ms();
            self.dialer.hurry(now_ms);
            self.connections.authors().for_each(|author| self.dialer.after(author, 0, now_ms));
        }
    }

    fn pause(&mut self, paused: bool) {
        self.paused = paused;
        if paused {
            self.hub.tell_all(|| Input::Leave);
        } else {
            let now_ms = self.now_ms();
            self.dialer.hurry(now_ms);
            for author in self.connections.authors().filter(|author| !self.links.runs(author)) {
                self.dialer.after(author, 0, now_ms);
            }
        }
    }

    async fn stop(mut self) {
        self.hub.tell_all(|| Input::Leave);
        let goodbye = async {
            while !self.links.is_empty() {
                tokio::select! {
                    Some(ended) = self.ended.recv() => { self.links.ended(&ended); }
                    _ = self.swarm.select_next_some() => {}
                }
            }
            // Closing them one by one lets the last words out; dropping the swarm would not.
            let all: Vec<PeerId> = self.swarm.connected_peers().copied().collect();
            for peer in all {
                let _gone_already = self.swarm.disconnect_peer_id(peer);
            }
            while self.swarm.connected_peers().next().is_some() {
                self.swarm.select_next_some().await;
            }
        };
        let _too_late = timeout(GOODBYE, goodbye).await;
        self.remember();
        self.save();
    }

    /// Who became a member after it was reached: what is known of it is written down now.
    fn remember(&mut self) {
        for author in self.hub.members() {
            if self.book.addresses(&author).is_empty() {
                self.dialer.addresses(&author).iter().rev().for_each(|address| self.book.add(author, address));
            }
        }
    }

    fn strangers(&self) -> usize {
        self.connections.authors().filter(|author| !self.hub.knows(author)).count()
    }

    fn show(&self) {
        let listening = self.swarm.listeners().cloned().collect();
        let connected = self.connections.authors().collect();
        self.scene.send_replace(Scene { listening, connected });
    }

    /// Tells all members where this site, and those connected with it, can be reached.
    fn tell_addresses(&self) {
        let all: Vec<&Multiaddr> = self.swarm.listeners().collect();
        let mut own: Vec<&Multiaddr> = all.iter().copied().filter(|address| address::is_for_others(address)).collect();
        if own.is_empty() {
            own = all;
        }
        let others = self.connections.authors().filter(|author| self.links.runs(author) && self.hub.knows(author));
        let mut listings = vec![listing(self.hub.author(), &own)];
        for author in others.take(tandem_protocol::session::limits::LISTINGS - 1) {
            let addresses: Vec<&Multiaddr> = self.book.addresses(&author).iter().take(4).collect();
            if !addresses.is_empty() {
                listings.push(listing(author, &addresses));
            }
        }
        self.hub.set_listings(listings);
    }

    fn save(&mut self) {
        if let Err(error) = self.book.save() {
            tracing::warn!(%error, "where other sites are could not be written down");
        }
    }

    fn now_ms(&self) -> u64 {
        self.hub.now().ms
    }
}

fn listing(author: Author, addresses: &[&Multiaddr]) -> Listing {
    let most = tandem_protocol::session::limits::ADDRESSES;
    Listing { author, addresses: addresses.iter().take(most).map(|address| address.to_vec()).collect() }
}

/// Any number; where the system gives none, the attempts of many sites are not spread.
fn random() -> u32 {
    getrandom::u32().unwrap_or_default()
}
