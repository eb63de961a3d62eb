//! Who is a member, whatever arrives first.

use super::*;
use crate::codec;
use crate::identity::AuthorKey;
use crate::op::{self, Op};
use crate::public_key::PublicKey;
use crate::transaction::{self, Header, Previous, Transaction};
use crate::verify::SignedTransaction;
use crate::version::{Dot, VersionVector};

fn by(number: u8) -> WriteId {
    WriteId::new(5, Dot::new(author(number), 5))
}

fn author(number: u8) -> Author {
    Author([number; 32])
}

fn founded() -> Membership {
    let mut membership = Membership::default();
    let found = MemberOp::Found(Founding::new("school", "office", [0; 16]));
    membership.apply(WriteId { seq: 1, ..by(1) }, &found).unwrap();
    assert_eq!(membership.apply(by(2), &found), Err(VoidReason::AlreadyFounded));
    membership
}

fn admit(membership: &mut Membership, by: u8, new: u8, role: Role) -> Result<u16, VoidReason> {
    let invitation = Some([new; 16]);
    let admission = membership.next_admission(
        (SpaceId([3; 32]), &author(by)),
        Candidate::new(author(new), format!("pc{new}")),
        role,
        invitation,
    )?;
    let ordinal = admission.ordinal;
    let stamp = super::tests::by(by);
    membership.apply(WriteId { time_ms: 4, ..stamp }, &MemberOp::Admit(admission))?;
    Ok(ordinal)
}

#[test]
fn ordinals_are_never_given_twice() {
    let mut membership = founded();
    let mut given = BTreeSet::from([1]);
    for new in 2..40 {
        let by = if new % 3 == 0 && new > 9 { 3 } else { 1 };
        let role = if new % 3 == 0 { Role::Admin } else { Role::Member };
        match admit(&mut membership, by, new, role) {
            Ok(ordinal) => assert!(given.insert(ordinal), "{ordinal} given twice"),
            Err(void) => assert_eq!(void, VoidReason::Ordinals),
        }
    }
    assert!(given.len() > 20);
}

#[test]
fn only_admins_admit_and_an_invitation_is_good_once() {
    let mut membership = founded();
    admit(&mut membership, 1, 2, Role::Member).unwrap();
    assert_eq!(admit(&mut membership, 2, 3, Role::Member), Err(VoidReason::NotAllowed));
    assert_eq!(admit(&mut membership, 9, 3, Role::Member), Err(VoidReason::NotAllowed));
    assert_eq!(admit(&mut membership, 1, 2, Role::Member), Err(VoidReason::AlreadyMember));
    let again = membership.next_admission(
        (SpaceId([3; 32]), &author(1)),
        Candidate::new(author(4), "x"),
        Role::Member,
        Some([2; 16]),
    );
    assert_eq!(again, Err(VoidReason::InvitationUsed));
    assert!(membership.may_write(&author(2)));
    assert!(!membership.may_write(&author(3)));
}

#[test]
fn a_site_renames_itself_and_an_admin_anyone() {
    let mut membership = founded();
    admit(&mut membership, 1, 2, Role::Member).unwrap();
    let rename = |members: &Membership, by, of| members.next_rename(&author(by), author(of), "salle".into());
    assert_eq!(rename(&membership, 2, 1), Err(VoidReason::NotAllowed));
    assert_eq!(rename(&membership, 1, 7), Err(VoidReason::Unknown));
    let own = rename(&membership, 2, 2).unwrap();
    assert_eq!(membership.clone().apply(by(3), &own), Err(VoidReason::NotAllowed));
    membership.apply(by(2), &own).unwrap();
    assert_eq!(membership.member(&author(2)).unwrap().name, "salle");
}

