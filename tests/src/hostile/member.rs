//! Changes of the membership, and settlements, that no honest site writes.

use tandem_protocol::conflict::ConflictId;
use tandem_protocol::identity::{Author, SpaceId};
use tandem_protocol::membership::{Admission, Founding, MemberOp, Ordinals, Role, SecondFounder};
use tandem_protocol::op::Settlement;
use tandem_protocol::public_key::PublicKeys;
use tandem_protocol::version::{Dot, Reference};

use super::text::text;
use crate::random::Random;

/// A membership op about one of these authors, or about nobody.
pub fn made(space: SpaceId, authors: &[Author], random: &mut Random) -> MemberOp {
    match random.below(6) {
        0 => {
            let second = SecondFounder {
                author: somebody(authors, random),
                name: text(random),
                keys: PublicKeys::default(),
            };
            let second = random.one_in(2).then_some(second);
            let nonce = [random.any() as u8; 16];
            MemberOp::Found(Founding { second, ..Founding::new(text(random), text(random), nonce) })
        }
        1..4 => MemberOp::Admit(admission(space, authors, random)),
        _ => MemberOp::Rename {
            author: somebody(authors, random),
            name: text(random),
            revision: *random.pick(&[0, 1, 2, 3, 1000, u32::MAX - 1, u32::MAX]),
        },
    }
}

/// An admission that is wrong in one thing only, which nothing else hides, or in anything.
fn admission(space: SpaceId, authors: &[Author], random: &mut Random) -> Admission {
    let wrong = (!random.one_in(3)).then(|| random.below(5));
    let may_be_wrong = |thing| wrong.is_none_or(|wrong| wrong == thing);
    let ordinal =
        |random: &mut Random| *random.pick(&[0u16, 1, 2, 3, 500, 511, 512, 1022, 1023, 1024, u16::MAX]);
    let role = *random.pick(&[Role::Reader, Role::Member, Role::Admin]);
    let gives = may_be_wrong(4) && (role == Role::Admin || random.one_in(4));
    Admission {
        space: if may_be_wrong(0) && random.one_in(4) { SpaceId([9; 32]) } else { space },
        author: if may_be_wrong(1) { somebody(authors, random) } else { Author([random.any() as u8; 32]) },
        name: if may_be_wrong(2) { text(random) } else { format!("poste {}", random.below(1000)) },
        role: if gives || may_be_wrong(3) { role } else { Role::Member },
        ordinal: if may_be_wrong(3) { ordinal(random) } else { 2 + random.below(1000) as u16 },
        ordinals: gives.then(|| Ordinals { first: ordinal(random), last: ordinal(random) }),
        invitation: random.one_in(2).then(|| [random.below(4) as u8; 16]),
        keys: PublicKeys::default(),
    }
}

/// A settlement of a conflict that is open, or of none, by transactions that exist or not.
pub fn settlement(
    open: &[(ConflictId, Vec<Reference>)],
    authors: &[Author],
    random: &mut Random,
) -> Settlement {
    let many = if random.one_in(20) { 20_000 } else { random.below(4) };
    // The reference does not look at hashes: these are of transactions that are nowhere.
    let mut nobody = || {
        let dot = Dot::new(somebody(authors, random), *random.pick(&[0, u64::MAX - 1, u64::MAX]));
        Reference { dot, prefix: [random.any() as u8; 16] }
    };
    let mut looked_at: Vec<Reference> = (0..many).map(|_| nobody()).collect();
    let conflict = match open.is_empty() {
        true => ConflictId([random.any() as u8; 10]),
        false => {
            let (conflict, dots) = random.pick(open);
            looked_at.extend(dots);
            *conflict
        }
    };
    Settlement { conflict, looked_at }
}

fn somebody(authors: &[Author], random: &mut Random) -> Author {
    if random.one_in(3) { Author([random.any() as u8; 32]) } else { *random.pick(authors) }
}
