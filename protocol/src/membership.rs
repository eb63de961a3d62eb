//! Who may read and write a space: a fold over membership ops.
//!
//! Any order in which causes come before effects gives the same result: an admin gives only what
//! is its own, what a site was given is never taken back by another op, and names have revisions.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use bincode::{Decode, Encode};

use crate::identity::{Author, SpaceId};
use crate::merge::WriteId;
use crate::name::{self, NameFault};

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
        /// One above that of every name its author knew: of two names the later revision wins. It
        /// counts once all smaller ones are there.
        revision: u32,
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
        author: Author,
        name: String,
        role: Role,
        invitation: Option<[u8; 16]>,
    ) -> Result<Admission, Void> {
        name::check(&name)?;
        let owned = self.owned(admin)?;
        if self.members.contains_key(&author) {
            return Err(Void::AlreadyMember);
        }
        if self.called(&name, None).is_some() {
            return Err(Void::NameTaken);
        }
        let free = |range: &Ordinals| -> Vec<u16> { self.free(*range).collect() };
        let (range, free) = owned
            .iter()
            .map(|range| (range, free(range)))
            .find(|(_, free)| !free.is_empty())
            .ok_or(Void::Ordinals)?;
        let (ordinal, ordinals) = match role {
            Role::Admin => {
                // Half of what is free, from the top, so that both halves stay contiguous.
                let half = free[free.len() / 2];
                (half, Some(Ordinals { first: half, last: range.last }))
            }
            _ => (free[0], None),
        };
        let admission = Admission { space, author, name, role, ordinal, ordinals, invitation };
        self.source(admin, &admission).map(|_| admission)
    }

    /// The op by which `by` can name a site, or why it cannot.
    pub fn next_rename(&self, by: &Author, author: Author, name: String) -> Result<MemberOp, Void> {
        name::check(&name)?;
        let member = self.member(&author).ok_or(Void::Unknown)?;
        self.may_name(by, &author)?;
        if self.called(&name, Some(&author)).is_some() {
            return Err(Void::NameTaken);
        }
        Ok(MemberOp::Rename { author, name, revision: member.named.0.saturating_add(1) })
    }

    /// Takes in one op. Void ops change nothing.
    pub fn apply(&mut self, write: WriteId, op: &MemberOp) -> Result<(), Void> {
        let by = &write.author;
        match op {
            MemberOp::Found { space, site, .. } => {
                if self.is_founded() {
                    return Err(Void::AlreadyFounded);
                }
                name::check(space)?;
                name::check(site)?;
                self.space_name.clone_from(space);
                self.given.insert(FOUNDER_ORDINALS.first);
                self.members.insert(
                    *by,
                    Member {
                        author: *by,
                        name: site.clone(),
                        role: Role::Admin,
                        ordinal: FOUNDER_ORDINALS.first,
                        admitted_by: None,
                        owned: vec![FOUNDER_ORDINALS],
                        named: (0, write),
                        ahead: BTreeMap::new(),
                    },
                );
            }
            MemberOp::Admit(admission) => {
                name::check(&admission.name)?;
                let source = self.source(by, admission)?;
                self.used.extend(admission.invitation.map(|id| (*by, id)));
                self.given.insert(admission.ordinal);
                if let (Some(granted), Some(admin)) = (admission.ordinals, self.members.get_mut(by)) {
                    admin.owned[source].last = granted.first - 1;
                }
                let new = Member {
                    author: admission.author,
                    name: admission.name.clone(),
                    role: admission.role,
                    ordinal: admission.ordinal,
                    admitted_by: Some(*by),
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
                let member = self.members.get_mut(author).ok_or(Void::Unknown)?;
                member.name_again(*revision, write, name.clone());
            }
        }
        Ok(())
    }

    fn may_name(&self, by: &Author, author: &Author) -> Result<(), Void> {
        let admin = self.member(by).is_some_and(|member| member.role == Role::Admin);
        if admin || by == author { Ok(()) } else { Err(Void::NotAllowed) }
    }

    fn owned(&self, admin: &Author) -> Result<&[Ordinals], Void> {
        let member = self.member(admin).filter(|member| member.role == Role::Admin);
        member.map(|member| member.owned.as_slice()).ok_or(Void::NotAllowed)
    }

    fn free(&self, range: Ordinals) -> impl Iterator<Item = u16> {
        (range.first..=range.last).filter(|ordinal| !self.given.contains(ordinal))
    }

    /// Which of its ranges an admin gives from, or why it may not give that.
    fn source(&self, by: &Author, admission: &Admission) -> Result<usize, Void> {
        let owned = self.owned(by)?;
        if admission.invitation.is_some_and(|id| self.is_used(by, &id)) {
            return Err(Void::InvitationUsed);
        }
        let granted = admission.ordinals;
        if granted.is_some() != (admission.role == Role::Admin) || self.given.contains(&admission.ordinal) {
            return Err(Void::Ordinals);
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
        owned.iter().position(gives).ok_or(Void::Ordinals)
    }
}

impl Ordinals {
    fn contains(&self, ordinal: u16) -> bool {
        (self.first..=self.last).contains(&ordinal)
    }
}

impl Member {
    /// Two admins admitted one site without knowing of each other: it may do what either granted.
    /// Both ordinals are its own for good, and the lower is used.
    fn join(&mut self, other: Self) {
        self.role = self.role.max(other.role);
        if other.ordinal < self.ordinal {
            (self.ordinal, self.admitted_by) = (other.ordinal, other.admitted_by);
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
        let rename =
            |members: &Membership, by, of| members.next_rename(&author(by), author(of), "salle".into());
        assert_eq!(rename(&membership, 2, 1), Err(Void::NotAllowed));
        assert_eq!(rename(&membership, 1, 7), Err(Void::Unknown));
        let own = rename(&membership, 2, 2).unwrap();
        assert_eq!(membership.clone().apply(by(3), &own), Err(Void::NotAllowed));
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
            let found = MemberOp::Found { space: name.into(), site: "office".into(), nonce: [0; 16] };
            assert!(matches!(nothing.apply(by(1), &found), Err(Void::Name(_))), "{name:?}");
            let found = MemberOp::Found { space: "school".into(), site: name.into(), nonce: [0; 16] };
            assert!(matches!(nothing.apply(by(1), &found), Err(Void::Name(_))), "{name:?}");
            assert_eq!(nothing, Membership::default());

            let mut membership = founded();
            let id = (SpaceId([3; 32]), &author(1));
            let good = membership.next_admission(id, author(2), "salle".into(), Role::Member, None).unwrap();
            let typed = membership.next_admission(id, author(2), name.into(), Role::Member, None);
            assert!(matches!(typed, Err(Void::Name(_))), "{name:?}");
            let typed = membership.next_rename(&author(1), author(1), name.into());
            assert!(matches!(typed, Err(Void::Name(_))), "{name:?}");
            let before = membership.clone();
            let admit = MemberOp::Admit(Admission { name: name.into(), ..good });
            let rename = MemberOp::Rename { author: author(1), name: name.into(), revision: 1 };
            for op in [admit, rename] {
                assert!(matches!(membership.apply(by(1), &op), Err(Void::Name(_))), "{name:?}");
            }
            assert_eq!(membership, before);
        }
    }

    /// In whatever order they arrive: a function of the set of all names given.
    #[test]
    fn a_name_counts_once_all_before_it_are_there() {
        let rename =
            |revision, name: &str| MemberOp::Rename { author: author(1), name: name.into(), revision };
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
        for (first, second) in
            roles.iter().flat_map(|first| roles.iter().map(move |second| (*first, *second)))
        {
            let mut before = founded();
            admit(&mut before, 1, 2, Role::Admin).unwrap();
            let ops = |by: u8, role| {
                let mut members = before.clone();
                let mut next = |new: u8, role| {
                    let id = (SpaceId([3; 32]), &author(by));
                    let admission =
                        members.next_admission(id, author(new), format!("pc{by} {new}"), role, None);
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
                let next = members.next_admission(id, author(30), "x".into(), Role::Member, None).unwrap();
                assert!(![given(&ours), given(&theirs)].contains(&next.ordinal));
            }
            if member.role == Role::Admin {
                let mut members = members.clone();
                admit(&mut members, 9, 40, Role::Member).unwrap();
            }
        }
    }
}
