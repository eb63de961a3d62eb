//! How two sites find out which spaces they share without telling a stranger any.
//!
//! A tag is the first half of `BLAKE3 keyed with the space's id, over: "tandem greeting" · the
//! author it is said by · the author it is said to`. Only who knows the id can make or recognise
//! it, and it is worth nothing to anyone but the one it was made for, nor in the other direction.
//! The channel has already proved both authors, so it cannot be passed on either.

use std::collections::BTreeMap;

use super::limits;
use super::message::{Handle, Tag};
use crate::identity::{Author, SpaceId};

const CONTEXT: &[u8] = b"tandem greeting";

fn tag(space: &SpaceId, from: &Author, to: &Author) -> Tag {
    let mut hasher = blake3::Hasher::new_keyed(&space.0);
    hasher.update(CONTEXT).update(&from.0).update(&to.0);
    first_half(&hasher)
}

fn first_half(hasher: &blake3::Hasher) -> Tag {
    let mut tag = [0; 16];
    tag.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    tag
}

/// The tags of `spaces` in order, filled up with tags of no space. `padding` is random.
pub(super) fn tags(
    spaces: impl Iterator<Item = SpaceId>,
    from: &Author,
    to: &Author,
    padding: &[u8; 32],
) -> Vec<Tag> {
    let mut tags: Vec<Tag> = spaces.take(limits::SPACES).map(|space| tag(&space, from, to)).collect();
    let target = tags.len().max(1).next_multiple_of(limits::TAGS_PADDED_TO);
    while tags.len() < target {
        let mut hasher = blake3::Hasher::new_keyed(padding);
        hasher.update(CONTEXT).update(&(tags.len() as u64).to_le_bytes());
        tags.push(first_half(&hasher));
    }
    assert!(tags.len() <= limits::SPACES, "a HELLO holds no more tags than are looked at");
    tags
}

/// What the acceptor answers: which of the opener's tags it recognises, with its own tag for each.
/// Gives the place of each space in `spaces` by handle.
pub(super) fn recognise(
    theirs: &[Tag],
    spaces: &[SpaceId],
    opener: &Author,
    acceptor: &Author,
) -> BTreeMap<Handle, (usize, Tag)> {
    let known: BTreeMap<Tag, usize> =
        spaces.iter().enumerate().map(|(at, space)| (tag(space, opener, acceptor), at)).collect();
    let mut shared = BTreeMap::new();
    let mut taken = vec![false; spaces.len()];
    for (handle, theirs) in theirs.iter().enumerate().take(limits::SPACES) {
        let Some(&at) = known.get(theirs) else { continue };
        if !std::mem::replace(&mut taken[at], true) {
            shared.insert(handle as Handle, (at, tag(&spaces[at], acceptor, opener)));
        }
    }
    shared
}

/// Whether the acceptor's answer for the opener's space shows that it knows it.
pub(super) fn confirms(answer: &Tag, space: &SpaceId, opener: &Author, acceptor: &Author) -> bool {
    *answer == tag(space, acceptor, opener)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Author = Author([1; 32]);
    const B: Author = Author([2; 32]);
    const C: Author = Author([3; 32]);

    fn space(number: u8) -> SpaceId {
        SpaceId([number; 32])
    }

    #[test]
    fn shared_spaces_are_recognised_both_ways_and_no_others() {
        let ours = [space(10), space(11), space(12)];
        let said = tags(ours.into_iter(), &A, &B, &[0; 32]);
        let shared = recognise(&said, &[space(12), space(99), space(10)], &A, &B);
        assert_eq!(
            shared.iter().map(|(handle, (at, _))| (*handle, *at)).collect::<Vec<_>>(),
            [(0, 2), (2, 0)]
        );
        assert!(confirms(&shared[&2].1, &space(12), &A, &B));
        assert!(!confirms(&shared[&2].1, &space(11), &A, &B));
    }

    #[test]
    fn a_tag_is_worth_nothing_to_another_or_backwards() {
        let said = tags([space(10)].into_iter(), &A, &B, &[0; 32]);
        assert!(recognise(&said, &[space(10)], &A, &C).is_empty());
        assert!(recognise(&said, &[space(10)], &C, &B).is_empty());
        assert!(recognise(&said, &[space(10)], &B, &A).is_empty());
        assert!(!confirms(&said[0], &space(10), &A, &B));
    }

    #[test]
    fn one_space_looks_like_none_and_like_eight() {
        for number in 0..=8 {
            let said = tags((0..number).map(space), &A, &B, &[9; 32]);
            assert_eq!(said.len(), limits::TAGS_PADDED_TO);
        }
    }

    #[test]
    fn a_repeated_tag_names_a_space_once() {
        let said = tags([space(10)].into_iter(), &A, &B, &[0; 32]);
        let twice = [said[0], said[0]];
        assert_eq!(recognise(&twice, &[space(10)], &A, &B).len(), 1);
    }
}
