//! Everything one can ask of a site, in one place: the HTTP routes and the command line both go
//! through [`Api`], so both give the same answers and the same errors.
//!
//! One noun per file, each with what a request says, what the answer says, and the request itself.
//! Requests block (or, for writes, answer through a callback from the writer thread); callers that
//! must not block run them elsewhere.

pub mod cell;
pub mod error;
pub mod error_kind;
mod moment;
mod refusal;
pub mod version_token;

pub mod access;
pub mod admission;
pub mod attachment;
mod adoption;
pub mod batch;
pub mod bundle;
pub mod conflict;
mod conflict_presenter;
pub mod event;
pub mod export;
mod feed;
pub mod deadline;
pub mod fork;
pub mod import;
pub mod invitation;
pub mod log_entry;
mod log_filter;
pub mod log_op;
pub mod movement;
pub mod parameters;
pub mod peer;
pub mod query;
pub mod row_event;
pub mod rows;
pub mod schema;
pub mod site;
pub mod space;
pub mod status;
pub mod token;
pub mod transaction;
pub mod transaction_head;
pub mod verification;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, mpsc};

use tandem_protocol::name;
use tandem_store::{Space, Store};

pub use error::{ApiError, Result};
pub use moment::{from_iso, now_ms, to_iso};
pub use peer::Peers;

use attachment::Bridges;
use deadline::Deadlines;
use feed::Feeds;
use token::Tokens;

/// The requests of one site. Cloning is cheap; all clones share one open data folder.
#[derive(Clone)]
pub struct Api {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    peers: OnceLock<Arc<dyn Peers>>,
    feeds: Feeds,
    tokens: Tokens,
    certificate_is_given: AtomicBool,
    deadlines: OnceLock<Deadlines>,
    bridges: Bridges,
    /// Held while a space of another site is set up here.
    setting_up: Mutex<()>,
}

impl Api {
    /// The requests of an open data folder, without network.
    pub fn new(store: Store) -> Self {
        let (peers, feeds, setting_up) = (OnceLock::new(), Feeds::default(), Mutex::new(()));
        let (deadlines, tokens) = (OnceLock::new(), Tokens::in_folder(store.folder()));
        let certificate_is_given = AtomicBool::new(false);
        let bridges = Bridges::default();
        let inner =
            Inner { store, peers, feeds, tokens, certificate_is_given, deadlines, bridges, setting_up };
        Self { inner: Arc::new(inner) }
    }

    /// Tells where to ask about other sites. Only the first call counts.
    pub fn attach(&self, peers: Arc<dyn Peers>) {
        let _already_attached = self.inner.peers.set(peers);
    }

    /// How long statements may run unless their request says otherwise. Only the first call counts.
    pub fn set_deadlines(&self, deadlines: Deadlines) {
        let _already_set = self.inner.deadlines.set(deadlines);
    }

    /// Other PCs know this node by a certificate that was given, not by the fingerprint of its own.
    pub fn certificate_is_given(&self) {
        self.inner.certificate_is_given.store(true, Ordering::Relaxed);
    }

    fn deadlines(&self) -> Deadlines {
        self.inner.deadlines.get().copied().unwrap_or_default()
    }

    /// The open data folder.
    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    /// The network, while a node runs.
    pub fn peers(&self) -> Option<&Arc<dyn Peers>> {
        self.inner.peers.get()
    }

    /// Pauses or resumes the exchange with all other sites.
    pub fn pause(&self, request: peer::Sync) -> Result<peer::Sync> {
        self.peers().ok_or_else(|| error_kind::network_off.error())?.pause(request.paused);
        Ok(request)
    }

    /// The space of that name.
    pub fn space(&self, name: &str) -> Result<Space> {
        let looks_so = |space: &Space| name::looks_same(space.name(), name);
        let mut alike = self.inner.store.spaces().into_iter().filter(looks_so);
        let only = alike.next().filter(|_| alike.next().is_none());
        self.inner.store.space(name).or(only).ok_or_else(|| {
            if let Some(reason) = self.inner.store.unopened().get(name) {
                error_kind::space_unopened.with("space", name).with("reason", reason.clone())
            } else if self.inner.store.spaces().is_empty() {
                error_kind::space_missing.error()
            } else {
                error_kind::space_unknown.with("space", name)
            }
        })
    }

    /// The space meant when none is named: the only one.
    pub fn only_space(&self) -> Result<Space> {
        let mut spaces = self.inner.store.spaces();
        match spaces.len() {
            0 => Err(error_kind::space_missing.error()),
            1 => Ok(spaces.remove(0)),
            _ => {
                let names: Vec<_> = spaces.iter().map(Space::name).collect();
                Err(error_kind::space_unclear.with("spaces", names.join(", ")))
            }
        }
    }
}

/// Entries of a page, if nobody says how many.
pub(crate) const PAGE: usize = 100;
/// Entries of the longest page.
pub(crate) const LONGEST_PAGE: usize = 1000;

/// Entries of a page: as many as asked for, within reason.
fn page_limit(asked: Option<usize>) -> usize {
    asked.unwrap_or(PAGE).clamp(1, LONGEST_PAGE)
}

/// Runs a request that answers through a callback, and waits for the answer.
pub fn wait<T: Send + 'static>(request: impl FnOnce(Box<dyn FnOnce(Result<T>) + Send>)) -> Result<T> {
    wait_for(request).unwrap_or_else(|| Err(error_kind::stopping.error()))
}

/// The same for any answer; none when whoever was asked stopped without one.
fn wait_for<T: Send + 'static>(request: impl FnOnce(Box<dyn FnOnce(T) + Send>)) -> Option<T> {
    let (send, receive) = mpsc::sync_channel(1);
    request(Box::new(move |answer| {
        let _nobody_waits = send.send(answer);
    }));
    receive.recv().ok()
}
