//! Who a site is, while it runs.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tandem_protocol::identity::{Author, AuthorKey};

/// The key of a site, kept in one place: whoever signs with it, names the site by it or proves it on
/// the network asks here, when it is needed, and keeps no copy. So it can change while the site runs.
/// Cheap to clone; all clones are the same identity.
#[derive(Clone)]
pub struct Identity(Arc<Inner>);

/// What all clones of an identity share.
struct Inner {
    key: RwLock<AuthorKey>,
    /// The keys before, as authors: what they wrote was written by this site.
    former: RwLock<Vec<Author>>,
    watchers: Mutex<Vec<Watcher>>,
}

/// Told the new author when the key has changed.
type Watcher = Box<dyn Fn(Author) + Send + Sync>;

impl Identity {
    /// The identity of a site that has this key, and had others before.
    pub(crate) fn new(key: AuthorKey, former: Vec<Author>) -> Self {
        let (key, former) = (RwLock::new(key), RwLock::new(former));
        Self(Arc::new(Inner { key, former, watchers: Mutex::default() }))
    }

    /// The present key.
    pub fn key(&self) -> AuthorKey {
        self.0.key.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The author that the present key makes.
    pub fn author(&self) -> Author {
        self.0.key.read().unwrap_or_else(PoisonError::into_inner).author()
    }

    /// Who this site was before, the last one last.
    pub fn former(&self) -> Vec<Author> {
        self.0.former.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Everybody this site is or was.
    pub fn authors(&self) -> Vec<Author> {
        let mut authors = self.former();
        authors.push(self.author());
        authors
    }

    /// Calls `watcher` with the new author whenever the key has changed. It must not block.
    pub fn subscribe(&self, watcher: impl Fn(Author) + Send + Sync + 'static) {
        self.watchers().push(Box::new(watcher));
    }

    /// From now on the site has another key.
    pub(crate) fn change(&self, key: AuthorKey) {
        let author = key.author();
        let before = std::mem::replace(&mut *self.0.key.write().unwrap_or_else(PoisonError::into_inner), key);
        assert_ne!(before.author(), author, "another key makes another author");
        self.0.former.write().unwrap_or_else(PoisonError::into_inner).push(before.author());
        self.watchers().iter().for_each(|watcher| watcher(author));
    }

    fn watchers(&self) -> std::sync::MutexGuard<'_, Vec<Watcher>> {
        self.0.watchers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn all_clones_change_together_and_tell() {
        let [first, second] = [[1; 32], [2; 32]].map(|secret| AuthorKey::from_secret(&secret));
        let (old, new) = (first.author(), second.author());
        let identity = Identity::new(first, Vec::new());
        let clone = identity.clone();
        let (told, heard) = channel();
        identity.subscribe(move |author| told.send(author).unwrap());
        assert_eq!(clone.authors(), [old]);
        identity.change(second);
        assert_eq!((clone.author(), clone.key().author()), (new, new));
        assert_eq!(clone.authors(), [old, new]);
        assert_eq!(heard.try_iter().collect::<Vec<_>>(), [new]);
    }
}
