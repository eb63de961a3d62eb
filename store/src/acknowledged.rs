//! What other sites said to hold, kept over restarts: a site that is away in the morning has not lost
//! what it had in the evening. Kept beside the log; nothing is derived from it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tandem_protocol::codec;
use tandem_protocol::identity::Author;
use tandem_protocol::version::VersionVector;

use crate::log::engine::VALUE_BYTES;
use crate::log::{LogError, Tree};

/// The last word of each other site of one space.
#[derive(Default)]
pub(crate) struct Acknowledged(Mutex<BTreeMap<Author, VersionVector>>);

impl Acknowledged {
    /// Reads back what was noted before.
    pub(crate) fn load(&self, tree: &Tree) -> Result<(), LogError> {
        let mut known = self.known();
        for entry in tree.from(b"") {
            let (key, value) = entry?;
            // What cannot be read is said again at the next contact.
            if let (Ok(author), Ok(vector)) = (key.as_slice().try_into(), codec::decode(&value, "vector")) {
                known.insert(Author(author), vector);
            }
        }
        Ok(())
    }

    /// What a site said last; nothing if it never did.
    pub(crate) fn by(&self, site: &Author) -> VersionVector {
        self.known().get(site).cloned().unwrap_or_default()
    }

    /// Notes what a site says: its last word counts, for it may have lost what it had. It becomes durable
    /// with the next write.
    pub(crate) fn note(&self, tree: &Tree, site: Author, vector: &VersionVector) -> Result<(), LogError> {
        let mut known = self.known();
        if known.get(&site) == Some(vector) {
            return Ok(());
        }
        known.insert(site, vector.clone());
        let bytes = codec::encode(vector);
        // Of more chains than fit, what is said at the next contact has to do.
        if bytes.len() <= VALUE_BYTES { tree.put(&site.0, &bytes) } else { tree.remove(&site.0) }
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<Author, VersionVector>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
