//! A version vector as bytes. As long as nothing has forked, its branches take none.
//!
//! ```text
//! vector = twice the number of trunks, and one more if branches follow · per trunk: author · head
//!          · number of branches · per branch: chain · origin · head (option)
//! ```
//!
//! Ascending: trunks by author, branches by author, number before the first, and name. A branch has no
//! head where one that leaves it says as much.

use bincode::de::Decoder;
use bincode::enc::Encoder;
use bincode::error::{DecodeError, EncodeError};
use bincode::{Decode, Encode};

use super::{Head, VersionVector};
use crate::bounds;
use crate::chain::{Chain, Origin};
use crate::identity::Author;

impl Encode for VersionVector {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        let trunks = || self.heads.iter().filter(|(chain, _)| chain.branch.is_trunk());
        (trunks().count() as u64 * 2 + u64::from(!self.branches.is_empty())).encode(encoder)?;
        for (chain, head) in trunks() {
            (chain.author, head).encode(encoder)?;
        }
        if !self.branches.is_empty() {
            (self.branches.len() as u64).encode(encoder)?;
        }
        let mut written = trunks().count();
        for (chain, origin) in self.branches.iter() {
            let head = self.heads.get(chain);
            written += usize::from(head.is_some());
            (chain, origin, head).encode(encoder)?;
        }
        assert_eq!(
            written,
            self.heads.len(),
            "a head is on a trunk, or on a branch whose beginning is known"
        );
        Ok(())
    }
}

impl<Context> Decode<Context> for VersionVector {
    fn decode<D: Decoder<Context = Context>>(decoder: &mut D) -> Result<Self, DecodeError> {
        const MALFORMED: DecodeError = DecodeError::Other("a version vector that is none");
        let mut vector = Self::default();
        let said = u64::decode(decoder)?;
        if said / 2 > bounds::AUTHORS as u64 {
            return Err(MALFORMED);
        }
        let mut before: Option<Author> = None;
        for _ in 0..said / 2 {
            let (author, head) = <(Author, Head)>::decode(decoder)?;
            if head.seq == 0 || before.replace(author) >= Some(author) {
                return Err(MALFORMED);
            }
            vector.heads.insert(author.into(), head);
        }
        if said % 2 == 1 {
            vector.read_branches(decoder)?;
            let said = vector.clone();
            vector.tidy();
            // It would be equal to one that is written otherwise.
            if vector != said {
                return Err(MALFORMED);
            }
        }
        Ok(vector)
    }
}

bincode::impl_borrow_decode!(VersionVector);

impl VersionVector {
    fn read_branches<D: Decoder>(&mut self, decoder: &mut D) -> Result<(), DecodeError> {
        const MALFORMED: DecodeError = DecodeError::Other("branches that are none");
        let count = u64::decode(decoder)?;
        if count == 0 || count > bounds::ALL_BRANCHES as u64 {
            return Err(MALFORMED);
        }
        let mut before = None;
        for _ in 0..count {
            let (chain, origin, head) = <(Chain, Origin, Option<Head>)>::decode(decoder)?;
            let place = (chain.author, origin.last.seq, chain.branch);
            if before.replace(place) >= Some(place) || head.is_some_and(|head| head.seq < origin.first()) {
                return Err(MALFORMED);
            }
            self.branches.begin(chain, origin).map_err(|_| MALFORMED)?;
            self.heads.extend(head.map(|head| (chain, head)));
        }
        Ok(())
    }
}
