//! A site's author and its libp2p identity are the same Ed25519 key.

use libp2p::PeerId;
use libp2p::identity::{Keypair, PublicKey, ed25519};
use tandem_protocol::identity::Author;

/// The libp2p identity of a site; `None` where the bytes are no Ed25519 key.
pub fn peer_id(author: &Author) -> Option<PeerId> {
    let key = ed25519::PublicKey::try_from_bytes(&author.0).ok()?;
    Some(PublicKey::from(key).to_peer_id())
}

/// The site behind a libp2p identity; `None` for another kind of key.
pub fn author_of(peer: &PeerId) -> Option<Author> {
    // The id of a key this short is the key itself, in an "identity" hash.
    let hash = peer.as_ref();
    let key = (hash.code() == 0).then(|| PublicKey::try_decode_protobuf(hash.digest()).ok())??;
    Some(Author(key.try_into_ed25519().ok()?.to_bytes()))
}

/// The key pair of this site, from the secret in `site.key`.
pub(super) fn keypair(mut secret: [u8; 32]) -> Option<Keypair> {
    let secret = ed25519::SecretKey::try_from_bytes(&mut secret).ok()?;
    Some(ed25519::Keypair::from(secret).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tandem_protocol::identity::AuthorKey;

    #[test]
    fn author_and_peer_id_name_each_other() {
        let key = AuthorKey::from_secret(&[5; 32]);
        let pair = keypair([5; 32]).unwrap();
        assert_eq!(author_of(&pair.public().to_peer_id()), Some(key.author()));
        assert_eq!(peer_id(&key.author()), Some(pair.public().to_peer_id()));
        assert_eq!(author_of(&PeerId::random()), None);
    }
}
