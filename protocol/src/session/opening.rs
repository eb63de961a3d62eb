//! What this site says when it opens a space to a peer.

use super::message::{Digest, digest};
use crate::version::VersionVector;

/// What is held of a space here at the moment in which it is opened, as OPEN says it in short.
pub(super) struct Opening {
    /// What OPEN says.
    pub digest: Digest,
    /// What is held.
    pub vector: VersionVector,
    /// The arrival number after the last of it.
    pub end: u64,
}

impl Opening {
    /// Of what is held, up to that arrival number.
    pub fn new(vector: &VersionVector, end: u64) -> Self {
        Self { digest: digest(vector), vector: vector.clone(), end }
    }
}
