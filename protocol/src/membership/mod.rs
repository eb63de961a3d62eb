//! Who may read and write a space: a fold over membership ops.
//!
//! Any order in which causes come before effects gives the same result: an admin gives only what
//! is its own, what a site was given is never taken back by another op, and names have revisions.

mod op;

#[cfg(test)]
mod tests;

pub use op::{
    Admission, Candidate, Founding, MemberOp, ORDINALS, Ordinals, Role, SECOND_ORDINALS, SecondFounder,
    UnknownRole,
};

use std::collections::{BTreeMap, BTreeSet};

use crate::identity::{Author, SpaceId};
use crate::merge::WriteId;
use crate::name::{self, NameFault};
use crate::public_key::PublicKeys;

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
    /// The admin who admitted it; none for who founded the space.
    pub admitted_by: Option<Author>,
    /// The public keys it showed when it was admitted.
    pub keys: PublicKeys,
    /// The ordinals it may give away: one range for each time it became an admin.
    owned: Vec<Ordinals>,
    /// Revision of its name, and the write that gave it: of concurrent ones the later wins.
    named: (u32, WriteId),
    /// Names of later revisions than the next one. They count once all before them are there: who
    /// knows a name gives the next revision, so honest names leave no gap, and one far ahead, which
    /// nobody could outdo, is none.
    ahead: BTreeMap<u32, (WriteId, String)>,
}

/// Why a membership op has no effect. It stays in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VoidReason {
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
    /// Another site is called so. Said before such an op is made; one that was made elsewhere at the
    /// same time counts, and both are shown with their ids.
    #[error("another site of the space is called so already")]
    NameTaken,
    /// A name that cannot be one.
    #[error("the name cannot be used: {0}")]
    Name(#[from] NameFault),
}

/// All members of a space.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Membership {
    /// Name of the space; empty before its founding has arrived.
    pub space_name: String,
    members: BTreeMap<Author, Member>,
    /// Ordinals given to somebody. A member admitted by two admins at once has one of each.
    given: BTreeSet<u16>,
    /// Invitations used, by the admin who gave them out: nobody else can redeem them.
    used: BTreeSet<(Author, [u8; 16])>,
}

impl Membership {
    /// The member of that author.
    pub fn member(&self, author: &Author) -> Option<&Member> {
        self.members.get(author)
    }

    /// The member whom people call so, leaving out one; the first of several.
    pub fn called(&self, name: &str, but: Option<&Author>) -> Option<&Member> {
        self.members().find(|member| but != Some(&member.author) && name::looks_same(&member.name, name))
    }

