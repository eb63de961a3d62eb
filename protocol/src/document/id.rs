//! What names a document, and an author within it.

use automerge::ActorId;

use crate::codec;
use crate::identity::Author;
use crate::version::Dot;

/// What kind of document a column holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DocumentKind {
    /// Text, merged character by character.
    RichText,
    /// JSON, merged key by key.
    Json,
}

/// A document's identity.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct DocumentId(pub [u8; 16]);

impl DocumentId {
    /// The identity of a new document. `salt`: the transaction that makes it, where a document of
    /// this content was in the cell before ([`crate::op::Mode::Fresh`]).
    pub fn of(kind: DocumentKind, content: &str, salt: Option<Dot>) -> Self {
        let kind = match kind {
            DocumentKind::RichText => 1u8,
            DocumentKind::Json => 2,
        };
        let mut hasher = blake3::Hasher::new_keyed(b"tandem document, version one....");
        hasher.update(&codec::encode(&(kind, salt)));
        hasher.update(content.as_bytes());
        Self(first_half(&hasher))
    }

    /// Who makes the first change.
    pub(super) fn creator(self) -> ActorId {
        ActorId::from(self.0)
    }

    /// As whom `author` changes this document. An automerge actor's changes are numbered, so every
    /// author needs one of its own in every document.
    pub(super) fn actor(self, author: Author) -> ActorId {
        let mut hasher = blake3::Hasher::new_keyed(b"tandem document's actor, v. one.");
        hasher.update(&author.0).update(&self.0);
        ActorId::from(first_half(&hasher))
    }
}

/// 16 bytes: every change carries them.
fn first_half(hasher: &blake3::Hasher) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    half
}
