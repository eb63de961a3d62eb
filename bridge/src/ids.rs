//! Ids that a database makes: each site's leave a remainder of their own, so that no two sites make the same.

use tandem_protocol::membership::ORDINALS;
use tandem_store::Space;

use crate::engine::Outcome;
use crate::error::BridgeError;

/// How far apart the ids of one site are: there are as many ordinals, and 0, which is nobody's.
pub(crate) const STEP: i64 = ORDINALS.last as i64 + 1;

/// The number that tells this site's ids from those of others.
pub(crate) fn ordinal_of(space: &Space) -> Outcome<u16> {
    let membership = space.membership();
    let member = membership.member(&space.me());
    member.map(|member| member.ordinal).ok_or_else(|| BridgeError::stopped("bridge_no_member"))
}

/// Whether an id is one that the site of that ordinal makes.
pub(crate) fn is_own(id: i64, ordinal: u16) -> bool {
    id.rem_euclid(STEP) == i64::from(ordinal)
}

/// The smallest id of a site above all that there are.
pub(crate) fn next_id(greatest: i64, ordinal: u16) -> i64 {
    let below = greatest.max(0);
    assert!((1..STEP).contains(&i64::from(ordinal)), "an ordinal is a remainder, and not 0");
    let whole = below / STEP * STEP + i64::from(ordinal);
    let next = if whole > below { whole } else { whole + STEP };
    debug_assert!(next > greatest && is_own(next, ordinal), "an id of this site's, above all that there are");
    next
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_two_sites_never_meet() {
        assert_eq!(next_id(0, 1), 1025 - 1024);
        assert_eq!(next_id(1, 1), 1025);
        assert_eq!(next_id(1000, 2), 1026);
        assert_eq!(next_id(2050, 2), 3074);
        for greatest in [0, 1, 2, 1023, 1024, 5000] {
            let (one, other) = (next_id(greatest, 1), next_id(greatest, 2));
            assert!(one > greatest && other > greatest && one % STEP == 1 && other % STEP == 2);
        }
    }
}