#[test]
fn a_name_given_knowing_another_wins_whatever_the_clocks_say() {
    let mut membership = founded();
    let named = |members: &mut Membership, time_ms, name: &str| {
        let op = members.next_rename(&author(1), author(1), name.into()).unwrap();
        members.apply(WriteId { time_ms, ..by(1) }, &op).unwrap();
    };
    let apart = membership.clone();
    named(&mut membership, 9_000, "of 2099");
    named(&mut membership, 10, "corrected");
    assert_eq!(membership.member(&author(1)).unwrap().name, "corrected");

    // Of names given without knowing of each other, the later stands, in either order.
    let op = |name: &str| apart.next_rename(&author(1), author(1), name.into()).unwrap();
    let writes = [(20, op("early")), (30, op("late"))];
    for order in [[0, 1], [1, 0]] {
        let mut members = apart.clone();
        for at in order {
            let (time_ms, op) = &writes[at];
            members.apply(WriteId { time_ms: *time_ms, ..by(1) }, op).unwrap();
        }
        assert_eq!(members.member(&author(1)).unwrap().name, "late");
    }
}

#[test]
fn what_cannot_be_a_name_neither_founds_nor_admits_nor_renames() {
    let long = "x".repeat(crate::bounds::NAME_BYTES + 1);
    for name in ["", " a", "a\u{202e}b", "a\u{200b}", "e\u{301}", "a\nb", "\u{1b}[31m", &long] {
        let mut nothing = Membership::default();
        let found = MemberOp::Found(Founding::new(name, "office", [0; 16]));
        assert!(matches!(nothing.apply(by(1), &found), Err(VoidReason::Name(_))), "{name:?}");
        let found = MemberOp::Found(Founding::new("school", name, [0; 16]));
        assert!(matches!(nothing.apply(by(1), &found), Err(VoidReason::Name(_))), "{name:?}");
        assert_eq!(nothing, Membership::default());

        let mut membership = founded();
        let id = (SpaceId([3; 32]), &author(1));
        let good =
            membership.next_admission(id, Candidate::new(author(2), "salle"), Role::Member, None).unwrap();
        let typed = membership.next_admission(id, Candidate::new(author(2), name), Role::Member, None);
        assert!(matches!(typed, Err(VoidReason::Name(_))), "{name:?}");
        let typed = membership.next_rename(&author(1), author(1), name.into());
        assert!(matches!(typed, Err(VoidReason::Name(_))), "{name:?}");
        let before = membership.clone();
        let admit = MemberOp::Admit(Admission { name: name.into(), ..good });
        let rename = MemberOp::Rename { author: author(1), name: name.into(), revision: 1 };
        for op in [admit, rename] {
            assert!(matches!(membership.apply(by(1), &op), Err(VoidReason::Name(_))), "{name:?}");
        }
        assert_eq!(membership, before);
    }
}

/// In whatever order they arrive: a function of the set of all names given.
#[test]
fn a_name_counts_once_all_before_it_are_there() {
    let rename = |revision, name: &str| MemberOp::Rename { author: author(1), name: name.into(), revision };
    let ops = [rename(1, "one"), rename(3, "three"), rename(4, "four"), rename(900, "far ahead")];
    let rest = rename(2, "two");
    for order in [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2]] {
        let mut membership = founded();
        for at in order {
            membership.apply(by(1), &ops[at]).unwrap();
        }
        assert_eq!(membership.member(&author(1)).unwrap().name, "one");
        // Who names it again is not shut out by what was said far ahead.
        let next = membership.next_rename(&author(1), author(1), "two".into()).unwrap();
        assert_eq!(next, rest);
        membership.apply(by(1), &next).unwrap();
        assert_eq!(membership.member(&author(1)).unwrap().name, "four");
    }
    let mut membership = founded();
    membership.apply(by(1), &rename(u32::MAX, "for ever")).unwrap();
    assert_eq!(membership.member(&author(1)).unwrap().name, "office");
}

