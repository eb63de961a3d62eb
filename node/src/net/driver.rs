//! The task that owns the swarm: turns what happens on the network, and what the node asks for,
//! into dials, sessions and their ends.

mod connections;
mod events;
mod links;
mod sessions;
mod whereabouts;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use libp2p::swarm::ConnectionId;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::{Multiaddr, PeerId, Stream, StreamProtocol, Swarm};
use libp2p_stream::Control;
use tandem_protocol::identity::Author;
use tandem_protocol::session::{Input, Listing};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until, timeout};

use self::connections::Connections;
use self::links::{Ended, Links};
use super::address;
use super::book::AddressBook;
use super::dialer::{Attempt, Dialer};
use super::error::NetError;
use super::identity::{author_of, peer_id};
use super::swarm::Behaviour;
use crate::sync::{Hub, Invitations};

pub(super) const SYNC: StreamProtocol = StreamProtocol::new("/tandem/sync/1");
pub(super) const JOIN: StreamProtocol = StreamProtocol::new("/tandem/join/1");

/// Streams waiting to be looked at; beyond these they are refused.
const STREAMS: usize = 64;
/// Join requests answered at the same time.
const JOINS: usize = 8;
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
    /// Whether nothing is exchanged until told otherwise.
    pub paused: bool,
}

/// Why a driver is over.
pub(super) enum Over {
    /// The node stops.
    Stopped,
    /// The site has another key: it has to meet the others anew.
    KeyChanged,
}

/// See the module.
pub(super) struct Driver {
    swarm: Swarm<Behaviour>,
    /// Who this site is to those it is connected with.
    local: Author,
    control: Control,
    hub: Arc<Hub>,
    invitations: Arc<Invitations>,
    dialer: Dialer,
    book: AddressBook,
    dials: HashMap<ConnectionId, Attempt>,
    connections: Connections,
    links: Links,
    peer_addresses: mpsc::Receiver<(Author, Vec<Listing>)>,
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
        named: &[Multiaddr],
        scene: watch::Sender<Scene>,
    ) -> Result<Self, NetError> {
        let local = author_of(swarm.local_peer_id()).ok_or(NetError::Identity)?;
        let paused = scene.borrow().paused;
        let control = swarm.behaviour().streams.new_control();
        let (addresses_in, peer_addresses) = mpsc::channel(STREAMS);
        let (ended_in, ended) = mpsc::unbounded_channel();
        let links = Links::new(local, hub.clone(), control.clone(), addresses_in, ended_in);
        let mut driver = Self {
            swarm,
            local,
            control,
            invitations,
            dialer: Dialer::default(),
            dials: HashMap::new(),
            connections: Connections::default(),
            links,
            peer_addresses,
            ended,
            joined: mpsc::channel(JOINS),
            joins: Arc::new(tokio::sync::Semaphore::new(JOINS)),
            scene,
            paused,
            hub,
            book,
        };
        let now_ms = driver.now_ms();
        for address in named {
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
                driver.swarm.behaviour_mut().gate.know(address);
                driver.dialer.add(*author, address, false, now_ms);
            }
            let seen_ms = entry.last_seen_ms;
            driver.hub.note(*author, |status| status.last_seen_ms = seen_ms.max(status.last_seen_ms));
        }
        driver.show();
        Ok(driver)
    }

    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// Runs until told to stop, until nobody is left to tell, or until the site has another key.
    pub async fn run(
        mut self,
        commands: &mut mpsc::UnboundedReceiver<Command>,
        key_changed: &mut watch::Receiver<Author>,
    ) -> Over {
        let (Some(mut syncs), Some(mut joins)) = (self.incoming(SYNC), self.incoming(JOIN)) else {
            tracing::error!("the stream protocols are registered twice");
            return Over::Stopped;
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
                Some((from, listings)) = self.peer_addresses.recv() => self.told_of(from, listings),
                Some(author) = self.joined.1.recv() => self.someone_joined(author),
                Ok(()) = members.changed() => {
                    self.remember();
                    self.dialer.hurry(self.now_ms());
                }
                _ = save.tick() => self.save(),
                () = sleep_until(wake) => {}
                Ok(()) = key_changed.changed() => {
                    self.leave().await;
                    return Over::KeyChanged;
                }
                command = commands.recv() => match command {
                    Some(Command::Seek(author, addresses)) => {
                        let now_ms = self.now_ms();
                        self.dialer.after(author, 0, now_ms);
                        addresses.iter().for_each(|address| self.dialer.add(author, address, true, now_ms));
                    }
                    Some(Command::SpacesChanged) => self.begin_anew(),
                    Some(Command::Pause(paused)) => self.pause(paused),
                    Some(Command::Stop(done)) => {
                        self.leave().await;
                        let _nobody_waits = done.send(());
                        return Over::Stopped;
                    }
                    None => {
                        self.leave().await;
                        return Over::Stopped;
                    }
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
                        // The swarm may still be closing a dead connection: that is no reason to wait.
                        let opts = opts.condition(PeerCondition::Always);
                        self.dial(attempt, opts.allocate_new_port().build());
                    }
                    None => self.dialer.failed(&attempt, random(), now_ms),
                },
                Attempt::Address(address) => {
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
        self.show();
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

    /// Says goodbye to all.
    async fn leave(&mut self) {
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

    fn now_ms(&self) -> u64 {
        self.hub.now().ms
    }
}

/// Any number; where the system gives none, the attempts of many sites are not spread.
fn random() -> u32 {
    getrandom::u32().unwrap_or_default()
}
