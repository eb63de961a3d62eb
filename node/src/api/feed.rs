//! The commits of each space, as they come, for whoever listens.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tandem_protocol::identity::SpaceId;
use tandem_store::{Commit, Space};
use tokio::sync::broadcast;

/// Commits of each space, for whoever listens.
#[derive(Default)]
pub(super) struct Feeds {
    feeds: Mutex<HashMap<SpaceId, broadcast::Sender<Arc<Commit>>>>,
}

/// Commits a slow listener may lag behind; beyond, it reads them from the log.
const BACKLOG: usize = 256;

impl Feeds {
    /// What is committed in a space from now on.
    pub fn listen(&self, space: &Space) -> broadcast::Receiver<Arc<Commit>> {
        let mut feeds = self.feeds.lock().unwrap_or_else(PoisonError::into_inner);
        let feed = feeds.entry(space.id()).or_insert_with(|| {
            let (feed, _) = broadcast::channel(BACKLOG);
            let of_writer = feed.clone();
            space.subscribe(move |commit| {
                if of_writer.receiver_count() > 0 {
                    let _nobody_left = of_writer.send(Arc::new(commit.clone()));
                }
            });
            feed
        });
        feed.subscribe()
    }
}