/// Two admins admit one site without knowing of each other, each twice over with another site
/// before or after; whichever admission arrives first.
#[test]
fn a_site_admitted_by_two_admins_at_once_is_the_same_everywhere() {
    let roles = [Role::Reader, Role::Member, Role::Admin];
    for (first, second) in roles.iter().flat_map(|first| roles.iter().map(move |second| (*first, *second))) {
        let mut before = founded();
        admit(&mut before, 1, 2, Role::Admin).unwrap();
        let ops = |by: u8, role| {
            let mut members = before.clone();
            let mut next = |new: u8, role| {
                let id = (SpaceId([3; 32]), &author(by));
                let admission = members.next_admission(
                    id,
                    Candidate::new(author(new), format!("pc{by} {new}")),
                    role,
                    None,
                );
                let op = MemberOp::Admit(admission.unwrap());
                members.apply(super::tests::by(by), &op).unwrap();
                (super::tests::by(by), op)
            };
            [next(10 + by, Role::Member), next(9, role), next(20 + by, Role::Admin)]
        };
        let [ours, theirs] = [ops(1, first), ops(2, second)];
        let merged = |order: [&[(WriteId, MemberOp)]; 2]| {
            let mut members = before.clone();
            for (write, op) in order.into_iter().flatten() {
                members.apply(*write, op).unwrap();
            }
            members
        };
        let members = merged([&ours, &theirs]);
        assert_eq!(members, merged([&theirs, &ours]), "{first} and {second}");
        let member = members.member(&author(9)).unwrap();
        assert_eq!(member.role, first.max(second));
        assert_eq!(member.admitted_by, Some(author(1)), "the lower ordinal is used");

        // Neither ordinal is given again: the site may have used both.
        let given = |ops: &[(WriteId, MemberOp)]| match &ops[1].1 {
            MemberOp::Admit(admission) => admission.ordinal,
            other => panic!("{other:?}"),
        };
        assert_eq!(member.ordinal, given(&ours));
        for by in [1, 2] {
            let id = (SpaceId([3; 32]), &author(by));
            let next =
                members.next_admission(id, Candidate::new(author(30), "x"), Role::Member, None).unwrap();
            assert!(![given(&ours), given(&theirs)].contains(&next.ordinal));
        }
        if member.role == Role::Admin {
            let mut members = members.clone();
            admit(&mut members, 9, 40, Role::Member).unwrap();
        }
    }
}

fn keys(kind: u16) -> PublicKeys {
    PublicKeys::new(vec![PublicKey { kind, bytes: vec![7; 32] }]).unwrap()
}

fn founded_by_two() -> Membership {
    let second = SecondFounder { author: author(2), name: "papier".into(), keys: keys(9) };
    let founding =
        Founding { keys: keys(1), second: Some(second), ..Founding::new("school", "office", [0; 16]) };
    let mut membership = Membership::default();
    membership.apply(by(1), &MemberOp::Found(founding)).unwrap();
    membership
}

#[test]
fn a_second_founder_is_an_admin_from_the_start_with_ordinals_of_its_own() {
    let mut membership = founded_by_two();
    let [first, second] = [1, 2].map(|number| membership.member(&author(number)).unwrap().clone());
    assert_eq!([first.role, second.role], [Role::Admin; 2]);
    assert_eq!((first.ordinal, second.ordinal), (ORDINALS.first, SECOND_ORDINALS.first));
    assert_eq!((first.admitted_by, second.admitted_by), (None, None));
    assert_eq!((first.keys, second.keys), (keys(1), keys(9)));
    assert!(membership.may_write(&author(2)));

    // Each gives of its own to the last one, whatever the other gave meanwhile.
    let mut given = BTreeSet::from([ORDINALS.first, SECOND_ORDINALS.first]);
    for by in [1, 2] {
        let mut new = 0u16;
        let left = loop {
            let site = Author([&[by + 100; 30][..], &new.to_be_bytes()].concat().try_into().unwrap());
            let id = (SpaceId([3; 32]), &author(by));
            let candidate = Candidate::new(site, format!("pc{by} {new}"));
            match membership.next_admission(id, candidate, Role::Member, None) {
                Ok(admission) => {
                    let ordinal = admission.ordinal;
                    membership.apply(super::tests::by(by), &MemberOp::Admit(admission)).unwrap();
                    assert!(given.insert(ordinal), "{ordinal} given twice");
                    assert_eq!(SECOND_ORDINALS.contains(ordinal), by == 2, "{ordinal} by {by}");
                }
                Err(void) => break void,
            }
            new += 1;
        };
        assert_eq!(left, VoidReason::Ordinals);
    }
    assert_eq!(given.len(), usize::from(ORDINALS.last), "none is lost");
}

