//! Who may read and write a space: a fold over membership ops.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use bincode::{Decode, Encode};

use crate::identity::{Author, SpaceId};
use crate::merge::WriteId;

/// Ordinals the founder owns; it keeps the first.
pub const FOUNDER_ORDINALS: Ordinals = Ordinals { first: 1, last: 1023 };

/// What a member may do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Encode, Decode)]
pub enum Role {
    /// Reads.
    Reader,
    /// Reads and writes.
    Member,
    /// Reads, writes, and admits others.
    Admin,
}

/// A range of ordinals, both ends included.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Ordinals {
    /// Lowest.
    pub first: u16,
    /// Highest.
    pub last: u16,
}

/// A membership change.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
pub enum MemberOp {
    /// A new space; its author is the founder, an admin with ordinal 1.
    Found {
        /// Name of the space.
        space: String,
        /// Name of the founder's site.
        site: String,
        /// Random bytes: two spaces of one name founded in one millisecond differ.
        nonce: [u8; 16],
    },
    /// A new member. Void unless its author is an admin who owns the ordinals given.
    Admit(Admission),
    /// A site's new name. Void unless by the site itself or an admin.
    Rename {
        /// The site.
        author: Author,
        /// Its new name.
        name: String,
    },
}

/// What an admin grants.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
pub struct Admission {
    /// The space: an admission is also shown on its own, without the log it stands in.
    pub space: SpaceId,
    /// The new member.
    pub author: Author,
    /// Its site's name.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Its ordinal: the low ten bits of the ids it generates.
    pub ordinal: u16,
    /// For an admin: the ordinals it may grant in turn.
    pub ordinals: Option<Ordinals>,
    /// Id of the invitation used; each is good for one admission.
    pub invitation: Option<[u8; 16]>,
}

/// A member of the space.
#[derive(Clone, PartialEq, Debug)]
pub struct Member {
    /// Its author.
    pub author: Author,
    /// Its site's name.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The low ten bits of the ids it generates.
    pub ordinal: u16,
    /// The admin who admitted it; none for the founder.
    pub admitted_by: Option<Author>,
    /// For an admin: the ordinals it owns, its own among them.
    ordinals: Option<Ordinals>,
    /// The write that gave it its name: of concurrent ones the later wins.
    named_by: WriteId,
}

/// Why a membership op has no effect. It stays in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Void {
    /// The space already has a founder.
    #[error("the space already has a founder")]
    AlreadyFounded,
    /// Its author is not an admin (or, for a name, not the site itself).
    #[error("its author may not do that")]
    NotAllowed,
    /// The site is not a member.
    #[error("the site is not a member")]
    Unknown,
    /// The site is a member already.
    #[error("the site is a member already")]
    AlreadyMember,
    /// The invitation was used before.
    #[error("the invitation was used before")]
    InvitationUsed,
    /// The ordinals are not free, or not its author's to grant.
    #[error("the ordinals are not its author's to grant")]
    Ordinals,
}

/// All members of a space.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Membership {
    /// Name of the space; empty before its founding has arrived.
    pub space_name: String,
    members: BTreeMap<Author, Member>,
    used: BTreeSet<[u8; 16]>,
}

impl Membership {
    /// The member of that author.
    pub fn member(&self, author: &Author) -> Option<&Member> {
        self.members.get(author)
    }

