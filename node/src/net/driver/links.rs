//! Which sync sessions run: at most one with each site.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use libp2p::Stream;
use libp2p_stream::{Control, OpenStreamError};
use tandem_protocol::identity::Author;
use tandem_protocol::session::{Farewell, SessionEnd, Side};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::compat::FuturesAsyncReadCompatExt;

use super::SYNC;
use crate::net::identity::peer_id;
use crate::sync::link::{self, PeerAddresses};
use crate::sync::{Hub, LinkEnd};

/// How long opening a stream on an existing connection may take.
const OPENING: Duration = Duration::from_secs(5);
/// Within this time after a session began, another one offered is taken for one opened at the
/// same time, later for its replacement.
const YOUNG: Duration = Duration::from_secs(2);
/// A session that held this long was a good one: its end is no sign of trouble.
const GOOD: Duration = Duration::from_secs(5);

/// A session is over.
pub(super) struct Ended {
    pub peer: Author,
    pub end: LinkEnd,
    id: u64,
}

/// What to do about its end.
pub(super) enum After {
    /// Open another at once.
    Again,
    /// Another after a growing while.
    Later,
    /// Another after a minute or more.
    MuchLater,
    /// The connections it may have run on are dead: those older than it.
    Reconnect {
        /// When it began.
        began: Instant,
    },
}

struct Running {
    id: u64,
    began: Instant,
}

/// See the module.
pub(super) struct Links {
    /// Who this site is to those it is connected with.
    local: Author,
    hub: Arc<Hub>,
    control: Control,
    peer_addresses: PeerAddresses,
    ended: mpsc::UnboundedSender<Ended>,
    running: BTreeMap<Author, Running>,
}

impl Links {
    pub fn new(
        local: Author,
        hub: Arc<Hub>,
        control: Control,
        peer_addresses: PeerAddresses,
        ended: mpsc::UnboundedSender<Ended>,
    ) -> Self {
        Self { local, hub, control, peer_addresses, ended, running: BTreeMap::new() }
    }

    /// Whether a session with the site runs or is being opened.
    pub fn runs(&self, peer: &Author) -> bool {
        self.running.contains_key(peer)
    }

    /// Whether it began only just now.
    pub fn is_young(&self, peer: &Author) -> bool {
        self.running.get(peer).is_some_and(|running| running.began.elapsed() < YOUNG)
    }

    /// Whether none runs.
    pub fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    /// Opens one on the connection there is.
    pub fn open(&mut self, peer: Author) {
        if self.runs(&peer) {
            return;
        }
        let id = self.begin(peer);
        let (hub, peer_addresses, ended, mut control) =
            (self.hub.clone(), self.peer_addresses.clone(), self.ended.clone(), self.control.clone());
        let local = self.local;
        tokio::spawn(async move {
            let stream = async {
                let peer = peer_id(&peer).ok_or_else(|| io::Error::other("no Ed25519 key"))?;
                let opened = timeout(OPENING, control.open_stream(peer, SYNC)).await;
                opened.map_err(io::Error::from)?.map_err(|error| match error {
                    // Some other program that uses libp2p.
                    OpenStreamError::UnsupportedProtocol(_) => LinkEnd::Session(SessionEnd::Stranger),
                    error => LinkEnd::Broken(io::Error::other(error)),
                })
            };
            let end = match stream.await {
                Ok(stream) => {
                    link::run(hub, (local, peer), Side::Opener, id, stream.compat(), peer_addresses).await
                }
                Err(end) => end,
            };
            let _driver_gone = ended.send(Ended { peer, end, id });
        });
    }

    /// Takes one that the other site has opened, in place of any that runs.
    pub fn accept(&mut self, peer: Author, stream: Stream) {
        let id = self.begin(peer);
        let (hub, peer_addresses, ended) =
            (self.hub.clone(), self.peer_addresses.clone(), self.ended.clone());
        let local = self.local;
        tokio::spawn(async move {
            let end =
                link::run(hub, (local, peer), Side::Acceptor, id, stream.compat(), peer_addresses).await;
            let _driver_gone = ended.send(Ended { peer, end, id });
        });
    }

    /// Takes note of an end. `None`: it had been replaced already.
    pub fn ended(&mut self, ended: &Ended) -> Option<After> {
        let running = self.running.get(&ended.peer).filter(|running| running.id == ended.id)?;
        let (began, good) = (running.began, running.began.elapsed() >= GOOD);
        self.running.remove(&ended.peer);
        Some(match &ended.end {
            LinkEnd::Session(SessionEnd::Silent) => After::Reconnect { began },
            // Where not even a stream could be opened, the connection is dead.
            LinkEnd::Broken(error) if error.kind() == io::ErrorKind::TimedOut => After::Reconnect { began },
            LinkEnd::Session(
                SessionEnd::Renew | SessionEnd::Left | SessionEnd::Farewell(Farewell::Renew),
            ) => After::Again,
            LinkEnd::Session(
                SessionEnd::Stranger
                | SessionEnd::NotAMember
                | SessionEnd::Refused
                | SessionEnd::Version { .. },
            ) => After::MuchLater,
            LinkEnd::Session(end) if end.is_misconduct() => After::MuchLater,
            LinkEnd::Broken(_) if good => After::Again,
            _ => After::Later,
        })
    }

    fn begin(&mut self, peer: Author) -> u64 {
        let (id, began) = (self.hub.next_session(), Instant::now());
        let before = self.running.insert(peer, Running { id, began });
        assert!(before.is_none_or(|before| before.id < id), "a session is replaced by a newer one alone");
        id
    }
}
