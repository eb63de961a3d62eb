//! Whether the peer is a member of a space, as far as this site has found out.

use crate::identity::{Author, SpaceId};
use crate::membership::Membership;
use crate::verify::SignedTransaction;

/// Whether a site may exchange a space with `peer`: it is a member by the membership here, or by the
/// admission it shows. `own` is who the site is, and who it was under earlier keys.
///
/// As long as no admission of its own has arrived (a first sync is under way) it cannot judge anyone,
/// has nothing of its own to give away, and takes only what verifies: it then trusts whoever knows the
/// space. A site that was a member under an earlier key judges, be the present one admitted or not.
pub fn may_exchange(
    members: &Membership,
    space: SpaceId,
    own: &[Author],
    peer: &Author,
    proof: Option<&SignedTransaction>,
) -> bool {
    own.iter().all(|author| members.member(author).is_none())
        || members.member(peer).is_some()
        || proof.is_some_and(|proof| proof.admits(peer, space, members))
}

/// What is known of the peer's membership.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Verdict {
    /// Being looked up in the membership.
    #[default]
    Asked,
    /// Not found there; its admission was asked for.
    Unproven,
    /// The admission it showed is being verified.
    Examined,
    /// A member.
    Member,
    /// Not a member.
    Refused,
}

/// What follows once it is known whether the peer is a member.
pub(super) enum CheckOutcome {
    /// Nothing new.
    Nothing,
    /// It is a member: tell it what is held here.
    Open,
    /// It may have an admission to show.
    RequestAdmission,
    /// It is not, or no longer, a member.
    Refuse,
    /// It is one after all, but was refused in this session.
    Renew,
}

/// How far the question has come whether the peer is a member, and what it has shown.
#[derive(Default)]
pub(super) struct MembershipCheck {
    verdict: Verdict,
    proof: Option<SignedTransaction>,
    own_was_asked: bool,
}

impl MembershipCheck {
    /// The question whether the peer is a member was answered.
    pub fn checked(&mut self, member: bool) -> CheckOutcome {
        let (verdict, outcome) = match (self.verdict, member) {
            (Verdict::Asked | Verdict::Unproven | Verdict::Examined, true) => {
                (Verdict::Member, CheckOutcome::Open)
            }
            (Verdict::Asked, false) => (Verdict::Unproven, CheckOutcome::RequestAdmission),
            (Verdict::Examined | Verdict::Member, false) => (Verdict::Refused, CheckOutcome::Refuse),
            (Verdict::Refused, true) => (Verdict::Refused, CheckOutcome::Renew),
            (same, _) => (same, CheckOutcome::Nothing),
        };
        self.verdict = verdict;
        outcome
    }

    /// The peer shows its admission, or that it has none. Whether it is to be examined, where one
    /// was asked for.
    pub fn shown(&mut self, proof: Option<SignedTransaction>) -> Option<bool> {
        if self.verdict != Verdict::Unproven {
            return None;
        }
        self.verdict = if proof.is_some() { Verdict::Examined } else { Verdict::Refused };
        self.proof = proof;
        Some(self.proof.is_some())
    }

    /// What the peer has shown.
    pub fn proof(&self) -> Option<SignedTransaction> {
        self.proof.clone()
    }

    /// The peer asks for this site's own admission. Whether to look for it: that costs a look
    /// into the log, so it is done once.
    pub fn own_asked(&mut self) -> bool {
        !std::mem::replace(&mut self.own_was_asked, true)
    }

    /// Whether the peer was refused.
    pub fn is_refused(&self) -> bool {
        self.verdict == Verdict::Refused
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::membership::MemberOp;
    use crate::merge::WriteId;

    const SPACE: SpaceId = SpaceId([1; 32]);
    const FOUNDER: Author = Author([1; 32]);
    const STRANGER: Author = Author([2; 32]);
    const NEW_KEY: Author = Author([3; 32]);

    #[test]
    fn only_who_was_never_a_member_trusts_whoever_knows_the_space() {
        let empty = Membership::default();
        assert!(may_exchange(&empty, SPACE, &[NEW_KEY], &STRANGER, None), "a first sync");
        let mut members = empty;
        let found = MemberOp::Found(crate::membership::Founding::new("school", "office", [0; 16]));
        members.apply(WriteId::new(1, crate::version::Dot::new(FOUNDER, 1)), &found).unwrap();
        assert!(may_exchange(&members, SPACE, &[NEW_KEY], &STRANGER, None), "still a first sync");
        assert!(may_exchange(&members, SPACE, &[FOUNDER], &FOUNDER, None));
        assert!(!may_exchange(&members, SPACE, &[FOUNDER], &STRANGER, None));
        // Under another key that nobody has admitted yet it still is who it was.
        assert!(!may_exchange(&members, SPACE, &[FOUNDER, NEW_KEY], &STRANGER, None));
    }
}
