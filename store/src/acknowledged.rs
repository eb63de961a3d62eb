//! What other sites said to hold, kept over restarts: a site that is away in the morning has not lost
//! what it had in the evening. Kept beside the log; nothing is derived from it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tandem_protocol::codec;
use tandem_protocol::identity::Author;
use tandem_protocol::version::VersionVector;

use crate::log::engine::VALUE_BYTES;
use crate::log::{LogError, Tree};

/// Transactions that a site may have said to hold since its word was last written down. Each of its words
/// would be a write for each of ours.
const UNWRITTEN: u64 = 1_000;

/// The last word of each other site of one space.
#[derive(Default)]
pub(crate) struct Acknowledged(Mutex<BTreeMap<Author, Word>>);

/// What a site said to hold.
#[derive(Default)]
struct Word {
    last: VersionVector,
    /// The one that is written down.
    written: VersionVector,
}

impl Acknowledged {
    /// Reads back what was noted before.
    pub(crate) fn load(&self, tree: &Tree) -> Result<(), LogError> {
        let mut known = self.known();
        for entry in tree.from(b"") {
            let (key, value) = entry?;
            // What cannot be read is said again at the next contact.
            if let (Ok(author), Ok(vector)) = (key.as_slice().try_into(), codec::decode(&value, "vector")) {
                let vector: VersionVector = vector;
                known.insert(Author(author), Word { last: vector.clone(), written: vector });
            }
        }
        Ok(())
    }

    /// What a site said last; nothing if it never did.
    pub(crate) fn by(&self, site: &Author) -> VersionVector {
        self.known().get(site).map(|word| word.last.clone()).unwrap_or_default()
    }

    /// Notes what a site says: its last word counts, for it may have lost what it had.
    pub(crate) fn note(&self, tree: &Tree, site: Author, vector: &VersionVector) -> Result<(), LogError> {
        let mut known = self.known();
        let word = known.entry(site).or_default();
        word.last.clone_from(vector);
        let has_lost = !vector.covers_all(&word.written);
        if has_lost || vector.ahead_of(&word.written) >= UNWRITTEN { word.write(tree, &site) } else { Ok(()) }
    }

    /// Writes down what is not yet. It becomes durable with the next write, or when the log is closed.
    pub(crate) fn write(&self, tree: &Tree) -> Result<(), LogError> {
        let mut known = self.known();
        let mut unwritten = known.iter_mut().filter(|(_, word)| word.last != word.written);
        unwritten.try_for_each(|(site, word)| word.write(tree, site))
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<Author, Word>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Word {
    fn write(&mut self, tree: &Tree, site: &Author) -> Result<(), LogError> {
        let bytes = codec::encode(&self.last);
        self.written.clone_from(&self.last);
        // Of more chains than fit, what is said at the next contact has to do.
        if bytes.len() <= VALUE_BYTES { tree.put(&site.0, &bytes) } else { tree.remove(&site.0) }
    }
}

#[cfg(test)]
mod tests {
    use tandem_protocol::identity::TxHash;
    use tandem_protocol::version::Head;

    use super::*;
    use crate::log::Storage;

    #[test]
    fn a_word_is_written_down_now_and_then_and_at_the_end_and_where_a_site_lost_something() {
        let folder = tempfile::tempdir().unwrap();
        let tree = Storage::on_disk(folder.path()).unwrap().tree("acknowledged/test").unwrap();
        let site = Author([1; 32]);
        let holding =
            |count: u64| VersionVector::from([(Author([2; 32]), Head::new(count, &TxHash([3; 32])))]);
        let written = || {
            let read = Acknowledged::default();
            read.load(&tree).unwrap();
            read.by(&site)
        };
        let known = Acknowledged::default();
        for (said, is_written) in [(1, 0), (999, 0), (1_000, 1_000), (1_999, 1_000), (5, 5), (6, 5)] {
            known.note(&tree, site, &holding(said)).unwrap();
            let expected = if is_written == 0 { VersionVector::default() } else { holding(is_written) };
            assert_eq!((known.by(&site), written()), (holding(said), expected), "{said}");
        }
        known.write(&tree).unwrap();
        assert_eq!(written(), holding(6));
    }
}