    /// What people are shown of a site: its name; with its short id where another one's looks the
    /// same; the short id alone while its admission has not arrived.
    pub fn shown_name(&self, author: &Author) -> String {
        let Some(member) = self.member(author) else { return author.short() };
        match self.called(&member.name, Some(author)) {
            None => member.name.clone(),
            Some(_) => format!("{} ({})", member.name, author.short()),
        }
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

    /// Whether an invitation of that admin led to an admission.
    pub fn is_used(&self, admin: &Author, invitation: &[u8; 16]) -> bool {
        self.used.contains(&(*admin, *invitation))
    }

    /// The admission `admin` can grant next, or why it cannot.
    pub fn next_admission(
        &self,
        (space, admin): (SpaceId, &Author),
        Candidate { author, name, keys }: Candidate,
        role: Role,
        invitation: Option<[u8; 16]>,
    ) -> Result<Admission, VoidReason> {
        name::check(&name)?;
        let owned = self.owned(admin)?;
        if self.members.contains_key(&author) {
            return Err(VoidReason::AlreadyMember);
        }
        if self.called(&name, None).is_some() {
            return Err(VoidReason::NameTaken);
        }
        let free = |range: &Ordinals| -> Vec<u16> { self.free(*range).collect() };
        let (range, free) = owned
            .iter()
            .map(|range| (range, free(range)))
            .find(|(_, free)| !free.is_empty())
            .ok_or(VoidReason::Ordinals)?;
        let (ordinal, ordinals) = match role {
            Role::Admin => {
                // Half of what is free, from the top, so that both halves stay contiguous.
                let half = free[free.len() / 2];
                (half, Some(Ordinals { first: half, last: range.last }))
            }
            _ => (free[0], None),
        };
        let admission = Admission { space, author, name, role, ordinal, ordinals, invitation, keys };
        self.source(admin, &admission).map(|_| admission)
    }

    /// The op by which `by` can name a site, or why it cannot.
    pub fn next_rename(&self, by: &Author, author: Author, name: String) -> Result<MemberOp, VoidReason> {
        name::check(&name)?;
        let member = self.member(&author).ok_or(VoidReason::Unknown)?;
        self.may_name(by, &author)?;
        if self.called(&name, Some(&author)).is_some() {
            return Err(VoidReason::NameTaken);
        }
        Ok(MemberOp::Rename { author, name, revision: member.named.0.saturating_add(1) })
    }

    /// Takes in one op. Void ops change nothing.
    pub fn apply(&mut self, write: WriteId, op: &MemberOp) -> Result<(), VoidReason> {
        let by = &write.author;
        match op {
            MemberOp::Found(founding) => self.found(write, founding)?,
            MemberOp::Admit(admission) => {
                name::check(&admission.name)?;
                let source = self.source(by, admission)?;
                self.used.extend(admission.invitation.map(|id| (*by, id)));
                let is_new = self.given.insert(admission.ordinal);
                assert!(is_new, "an ordinal is given once");
                if let (Some(granted), Some(admin)) = (admission.ordinals, self.members.get_mut(by)) {
                    admin.owned[source].last = granted.first - 1;
                }
                let new = Member {
                    author: admission.author,
                    name: admission.name.clone(),
                    role: admission.role,
                    ordinal: admission.ordinal,
                    admitted_by: Some(*by),
                    keys: admission.keys.clone(),
                    owned: admission.ordinals.into_iter().collect(),
                    named: (0, write),
                    ahead: BTreeMap::new(),
                };
                match self.members.get_mut(&admission.author) {
                    Some(member) => member.join(new),
                    None => drop(self.members.insert(admission.author, new)),
                }
            }
            MemberOp::Rename { author, name, revision } => {
                name::check(name)?;
                self.may_name(by, author)?;
                let member = self.members.get_mut(author).ok_or(VoidReason::Unknown)?;
                member.name_again(*revision, write, name.clone());
            }
        }
        debug_assert!(self.owns_apart(), "no ordinal is two admins' to give");
        Ok(())
    }

    /// Whether the ranges that admins own have no ordinal in common.
    fn owns_apart(&self) -> bool {
        let mut owned: Vec<Ordinals> =
            self.members().flat_map(|member| member.owned.iter().copied()).collect();
        owned.sort_unstable_by_key(|range| range.first);
        owned.iter().all(|range| range.first <= range.last)
            && owned.windows(2).all(|pair| pair[0].last < pair[1].first)
    }

    /// The first op of all: its author, and whom it names beside itself, are admins from the start.
    fn found(&mut self, write: WriteId, founding: &Founding) -> Result<(), VoidReason> {
        if self.is_founded() {
            return Err(VoidReason::AlreadyFounded);
        }
        let names =
            [Some(&founding.space), Some(&founding.site), founding.second.as_ref().map(|it| &it.name)];
        names.into_iter().flatten().try_for_each(|name| name::check(name))?;
        let second = founding.second.as_ref();
        if second.is_some_and(|second| second.author == write.author) {
            return Err(VoidReason::AlreadyMember);
        }
        self.space_name.clone_from(&founding.space);
        let first = (write.author, &founding.site, &founding.keys, founding.ordinals());
        let second = second.map(|second| (second.author, &second.name, &second.keys, SECOND_ORDINALS));
        for (author, name, keys, owned) in [Some(first), second].into_iter().flatten() {
            self.given.insert(owned.first);
            let founder = Member {
                author,
                name: name.clone(),
                role: Role::Admin,
                ordinal: owned.first,
                admitted_by: None,
                keys: keys.clone(),
                owned: vec![owned],
                named: (0, write),
                ahead: BTreeMap::new(),
            };
            self.members.insert(author, founder);
        }
        Ok(())
    }

    fn may_name(&self, by: &Author, author: &Author) -> Result<(), VoidReason> {
        let admin = self.member(by).is_some_and(|member| member.role == Role::Admin);
        if admin || by == author { Ok(()) } else { Err(VoidReason::NotAllowed) }
    }

    fn owned(&self, admin: &Author) -> Result<&[Ordinals], VoidReason> {
        let member = self.member(admin).filter(|member| member.role == Role::Admin);
        member.map(|member| member.owned.as_slice()).ok_or(VoidReason::NotAllowed)
    }

    fn free(&self, range: Ordinals) -> impl Iterator<Item = u16> {
        (range.first..=range.last).filter(|ordinal| !self.given.contains(ordinal))
    }

    /// Which of its ranges an admin gives from, or why it may not give that.
    fn source(&self, by: &Author, admission: &Admission) -> Result<usize, VoidReason> {
        let owned = self.owned(by)?;
        if admission.invitation.is_some_and(|id| self.is_used(by, &id)) {
            return Err(VoidReason::InvitationUsed);
        }
        let granted = admission.ordinals;
        if granted.is_some() != (admission.role == Role::Admin) || self.given.contains(&admission.ordinal) {
            return Err(VoidReason::Ordinals);
        }
        let gives = |range: &Ordinals| {
            range.contains(admission.ordinal)
                && granted.is_none_or(|granted| {
                    granted.contains(admission.ordinal)
                        && range.first < granted.first
                        && range.last == granted.last
                        && !(granted.first..=granted.last).any(|ordinal| self.given.contains(&ordinal))
                })
        };
        owned.iter().position(gives).ok_or(VoidReason::Ordinals)
    }
}

impl Member {
    /// Two admins admitted one site without knowing of each other: it may do what either granted.
    /// Both ordinals are its own for good; the lower is used, and the keys that came with it.
    fn join(&mut self, other: Self) {
        self.role = self.role.max(other.role);
        if other.ordinal < self.ordinal {
            (self.ordinal, self.admitted_by) = (other.ordinal, other.admitted_by);
            self.keys = other.keys;
        }
        self.owned.extend(other.owned);
        self.owned.sort_unstable_by_key(|range| range.first);
        self.name_again(other.named.0, other.named.1, other.name);
    }

    fn name_again(&mut self, revision: u32, write: WriteId, name: String) {
        if revision > self.named.0.saturating_add(1) {
            let given = self.ahead.entry(revision).or_insert_with(|| (write, name.clone()));
            if write > given.0 {
                *given = (write, name);
            }
        } else if (revision, write) > self.named {
            (self.name, self.named) = (name, (revision, write));
            // Those that were waiting for it.
            while let Some((write, name)) = self.ahead.remove(&self.named.0.saturating_add(1)) {
                (self.name, self.named) = (name, (self.named.0 + 1, write));
            }
        }
    }
}
