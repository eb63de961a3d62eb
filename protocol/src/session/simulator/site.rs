//! A site and its sessions.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{Log, SPACE};
use crate::identity::{Author, Signature, SpaceId};
use crate::session::{
    CatchUpScheduler, Config, Listing, PeerState, ReadRequest, SessionDriver, Side, SpaceConfig, StoreRequest,
};
use crate::verify::SignedTransaction;
use crate::version::Dot;

pub struct Site {
    pub author: Author,
    pub spaces: Vec<SpaceId>,
    pub log: Log,
    pub members: BTreeSet<Author>,
    /// What it shows as its admission.
    pub ticket: Option<SignedTransaction>,
    pub links: BTreeMap<usize, Link>,
    pub catch_up: CatchUpScheduler,
    /// How often the log was read.
    pub reads: usize,
    /// Transactions that came although they were held.
    pub received_twice: usize,
}

/// One end of a session.
pub struct Link {
    /// Not here while it runs.
    pub driver: Option<SessionDriver>,
    pub reads: VecDeque<ReadRequest>,
    pub stores: VecDeque<StoreRequest>,
    pub state: Option<PeerState>,
    pub clock_offset_ms: Option<i64>,
    pub addresses: Vec<Listing>,
    /// Names under which the peer holds something else.
    pub forked: Vec<Dot>,
}

/// What a site shows when an admin has admitted it, in place of a signed transaction.
pub fn valid_ticket() -> SignedTransaction {
    SignedTransaction { previous: [1; 32], bytes: b"valid".to_vec(), signature: Signature([0; 64]) }
}

impl Site {
    pub fn new(author: Author) -> Self {
        Self {
            author,
            spaces: vec![SPACE],
            log: Log::default(),
            members: BTreeSet::new(),
            ticket: None,
            links: BTreeMap::new(),
            catch_up: CatchUpScheduler::default(),
            reads: 0,
            received_twice: 0,
        }
    }

    pub fn is_member(&self, author: &Author, proof: Option<&SignedTransaction>) -> bool {
        self.members.contains(author) || proof == Some(&valid_ticket())
    }

    pub fn link(&self, peer: Author, opens: bool) -> Link {
        let space =
            |id: &SpaceId| SpaceConfig { id: *id, vector: self.log.vector.clone(), end: self.log.end() };
        let config = Config {
            side: if opens { Side::Opener } else { Side::Acceptor },
            local: self.author,
            peer,
            spaces: self.spaces.iter().map(space).collect(),
            padding: [self.author.0[0]; 32],
        };
        Link {
            driver: Some(SessionDriver::new(config)),
            reads: VecDeque::new(),
            stores: VecDeque::new(),
            state: None,
            clock_offset_ms: None,
            addresses: Vec::new(),
            forked: Vec::new(),
        }
    }
}