/// The founding is the ticket of both, and of nobody else.
#[test]
fn a_second_founder_shows_the_founding_as_its_admission() {
    let key = AuthorKey::from_secret(&[7; 32]);
    let second = SecondFounder { author: author(2), name: "papier".into(), keys: keys(9) };
    let founding = Founding { second: Some(second), ..Founding::new("school", "office", [0; 16]) };
    let header = Header {
        dot: Dot::new(key.author(), 1),
        time_ms: 5,
        context: VersionVector::default(),
        basis: None,
        key: None,
        by: None,
        message: None,
    };
    let bytes = Transaction { header, ops: vec![Op::Member(MemberOp::Found(founding))] }.encode();
    let hash = transaction::hash(Previous::GENESIS, &bytes);
    let (space, signature) = (SpaceId(hash.0), key.sign(&hash));
    let ticket = SignedTransaction { previous: Previous::GENESIS.0, bytes, signature };
    let nobody = Membership::default();
    assert!(ticket.admits(&key.author(), space, &nobody) && ticket.admits(&author(2), space, &nobody));
    assert!(!ticket.admits(&author(3), space, &nobody));
    assert!(!ticket.admits(&author(2), SpaceId([3; 32]), &nobody), "of another space");
}

#[test]
fn both_founders_admit_admins_in_any_order() {
    let before = founded_by_two();
    let admission = |by: u8, new: u8, role| {
        let id = (SpaceId([3; 32]), &author(by));
        let candidate = Candidate::new(author(new), format!("pc{new}"));
        (super::tests::by(by), MemberOp::Admit(before.next_admission(id, candidate, role, None).unwrap()))
    };
    let ops = [admission(1, 9, Role::Admin), admission(2, 9, Role::Member)];
    let [one, other] = [[0, 1], [1, 0]].map(|order| {
        let mut membership = before.clone();
        order.into_iter().for_each(|at: usize| membership.apply(ops[at].0, &ops[at].1).unwrap());
        membership
    });
    assert_eq!(one, other);
    assert_eq!(one.member(&author(9)).unwrap().role, Role::Admin);
}

#[test]
fn a_founding_whose_second_founder_cannot_be_one_founds_nothing() {
    let second = |number, name: &str| {
        let second = SecondFounder { author: author(number), name: name.into(), keys: keys(1) };
        MemberOp::Found(Founding { second: Some(second), ..Founding::new("school", "office", [0; 16]) })
    };
    let mut nothing = Membership::default();
    assert_eq!(nothing.apply(by(1), &second(1, "papier")), Err(VoidReason::AlreadyMember));
    assert!(matches!(nothing.apply(by(1), &second(2, "a\u{202e}b")), Err(VoidReason::Name(_))));
    assert_eq!(nothing, Membership::default());
}

#[test]
fn an_admission_repeats_the_keys_asked_for_and_the_lower_ordinal_brings_its_own() {
    let before = founded_by_two();
    let admission = |by: u8, kind| {
        let id = (SpaceId([3; 32]), &author(by));
        let candidate = Candidate { keys: keys(kind), ..Candidate::new(author(9), "salle") };
        let admission = before.next_admission(id, candidate, Role::Member, None).unwrap();
        assert_eq!(admission.keys, keys(kind));
        (super::tests::by(by), MemberOp::Admit(admission))
    };
    let ops = [admission(1, 40), admission(2, 41)];
    for order in [[0, 1], [1, 0]] {
        let mut membership = before.clone();
        order.into_iter().for_each(|at: usize| membership.apply(ops[at].0, &ops[at].1).unwrap());
        assert_eq!(membership.member(&author(9)).unwrap().keys, keys(40));
    }
}

/// The number after the last op kind is kept for a site that goes on under another key.
#[test]
fn what_is_not_a_membership_op_yet_is_kept_as_it_is() {
    let mut body = codec::encode(&MemberOp::Found(Founding::new("school", "office", [0; 16])));
    body[0] = 3;
    let bytes = [&op::MEMBER.to_le_bytes()[..], &body].concat();
    let op = Op::from_bytes(&bytes).unwrap();
    assert!(matches!(&op, Op::Unknown { body: kept, .. } if *kept == body), "{op:?}");
    assert_eq!(op.to_bytes(), bytes);
}