    /// All members, by author.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.members.values()
    }

    /// Whether the author's transactions count.
    pub fn may_write(&self, author: &Author) -> bool {
        self.member(author).is_some_and(|member| member.role >= Role::Member)
    }

    /// Whether the space's founding has arrived.
    pub fn is_founded(&self) -> bool {
        !self.members.is_empty()
    }

    /// Whether an invitation led to an admission.
    pub fn is_used(&self, invitation: &[u8; 16]) -> bool {
        self.used.contains(invitation)
    }

    /// The admission `admin` can grant next, or why it cannot.
    pub fn next_admission(
        &self,
        (space, admin): (SpaceId, &Author),
        author: Author,
        name: String,
        role: Role,
        invitation: Option<[u8; 16]>,
    ) -> Result<Admission, Void> {
        let owned = self.owned(admin)?;
        let free: Vec<u16> = self.free(owned).collect();
        let (ordinal, ordinals) = match role {
            Role::Admin => {
                // Half of what is free, from the top, so that both halves stay contiguous.
                let half = *free.get(free.len() / 2).ok_or(Void::Ordinals)?;
                (half, Some(Ordinals { first: half, last: owned.last }))
            }
            _ => (*free.first().ok_or(Void::Ordinals)?, None),
        };
        let admission = Admission { space, author, name, role, ordinal, ordinals, invitation };
        self.check(admin, &admission).map(|()| admission)
    }

    /// Takes in one op. Void ops change nothing.
    pub fn apply(&mut self, write: WriteId, op: &MemberOp) -> Result<(), Void> {
        let by = &write.author;
        match op {
            MemberOp::Found { space, site, .. } => {
                if self.is_founded() {
                    return Err(Void::AlreadyFounded);
                }
                self.space_name.clone_from(space);
                self.members.insert(
                    *by,
                    Member {
                        author: *by,
                        name: site.clone(),
                        role: Role::Admin,
                        ordinal: FOUNDER_ORDINALS.first,
                        admitted_by: None,
                        ordinals: Some(FOUNDER_ORDINALS),
                        named_by: write,
                    },
                );
            }
            MemberOp::Admit(admission) => {
                self.check(by, admission)?;
                self.used.extend(admission.invitation);
                if let (Some(granted), Some(admin)) = (admission.ordinals, self.members.get_mut(by)) {
                    admin.ordinals = admin.ordinals.map(|own| Ordinals { last: granted.first - 1, ..own });
                }
                self.members.insert(
                    admission.author,
                    Member {
                        author: admission.author,
                        name: admission.name.clone(),
                        role: admission.role,
                        ordinal: admission.ordinal,
                        admitted_by: Some(*by),
                        ordinals: admission.ordinals,
                        named_by: write,
                    },
                );
            }
            MemberOp::Rename { author, name } => {
                let admin = self.member(by).is_some_and(|member| member.role == Role::Admin);
                if !admin && by != author {
                    return Err(Void::NotAllowed);
                }
                let member = self.members.get_mut(author).ok_or(Void::Unknown)?;
                if write > member.named_by {
                    member.name.clone_from(name);
                    member.named_by = write;
                }
            }
        }
        Ok(())
    }

    fn owned(&self, admin: &Author) -> Result<Ordinals, Void> {
        let member = self.member(admin).ok_or(Void::NotAllowed)?;
        member.ordinals.filter(|_| member.role == Role::Admin).ok_or(Void::NotAllowed)
    }

    fn free(&self, range: Ordinals) -> impl Iterator<Item = u16> {
        let taken: BTreeSet<u16> = self.members.values().map(|member| member.ordinal).collect();
        (range.first..=range.last).filter(move |ordinal| !taken.contains(ordinal))
    }

    fn check(&self, by: &Author, admission: &Admission) -> Result<(), Void> {
        let owned = self.owned(by)?;
        if self.members.contains_key(&admission.author) {
            return Err(Void::AlreadyMember);
        }
        if admission.invitation.is_some_and(|id| self.is_used(&id)) {
            return Err(Void::InvitationUsed);
        }
        let free: BTreeSet<u16> = self.free(owned).collect();
        let granted = admission.ordinals;
        let range_ok = granted.is_some() == (admission.role == Role::Admin)
            && granted.is_none_or(|range| {
                range.first <= range.last
                    && range.last == owned.last
                    && (range.first..=range.last).all(|ordinal| free.contains(&ordinal))
                    && (range.first..=range.last).contains(&admission.ordinal)
            });
        if range_ok && free.contains(&admission.ordinal) { Ok(()) } else { Err(Void::Ordinals) }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Admin => "admin",
            Self::Member => "member",
            Self::Reader => "reader",
        })
    }
}

/// A word that is no role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a role is one of: admin, member, reader")]
pub struct UnknownRole;

impl FromStr for Role {
    type Err = UnknownRole;
    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        match text {
            "admin" => Ok(Self::Admin),
            "member" => Ok(Self::Member),
            "reader" => Ok(Self::Reader),
            _ => Err(UnknownRole),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by(number: u8) -> WriteId {
        WriteId { time_ms: 5, author: author(number), seq: 5 }
    }

    fn author(number: u8) -> Author {
        Author([number; 32])
    }

    fn founded() -> Membership {
        let mut membership = Membership::default();
        let found = MemberOp::Found { space: "school".into(), site: "office".into(), nonce: [0; 16] };
        membership.apply(WriteId { seq: 1, ..by(1) }, &found).unwrap();
        assert_eq!(membership.apply(by(2), &found), Err(Void::AlreadyFounded));
        membership
    }

    fn admit(membership: &mut Membership, by: u8, new: u8, role: Role) -> Result<u16, Void> {
        let invitation = Some([new; 16]);
        let admission = membership.next_admission(
            (SpaceId([3; 32]), &author(by)),
            author(new),
            format!("pc{new}"),
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
                Err(void) => assert_eq!(void, Void::Ordinals),
            }
        }
        assert!(given.len() > 20);
    }

    #[test]
    fn only_admins_admit_and_an_invitation_is_good_once() {
        let mut membership = founded();
        admit(&mut membership, 1, 2, Role::Member).unwrap();
        assert_eq!(admit(&mut membership, 2, 3, Role::Member), Err(Void::NotAllowed));
        assert_eq!(admit(&mut membership, 9, 3, Role::Member), Err(Void::NotAllowed));
        assert_eq!(admit(&mut membership, 1, 2, Role::Member), Err(Void::AlreadyMember));
        let again = membership.next_admission(
            (SpaceId([3; 32]), &author(1)),
            author(4),
            "x".into(),
            Role::Member,
            Some([2; 16]),
        );
        assert_eq!(again, Err(Void::InvitationUsed));
        assert!(membership.may_write(&author(2)));
        assert!(!membership.may_write(&author(3)));
    }

    #[test]
    fn a_site_renames_itself_and_an_admin_anyone() {
        let mut membership = founded();
        admit(&mut membership, 1, 2, Role::Member).unwrap();
        let rename = |of| MemberOp::Rename { author: author(of), name: "salle".into() };
        assert_eq!(membership.apply(by(2), &rename(1)), Err(Void::NotAllowed));
        membership.apply(by(2), &rename(2)).unwrap();
        assert_eq!(membership.member(&author(2)).unwrap().name, "salle");
        assert_eq!(membership.apply(by(1), &rename(7)), Err(Void::Unknown));
    }
}
